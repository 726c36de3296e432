// SPDX-License-Identifier: Apache-2.0
#include "control/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/internal.h"
#include "dns/name.h"
#include "dns/rrtype.h"
#include "health/monitor.h"

#define CHECK_PREFIX    "health/check/"
#define OVERRIDE_PREFIX "health/override/"
#define FLUSH_MS        1000
#define UNSAVED_MAX     65536

struct unsaved {
	char *key, *text;
};

struct health {
	struct monitor *monitor;
	struct store *store;
	struct steer_health words;
	struct monitor_memory *memory;
	size_t memory_n, memory_cap;
	struct unsaved *unsaved;
	size_t unsaved_n, unsaved_cap;
	uv_timer_t flush;
};

/* ---- words ---- */

/* Host names stand without their final dot in URLs and certificates. */
static const char *plain_host(const char *text, char out[NAME_TEXT_MAX])
{
	size_t n = strlen(text);

	if (n < 2 || text[n - 1] != '.' || n >= NAME_TEXT_MAX)
		return text;
	memcpy(out, text, n - 1);
	out[n - 1] = 0;
	return out;
}

static enum check_protocol protocol_of(enum policy_protocol p)
{
	static const enum check_protocol PROTOCOLS[] = {
		[POLICY_HTTPS] = CHECK_HTTPS, [POLICY_HTTP] = CHECK_HTTP, [POLICY_TCP] = CHECK_TCP,
		[POLICY_ICMP] = CHECK_ICMP,   [POLICY_FEED] = CHECK_FEED,
	};

	return PROTOCOLS[p];
}

struct check_spec health_check_numbers(const struct policy_healthcheck *h)
{
	struct check_spec s = check_defaults();

	s.protocol = protocol_of(h->protocol);
	s.port = h->port;
	s.insecure = h->insecure;
	if (h->status_min != 0) {
		s.status_min = h->status_min;
		s.status_max = h->status_max;
	}
	if (h->interval_ms != 0)
		s.interval_ms = h->interval_ms;
	s.timeout_ms = h->timeout_ms != 0             ? h->timeout_ms
		       : s.timeout_ms > s.interval_ms ? s.interval_ms
						      : s.timeout_ms;
	if (h->rise != 0)
		s.rise = h->rise;
	if (h->fall != 0)
		s.fall = h->fall;
	/* A bound that is shorter than the time that results take to come would never hold. */
	uint32_t longest = 3 * (s.interval_ms + s.timeout_ms);
	if (h->stale_ms != 0)
		s.stale_ms = h->stale_ms;
	else if (s.stale_ms < longest)
		s.stale_ms = longest;
	return s;
}

static const health_word *on_word(void *context, const struct policy *record,
				  const struct policy_value *value)
{
	struct health *h = context;
	const struct policy_healthcheck *c = record->healthcheck;
	char owner[NAME_TEXT_MAX], own_host[NAME_TEXT_MAX], target[NAME_TEXT_MAX];
	struct check_spec s = health_check_numbers(c);

	name_to_text(record->owner, owner);
	s.value = value->text;
	s.target = c->target != NULL            ? c->target
		   : record->type == TYPE_CNAME ? plain_host(value->text, target)
						: NULL;
	bool http = s.protocol == CHECK_HTTP || s.protocol == CHECK_HTTPS;
	s.host = c->host != NULL ? c->host : http ? plain_host(owner, own_host) : NULL;
	s.path = http ? c->path != NULL ? c->path : s.path : NULL;
	s.expect = c->expect;
	s.ca = c->ca;
	return monitor_word(h->monitor, &s);
}

static void on_release(void *context, const health_word *word)
{
	struct health *h = context;

	monitor_release(h->monitor, word);
}

const struct steer_health *health_words(const struct health *h)
{
	return &h->words;
}

/* ---- what lasts ---- */

static void free_unsaved(struct health *h)
{
	for (size_t i = 0; i < h->unsaved_n; i++) {
		free(h->unsaved[i].key);
		free(h->unsaved[i].text);
	}
	h->unsaved_n = 0;
}

/* All changes of a second are one transaction: half of the world may go down at once. */
static void save(struct health *h)
{
	struct store_change *all = calloc(h->unsaved_n + 1, sizeof *all);

	if (all == NULL || h->unsaved_n == 0) {
		free(all);
		return;
	}
	for (size_t i = 0; i < h->unsaved_n; i++)
		all[i] = (struct store_change){ h->unsaved[i].key, h->unsaved[i].text,
						STORE_ANY_REVISION };
	enum err e = store_apply(h->store, all, h->unsaved_n);
	free(all);
	if (!e)
		free_unsaved(h);
	else if (!uv_is_closing((uv_handle_t *)&h->flush))
		uv_timer_again(&h->flush);
}

static void on_flush(uv_timer_t *t)
{
	struct health *h = t->data;

	uv_timer_stop(t);
	save(h);
}

/* Takes `text`; NULL: the document goes. */
static void save_soon(struct health *h, const char *key, char *text)
{
	char *path = NULL;

	if (h->unsaved_n == UNSAVED_MAX) {
		log_error(NULL, "health: %u changes could not be saved; they are forgotten",
			  UNSAVED_MAX);
		free_unsaved(h);
	}
	if (h->unsaved_n == h->unsaved_cap) {
		size_t cap = h->unsaved_cap > 0 ? h->unsaved_cap * 2 : 64;
		struct unsaved *more = realloc(h->unsaved, cap * sizeof *more);
		if (more == NULL) {
			free(text);
			return;
		}
		h->unsaved = more;
		h->unsaved_cap = cap;
	}
	if (asprintf(&path, CHECK_PREFIX "%s", key) < 0) {
		free(text);
		return;
	}
	h->unsaved[h->unsaved_n++] = (struct unsaved){ path, text };
	if (!uv_is_active((uv_handle_t *)&h->flush))
		uv_timer_start(&h->flush, on_flush, FLUSH_MS, FLUSH_MS);
}

static char *document(const char *name, const char *state, int64_t since)
{
	json_t *j = json_pack("{s:s, s:I}", name, state, "since", (json_int_t)since);
	char *text = j != NULL ? json_dumps(j, JSON_COMPACT) : NULL;

	json_decref(j);
	return text;
}

static void log_change(const struct monitor_view *v)
{
	unsigned in_a_row = v->state == HEALTH_UP ? v->spec->rise : v->spec->fall;

	if (v->state == HEALTH_UNKNOWN)
		log_warning(NULL, "health: %s is not known any more: %s; it counts as %s", v->key,
			    v->reason, v->up ? "up" : "down");
	else if (v->changes_n == 0 && v->state == HEALTH_UP)
		log_info(NULL, "health: %s is up: %s", v->key, v->reason);
	else
		log_notice(NULL, "health: %s is %s: %s (%u in a row)", v->key,
			   health_state_text(v->state), v->reason, in_a_row);
}

static void on_changed(const struct monitor_target *t, enum monitor_change what, void *context)
{
	struct health *h = context;
	struct monitor_view v = monitor_view_of(t);

	if (what == MONITOR_OVERRIDE)
		return; /* said once where it was set */
	log_change(&v);
	if (v.last != HEALTH_UNKNOWN) {
		char *text = document("state", health_state_text(v.last), v.since);
		if (text != NULL)
			save_soon(h, v.key, text);
	}
}

/* ---- what was remembered ---- */

static enum health_state state_of(const char *text)
{
	return text == NULL                ? HEALTH_UNKNOWN
	       : strcmp(text, "up") == 0   ? HEALTH_UP
	       : strcmp(text, "down") == 0 ? HEALTH_DOWN
					   : HEALTH_UNKNOWN;
}

static bool remember(const char *key, const char *text, int64_t revision, void *context)
{
	struct health *h = context;
	json_t *j = json_loads(text, 0, NULL);

	(void)revision;
	if (h->memory_n == h->memory_cap) {
		size_t cap = h->memory_cap > 0 ? h->memory_cap * 2 : 64;
		struct monitor_memory *more = realloc(h->memory, cap * sizeof *more);
		if (more == NULL) {
			json_decref(j);
			return false;
		}
		h->memory = more;
		h->memory_cap = cap;
	}
	char *copy = strdup(key + strlen(CHECK_PREFIX));
	if (copy != NULL)
		h->memory[h->memory_n++] = (struct monitor_memory){
			copy,
			state_of(json_string_value(json_object_get(j, "state"))),
			json_integer_value(json_object_get(j, "since")),
		};
	json_decref(j);
	return copy != NULL;
}

static bool override_of(const char *text, enum health_override *out)
{
	static const char *const TEXTS[] = { "obey", "up", "down" };

	for (unsigned i = 0; text != NULL && i < 3; i++) {
		if (strcmp(text, TEXTS[i]) != 0)
			continue;
		*out = (enum health_override)i;
		return true;
	}
	return false;
}

static const char *override_text(enum health_override to)
{
	return to == OVERRIDE_UP ? "up" : to == OVERRIDE_DOWN ? "down" : "obey";
}

static bool restore_override(const char *key, const char *text, int64_t revision, void *context)
{
	struct health *h = context;
	json_t *j = json_loads(text, 0, NULL);
	enum health_override to;

	(void)revision;
	if (override_of(json_string_value(json_object_get(j, "to")), &to) && to != OVERRIDE_OBEY) {
		const char *value = key + strlen(OVERRIDE_PREFIX);
		monitor_override(h->monitor, value, to);
		log_notice(NULL, "health: %s is held %s by hand", value, override_text(to));
	}
	json_decref(j);
	return true;
}

static int by_key(const void *key, const void *item)
{
	return strcmp(key, *(const char *const *)item);
}

struct keys {
	const char **key;
	size_t n, cap;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void collect_key(const struct monitor_target *t, void *context)
{
	struct keys *all = context;

	if (all->n < all->cap)
		all->key[all->n++] = monitor_view_of(t).key;
}

void health_forget_others(struct health *h)
{
	struct keys all = { .cap = monitor_counts(h->monitor).targets };

	all.key = calloc(all.cap + 1, sizeof *all.key);
	if (all.key == NULL)
		return;
	monitor_walk(h->monitor, collect_key, &all);
	qsort(all.key, all.n, sizeof *all.key, by_text);
	for (size_t i = 0; i < h->memory_n; i++)
		if (bsearch(h->memory[i].key, all.key, all.n, sizeof *all.key, by_key) == NULL)
			save_soon(h, h->memory[i].key, NULL);
	free(all.key);
}

/* ---- begin and end ---- */

static void free_memory(struct health *h)
{
	for (size_t i = 0; i < h->memory_n; i++)
		free((char *)(uintptr_t)h->memory[i].key);
	free(h->memory);
}

enum err health_open(struct health **out, uv_loop_t *loop, struct store *store,
		     const struct config_server *limits)
{
	struct health *h = calloc(1, sizeof *h);

	if (h == NULL)
		return ERR_NOMEM;
	h->store = store;
	h->words = (struct steer_health){ on_word, on_release, h };
	enum err e = store_list(store, CHECK_PREFIX, remember, h); /* ascending by key */
	struct monitor_options options = {
		.loop = loop,
		.max_rate = limits->health_max_rate,
		.max_running = limits->health_max_running,
		.changed = on_changed,
		.context = h,
		.memory = h->memory,
		.memory_n = h->memory_n,
	};
	if (!e)
		e = monitor_new(&h->monitor, &options);
	if (e) {
		free_memory(h);
		free(h);
		return e;
	}
	uv_timer_init(loop, &h->flush);
	uv_unref((uv_handle_t *)&h->flush);
	h->flush.data = h;
	*out = h;
	return store_list(store, OVERRIDE_PREFIX, restore_override, h);
}

void health_close(struct health *h)
{
	if (h == NULL)
		return;
	monitor_stop(h->monitor);
	uv_close((uv_handle_t *)&h->flush, NULL);
	save(h);
}

void health_free(struct health *h)
{
	if (h == NULL)
		return;
	free_unsaved(h);
	free_memory(h);
	free(h->unsaved);
	free(h);
}

void health_set_limits(struct health *h, const struct config_server *limits)
{
	monitor_set_limits(h->monitor, limits->health_max_rate, limits->health_max_running);
}

/* ---- what people say ---- */

enum err health_set_override(struct health *h, const char *value, const char *to)
{
	enum health_override o;
	char key[STORE_KEY_MAX];
	enum err e;

	if (!override_of(to, &o) || strlen(value) > NAME_TEXT_MAX)
		return ERR_SYNTAX;
	snprintf(key, sizeof key, OVERRIDE_PREFIX "%s", value);
	if (o == OVERRIDE_OBEY) {
		if (monitor_override_of(h->monitor, value) == OVERRIDE_OBEY)
			return ERR_NOT_FOUND;
		e = store_delete(h->store, key);
	} else {
		char *text = document("to", to, control_now());
		e = text != NULL ? store_put(h->store, key, text) : ERR_NOMEM;
		free(text);
	}
	if (!e)
		e = monitor_override(h->monitor, value, o);
	if (!e)
		log_notice(NULL,
			   o == OVERRIDE_OBEY ? "health: %s obeys its checks again%s"
					      : "health: %s is held %s by hand",
			   value, o == OVERRIDE_OBEY ? "" : to);
	return e;
}

enum err health_feed(struct health *h, const char *value, const char *state, uint32_t load,
		     const char *reason)
{
	enum health_state s = state_of(state);

	if (s == HEALTH_UNKNOWN)
		return ERR_SYNTAX;
	return monitor_feed(h->monitor, value, s == HEALTH_UP, load,
			    reason != NULL ? reason : "as fed");
}

/* ---- what is seen ---- */

static json_t *check_json(const struct monitor_view *v)
{
	json_t *j = json_pack(
	    "{s:s, s:s, s:s, s:b, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "value", v->spec->value,
	    "check", v->key, "state", health_state_text(v->state), "up", v->up, "override",
	    override_text(v->override), "reason", v->reason, "interval_ms",
	    (json_int_t)v->spec->interval_ms, "took_us", (json_int_t)v->took_us, "against",
	    (json_int_t)v->run, "probes", (json_int_t)v->probes_n, "failures",
	    (json_int_t)v->failures_n, "changes", (json_int_t)v->changes_n);

	if (v->since != 0)
		json_object_set_new(j, "since", json_integer(v->since));
	if (v->result_at != 0)
		json_object_set_new(j, "result_at", json_integer(v->result_at));
	if (v->spec->protocol == CHECK_FEED)
		json_object_set_new(j, "load", json_integer(v->load));
	return j;
}

json_t *health_of_word(const health_word *word)
{
	struct monitor_view v = monitor_view_of(monitor_target_of(word));

	return check_json(&v);
}

struct listing {
	json_t *checks;
	const char *value;
};

static void list_check(const struct monitor_target *t, void *context)
{
	struct listing *l = context;
	struct monitor_view v = monitor_view_of(t);

	if (l->value == NULL || strcmp(l->value, v.spec->value) == 0)
		json_array_append_new(l->checks, check_json(&v));
}

static void list_override(const char *value, enum health_override to, void *context)
{
	json_object_set_new(context, value, json_string(override_text(to)));
}

json_t *health_list(const struct health *h, const char *value)
{
	struct monitor_counts n = monitor_counts(h->monitor);
	struct listing l = { json_array(), value };
	json_t *overrides = json_object();

	monitor_walk(h->monitor, list_check, &l);
	monitor_walk_overrides(h->monitor, list_override, overrides);
	return json_pack("{s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I}, s:o, s:o, s:I}", "counts",
			 "checks", (json_int_t)n.targets, "up", (json_int_t)n.up, "down",
			 (json_int_t)n.down, "unknown", (json_int_t)n.unknown, "running",
			 (json_int_t)n.running, "waiting", (json_int_t)n.waiting, "late",
			 (json_int_t)n.late_n, "checks", l.checks, "overrides", overrides,
			 "unsaved", (json_int_t)h->unsaved_n);
}

static void add_up(const struct monitor_target *t, void *context)
{
	struct monitor_view v = monitor_view_of(t);
	char value[2 * NAME_TEXT_MAX], key[2 * CHECK_KEY_MAX];

	text_add(context, "concord_health_up{value=\"%s\",check=\"%s\"} %d\n",
		 text_label(v.spec->value, value, sizeof value), text_label(v.key, key, sizeof key),
		 v.up);
}

void health_metrics(const struct health *h, struct text *out)
{
	struct monitor_counts n = monitor_counts(h->monitor);

	text_add(
	    out,
	    "# HELP concord_health_checks Health checks, by state.\n"
	    "# TYPE concord_health_checks gauge\n"
	    "concord_health_checks{state=\"up\"} %llu\n"
	    "concord_health_checks{state=\"down\"} %llu\n"
	    "concord_health_checks{state=\"unknown\"} %llu\n"
	    "# HELP concord_health_overridden Checks that an operator has overruled.\n"
	    "# TYPE concord_health_overridden gauge\nconcord_health_overridden %llu\n"
	    "# HELP concord_health_probes_total Probes made.\n"
	    "# TYPE concord_health_probes_total counter\nconcord_health_probes_total %llu\n"
	    "# HELP concord_health_failures_total Probes that failed.\n"
	    "# TYPE concord_health_failures_total counter\n"
	    "concord_health_failures_total %llu\n"
	    "# HELP concord_health_changes_total Changes between up and down.\n"
	    "# TYPE concord_health_changes_total counter\nconcord_health_changes_total %llu\n"
	    "# HELP concord_health_late_total Probes that were due before the last one ended.\n"
	    "# TYPE concord_health_late_total counter\nconcord_health_late_total %llu\n",
	    (unsigned long long)n.up, (unsigned long long)n.down, (unsigned long long)n.unknown,
	    (unsigned long long)n.overridden, (unsigned long long)n.probes_n,
	    (unsigned long long)n.failures_n, (unsigned long long)n.changes_n,
	    (unsigned long long)n.late_n);
	if (n.targets == 0)
		return;
	text_add(out, "# HELP concord_health_up Whether answers may have this value.\n"
		      "# TYPE concord_health_up gauge\n");
	monitor_walk(h->monitor, add_up, out);
}
