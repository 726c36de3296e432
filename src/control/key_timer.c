// SPDX-License-Identifier: Apache-2.0
/* Time passes for keys: steps that are due, questions to parents, and clocks that are set. */
#include <time.h>

#include "base/log.h"
#include "control/internal.h"
#include "control/key_parent.h"

#define TICK_MAX_S 60 /* a clock that was set is noticed within this */
#define JUMP_S     2  /* both clocks are slewed alike: only a step makes a difference */

/* Seconds that the machine has been up, asleep or not: nobody sets this clock. */
static int64_t uptime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

struct keyring_context control_keyring_context(const struct control *c, const struct zone_entry *e)
{
	return (struct keyring_context){ e->config.signing, c->config->server.state_dir, c->store,
					 control_now() };
}

/* The longest that any wait of a zone can be. */
static int64_t longest_wait(const struct zone_entry *e)
{
	const struct rollover_facts *f = &e->keys->facts;
	const struct config_signing *p = e->config.signing;
	uint32_t ttl = f->zone_ttl.ttl;

	if (f->dnskey_ttl.ttl > ttl)
		ttl = f->dnskey_ttl.ttl;
	if (f->ds_ttl.ttl > ttl)
		ttl = f->ds_ttl.ttl;
	return (int64_t)ttl + p->propagation_s + p->parent_propagation_s + p->safety_s;
}

static void clock_went_forward(struct control *c, int64_t by, int64_t up)
{
	int64_t longest = 0;

	for (size_t i = 0; i < c->entry_n; i++)
		if (c->entries[i]->keys != NULL && longest_wait(c->entries[i]) > longest)
			longest = longest_wait(c->entries[i]);
	c->keys_settle_at = up + longest;
	log_warning(NULL,
		    "clock: it went forward by %lld s; steps of key rolls wait for %lld s, until "
		    "no wait can have been cut short",
		    (long long)by, (long long)longest);
}

static void clock_went_back(struct control *c, int64_t by)
{
	log_warning(NULL, "clock: it went back by %lld s; waits of key rolls begin anew",
		    (long long)by);
	for (size_t i = 0; i < c->entry_n; i++) {
		struct zone_entry *e = c->entries[i];
		if (e->keys != NULL && rollover_mend(&e->keys->facts, control_now()) &&
		    keyring_save(e->keys, c->store))
			log_error(e->text, "key: the mended times could not be kept");
	}
}

static void watch_clock(struct control *c, int64_t now, int64_t up)
{
	int64_t moved = now - up - c->clock_offset;

	if (c->clock_offset != 0 && moved > JUMP_S)
		clock_went_forward(c, moved, up);
	if (c->clock_offset != 0 && moved < -JUMP_S)
		clock_went_back(c, -moved);
	if (c->clock_offset == 0 || moved > JUMP_S || moved < -JUMP_S)
		c->clock_offset = now - up;
}

static bool advance(struct control *c, struct zone_entry *e)
{
	struct keyring_context k = control_keyring_context(c, e);
	bool changed = false;

	keyring_advance(e->keys, &k, &changed);
	/* What could not be made, or published, is tried again with every look. */
	return (changed || e->keys_unmade) && control_remake_keys(c, e) == ERR_OK;
}

static void run(uv_timer_t *t)
{
	struct control *c = t->data;
	int64_t now = control_now(), up = uptime(), next = now + TICK_MAX_S;
	bool changed = false;

	watch_clock(c, now, up);
	for (size_t i = 0; i < c->entry_n; i++) {
		struct zone_entry *e = c->entries[i];
		if (e->keys == NULL || e->served == NULL)
			continue;
		if (e->keys->wake_at <= now && up >= c->keys_settle_at)
			changed = advance(c, e) || changed;
		int64_t ask = parent_check_run(c, e, now);
		if (ask < next)
			next = ask;
		if (e->keys->wake_at < next)
			next = e->keys->wake_at;
	}
	if (changed)
		publish(c);
	uint64_t wait_ms = next > now ? (uint64_t)(next - now) * 1000 : 1000;
	uv_timer_start(t, run, wait_ms, 0);
}

enum err key_timer_init(struct control *c)
{
	c->keys_timer.data = c;
	return uv_timer_init(c->loop, &c->keys_timer) == 0 ? ERR_OK : ERR_IO;
}

void key_timer_wake(struct control *c)
{
	if (uv_is_closing((uv_handle_t *)&c->keys_timer))
		return;
	uv_timer_start(&c->keys_timer, run, 0, 0);
	uv_unref((uv_handle_t *)&c->keys_timer);
}

void key_timer_wake_for(struct control *c, const struct zone_entry *e)
{
	int64_t now = control_now();

	if (e->keys == NULL)
		return;
	uint64_t wait_ms = e->keys->wake_at > now ? (uint64_t)(e->keys->wake_at - now) * 1000 : 0;
	if (!uv_is_active((uv_handle_t *)&c->keys_timer) ||
	    uv_timer_get_due_in(&c->keys_timer) > wait_ms)
		key_timer_wake(c);
}
