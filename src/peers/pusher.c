// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rrtype.h"
#include "peers/push_call.h"

struct pusher {
	uv_loop_t *loop;
	struct http_client *http;
	uv_timer_t timer; /* begins what waits, and tells what could not begin */
	struct push_call *first, *last;
	unsigned under_way_n;
};

const struct provider *const PROVIDERS[] = { &PROVIDER_CONCORD,  &PROVIDER_UPDATE,
					     &PROVIDER_POWERDNS, &PROVIDER_POLLING,
					     &PROVIDER_FILE,     NULL };

const uint16_t PUSH_TYPES[] = { TYPE_DNSKEY, TYPE_CDS, TYPE_CDNSKEY, TYPE_NS, TYPE_CSYNC, 0 };

const struct provider *provider_find(const char *name)
{
	for (size_t i = 0; PROVIDERS[i] != NULL; i++)
		if (strcmp(PROVIDERS[i]->name, name) == 0)
			return PROVIDERS[i];
	return NULL;
}

/* ---- what differs ---- */

bool push_has_type(const struct push *p, uint16_t type)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->record[i].type == type)
			return true;
	return false;
}

static bool same(uint16_t type, struct span a, struct span b)
{
	if (type == TYPE_NS) /* canonical form lower-cases its name */
		return a.n == b.n && name_equal(a.p, b.p);
	return span_equal(a, b);
}

static bool stands(uint16_t type, const struct span *present, size_t n, struct span rdata)
{
	for (size_t i = 0; i < n; i++)
		if (same(type, present[i], rdata))
			return true;
	return false;
}

static bool is_wanted(const struct push *p, uint16_t type, struct span rdata)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->record[i].wanted && p->record[i].type == type &&
		    same(type, p->record[i].rdata, rdata))
			return true;
	return false;
}

static bool is_unwanted(const struct push *p, uint16_t type, struct span rdata)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct push_record *r = &p->record[i];
		if (r->wanted || r->type != type)
			continue;
		if (same(type, r->rdata, rdata) || (type == TYPE_CSYNC && r->rdata.n == 0))
			return true;
	}
	return false;
}

void push_compare(const struct push *p, uint16_t type, const struct span *present, size_t n,
		  struct push_diff *out)
{
	out->add_n = out->remove_n = 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct push_record *r = &p->record[i];
		if (r->wanted && r->type == type && !stands(type, present, n, r->rdata) &&
		    !stands(type, out->add, out->add_n, r->rdata))
			out->add[out->add_n++] = r->rdata;
	}
	for (size_t i = 0; i < n && out->remove_n < PUSH_RECORDS_MAX; i++)
		if (is_unwanted(p, type, present[i]) && !is_wanted(p, type, present[i]))
			out->remove[out->remove_n++] = present[i];
}

/* ---- a call ---- */

static void unlink_call(struct push_call *c)
{
	struct pusher *p = c->pusher;

	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		p->first = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	else
		p->last = c->prev;
	if (c->under_way)
		p->under_way_n--;
}

static void wake(struct pusher *p);

static void release(struct push_call *c)
{
	struct pusher *p = c->pusher;

	http_cancel(c->http_call);
	exchange_cancel(c->exchange);
	if (c->under_way)
		c->peer->provider->end(c);
	unlink_call(c);
	free(c);
	wake(p);
}

void push_cancel(struct push_call *c)
{
	if (c != NULL)
		release(c);
}

void push_finish(struct push_call *c, enum err e, bool changed, const char *format, ...)
{
	struct push_result r = { .err = e, .changed = changed, .why = c->why };
	char why[PUSH_WHY_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, sizeof why, format, ap);
	va_end(ap);
	memcpy(c->why, why, sizeof why);
	push_done done = c->done;
	done(&r, c->context);
	release(c);
}

static unsigned part_of(uint16_t type)
{
	switch (type) {
	case TYPE_DNSKEY:
		return PUSH_DNSKEY;
	case TYPE_CDS:
	case TYPE_CDNSKEY:
		return PUSH_CDS;
	case TYPE_NS:
		return PUSH_NS;
	case TYPE_CSYNC:
		return PUSH_CSYNC;
	default:
		return 0;
	}
}

/* Everything in one piece of memory. */
static struct push_call *copy(const struct push *what, unsigned takes)
{
	size_t zone_n = name_len(what->zone), text_n = strlen(what->text) + 1;
	size_t octets = what->n * sizeof(struct push_record) + zone_n + text_n;

	for (size_t i = 0; i < what->n; i++)
		octets += what->record[i].rdata.n;
	struct push_call *c = calloc(1, sizeof *c + octets);
	if (c == NULL)
		return NULL;
	struct push_record *records = (struct push_record *)(c + 1);
	uint8_t *at = (uint8_t *)(records + what->n);
	c->push = *what;
	c->push.record = records;
	c->push.n = 0;
	c->push.zone = memcpy(at, what->zone, zone_n);
	at += zone_n;
	c->push.text = memcpy(at, what->text, text_n);
	at += text_n;
	for (size_t i = 0; i < what->n; i++) {
		struct push_record r = what->record[i];
		if (!(part_of(r.type) & takes))
			continue;
		if (r.rdata.n > 0)
			memcpy(at, r.rdata.p, r.rdata.n);
		r.rdata.p = at;
		at += r.rdata.n;
		records[c->push.n++] = r;
	}
	return c;
}

static void begin(struct push_call *c)
{
	c->under_way = true;
	c->pusher->under_way_n++;
	enum err e = c->peer->provider->start(c);
	if (e)
		push_finish(c, e, false, "it could not begin: %s", err_text(e));
}

static void on_time(uv_timer_t *t)
{
	struct pusher *p = t->data;

	for (struct push_call *c = p->first; c != NULL && p->under_way_n < PUSHES_MAX;
	     c = p->first) {
		while (c != NULL && c->under_way)
			c = c->next;
		if (c == NULL)
			return;
		begin(c);
	}
}

static void wake(struct pusher *p)
{
	if (p->first != NULL && !uv_is_closing((uv_handle_t *)&p->timer))
		uv_timer_start(&p->timer, on_time, 0, 0);
}

enum err pusher_push(struct push_call **out, struct pusher *p, const struct peer *to,
		     const struct push *what, push_done done, void *context)
{
	if (what->n > PUSH_RECORDS_MAX)
		return ERR_TOO_LONG;
	struct push_call *c = copy(what, to->takes & to->provider->takes);
	if (c == NULL)
		return ERR_NOMEM;
	c->pusher = p;
	c->loop = p->loop;
	c->http = p->http;
	c->peer = to;
	c->done = done;
	c->context = context;
	c->prev = p->last;
	if (p->last != NULL)
		p->last->next = c;
	else
		p->first = c;
	p->last = c;
	wake(p);
	*out = c;
	return ERR_OK;
}

/* ---- begin and end ---- */

enum err pusher_new(struct pusher **out, uv_loop_t *loop)
{
	struct pusher *p = calloc(1, sizeof *p);

	if (p == NULL)
		return ERR_NOMEM;
	p->loop = loop;
	enum err e = http_client_new(&p->http, loop);
	if (e) {
		free(p);
		return e;
	}
	uv_timer_init(loop, &p->timer);
	p->timer.data = p;
	*out = p;
	return ERR_OK;
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void pusher_close(struct pusher *p)
{
	if (p == NULL)
		return;
	http_client_close(p->http);
	uv_close((uv_handle_t *)&p->timer, on_closed);
}
