// SPDX-License-Identifier: Apache-2.0
/* Requests that somebody else answers (query/handoff.h): kept until their last answer has come back
 * and, over TCP, until the client has taken it. */
#include <stdlib.h>
#include <string.h>

#include "net/internal.h"

/* Requests of one worker that may wait: past it they get SERVFAIL at once. */
#define WAITING_MAX 2048

/* One answer on its way back. */
struct reply {
	struct reply *next;
	struct waiting *to;
	bool last;
	size_t n;
	const uint8_t *bytes; /* behind it */
};

struct waiting {
	struct handoff h; /* stands first */
	struct waiting *newer, *older;
	struct worker *worker;
	struct asker asker;          /* tcp is NULL once the connection is gone */
	struct reply *first, *final; /* TCP: answers that wait for room */
	struct reply end;            /* the last one, where there is no memory for another */
	uint8_t message[];
};

static void unlink_waiting(struct waiting *x)
{
	struct worker *w = x->worker;

	if (x->newer != NULL)
		x->newer->older = x->older;
	else
		w->waiting = x->older;
	if (x->older != NULL)
		x->older->newer = x->newer;
	w->waiting_n--;
}

static void reply_free(struct reply *r)
{
	if (r != &r->to->end)
		free(r);
}

static void free_replies(struct waiting *x)
{
	while (x->first != NULL) {
		struct reply *r = x->first;
		x->first = r->next;
		reply_free(r);
	}
	x->final = NULL;
}

static void forget(struct waiting *x)
{
	unlink_waiting(x);
	free_replies(x);
	free(x);
}

/* Any thread. */
static void take_reply(struct handoff *h, const uint8_t *bytes, size_t n, bool last)
{
	struct waiting *x = (struct waiting *)(void *)h;
	struct worker *w = x->worker;
	struct reply *r = malloc(sizeof *r + n);

	if (r == NULL) {
		/* The client hears nothing more, and what is streamed to it ends. */
		atomic_store_explicit(&h->gone, true, memory_order_release);
		if (!last)
			return;
		r = &x->end;
		n = 0;
	}
	*r = (struct reply){ .to = x, .last = last, .n = n, .bytes = (uint8_t *)(r + 1) };
	if (n > 0)
		memcpy(r + 1, bytes, n);
	atomic_fetch_add_explicit(&h->queued, n, memory_order_relaxed);
	pthread_mutex_lock(&w->inbox_lock);
	if (w->inbox_last != NULL)
		w->inbox_last->next = r;
	else
		w->inbox = r;
	w->inbox_last = r;
	pthread_mutex_unlock(&w->inbox_lock);
	uv_async_send(&w->wake);
}

bool handoff_query(struct worker *w, struct span in, const struct asker *from)
{
	const struct net_options *o = &w->net->options;
	struct waiting *x;

	if (o->handoff == NULL || w->waiting_n >= WAITING_MAX)
		return false;
	x = calloc(1, sizeof *x + in.n);
	if (x == NULL)
		return false;
	memcpy(x->message, in.p, in.n);
	x->h.message = (struct span){ x->message, in.n };
	x->h.client = from->client;
	x->h.reply = take_reply;
	x->worker = w;
	x->asker = *from;
	if (from->tcp != NULL)
		x->h.has_certificate = tcp_client_certificate(from->tcp, x->h.certificate);
	x->older = w->waiting;
	if (w->waiting != NULL)
		w->waiting->newer = x;
	w->waiting = x;
	w->waiting_n++;
	if (o->handoff(&x->h, o->handoff_context))
		return true;
	forget(x);
	return false;
}

static void count_sent(struct waiting *x, size_t n)
{
	size_t before = atomic_fetch_sub_explicit(&x->h.queued, n, memory_order_release);

	if (x->h.drained != NULL && before > HANDOFF_QUEUED_MAX / 2 &&
	    before - n <= HANDOFF_QUEUED_MAX / 2)
		x->h.drained(&x->h);
}

/* Gives the connection what it has room for. True: something was given. */
bool handoff_pump(struct worker *w, struct connection *c)
{
	bool given = false;

	for (struct waiting *x = w->waiting, *older; x != NULL; x = older) {
		older = x->older;
		while (x->asker.tcp == c && x->first != NULL && tcp_has_room(c)) {
			struct reply *r = x->first;
			bool last = r->last;
			if (r->n > 0 && !tcp_append(c, r->bytes, r->n))
				return given; /* no memory: tried again with the next event */
			given = given || r->n > 0;
			x->first = r->next;
			if (x->first == NULL)
				x->final = NULL;
			count_sent(x, r->n);
			reply_free(r);
			if (!last)
				continue;
			tcp_unpark(c);
			forget(x);
			break;
		}
	}
	return given;
}

bool handoff_has_more(const struct worker *w, const struct connection *c)
{
	for (const struct waiting *x = w->waiting; x != NULL; x = x->older)
		if (x->asker.tcp == c && x->first != NULL)
			return true;
	return false;
}

static void deliver(struct reply *r)
{
	struct waiting *x = r->to;
	bool last = r->last;

	if (x->asker.tcp != NULL) {
		if (x->final != NULL)
			x->final->next = r;
		else
			x->first = r;
		x->final = r;
		tcp_continue(x->asker.tcp);
		return;
	}
	if (x->asker.udp != NULL && r->n > 0)
		udp_answer_late(&x->asker, r->bytes, r->n);
	count_sent(x, r->n);
	reply_free(r);
	if (last)
		forget(x);
}

void handoff_deliver(struct worker *w)
{
	pthread_mutex_lock(&w->inbox_lock);
	struct reply *r = w->inbox;
	w->inbox = w->inbox_last = NULL;
	pthread_mutex_unlock(&w->inbox_lock);
	while (r != NULL) {
		struct reply *next = r->next;
		r->next = NULL;
		deliver(r);
		r = next;
	}
	udp_flush_late(w);
}

void handoff_forget(struct worker *w, const struct connection *c)
{
	for (struct waiting *x = w->waiting, *older; x != NULL; x = older) {
		older = x->older;
		if (x->asker.tcp != c)
			continue;
		bool ended = x->final != NULL && x->final->last;
		x->asker.tcp = NULL;
		free_replies(x);
		if (ended) {
			forget(x);
			continue;
		}
		atomic_store_explicit(&x->h.gone, true, memory_order_release);
		if (x->h.drained != NULL)
			x->h.drained(&x->h);
	}
}

void handoff_close(struct worker *w)
{
	handoff_deliver(w);
	while (w->waiting != NULL)
		forget(w->waiting);
}
