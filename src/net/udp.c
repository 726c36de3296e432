// SPDX-License-Identifier: Apache-2.0
/* Datagrams in batches: one recvmmsg, the answers, one sendmmsg. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/internal.h"

#define BATCH 32
/* Batches before the loop looks at other sockets: TCP and timers must not starve under a flood. */
#define BATCHES_TURN 8
/* After a batch of so many there are most likely more already: asking the socket again at once is
 * cheaper than going round the loop. */
#define MORE_LIKELY (BATCH / 4)
#define REQUEST_MAX 4096
#define ANSWER_MAX  4096
#define CONTROL_MAX 64

struct udp_batch {
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_iov[BATCH], out_iov[BATCH];
	struct sockaddr_storage peer[BATCH];
	uint8_t request[BATCH][REQUEST_MAX];
	uint8_t answer[BATCH][ANSWER_MAX];
	_Alignas(struct cmsghdr) uint8_t control[BATCH][CONTROL_MAX];
	_Alignas(struct cmsghdr) uint8_t reply_control[BATCH][CONTROL_MAX];
	struct udp_socket *late_socket; /* of the late answers that are collected in `out` */
	int late_n;
};

struct udp_batch *udp_batch_new(void)
{
	struct udp_batch *b = calloc(1, sizeof *b);

	for (int i = 0; b != NULL && i < BATCH; i++) {
		b->in_iov[i] = (struct iovec){ b->request[i], REQUEST_MAX };
		b->in[i].msg_hdr.msg_iov = &b->in_iov[i];
		b->in[i].msg_hdr.msg_iovlen = 1;
		b->in[i].msg_hdr.msg_name = &b->peer[i];
		b->out[i].msg_hdr.msg_iov = &b->out_iov[i];
		b->out[i].msg_hdr.msg_iovlen = 1;
	}
	return b;
}

void udp_batch_free(struct udp_batch *b)
{
	free(b);
}

static void reset_input(struct udp_batch *b, bool any)
{
	for (int i = 0; i < BATCH; i++) {
		b->in[i].msg_hdr.msg_namelen = sizeof b->peer[i];
		b->in[i].msg_hdr.msg_control = any ? b->control[i] : NULL;
		b->in[i].msg_hdr.msg_controllen = any ? CONTROL_MAX : 0;
	}
}

/* The address that was asked, out of a received message's ancillary data. */
static void read_destination(struct msghdr *m, struct asker *a)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			memcpy(&a->to.v4, CMSG_DATA(c), sizeof a->to.v4);
		else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			memcpy(&a->to.v6, CMSG_DATA(c), sizeof a->to.v6);
	}
}

/* The reply leaves from there (RFC 1123 §6.1.2: clients drop answers from elsewhere). */
static void write_source(struct msghdr *m, const struct asker *a, uint8_t *control)
{
	bool v4 = a->udp->family == AF_INET;
	size_t n = v4 ? sizeof a->to.v4 : sizeof a->to.v6;

	if (!a->udp->any) {
		m->msg_control = NULL;
		m->msg_controllen = 0;
		return;
	}
	m->msg_control = control;
	m->msg_controllen = CMSG_SPACE(n);
	memset(control, 0, m->msg_controllen);
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	c->cmsg_level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
	c->cmsg_type = v4 ? IP_PKTINFO : IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(n);
	if (v4) {
		/* ipi_spec_dst is the source of what is sent; the interface is left to the routing
		 * table. */
		struct in_pktinfo info = { .ipi_spec_dst = a->to.v4.ipi_addr };
		memcpy(CMSG_DATA(c), &info, sizeof info);
	} else {
		struct in6_pktinfo info = a->to.v6;
		if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
			info.ipi6_ifindex = 0;
		memcpy(CMSG_DATA(c), &info, sizeof info);
	}
}

static struct asker asker_of(struct udp_socket *s, struct udp_batch *b, int i)
{
	struct msghdr *m = &b->in[i].msg_hdr;
	struct asker a = { .udp = s, .peer_len = m->msg_namelen };

	memcpy(&a.peer, &b->peer[i], m->msg_namelen);
	socket_client(&a.peer, &a.client.addr);
	if (s->any)
		read_destination(m, &a);
	return a;
}

/* Answers request i of the batch as reply `slot`; false where there is nothing to send now. */
static bool answer(struct udp_socket *s, struct udp_batch *b, int i, int slot)
{
	struct worker *w = s->worker;
	const struct net_pipeline *p = &w->net->pipeline;
	struct span in = { b->request[i], b->in[i].msg_len };
	struct asker from = asker_of(s, b, i);
	struct writer out = writer_of(b->answer[slot], ANSWER_MAX);
	struct msghdr *reply = &b->out[slot].msg_hdr;

	if (b->in[i].msg_hdr.msg_flags & MSG_TRUNC) { /* larger than any query is */
		counter_add(&w->query_stats.drops, 1);
		counter_add(&w->query_stats.drops_why[QUERY_DROP_OVERSIZED], 1);
		return false;
	}
	w->query.looked_up = &w->query.ahead[i];
	enum verdict v = p->answer(&w->query, in, &from.client, &out);
	if (v == QUERY_HANDOFF) {
		if (handoff_query(w, in, &from))
			return false;
		v = p->give_up(&w->query, in, &from.client, &out);
	} else if (v == QUERY_WAIT) {
		if (park_query(w, in, &from))
			return false;
		v = p->give_up(&w->query, in, &from.client, &out);
	} else if (w->query.need_n > 0) {
		park_renew(w);
	}
	if (v != QUERY_REPLY)
		return false;
	b->out_iov[slot] = (struct iovec){ b->answer[slot], writer_len(&out) };
	reply->msg_name = &b->peer[i];
	reply->msg_namelen = b->in[i].msg_hdr.msg_namelen;
	write_source(reply, &from, b->reply_control[slot]);
	return true;
}

static void send_batch(struct udp_socket *s, struct udp_batch *b, int n)
{
	int at = 0;

	while (at < n) {
		int sent = sendmmsg(s->fd, b->out + at, (unsigned)(n - at), MSG_DONTWAIT);
		if (sent > 0) {
			at += sent;
		} else if (errno != EINTR) {
			/* A full buffer, or this one peer cannot be reached: the client asks again.
			 */
			counter_add(&s->worker->stats.udp_send_errors, 1);
			at++;
		}
	}
}

_Static_assert(BATCH <= QUERY_AHEAD_MAX, "a batch is looked up whole");

static void look_ahead(struct worker *w, const struct udp_batch *b, int n)
{
	struct span in[BATCH];
	struct ip_addr from[BATCH];

	for (int i = 0; i < n; i++) {
		in[i] = (struct span){ b->request[i], b->in[i].msg_len };
		socket_client(&b->peer[i], &from[i]);
	}
	query_look_ahead(&w->query, in, from, (unsigned)n);
}

/* Returns how many came. */
static int answer_batch(struct udp_socket *s)
{
	struct worker *w = s->worker;
	struct udp_batch *b = w->batch;
	int replies = 0;

	reset_input(b, s->any);
	int n = recvmmsg(s->fd, b->in, BATCH, MSG_DONTWAIT, NULL);
	if (n <= 0 || !worker_begin(w))
		return 0;
	uint64_t since_ns = latency_now_ns();
	look_ahead(w, b, n);
	for (int i = 0; i < n; i++)
		replies += answer(s, b, i, replies);
	send_batch(s, b, replies);
	latency_add(&w->stats.udp, since_ns, (unsigned)n);
	return n;
}

void udp_ready(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	for (int turn = 0; turn < BATCHES_TURN; turn++)
		if (answer_batch(poll->data) < MORE_LIKELY)
			return;
}

void udp_look(struct worker *w)
{
	for (size_t i = 0; i < w->udp_n; i++)
		answer_batch(&w->udp[i]);
}

void udp_flush_late(struct worker *w)
{
	struct udp_batch *b = w->batch;

	if (b == NULL) /* a worker that is closed before it was opened whole */
		return;
	if (b->late_n > 0)
		send_batch(b->late_socket, b, b->late_n);
	b->late_n = 0;
}

void udp_answer_late(const struct asker *a, const uint8_t *bytes, size_t n)
{
	struct worker *w = a->udp->worker;
	struct udp_batch *b = w->batch;

	if (b->late_n == BATCH || (b->late_n > 0 && b->late_socket != a->udp))
		udp_flush_late(w);
	int slot = b->late_n++;
	struct msghdr *reply = &b->out[slot].msg_hdr;
	b->late_socket = a->udp;
	memcpy(b->answer[slot], bytes, n);
	memcpy(&b->peer[slot], &a->peer, a->peer_len);
	b->out_iov[slot] = (struct iovec){ b->answer[slot], n };
	reply->msg_name = &b->peer[slot];
	reply->msg_namelen = a->peer_len;
	write_source(reply, a, b->reply_control[slot]);
}
