// SPDX-License-Identifier: Apache-2.0
#include "control/clock_watch.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "control/internal.h"

#define KEEP_S    3600
#define STORE_KEY "clock"

struct clock_base clock_base_now(int64_t now)
{
	struct clock_base b = { .offset = now - clock_uptime() };
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (f == NULL)
		return b;
	if (fgets(b.boot, sizeof b.boot, f) != NULL)
		b.boot[strcspn(b.boot, "\n")] = 0;
	fclose(f);
	return b;
}

int64_t clock_uptime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

int64_t clock_moved(const struct clock_base *before, const struct clock_base *after)
{
	int64_t by = after->offset - before->offset;

	/* Both clocks are cut off to seconds and slewed alike: only a step makes more. */
	if (before->boot[0] == 0 || strcmp(before->boot, after->boot) != 0 || (by >= -2 && by <= 2))
		return 0;
	return by;
}

/* ---- another boot ---- */

static void keep(struct control *c, const struct clock_base *base, int64_t now)
{
	json_t *j = json_pack("{s:s, s:I}", "boot", base->boot, "at", (json_int_t)now);
	char *text = j != NULL ? json_dumps(j, JSON_COMPACT) : NULL;

	c->clock_kept_at = now; /* a store that fails says so itself */
	if (text != NULL)
		store_put(c->store, STORE_KEY, text);
	free(text);
	json_decref(j);
}

/* The longest that any wait of a zone can be. */
static int64_t longest_wait(const struct zone_entry *e)
{
	const struct rollover_facts *f = &e->keys->facts;
	const struct config_signing *p = e->config.signing;
	uint32_t ttl = f->zone_ttl.ttl;

	if (p == NULL)
		return 0;
	if (f->dnskey_ttl.ttl > ttl)
		ttl = f->dnskey_ttl.ttl;
	if (f->ds_ttl.ttl > ttl)
		ttl = f->ds_ttl.ttl;
	return (int64_t)ttl + TTL_MARK_ROUNDING_S + p->propagation_s + p->parent_propagation_s +
	       p->safety_s;
}

static void doubt(struct control *c, int64_t away)
{
	int64_t longest = 0;

	for (size_t i = 0; i < c->entry_n; i++)
		if (c->entries[i]->keys != NULL && longest_wait(c->entries[i]) > longest)
			longest = longest_wait(c->entries[i]);
	c->keys_settle_at = clock_uptime() + longest;
	log_warning(NULL,
		    "clock: it says that %lld days have passed since the last run; lest it is "
		    "wrong, steps of key rolls wait for %lld s",
		    (long long)(away / 86400), (long long)longest);
}

static void look_first(struct control *c, const struct clock_base *base, int64_t now)
{
	char *text = NULL;

	if (store_get(c->store, STORE_KEY, &text, NULL) == ERR_OK) {
		json_t *j = json_loads(text, 0, NULL);
		const char *boot = json_string_value(json_object_get(j, "boot"));
		int64_t at = json_integer_value(json_object_get(j, "at"));
		if (boot == NULL || strcmp(boot, base->boot) != 0)
			if (at != 0 && now - at > CLOCK_AWAY_S)
				doubt(c, now - at);
		json_decref(j);
		free(text);
	}
	keep(c, base, now);
}

/* ---- */

bool clock_watch(struct control *c, int64_t now)
{
	struct clock_base base = c->clock;

	base.offset = now - clock_uptime();
	if (c->clock_kept_at == 0)
		look_first(c, &base, now);
	int64_t by = clock_moved(&c->clock, &base);
	if (by != 0) {
		log_warning(NULL,
			    "clock: it was set %s by %lld s; key rolls go on as if it was not",
			    by > 0 ? "forward" : "back", (long long)(by > 0 ? by : -by));
		for (size_t i = 0; i < c->entry_n; i++)
			if (c->entries[i]->keys != NULL)
				keyring_clock_moved(c->entries[i]->keys, &base);
		c->clock = base;
	}
	if (now - c->clock_kept_at >= KEEP_S || now < c->clock_kept_at)
		keep(c, &base, now);
	return clock_uptime() >= c->keys_settle_at;
}
