// SPDX-License-Identifier: Apache-2.0
#include "control/events.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/internal.h"

/* Room for a million events a second of the process's life. */
#define SEQUENCE_BITS 20

struct events {
	struct event ring[EVENTS_KEPT];
	uint64_t first, next; /* ids; equal: none */
	void (*seen)(void *context);
	void *context;
};

struct events *events_new(int64_t started_at)
{
	struct events *e = calloc(1, sizeof *e);

	if (e != NULL)
		e->first = e->next = ((uint64_t)started_at << SEQUENCE_BITS) + 1;
	return e;
}

static void event_clear(struct event *v)
{
	free(v->zone);
	free(v->data);
	*v = (struct event){ 0 };
}

void events_free(struct events *e)
{
	if (e == NULL)
		return;
	for (size_t i = 0; i < EVENTS_KEPT; i++)
		event_clear(&e->ring[i]);
	free(e);
}

void events_emit(struct events *e, const char *zone, const char *kind, const char *data)
{
	if (e == NULL)
		return;
	bool fits = strlen(data) <= EVENT_DATA_MAX && strpbrk(data, "\r\n") == NULL;
	struct event v = { e->next, zone != NULL ? strdup(zone) : NULL, kind,
			   strdup(fits ? data : "{}") };

	if (v.data == NULL || (zone != NULL && v.zone == NULL)) {
		event_clear(&v);
		return;
	}
	struct event *slot = &e->ring[e->next % EVENTS_KEPT];
	event_clear(slot);
	*slot = v;
	e->next++;
	if (e->next - e->first > EVENTS_KEPT)
		e->first = e->next - EVENTS_KEPT;
	if (e->seen != NULL)
		e->seen(e->context);
}

const struct event *events_after(const struct events *e, uint64_t id, bool *lost)
{
	uint64_t wanted = id + 1;

	*lost = false;
	if (wanted < e->first || wanted > e->next) {
		/* From another process, or overtaken: what is gone is not known. */
		*lost = true;
		wanted = e->first;
	}
	return wanted < e->next ? &e->ring[wanted % EVENTS_KEPT] : NULL;
}

uint64_t events_last(const struct events *e)
{
	return e->next - 1;
}

void events_watch(struct events *e, void (*seen)(void *context), void *context)
{
	e->seen = seen;
	e->context = context;
}

struct events *control_events(struct control *c)
{
	return c->events;
}

void control_event(struct control *c, const char *zone, const char *kind, const char *format, ...)
{
	char data[EVENT_DATA_MAX + 1];
	va_list ap;

	va_start(ap, format);
	int n = vsnprintf(data, sizeof data, format, ap);
	va_end(ap);
	events_emit(c->events, zone, kind, n < (int)sizeof data ? data : "{}");
}
