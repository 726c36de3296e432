// SPDX-License-Identifier: Apache-2.0
#include "control/aliases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/random.h"
#include "control/alias_answer.h"
#include "control/aliases_internal.h"
#include "dns/rrtype.h"
#include "store/store.h"

#define STORE_PREFIX  "alias/"
#define TARGETS_MAX   100000u
#define TRY_MS        1500u
#define TRIES         2
#define UNDER_WAY_MAX 64
/* Between two looks at all zones: so that a burst of answers makes one version of each, and at
 * least five times as long as a look took. */
#define REST_LEAST_MS 20u
#define SAVE_MS       1000u
#define SAVED_LEAST_S 60
#define SECOND_MS     1000u

static void schedule(struct aliases *a);

/* ---- targets ---- */

/* Where the name is or belongs. */
static size_t place_of(const struct aliases *a, const uint8_t *name)
{
	size_t low = 0, high = a->n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		if (name_compare(a->entries[mid]->name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void key_of(const struct alias_entry *x, char out[sizeof STORE_PREFIX + NAME_TEXT_MAX])
{
	char name[NAME_TEXT_MAX];

	snprintf(out, sizeof STORE_PREFIX + NAME_TEXT_MAX, STORE_PREFIX "%s",
		 name_to_text(x->name, name));
}

/* What was known before the start. A time to come (the clock was set back) is now. */
static void recall(struct alias_entry *x)
{
	char key[sizeof STORE_PREFIX + NAME_TEXT_MAX];
	char *text = NULL;
	int64_t now = control_now();

	key_of(x, key);
	if (store_get(x->aliases->c->store, key, &text, NULL) != ERR_OK)
		return;
	json_t *j = json_loads(text, 0, NULL);
	if (j != NULL && alias_target_from_json(&x->target, j))
		x->saved_at = now;
	for (int t = 0; t < ALIAS_TYPES; t++)
		if (x->target.known[t].at > now)
			x->target.known[t].at = now;
	json_decref(j);
	free(text);
}

static struct alias_entry *add(struct aliases *a, size_t at, const uint8_t *name)
{
	size_t n = name_len(name);

	if (a->n == TARGETS_MAX)
		return NULL;
	if (a->n == a->cap) {
		size_t cap = a->cap * 2 + 16;
		struct alias_entry **more = realloc(a->entries, cap * sizeof *more);
		if (more == NULL)
			return NULL;
		a->entries = more;
		a->cap = cap;
	}
	struct alias_entry *x = calloc(1, sizeof *x + n);
	if (x == NULL)
		return NULL;
	x->aliases = a;
	name_lower(name, x->name);
	x->due_ms = uv_now(a->c->loop);
	recall(x);
	memmove(&a->entries[at + 1], &a->entries[at], (a->n - at) * sizeof *a->entries);
	a->entries[at] = x;
	a->n++;
	return x;
}

const struct alias_known *aliases_know(struct aliases *a, const uint8_t *name, enum alias_type t)
{
	size_t at = place_of(a, name);
	struct alias_entry *x =
	    at < a->n && name_equal(a->entries[at]->name, name) ? a->entries[at] : add(a, at, name);

	if (x == NULL)
		return NULL;
	x->pass = a->pass;
	return &x->target.known[t];
}

struct alias_times aliases_times(const struct aliases *a)
{
	const struct config_alias *k = &a->c->config->alias;

	return (struct alias_times){ k->ttl_min_s, k->ttl_max_s, k->stale_max_s };
}

static void give_up_asking(struct alias_entry *x)
{
	for (int t = 0; t < ALIAS_TYPES; t++) {
		if (x->question[t].open)
			asked_cancel(x->question[t].asked);
		x->question[t].open = false;
	}
	free(x->got);
	x->got = NULL;
}

static void entry_free(struct alias_entry *x)
{
	give_up_asking(x);
	alias_target_end(&x->target);
	free(x);
}

/* ---- asking ---- */

static bool is_ours(const uint8_t *name, void *context)
{
	return alias_is_ours(context, name);
}

static void ask(struct alias_entry *x);

static void log_outcome(const struct alias_entry *x, bool failed_before)
{
	const struct alias_target *t = &x->target;
	const struct alias_times times = aliases_times(x->aliases);
	char name[NAME_TEXT_MAX];

	name_to_text(x->name, name);
	if (t->failures == 0 && failed_before)
		log_notice(NULL, "alias: target %s: resolved again", name);
	if (t->failures != 1)
		return;
	int64_t ends = INT64_MAX;
	for (int i = 0; i < ALIAS_TYPES; i++)
		if (alias_known_ends(&t->known[i], &times) < ends)
			ends = alias_known_ends(&t->known[i], &times);
	if (ends == INT64_MAX)
		log_warning(NULL, "alias: target %s: %s; its aliases answer SERVFAIL", name,
			    t->why);
	else
		log_warning(NULL, "alias: target %s: %s; what was known answers for %lld s more",
			    name, t->why, (long long)(ends - control_now()));
}

/* Bits: what is known of which type may answer. */
static unsigned good_types(const struct alias_entry *x, const struct alias_times *times,
			   int64_t now)
{
	unsigned good = 0;

	for (int t = 0; t < ALIAS_TYPES; t++)
		good |= (unsigned)alias_known_is_good(&x->target.known[t], times, now) << t;
	return good;
}

static void take(struct alias_entry *x)
{
	struct aliases *a = x->aliases;
	struct alias_times times = aliases_times(a);
	int64_t now = control_now();
	bool changed = false, failed_before = x->target.failures > 0;
	unsigned good = good_types(x, &times, now);

	/* Without memory the next turn tries again. */
	(void)alias_target_take(&x->target, x->got, now, &changed);
	free(x->got);
	x->got = NULL;
	x->due_ms = uv_now(a->c->loop) +
		    SECOND_MS * (uint64_t)alias_target_next_s(&x->target, &times, random_u64());
	a->refreshed_n += x->target.failures == 0;
	a->failed_n += x->target.failures > 0;
	a->changed_n += changed;
	/* The same again may answer again. */
	a->dirty = a->dirty || changed || good != good_types(x, &times, now);
	int64_t often =
	    times.stale_max_s / 24 > SAVED_LEAST_S ? times.stale_max_s / 24 : SAVED_LEAST_S;
	x->unsaved = x->unsaved || changed || now - x->saved_at > often;
	log_outcome(x, failed_before);
}

static bool has_failed(const struct alias_entry *x)
{
	return x->got[ALIAS_A].outcome == ADDRESS_FAILED ||
	       x->got[ALIAS_AAAA].outcome == ADDRESS_FAILED;
}

/* Both types have their outcome: the next resolver is asked where one of them failed. */
static void settle(struct alias_entry *x)
{
	struct aliases *a = x->aliases;

	if (x->question[ALIAS_A].open || x->question[ALIAS_AAAA].open)
		return;
	if (has_failed(x) && x->tried_n < a->resolver_n) {
		a->preferred = (a->preferred + 1) % a->resolver_n;
		ask(x);
		return;
	}
	take(x);
	schedule(a);
}

static void on_answer(const struct exchange_result *r, void *context)
{
	struct alias_question *q = context;
	struct alias_entry *x = q->entry;
	struct address_answer *got = &x->got[q->type];

	q->open = false;
	if (r->err)
		*got = (struct address_answer){ .why = r->why };
	else
		address_answer_read(r->message, x->name, alias_rr_type(q->type), is_ours,
				    x->aliases->c, got);
	settle(x);
}

static void ask(struct alias_entry *x)
{
	struct aliases *a = x->aliases;
	uint8_t room[ADDRESS_QUESTION_MAX];
	const struct remote *to = &a->resolvers[a->preferred];

	x->tried_n++;
	for (int t = 0; t < ALIAS_TYPES; t++) {
		struct alias_question *q = &x->question[t];
		size_t n = address_question_write(room, x->name, alias_rr_type((enum alias_type)t));
		*q = (struct alias_question){ .entry = x, .type = (enum alias_type)t };
		x->got[t] = (struct address_answer){ .why = "no memory for the question" };
		/* What is called back is called later. */
		q->open = asker_ask(&q->asked, a->asker, to, (struct span){ room, n }, false,
				    on_answer, q) == ERR_OK;
	}
	if (!x->question[ALIAS_A].open && !x->question[ALIAS_AAAA].open)
		take(x);
}

static void start(struct alias_entry *x)
{
	x->got = calloc(ALIAS_TYPES, sizeof *x->got);
	x->tried_n = 0;
	if (x->got == NULL) {
		x->due_ms = uv_now(x->aliases->c->loop) + SECOND_MS;
		return;
	}
	ask(x);
}

/* ---- what lasts ---- */

static void save(struct aliases *a)
{
	struct store_change *changes = calloc(a->n + 1, sizeof *changes);
	char(*keys)[sizeof STORE_PREFIX + NAME_TEXT_MAX] = calloc(a->n + 1, sizeof *keys);
	size_t n = 0;

	for (size_t i = 0; changes != NULL && keys != NULL && i < a->n; i++) {
		if (!a->entries[i]->unsaved)
			continue;
		json_t *j = alias_target_json(&a->entries[i]->target);
		key_of(a->entries[i], keys[n]);
		changes[n].key = keys[n];
		changes[n].text = json_dumps(j, JSON_COMPACT);
		changes[n].expected = STORE_ANY_REVISION;
		json_decref(j);
		n += changes[n].text != NULL;
	}
	/* The store says it where it cannot; then it is tried again. */
	bool kept = n > 0 && store_apply(a->c->store, changes, n) == ERR_OK;
	for (size_t i = 0; kept && i < a->n; i++) {
		if (a->entries[i]->unsaved)
			a->entries[i]->saved_at = control_now();
		a->entries[i]->unsaved = false;
	}
	for (size_t i = 0; i < n; i++)
		free((char *)(uintptr_t)changes[i].text);
	free(changes);
	free(keys);
	a->save_at_ms = uv_now(a->c->loop) + SAVE_MS;
}

struct strays {
	struct aliases *a;
	char **key;
	size_t n, cap;
};

static bool collect_stray(const char *key, const char *text, int64_t revision, void *context)
{
	struct strays *s = context;
	struct name name;

	(void)text;
	(void)revision;
	if (name_from_text(key + sizeof STORE_PREFIX - 1, NULL, &name) == ERR_OK) {
		size_t at = place_of(s->a, name.wire);
		if (at < s->a->n && name_equal(s->a->entries[at]->name, name.wire))
			return true;
	}
	if (s->n == s->cap) {
		char **more = realloc(s->key, (s->cap * 2 + 16) * sizeof *more);
		if (more == NULL)
			return false;
		s->key = more;
		s->cap = s->cap * 2 + 16;
	}
	s->key[s->n] = strdup(key);
	return s->key[s->n++] != NULL;
}

/* Documents of targets that no alias has any more. */
static void forget_strays(struct aliases *a)
{
	struct strays s = { .a = a };

	(void)store_list(a->c->store, STORE_PREFIX, collect_stray, &s);
	for (size_t i = 0; i < s.n; i++) {
		if (s.key[i] != NULL)
			(void)store_delete(a->c->store, s.key[i]);
		free(s.key[i]);
	}
	free(s.key);
}

/* ---- looks at all zones ---- */

static void drop_unused(struct aliases *a)
{
	size_t kept = 0;
	bool some = false;

	for (size_t i = 0; i < a->n; i++) {
		struct alias_entry *x = a->entries[i];
		if (x->pass == a->pass) {
			a->entries[kept++] = x;
			continue;
		}
		entry_free(x);
		some = true;
	}
	a->n = kept;
	if (some || !a->has_passed)
		forget_strays(a);
	a->has_passed = true;
}

static void look_at_zones(struct aliases *a)
{
	struct control *c = a->c;
	uint64_t began = uv_hrtime();

	/* First, so that a zone whose serial was lifted for it has the same again after any end. */
	save(a);
	a->dirty = false;
	a->looked_at = control_now();
	a->pass++;
	for (size_t i = 0; i < c->entry_n; i++) {
		struct zone_entry *e = c->entries[i];
		bool changed = false;
		if (e->served == NULL || e->served->aliases == NULL)
			continue;
		if (alias_renew_zone(c, e, &changed))
			a->dirty = true;
		if (changed && publish_zone(c, e))
			a->dirty = true;
	}
	drop_unused(a);
	uv_update_time(c->loop);
	uint64_t took = (uv_hrtime() - began) / 1000000;
	a->rest_until_ms = uv_now(c->loop) + REST_LEAST_MS + 5 * took;
}

void aliases_before_publishing(struct control *c, struct zone_entry *const *some, size_t n)
{
	bool changed;

	for (size_t i = 0; c->aliases != NULL && i < n; i++)
		if (some[i]->served != NULL && some[i]->served->aliases != NULL)
			(void)alias_renew_zone(c, some[i], &changed);
}

void aliases_after_publishing(struct control *c)
{
	struct aliases *a = c->aliases;

	if (a == NULL || a->stopped)
		return;
	bool some = a->n > 0;
	for (size_t i = 0; i < c->entry_n && !some; i++)
		some = c->entries[i]->served != NULL && c->entries[i]->served->aliases != NULL;
	if (!some)
		return;
	a->dirty = true;
	schedule(a);
}

/* ---- turns ---- */

static void start_due(struct aliases *a, uint64_t now)
{
	uint32_t most = a->c->config->alias.max_rate;

	if (now - a->second_ms >= SECOND_MS) {
		a->second_ms = now;
		a->started_n = 0;
	}
	for (size_t i = 0; i < a->n && a->started_n < most && a->resolver_n > 0; i++) {
		struct alias_entry *x = a->entries[i];
		if (x->got != NULL || x->due_ms > now)
			continue;
		a->started_n++;
		start(x);
	}
}

/* What is known of some target has run out since the zones were looked at. */
static bool has_run_out(const struct aliases *a, uint64_t *wait_ms)
{
	struct alias_times times = aliases_times(a);
	int64_t now = control_now();
	bool some = false;

	for (size_t i = 0; i < a->n; i++)
		for (int t = 0; t < ALIAS_TYPES; t++) {
			int64_t ends = alias_known_ends(&a->entries[i]->target.known[t], &times);
			some = some || (ends <= now && ends > a->looked_at);
			if (ends > now && ends < INT64_MAX &&
			    (uint64_t)(ends - now) * SECOND_MS < *wait_ms)
				*wait_ms = (uint64_t)(ends - now) * SECOND_MS;
		}
	return some;
}

static void on_timer(uv_timer_t *t)
{
	struct aliases *a = t->data;
	uint64_t now = uv_now(a->c->loop), wait = UINT64_MAX;

	a->dirty = a->dirty || has_run_out(a, &wait);
	if (a->dirty && now >= a->rest_until_ms)
		look_at_zones(a);
	start_due(a, uv_now(a->c->loop));
	if (now >= a->save_at_ms)
		save(a);
	schedule(a);
}

static void sooner(uint64_t *wait, uint64_t now, uint64_t at)
{
	uint64_t mine = at > now ? at - now : 0;

	if (mine < *wait)
		*wait = mine;
}

static void schedule(struct aliases *a)
{
	uint64_t now = uv_now(a->c->loop), wait = 60 * SECOND_MS;
	bool full = a->started_n >= a->c->config->alias.max_rate;

	if (a->stopped)
		return;
	if (a->dirty)
		sooner(&wait, now, a->rest_until_ms);
	(void)has_run_out(a, &wait);
	for (size_t i = 0; i < a->n; i++) {
		const struct alias_entry *x = a->entries[i];
		if (x->got == NULL && a->resolver_n > 0)
			sooner(&wait, now,
			       full && x->due_ms < a->second_ms + SECOND_MS
				   ? a->second_ms + SECOND_MS
				   : x->due_ms);
		if (x->unsaved)
			sooner(&wait, now, a->save_at_ms);
	}
	if (a->n > 0 || a->dirty)
		uv_timer_start(&a->timer, on_timer, wait, 0);
	else
		uv_timer_stop(&a->timer);
}

/* ---- life ---- */

static void use_resolvers(struct aliases *a)
{
	const struct config_notify *r = &a->c->config->alias.resolvers;
	size_t n = 0;

	free(a->resolvers);
	for (size_t i = 0; i < r->to_n; i++)
		n += r->to[i]->address_n;
	a->resolvers = calloc(n + 1, sizeof *a->resolvers);
	a->resolver_n = 0;
	a->preferred = 0;
	for (size_t i = 0; a->resolvers != NULL && i < r->to_n; i++)
		for (size_t k = 0; k < r->to[i]->address_n; k++)
			a->resolvers[a->resolver_n++] = config_remote_at(r->to[i], k, false);
}

void aliases_pause(struct control *c)
{
	struct aliases *a = c->aliases;

	for (size_t i = 0; a != NULL && i < a->n; i++) {
		if (a->entries[i]->got != NULL)
			a->entries[i]->due_ms = uv_now(c->loop);
		give_up_asking(a->entries[i]);
	}
}

void aliases_resume(struct control *c)
{
	if (c->aliases == NULL)
		return;
	use_resolvers(c->aliases);
	schedule(c->aliases);
}

enum err aliases_open(struct control *c)
{
	static const struct asker_options OPTIONS = { UNDER_WAY_MAX, TRY_MS, TRIES };
	struct aliases *a = calloc(1, sizeof *a);

	if (a == NULL)
		return ERR_NOMEM;
	a->c = c;
	a->timer.data = a;
	c->aliases = a;
	a->stopped = asker_new(&a->asker, c->loop, &OPTIONS) != ERR_OK ||
		     uv_timer_init(c->loop, &a->timer) != 0;
	if (a->stopped)
		return ERR_NOMEM;
	use_resolvers(a);
	return ERR_OK;
}

void aliases_stop(struct control *c)
{
	struct aliases *a = c->aliases;

	if (a == NULL || a->stopped)
		return;
	save(a);
	a->stopped = true;
	aliases_pause(c);
	asker_close(a->asker);
	uv_close((uv_handle_t *)&a->timer, NULL);
}

void aliases_close(struct control *c)
{
	struct aliases *a = c->aliases;

	if (a == NULL)
		return;
	for (size_t i = 0; i < a->n; i++)
		entry_free(a->entries[i]);
	free(a->entries);
	free(a->resolvers);
	free(a);
	c->aliases = NULL;
}
