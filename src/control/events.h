// SPDX-License-Identifier: Apache-2.0
/*
 * events.h -- what happened, for those who watch: a ring of the last events.
 *
 * Purpose.   Control says what it does; streams of the API read from their own place in the ring.
 * Invariant. Memory is bounded by EVENTS_KEPT events of EVENT_DATA_MAX octets, whatever readers do:
 * one that falls behind learns that it has lost some. Ids rise, over restarts too (the seconds of
 * the start are their upper part).
 * Threads.   The control thread.
 */
#ifndef CONTROL_EVENTS_H
#define CONTROL_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVENTS_KEPT    1024
#define EVENT_DATA_MAX 4096

struct event {
	uint64_t id;
	char *zone;       /* NULL: of the server */
	const char *kind; /* static: "zone", "keys", "change", "group" ... */
	char *data;       /* one line of JSON */
};

struct events;
struct control;

/* NULL without memory. */
struct events *events_new(int64_t started_at);
void events_free(struct events *e);

/* `kind` must be static; `data` is JSON, copied; longer than EVENT_DATA_MAX or with line breaks:
 * the event is kept with an empty object. */
void events_emit(struct events *e, const char *zone, const char *kind, const char *data);
/* The first event after `id`, borrowed until the next emit; NULL where there is none. *lost: some
 * between are gone. */
const struct event *events_after(const struct events *e, uint64_t id, bool *lost);
uint64_t events_last(const struct events *e);
/* `seen` is called after each emit. One watcher; NULL ends it. */
void events_watch(struct events *e, void (*seen)(void *context), void *context);

struct events *control_events(struct control *c);
/* Emits a JSON object made from the format: control_event(c, zone, "keys", "{\"tag\":%u}", tag).
 * Texts from outside must be quoted by the caller (use jansson and events_emit() for those). */
__attribute__((format(printf, 4, 5))) void control_event(struct control *c, const char *zone,
							 const char *kind, const char *format, ...);

#endif
