// SPDX-License-Identifier: Apache-2.0
/* The queue from the workers, and what is done with each request that comes out of it. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/internal.h"
#include "control/request.h"
#include "control/transfers_out.h"
#include "control/update_memory.h"
#include "control/updates.h"
#include "dns/rrtype.h"

/* What may wait: a flood past it is told SERVFAIL by the workers, and the control thread has its
 * time for other things. */
#define QUEUE_MAX        4096u
#define QUEUE_OCTETS_MAX (16u << 20)
/* Signatures one signed question may need. */
#define SIGN_BUDGET 64
/* Refusals that are logged in one second. */
#define LOG_PER_SECOND 10

struct requests {
	pthread_mutex_t lock;
	struct handoff *first, *last;
	size_t n, octets;
	bool stopped;
	uv_async_t wake;
	struct query query; /* for signed questions */
	struct query_stats stats;
	uint8_t *answer; /* MESSAGE_MAX */
	struct update_memory *updates;
	int64_t logged_at;
	unsigned logged_n;
};

/* ---- the queue ---- */

bool control_take(struct handoff *h, void *control)
{
	struct requests *q = ((struct control *)control)->requests;
	bool taken = false;

	pthread_mutex_lock(&q->lock);
	if (!q->stopped && q->n < QUEUE_MAX && q->octets + h->message.n <= QUEUE_OCTETS_MAX) {
		h->next = NULL;
		if (q->last != NULL)
			q->last->next = h;
		else
			q->first = h;
		q->last = h;
		q->n++;
		q->octets += h->message.n;
		taken = true;
	}
	pthread_mutex_unlock(&q->lock);
	if (taken)
		uv_async_send(&q->wake);
	return taken;
}

static struct handoff *take_all(struct requests *q)
{
	pthread_mutex_lock(&q->lock);
	struct handoff *all = q->first;
	q->first = q->last = NULL;
	q->n = q->octets = 0;
	pthread_mutex_unlock(&q->lock);
	return all;
}

/* ---- answering ---- */

size_t request_start_answer(const struct request *r, uint8_t *out, size_t cap, uint16_t rcode,
			    uint16_t flags)
{
	struct span m = r->h->message;
	size_t n = r->msg.question_end <= cap ? r->msg.question_end : MESSAGE_HEADER_LEN;

	memcpy(out, m.p, n);
	store_u16(out + 2, (uint16_t)(FLAG_QR | (r->msg.opcode << 11) | flags |
				      (r->msg.flags & FLAG_RD) | (rcode & 0xf)));
	store_u16(out + 4, n > MESSAGE_HEADER_LEN ? 1 : 0);
	memset(out + 6, 0, 6);
	return n;
}

void request_reply(struct request *r, uint8_t *answer, size_t n)
{
	size_t len = n;

	if (!tsig_sign(&r->tsig, answer, &len, MESSAGE_MAX, control_now()))
		len = 0;
	if (len == 0 || len > r->reply_max) {
		/* RFC 8945 §5.3: what does not fit with its TSIG is cut to the question. The MAC of
		 * the request is what it answers still, so it is signed anew. */
		len = request_start_answer(r, answer, MESSAGE_MAX, load_u16(answer + 2) & 0xf,
					   (uint16_t)(FLAG_TC | (load_u16(answer + 2) & FLAG_AA)));
		if (!tsig_sign(&r->tsig, answer, &len, MESSAGE_MAX, control_now()))
			len = 0;
	}
	tsig_end(&r->tsig);
	handoff_reply(r->h, answer, len, true);
}

void request_refuse(struct request *r, uint16_t rcode)
{
	uint8_t *answer = r->control->requests->answer;

	if (r->update_id != 0)
		update_memory_answered(r->control->requests->updates, r->update_id, rcode);
	r->update_id = 0;
	request_reply(r, answer, request_start_answer(r, answer, MESSAGE_MAX, rcode, 0));
}

struct request *request_keep(const struct request *r)
{
	struct request *copy = malloc(sizeof *copy);

	if (copy == NULL)
		return NULL;
	*copy = *r;
	if (copy->tsig.key != NULL)
		copy->tsig.key = &copy->key;
	if (copy->who.key != NULL)
		copy->who.key = copy->key.name;
	return copy;
}

void request_free(struct request *r)
{
	if (r == NULL)
		return;
	explicit_bzero(&r->key, sizeof r->key);
	free(r);
}

char *request_from(const struct request *r, char *out)
{
	char addr[IP_TEXT_MAX], name[NAME_TEXT_MAX];

	if (r->who.key != NULL)
		snprintf(out, REQUEST_TEXT_MAX, "%s key %s", ip_to_text(&r->who.addr, addr),
			 name_to_text(r->who.key, name));
	else
		snprintf(out, REQUEST_TEXT_MAX, "%s", ip_to_text(&r->who.addr, addr));
	return out;
}

struct zone_entry *request_zone(const struct request *r)
{
	return control_zone_at(r->control, r->msg.qname.wire);
}

/* ---- checking ---- */

static bool may_log(struct requests *q)
{
	int64_t now = control_now();

	if (now != q->logged_at) {
		q->logged_at = now;
		q->logged_n = 0;
	}
	return q->logged_n++ < LOG_PER_SECOND;
}

static const char *tsig_error_text(uint16_t error)
{
	switch (error) {
	case TSIG_BADKEY:
		return "BADKEY: no such key, or another algorithm";
	case TSIG_BADSIG:
		return "BADSIG: the secret is another one";
	case TSIG_BADTIME:
		return "BADTIME: the clocks differ by more than the client permits";
	default:
		return "BADTRUNC: the signature is cut shorter than the key's policy";
	}
}

static void log_tsig(struct request *r, const char *why)
{
	char addr[IP_TEXT_MAX], name[NAME_TEXT_MAX];

	if (may_log(r->control->requests))
		log_notice(NULL, "tsig: request of %s with key %s refused: %s",
			   ip_to_text(&r->who.addr, addr), name_to_text(r->tsig.error_name, name),
			   why);
}

/* False: answered already. */
static bool check_tsig(struct request *r)
{
	const struct tsig_keys *keys = &r->control->config->tsig_keys;

	if (r->msg.tsig.n == 0)
		return true;
	switch (tsig_accept(&r->tsig, keys, r->h->message, r->msg.tsig_at, control_now())) {
	case TSIG_GOOD:
		break;
	case TSIG_NOTAUTH:
		log_tsig(r, tsig_error_text(r->tsig.error));
		if (r->tsig.key != NULL) {
			r->key = *r->tsig.key;
			r->tsig.key = &r->key;
		}
		request_refuse(r, RCODE_NOTAUTH);
		return false;
	case TSIG_FORMERR:
	case TSIG_BAD:
		r->tsig.key = NULL;
		request_refuse(r, RCODE_FORMERR);
		return false;
	}
	r->key = *r->tsig.key;
	r->tsig.key = &r->key;
	r->who.key = r->key.name;
	return true;
}

static size_t reply_max(const struct request *r)
{
	if (r->h->client.tcp)
		return MESSAGE_MAX;
	size_t asked = r->msg.edns.present ? r->msg.edns.udp_size : 512;
	size_t ours = r->control->config->server.udp_size;

	return asked < ours ? asked : ours;
}

/* ---- questions ---- */

/* The question without its TSIG, asked of the serving code; the answer is signed as a whole. */
static void answer_question(struct request *r)
{
	struct requests *q = r->control->requests;
	struct span in = { r->h->message.p, r->msg.tsig_at };
	struct writer out = writer_of(q->answer, MESSAGE_MAX - TSIG_ROOM);
	uint8_t *bytes = malloc(in.n);
	enum verdict v = QUERY_DROP;

	if (bytes != NULL) {
		memcpy(bytes, in.p, in.n);
		store_u16(bytes + 10, (uint16_t)(load_u16(bytes + 10) - 1));
		in.p = bytes;
		rcu_online();
		q->query.view = view_load(&r->control->views);
		q->query.now = control_now();
		q->query.sign_budget = SIGN_BUDGET;
		v = query_answer(&q->query, in, &r->h->client, &out);
		if (v == QUERY_WAIT)
			v = query_give_up(&q->query, in, &r->h->client, &out);
		rcu_offline();
	}
	free(bytes);
	if (v == QUERY_REPLY)
		request_reply(r, q->answer, writer_len(&out));
	else
		handoff_reply(r->h, NULL, 0, true);
}

/* ---- updates ---- */

static void take_update(struct request *r)
{
	char from[REQUEST_TEXT_MAX];
	uint16_t rcode = 0;
	enum update_seen seen = r->who.key != NULL
				    ? update_memory_look(r->control->requests->updates,
							 r->h->message, &r->update_id, &rcode)
				    : UPDATE_NEW;

	if (seen == UPDATE_NEW) {
		updates_add(r);
		return;
	}
	r->update_id = 0;
	if (may_log(r->control->requests))
		log_notice(NULL, "update: the same octets again, of %s: nothing is changed",
			   request_from(r, from));
	if (seen == UPDATE_ANSWERED) {
		request_refuse(r, rcode);
		return;
	}
	tsig_end(&r->tsig);
	handoff_reply(r->h, NULL, 0, true); /* the first will be answered */
}

static void dispatch(struct request *r)
{
	if (r->msg.opcode == OPCODE_UPDATE)
		take_update(r);
	else if (r->msg.opcode == OPCODE_QUERY && r->msg.qtype != TYPE_AXFR &&
		 r->msg.qtype != TYPE_IXFR)
		answer_question(r);
	else if (r->msg.opcode == OPCODE_NOTIFY)
		secondary_take_notify(r);
	else if (r->msg.opcode == OPCODE_QUERY)
		transfer_out(r);
	else
		request_refuse(r, RCODE_NOTIMP);
}

static void handle(struct control *c, struct handoff *h)
{
	struct request r = { .control = c, .h = h };

	if (message_parse(h->message, &r.msg) != MESSAGE_OK) {
		handoff_reply(h, NULL, 0, true); /* which the worker has found good */
		return;
	}
	r.who = (struct access_client){
		.addr = h->client.addr,
		.tls = h->client.encrypted,
		.certificate = h->has_certificate ? h->certificate : NULL,
	};
	r.reply_max = reply_max(&r);
	if (check_tsig(&r))
		dispatch(&r);
	explicit_bzero(&r.key, sizeof r.key);
}

static void on_wake(uv_async_t *a)
{
	struct control *c = a->data;
	struct handoff *h = take_all(c->requests);

	while (h != NULL) {
		struct handoff *next = h->next;
		handle(c, h);
		h = next;
	}
	updates_commit(c);
}

/* ---- start and end ---- */

enum err requests_open(struct control *c)
{
	struct requests *q = calloc(1, sizeof *q);

	if (q == NULL)
		return ERR_NOMEM;
	c->requests = q;
	q->answer = malloc(MESSAGE_MAX);
	if (update_memory_new(&q->updates))
		return ERR_NOMEM;
	q->query.stats = &q->stats;
	q->wake.data = c;
	if (q->answer == NULL || pthread_mutex_init(&q->lock, NULL) != 0)
		return ERR_NOMEM;
	enum err e = nsec3_hasher_new(&q->query.hasher);
	if (!e)
		e = signer_new(&q->query.signer);
	if (!e && uv_async_init(c->loop, &q->wake, on_wake) != 0)
		e = ERR_NOMEM;
	return e ? e : transfers_out_open(c);
}

void requests_stop(struct control *c)
{
	struct requests *q = c->requests;

	if (q == NULL || q->stopped)
		return;
	pthread_mutex_lock(&q->lock);
	q->stopped = true;
	pthread_mutex_unlock(&q->lock);
	for (struct handoff *h = take_all(q), *next; h != NULL; h = next) {
		next = h->next;
		handoff_reply(h, NULL, 0, true);
	}
	transfers_out_stop(c);
	uv_close((uv_handle_t *)&q->wake, NULL);
}

void control_stop_requests(struct control *c)
{
	if (c != NULL)
		requests_stop(c);
}

void requests_close(struct control *c)
{
	struct requests *q = c->requests;

	if (q == NULL)
		return;
	transfers_out_close(c);
	nsec3_hasher_free(q->query.hasher);
	signer_free(q->query.signer);
	pthread_mutex_destroy(&q->lock);
	free(q->answer);
	update_memory_free(q->updates);
	free(q);
	c->requests = NULL;
}
