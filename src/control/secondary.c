// SPDX-License-Identifier: Apache-2.0
#include "control/secondary.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "base/random.h"
#include "base/siphash.h"
#include "control/secondary_internal.h"
#include "dns/rrtype.h"
#include "transfer/exchange.h"
#include "transfer/soa_answer.h"

#define CONNECT_MS 5000u
#define MESSAGE_MS 30000u

int64_t secondary_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

uint32_t secondary_lot(void)
{
	return (uint32_t)random_u64();
}

const char *secondary_path(const char *state_dir, const char *zone, char out[SECONDARY_PATH_MAX])
{
	return state_path(state_dir, "transfers", zone, out);
}

const char *secondary_path_of(const struct secondary *s, char out[SECONDARY_PATH_MAX])
{
	return secondary_path(s->c->config->server.state_dir, s->e->text, out);
}

/* ---- primaries: all addresses of all remotes in a row ---- */

static unsigned primary_n(const struct config_secondary *z)
{
	size_t n = 0;

	for (size_t i = 0; i < z->primary_n; i++)
		n += z->primaries[i]->address_n;
	return (unsigned)n;
}

static const struct config_remote *primary_remote(const struct secondary *s, size_t *at)
{
	const struct config_secondary *z = &s->e->config.secondary;

	*at = s->r.primary;
	for (size_t i = 0; i < z->primary_n; i++) {
		if (*at < z->primaries[i]->address_n)
			return z->primaries[i];
		*at -= z->primaries[i]->address_n;
	}
	*at = 0;
	return z->primaries[0];
}

static struct remote primary_at(const struct secondary *s, bool stream)
{
	size_t at;
	const struct config_remote *r = primary_remote(s, &at);

	return config_remote_at(r, at, stream);
}

const char *secondary_primary_text(const struct secondary *s, char out[REMOTE_TEXT_MAX])
{
	struct remote r = primary_at(s, true);

	return remote_to_text(&r, out);
}

/* ---- timer ---- */

static void on_timer(uv_timer_t *t);

void secondary_schedule(struct secondary *s)
{
	int64_t due = refresh_due(&s->r), now = secondary_now_ms();
	int64_t wait = due <= now ? 0 : due - now;

	if (due == INT64_MAX)
		uv_timer_stop(&s->timer);
	else /* clocks are set: no wait is trusted for longer than an hour */
		uv_timer_start(&s->timer, on_timer, (uint64_t)(wait < 3600000 ? wait : 3600000), 0);
}

/* Primaries, and IXFR and AXFR, are tried in turns: what was said of one is not said again because
 * another was tried in between. */
static bool is_said(struct secondary *s, const char *text)
{
	static const struct siphash_key KEY = { 0x7361696420616c72, 0x6561647920736169 };
	uint64_t hash = siphash(&KEY, text, strlen(text));

	for (unsigned i = 0; i < s->said_n && i < SECONDARY_SAID_MAX; i++)
		if (s->said[i] == hash)
			return true;
	s->said[s->said_n++ % SECONDARY_SAID_MAX] = hash;
	return false;
}

/* Said once, until a primary was good again. */
static void say_failed(struct secondary *s, const char *what, const char *why)
{
	char primary[REMOTE_TEXT_MAX], text[256];

	snprintf(text, sizeof text, "%s from %s: %s", what, secondary_primary_text(s, primary),
		 why);
	if (!is_said(s, text))
		log_warning(s->e->text, "transfer: %s%s", text,
			    s->e->served != NULL && !s->r.expired
				? "; the version that we have goes on"
				: "");
	snprintf(s->last, sizeof s->last, "%s", text);
}

void secondary_failed(struct secondary *s, bool incremental, const char *what, const char *why)
{
	say_failed(s, what, why);
	refresh_failed(&s->r, incremental, secondary_now_ms(), secondary_lot());
	secondary_schedule(s);
}

void secondary_mark_good(struct secondary *s)
{
	char path[SECONDARY_PATH_MAX];
	bool was_expired = s->said_expired;

	utimensat(AT_FDCWD, secondary_path_of(s, path), NULL, 0);
	s->said_expired = false;
	s->said_n = 0;
	if (was_expired) {
		log_notice(s->e->text, "transfer: a primary is there again; the zone is served");
		publish_zone(s->c, s->e);
	}
}

/* ---- transfers ---- */

static void on_fetched(const struct fetch_result *result, void *context)
{
	struct secondary *s = context;

	s->fetch = NULL;
	secondary_queue_leave(s->c->secondaries->queue, &s->turn);
	switch (result->kind) {
	case FETCH_FAILED:
		secondary_failed(s, result->incremental, result->incremental ? "IXFR" : "AXFR",
				 result->why);
		break;
	case FETCH_CURRENT:
		refresh_checked(&s->r, s->r.serial, secondary_now_ms(), secondary_lot());
		secondary_mark_good(s);
		secondary_schedule(s);
		break;
	case FETCH_WHOLE:
	case FETCH_CHANGES:
		if (!secondary_verify(s, result))
			secondary_arrive(s, result);
		break;
	}
}

static void start_fetch(struct secondary *s)
{
	char path[SECONDARY_PATH_MAX];
	const struct config_limits *l = &s->e->config.secondary.limits;
	struct remote from = primary_at(s, true);
	uint8_t ours[2 * NAME_MAX_LEN + 20];
	const struct rrset *soa = s->e->served != NULL ? zone_soa(s->e->served->zone) : NULL;
	struct fetch_options options = {
		.zone = s->e->name,
		.spool_path = secondary_path_of(s, path),
		.incremental = s->r.has_zone && !s->r.whole && soa != NULL,
		.serial = s->r.serial,
		.limits = { l->records, l->octets },
		.connect_ms = CONNECT_MS,
		.message_ms = MESSAGE_MS,
		.whole_ms = l->transfer_time_s * 1000,
		.done = on_fetched,
		.context = s,
	};

	if (options.incremental) {
		options.soa = (struct span){ ours, soa->wire_len - RR_FIXED_LEN };
		memcpy(ours, soa->wire + RR_FIXED_LEN, options.soa.n);
		store_u32(ours + options.soa.n - 20, s->r.serial); /* theirs, not ours */
	}
	enum err e = fetch_start(&s->fetch, s->c->loop, &from, &options);
	if (e) {
		s->fetch = NULL;
		secondary_queue_leave(s->c->secondaries->queue, &s->turn);
		secondary_failed(s, false, "transfer", e == ERR_IO ? strerror(errno) : err_text(e));
	}
}

static void ask(struct secondary *s, enum secondary_job job);

/* ---- checks ---- */

static void on_checked(const struct exchange_result *result, void *context)
{
	struct secondary *s = context;
	uint32_t serial = 0;
	const char *why = NULL;

	s->check = NULL;
	secondary_queue_leave(s->c->secondaries->queue, &s->turn);
	if (result->err) {
		secondary_failed(s, false, "SOA", result->why);
		return;
	}
	if (!soa_answer_serial(result->message, s->e->name, &serial, &why)) {
		secondary_failed(s, false, "SOA", why);
		return;
	}
	if (refresh_checked(&s->r, serial, secondary_now_ms(), secondary_lot()) ==
	    REFRESH_TRANSFER) {
		ask(s, SECONDARY_FETCH);
		return;
	}
	if (serial == s->r.serial) {
		char primary[REMOTE_TEXT_MAX];
		snprintf(s->last, sizeof s->last, "serial %u is current at %s", serial,
			 secondary_primary_text(s, primary));
		secondary_mark_good(s);
	}
	secondary_schedule(s);
}

static void start_check(struct secondary *s)
{
	uint8_t query[SOA_QUESTION_MAX];
	struct remote to = primary_at(s, false);
	struct exchange_options options = { .done = on_checked, .context = s };
	size_t n = soa_question_write(query, s->e->name);
	enum err e =
	    exchange_start(&s->check, s->c->loop, &to, (struct span){ query, n }, &options);

	if (e) {
		s->check = NULL;
		secondary_queue_leave(s->c->secondaries->queue, &s->turn);
		secondary_failed(s, false, "SOA", e == ERR_IO ? strerror(errno) : err_text(e));
	}
}

/* ---- turns ---- */

static void start_job(struct secondary_turn *t)
{
	struct secondary *s =
	    (struct secondary *)(void *)((char *)t - offsetof(struct secondary, turn));

	if (t->job == SECONDARY_CHECK)
		start_check(s);
	else
		start_fetch(s);
}

/* When it is the zone's turn at its primary. */
static void ask(struct secondary *s, enum secondary_job job)
{
	size_t at;
	const struct config_remote *r = primary_remote(s, &at);
	struct remote primary = config_remote_at(r, at, true);

	s->turn.start = start_job;
	if (secondary_queue_ask(s->c->secondaries->queue, &s->turn, job, &primary, r->transfers))
		secondary_failed(s, false, "transfer", err_text(ERR_NOMEM));
	else
		secondary_schedule(s); /* it may expire meanwhile */
}

static void notice_expiry(struct secondary *s)
{
	if (!s->r.expired || s->said_expired)
		return;
	s->said_expired = true;
	log_error(s->e->text,
		  "transfer: no primary was reached for %u s: the zone has expired and "
		  "gets SERVFAIL until one is; last: %s",
		  s->r.times.expire_s, s->last);
	publish_zone(s->c, s->e);
}

static void on_timer(uv_timer_t *t)
{
	struct secondary *s = t->data;

	enum refresh_action what = refresh_next(&s->r, secondary_now_ms());
	notice_expiry(s);
	if (what == REFRESH_CHECK)
		ask(s, SECONDARY_CHECK);
	else if (what == REFRESH_TRANSFER)
		ask(s, SECONDARY_FETCH);
	else
		secondary_schedule(s);
}

/* ---- life ---- */

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void secondary_free(struct secondary *s)
{
	if (s == NULL)
		return;
	exchange_cancel(s->check);
	fetch_cancel(s->fetch);
	secondary_verify_forget(s);
	s->check = NULL;
	s->fetch = NULL;
	secondary_queue_leave(s->c->secondaries->queue, &s->turn);
	secondary_drop_arrival(s);
	s->e->secondary = NULL;
	uv_close((uv_handle_t *)&s->timer, on_closed);
}

static void start(struct control *c, struct zone_entry *e)
{
	char path[SECONDARY_PATH_MAX];
	struct soa_times times;
	struct stat st;
	struct secondary *s = calloc(1, sizeof *s);
	const struct rrset *soa = e->served != NULL ? zone_soa(e->served->zone) : NULL;

	if (s == NULL)
		return;
	s->c = c;
	s->e = e;
	e->secondary = s;
	s->since = control_now();
	snprintf(s->last, sizeof s->last, "not asked yet");
	uv_timer_init(c->loop, &s->timer);
	s->timer.data = s;
	bool kept = soa != NULL && stat(secondary_path_of(s, path), &st) == 0 &&
		    soa_times_read((struct span){ soa->wire + RR_FIXED_LEN,
						  load_u16(soa->wire + RR_FIXED_LEN - 2) },
				   &times);
	refresh_start(&s->r, primary_n(&e->config.secondary), kept ? &times : NULL,
		      kept ? e->served->primary_serial : 0,
		      kept ? st.st_mtim.tv_sec * INT64_C(1000) : 0, secondary_now_ms(),
		      secondary_lot());
	secondary_schedule(s);
}

/* A reload may have changed the list. */
static void update(struct secondary *s)
{
	s->r.primary_n = primary_n(&s->e->config.secondary);
	s->r.primary %= s->r.primary_n;
}

void secondary_sync(struct control *c)
{
	char dir[1100];

	for (size_t i = 0; i < c->entry_n; i++) {
		struct zone_entry *e = c->entries[i];
		bool wanted = e->config.secondary.primary_n > 0;
		if (wanted && e->secondary == NULL) {
			snprintf(dir, sizeof dir, "%s/transfers", c->config->server.state_dir);
			mkdir(dir, 0700);
			start(c, e);
		} else if (wanted) {
			update(e->secondary);
		} else {
			secondary_free(e->secondary);
		}
	}
}

bool secondary_is_unavailable(const struct zone_entry *e)
{
	return e->config.secondary.primary_n > 0 &&
	       (e->served == NULL || (e->secondary != NULL && e->secondary->r.expired));
}

/* ---- for the operator ---- */

int64_t secondary_awaited_since(const struct zone_entry *e)
{
	return e->served == NULL && e->secondary != NULL ? e->secondary->since : 0;
}

json_t *secondary_status(const struct zone_entry *e)
{
	static const char *const STATES[] = { "waiting", "checking", "transferring" };
	const struct secondary *s = e->secondary;
	char primary[REMOTE_TEXT_MAX];

	if (s == NULL)
		return NULL;
	int64_t now = secondary_now_ms(), next = refresh_due(&s->r);
	return json_pack(
	    "{s:s, s:s, s:s, s:b, s:I, s:I, s:I}", "state",
	    s->r.expired           ? "expired"
	    : s->e->served == NULL ? "not transferred yet"
				   : STATES[s->r.state],
	    "primary", secondary_primary_text(s, primary), "last", s->last, "expired", s->r.expired,
	    "next_s", (json_int_t)(next == INT64_MAX || next < now ? 0 : (next - now) / 1000),
	    "expires_s", (json_int_t)(s->r.has_zone ? (refresh_expires_at(&s->r) - now) / 1000 : 0),
	    "serial", (json_int_t)s->r.serial);
}

json_t *control_zone_refresh(struct control *c, const char *zone, bool whole,
			     struct control_result *r)
{
	struct zone_entry *e = control_find_zone(c, zone);

	if (e == NULL || e->secondary == NULL) {
		control_fail(r, e == NULL ? ERR_NOT_FOUND : ERR_CONFLICT,
			     e == NULL ? "the zone %.200s is not configured"
				       : "the zone %.200s has no primaries",
			     zone);
		return NULL;
	}
	refresh_ask(&e->secondary->r, whole, secondary_now_ms());
	secondary_schedule(e->secondary);
	return json_pack("{s:s, s:o}", "zone", e->text, "transfer", secondary_status(e));
}
