// SPDX-License-Identifier: Apache-2.0
#include "control/signed_copies.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "control/internal.h"
#include "control/state_path.h"
#include "control/updates.h"
#include "control/zone_digest.h"
#include "dns/rrtype.h"
#include "store/journal.h"
#include "transfer/signed_copy.h"

#define REST_LEAST_MS 20u
#define REST_MOST_MS  60000u
#define RETRY_MS      10000u
/* Signatures of a large zone are made ahead by the keeper; the copy waits for it. */
#define AHEAD_WAIT_MS 500u
#define AHEAD_LEAST_N 20000u
/* Renewals are gathered for a tenth of the time that is left for them, an hour at most. */
#define GATHER_MOST_S 3600
/* What is due and came out no younger was given by somebody else: looked at again after this. */
#define GIVEN_AGAIN_S 600
#define CHANGE_MAX    (8u << 20)

struct signed_copy_state {
	struct signed_copy_state *next; /* of all */
	struct control *c;
	struct zone_entry *e;
	char path[STATE_PATH_MAX], journal[NAME_TEXT_MAX + 8];
	bool looked, there; /* a copy stands there, and is known */
	bool dirty, gone;   /* the zone has changed; the entry went while it was made */
	uint32_t serial;
	uint8_t soa[SIGNED_COPY_SOA_MAX];
	size_t soa_len;
	uint8_t zonemd[ZONEMD_RDATA_MAX]; /* of the copy; of length 0: it has none */
	size_t zonemd_len;
	bool serving_zonemd; /* what is published just now is the copy's own digest */
	int64_t due_at;      /* seconds: signatures are to be renewed */
	uint64_t not_before_ms;
	size_t record_n;
	char last[120]; /* what went wrong last; empty: nothing */
};

struct signed_copies {
	uv_timer_t timer;
	struct signed_copy_state *first;
	bool stopped;

	/* The one that is being made. */
	struct signed_copy_state *running;
	struct signed_copy_job job;
	struct signed_copy made;
	struct view *view;
	enum err err;
	uint64_t started_ms;
	bool first_look; /* it is only looked at */
	uint8_t zone[NAME_MAX_LEN];
	uint32_t refresh_s;
	atomic_bool give_up;
	uv_work_t work;
	sem_t done;
};

static void run(struct control *c);

/* ---- which, and when ---- */

bool signed_copy_is_wanted(const struct zone_entry *e)
{
	const struct config_transfer *t = &e->config.transfer;

	for (size_t i = 0; i < t->out_n; i++)
		if (t->out[i].signed_copy)
			return true;
	return zone_digest_is_made(e);
}

/* In what the log says. */
static const char *subject(const struct signed_copy_state *s)
{
	return s->e->keys != NULL ? "signed copy" : "copy";
}

static int64_t gather_s(const struct zone_entry *e)
{
	int64_t tenth = e->config.signing != NULL ? e->config.signing->refresh_s / 10 : 0;

	return tenth < GATHER_MOST_S ? tenth : GATHER_MOST_S;
}

/* Milliseconds of the loop's clock; UINT64_MAX: nothing is to be done. */
static uint64_t due_ms(const struct signed_copy_state *s)
{
	uint64_t now = uv_now(s->c->loop), at = s->not_before_ms;
	int64_t renew = s->due_at;

	if (s->dirty || !s->looked)
		return at > now ? at : now;
	if (renew == INT64_MAX)
		return UINT64_MAX;
	renew += gather_s(s->e) - control_now();
	uint64_t wait = renew > 0 ? (uint64_t)renew * 1000 : 0;
	return now + wait > at ? now + wait : at;
}

/* The keeper is making its signatures, many of them. */
static bool is_being_signed(const struct signed_copy_state *s)
{
	const struct served *served = s->e->served;

	return !s->there && served->signatures != NULL &&
	       zone_sig_id_end(served->zone) > AHEAD_LEAST_N &&
	       (counter_read(&served->signatures->upkeep.runs) == 0 ||
		counter_read(&served->signatures->upkeep.ahead) != 0);
}

static void on_timer(uv_timer_t *t)
{
	run(t->data);
}

static void schedule(struct control *c)
{
	struct signed_copies *all = c->signed_copies;
	uint64_t first = UINT64_MAX, now = uv_now(c->loop);

	for (const struct signed_copy_state *s = all->first; s != NULL; s = s->next)
		if (due_ms(s) < first)
			first = due_ms(s);
	if (all->running != NULL || first == UINT64_MAX)
		uv_timer_stop(&all->timer);
	else /* clocks are set: no wait is trusted for longer than an hour */
		uv_timer_start(&all->timer, on_timer,
			       first <= now            ? 0
			       : first - now < 3600000 ? first - now
						       : 3600000,
			       0);
}

/* ---- making one ---- */

/* In a thread of the pool. */
static void work(uv_work_t *w)
{
	struct signed_copies *all = w->data;

	all->err = all->first_look ? signed_copy_look(all->job.path, all->zone, all->refresh_s,
						      all->job.now, &all->made)
				   : signed_copy_make(&all->job, &all->made);
	sem_post(&all->done);
}

static void on_worked(uv_work_t *w, int status);

static void start(struct signed_copy_state *s)
{
	struct control *c = s->c;
	struct signed_copies *all = c->signed_copies;
	const struct served *served = s->e->served;

	all->running = s;
	all->first_look = !s->looked;
	all->started_ms = uv_now(c->loop);
	memcpy(all->zone, s->e->name, name_len(s->e->name));
	all->refresh_s = served->keys != NULL ? served->keys->policy.refresh_s : 0;
	all->job = (struct signed_copy_job){
		.zone = served->zone,
		.keys = served->keys,
		.sigs = served->signatures != NULL ? served->signatures->cache : NULL,
		.zonemd = zone_digest_is_made(s->e) ? s->e->config.zonemd : 0,
		.path = s->path,
		.has_old = s->there,
		.next_serial = s->last[0] != 0, /* what was known before was lost */
		.policy = s->e->config.transfer.serial,
		.now = control_now(),
		.change_max = CHANGE_MAX,
		.stopped = &all->give_up,
	};
	s->dirty = s->dirty && all->first_look;
	all->view = atomic_load_explicit(&c->views.current, memory_order_acquire);
	view_pin(all->view);
	all->work.data = all;
	if (uv_queue_work(c->loop, &all->work, work, on_worked) != 0) {
		view_unpin(all->view);
		all->running = NULL;
		s->not_before_ms = uv_now(c->loop) + RETRY_MS;
	}
}

static void run(struct control *c)
{
	struct signed_copies *all = c->signed_copies;
	struct signed_copy_state *best = NULL;
	uint64_t now = uv_now(c->loop);

	if (all->stopped || all->running != NULL)
		return;
	for (struct signed_copy_state *s = all->first; s != NULL; s = s->next)
		if (due_ms(s) <= now && (best == NULL || s->not_before_ms < best->not_before_ms))
			best = s;
	if (best != NULL && is_being_signed(best))
		best->not_before_ms = now + AHEAD_WAIT_MS;
	else if (best != NULL)
		start(best);
	schedule(c);
}

/* ---- what came of it ---- */

static void know(struct signed_copy_state *s, const struct signed_copy *made)
{
	s->there = true;
	s->serial = made->serial;
	s->soa_len = made->soa_len;
	memcpy(s->soa, made->soa, made->soa_len);
	s->record_n = made->record_n;
	s->zonemd_len = made->zonemd_len;
	memcpy(s->zonemd, made->zonemd, made->zonemd_len);
	s->due_at = made->due_at;
}

static void keep_history(struct signed_copy_state *s, const struct signed_copy *made)
{
	struct control *c = s->c;
	const struct config_transfer *t = &s->e->config.transfer;
	struct journal_limits limits = {
		t->journal_sets != 0 ? t->journal_sets : JOURNAL_SETS_DEFAULT,
		t->journal_octets != 0 ? t->journal_octets : JOURNAL_OCTETS_DEFAULT,
	};
	struct journal_set set = { made->from, made->serial, control_now(),
				   change_span(&made->change) };
	enum err e = journal_begin(c->journal);

	if (!e && made->change.n > 0)
		e = journal_append(c->journal, s->journal, &set, false, &limits);
	else if (!e)
		e = journal_forget(c->journal, s->journal);
	if (e)
		journal_rollback(c->journal);
	else
		e = journal_commit(c->journal);
	if (e)
		log_error(s->e->text, "%s: its changes could not be kept: %s", subject(s),
			  err_text(e));
}

static void failed(struct signed_copy_state *s, enum err err)
{
	if (err == ERR_CORRUPT)
		log_error(s->e->text, "%s: the one that is there is damaged; it is made anew",
			  subject(s));
	else if (s->last[0] == 0)
		log_error(s->e->text, "%s: not made: %s; secondaries get the one before",
			  subject(s), err == ERR_IO ? strerror(errno) : err_text(err));
	if (err == ERR_CORRUPT) {
		unlink(s->path);
		s->there = false;
	}
	snprintf(s->last, sizeof s->last, "%s", err_text(err));
	s->dirty = true;
	s->not_before_ms = uv_now(s->c->loop) + (err == ERR_CORRUPT ? 0 : RETRY_MS);
}

static void warn_short_validity(const struct signed_copy_state *s)
{
	const struct rrset *soa = zone_soa(s->e->served->zone);
	uint32_t expire = load_u32(soa->wire + soa->wire_len - 8);

	if (!s->there && s->e->config.signing != NULL && expire > s->e->config.signing->refresh_s)
		log_warning(
		    s->e->text,
		    "signed copy: secondaries may serve it for %u s without us (SOA expire), "
		    "but signatures are renewed %u s before they expire: lower expire or "
		    "raise refresh",
		    expire, s->e->config.signing->refresh_s);
}

static void take(struct signed_copy_state *s, struct signed_copy *made, uint64_t took_ms)
{
	if (made->due_at <= control_now())
		made->due_at = control_now() + GIVEN_AGAIN_S;
	if (made->spool == NULL) { /* nothing differs */
		s->due_at = made->due_at;
		return;
	}
	enum err e = spool_commit(made->spool);
	if (e) {
		failed(s, e);
		return;
	}
	keep_history(s, made);
	warn_short_validity(s);
	know(s, made);
	log_info(s->e->text,
		 "%s: serial %u, %zu records, %zu signatures made, %zu kept, in %llu ms%s",
		 subject(s), made->serial, made->record_n, made->made_n, made->kept_n,
		 (unsigned long long)took_ms,
		 made->steered_n > 0 ? ", steered names with their default values" : "");
}

/* ---- the digest in the zone that is served ---- */

/* The copy's, as soon as the zone has the copy's serial: answers say what secondaries have. */
static void serve_zonemd(struct signed_copy_state *s)
{
	struct control *c = s->c;
	struct zone_entry *e = s->e;
	struct served *made = NULL;
	struct zone_builder *b = NULL;
	struct diag d = { 0 };

	if (s->zonemd_len == 0 || e->served == NULL || !zone_digest_is_made(e) ||
	    zone_serial(e->served->zone) != s->serial)
		return;
	const struct rrset *now = node_rrset(zone_apex(e->served->zone), TYPE_ZONEMD);
	if (now != NULL && now->wire_len == RR_FIXED_LEN + s->zonemd_len &&
	    memcmp(now->wire + RR_FIXED_LEN, s->zonemd, s->zonemd_len) == 0)
		return;
	struct zone_record r = { .owner = e->name,
				 .type = TYPE_ZONEMD,
				 .ttl = zone_soa(e->served->zone)->ttl,
				 .rdata = { s->zonemd, s->zonemd_len } };
	enum err err = zone_build_change(&b, e->served->zone);
	if (!err)
		err = zone_build_remove(b, e->name, TYPE_ZONEMD);
	if (!err)
		err = zone_build_add(b, &r, &d);
	if (err)
		zone_build_abort(b);
	else
		err = zone_load_change(e->served, b, &made, &d);
	if (!err) {
		served_unref(e->served);
		e->served = made;
		s->serving_zonemd = true;
		err = publish_zone(c, e);
		s->serving_zonemd = false;
	}
	if (err)
		log_error(e->text, "zonemd: the copy's cannot be served: %s", err_text(err));
	diag_free(&d);
}

static void on_worked(uv_work_t *w, int status)
{
	struct signed_copies *all = w->data;
	struct signed_copy_state *s = all->running;
	uint64_t took;

	(void)status;
	if (all->stopped)
		return; /* signed_copies_stop() has waited for it */
	struct control *c = s->c;
	while (sem_wait(&all->done) < 0)
		;
	view_unpin(all->view);
	all->view = NULL;
	all->running = NULL;
	uv_update_time(c->loop);
	took = uv_now(c->loop) - all->started_ms;
	if (s->gone) {
		spool_abort(all->made.spool);
		change_free(&all->made.change);
		free(s);
		run(c);
		return;
	}
	uint64_t rest = took * 10 + REST_LEAST_MS;
	s->not_before_ms = uv_now(c->loop) + (rest < REST_MOST_MS ? rest : REST_MOST_MS);
	if (all->first_look) {
		s->looked = true;
		s->dirty = true;
		s->not_before_ms = 0;
		if (!all->err)
			know(s, &all->made);
		else if (all->err != ERR_NOT_FOUND)
			failed(s, all->err);
	} else if (all->err) {
		failed(s, all->err);
	} else {
		s->last[0] = 0;
		take(s, &all->made, took);
	}
	change_free(&all->made.change);
	if (s->there && s->e->served != NULL &&
	    serial_is_newer(s->serial, zone_serial(s->e->served->zone)))
		updates_lift_serial(c, s->e, s->serial);
	if (s->there)
		serve_zonemd(s);
	notify_out_zone(c, s->e);
	run(c);
}

/* ---- life ---- */

static struct signed_copy_state *begin(struct control *c, struct zone_entry *e)
{
	char dir[1100];
	struct signed_copy_state *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->c = c;
	s->e = e;
	s->due_at = INT64_MAX;
	snprintf(dir, sizeof dir, "%s/signed", c->config->server.state_dir);
	mkdir(dir, 0700);
	state_path(c->config->server.state_dir, "signed", e->text, s->path);
	snprintf(s->journal, sizeof s->journal, "%s signed", e->text);
	s->next = c->signed_copies->first;
	c->signed_copies->first = s;
	e->signed_copy = s;
	return s;
}

void signed_copy_forget(struct zone_entry *e)
{
	struct signed_copy_state *s = e->signed_copy;

	if (s == NULL)
		return;
	struct signed_copies *all = s->c->signed_copies;
	struct signed_copy_state **at = &all->first;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	e->signed_copy = NULL;
	if (all->running == s)
		s->gone = true;
	else
		free(s);
}

void signed_copy_zone(struct control *c, struct zone_entry *e)
{
	bool wanted = signed_copy_is_wanted(e) && e->served != NULL &&
		      (e->served->keys != NULL || zone_digest_is_made(e)) &&
		      !control_is_unavailable(e);

	if (c->signed_copies->stopped || (!wanted && e->signed_copy == NULL))
		return;
	if (!wanted) {
		if (!signed_copy_is_wanted(e))
			signed_copy_forget(e);
		return;
	}
	if (e->signed_copy == NULL && begin(c, e) == NULL)
		return;
	if (e->signed_copy->serving_zonemd)
		return;
	e->signed_copy->dirty = true;
	schedule(c);
}

bool signed_copy_current(const struct zone_entry *e, uint32_t *serial, struct span *soa)
{
	const struct signed_copy_state *s = e->signed_copy;

	if (s == NULL || !s->there)
		return false;
	*serial = s->serial;
	*soa = (struct span){ s->soa, s->soa_len };
	return true;
}

const char *signed_copy_path(const struct zone_entry *e)
{
	return e->signed_copy->path;
}

const char *signed_copy_journal(const struct zone_entry *e)
{
	return e->signed_copy->journal;
}

json_t *signed_copy_status(const struct zone_entry *e)
{
	const struct signed_copy_state *s = e->signed_copy;

	if (s == NULL)
		return NULL;
	bool running = s->c->signed_copies->running == s;
	json_t *j = json_pack("{s:s}", "state",
			      running    ? "being made"
			      : s->dirty ? "to be made"
					 : "current");
	if (s->there) {
		json_object_set_new(j, "serial", json_integer(s->serial));
		json_object_set_new(j, "records", json_integer((json_int_t)s->record_n));
		if (s->due_at != INT64_MAX)
			json_object_set_new(j, "renewal_s",
					    json_integer(s->due_at + gather_s(e) - control_now()));
	}
	if (s->last[0] != 0)
		json_object_set_new(j, "last_error", json_string(s->last));
	return j;
}

/* ---- start and end ---- */

enum err signed_copies_open(struct control *c)
{
	struct signed_copies *all = calloc(1, sizeof *all);

	if (all == NULL)
		return ERR_NOMEM;
	c->signed_copies = all;
	all->timer.data = c;
	return sem_init(&all->done, 0, 0) < 0 || uv_timer_init(c->loop, &all->timer) != 0
		   ? ERR_NOMEM
		   : ERR_OK;
}

void signed_copies_stop(struct control *c)
{
	struct signed_copies *all = c->signed_copies;

	if (all == NULL || all->stopped)
		return;
	all->stopped = true;
	if (all->running != NULL) { /* views go before on_worked() is called */
		atomic_store(&all->give_up, true);
		while (sem_wait(&all->done) < 0)
			;
		view_unpin(all->view);
		spool_abort(all->made.spool);
		change_free(&all->made.change);
		if (all->running->gone)
			free(all->running);
		all->running = NULL;
	}
	for (size_t i = 0; i < c->entry_n; i++)
		signed_copy_forget(c->entries[i]);
	uv_close((uv_handle_t *)&all->timer, NULL);
}

void signed_copies_close(struct control *c)
{
	if (c->signed_copies != NULL)
		sem_destroy(&c->signed_copies->done);
	free(c->signed_copies);
	c->signed_copies = NULL;
}
