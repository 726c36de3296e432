// SPDX-License-Identifier: Apache-2.0
#include "health/monitor.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/random.h"
#include "base/siphash.h"
#include "health/probe.h"

#define BUCKETS_MIN 64u
#define DRAIN_MS    10
#define JITTER_PART                                                                                \
	10 /* an interval is shortened by up to a tenth: two probes are never further apart */

struct monitor_target {
	health_word word;
	struct monitor *monitor;
	struct check_spec *spec;
	char *key;
	struct monitor_target *next; /* in its bucket */
	struct monitor_target *waiting_next;
	struct monitor_target *fresh_next, *gone_next; /* handed to the loop, to start or to end */
	unsigned refs;
	bool waiting;
	bool started; /* it has its timer */
	bool closed;  /* ... no more */
	struct probe *probe;
	struct hysteresis state;
	enum health_override override;
	int64_t since, result_at;
	uint32_t took_us, load;
	uint64_t probes_n, failures_n;
	uv_timer_t due;
	char reason[PROBE_REASON_MAX];
};

struct override {
	struct override *next;
	enum health_override to;
	char value[];
};

struct monitor {
	struct monitor_options options;
	struct prober *prober;
	uv_timer_t drain;
	uv_async_t wake;
	pthread_mutex_t lock; /* the table, reference counts, overrides, and what is handed over */
	struct monitor_target *fresh, *gone;
	struct siphash_key hash;
	struct monitor_target **buckets;
	size_t bucket_n, target_n;
	struct override *overrides;
	struct monitor_target *waiting_first, *waiting_last;
	uint64_t waiting_n, running_n;
	double tokens;
	uint64_t filled_at_ms;
	uint64_t late_n, probes_n, failures_n, changes_n;
	bool stopped;
	unsigned handles; /* of the monitor's own that are not closed */
};

static int64_t wall_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec;
}

/* A clock that neither jumps nor stands still while the loop is busy. */
static int64_t steady_ms(void)
{
	return (int64_t)(uv_hrtime() / 1000000);
}

static struct hysteresis_rule rule_of(const struct check_spec *s)
{
	return (struct hysteresis_rule){ s->rise, s->fall, s->stale_ms };
}

/* ---- words ---- */

static bool target_is_up(const struct monitor_target *t)
{
	return t->override == OVERRIDE_OBEY ? hysteresis_is_up(&t->state)
					    : t->override == OVERRIDE_UP;
}

static void store_word(struct monitor_target *t)
{
	bool known = t->override != OVERRIDE_OBEY || t->state.last != HEALTH_UNKNOWN;

	health_word_store(&t->word, health_word_make(known, target_is_up(t), t->load));
}

static void report(struct monitor_target *t, enum monitor_change what)
{
	store_word(t);
	if (!t->monitor->stopped && t->monitor->options.changed != NULL)
		t->monitor->options.changed(t, what, t->monitor->options.context);
}

/* ---- results ---- */

static void take_result(struct monitor_target *t, bool ok, const char *reason)
{
	struct hysteresis_rule rule = rule_of(t->spec);
	enum health_state before = t->state.last;
	uint64_t changes = t->state.changes_n;

	t->result_at = wall_s();
	snprintf(t->reason, sizeof t->reason, "%s", reason);
	bool changed = hysteresis_result(&t->state, &rule, ok, steady_ms());
	if (t->state.last != before)
		t->since = t->result_at;
	t->monitor->changes_n += t->state.changes_n - changes;
	if (changed)
		report(t, MONITOR_STATE);
}

static void check_stale(struct monitor_target *t)
{
	struct hysteresis_rule rule = rule_of(t->spec);

	if (hysteresis_tick(&t->state, &rule, steady_ms())) {
		snprintf(t->reason, sizeof t->reason, "no result for %u s", rule.stale_ms / 1000);
		report(t, MONITOR_STATE);
	}
}

static void drain(struct monitor *m);

static void lock(const struct monitor *m)
{
	pthread_mutex_lock(&((struct monitor *)(uintptr_t)m)->lock);
}

static void unlock(const struct monitor *m)
{
	pthread_mutex_unlock(&((struct monitor *)(uintptr_t)m)->lock);
}

static void on_probed(const struct probe_result *r, void *context)
{
	struct monitor_target *t = context;
	struct monitor *m = t->monitor;

	t->probe = NULL;
	m->running_n--;
	t->took_us = r->took_us;
	t->probes_n++;
	m->probes_n++;
	if (!r->ok) {
		t->failures_n++;
		m->failures_n++;
	}
	take_result(t, r->ok, r->reason);
}

/* ---- starting, in the order in which they were due ---- */

static void fill(struct monitor *m)
{
	uint64_t now = uv_hrtime() / 1000000;
	double most = m->options.max_rate / 10.0; /* a burst of a tenth of a second's */

	m->tokens += (double)(now - m->filled_at_ms) * m->options.max_rate / 1000.0;
	m->filled_at_ms = now;
	if (most < 1)
		most = 1;
	if (m->tokens > most)
		m->tokens = most;
}

static void start(struct monitor_target *t)
{
	struct monitor *m = t->monitor;
	enum err e = probe_start(m->prober, t->spec, on_probed, t, &t->probe);

	if (!e) {
		m->running_n++;
		return;
	}
	t->probe = NULL;
	/* That we cannot look says nothing about the target. */
	snprintf(t->reason, sizeof t->reason, "not checked: %s",
		 e == ERR_UNSUPPORTED
		     ? "the system does not permit ICMP, or the target is no address"
		     : err_text(e));
}

static void on_drain(uv_timer_t *timer)
{
	drain(timer->data);
}

static void drain(struct monitor *m)
{
	fill(m);
	while (m->waiting_first != NULL && m->running_n < m->options.max_running &&
	       m->tokens >= 1) {
		struct monitor_target *t = m->waiting_first;
		m->waiting_first = t->waiting_next;
		if (m->waiting_first == NULL)
			m->waiting_last = NULL;
		m->waiting_n--;
		t->waiting = false;
		m->tokens -= 1;
		start(t);
	}
	if (m->waiting_first != NULL)
		uv_timer_start(&m->drain, on_drain, DRAIN_MS, 0);
}

static void enqueue(struct monitor_target *t)
{
	struct monitor *m = t->monitor;

	t->waiting = true;
	t->waiting_next = NULL;
	if (m->waiting_last != NULL)
		m->waiting_last->waiting_next = t;
	else
		m->waiting_first = t;
	m->waiting_last = t;
	m->waiting_n++;
	drain(m);
}

static void unqueue(struct monitor_target *t)
{
	struct monitor *m = t->monitor;
	struct monitor_target **at = &m->waiting_first, *before = NULL;

	if (!t->waiting)
		return;
	while (*at != t) {
		before = *at;
		at = &(*at)->waiting_next;
	}
	*at = t->waiting_next;
	if (m->waiting_last == t)
		m->waiting_last = before;
	m->waiting_n--;
	t->waiting = false;
}

static void on_due(uv_timer_t *timer)
{
	struct monitor_target *t = timer->data;
	uint32_t interval = t->spec->interval_ms;

	uv_timer_start(timer, on_due,
		       interval - (uint32_t)(random_u64() % (interval / JITTER_PART + 1)), 0);
	check_stale(t);
	if (t->spec->protocol == CHECK_FEED)
		return;
	if (t->probe != NULL || t->waiting)
		t->monitor->late_n++;
	else
		enqueue(t);
}

/* ---- the table ---- */

static size_t bucket_of(const struct monitor *m, const char *key)
{
	return (size_t)siphash(&m->hash, key, strlen(key)) & (m->bucket_n - 1);
}

static struct monitor_target *find(const struct monitor *m, const char *key)
{
	struct monitor_target *t = m->buckets[bucket_of(m, key)];

	while (t != NULL && strcmp(t->key, key) != 0)
		t = t->next;
	return t;
}

static void grow(struct monitor *m)
{
	size_t n = m->bucket_n * 2;
	struct monitor_target **old = m->buckets;
	struct monitor_target **all = calloc(n, sizeof *all);

	if (all == NULL)
		return; /* longer chains, nothing worse */
	size_t old_n = m->bucket_n;
	m->buckets = all;
	m->bucket_n = n;
	for (size_t i = 0; i < old_n; i++) {
		for (struct monitor_target *t = old[i], *next; t != NULL; t = next) {
			next = t->next;
			struct monitor_target **at = &all[bucket_of(m, t->key)];
			t->next = *at;
			*at = t;
		}
	}
	free(old);
}

static void unlink_target(struct monitor_target *t)
{
	struct monitor *m = t->monitor;
	struct monitor_target **at = &m->buckets[bucket_of(m, t->key)];

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	m->target_n--;
}

static int by_key(const void *key, const void *item)
{
	return strcmp(key, ((const struct monitor_memory *)item)->key);
}

static enum health_override find_override(const struct monitor *m, const char *value)
{
	for (const struct override *o = m->overrides; o != NULL; o = o->next)
		if (strcmp(o->value, value) == 0)
			return o->to;
	return OVERRIDE_OBEY;
}

static void restore(struct monitor_target *t)
{
	const struct monitor_options *o = &t->monitor->options;
	const struct monitor_memory *known =
	    o->memory_n > 0 ? bsearch(t->key, o->memory, o->memory_n, sizeof *o->memory, by_key)
			    : NULL;

	if (known != NULL)
		t->since = known->since;
	hysteresis_start(&t->state, known != NULL ? known->last : HEALTH_UNKNOWN, steady_ms());
	t->override = find_override(t->monitor, t->spec->value);
	store_word(t);
}

static struct monitor_target *target_new(struct monitor *m, const struct check_spec *spec,
					 const char *key)
{
	struct monitor_target *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->monitor = m;
	t->key = strdup(key);
	if (t->key == NULL || check_copy(&t->spec, spec)) {
		free(t->key);
		free(t);
		return NULL;
	}
	snprintf(t->reason, sizeof t->reason, "%s", "not checked yet");
	restore(t);
	if (m->target_n >= m->bucket_n * 2)
		grow(m);
	struct monitor_target **at = &m->buckets[bucket_of(m, key)];
	t->next = *at;
	*at = t;
	m->target_n++;
	return t;
}

/* ---- starting and ending, on the loop ---- */

static void monitor_free_when_done(struct monitor *m)
{
	if (!m->stopped || m->handles > 0 || m->target_n > 0)
		return;
	for (struct override *o = m->overrides, *next; o != NULL; o = next) {
		next = o->next;
		free(o);
	}
	pthread_mutex_destroy(&m->lock);
	free(m->buckets);
	free(m);
}

static void target_free(struct monitor_target *t)
{
	free(t->spec);
	free(t->key);
	free(t);
}

static void on_target_closed(uv_handle_t *h)
{
	struct monitor_target *t = h->data;
	struct monitor *m = t->monitor;

	t->closed = true;
	m->handles--;
	if (t->refs == 0)
		target_free(t);
	monitor_free_when_done(m);
}

static void start_target(struct monitor_target *t)
{
	uv_timer_init(t->monitor->options.loop, &t->due);
	uv_unref((uv_handle_t *)&t->due);
	t->due.data = t;
	t->started = true;
	uv_timer_start(&t->due, on_due, 0, 0);
}

static void end_target(struct monitor_target *t)
{
	struct monitor *m = t->monitor;

	unqueue(t);
	if (t->probe != NULL) {
		probe_cancel(t->probe);
		t->probe = NULL;
		m->running_n--;
	}
	m->handles++;
	uv_close((uv_handle_t *)&t->due, on_target_closed);
}

static struct monitor_target *take(struct monitor *m, struct monitor_target **list)
{
	lock(m);
	struct monitor_target *all = *list;
	*list = NULL;
	unlock(m);
	return all;
}

/* A target may be in both lists, but it is not in `gone` before it is in `fresh`. */
static void on_wake(uv_async_t *a)
{
	struct monitor *m = a->data;
	struct monitor_target *gone = take(m, &m->gone);

	for (struct monitor_target *t = take(m, &m->fresh), *next; t != NULL; t = next) {
		next = t->fresh_next;
		start_target(t);
	}
	for (struct monitor_target *next; gone != NULL; gone = next) {
		next = gone->gone_next;
		end_target(gone);
	}
}

const health_word *monitor_word(struct monitor *m, const struct check_spec *spec)
{
	char key[CHECK_KEY_MAX];

	lock(m);
	struct monitor_target *t = find(m, check_key(spec, key));
	if (t == NULL) {
		t = target_new(m, spec, key);
		if (t != NULL) {
			t->fresh_next = m->fresh;
			m->fresh = t;
			uv_async_send(&m->wake);
		}
	}
	if (t != NULL)
		t->refs++;
	unlock(m);
	return t != NULL ? &t->word : NULL;
}

const struct monitor_target *monitor_target_of(const health_word *word)
{
	return (const struct monitor_target *)((uintptr_t)word -
					       offsetof(struct monitor_target, word));
}

void monitor_release(struct monitor *m, const health_word *word)
{
	lock(m);
	struct monitor_target *t = find(m, monitor_target_of(word)->key);
	bool last = --t->refs == 0;
	if (last)
		unlink_target(t);
	if (last && !m->stopped) {
		t->gone_next = m->gone;
		m->gone = t;
		uv_async_send(&m->wake);
	}
	unlock(m);
	if (!last || !m->stopped)
		return;
	/* The loop is past caring; a timer that is still closing frees it. */
	if (!t->started || t->closed)
		target_free(t);
	monitor_free_when_done(m);
}

/* ---- what people say ---- */

enum health_override monitor_override_of(const struct monitor *m, const char *value)
{
	return find_override(m, value); /* only the loop's thread changes them */
}

void monitor_walk_overrides(const struct monitor *m,
			    void (*visit)(const char *value, enum health_override to,
					  void *context),
			    void *context)
{
	for (const struct override *o = m->overrides; o != NULL; o = o->next)
		visit(o->value, o->to, context);
}

static enum err keep_override(struct monitor *m, const char *value, enum health_override to)
{
	struct override **at = &m->overrides;
	size_t n = strlen(value) + 1;

	while (*at != NULL && strcmp((*at)->value, value) != 0)
		at = &(*at)->next;
	if (to == OVERRIDE_OBEY) {
		struct override *gone = *at;
		if (gone == NULL)
			return ERR_NOT_FOUND;
		*at = gone->next;
		free(gone);
		return ERR_OK;
	}
	if (*at == NULL) {
		*at = calloc(1, sizeof **at + n);
		if (*at == NULL)
			return ERR_NOMEM;
		memcpy((*at)->value, value, n);
	}
	(*at)->to = to;
	return ERR_OK;
}

enum err monitor_override(struct monitor *m, const char *value, enum health_override to)
{
	lock(m);
	enum err e = keep_override(m, value, to);
	for (size_t i = 0; i < m->bucket_n && !e; i++) {
		for (struct monitor_target *t = m->buckets[i]; t != NULL; t = t->next) {
			if (strcmp(t->spec->value, value) != 0 || t->override == to)
				continue;
			t->override = to;
			report(t, MONITOR_OVERRIDE);
		}
	}
	unlock(m);
	return e;
}

enum err monitor_feed(struct monitor *m, const char *value, bool up, uint32_t load,
		      const char *reason)
{
	bool found = false;

	lock(m);
	for (size_t i = 0; i < m->bucket_n; i++) {
		for (struct monitor_target *t = m->buckets[i]; t != NULL; t = t->next) {
			if (t->spec->protocol != CHECK_FEED || strcmp(t->spec->value, value) != 0)
				continue;
			found = true;
			t->load = load > HEALTH_WORD_LOAD_MAX ? HEALTH_WORD_LOAD_MAX : load;
			take_result(t, up, reason);
			store_word(t);
		}
	}
	unlock(m);
	return found ? ERR_OK : ERR_NOT_FOUND;
}

/* ---- what is seen ---- */

struct monitor_view monitor_view_of(const struct monitor_target *t)
{
	return (struct monitor_view){
		.key = t->key,
		.reason = t->reason,
		.spec = t->spec,
		.state = t->state.state,
		.last = t->state.last,
		.override = t->override,
		.up = target_is_up(t),
		.since = t->since,
		.result_at = t->result_at,
		.took_us = t->took_us,
		.load = t->load,
		.run = t->state.run,
		.probes_n = t->probes_n,
		.failures_n = t->failures_n,
		.changes_n = t->state.changes_n,
	};
}

void monitor_walk(const struct monitor *m,
		  void (*visit)(const struct monitor_target *t, void *context), void *context)
{
	lock(m);
	for (size_t i = 0; i < m->bucket_n; i++)
		for (const struct monitor_target *t = m->buckets[i]; t != NULL; t = t->next)
			visit(t, context);
	unlock(m);
}

static void count_target(const struct monitor_target *t, void *context)
{
	struct monitor_counts *c = context;

	c->targets++;
	if (t->state.state == HEALTH_UNKNOWN)
		c->unknown++;
	else if (t->state.state == HEALTH_UP)
		c->up++;
	else
		c->down++;
	if (t->override != OVERRIDE_OBEY)
		c->overridden++;
}

struct monitor_counts monitor_counts(const struct monitor *m)
{
	struct monitor_counts c = {
		.probes_n = m->probes_n,
		.failures_n = m->failures_n,
		.changes_n = m->changes_n,
		.late_n = m->late_n,
		.running = m->running_n,
		.waiting = m->waiting_n,
	};

	monitor_walk(m, count_target, &c);
	return c;
}

/* ---- begin and end ---- */

void monitor_set_limits(struct monitor *m, uint32_t max_rate, uint32_t max_running)
{
	m->options.max_rate = max_rate;
	m->options.max_running = max_running;
}

enum err monitor_new(struct monitor **out, const struct monitor_options *options)
{
	struct monitor *m = calloc(1, sizeof *m);

	if (m == NULL)
		return ERR_NOMEM;
	m->options = *options;
	m->bucket_n = BUCKETS_MIN;
	m->buckets = calloc(m->bucket_n, sizeof *m->buckets);
	m->filled_at_ms = uv_hrtime() / 1000000;
	random_bytes(&m->hash, sizeof m->hash);
	if (m->buckets == NULL || prober_new(&m->prober, options->loop)) {
		free(m->buckets);
		free(m);
		return ERR_NOMEM;
	}
	pthread_mutex_init(&m->lock, NULL);
	uv_timer_init(options->loop, &m->drain);
	uv_unref((uv_handle_t *)&m->drain);
	m->drain.data = m;
	if (uv_async_init(options->loop, &m->wake, on_wake) != 0) {
		monitor_stop(m);
		return ERR_NOMEM;
	}
	uv_unref((uv_handle_t *)&m->wake);
	m->wake.data = m;
	*out = m;
	return ERR_OK;
}

static void on_own_closed(uv_handle_t *h)
{
	struct monitor *m = h->data;

	m->handles--;
	monitor_free_when_done(m);
}

static void close_own(struct monitor *m, uv_handle_t *h)
{
	if (h->data == NULL) /* not opened */
		return;
	m->handles++;
	uv_close(h, on_own_closed);
}

void monitor_stop(struct monitor *m)
{
	if (m == NULL)
		return;
	if (m->wake.data != NULL)
		on_wake(&m->wake); /* what was handed over and not seen yet */
	for (size_t i = 0; i < m->bucket_n; i++)
		for (struct monitor_target *t = m->buckets[i]; t != NULL; t = t->next)
			end_target(t);
	m->stopped = true;
	prober_close(m->prober);
	close_own(m, (uv_handle_t *)&m->drain);
	close_own(m, (uv_handle_t *)&m->wake);
}
