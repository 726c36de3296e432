// SPDX-License-Identifier: Apache-2.0
/* DNS over TCP (RFC 7766): framing, pipelining, answers of one read in one write, nobody waits for
 * a slow client. */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/internal.h"

#define ACCEPTS_TURN 16
#define INPUT_START  2048
#define INPUT_MAX    (2u + MESSAGE_MAX)
/* Answers that a client has not taken: past this its queries are not looked at until it reads. */
#define OUTPUT_PAUSE (64u << 10)
/* One answer more always fits behind the pause. */
#define OUTPUT_MAX (OUTPUT_PAUSE + 2u + MESSAGE_MAX)
/* Queries of one connection that may wait for signatures: more would let one client fill the
 * worker's room. */
#define PARKED_MAX 64
/* Thousands of streams may be ready in one turn of the loop; a datagram waits for no more work of
 * theirs than that of so many answers. */
#define LOOK_EVERY 64u
/* What an event costs besides its answers, and what one of the two of a handshake costs. */
#define EVENT_WORK     2u
#define HANDSHAKE_WORK (LOOK_EVERY / 2)

struct connection {
	struct worker *worker;
	struct connection *newer, *older;
	uv_poll_t poll;
	int fd;
	int events; /* what the poll waits for */
	struct sockaddr_storage peer;
	struct ip_addr addr;
	uint64_t active_ms; /* last whole query or taken output */
	unsigned parked;
	bool ended; /* the client sends no more */
	bool closing;
	bool established;       /* TLS: the handshake is done */
	struct tls_stream *tls; /* NULL: plain TCP */
	int tls_events;         /* what TLS itself waits for besides: UV_READABLE, UV_WRITABLE */
	uint32_t client_slot;
	enum net_tcp_state state; /* as it is counted */
	uint8_t *in;
	size_t in_n, in_cap;
	uint8_t *out;
	size_t out_at, out_n, out_cap;
};

/* ---- the list: newest activity first ---- */

static void unlink_connection(struct connection *c)
{
	struct worker *w = c->worker;

	if (c->newer != NULL)
		c->newer->older = c->older;
	else
		w->connections = c->older;
	if (c->older != NULL)
		c->older->newer = c->newer;
	else
		w->last_connection = c->newer;
	c->newer = c->older = NULL;
}

static void link_first(struct connection *c)
{
	struct worker *w = c->worker;

	c->older = w->connections;
	c->newer = NULL;
	if (w->connections != NULL)
		w->connections->newer = c;
	else
		w->last_connection = c;
	w->connections = c;
}

static void touch(struct connection *c)
{
	c->active_ms = uv_now(&c->worker->loop);
	if (c->worker->connections == c)
		return;
	unlink_connection(c);
	link_first(c);
}

/* ---- closing ---- */

static void on_closed(uv_handle_t *h)
{
	struct connection *c = h->data;

	tls_stream_free(c->tls);
	close(c->fd);
	free(c->in);
	free(c->out);
	free(c);
}

static void close_connection(struct connection *c)
{
	struct worker *w = c->worker;

	if (c->closing)
		return;
	c->closing = true;
	unlink_connection(c);
	w->connection_n--;
	counter_add(&w->stats.state[c->state], UINT64_MAX); /* one less */
	atomic_fetch_sub_explicit(&w->net->connections, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&w->net->clients[c->client_slot], 1, memory_order_relaxed);
	if (c->tls != NULL && !c->established)
		counter_add(&w->stats.tls_failed, 1);
	atomic_store_explicit(&w->stats.tcp_open.value, w->connection_n, memory_order_relaxed);
	park_forget(w, c);
	handoff_forget(w, c);
	uv_close((uv_handle_t *)&c->poll, on_closed);
}

void tcp_close_all(struct worker *w)
{
	while (w->connections != NULL)
		close_connection(w->connections);
}

void tcp_close_idle(struct worker *w, uint64_t now_ms)
{
	while (w->last_connection != NULL &&
	       now_ms - w->last_connection->active_ms >= w->net->options.tcp_idle_ms) {
		counter_add(&w->stats.tcp_idle_closed, 1);
		close_connection(w->last_connection);
	}
	/* Listeners that were put aside when descriptors ran out. */
	for (size_t i = 0; i < w->tcp_n; i++)
		if (!uv_is_active((uv_handle_t *)&w->tcp[i].poll))
			uv_poll_start(&w->tcp[i].poll, UV_READABLE, tcp_ready);
}

/* ---- output ---- */

static bool make_room(uint8_t **buffer, size_t *cap, size_t need, size_t max)
{
	if (need <= *cap)
		return true;
	if (need > max)
		return false;
	size_t more = *cap * 2 > need ? *cap * 2 : need;
	uint8_t *b = realloc(*buffer, more < max ? more : max);
	if (b == NULL)
		return false;
	*buffer = b;
	*cap = more < max ? more : max;
	return true;
}

/* Appends one framed answer. False: no memory, and the connection has to go. */
static bool append(struct connection *c, const uint8_t *bytes, size_t n)
{
	if (c->out_at > 0 && c->out_n + 2 + n > c->out_cap) {
		memmove(c->out, c->out + c->out_at, c->out_n - c->out_at);
		c->out_n -= c->out_at;
		c->out_at = 0;
	}
	/* Parked answers come besides what the pause allows. */
	if (!make_room(&c->out, &c->out_cap, c->out_n + 2 + n, OUTPUT_MAX * 2))
		return false;
	store_u16(c->out + c->out_n, (uint16_t)n);
	memcpy(c->out + c->out_n + 2, bytes, n);
	c->out_n += 2 + n;
	return true;
}

static size_t unsent(const struct connection *c)
{
	return c->out_n - c->out_at;
}

static ssize_t stream_read(struct connection *c, void *out, size_t n)
{
	if (c->tls == NULL)
		return recv(c->fd, out, n, MSG_DONTWAIT);
	return tls_read(c->tls, out, n, &c->tls_events);
}

static ssize_t stream_write(struct connection *c, const void *from, size_t n)
{
	if (c->tls == NULL)
		return send(c->fd, from, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	return tls_write(c->tls, from, n, &c->tls_events);
}

/* False: the connection is broken. */
static bool flush(struct connection *c)
{
	while (unsent(c) > 0) {
		ssize_t n = stream_write(c, c->out + c->out_at, unsent(c));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK;
		c->out_at += (size_t)n;
		touch(c);
	}
	c->out_at = c->out_n = 0;
	return true;
}

/* ---- queries ---- */

/* False: the connection has to go. */
static bool answer(struct connection *c, struct span in)
{
	struct worker *w = c->worker;
	const struct net_pipeline *p = &w->net->pipeline;
	struct asker from = { .client = { c->addr, true, c->tls != NULL }, .tcp = c };
	struct writer out = writer_of(w->answer, MESSAGE_MAX);
	enum verdict v = p->answer(&w->query, in, &from.client, &out);

	if (v == QUERY_HANDOFF) {
		if (c->parked < PARKED_MAX && handoff_query(w, in, &from)) {
			c->parked++;
			return true;
		}
		out = writer_of(w->answer, MESSAGE_MAX);
		v = p->give_up(&w->query, in, &from.client, &out);
	} else if (v == QUERY_WAIT) {
		if (c->parked < PARKED_MAX && park_query(w, in, &from)) {
			c->parked++;
			return true;
		}
		out = writer_of(w->answer, MESSAGE_MAX);
		v = p->give_up(&w->query, in, &from.client, &out);
	} else if (w->query.need_n > 0) {
		park_renew(w);
	}
	/* What is never answered ends the connection: its framing cannot be trusted either. */
	w->stream_answers++;
	return v == QUERY_REPLY && append(c, w->answer, writer_len(&out));
}

/* Works off whole messages while the client takes its answers: no event tells of what waits here.
 * False: the connection has to go. */
static bool work_off(struct connection *c)
{
	size_t at = 0;

	while (c->in_n - at >= 2) {
		size_t n = load_u16(c->in + at);
		if (c->in_n - at < 2 + n)
			break;
		if (unsent(c) >= OUTPUT_PAUSE && !flush(c))
			return false;
		if (unsent(c) >= OUTPUT_PAUSE)
			break;
		touch(c);
		if (!answer(c, (struct span){ c->in + at + 2, n }))
			return false;
		at += 2 + n;
	}
	if (at > 0) {
		memmove(c->in, c->in + at, c->in_n - at);
		c->in_n -= at;
	}
	return true;
}

/* False: broken, or the client sent all it will and nothing is left to do. */
static bool read_more(struct connection *c)
{
	size_t want = c->in_n >= 2 ? 2u + load_u16(c->in) : INPUT_START;

	if (want < INPUT_START)
		want = INPUT_START;
	if (!make_room(&c->in, &c->in_cap, want, INPUT_MAX))
		return false;
	if (c->in_n == c->in_cap)
		return true; /* whole messages wait for the client to read */
	ssize_t n = stream_read(c, c->in + c->in_n, c->in_cap - c->in_n);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
	if (n == 0)
		c->ended = true;
	c->in_n += (size_t)n;
	return true;
}

static void on_event(uv_poll_t *poll, int status, int events);

/* What OpenSSL holds decrypted makes no event either. Where the client has been paused, its answers
 * go first: tls_write() has asked for that event. */
static bool waits_in_tls(const struct connection *c)
{
	return c->tls != NULL && !c->ended && unsent(c) < OUTPUT_PAUSE && tls_has_more(c->tls);
}

static void note_handshake(struct connection *c)
{
	struct net_stats *s = &c->worker->stats;

	if (!tls_is_established(c->tls))
		return;
	c->established = true;
	counter_add(&s->tls_handshakes, 1);
	if (tls_was_resumed(c->tls))
		counter_add(&s->tls_resumed, 1);
}

static enum net_tcp_state state_of(const struct connection *c)
{
	if (c->tls != NULL && !c->established)
		return NET_TCP_HANDSHAKE;
	if (unsent(c) > 0)
		return NET_TCP_UNREAD;
	if (c->parked > 0)
		return NET_TCP_WAITING;
	return c->in_n > 0 ? NET_TCP_PARTIAL : NET_TCP_IDLE;
}

static void count_state(struct connection *c, bool opened)
{
	enum net_tcp_state now = state_of(c);
	struct counter *counts = c->worker->stats.state;

	if (!opened && now == c->state)
		return;
	if (!opened)
		counter_add(&counts[c->state], UINT64_MAX); /* one less */
	counter_add(&counts[now], 1);
	c->state = now;
}

/* Waits for what can go on; closes what is finished. */
static void wait_or_close(struct connection *c, bool ok)
{
	int events = 0;

	if (!ok || (c->ended && unsent(c) == 0 && c->parked == 0)) {
		close_connection(c);
		return;
	}
	if (unsent(c) > 0 || (c->parked > 0 && handoff_has_more(c->worker, c)))
		events |= UV_WRITABLE;
	if (!c->ended && unsent(c) < OUTPUT_PAUSE)
		events |= UV_READABLE;
	else if (!c->ended && (c->events & UV_READABLE))
		counter_add(&c->worker->stats.tcp_paused, 1);
	events |= c->tls_events; /* a handshake has something to say before we are asked */
	count_state(c, false);
	if (events == c->events)
		return;
	c->events = events;
	if (events == 0)
		uv_poll_stop(&c->poll);
	else if (uv_poll_start(&c->poll, events, on_event) != 0)
		close_connection(c);
}

/* Streamed answers that one event sends: the other sockets of the worker have their turn then. */
#define PUMPS_TURN 4

/* False: the connection is broken. */
static bool pump(struct connection *c)
{
	bool ok = true;

	for (int i = 0; i < PUMPS_TURN && ok && c->parked > 0 && unsent(c) == 0; i++) {
		if (!handoff_pump(c->worker, c))
			break;
		ok = flush(c);
	}
	return ok;
}

static void note_work(struct worker *w, uint64_t work)
{
	w->stream_work += (unsigned)work;
	if (w->stream_work < LOOK_EVERY)
		return;
	w->stream_work = 0;
	udp_look(w);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct connection *c = poll->data;
	struct worker *w = c->worker;
	bool handshake = c->tls != NULL && !c->established;
	uint64_t since_ns = latency_now_ns(), answers = w->stream_answers;
	bool ok = status == 0;

	/* With TLS reading may need writability and the other way round. */
	if (c->tls != NULL && c->tls_events != 0)
		events |= UV_READABLE | UV_WRITABLE;
	c->tls_events = 0;
	if (ok && (events & UV_WRITABLE))
		ok = flush(c);
	do {
		if (ok && (events & UV_READABLE) && !c->ended)
			ok = read_more(c);
		if (ok && c->in_n > 0)
			ok = worker_begin(w) && work_off(c);
	} while (ok && waits_in_tls(c));
	if (c->tls != NULL && !c->established)
		note_handshake(c);
	/* What was answered before a fault still goes out. */
	bool sent = flush(c) && pump(c);
	if (w->stream_answers != answers)
		latency_add(&w->stats.stream, since_ns, (unsigned)(w->stream_answers - answers));
	wait_or_close(c, ok && sent);
	note_work(w, w->stream_answers - answers + (handshake ? HANDSHAKE_WORK : EVENT_WORK));
}

void tcp_answer_later(struct connection *c, const uint8_t *bytes, size_t n)
{
	wait_or_close(c, append(c, bytes, n) && work_off(c) && flush(c));
}

bool tcp_has_room(const struct connection *c)
{
	return !c->closing && unsent(c) < OUTPUT_PAUSE;
}

bool tcp_append(struct connection *c, const uint8_t *bytes, size_t n)
{
	return append(c, bytes, n);
}

void tcp_continue(struct connection *c)
{
	bool ok = pump(c);

	wait_or_close(c, ok && worker_begin(c->worker) && work_off(c) && flush(c));
}

bool tcp_client_certificate(const struct connection *c, uint8_t out[HANDOFF_CERTIFICATE_LEN])
{
	return c->tls != NULL && tls_client_certificate(c->tls, out);
}

void tcp_unpark(struct connection *c)
{
	c->parked--;
}

/* ---- accepting ---- */

static uint32_t slot_of(const struct net *n, const struct ip_addr *client)
{
	struct ip_addr prefix = ip_cut(client, client->family == IP_V4 ? 24 : 56);

	return (uint32_t)(siphash(&n->client_key, prefix.bytes, sizeof prefix.bytes) %
			  CLIENT_SLOTS);
}

static void take(struct tcp_listener *l, int fd, const struct sockaddr_storage *peer)
{
	struct worker *w = l->worker;
	struct connection *c = calloc(1, sizeof *c);
	int on = 1;

	if (c == NULL) {
		close(fd);
		return;
	}
	c->worker = w;
	c->fd = fd;
	c->peer = *peer;
	socket_client(peer, &c->addr);
	c->poll.data = c;
	c->client_slot = slot_of(w->net, &c->addr);
	if (atomic_load_explicit(&w->net->clients[c->client_slot], memory_order_relaxed) >=
	    w->net->options.tcp_max_client) {
		counter_add(&w->stats.tcp_refused_client, 1);
		close(fd);
		free(c);
		return;
	}
	if (l->tls) {
		c->tls = worker_begin(w) ? tls_stream_new(w->net, fd) : NULL;
		if (c->tls == NULL) {
			counter_add(&w->stats.tls_failed, 1);
			close(fd);
			free(c);
			return;
		}
	}
	/* Without this Nagle's algorithm holds back pipelined answers until the client's delayed
	 * ACK. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (uv_poll_init(&w->loop, &c->poll, fd) != 0) {
		tls_stream_free(c->tls);
		close(fd);
		free(c);
		return;
	}
	link_first(c);
	c->active_ms = uv_now(&w->loop);
	count_state(c, true);
	w->connection_n++;
	atomic_fetch_add_explicit(&w->net->connections, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&w->net->clients[c->client_slot], 1, memory_order_relaxed);
	counter_add(&w->stats.tcp_accepted, 1);
	atomic_store_explicit(&w->stats.tcp_open.value, w->connection_n, memory_order_relaxed);
	wait_or_close(c, true);
}

void tcp_ready(uv_poll_t *poll, int status, int events)
{
	struct tcp_listener *l = poll->data;
	struct worker *w = l->worker;

	(void)status;
	(void)events;
	for (int i = 0; i < ACCEPTS_TURN; i++) {
		struct sockaddr_storage peer;
		socklen_t len = sizeof peer;
		memset(&peer, 0, sizeof peer);
		int fd =
		    accept4(l->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			    errno == ENOBUFS)
				uv_poll_stop(
				    poll); /* until the next tick: else the loop would spin */
			return;
		}
		if (atomic_load_explicit(&w->net->connections, memory_order_relaxed) >=
		    w->net->options.tcp_max) {
			counter_add(&w->stats.tcp_refused, 1);
			close(fd);
			continue;
		}
		take(l, fd, &peer);
	}
}
