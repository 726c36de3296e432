// SPDX-License-Identifier: Apache-2.0
/* Queries that wait for signatures: kept as they came and asked again once signer threads report.
 * Hits never come here. */
#include <string.h>

#include "net/internal.h"

static struct parked *slot_at(struct worker *w, size_t i)
{
	return &w->parked[(w->parked_first + i) % PARK_MAX];
}

/* Starts what nobody else makes yet. False: the queue is full. */
static bool start_missing(struct worker *w)
{
	const struct query *q = &w->query;

	for (unsigned i = 0; i < q->need_n; i++) {
		const struct query_need *n = &q->need[i];
		if (!need_claim(n))
			continue;
		if (signers_submit(&w->net->signers, q->view, n))
			continue;
		need_release(n);
		counter_add(&w->stats.signer_queue_full, 1);
		return false;
	}
	return true;
}

void park_renew(struct worker *w)
{
	start_missing(w);
}

bool park_query(struct worker *w, struct span in, const struct asker *from)
{
	if (in.n > PARK_REQUEST_MAX || w->parked_n == PARK_MAX || !start_missing(w))
		return false;
	struct parked *p = slot_at(w, w->parked_n++);
	p->asker = *from;
	p->view = w->query.view;
	p->need = w->query.need[0];
	view_pin(p->view);
	p->since_ms = uv_now(&w->loop);
	p->len = (uint16_t)in.n;
	memcpy(p->request, in.p, in.n);
	counter_add(&w->query_stats.sig_waits, 1);
	return true;
}

static void deliver(const struct asker *a, const struct writer *out)
{
	if (a->udp != NULL)
		udp_answer_late(a, out->start, writer_len(out));
	else
		tcp_answer_later(a->tcp, out->start, writer_len(out));
}

/* Asks again. True: settled, one way or another. */
static bool retry(struct worker *w, struct parked *p, bool give_up)
{
	struct span in = { p->request, p->len };
	struct writer out = writer_of(w->answer, MESSAGE_MAX);
	enum verdict v;

	if (p->asker.udp == NULL && p->asker.tcp == NULL)
		return true; /* its connection is gone */
	v = give_up ? w->net->pipeline.give_up(&w->query, in, &p->asker.client, &out)
		    : w->net->pipeline.answer(&w->query, in, &p->asker.client, &out);
	if (v == QUERY_WAIT) {
		if (start_missing(w)) {
			view_unpin(p->view);
			p->view = w->query.view;
			p->need = w->query.need[0];
			view_pin(p->view);
			return false;
		}
		out = writer_of(w->answer, MESSAGE_MAX);
		v = w->net->pipeline.give_up(&w->query, in, &p->asker.client, &out);
	}
	if (p->asker.udp == NULL)
		tcp_unpark(p->asker.tcp);
	if (v == QUERY_REPLY)
		deliver(&p->asker, &out);
	return true;
}

/* Whether asking again may help: the signature is there, or the view has changed since. */
static bool is_worth_a_try(const struct worker *w, const struct parked *p)
{
	return p->view != w->query.view || need_state(&p->need, w->query.now) != SIG_MISS;
}

/* Goes through all that wait, in order, and keeps those that still must. */
static void pass(struct worker *w, uint64_t give_up_before_ms, bool only_expired)
{
	size_t n = w->parked_n, kept = 0;

	if (!worker_begin(w))
		return;
	for (size_t i = 0; i < n; i++) {
		struct parked *p = slot_at(w, i);
		bool expired = p->since_ms < give_up_before_ms;
		bool due = expired || (!only_expired && is_worth_a_try(w, p));
		if (due && retry(w, p, expired)) {
			view_unpin(p->view);
			continue;
		}
		if (kept != i)
			*slot_at(w, kept) = *p;
		kept++;
	}
	udp_flush_late(w);
	/* What a connection asked meanwhile, as it got its answer, stands behind. */
	for (size_t i = n; i < w->parked_n; i++)
		*slot_at(w, kept++) = *slot_at(w, i);
	w->parked_n = kept;
}

void park_resume(struct worker *w)
{
	pass(w, 0, false);
}

void park_expire(struct worker *w, uint64_t now_ms)
{
	pass(w,
	     now_ms == UINT64_MAX       ? UINT64_MAX
	     : now_ms > PARK_TIMEOUT_MS ? now_ms - PARK_TIMEOUT_MS
					: 0,
	     true);
}

void park_forget(struct worker *w, const struct connection *c)
{
	for (size_t i = 0; i < w->parked_n; i++)
		if (slot_at(w, i)->asker.tcp == c)
			slot_at(w, i)->asker.tcp = NULL;
}
