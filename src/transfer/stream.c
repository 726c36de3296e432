// SPDX-License-Identifier: Apache-2.0
#include "transfer/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/message.h"
#include "dns/wire.h"
#include "transfer/tls_client.h"

/* A TLS record fits beside the longest message that is not whole yet: so every read takes all that
 * the session has decrypted, and readiness of the descriptor tells all there is to know. */
#define TLS_RECORD_MAX 16384
#define IN_MAX         (2 + MESSAGE_MAX + TLS_RECORD_MAX)
#define READS_A_TURN   16

enum stream_state { CONNECTING, SHAKING_HANDS, OPEN, FAILED };

struct stream {
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned handle_n; /* not closed yet */
	int fd;
	enum stream_state state;
	struct tls_session *tls; /* NULL: TCP */
	struct stream_times times;
	struct stream_handler handler;
	uint8_t *out; /* framed messages not sent yet */
	size_t out_n, out_cap;
	size_t in_n;
	bool closed, busy; /* closed inside a call of the handler: freed after it */
	uint8_t in[IN_MAX];
};

static void on_closed(uv_handle_t *h)
{
	struct stream *s = h->data;

	if (--s->handle_n > 0)
		return;
	free(s->out);
	free(s);
}

static void shut(struct stream *s)
{
	uv_poll_stop(&s->poll);
	tls_session_free(s->tls);
	close(s->fd);
	s->tls = NULL;
	uv_close((uv_handle_t *)&s->poll, on_closed);
	uv_close((uv_handle_t *)&s->timer, on_closed);
}

void stream_close(struct stream *s)
{
	if (s == NULL || s->closed)
		return;
	s->closed = true;
	if (!s->busy)
		shut(s);
}

/* Ends a turn of the loop in which the handler may have closed the stream. */
static void end_turn(struct stream *s)
{
	s->busy = false;
	if (s->closed)
		shut(s);
}

static void fail(struct stream *s, enum err e, const char *why)
{
	if (s->state == FAILED || s->closed)
		return;
	s->state = FAILED;
	uv_poll_stop(&s->poll);
	uv_timer_stop(&s->timer);
	s->handler.failed(e, why, s->handler.context);
}

static void on_poll(uv_poll_t *p, int status, int events);

static void wait_for(struct stream *s, int events)
{
	uv_poll_start(&s->poll, events, on_poll);
}

static void on_time(uv_timer_t *t)
{
	struct stream *s = t->data;

	s->busy = true;
	fail(s, ERR_TIMEOUT,
	     s->state == OPEN ? "no whole message in time" : "no connection in time");
	end_turn(s);
}

static void start_message_time(struct stream *s)
{
	uv_timer_start(&s->timer, on_time, s->times.message_ms, 0);
}

/* ---- out ---- */

static void send_failed(struct stream *s)
{
	if (s->tls != NULL)
		fail(s, ERR_IO, tls_session_error(s->tls));
	else
		fail(s, ERR_IO, strerror(errno));
}

static void flush(struct stream *s)
{
	enum tls_want want = TLS_WANT_WRITE;
	size_t at = 0;

	while (at < s->out_n) {
		ssize_t n = s->tls != NULL
				? tls_session_write(s->tls, s->out + at, s->out_n - at, &want)
				: send(s->fd, s->out + at, s->out_n - at, MSG_NOSIGNAL);
		if (n > 0) {
			at += (size_t)n;
			continue;
		}
		if (s->tls == NULL && errno == EINTR)
			continue;
		if (s->tls != NULL ? want == TLS_FAILED : errno != EAGAIN) {
			send_failed(s);
			return;
		}
		break;
	}
	s->out_n -= at;
	if (s->out_n > 0 && at > 0)
		memmove(s->out, s->out + at, s->out_n);
	wait_for(s, s->out_n > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

enum err stream_send(struct stream *s, struct span message)
{
	uint8_t length[2];

	if (message.n > MESSAGE_MAX)
		return ERR_TOO_LONG;
	if (s->out_n + 2 + message.n > s->out_cap) {
		uint8_t *more = realloc(s->out, s->out_n + 2 + message.n);
		if (more == NULL)
			return ERR_NOMEM;
		s->out = more;
		s->out_cap = s->out_n + 2 + message.n;
	}
	store_u16(length, (uint16_t)message.n);
	memcpy(s->out + s->out_n, length, 2);
	memcpy(s->out + s->out_n + 2, message.p, message.n);
	s->out_n += 2 + message.n;
	if (s->state == OPEN) {
		start_message_time(s);
		wait_for(s, UV_READABLE | UV_WRITABLE);
	}
	return ERR_OK;
}

/* ---- in ---- */

static void hand_up(struct stream *s)
{
	size_t at = 0;

	while (s->in_n - at >= 2 && !s->closed) {
		size_t n = load_u16(s->in + at);
		if (s->in_n - at - 2 < n)
			break;
		start_message_time(s);
		s->handler.message((struct span){ s->in + at + 2, n }, s->handler.context);
		at += 2 + n;
	}
	if (at > 0)
		memmove(s->in, s->in + at, s->in_n - at);
	s->in_n -= at;
}

/* Octets read; 0: for now no more, or the stream has failed. */
static size_t take(struct stream *s)
{
	enum tls_want want = TLS_WANT_READ;
	uint8_t *to = s->in + s->in_n;
	size_t room = IN_MAX - s->in_n;
	ssize_t n =
	    s->tls != NULL ? tls_session_read(s->tls, to, room, &want) : recv(s->fd, to, room, 0);

	if (n > 0) {
		s->in_n += (size_t)n;
		return (size_t)n;
	}
	if (n == 0)
		fail(s, ERR_IO, "the server closed the connection");
	else if (s->tls != NULL ? want == TLS_FAILED : errno != EAGAIN && errno != EINTR)
		send_failed(s);
	return 0;
}

static void read_some(struct stream *s)
{
	for (int i = 0; i < READS_A_TURN && s->state == OPEN && !s->closed; i++) {
		if (take(s) == 0)
			return;
		hand_up(s);
	}
}

/* ---- connecting ---- */

static void opened(struct stream *s)
{
	s->state = OPEN;
	uv_timer_stop(&s->timer);
	if (s->out_n > 0)
		start_message_time(s);
	flush(s);
}

static void shake_hands(struct stream *s)
{
	switch (tls_session_handshake(s->tls)) {
	case TLS_DONE:
		opened(s);
		break;
	case TLS_WANT_READ:
		wait_for(s, UV_READABLE);
		break;
	case TLS_WANT_WRITE:
		wait_for(s, UV_WRITABLE);
		break;
	case TLS_FAILED:
		fail(s, ERR_UNTRUSTED, tls_session_error(s->tls));
	}
}

static void connected(struct stream *s)
{
	int why = 0;
	socklen_t n = sizeof why;

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &why, &n) < 0 || why != 0 ||
	    s->state != CONNECTING) {
		fail(s, ERR_IO, why != 0 ? strerror(why) : "the connection broke");
		return;
	}
	if (s->tls == NULL) {
		opened(s);
		return;
	}
	s->state = SHAKING_HANDS;
	shake_hands(s);
}

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct stream *s = p->data;

	s->busy = true;
	if (status < 0 || s->state == CONNECTING) /* libuv says EBADF whatever went wrong */
		connected(s);
	else if (s->state == SHAKING_HANDS)
		shake_hands(s);
	else if (s->state == OPEN) {
		if (events & UV_WRITABLE)
			flush(s);
		read_some(s);
	}
	end_turn(s);
}

enum err stream_open(struct stream **out, uv_loop_t *loop, const struct remote *to,
		     const struct stream_times *times, const struct stream_handler *handler)
{
	struct stream *s = calloc(1, sizeof *s);

	if (s == NULL)
		return ERR_NOMEM;
	s->times = *times;
	s->handler = *handler;
	s->fd = remote_connect(to, SOCK_STREAM);
	if (s->fd < 0 || uv_poll_init(loop, &s->poll, s->fd) != 0) {
		int why = errno;
		if (s->fd >= 0)
			close(s->fd);
		free(s);
		errno = why;
		return ERR_IO;
	}
	uv_timer_init(loop, &s->timer);
	s->poll.data = s->timer.data = s;
	s->handle_n = 2;
	if (to->transport == REMOTE_TLS && (s->tls = tls_session_new(to->tls, s->fd)) == NULL) {
		stream_close(s);
		return ERR_NOMEM;
	}
	uv_timer_start(&s->timer, on_time, times->connect_ms, 0);
	wait_for(s, UV_WRITABLE);
	*out = s;
	return ERR_OK;
}
