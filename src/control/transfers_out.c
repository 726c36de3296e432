// SPDX-License-Identifier: Apache-2.0
#include "control/transfers_out.h"

#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/zone_digest.h"
#include "dns/rdata.h"
#include "dns/record.h"
#include "dns/rrtype.h"
#include "store/journal.h"
#include "transfer/outgoing.h"

/* More changes than this are sent as the whole zone. */
#define IXFR_OCTETS_MAX (8u << 20)

struct transfer {
	struct transfer *next;
	struct transfers_out *all;
	struct request *request;
	const struct zone *zone; /* while the view is pinned */
	struct view *view;
	uint8_t name[NAME_MAX_LEN];
	uint8_t soa[RR_FIXED_LEN + 2 * NAME_MAX_LEN + 20];
	size_t soa_len;
	char path[STATE_PATH_MAX]; /* of the signed copy; empty: the zone goes out */
	bool signed_here, ixfr;
	struct change_set change; /* IXFR: what lies between */
	struct outgoing out;
	enum err err;
	size_t at; /* sent so far */
	bool rendered, ended;
	uv_work_t work;
	sem_t done;
	char zone_text[NAME_TEXT_MAX];
	uint32_t serial;
};

struct transfers_out {
	struct control *control;
	struct transfer *first;
	unsigned n;
	uv_async_t wake; /* a client has taken something */
	uint8_t *message;
};

/* ---- sending ---- */

static void end(struct transfer *t, bool whole)
{
	char from[REQUEST_TEXT_MAX];

	t->ended = true;
	log_info(t->zone_text, "transfer: %s to %s %s, serial %u, %zu records%s",
		 t->ixfr ? "IXFR" : "AXFR", request_from(t->request, from),
		 whole ? "sent" : "ended early", t->serial, t->out.record_n,
		 t->out.steered_n > 0 ? ", steered names with their default values" : "");
	tsig_end(&t->request->tsig);
	outgoing_free(&t->out);
}

static bool send_next(struct transfer *t)
{
	uint8_t *m = t->all->message;
	size_t n = load_u16(t->out.bytes + t->at);

	memcpy(m, t->out.bytes + t->at + 2, n);
	t->at += 2 + n;
	bool last = t->at == t->out.n;
	if (!tsig_sign(&t->request->tsig, m, &n, MESSAGE_MAX, control_now())) {
		end(t, false);
		handoff_reply(t->request->h, NULL, 0, true);
		return false;
	}
	if (last)
		end(t, true);
	handoff_reply(t->request->h, m, n, last);
	return !last;
}

static void send_some(struct transfer *t)
{
	struct handoff *h = t->request->h;

	while (!t->ended) {
		if (atomic_load_explicit(&h->gone, memory_order_acquire)) {
			end(t, false);
			handoff_reply(h, NULL, 0, true);
			return;
		}
		if (atomic_load_explicit(&h->queued, memory_order_acquire) >= HANDOFF_QUEUED_MAX ||
		    !send_next(t))
			return;
	}
}

static void transfer_free(struct transfer *t)
{
	struct transfer **place = &t->all->first;

	while (*place != t)
		place = &(*place)->next;
	*place = t->next;
	t->all->n--;
	change_free(&t->change);
	outgoing_free(&t->out);
	request_free(t->request);
	sem_destroy(&t->done);
	free(t);
}

static void on_wake(uv_async_t *a)
{
	struct transfers_out *all = a->data;

	for (struct transfer *t = all->first, *next; t != NULL; t = next) {
		next = t->next;
		if (t->rendered && !t->ended)
			send_some(t);
		if (t->rendered && t->ended)
			transfer_free(t);
	}
}

/* In a worker's thread. */
static void drained(struct handoff *h)
{
	struct transfers_out *all = h->context;

	uv_async_send(&all->wake);
}

/* ---- rendering ---- */

/* In a thread of the pool. */
static void render(uv_work_t *w)
{
	struct transfer *t = w->data;
	struct request *r = t->request;

	if (t->ixfr)
		t->err =
		    outgoing_ixfr(&t->out, r->h->message, r->msg.question_end, t->name,
				  (struct span){ t->soa, t->soa_len }, change_span(&t->change));
	else if (t->path[0] != 0)
		t->err = outgoing_axfr_file(&t->out, r->h->message, r->msg.question_end, t->name,
					    t->path);
	else
		t->err = outgoing_axfr(&t->out, r->h->message, r->msg.question_end, t->zone,
				       t->signed_here);
	sem_post(&t->done);
}

static void on_rendered(uv_work_t *w, int status)
{
	struct transfer *t = w->data;

	(void)status;
	if (t->view != NULL)
		view_unpin(t->view);
	t->rendered = true;
	if (!t->ended && t->err) {
		log_error(t->zone_text, "transfer: cannot be made: %s", err_text(t->err));
		t->ended = true;
		request_refuse(t->request, RCODE_SERVFAIL);
	}
	if (!t->ended)
		send_some(t);
	if (t->ended)
		transfer_free(t);
}

/* ---- what the client gets ---- */

/* The zone, or its signed copy. */
struct source {
	const struct zone_entry *e;
	bool copy;
	uint32_t serial;
	struct span soa; /* TYPE to the end of RDATA */
	const char *journal;
};

/* False: there is nothing yet. */
static bool source_of(const struct zone_entry *e, const struct transfer_rule *rule,
		      struct source *out)
{
	const struct rrset *soa = zone_soa(e->served->zone);

	*out = (struct source){
		.e = e, .copy = rule->signed_copy || (e->keys == NULL && zone_digest_is_made(e))
	};
	if (out->copy) {
		if (!signed_copy_current(e, &out->serial, &out->soa))
			return false;
		out->journal = signed_copy_journal(e);
		return true;
	}
	out->serial = zone_serial(e->served->zone);
	out->soa = (struct span){ soa->wire, soa->wire_len };
	out->journal = e->text;
	return true;
}

/* The serial of the SOA in the authority section (RFC 1995 §3). */
static bool client_serial(const struct request *r, uint32_t *out)
{
	struct reader in = reader_of(r->h->message.p, r->h->message.n);
	struct record rec;
	static uint8_t room[RDATA_MAX];

	in.p += r->msg.question_end;
	if (r->msg.count[2] != 1 || !record_read(&in, &rec, room, sizeof room) ||
	    rec.type != TYPE_SOA || rec.rdata.n < 20)
		return false;
	*out = load_u32(rec.rdata.p + rec.rdata.n - 20);
	return true;
}

struct gathered {
	struct change_set octets; /* of all sets, one after another */
	size_t *len;
	size_t n, cap;
	uint32_t to;
	bool failed;
};

static bool gather(const struct journal_set *s, void *context)
{
	struct gathered *g = context;
	size_t need = g->octets.n + s->bytes.n;

	if (need > IXFR_OCTETS_MAX)
		return !(g->failed = true);
	if (need > g->octets.cap) {
		uint8_t *more = realloc(g->octets.bytes, need * 2);
		if (more == NULL)
			return !(g->failed = true);
		g->octets.bytes = more;
		g->octets.cap = need * 2;
	}
	if (g->n == g->cap) {
		size_t cap = g->cap * 2 + 64, *more = realloc(g->len, cap * sizeof *more);
		if (more == NULL)
			return !(g->failed = true);
		g->len = more;
		g->cap = cap;
	}
	memcpy(g->octets.bytes + g->octets.n, s->bytes.p, s->bytes.n);
	g->octets.n = need;
	g->len[g->n++] = s->bytes.n;
	g->to = s->to;
	return true;
}

/* What lies between the client's serial and ours, condensed. False: the history does not have it.
 */
static bool changes_since(struct control *c, const struct source *s, uint32_t from,
			  struct change_set *out)
{
	struct gathered g = { 0 };
	bool ok = journal_history(c->journal, s->journal, from, gather, &g) == ERR_OK &&
		  !g.failed && g.n > 0 && g.to == s->serial;
	struct span *spans = ok ? calloc(g.n, sizeof *spans) : NULL;
	size_t at = 0;

	for (size_t i = 0; spans != NULL && i < g.n; i++) {
		spans[i] = (struct span){ g.octets.bytes + at, g.len[i] };
		at += g.len[i];
	}
	ok = spans != NULL && change_condense(spans, g.n, out) == ERR_OK;
	free(spans);
	free(g.len);
	change_free(&g.octets);
	return ok;
}

static void start(struct request *r, const struct source *s, struct change_set *change)
{
	const struct zone_entry *e = s->e;
	struct control *c = r->control;
	struct transfers_out *all = c->transfers_out;
	struct transfer *t = all->n < TRANSFERS_OUT_MAX ? calloc(1, sizeof *t) : NULL;

	if (t == NULL || (t->request = request_keep(r)) == NULL || sem_init(&t->done, 0, 0) < 0) {
		log_warning(e->text, "transfer: too many at a time, or no memory");
		if (t != NULL)
			request_free(t->request);
		free(t);
		change_free(change);
		request_refuse(r, RCODE_SERVFAIL);
		return;
	}
	t->all = all;
	t->ixfr = change->n > 0;
	t->change = *change;
	t->zone = e->served->zone;
	t->serial = s->serial;
	memcpy(t->name, e->name, name_len(e->name));
	memcpy(t->soa, s->soa.p, s->soa.n);
	t->soa_len = s->soa.n;
	if (s->copy)
		snprintf(t->path, sizeof t->path, "%s", signed_copy_path(e));
	t->signed_here = e->keys != NULL;
	snprintf(t->zone_text, sizeof t->zone_text, "%s", e->text);
	t->view = atomic_load_explicit(&c->views.current, memory_order_acquire);
	view_pin(t->view); /* which shows this version, and is freed after it is unpinned */
	t->work.data = t;
	t->next = all->first;
	all->first = t;
	all->n++;
	t->request->h->context = all;
	t->request->h->drained = drained;
	if (uv_queue_work(c->loop, &t->work, render, on_rendered) != 0) {
		view_unpin(t->view);
		request_refuse(t->request, RCODE_SERVFAIL);
		transfer_free(t);
	}
}

/* One message of an SOA; the request's answer. */
static void reply_soa(struct request *r, const struct source *s)
{
	struct outgoing o = { 0 };
	uint8_t *m = r->control->transfers_out->message;

	if (outgoing_soa(&o, r->h->message, r->msg.question_end, s->e->name, s->soa)) {
		request_refuse(r, RCODE_SERVFAIL);
		return;
	}
	memcpy(m, o.bytes + 2, o.n - 2);
	request_reply(r, m, o.n - 2);
	outgoing_free(&o);
}

/* Over UDP: all in one datagram, or the SOA, which sends the client to TCP (RFC 1995 §2). */
static void reply_udp(struct request *r, const struct source *s, struct change_set *change)
{
	struct outgoing o = { 0 };
	uint8_t *m = r->control->transfers_out->message;
	size_t room = r->reply_max > TSIG_ROOM ? r->reply_max - TSIG_ROOM : 0;

	if (change->n == 0 || change->n > room ||
	    outgoing_ixfr(&o, r->h->message, r->msg.question_end, s->e->name, s->soa,
			  change_span(change)) ||
	    o.n - 2 > room || load_u16(o.bytes) != o.n - 2) {
		reply_soa(r, s);
	} else {
		memcpy(m, o.bytes + 2, o.n - 2);
		request_reply(r, m, o.n - 2);
	}
	outgoing_free(&o);
	change_free(change);
}

void transfer_out(struct request *r)
{
	struct zone_entry *e = request_zone(r);
	struct change_set change = { 0 };
	uint32_t serial = 0;
	char from[REQUEST_TEXT_MAX];

	if (e == NULL) {
		request_refuse(r, RCODE_NOTAUTH);
		return;
	}
	const struct config_transfer *t = &e->config.transfer;
	const struct transfer_rule *rule = transfer_permitted(t->out, t->out_n, &r->who);
	if (rule == NULL) {
		if (t->out_n > 0)
			log_notice(e->text,
				   "transfer: to %s refused: no rule of allow-transfer permits it",
				   request_from(r, from));
		request_refuse(r, RCODE_REFUSED);
		return;
	}
	struct source s;
	if (!source_of(e, rule, &s)) {
		log_notice(e->text, "transfer: to %s not yet: %s", request_from(r, from),
			   e->keys != NULL ? "the zone is still being signed"
					   : "its digest is still being made");
		request_refuse(r, RCODE_SERVFAIL);
		return;
	}
	if (r->msg.qtype == TYPE_IXFR) {
		if (!client_serial(r, &serial)) {
			request_refuse(r, RCODE_FORMERR);
			return;
		}
		if (!serial_is_newer(s.serial, serial)) {
			reply_soa(r, &s);
			return;
		}
		if (!changes_since(r->control, &s, serial, &change))
			change_free(&change); /* RFC 1995 §4: the whole zone then */
	}
	if (r->h->client.tcp)
		start(r, &s, &change);
	else
		reply_udp(r, &s, &change);
}

/* ---- start and end ---- */

enum err transfers_out_open(struct control *c)
{
	struct transfers_out *all = calloc(1, sizeof *all);

	if (all == NULL)
		return ERR_NOMEM;
	c->transfers_out = all;
	all->control = c;
	all->message = malloc(MESSAGE_MAX);
	all->wake.data = all;
	return all->message == NULL || uv_async_init(c->loop, &all->wake, on_wake) != 0 ? ERR_NOMEM
											: ERR_OK;
}

void transfers_out_stop(struct control *c)
{
	struct transfers_out *all = c->transfers_out;

	if (all == NULL)
		return;
	for (struct transfer *t = all->first, *next; t != NULL; t = next) {
		next = t->next;
		if (!t->rendered) {
			while (sem_wait(&t->done) < 0)
				;
			view_unpin(t->view); /* views go before on_rendered() is called */
			t->view = NULL;
		}
		if (!t->ended)
			handoff_reply(t->request->h, NULL, 0, true);
		t->ended = true;
		if (t->rendered)
			transfer_free(
			    t); /* else on_rendered() does, in the last turns of the loop */
		else
			t->request->h = NULL;
	}
	uv_close((uv_handle_t *)&all->wake, NULL);
}

void transfers_out_close(struct control *c)
{
	if (c->transfers_out == NULL)
		return;
	free(c->transfers_out->message);
	free(c->transfers_out);
	c->transfers_out = NULL;
}
