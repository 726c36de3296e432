// SPDX-License-Identifier: Apache-2.0
#include "transfer/datagram.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DATAGRAMS_A_TURN 16

struct datagram {
	uv_poll_t poll;
	int fd;
	struct datagram_handler handler;
	bool closed;
};

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void datagram_close(struct datagram *d)
{
	if (d == NULL || d->closed)
		return;
	d->closed = true;
	uv_poll_stop(&d->poll);
	close(d->fd);
	uv_close((uv_handle_t *)&d->poll, on_closed);
}

/* The struct outlives this call in any case: it is freed by the loop. */
static void on_readable(uv_poll_t *p, int status, int events)
{
	struct datagram *d = p->data;
	uint8_t in[DATAGRAM_MAX];

	(void)events;
	if (status < 0) /* libuv has stopped looking; recv() tells why */
		uv_poll_start(p, UV_READABLE, on_readable);
	for (int i = 0; i < DATAGRAMS_A_TURN && !d->closed; i++) {
		ssize_t n = recv(d->fd, in, sizeof in, MSG_TRUNC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			d->handler.failed(strerror(errno), d->handler.context);
			return;
		}
		if ((size_t)n <= sizeof in)
			d->handler.received((struct span){ in, (size_t)n }, d->handler.context);
	}
}

enum err datagram_open(struct datagram **out, uv_loop_t *loop, const struct remote *to,
		       const struct datagram_handler *handler)
{
	struct datagram *d = calloc(1, sizeof *d);

	if (d == NULL)
		return ERR_NOMEM;
	d->handler = *handler;
	d->fd = remote_connect(to, SOCK_DGRAM);
	if (d->fd < 0 || uv_poll_init(loop, &d->poll, d->fd) != 0) {
		int why = errno;
		if (d->fd >= 0)
			close(d->fd);
		free(d);
		errno = why;
		return ERR_IO;
	}
	d->poll.data = d;
	uv_poll_start(&d->poll, UV_READABLE, on_readable);
	*out = d;
	return ERR_OK;
}

enum err datagram_send(struct datagram *d, struct span message)
{
	ssize_t n;

	do
		n = send(d->fd, message.p, message.n, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)message.n ? ERR_OK : ERR_IO;
}
