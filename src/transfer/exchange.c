// SPDX-License-Identifier: Apache-2.0
#include "transfer/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/random.h"
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
	struct datagram *datagram;
	struct stream *stream;
	unsigned tried, wrong;
	const char *why; /* of the last try */
	enum err err;
	size_t request_n;
	uint8_t request[];
};

static void on_closed(uv_handle_t *h)
{
	free(h->data);
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

static struct span request_of(struct exchange *x)
{
	return (struct span){ x->request, x->request_n };
}

static void renew_id(struct exchange *x)
{
	store_u16(x->request, (uint16_t)random_u64());
}

/* ---- over a stream ---- */

static void on_message(struct span message, void *context)
{
	struct exchange *x = context;

	if (answer_check(request_of(x), message) == ANSWER_OK)
		finish(x, ERR_OK, NULL, message);
	else
		finish(x, ERR_SYNTAX, "what came is not an answer to the request",
		       (struct span){ 0 });
}

static void on_stream_failed(enum err e, const char *why, void *context)
{
	finish(context, e, why, (struct span){ 0 });
}

static enum err start_stream(struct exchange *x)
{
	struct stream_times times = { x->options.try_ms, x->options.try_ms };
	struct stream_handler handler = { on_message, on_stream_failed, x };

	renew_id(x);
	uv_timer_stop(&x->timer);
	enum err e = stream_open(&x->stream, x->loop, &x->to, &times, &handler);
	return e ? e : stream_send(x->stream, request_of(x));
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

	switch (answer_check(request_of(x), message)) {
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

	x->tried++;
	renew_id(x);
	uv_timer_start(&x->timer, on_time, x->options.try_ms, 0);
	enum err e = datagram_open(&x->datagram, x->loop, &x->to, &handler);
	return e ? e : datagram_send(x->datagram, request_of(x));
}

static void on_time(uv_timer_t *t)
{
	struct exchange *x = t->data;

	datagram_close(x->datagram);
	x->datagram = NULL;
	if (x->tried < x->options.tries) {
		enum err e = start_try(x);
		if (e == ERR_NOMEM)
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
	struct exchange *x = calloc(1, sizeof *x + request.n);
	if (x == NULL)
		return ERR_NOMEM;
	x->loop = loop;
	x->to = *to;
	x->options = *options;
	if (x->options.try_ms == 0)
		x->options.try_ms = TRY_MS;
	if (x->options.tries == 0)
		x->options.tries = TRIES;
	memcpy(x->request, request.p, request.n);
	x->request_n = request.n;
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
