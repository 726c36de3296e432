// SPDX-License-Identifier: Apache-2.0
/* The future: a heap by time, then by order. */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

static bool before(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void swap(struct event *a, struct event *b)
{
	struct event t = *a;

	*a = *b;
	*b = t;
}

/* The event is filled in by the caller after its place in the heap was found: only `at` and `order`
 * decide over that. */
struct event *world_post(struct world *w, int64_t at, enum event_kind kind, unsigned who)
{
	unsigned i = w->event_n++;

	if (i == WORLD_EVENTS) {
		fputs("more events than a world holds\n", stderr);
		abort();
	}
	w->events[i] = (struct event){
		.at = at, .order = w->order++, .kind = (uint8_t)kind, .who = (uint8_t)who
	};
	for (; i > 0 && before(&w->events[i], &w->events[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&w->events[i], &w->events[(i - 1) / 2]);
	return &w->events[i];
}

bool world_next(struct world *w, struct event *out)
{
	unsigned i = 0;

	if (w->event_n == 0)
		return false;
	*out = w->events[0];
	w->events[0] = w->events[--w->event_n];
	for (;;) {
		unsigned child = 2 * i + 1;
		if (child >= w->event_n)
			return true;
		if (child + 1 < w->event_n && before(&w->events[child + 1], &w->events[child]))
			child++;
		if (!before(&w->events[child], &w->events[i]))
			return true;
		swap(&w->events[i], &w->events[child]);
		i = child;
	}
}
