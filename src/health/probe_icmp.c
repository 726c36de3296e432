// SPDX-License-Identifier: Apache-2.0
/* ICMP and ICMPv6 echo, through the kernel's ping sockets where it permits them to us (no privilege
 * needed: net.ipv4.ping_group_range), else through raw sockets (CAP_NET_RAW). */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/prefix.h"
#include "base/random.h"
#include "health/internal.h"

#define SLOTS    65536 /* sequence numbers */
#define PACKET_N 16    /* header and a number that the echo must bring back */

struct icmp_probe {
	struct probe base;
	struct icmp_prober *prober;
	struct sockaddr_storage to;
	uint64_t cookie;
	uint16_t sequence;
	bool v6;
	uv_timer_t timeout;
};

struct icmp_family {
	int fd; /* -1: not opened */
	bool raw;
	uv_poll_t *poll;
};

struct icmp_prober {
	uv_loop_t *loop;
	struct icmp_family v4, v6;
	uint16_t id, next;
	struct icmp_probe *waiting[SLOTS]; /* by sequence number */
};

static void on_timer_closed(uv_handle_t *h)
{
	free(h->data);
}

static void probe_free(struct icmp_probe *b)
{
	b->prober->waiting[b->sequence] = NULL;
	uv_close((uv_handle_t *)&b->timeout, on_timer_closed);
}

static void finish(struct icmp_probe *b, bool ok, const char *reason)
{
	struct probe_result r = { .ok = ok, .took_us = probe_took_us(&b->base), .reason = reason };

	b->base.done(&r, b->base.context);
	probe_free(b);
}

/* ---- replies ---- */

static bool same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in *b4 = (const struct sockaddr_in *)b;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)b;

	if (a->ss_family != b->ss_family)
		return false;
	return a->ss_family == AF_INET
		   ? a4->sin_addr.s_addr == b4->sin_addr.s_addr
		   : memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
}

/* The ICMP message in what came in, or NULL: a raw IPv4 socket gives the IP header too. */
static const uint8_t *message_of(const struct icmp_family *f, bool v6, const uint8_t *p, size_t n)
{
	size_t head = 0;

	if (!v6 && f->raw) {
		if (n < sizeof(struct iphdr))
			return NULL;
		head = (size_t)(p[0] & 15) * 4;
	}
	return n >= head + PACKET_N ? p + head : NULL;
}

static void read_reply(struct icmp_prober *p, const struct icmp_family *f, bool v6,
		       const uint8_t *in, size_t n, const struct sockaddr_storage *from)
{
	const uint8_t *m = message_of(f, v6, in, n);
	uint64_t cookie;

	if (m == NULL || m[0] != (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) || m[1] != 0)
		return;
	struct icmp_probe *b = p->waiting[(m[6] << 8) | m[7]];
	memcpy(&cookie, m + 8, sizeof cookie);
	if (b != NULL && b->v6 == v6 && cookie != 0 && b->cookie == cookie &&
	    same_host(&b->to, from))
		finish(b, true, "echo reply");
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct icmp_prober *p = poll->data;
	bool v6 = poll == p->v6.poll;
	struct icmp_family *f = v6 ? &p->v6 : &p->v4;
	uint8_t in[512];
	struct sockaddr_storage from;

	(void)status;
	(void)events;
	for (unsigned i = 0; i < 64; i++) { /* then the loop's others have their turn */
		socklen_t len = sizeof from;
		ssize_t n =
		    recvfrom(f->fd, in, sizeof in, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
		if (n < 0)
			return;
		read_reply(p, f, v6, in, (size_t)n, &from);
	}
}

/* ---- requests ---- */

static enum err open_family(struct icmp_prober *p, struct icmp_family *f, bool v6)
{
	int family = v6 ? AF_INET6 : AF_INET, protocol = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;

	if (f->fd >= 0)
		return ERR_OK;
	f->raw = false;
	f->fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (f->fd < 0) {
		f->raw = true;
		f->fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	}
	if (f->fd < 0)
		return ERR_UNSUPPORTED;
	f->poll = calloc(1, sizeof *f->poll);
	if (f->poll == NULL || uv_poll_init(p->loop, f->poll, f->fd) != 0) {
		free(f->poll);
		f->poll = NULL;
		close(f->fd);
		f->fd = -1;
		return ERR_NOMEM;
	}
	f->poll->data = p;
	uv_poll_start(f->poll, UV_READABLE, on_ready);
	return ERR_OK;
}

/* RFC 1071. The kernel does it for ICMPv6. */
static uint16_t checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	sum = (sum >> 16) + (sum & 0xffff);
	sum += sum >> 16;
	return (uint16_t)~sum;
}

static void make_request(const struct icmp_probe *b, uint16_t id, uint8_t out[PACKET_N])
{
	memset(out, 0, PACKET_N);
	out[0] = b->v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
	out[4] = (uint8_t)(id >> 8);
	out[5] = (uint8_t)id;
	out[6] = (uint8_t)(b->sequence >> 8);
	out[7] = (uint8_t)b->sequence;
	memcpy(out + 8, &b->cookie, sizeof b->cookie);
	if (!b->v6) {
		uint16_t sum = checksum(out, PACKET_N);
		out[2] = (uint8_t)(sum >> 8);
		out[3] = (uint8_t)sum;
	}
}

/* Reports from the loop, once: the caller of probe_start() hears nothing before it returns. */
static void on_timeout(uv_timer_t *t)
{
	struct icmp_probe *b = t->data;

	finish(b, false, b->cookie != 0 ? "no echo reply in time" : "the echo could not be sent");
}

static bool address_of(const struct check_spec *s, struct sockaddr_storage *out, bool *v6)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
	const char *target = s->target != NULL ? s->target : s->value;

	memset(out, 0, sizeof *out);
	*v6 = inet_pton(AF_INET6, target, &in6->sin6_addr) == 1;
	out->ss_family = *v6 ? AF_INET6 : AF_INET;
	return *v6 || inet_pton(AF_INET, target, &in->sin_addr) == 1;
}

static bool take_sequence(struct icmp_prober *p, struct icmp_probe *b)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		uint16_t at = p->next++;
		if (p->waiting[at] != NULL)
			continue;
		p->waiting[at] = b;
		b->sequence = at;
		return true;
	}
	return false;
}

enum err icmp_probe_start(struct icmp_prober *p, const struct probe *as, struct probe **out)
{
	struct icmp_probe *b = calloc(1, sizeof *b);
	uint8_t packet[PACKET_N];

	if (b == NULL)
		return ERR_NOMEM;
	b->base = *as;
	b->prober = p;
	enum err e = address_of(as->spec, &b->to, &b->v6) ? ERR_OK : ERR_UNSUPPORTED;
	struct icmp_family *f = b->v6 ? &p->v6 : &p->v4;
	if (!e)
		e = open_family(p, f, b->v6);
	if (!e && !take_sequence(p, b))
		e = ERR_TOO_LONG;
	if (e) {
		free(b);
		return e;
	}
	uv_timer_init(p->loop, &b->timeout);
	b->timeout.data = b;
	b->cookie = random_u64() | 1;
	make_request(b, p->id, packet);
	bool sent = sendto(f->fd, packet, sizeof packet, MSG_DONTWAIT | MSG_NOSIGNAL,
			   (struct sockaddr *)&b->to,
			   b->v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)) ==
		    (ssize_t)sizeof packet;
	if (!sent)
		b->cookie = 0;
	uv_timer_start(&b->timeout, on_timeout, sent ? as->spec->timeout_ms : 0, 0);
	*out = &b->base;
	return ERR_OK;
}

void icmp_probe_cancel(struct probe *base)
{
	probe_free((struct icmp_probe *)base);
}

/* ---- begin and end ---- */

enum err icmp_prober_new(struct icmp_prober **out, uv_loop_t *loop)
{
	struct icmp_prober *p = calloc(1, sizeof *p);

	if (p == NULL)
		return ERR_NOMEM;
	p->loop = loop;
	p->v4.fd = p->v6.fd = -1;
	p->id = (uint16_t)random_u64();
	*out = p;
	return ERR_OK;
}

static void close_family(struct icmp_family *f)
{
	if (f->fd < 0)
		return;
	uv_poll_stop(f->poll);
	f->poll->data = f->poll;
	uv_close((uv_handle_t *)f->poll, on_timer_closed);
	close(f->fd);
}

void icmp_prober_close(struct icmp_prober *p)
{
	if (p == NULL)
		return;
	close_family(&p->v4);
	close_family(&p->v6);
	free(p);
}
