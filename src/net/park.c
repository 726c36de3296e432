// SPDX-License-Identifier: Apache-2.0
/* Queries that wait for signatures: kept as they came, and asked again when these are there. The
 * worker makes them itself, some at a time between two looks at its sockets: several together cost
 * half (dnssec/ecdsa_batch.h), and hits wait for one such slice at most. What is dear (RSA, P-384),
 * and what piles up where there are other cores, goes to the signer threads. Hits never come here.
 */
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dnssec/algorithm.h"
#include "net/internal.h"

/* Signatures in a slice: 16 of P-256 are less than 0.2 ms. Where hits were answered since the slice
 * before, others will come: as few as two, which are hardly cheaper each than one alone, but hits
 * wait for a fifth of the time, which is what an answer takes with nothing to sign. */
#define SLICE             16
#define SLICE_BESIDE_HITS 2
/* Where there are other cores: what waits beyond this is theirs. */
#define OWN_MAX 64

#define NO_SLOT UINT16_MAX
_Static_assert(PARK_MAX < NO_SLOT && SLICE <= NEED_BATCH_MAX, "slots have numbers");

enum err park_open(struct worker *w)
{
	w->parked = calloc(PARK_MAX, sizeof *w->parked);
	w->park_order = calloc(PARK_MAX, sizeof *w->park_order);
	w->park_free = calloc(PARK_MAX, sizeof *w->park_free);
	w->slice = calloc(1, sizeof *w->slice);
	if (w->parked == NULL || w->park_order == NULL || w->park_free == NULL || w->slice == NULL)
		return ERR_NOMEM;
	for (uint16_t i = 0; i < PARK_MAX; i++)
		w->park_free[i] = i;
	w->park_free_n = PARK_MAX;
	return ERR_OK;
}

void park_close(struct worker *w)
{
	free(w->parked);
	free(w->park_order);
	free(w->park_free);
	free(w->slice);
}

static uint16_t *place_at(struct worker *w, size_t i)
{
	return &w->park_order[(w->parked_first + i) % PARK_MAX];
}

static struct parked *slot_at(struct worker *w, size_t i)
{
	return *place_at(w, i) != NO_SLOT ? &w->parked[*place_at(w, i)] : NULL;
}

static void forget_slot(struct worker *w, size_t i)
{
	view_unpin(slot_at(w, i)->view);
	w->park_free[w->park_free_n++] = *place_at(w, i);
	*place_at(w, i) = NO_SLOT;
}

/* The first `n` places without those that were forgotten; what stands behind does not move. */
static void close_gaps(struct worker *w, size_t n)
{
	size_t kept = n;

	for (size_t i = n; i-- > 0;)
		if (*place_at(w, i) != NO_SLOT)
			*place_at(w, --kept) = *place_at(w, i);
	w->parked_first = (w->parked_first + kept) % PARK_MAX;
	w->parked_n -= kept;
}

/* ---- who signs ---- */

static bool submit(struct worker *w, const struct query_need *n)
{
	if (!need_claim(n))
		return true; /* somebody is at it */
	if (signers_submit(&w->net->signers, w->query.view, n))
		return true;
	need_release(n);
	counter_add(&w->stats.signer_queue_full, 1);
	return false;
}

/* False: the queue is full. */
static bool submit_all(struct worker *w)
{
	const struct query *q = &w->query;

	for (unsigned i = 0; i < q->need_n; i++)
		if (!submit(w, &q->need[i]))
			return false;
	return true;
}

static bool are_quick(const struct query_need *needs, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!need_is_quick(&needs[i]))
			return false;
	return true;
}

/* False: nobody can make what is missing. */
static bool start_missing(struct worker *w)
{
	bool quick = are_quick(w->query.need, w->query.need_n);

	if (quick && (w->net->is_alone || w->parked_n < OWN_MAX))
		return true;
	return submit_all(w) || quick;
}

void park_renew(struct worker *w)
{
	submit_all(w);
}

/* ---- waiting ---- */

static void keep(struct worker *w, struct parked *p)
{
	p->view = w->query.view;
	view_pin(p->view);
	p->waits = w->query.need_n > 0;
	if (!p->waits)
		return;
	p->need = w->query.need[0];
	/* It may lie in the query, whose next question writes over it. */
	memcpy(p->owner, p->need.owner, name_len(p->need.owner));
	p->need.owner = p->owner;
	if (need_is_quick(&p->need))
		uv_idle_start(&w->sign, park_work);
}

bool park_query(struct worker *w, struct span in, const struct asker *from)
{
	if (in.n > PARK_REQUEST_MAX || w->parked_n == PARK_MAX || w->park_free_n == 0 ||
	    !start_missing(w))
		return false;
	uint16_t slot = w->park_free[--w->park_free_n];
	*place_at(w, w->parked_n++) = slot;
	struct parked *p = &w->parked[slot];
	p->asker = *from;
	p->since_ms = uv_now(&w->loop);
	p->len = (uint16_t)in.n;
	memcpy(p->request, in.p, in.n);
	keep(w, p);
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
			keep(w, p);
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
	return p->view != w->query.view ||
	       (p->waits && need_state(&p->need, w->query.now) != SIG_MISS);
}

/* Goes through all that wait, in order, and keeps those that still must. */
static void pass(struct worker *w, uint64_t give_up_before_ms, bool only_expired)
{
	size_t n = w->parked_n;

	if (!worker_begin(w))
		return;
	for (size_t i = 0; i < n; i++) {
		struct parked *p = slot_at(w, i);
		bool expired = p->since_ms < give_up_before_ms;
		bool due = expired || (!only_expired && is_worth_a_try(w, p));
		if (due && retry(w, p, expired))
			forget_slot(w, i);
	}
	udp_flush_late(w);
	/* What a connection asked meanwhile, as it got its answer, stands behind. */
	close_gaps(w, n);
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
	for (size_t i = 0; i < w->parked_n; i++) {
		struct parked *p = slot_at(w, i);
		if (p != NULL && p->asker.tcp == c)
			p->asker.tcp = NULL;
	}
}

/* ---- a slice of signing ---- */

/* What becomes of a place in this turn. */
enum turn { STAYS, ASKED_AGAIN, SIGNED /* plus the number in the batch */ };
_Static_assert(SIGNED + NEED_BATCH_MAX <= UINT8_MAX, "a turn is an octet");

/* The places, from the front on, whose signatures are there or in this slice: at most as many as
 * fill it. Returns how many places were looked at. */
static size_t fill_slice(struct worker *w, uint8_t turns[PARK_MAX], unsigned most, size_t *moving)
{
	struct need_batch *b = w->slice;
	size_t i;

	*moving = 0;
	for (i = 0; i < w->parked_n && b->n < most; i++) {
		struct parked *p = slot_at(w, i);
		turns[i] = is_worth_a_try(w, p) ? ASKED_AGAIN : STAYS;
		if (turns[i] == STAYS && p->waits && need_is_quick(&p->need) &&
		    need_claim(&p->need)) {
			turns[i] = (uint8_t)(SIGNED + b->n);
			need_add(b, &p->need, w->query.now);
		}
		*moving += turns[i] != STAYS;
	}
	return i;
}

void park_work(uv_idle_t *h)
{
	struct worker *w = h->data;
	uint8_t turns[PARK_MAX];
	size_t moving = 0;

	if (!worker_begin(w))
		return;
	w->slice->signer = w->query.signer;
	uint64_t since_ns = latency_now_ns();
	bool hits = counter_read(&w->query_stats.answers) != w->answered;
	size_t n = fill_slice(w, turns, hits ? SLICE_BESIDE_HITS : SLICE, &moving);
	uint8_t algorithm = w->slice->algorithm;
	unsigned made = need_finish(w->slice);
	sign_stats_add(&w->sign_stats, algorithm, since_ns, made);
	counter_add(&w->query_stats.sig_made, made);
	for (size_t i = 0; i < n; i++) {
		/* What cannot be signed would be tried for ever. */
		bool failed = turns[i] >= SIGNED && w->slice->job[turns[i] - SIGNED].err;
		if (turns[i] != STAYS && retry(w, slot_at(w, i), failed))
			forget_slot(w, i);
	}
	w->answered = counter_read(&w->query_stats.answers);
	udp_flush_late(w);
	close_gaps(w, n);
	/* What is left is being signed elsewhere, and its end wakes us. */
	if (moving == 0)
		uv_idle_stop(h);
}
