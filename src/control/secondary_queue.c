// SPDX-License-Identifier: Apache-2.0
#include "control/secondary_queue.h"

#include <stdlib.h>

/* One primary. */
struct secondary_lane {
	struct secondary_lane *next;
	struct ip_addr address;
	uint16_t port;
	struct {
		struct secondary_turn *first, *last;
		unsigned running, limit;
	} job[SECONDARY_JOBS];
};

struct secondary_queue {
	struct secondary_lane *lanes;
	unsigned running[SECONDARY_JOBS];
	bool busy; /* turns are being given */
};

static const unsigned MAX[SECONDARY_JOBS] = { SECONDARY_CHECKS_MAX, SECONDARY_FETCHES_MAX };

enum err secondary_queue_new(struct secondary_queue **out)
{
	*out = calloc(1, sizeof **out);
	return *out != NULL ? ERR_OK : ERR_NOMEM;
}

void secondary_queue_stop(struct secondary_queue *q)
{
	q->busy = true;
}

void secondary_queue_free(struct secondary_queue *q)
{
	for (struct secondary_lane *l = q != NULL ? q->lanes : NULL, *next; l != NULL; l = next) {
		next = l->next;
		free(l);
	}
	free(q);
}

/* ---- lanes ---- */

static struct secondary_lane *lane_at(struct secondary_queue *q, const struct remote *at)
{
	for (struct secondary_lane *l = q->lanes; l != NULL; l = l->next)
		if (l->port == at->port && ip_equal(&l->address, &at->address))
			return l;
	struct secondary_lane *l = calloc(1, sizeof *l);
	if (l == NULL)
		return NULL;
	l->address = at->address;
	l->port = at->port;
	l->next = q->lanes;
	q->lanes = l;
	return l;
}

static bool is_idle(const struct secondary_lane *l)
{
	for (int j = 0; j < SECONDARY_JOBS; j++)
		if (l->job[j].first != NULL || l->job[j].running > 0)
			return false;
	return true;
}

static void drop_idle(struct secondary_queue *q)
{
	for (struct secondary_lane **place = &q->lanes, *l; (l = *place) != NULL;) {
		if (!is_idle(l)) {
			place = &l->next;
			continue;
		}
		*place = l->next;
		free(l);
	}
}

static void enter(struct secondary_turn *t)
{
	struct secondary_lane *l = t->lane;

	t->next = NULL;
	t->before = l->job[t->job].last;
	if (t->before != NULL)
		t->before->next = t;
	else
		l->job[t->job].first = t;
	l->job[t->job].last = t;
}

static void step_out(struct secondary_turn *t)
{
	struct secondary_lane *l = t->lane;

	if (t->before != NULL)
		t->before->next = t->next;
	else
		l->job[t->job].first = t->next;
	if (t->next != NULL)
		t->next->before = t->before;
	else
		l->job[t->job].last = t->before;
}

/* ---- turns ---- */

static bool start_first(struct secondary_queue *q, struct secondary_lane *l, int job)
{
	struct secondary_turn *t = l->job[job].first;

	if (t == NULL || l->job[job].running >= l->job[job].limit || q->running[job] >= MAX[job])
		return false;
	step_out(t);
	t->running = true;
	l->job[job].running++;
	q->running[job]++;
	t->start(t);
	return true;
}

/* The next turn is that of who stands behind `last`. */
static void rotate(struct secondary_queue *q, struct secondary_lane *last)
{
	struct secondary_lane *end = last;

	if (last == NULL || last->next == NULL)
		return;
	while (end->next != NULL)
		end = end->next;
	end->next = q->lanes;
	q->lanes = last->next;
	last->next = NULL;
}

/* One of each primary after another, while there is room. Who starts may fail, and leave, at once.
 */
static void give_turns(struct secondary_queue *q)
{
	struct secondary_lane *last = NULL;
	bool started = true;

	if (q->busy)
		return;
	q->busy = true;
	while (started) {
		started = false;
		for (struct secondary_lane *l = q->lanes; l != NULL; l = l->next) {
			for (int job = 0; job < SECONDARY_JOBS; job++) {
				if (!start_first(q, l, job))
					continue;
				started = true;
				last = l;
			}
		}
	}
	rotate(q, last);
	drop_idle(q);
	q->busy = false;
}

enum err secondary_queue_ask(struct secondary_queue *q, struct secondary_turn *t,
			     enum secondary_job job, const struct remote *at, unsigned limit)
{
	t->lane = lane_at(q, at);
	if (t->lane == NULL)
		return ERR_NOMEM;
	t->job = job;
	t->running = false;
	t->lane->job[SECONDARY_CHECK].limit = SECONDARY_CHECKS_MAX_EACH;
	t->lane->job[SECONDARY_FETCH].limit = limit;
	enter(t);
	give_turns(q);
	return ERR_OK;
}

void secondary_queue_leave(struct secondary_queue *q, struct secondary_turn *t)
{
	if (t->lane == NULL)
		return;
	if (t->running) {
		t->lane->job[t->job].running--;
		q->running[t->job]--;
	} else {
		step_out(t);
	}
	t->lane = NULL;
	t->running = false;
	give_turns(q);
}
