// SPDX-License-Identifier: Apache-2.0
/* Events as they happen (text/event-stream, the HTML standard §9.2): a response without an end,
 * which sleeps while there is nothing to say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "control/events.h"

struct event_stream {
	struct event_stream *next;
	struct api *api;
	struct MHD_Connection *connection;
	struct api_access bound; /* zones that the caller may see: copies */
	uint64_t last;           /* id of the last event sent */
	bool beat, asleep, ended;
	char *line; /* what is being sent */
	size_t line_n, line_at;
};

static bool is_for(const struct event_stream *s, const struct event *v)
{
	if (s->bound.zone_n == 0)
		return true;
	for (size_t i = 0; v->zone != NULL && i < s->bound.zone_n; i++)
		if (strcmp(s->bound.zones[i], v->zone) == 0)
			return true;
	return false;
}

static char *format_event(const struct event *v)
{
	char *line = NULL;
	json_t *j = json_loads(v->data, 0, NULL);

	if (j == NULL)
		j = json_object();
	if (v->zone != NULL)
		json_object_set_new(j, "zone", json_string(v->zone));
	char *data = json_dumps(j, JSON_COMPACT);
	if (data == NULL || asprintf(&line, "id: %llu\nevent: %s\ndata: %s\n\n",
				     (unsigned long long)v->id, v->kind, data) < 0)
		line = NULL;
	free(data);
	json_decref(j);
	return line;
}

/* The next thing to say into s->line; false: nothing. */
static bool next_line(struct event_stream *s)
{
	struct events *all = control_events(s->api->options.control);
	const struct event *v;
	bool lost;

	free(s->line);
	s->line = NULL;
	while (s->line == NULL && (v = events_after(all, s->last, &lost)) != NULL) {
		if (lost) {
			s->last = v->id - 1;
			s->line = strdup("event: lost\ndata: {}\n\n");
		} else {
			s->last = v->id;
			s->line = is_for(s, v) ? format_event(v) : NULL;
		}
	}
	if (s->line == NULL && s->beat)
		s->line = strdup(":\n\n");
	s->beat = false;
	s->line_at = 0;
	s->line_n = s->line != NULL ? strlen(s->line) : 0;
	return s->line != NULL;
}

static ssize_t fill(void *context, uint64_t position, char *out, size_t n)
{
	struct event_stream *s = context;

	(void)position;
	if (s->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (s->line_at == s->line_n && !next_line(s)) {
		s->asleep = true;
		MHD_suspend_connection(s->connection);
		return 0;
	}
	size_t left = s->line_n - s->line_at;
	n = n < left ? n : left;
	memcpy(out, s->line + s->line_at, n);
	s->line_at += n;
	return (ssize_t)n;
}

static void stream_free(void *context)
{
	struct event_stream *s = context;

	for (struct event_stream **at = &s->api->streams; *at != NULL; at = &(*at)->next) {
		if (*at == s) {
			*at = s->next;
			s->api->stream_n--;
			break;
		}
	}
	for (size_t i = 0; i < s->bound.zone_n; i++)
		free((char *)(uintptr_t)s->bound.zones[i]);
	free((void *)(uintptr_t)s->bound.zones);
	free(s->line);
	free(s);
}

static bool copy_zones(struct event_stream *s, const struct api_access *from)
{
	if (from == NULL || from->zone_n == 0)
		return true;
	char **zones = calloc(from->zone_n, sizeof *zones);
	s->bound.zones = (const char *const *)zones;
	for (size_t i = 0; zones != NULL && i < from->zone_n; i++) {
		zones[i] = strdup(from->zones[i]);
		if (zones[i] == NULL)
			return false;
		s->bound.zone_n++;
	}
	return zones != NULL;
}

struct MHD_Response *event_stream_new(struct api *a, struct request *r, uint64_t stream)
{
	const char *last = request_header(r, "Last-Event-ID");
	struct event_stream *s = a->stream_n < EVENT_STREAMS_MAX ? calloc(1, sizeof *s) : NULL;

	if (s == NULL)
		return NULL;
	s->api = a;
	s->connection = r->connection;
	s->beat = true; /* headers go out with the first bytes */
	s->last = last != NULL ? strtoull(last, NULL, 10)
			       : events_last(control_events(a->options.control));
	s->next = a->streams;
	a->streams = s;
	a->stream_n++;
	struct MHD_Response *m =
	    copy_zones(s, r->principal.access)
		? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, fill, s, stream_free)
		: NULL;
	if (m == NULL) {
		stream_free(s);
		return NULL;
	}
	struct tls_stream *t = a->tls != NULL ? tls_stream_find(a->tls, stream) : NULL;
	if (t != NULL)
		tls_stream_restart_clock(t, true);
	return m;
}

static void wake(struct api *a, bool beat)
{
	for (struct event_stream *s = a->streams; s != NULL; s = s->next) {
		s->beat = s->beat || beat;
		if (s->asleep) {
			s->asleep = false;
			MHD_resume_connection(s->connection);
		}
	}
	/* Not from here: an event may come out of a handler that the library is in. */
	http_run_soon(&a->local);
	http_run_soon(&a->outside);
}

void event_streams_wake(void *api)
{
	wake(api, false);
}

void event_streams_beat(struct api *a)
{
	wake(a, true);
}

void event_streams_end(struct api *a)
{
	for (struct event_stream *s = a->streams; s != NULL; s = s->next)
		s->ended = true;
	if (a->streams != NULL)
		wake(a, true);
}
