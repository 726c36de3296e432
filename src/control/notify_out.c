// SPDX-License-Identifier: Apache-2.0
/*
 * A notice is in one queue or under way. All notices of a queue wait equally long from the moment
 * at which they enter it, so that its first one is always the first that is due.
 */
#include "control/notify_out.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/internal.h"
#include "transfer/exchange.h"
#include "transfer/notify.h"

/* A queue of those that may go, one of those that went just now, and one for each further try. */
static const uint32_t WAIT_MS[] = {
	0,     NOTIFY_PACE_MS, 2000,   5000,   10000,  20000,  40000,
	80000, 160000,         320000, 640000, 900000, 900000, 900000,
};
#define QUEUE_N ((unsigned)(sizeof WAIT_MS / sizeof *WAIT_MS))
enum queue_index { QUEUE_READY, QUEUE_PACE, QUEUE_RETRY };

enum notice_state { NOTICE_IDLE, NOTICE_QUEUED, NOTICE_SENT };

struct notice {
	struct notice *next, *before; /* in its queue */
	struct notices *all;
	struct remote to; /* as it was when the list was made; sent is what is configured now */
	size_t remote, address;
	enum notice_state state;
	unsigned queue, tried;
	uint64_t due_ms, sent_ms; /* of the loop's clock */
	struct exchange *exchange;
	uint32_t sent, known; /* serials: last told, last answered */
	int64_t known_at;     /* seconds; 0: never answered */
	char last[96];        /* what came of it; empty: nothing went wrong */
};

struct notices {
	struct control *c;
	struct zone_entry *e;
	uint32_t serial;
	size_t n;
	struct notice item[];
};

struct notify_out {
	uv_timer_t timer;
	unsigned running;
	bool stopped;
	struct {
		struct notice *first, *last;
	} queue[sizeof WAIT_MS / sizeof *WAIT_MS];
};

static void run(struct control *c);

/* ---- queues ---- */

static void enter(struct notice *n, unsigned queue)
{
	struct control *c = n->all->c;
	struct notify_out *o = c->notify_out;

	n->state = NOTICE_QUEUED;
	n->queue = queue;
	n->due_ms = uv_now(c->loop) + WAIT_MS[queue];
	n->next = NULL;
	n->before = o->queue[queue].last;
	if (n->before != NULL)
		n->before->next = n;
	else
		o->queue[queue].first = n;
	o->queue[queue].last = n;
}

static void leave(struct notice *n)
{
	struct notify_out *o = n->all->c->notify_out;

	if (n->state != NOTICE_QUEUED)
		return;
	if (n->before != NULL)
		n->before->next = n->next;
	else
		o->queue[n->queue].first = n->next;
	if (n->next != NULL)
		n->next->before = n->before;
	else
		o->queue[n->queue].last = n->before;
	n->state = NOTICE_IDLE;
}

static void on_timer(uv_timer_t *t)
{
	run(t->data);
}

/* The timer stands at what is due first. */
static void schedule(struct control *c)
{
	struct notify_out *o = c->notify_out;
	uint64_t first = UINT64_MAX, now = uv_now(c->loop);

	for (unsigned i = o->running < NOTIFY_RUNNING_MAX ? QUEUE_READY : QUEUE_PACE; i < QUEUE_N;
	     i++)
		if (o->queue[i].first != NULL && o->queue[i].first->due_ms < first)
			first = o->queue[i].first->due_ms;
	if (first == UINT64_MAX)
		uv_timer_stop(&o->timer);
	else
		uv_timer_start(&o->timer, on_timer, first > now ? first - now : 0, 0);
}

/* ---- sending ---- */

static void say(struct notice *n, const char *why)
{
	char to[REMOTE_TEXT_MAX];
	bool over = QUEUE_RETRY + n->tried >= QUEUE_N;

	if (n->tried == 0 && strcmp(n->last, why) != 0)
		log_notice(n->all->e->text,
			   "notify: %s does not take serial %u: %s; it is told again",
			   remote_to_text(&n->to, to), n->sent, why);
	if (over)
		log_warning(
		    n->all->e->text,
		    "notify: %s was told of serial %u %u times in vain, last: %s; it hears of "
		    "the next change",
		    remote_to_text(&n->to, to), n->sent, n->tried + 1, why);
	snprintf(n->last, sizeof n->last, "%s", why);
}

static void failed(struct notice *n, const char *why)
{
	say(n, why);
	n->state = NOTICE_IDLE;
	if (QUEUE_RETRY + n->tried < QUEUE_N)
		enter(n, QUEUE_RETRY + n->tried++);
	else
		n->tried = 0;
}

static void answered(struct notice *n)
{
	char to[REMOTE_TEXT_MAX];

	log_debug(n->all->e->text, "notify: %s knows of serial %u", remote_to_text(&n->to, to),
		  n->sent);
	n->known = n->sent;
	n->known_at = control_now();
	n->tried = 0;
	n->last[0] = 0;
	n->state = NOTICE_IDLE;
	if (n->all->serial != n->known)
		enter(n, QUEUE_PACE);
}

static void on_answer(const struct exchange_result *result, void *context)
{
	struct notice *n = context;
	struct control *c = n->all->c;
	const char *why = result->why;

	n->exchange = NULL;
	c->notify_out->running--;
	if (!result->err && notify_answer(result->message, &why))
		answered(n);
	else
		failed(n, why);
	run(c);
}

/* What secondaries would get: of a zone that is given out signed the copy that is ready. */
static bool what_is_told(const struct zone_entry *e, uint32_t *serial, struct span *soa)
{
	if (e->served == NULL || control_is_unavailable(e))
		return false;
	if (signed_copy_is_wanted(e))
		return signed_copy_current(e, serial, soa);
	const struct rrset *r = zone_soa(e->served->zone);
	*serial = zone_serial(e->served->zone);
	*soa = (struct span){ r->wire, r->wire_len };
	return true;
}

static void send_notice(struct notice *n)
{
	uint8_t room[NOTIFY_MAX];
	struct control *c = n->all->c;
	const struct zone_entry *e = n->all->e;
	struct remote to = config_remote_at(e->config.notify.to[n->remote], n->address, false);
	struct exchange_options options = { .done = on_answer, .context = n };
	struct span soa = { 0 };
	bool ready = what_is_told(e, &n->sent, &soa);
	struct span message = { room, ready ? notify_write(room, e->name, soa) : 0 };

	if (!ready)
		return;

	n->sent_ms = uv_now(c->loop);
	enum err err = exchange_start(&n->exchange, c->loop, &to, message, &options);
	if (err) {
		n->exchange = NULL;
		failed(n, err == ERR_IO ? strerror(errno) : err_text(err));
		return;
	}
	n->state = NOTICE_SENT;
	c->notify_out->running++;
}

static void run(struct control *c)
{
	struct notify_out *o = c->notify_out;
	uint64_t now = uv_now(c->loop);

	if (o->stopped)
		return;
	for (unsigned i = 0; i < QUEUE_N; i++) {
		while (o->queue[i].first != NULL && o->queue[i].first->due_ms <= now &&
		       o->running < NOTIFY_RUNNING_MAX) {
			struct notice *n = o->queue[i].first;
			leave(n);
			send_notice(n);
		}
	}
	schedule(c);
}

/* ---- what there is to tell ---- */

static void tell(struct notice *n)
{
	uint64_t now = uv_now(n->all->c->loop);

	if (n->state == NOTICE_SENT)
		return; /* answered() looks at the serial */
	if (n->state == NOTICE_QUEUED && n->queue < QUEUE_RETRY)
		return; /* it says what is new when it goes */
	leave(n);
	n->tried = 0;
	enter(n, n->sent_ms != 0 && now - n->sent_ms < NOTIFY_PACE_MS ? QUEUE_PACE : QUEUE_READY);
}

static size_t address_n(const struct config_notify *to)
{
	size_t n = 0;

	for (size_t i = 0; i < to->to_n; i++)
		n += to->to[i]->address_n;
	return n;
}

static struct notices *make(struct control *c, struct zone_entry *e)
{
	const struct config_notify *to = &e->config.notify;
	struct notices *all = calloc(1, sizeof *all + address_n(to) * sizeof *all->item);

	if (all == NULL)
		return NULL;
	all->c = c;
	all->e = e;
	for (size_t i = 0; i < to->to_n; i++) {
		for (size_t k = 0; k < to->to[i]->address_n; k++) {
			struct notice *n = &all->item[all->n++];
			n->all = all;
			n->to = config_remote_at(to->to[i], k, false);
			n->remote = i;
			n->address = k;
		}
	}
	return all;
}

static bool is_same(const struct notices *all, const struct config_notify *to)
{
	size_t at = 0;

	if (all->n != address_n(to))
		return false;
	for (size_t i = 0; i < to->to_n; i++) {
		for (size_t k = 0; k < to->to[i]->address_n; k++, at++) {
			struct remote r = config_remote_at(to->to[i], k, false);
			const struct notice *n = &all->item[at];
			if (n->remote != i || n->address != k || r.port != n->to.port ||
			    !ip_equal(&r.address, &n->to.address))
				return false;
		}
	}
	return true;
}

void notify_out_again(struct control *c, struct zone_entry *e)
{
	for (size_t i = 0; i < e->notices->n; i++)
		tell(&e->notices->item[i]);
	schedule(c);
}

void notify_out_zone(struct control *c, struct zone_entry *e)
{
	const struct config_notify *to = &e->config.notify;

	if (e->notices != NULL && !is_same(e->notices, to))
		notify_out_forget(e);
	struct span soa;
	uint32_t serial;
	if (to->to_n == 0 || !what_is_told(e, &serial, &soa))
		return;
	if (e->notices != NULL && e->notices->serial == serial)
		return;
	if (e->notices == NULL && (e->notices = make(c, e)) == NULL)
		return;
	e->notices->serial = serial;
	notify_out_again(c, e);
}

void notify_out_forget(struct zone_entry *e)
{
	struct notices *all = e->notices;

	for (size_t i = 0; all != NULL && i < all->n; i++) {
		struct notice *n = &all->item[i];
		leave(n);
		if (n->state == NOTICE_SENT)
			all->c->notify_out->running--;
		exchange_cancel(n->exchange);
	}
	free(all);
	e->notices = NULL;
}

/* ---- for the operator ---- */

static json_t *notice_status(const struct notice *n)
{
	static const char *const STATES[] = { "idle", "waiting", "sent" };
	char to[REMOTE_TEXT_MAX];
	json_t *j = json_pack("{s:s, s:s, s:i}", "server", remote_to_text(&n->to, to), "state",
			      STATES[n->state], "tries", (int)n->tried);

	if (n->known_at != 0) {
		json_object_set_new(j, "serial", json_integer(n->known));
		json_object_set_new(j, "answered_s", json_integer(control_now() - n->known_at));
	}
	if (n->last[0] != 0)
		json_object_set_new(j, "last_error", json_string(n->last));
	return j;
}

json_t *notify_out_status(const struct zone_entry *e)
{
	if (e->notices == NULL)
		return NULL;
	json_t *all = json_array();
	for (size_t i = 0; i < e->notices->n; i++)
		json_array_append_new(all, notice_status(&e->notices->item[i]));
	return all;
}

json_t *control_zone_notify(struct control *c, const char *zone, struct control_result *r)
{
	struct zone_entry *e = control_zone(c, zone, r);

	if (e == NULL)
		return NULL;
	if (e->notices == NULL) {
		control_fail(r, ERR_CONFLICT, "the zone %.200s has no servers to notify", e->text);
		return NULL;
	}
	notify_out_again(c, e);
	return json_pack("{s:s, s:o}", "zone", e->text, "notify", notify_out_status(e));
}

/* ---- start and end ---- */

enum err notify_out_open(struct control *c)
{
	struct notify_out *o = calloc(1, sizeof *o);

	if (o == NULL)
		return ERR_NOMEM;
	c->notify_out = o;
	o->timer.data = c;
	return uv_timer_init(c->loop, &o->timer) == 0 ? ERR_OK : ERR_NOMEM;
}

void notify_out_stop(struct control *c)
{
	if (c->notify_out == NULL || c->notify_out->stopped)
		return;
	c->notify_out->stopped = true;
	for (size_t i = 0; i < c->entry_n; i++)
		notify_out_forget(c->entries[i]);
	uv_close((uv_handle_t *)&c->notify_out->timer, NULL);
}

void notify_out_close(struct control *c)
{
	free(c->notify_out);
	c->notify_out = NULL;
}
