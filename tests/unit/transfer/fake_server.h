// SPDX-License-Identifier: Apache-2.0
/* A server on the test's own loop, UDP and TCP on one port of 127.0.0.1, that answers as a test
 * says. */
#ifndef TESTS_UNIT_TRANSFER_FAKE_SERVER_H
#define TESTS_UNIT_TRANSFER_FAKE_SERVER_H

#include <uv.h>

#include "check.h"
#include "dns/message.h"
#include "dns/wire.h"
#include "transfer/remote.h"

struct fake_server;

/* Gets each request; answers with fake_send(), any number of times. */
typedef void fake_behaviour(struct fake_server *f, const uint8_t *request, size_t n);

struct fake_server {
	uv_loop_t *loop;
	uv_udp_t udp, other; /* `other` sends from another port */
	uv_tcp_t tcp, client;
	bool has_client;
	struct sockaddr_in from;
	uint16_t port;
	fake_behaviour *over_udp, *over_tcp;
	unsigned udp_n, tcp_n;
	uint8_t in[70000];
	size_t in_n;
};

static inline void fake_alloc(uv_handle_t *h, size_t n, uv_buf_t *buf)
{
	(void)h;
	buf->base = malloc(n);
	buf->len = n;
}

static inline void fake_on_udp(uv_udp_t *u, ssize_t n, const uv_buf_t *buf,
			       const struct sockaddr *from, unsigned flags)
{
	struct fake_server *f = u->data;

	(void)flags;
	if (n > 0 && from != NULL) {
		memcpy(&f->from, from, sizeof f->from);
		f->udp_n++;
		if (f->over_udp != NULL)
			f->over_udp(f, (const uint8_t *)buf->base, (size_t)n);
	}
	free(buf->base);
}

static inline void fake_on_tcp(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct fake_server *f = s->data;

	if (n > 0) {
		memcpy(f->in + f->in_n, buf->base, (size_t)n);
		f->in_n += (size_t)n;
	}
	free(buf->base);
	if (n < 0) {
		uv_close((uv_handle_t *)&f->client, NULL);
		f->has_client = false;
		f->in_n = 0;
		return;
	}
	while (f->in_n >= 2 && f->in_n >= 2u + load_u16(f->in)) {
		size_t len = load_u16(f->in);
		f->tcp_n++;
		if (f->over_tcp != NULL)
			f->over_tcp(f, f->in + 2, len);
		f->in_n -= 2 + len;
		memmove(f->in, f->in + 2 + len, f->in_n);
	}
}

static inline void fake_on_client(uv_stream_t *s, int status)
{
	struct fake_server *f = s->data;

	(void)status;
	if (f->has_client)
		return;
	uv_tcp_init(f->loop, &f->client);
	f->client.data = f;
	uv_accept(s, (uv_stream_t *)&f->client);
	f->has_client = true;
	uv_read_start((uv_stream_t *)&f->client, fake_alloc, fake_on_tcp);
}

static inline void fake_start(struct fake_server *f, uv_loop_t *loop)
{
	struct sockaddr_in at;
	int n = sizeof at;

	memset(f, 0, sizeof *f);
	f->loop = loop;
	for (int bound = -1; bound != 0;) {
		uv_ip4_addr("127.0.0.1", 0, &at);
		uv_tcp_init(loop, &f->tcp);
		assert_int_equal(uv_tcp_bind(&f->tcp, (struct sockaddr *)&at, 0), 0);
		uv_tcp_getsockname(&f->tcp, (struct sockaddr *)&at, &n);
		uv_udp_init(loop, &f->udp);
		bound = uv_udp_bind(&f->udp, (struct sockaddr *)&at, 0);
		if (bound != 0) {
			uv_close((uv_handle_t *)&f->udp, NULL);
			uv_close((uv_handle_t *)&f->tcp, NULL);
			uv_run(loop, UV_RUN_DEFAULT);
		}
	}
	f->port = ntohs(at.sin_port);
	uv_udp_init(loop, &f->other);
	f->udp.data = f->tcp.data = f;
	uv_udp_recv_start(&f->udp, fake_alloc, fake_on_udp);
	assert_int_equal(uv_listen((uv_stream_t *)&f->tcp, 8, fake_on_client), 0);
}

static inline void fake_stop(struct fake_server *f)
{
	if (f->has_client)
		uv_close((uv_handle_t *)&f->client, NULL);
	uv_close((uv_handle_t *)&f->udp, NULL);
	uv_close((uv_handle_t *)&f->other, NULL);
	uv_close((uv_handle_t *)&f->tcp, NULL);
	uv_run(f->loop, UV_RUN_DEFAULT);
}

static inline void fake_send(struct fake_server *f, const void *p, size_t n)
{
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)p, (unsigned)n);

	assert_int_equal(uv_udp_try_send(&f->udp, &buf, 1, (struct sockaddr *)&f->from), (int)n);
}

static inline void fake_send_from_elsewhere(struct fake_server *f, const void *p, size_t n)
{
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)p, (unsigned)n);

	assert_int_equal(uv_udp_try_send(&f->other, &buf, 1, (struct sockaddr *)&f->from), (int)n);
}

/* Octets as they are. */
static inline void fake_write_raw(struct fake_server *f, const void *p, size_t n)
{
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)p, (unsigned)n);

	assert_int_equal(uv_try_write((uv_stream_t *)&f->client, &buf, 1), (int)n);
}

static inline void fake_write(struct fake_server *f, const uint8_t *p, size_t n)
{
	uint8_t length[2] = { (uint8_t)(n >> 8), (uint8_t)n };

	fake_write_raw(f, length, 2);
	fake_write_raw(f, p, n);
}

static inline struct remote fake_remote(const struct fake_server *f, enum remote_transport t)
{
	return (struct remote){ .address = { IP_V4, { 127, 0, 0, 1 } },
				.port = f->port,
				.transport = t };
}

/* The request with QR and these flags and rcode set. */
static inline uint8_t *fake_reply(const uint8_t *request, size_t n, uint16_t flags)
{
	uint8_t *m = exact_copy(request, n);

	store_u16(m + 2, (uint16_t)(load_u16(m + 2) | FLAG_QR | flags));
	return m;
}

#endif
