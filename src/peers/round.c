// SPDX-License-Identifier: Apache-2.0
/* One round of one zone: the parent's servers, then each server of each signer, one at a time. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/siphash.h"
#include "dns/rrtype.h"
#include "peers/delegation.h"
#include "peers/internal.h"
#include "transfer/answer.h"
#include "transfer/ds_answer.h"

#define UDP_SIZE 1232

struct round {
	struct observed *zone;
	struct asked *asked;
	size_t server; /* of the parent, or of `signer` */
	size_t signer;
	bool at_signers, asks_ns;
	struct seen_ds ds[SEEN_DS_MAX]; /* what all of the parent's servers that answered show */
	size_t ds_n;
	bool parent_answered;
	struct parent_seen parent;
	struct cross *cross;
	struct seen_ds trusted[SEEN_DS_MAX]; /* ... and what is trusted beside, for `signer` */
	size_t trusted_n;
	struct interview interview;
	struct signer_seen seen;
};

static void ask_next(struct round *r);

/* ---- telling ---- */

static const struct servers *servers_of(const struct round *r)
{
	return r->at_signers ? &r->zone->signer[r->signer] : &r->zone->parent;
}

/* "ns.example.net's server 192.0.2.1 port 53" */
static void name_server(const struct round *r, char *out, size_t cap)
{
	const struct servers *s = servers_of(r);
	char at[REMOTE_TEXT_MAX];

	remote_to_text(&s->server[r->server], at);
	if (r->at_signers)
		snprintf(out, cap, "%.64s at %s", s->name, at);
	else
		snprintf(out, cap, "the parent's server %s", at);
}

/* Once when it begins, when the reason changes, and when it is over. */
static void tell_change(const struct round *r, const char *why)
{
	static const struct siphash_key KEY = { 0, 0 };
	uint64_t *fault = &servers_of(r)->fault[r->server];
	uint64_t now = why != NULL ? siphash(&KEY, why, strlen(why)) | 1 : 0;
	char server[REMOTE_TEXT_MAX + 80];

	if (*fault == now)
		return;
	name_server(r, server, sizeof server);
	if (why != NULL)
		log_warning(r->zone->text, "peer: %s: %s; what it says does not count", server,
			    why);
	else
		log_notice(r->zone->text, "peer: %s: its answers validate again", server);
	*fault = now;
}

static void tell_failed(struct round *r, const char *why)
{
	const struct observer_handler *h = &r->zone->handler;

	r->zone->observer->count.failed_n++;
	tell_change(r, why);
	h->failed(r->at_signers ? (int)r->signer : OBSERVED_PARENT, (unsigned)r->server, why,
		  h->context);
}

/* ---- the parent ---- */

static bool has_ds(const struct parent_seen *p, const struct seen_ds *ds)
{
	for (size_t i = 0; i < p->ds_n; i++)
		if (p->ds[i].len == ds->len && memcmp(p->ds[i].rdata, ds->rdata, ds->len) == 0)
			return true;
	return false;
}

static void intersect(struct round *r)
{
	size_t n = 0;

	if (!r->parent_answered) {
		memcpy(r->ds, r->parent.ds, sizeof r->ds);
		r->ds_n = r->parent.ds_n;
		r->parent_answered = true;
		return;
	}
	for (size_t i = 0; i < r->ds_n; i++)
		if (has_ds(&r->parent, &r->ds[i]))
			r->ds[n++] = r->ds[i];
	r->ds_n = n;
}

static bool read_ds(struct round *r, struct span message, const char **why)
{
	struct ds_answer a;

	if (!ds_answer_read(message, r->zone->name, &a, why))
		return false;
	_Static_assert(SEEN_DS_MAX >= DS_ANSWER_MAX && SEEN_DS_RDATA_MAX >= DS_ANSWER_RDATA_MAX,
		       "it has room");
	r->parent.ds_n = a.n;
	r->parent.ds_ttl = a.ttl;
	for (size_t i = 0; i < a.n; i++) {
		r->parent.ds[i].len = (uint8_t)a.ds[i].len;
		memcpy(r->parent.ds[i].rdata, a.ds[i].rdata, a.ds[i].len);
	}
	return true;
}

static void parent_is_done(struct round *r)
{
	const struct observer_handler *h = &r->zone->handler;

	r->parent.at = time(NULL);
	intersect(r);
	r->zone->observer->count.look_n++;
	tell_change(r, NULL);
	h->parent((unsigned)r->server, &r->parent, h->context);
}

static void take_from_parent(struct round *r, struct span message)
{
	const char *why = "";
	bool good = r->asks_ns ? delegation_read(message, r->zone->name, &r->parent.ns,
						 &r->parent.ns_ttl, &why)
			       : read_ds(r, message, &why);

	if (good && !r->asks_ns) {
		r->asks_ns = true;
		return;
	}
	if (good)
		parent_is_done(r);
	else
		tell_failed(r, why);
	r->asks_ns = false;
	r->server++;
}

/* ---- signers ---- */

/* Who is not at the parent yet was introduced in another way. */
static void collect_trust(struct round *r)
{
	const struct observer_handler *h = &r->zone->handler;
	struct seen_ds more[SEEN_DS_MAX];

	memcpy(r->trusted, r->ds, sizeof r->trusted);
	r->trusted_n = r->ds_n;
	if (h->anchors == NULL || !r->parent_answered)
		return;
	size_t n = h->anchors((unsigned)r->signer, more, h->context);
	for (size_t i = 0; i < n && r->trusted_n < SEEN_DS_MAX; i++)
		r->trusted[r->trusted_n++] = more[i];
}

static void begin_interview(struct round *r)
{
	collect_trust(r);
	r->interview = (struct interview){ .zone = r->zone->name,
					   .ds = r->trusted,
					   .ds_n = r->trusted_n,
					   .sample = r->zone->sample,
					   .sample_n = r->zone->sample_n,
					   .tools = &r->zone->observer->tools,
					   .seen = &r->seen };
	interview_begin(&r->interview, time(NULL));
}

static void leave_server(struct round *r)
{
	r->server++;
	while (r->signer < r->zone->signer_n && r->server >= r->zone->signer[r->signer].n) {
		r->signer++;
		r->server = 0;
	}
	if (r->signer < r->zone->signer_n)
		begin_interview(r);
}

static void signer_is_done(struct round *r)
{
	const struct observer_handler *h = &r->zone->handler;

	if (r->cross != NULL)
		cross_add(r->cross, (unsigned)r->signer, (unsigned)r->server, &r->seen);
	r->zone->observer->count.look_n++;
	tell_change(r, NULL);
	h->signer((unsigned)r->signer, (unsigned)r->server, &r->seen, h->context);
	leave_server(r);
}

static void signer_failed(struct round *r, const char *why)
{
	if (r->cross != NULL)
		cross_drop(r->cross);
	tell_failed(r, why);
	leave_server(r);
}

static void take_from_signer(struct round *r, struct span message)
{
	struct interview_sample q;

	interview_next(&r->interview, &q);
	if (!interview_take(&r->interview, message, time(NULL))) {
		signer_failed(r, r->interview.why);
		return;
	}
	if (r->cross != NULL)
		cross_keep(r->cross, &q, message);
	if (!interview_next(&r->interview, &q))
		signer_is_done(r);
}

static const char *why_no_ds(const struct round *r)
{
	if (!r->parent_answered)
		return "none of the parent's servers answered, so nothing can be validated";
	return r->parent.ds_n > 0 ? "the parent's servers have no DS in common"
				  : "the parent has no DS for the zone";
}

static void enter_signers(struct round *r)
{
	r->at_signers = true;
	r->signer = 0;
	r->server = SIZE_MAX; /* leave_server() goes on to the first */
	leave_server(r);
}

/* Without DS nothing can be believed, and so nothing is asked. */
static void skip_untrusted(struct round *r)
{
	while (r->signer < r->zone->signer_n && r->trusted_n == 0)
		signer_failed(r, why_no_ds(r));
}

/* ---- questions ---- */

static void on_answer(const struct exchange_result *a, void *context)
{
	struct round *r = context;

	r->asked = NULL;
	if (a->err && r->at_signers) {
		signer_failed(r, a->why);
	} else if (a->err) {
		tell_failed(r, a->why);
		r->asks_ns = false;
		r->server++;
	} else if (r->at_signers) {
		take_from_signer(r, a->message);
	} else {
		take_from_parent(r, a->message);
	}
	ask_next(r);
}

static enum err ask(struct round *r, const uint8_t *name, uint16_t type)
{
	uint8_t room[MESSAGE_QUERY_MAX];
	struct span question = { room, query_write(room, name, type, 0, UDP_SIZE, r->at_signers) };

	/* Signers' answers prove themselves; the parent's only by the way that they come. */
	return asker_ask(&r->asked, r->zone->observer->asker, &servers_of(r)->server[r->server],
			 question, !r->at_signers, on_answer, r);
}

static void finish(struct round *r)
{
	struct observed *z = r->zone;

	if (r->cross != NULL) {
		const struct cross_result *c =
		    cross_judge(r->cross, z->name, &z->observer->tools, time(NULL));
		if (z->handler.crossed != NULL)
			z->handler.crossed(c, z->handler.context);
	}
	round_cancel(r);
	round_over(z);
}

static enum err ask_parent(struct round *r)
{
	if (!r->asks_ns) {
		memset(&r->parent, 0, offsetof(struct parent_seen, ds));
		r->parent.ns.n = 0;
		r->parent.asked_at = time(NULL);
	}
	return ask(r, r->zone->name, r->asks_ns ? TYPE_NS : TYPE_DS);
}

static void ask_next(struct round *r)
{
	struct interview_sample q;

	for (;;) {
		if (!r->at_signers && r->server == r->zone->parent.n)
			enter_signers(r);
		if (r->at_signers)
			skip_untrusted(r);
		if (r->at_signers && r->signer >= r->zone->signer_n) {
			finish(r);
			return;
		}
		enum err e = ERR_OK;
		if (!r->at_signers)
			e = ask_parent(r);
		else if (interview_next(&r->interview, &q))
			e = ask(r, q.name, q.type);
		if (!e)
			return;
		if (r->at_signers) {
			signer_failed(r, err_text(e));
		} else {
			tell_failed(r, err_text(e));
			r->asks_ns = false;
			r->server++;
		}
	}
}

enum err round_start(struct observed *z)
{
	struct observer *o = z->observer;
	struct round *r = o->idle != NULL ? o->idle : malloc(sizeof *r);

	if (r == NULL)
		return ERR_NOMEM;
	o->idle = NULL;
	memset(r, 0, offsetof(struct round, interview));
	r->zone = z;
	r->cross = cross_new(); /* NULL: this round compares nothing */
	z->round = r;
	ask_next(r);
	return ERR_OK;
}

void round_cancel(struct round *r)
{
	asked_cancel(r->asked);
	cross_free(r->cross);
	/* It is large: one is kept for the next round. */
	if (r->zone->observer->idle == NULL)
		r->zone->observer->idle = r;
	else
		free(r);
}
