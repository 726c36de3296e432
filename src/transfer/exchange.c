// SPDX-License-Identifier: Apache-2.0
#include "transfer/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/random.h"
#include "dns/tsig.h"
#include "transfer/answer.h"
#include "transfer/datagram.h"
#include "transfer/stream.h"

#define TRY_MS 2000
#define TRIES  3
/* Answers that are not ours, from the right address: somebody guesses (RFC 5452 §9.3). */
#define WRONG_MAX 16

struct exchange {
	uv_loop_t *loop;
	uv_timer_t timer;
	struct remote to;
	struct exchange_options options;
	struct tsig_key *key; /* NULL: nothing is signed */
	struct tsig tsig;
	struct datagram *datagram;
	struct stream *stream;
	unsigned tried, wrong;
	const char *why; /* of the last try */
	enum err err;
	uint16_t additional_n;
	size_t request_n, sent_n; /* without and with the TSIG record */
	uint8_t request[];
};

static void on_closed(uv_handle_t *h)
{
	struct exchange *x = h->data;

	if (x->key != NULL)
		explicit_bzero(x->key, sizeof *x->key);
	free(x->key);
	free(x);
}

void exchange_cancel(struct exchange *x)
{
	if (x == NULL || uv_is_closing((uv_handle_t *)&x->timer))
		return;
	datagram_close(x->datagram);
	stream_close(x->stream);
	uv_close((uv_handle_t *)&x->timer, on_closed);
}

static void finish(struct exchange *x, enum err e, const char *why, struct span message)
{
	struct exchange_result result = { e, why, message };
	struct exchange_options options = x->options;

	exchange_cancel(x); /* freed by the loop, after this */
	options.done(&result, options.context);
}

static struct span request_of(const struct exchange *x)
{
	return (struct span){ x->request, x->request_n };
}

/* The request with an id of its own, signed anew. */
static enum err make_request(struct exchange *x, struct span *out)
{
	x->sent_n = x->request_n;
	store_u16(x->request, (uint16_t)random_u64());
	store_u16(x->request + 10, x->additional_n);
	tsig_start(&x->tsig, x->key);
	if (x->key != NULL &&
	    !tsig_sign(&x->tsig, x->request, &x->sent_n, x->request_n + TSIG_ROOM, time(NULL)))
		return ERR_CRYPTO;
	*out = (struct span){ x->request, x->sent_n };
	return ERR_OK;
}

/* Whether the key that we share signed it. Each candidate is checked against the request alone. */
static bool is_signed(struct exchange *x, struct span message)
{
	struct tsig t = x->tsig;
	bool good = tsig_check(&t, message, time(NULL)) == TSIG_GOOD && tsig_is_complete(&t) &&
		    t.error == TSIG_NO_ERROR;

	tsig_end(&t);
	return good;
}

static const char *why_unsigned(struct span message)
{
	return (load_u16(message.p + 2) & 15) == RCODE_NOTAUTH
		   ? "the server does not take our TSIG key, or its clock is not ours"
		   : "the answer is not signed with our TSIG key";
}

static enum answer_verdict judge(struct exchange *x, struct span message)
{
	enum answer_verdict v = answer_check(request_of(x), message);

	if (v != ANSWER_OK || x->key == NULL || is_signed(x, message))
		return v;
	x->err = ERR_UNTRUSTED;
	x->why = why_unsigned(message);
	return ANSWER_WRONG;
}

/* ---- over a stream ---- */

static void on_message(struct span message, void *context)
{
	struct exchange *x = context;

	x->err = ERR_SYNTAX;
	x->why = "what came is not an answer to the request";
	if (judge(x, message) == ANSWER_OK)
		finish(x, ERR_OK, NULL, message);
	else
		finish(x, x->err, x->why, (struct span){ 0 });
}

static void on_stream_failed(enum err e, const char *why, void *context)
{
	finish(context, e, why, (struct span){ 0 });
}

static enum err start_stream(struct exchange *x)
{
	struct stream_times times = { x->options.try_ms, x->options.try_ms };
	struct stream_handler handler = { on_message, on_stream_failed, x };

	struct span request;

	uv_timer_stop(&x->timer);
	enum err e = make_request(x, &request);
	if (!e)
		e = stream_open(&x->stream, x->loop, &x->to, &times, &handler);
	return e ? e : stream_send(x->stream, request);
}

static void go_over_tcp(struct exchange *x)
{
	datagram_close(x->datagram);
	x->datagram = NULL;
	enum err e = start_stream(x);
	if (e)
		finish(x, e, e == ERR_IO ? strerror(errno) : err_text(e), (struct span){ 0 });
}

/* ---- over UDP ---- */

static void on_received(struct span message, void *context)
{
	struct exchange *x = context;

	switch (judge(x, message)) {
	case ANSWER_OK:
		finish(x, ERR_OK, NULL, message);
		return;
	case ANSWER_TRUNCATED:
		go_over_tcp(x);
		return;
	case ANSWER_WRONG:
		if (++x->wrong >= WRONG_MAX)
			go_over_tcp(x);
	}
}

/* "Nobody there" can be forged, and a server that restarts says it too: the try goes on to its
 * time. */
static void on_datagram_failed(const char *why, void *context)
{
	struct exchange *x = context;

	x->err = ERR_IO;
	x->why = why;
}

static void on_time(uv_timer_t *t);

static enum err start_try(struct exchange *x)
{
	struct datagram_handler handler = { on_received, on_datagram_failed, x };

	struct span request;

	x->tried++;
	uv_timer_start(&x->timer, on_time, x->options.try_ms, 0);
	enum err e = make_request(x, &request);
	if (!e)
		e = datagram_open(&x->datagram, x->loop, &x->to, &handler);
	return e ? e : datagram_send(x->datagram, request);
}

static void on_time(uv_timer_t *t)
{
	struct exchange *x = t->data;

	datagram_close(x->datagram);
	x->datagram = NULL;
	if (x->tried < x->options.tries) {
		enum err e = start_try(x);
		if (e && e != ERR_IO)
			finish(x, e, err_text(e), (struct span){ 0 });
		else if (e)
			on_datagram_failed(strerror(errno), x); /* the way may come back */
		return;
	}
	finish(x, x->err ? x->err : ERR_TIMEOUT, x->why != NULL ? x->why : "no answer",
	       (struct span){ 0 });
}

enum err exchange_start(struct exchange **out, uv_loop_t *loop, const struct remote *to,
			struct span request, const struct exchange_options *options)
{
	if (request.n < MESSAGE_HEADER_LEN || request.n > MESSAGE_MAX)
		return ERR_SYNTAX;
	struct exchange *x = calloc(1, sizeof *x + request.n + TSIG_ROOM);
	if (x == NULL)
		return ERR_NOMEM;
	if (to->key != NULL && (x->key = malloc(sizeof *x->key)) == NULL) {
		free(x);
		return ERR_NOMEM;
	}
	if (to->key != NULL)
		*x->key = *to->key;
	x->loop = loop;
	x->to = *to;
	x->options = *options;
	if (x->options.try_ms == 0)
		x->options.try_ms = TRY_MS;
	if (x->options.tries == 0)
		x->options.tries = TRIES;
	memcpy(x->request, request.p, request.n);
	x->request_n = request.n;
	x->additional_n = load_u16(request.p + 10);
	uv_timer_init(loop, &x->timer);
	x->timer.data = x;
	enum err e = to->transport == REMOTE_UDP ? start_try(x) : start_stream(x);
	if (e) {
		int why = errno;
		exchange_cancel(x);
		errno = why;
		return e;
	}
	*out = x;
	return ERR_OK;
}
