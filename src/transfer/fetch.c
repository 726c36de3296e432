// SPDX-License-Identifier: Apache-2.0
#include "transfer/fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/random.h"
#include "dns/rrtype.h"
#include "dns/tsig.h"
#include "transfer/answer.h"
#include "transfer/stream.h"

/* A primary must send so much in each stretch of time, or the transfer is given up. */
#define PACE_MS     30000u
#define PACE_OCTETS 4096u

struct fetch {
	uv_loop_t *loop;
	uv_timer_t timer; /* ticks at the pace */
	struct remote from;
	struct tsig_key key;
	struct tsig tsig;
	uint8_t zone[NAME_MAX_LEN];
	char *spool_path;
	struct fetch_options options;
	struct stream *stream;
	struct spool *spool;
	struct change_set *changes;
	size_t change_n, change_cap;
	uint64_t started_ms, paced_octets;
	int spool_errno;
	bool has_zonemd, has_keys;
	uv_work_t work;
	bool syncing, cancelled; /* a thread has the spool; freed when it gives it back */
	enum err synced;
	struct incoming in;
};

void fetch_result_free(struct fetch_result *r)
{
	spool_abort(r->spool);
	for (size_t i = 0; i < r->change_n; i++)
		change_free(&r->changes[i]);
	free(r->changes);
	r->spool = NULL;
	r->changes = NULL;
	r->change_n = 0;
}

static void on_closed(uv_handle_t *h)
{
	struct fetch *f = h->data;
	struct fetch_result left = { .changes = f->changes, .change_n = f->change_n };

	fetch_result_free(&left);
	free(f->spool_path);
	explicit_bzero(&f->key, sizeof f->key);
	free(f);
}

void fetch_cancel(struct fetch *f)
{
	if (f == NULL || uv_is_closing((uv_handle_t *)&f->timer))
		return;
	if (f->syncing) {
		f->cancelled = true;
		return;
	}
	stream_close(f->stream);
	spool_abort(f->spool);
	tsig_end(&f->tsig);
	f->spool = NULL;
	uv_close((uv_handle_t *)&f->timer, on_closed);
}

static void finish(struct fetch *f, struct fetch_result *result)
{
	result->incremental = f->in.incremental;
	result->serial = f->in.serial;
	result->record_n = f->in.record_n;
	result->has_zonemd = f->has_zonemd;
	result->has_keys = f->has_keys;
	result->octet_n = f->in.octet_n;
	result->message_n = f->in.message_n;
	result->took_ms = uv_now(f->loop) - f->started_ms;
	fetch_cancel(f); /* freed by the loop, after this */
	f->options.done(result, f->options.context);
}

static void fail(struct fetch *f, enum err e, const char *why)
{
	finish(f, &(struct fetch_result){ .kind = FETCH_FAILED, .err = e, .why = why });
}

/* ---- what comes in ---- */

static struct change_set *present_change(struct fetch *f, bool start)
{
	if (!start)
		return f->change_n > 0 ? &f->changes[f->change_n - 1] : NULL;
	if (f->change_n == f->change_cap) {
		size_t cap = f->change_cap == 0 ? 8 : f->change_cap * 2;
		struct change_set *more = realloc(f->changes, cap * sizeof *more);
		if (more == NULL)
			return NULL;
		f->changes = more;
		f->change_cap = cap;
	}
	f->changes[f->change_n] = (struct change_set){ 0 };
	return &f->changes[f->change_n++];
}

/* RFC 2181 §8: one with its highest bit set is 0. */
static uint32_t ttl_of(const struct record *r)
{
	return r->ttl > INT32_MAX ? 0 : r->ttl;
}

static enum err keep_change(struct fetch *f, enum incoming_part part, const struct record *r)
{
	bool start = part == INCOMING_REMOVED && r->type == TYPE_SOA;
	struct change_set *c = present_change(f, start);
	struct change_record change = { part == INCOMING_ADDED ? CHANGE_ADD : CHANGE_REMOVE,
					r->owner.wire, r->type, ttl_of(r), r->rdata };

	return c != NULL ? change_add(c, &change) : ERR_NOMEM;
}

static void note_type(struct fetch *f, enum incoming_part part, const struct record *r)
{
	bool key = r->type == TYPE_DNSKEY || r->type == TYPE_CDS || r->type == TYPE_CDNSKEY ||
		   r->type == TYPE_CSYNC;

	if (part == INCOMING_REMOVED || (!key && r->type != TYPE_ZONEMD) ||
	    !name_equal(r->owner.wire, f->zone))
		return;
	f->has_zonemd = f->has_zonemd || r->type == TYPE_ZONEMD;
	f->has_keys = f->has_keys || key;
}

static enum err keep_record(enum incoming_part part, const struct record *r, void *context)
{
	struct fetch *f = context;
	enum err e = ERR_OK;

	note_type(f, part, r);
	if (part != INCOMING_WHOLE)
		return keep_change(f, part, r);
	if (f->spool == NULL)
		e = spool_begin(&f->spool, f->spool_path, f->zone);
	if (!e)
		e = spool_add(f->spool, r->owner.wire, r->type, ttl_of(r), r->rdata);
	if (e)
		f->spool_errno = errno;
	return e;
}

static void sync_spool(uv_work_t *w)
{
	struct fetch *f = w->data;

	f->synced = spool_sync(f->spool);
	f->spool_errno = f->synced ? errno : 0;
}

static void on_synced(uv_work_t *w, int status)
{
	struct fetch *f = w->data;
	struct fetch_result result = { .kind = FETCH_WHOLE, .spool = f->spool };

	(void)status;
	f->syncing = false;
	if (f->cancelled) {
		fetch_cancel(f);
	} else if (f->synced) {
		fail(f, f->synced, strerror(f->spool_errno));
	} else {
		f->spool = NULL;
		finish(f, &result);
	}
}

/* The primary has nothing more to do with it; the loop does not wait for the disk. */
static void deliver_whole(struct fetch *f)
{
	enum err e = spool_finish(f->spool);

	if (e) {
		fail(f, e, strerror(errno));
		return;
	}
	uv_timer_stop(&f->timer);
	stream_close(f->stream);
	f->stream = NULL;
	f->work.data = f;
	f->syncing = uv_queue_work(f->loop, &f->work, sync_spool, on_synced) == 0;
	if (!f->syncing)
		fail(f, ERR_NOMEM, err_text(ERR_NOMEM));
}

static void deliver(struct fetch *f)
{
	struct fetch_result result = { .kind = FETCH_CHANGES };

	if (!tsig_is_complete(&f->tsig)) {
		fail(f, ERR_UNTRUSTED, "the transfer's last message is not signed");
		return;
	}
	if (f->in.kind == INCOMING_AXFR) {
		deliver_whole(f);
		return;
	}
	result.changes = f->changes;
	result.change_n = f->change_n;
	f->changes = NULL;
	f->change_n = 0;
	finish(f, &result);
}

static void on_message(struct span message, void *context)
{
	struct fetch *f = context;

	if (tsig_check(&f->tsig, message, time(NULL)) != TSIG_GOOD ||
	    f->tsig.error != TSIG_NO_ERROR) {
		fail(f, ERR_UNTRUSTED,
		     message.n >= MESSAGE_HEADER_LEN &&
			     (load_u16(message.p + 2) & 15) == RCODE_NOTAUTH
			 ? "the primary does not take our TSIG key, or its clock is not ours"
		     : f->key.secret_len > 0 ? "a message is not signed with our TSIG key"
					     : "a message is signed, but no key is configured");
		return;
	}
	switch (incoming_message(&f->in, message)) {
	case INCOMING_MORE:
		break;
	case INCOMING_DONE:
		deliver(f);
		break;
	case INCOMING_CURRENT:
		finish(f, &(struct fetch_result){ .kind = FETCH_CURRENT });
		break;
	case INCOMING_FALLBACK:
		fail(f, ERR_UNSUPPORTED, "the primary does not do IXFR");
		break;
	case INCOMING_FAILED:
		fail(f, f->in.err, f->spool_errno != 0 ? strerror(f->spool_errno) : f->in.why);
	}
}

static void on_failed(enum err e, const char *why, void *context)
{
	fail(context, e, why);
}

static void on_pace(uv_timer_t *t)
{
	struct fetch *f = t->data;

	if (uv_now(f->loop) - f->started_ms >= f->options.whole_ms)
		fail(f, ERR_TIMEOUT, "the transfer takes too long");
	else if (f->in.octet_n - f->paced_octets < PACE_OCTETS &&
		 uv_now(f->loop) - f->started_ms >= PACE_MS)
		fail(f, ERR_TIMEOUT, "the primary sends next to nothing");
	f->paced_octets = f->in.octet_n;
}

/* ---- start ---- */

/* RFC 5936 §2.1, RFC 1995 §3: IXFR has our SOA in its authority section. */
static size_t write_request(const struct fetch *f, uint8_t *room, size_t cap)
{
	uint16_t type = f->options.incremental ? TYPE_IXFR : TYPE_AXFR;
	struct writer w = writer_of(room, cap);

	w.p += query_write(room, f->zone, type, 0, 0, false);
	if (!f->options.incremental)
		return writer_len(&w);
	store_u16(room + 8, 1);
	write_u16(&w, 0xc000 | MESSAGE_HEADER_LEN);
	write_u16(&w, TYPE_SOA);
	write_u16(&w, CLASS_IN);
	write_u32(&w, 0);
	write_u16(&w, (uint16_t)f->options.soa.n);
	write_bytes(&w, f->options.soa.p, f->options.soa.n);
	return w.full ? 0 : writer_len(&w);
}

static enum err open_and_send(struct fetch *f)
{
	uint8_t request[MESSAGE_QUERY_MAX + 1024 + TSIG_ROOM];
	struct stream_times times = { f->options.connect_ms, f->options.message_ms };
	struct stream_handler handler = { on_message, on_failed, f };
	struct incoming_sink sink = { keep_record, f };
	size_t n = write_request(f, request, sizeof request - TSIG_ROOM);

	if (n == 0)
		return ERR_TOO_LONG;
	incoming_start(&f->in, f->zone, load_u16(request), f->options.incremental,
		       f->options.serial, &f->options.limits, &sink);
	tsig_start(&f->tsig, f->from.key);
	if (f->from.key != NULL && !tsig_sign(&f->tsig, request, &n, sizeof request, time(NULL)))
		return ERR_CRYPTO;
	enum err e = stream_open(&f->stream, f->loop, &f->from, &times, &handler);
	return e ? e : stream_send(f->stream, (struct span){ request, n });
}

enum err fetch_start(struct fetch **out, uv_loop_t *loop, const struct remote *from,
		     const struct fetch_options *options)
{
	struct fetch *f = calloc(1, sizeof *f);

	if (f == NULL)
		return ERR_NOMEM;
	f->loop = loop;
	f->from = *from;
	f->options = *options;
	f->started_ms = uv_now(loop);
	memcpy(f->zone, options->zone, name_len(options->zone));
	f->spool_path = strdup(options->spool_path);
	if (from->key != NULL) {
		f->key = *from->key;
		f->from.key = &f->key;
	}
	uv_timer_init(loop, &f->timer);
	f->timer.data = f;
	uint32_t pace = options->whole_ms < PACE_MS ? options->whole_ms : PACE_MS;
	uv_timer_start(&f->timer, on_pace, pace, pace);
	enum err e = f->spool_path != NULL ? open_and_send(f) : ERR_NOMEM;
	if (e) {
		int why = errno;
		fetch_cancel(f);
		errno = why;
		return e;
	}
	*out = f;
	return ERR_OK;
}
