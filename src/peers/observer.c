// SPDX-License-Identifier: Apache-2.0
#include "peers/observer.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "peers/internal.h"

#define QUESTIONS_MAX   256
#define ROUNDS_MAX      128
#define SIGNATURES_KEPT (1u << 18) /* 4 MiB: some 20 signatures of each of 10,000 zones */
#define RETRY_MS        1000

/* ---- zones by the time of their next round: a binary heap ---- */

static void place(struct observer *o, size_t at, struct observed *z)
{
	o->heap[at] = z;
	z->heap_at = at;
}

static void rise(struct observer *o, size_t at)
{
	struct observed *z = o->heap[at];

	for (; at > 0 && o->heap[(at - 1) / 2]->next_ms > z->next_ms; at = (at - 1) / 2)
		place(o, at, o->heap[(at - 1) / 2]);
	place(o, at, z);
}

static void sink(struct observer *o, size_t at)
{
	struct observed *z = o->heap[at];

	for (;;) {
		size_t child = 2 * at + 1;
		if (child + 1 < o->heap_n && o->heap[child + 1]->next_ms < o->heap[child]->next_ms)
			child++;
		if (child >= o->heap_n || o->heap[child]->next_ms >= z->next_ms)
			break;
		place(o, at, o->heap[child]);
		at = child;
	}
	place(o, at, z);
}

/* There is room for all zones. */
static void push(struct observer *o, struct observed *z)
{
	place(o, o->heap_n++, z);
	rise(o, z->heap_at);
}

static void pull(struct observer *o, struct observed *z)
{
	size_t at = z->heap_at;

	z->heap_at = SIZE_MAX;
	if (at == --o->heap_n)
		return;
	place(o, at, o->heap[o->heap_n]);
	sink(o, at);
	rise(o, at);
}

static bool make_room(struct observer *o)
{
	if (o->zone_n < o->heap_cap)
		return true;
	size_t cap = o->heap_cap > 0 ? 2 * o->heap_cap : 64;
	struct observed **more = realloc(o->heap, cap * sizeof(struct observed *));
	if (more == NULL)
		return false;
	o->heap = more;
	o->heap_cap = cap;
	return true;
}

/* ---- rounds in their turn ---- */

static void on_time(uv_timer_t *t);

static void wait(struct observer *o)
{
	uint64_t now = uv_now(o->loop);

	if (uv_is_closing((uv_handle_t *)&o->timer))
		return;
	if (o->heap_n == 0 || o->round_n >= o->limits.rounds_max) {
		uv_timer_stop(&o->timer);
		return;
	}
	uint64_t next = o->heap[0]->next_ms;
	uv_timer_start(&o->timer, on_time, next > now ? next - now : 0, 0);
	uv_unref((uv_handle_t *)&o->timer);
}

static void on_time(uv_timer_t *t)
{
	struct observer *o = t->data;
	uint64_t now = uv_now(o->loop);

	while (o->heap_n > 0 && o->heap[0]->next_ms <= now && o->round_n < o->limits.rounds_max) {
		struct observed *z = o->heap[0];
		pull(o, z);
		o->round_n++;
		if (round_start(z)) {
			o->round_n--;
			z->next_ms = now + RETRY_MS;
			push(o, z);
			break;
		}
	}
	wait(o);
}

/* Up to a tenth earlier or later, so that zones that were added together do not stay together. */
static uint64_t next_after(const struct observed *z, uint64_t now)
{
	uint64_t interval = z->interval_s * UINT64_C(1000), tenth = interval / 10;

	if (z->again)
		return now;
	return now + interval - tenth + random_u64() % (2 * tenth + 1);
}

void round_over(struct observed *z)
{
	struct observer *o = z->observer;

	z->round = NULL;
	o->round_n--;
	o->count.round_n++;
	z->next_ms = next_after(z, uv_now(o->loop));
	z->again = false;
	push(o, z);
	wait(o);
	z->handler.over(z->handler.context);
}

void observed_look_now(struct observed *z)
{
	struct observer *o = z->observer;

	if (z->round != NULL) {
		z->again = true;
		return;
	}
	z->next_ms = uv_now(o->loop);
	rise(o, z->heap_at);
	wait(o);
}

void observed_look_soon(struct observed *z, uint64_t in_ms)
{
	struct observer *o = z->observer;
	uint64_t at = uv_now(o->loop) + in_ms;

	if (z->round != NULL || z->next_ms <= at)
		return;
	z->next_ms = at;
	rise(o, z->heap_at);
	wait(o);
}

/* ---- zones ---- */

static void free_servers(struct servers *s)
{
	free(s->name);
	free(s->server);
	free(s->fault);
}

static bool copy_servers(struct servers *to, const struct observed_servers *from)
{
	*to = (struct servers){ .n = from->n };
	to->name = strdup(from->name != NULL ? from->name : "");
	to->server = calloc(from->n + 1, sizeof *to->server);
	to->fault = calloc(from->n + 1, sizeof *to->fault);
	if (to->name == NULL || to->server == NULL || to->fault == NULL)
		return false;
	for (size_t i = 0; i < from->n; i++)
		to->server[i] = from->server[i];
	return true;
}

static bool copy_samples(struct observed *z, const struct observed_zone *from)
{
	for (size_t i = 0; i < from->sample_n; i++) {
		size_t n = name_len(from->sample[i].name);
		uint8_t *name = malloc(n);
		if (name == NULL)
			return false;
		memcpy(name, from->sample[i].name, n);
		z->sample[z->sample_n++] = (struct interview_sample){ name, from->sample[i].type };
	}
	return true;
}

static void free_zone(struct observed *z)
{
	free_servers(&z->parent);
	for (size_t i = 0; i < GROUP_SIGNERS_MAX; i++)
		free_servers(&z->signer[i]);
	for (size_t i = 0; i < z->sample_n; i++)
		free((void *)(uintptr_t)z->sample[i].name);
	free(z->text);
	free(z);
}

static bool is_within_limits(const struct observed_zone *zone)
{
	bool good = zone->signer_n <= GROUP_SIGNERS_MAX && zone->parent.n <= GROUP_SERVERS_MAX &&
		    zone->sample_n <= INTERVIEW_SAMPLES_MAX && zone->interval_s > 0;

	for (size_t i = 0; good && i < zone->signer_n; i++)
		good = zone->signer[i].n <= GROUP_SERVERS_MAX;
	return good;
}

static struct observed *copy_zone(const struct observed_zone *zone)
{
	struct observed *z = calloc(1, sizeof *z);

	if (z == NULL)
		return NULL;
	name_lower(zone->name, z->name);
	z->interval_s = zone->interval_s;
	z->signer_n = zone->signer_n;
	z->text = strdup(zone->text);
	bool good =
	    z->text != NULL && copy_servers(&z->parent, &zone->parent) && copy_samples(z, zone);
	for (size_t i = 0; good && i < zone->signer_n; i++)
		good = copy_servers(&z->signer[i], &zone->signer[i]);
	if (good)
		return z;
	free_zone(z);
	return NULL;
}

enum err observed_add(struct observed **out, struct observer *o, const struct observed_zone *zone,
		      const struct observer_handler *handler)
{
	if (!is_within_limits(zone))
		return ERR_RANGE;
	struct observed *z = make_room(o) ? copy_zone(zone) : NULL;
	if (z == NULL)
		return ERR_NOMEM;
	z->observer = o;
	z->handler = *handler;
	z->next_ms = uv_now(o->loop) + random_u64() % (z->interval_s * UINT64_C(1000));
	o->zone_n++;
	push(o, z);
	wait(o);
	*out = z;
	return ERR_OK;
}

void observed_remove(struct observed *z)
{
	if (z == NULL)
		return;
	struct observer *o = z->observer;

	if (z->round != NULL) {
		round_cancel(z->round);
		o->round_n--;
	} else {
		pull(o, z);
	}
	o->zone_n--;
	free_zone(z);
	wait(o);
}

/* ---- begin and end ---- */

static void on_closed(uv_handle_t *h)
{
	struct observer *o = h->data;

	verify_memo_free(o->tools.memo);
	free(o->heap);
	free(o->idle);
	free(o);
}

enum err observer_new(struct observer **out, uv_loop_t *loop, const struct observer_limits *limits)
{
	struct observer *o = calloc(1, sizeof *o);

	if (o == NULL)
		return ERR_NOMEM;
	o->loop = loop;
	o->limits = *limits;
	if (o->limits.questions_max == 0)
		o->limits.questions_max = QUESTIONS_MAX;
	if (o->limits.rounds_max == 0)
		o->limits.rounds_max = ROUNDS_MAX;
	struct asker_options options = { .under_way_max = o->limits.questions_max,
					 .try_ms = o->limits.try_ms };
	enum err e = verify_memo_new(&o->tools.memo, SIGNATURES_KEPT);
	if (!e)
		e = asker_new(&o->asker, loop, &options);
	if (e) {
		verify_memo_free(o->tools.memo);
		free(o);
		return e;
	}
	uv_timer_init(loop, &o->timer);
	o->timer.data = o;
	*out = o;
	return ERR_OK;
}

void observer_count(const struct observer *o, struct observer_counts *out)
{
	*out = o->count;
	out->zone_n = o->zone_n;
	out->rounds_under_way = o->round_n;
	out->questions_under_way = asker_under_way(o->asker);
	out->questions_waiting = asker_waiting(o->asker);
}

void observer_close(struct observer *o)
{
	if (o == NULL)
		return;
	asker_close(o->asker);
	uv_close((uv_handle_t *)&o->timer, on_closed);
}
