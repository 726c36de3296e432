// SPDX-License-Identifier: Apache-2.0
#include "transfer/asker.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/random.h"
#include "base/siphash.h"
#include "dns/edns.h"
#include "dns/rrtype.h"
#include "transfer/answer.h"

#define UNDER_WAY_MAX  256
#define TRY_MS         2000
#define TRIES          3
#define SOCKETS        16 /* of each address family */
#define SOCKET_USES    4096
#define BUCKETS        1024
#define ANSWERS_A_TURN 32
#define DATAGRAM_MAX   4096
#define COOKIE_LEN     8
#define TICK_MS        50
#define WRONG_MAX      16 /* RFC 5452 §9.3 */

enum place { WAITING, SENT, AT_EXCHANGE };

struct port;

struct asked {
	struct asker *asker;
	struct asked *prev, *next; /* of the list that `place` says */
	struct asked *in_bucket;   /* SENT: by id */
	enum place place;
	const struct remote *to;
	struct port *port;
	uint16_t id;
	uint8_t cookie[COOKIE_LEN];
	bool sure;
	unsigned tried, wrong;
	uint64_t due_ms;
	enum err err;
	const char *why;
	struct exchange *exchange;
	void (*done)(const struct exchange_result *result, void *context);
	void *context;
	size_t question_n;
	uint8_t question[];
};

struct list {
	struct asked *first, *last;
	uint32_t n;
};

/* One UDP socket. An old one takes no new questions and goes when the last of its own has ended. */
struct port {
	uv_poll_t poll;
	struct asker *asker;
	int fd;
	bool old;
	uint32_t used, open_n;
};

struct asker {
	uv_loop_t *loop;
	uv_timer_t timer;
	struct asker_options options;
	struct siphash_key cookie_key;
	struct port *port[2][SOCKETS];
	struct list waiting, sent, exchanges;
	struct asked *bucket[BUCKETS];
	bool filling;
};

/* ---- lists ---- */

static void put(struct list *l, struct asked *q)
{
	q->prev = l->last;
	q->next = NULL;
	if (l->last != NULL)
		l->last->next = q;
	else
		l->first = q;
	l->last = q;
	l->n++;
}

static void take(struct list *l, struct asked *q)
{
	if (q->prev != NULL)
		q->prev->next = q->next;
	else
		l->first = q->next;
	if (q->next != NULL)
		q->next->prev = q->prev;
	else
		l->last = q->prev;
	q->prev = q->next = NULL;
	l->n--;
}

static struct list *list_of(struct asked *q)
{
	return q->place == WAITING ? &q->asker->waiting
	       : q->place == SENT  ? &q->asker->sent
				   : &q->asker->exchanges;
}

static struct asked *find(struct asker *a, const struct port *p, uint16_t id)
{
	for (struct asked *q = a->bucket[id % BUCKETS]; q != NULL; q = q->in_bucket)
		if (q->id == id && q->port == p)
			return q;
	return NULL;
}

/* ---- ports ---- */

static void on_port_closed(uv_handle_t *h)
{
	free(h->data);
}

static void close_port(struct port *p)
{
	uv_poll_stop(&p->poll);
	close(p->fd);
	uv_close((uv_handle_t *)&p->poll, on_port_closed);
}

static void leave_port(struct asked *q)
{
	struct port *p = q->port;
	struct asked **at = &q->asker->bucket[q->id % BUCKETS];

	if (p == NULL)
		return;
	while (*at != q)
		at = &(*at)->in_bucket;
	*at = q->in_bucket;
	q->port = NULL;
	if (--p->open_n == 0 && p->old)
		close_port(p);
}

static void on_readable(uv_poll_t *poll, int status, int events);

static struct port *open_port(struct asker *a, int family)
{
	struct sockaddr_storage at = { .ss_family = (sa_family_t)family };
	socklen_t n = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	struct port *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->asker = a;
	p->poll.data = p;
	p->fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || bind(p->fd, (struct sockaddr *)&at, n) != 0 ||
	    uv_poll_init(a->loop, &p->poll, p->fd) != 0) {
		if (p->fd >= 0)
			close(p->fd);
		free(p);
		return NULL;
	}
	uv_poll_start(&p->poll, UV_READABLE, on_readable);
	return p;
}

static struct port *choose_port(struct asker *a, const struct remote *to)
{
	bool six = to->address.family == IP_V6;
	struct port **at = &a->port[six][random_u64() % SOCKETS];

	if (*at != NULL && (*at)->used >= SOCKET_USES) {
		(*at)->old = true;
		if ((*at)->open_n == 0)
			close_port(*at);
		*at = NULL;
	}
	if (*at == NULL)
		*at = open_port(a, six ? AF_INET6 : AF_INET);
	return *at;
}

static void enter_port(struct asked *q, struct port *p)
{
	do
		q->id = (uint16_t)random_u64();
	while (find(q->asker, p, q->id) != NULL);
	q->port = p;
	q->in_bucket = q->asker->bucket[q->id % BUCKETS];
	q->asker->bucket[q->id % BUCKETS] = q;
	p->used++;
	p->open_n++;
	store_u16(q->question, q->id);
}

/* ---- ends ---- */

static void fill(struct asker *a);

static void release(struct asked *q)
{
	take(list_of(q), q);
	leave_port(q);
	exchange_cancel(q->exchange);
	free(q);
}

void asked_cancel(struct asked *q)
{
	if (q != NULL)
		release(q); /* its room is filled by the timer, or by the next end */
}

static void finish(struct asked *q, const struct exchange_result *r)
{
	struct asker *a = q->asker;
	void (*done)(const struct exchange_result *, void *) = q->done;
	void *context = q->context;

	q->exchange = NULL;
	release(q);
	done(r, context);
	fill(a);
}

static void fail(struct asked *q, enum err e, const char *why)
{
	struct exchange_result r = { .err = e, .why = why };

	finish(q, &r);
}

/* ---- by exchange ---- */

static void on_exchanged(const struct exchange_result *r, void *context)
{
	finish(context, r);
}

/* From inside the loop's calls alone would a failure be told at once; so it waits for the timer. */
static void fail_soon(struct asked *q, enum err e, const char *why)
{
	take(list_of(q), q);
	leave_port(q);
	q->place = SENT;
	q->err = e;
	q->why = why;
	q->tried = UINT32_MAX;
	q->due_ms = 0;
	struct asker *a = q->asker; /* due first */
	q->next = a->sent.first;
	if (a->sent.first != NULL)
		a->sent.first->prev = q;
	else
		a->sent.last = q;
	a->sent.first = q;
	a->sent.n++;
}

static void exchange(struct asked *q, bool stream)
{
	struct asker *a = q->asker;
	struct remote to = *q->to;
	struct exchange_options options = { .try_ms = a->options.try_ms,
					    .tries = a->options.tries,
					    .done = on_exchanged,
					    .context = q };

	if (stream && to.transport == REMOTE_UDP)
		to.transport = REMOTE_TCP;
	take(list_of(q), q);
	leave_port(q);
	q->place = AT_EXCHANGE;
	put(&a->exchanges, q);
	struct span plain = { q->question, q->question_n };
	enum err e = exchange_start(&q->exchange, a->loop, &to, plain, &options);
	if (e)
		fail_soon(q, e, e == ERR_IO ? strerror(errno) : err_text(e));
}

/* ---- over UDP ---- */

static socklen_t to_sockaddr(const struct remote *r, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof *out);
	if (r->address.family == IP_V4) {
		struct sockaddr_in *in = (struct sockaddr_in *)out;
		in->sin_family = AF_INET;
		in->sin_port = htons(r->port);
		memcpy(&in->sin_addr, r->address.bytes, 4);
		return sizeof *in;
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(r->port);
	memcpy(&in6->sin6_addr, r->address.bytes, 16);
	return sizeof *in6;
}

static bool is_from(const struct remote *r, const struct sockaddr_storage *from)
{
	struct sockaddr_storage want;
	socklen_t n = to_sockaddr(r, &want);

	if (from->ss_family != want.ss_family)
		return false;
	if (from->ss_family == AF_INET6) {
		const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)from;
		const struct sockaddr_in6 *b = (const struct sockaddr_in6 *)&want;
		return a->sin6_port == b->sin6_port &&
		       memcmp(&a->sin6_addr, &b->sin6_addr, 16) == 0;
	}
	const struct sockaddr_in *a = (const struct sockaddr_in *)from;
	const struct sockaddr_in *b = (const struct sockaddr_in *)&want;
	(void)n;
	return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
}

/* The question with a COOKIE option at the end of its OPT record, which is its last. */
static size_t with_cookie(const struct asked *q, uint8_t *out)
{
	size_t n = q->question_n;

	memcpy(out, q->question, n);
	if (load_u16(out + 10) == 0)
		return n;
	store_u16(out + n - 2, COOKIE_LEN + 4);
	store_u16(out + n, EDNS_COOKIE);
	store_u16(out + n + 2, COOKIE_LEN);
	memcpy(out + n + 4, q->cookie, COOKIE_LEN);
	return n + 4 + COOKIE_LEN;
}

static void send_try(struct asked *q)
{
	struct asker *a = q->asker;
	struct sockaddr_storage to;
	uint8_t out[MESSAGE_QUERY_MAX + COOKIE_LEN + 4];

	take(list_of(q), q);
	leave_port(q);
	q->place = SENT;
	q->tried++;
	q->due_ms = uv_now(a->loop) + a->options.try_ms;
	put(&a->sent, q);
	struct port *p = choose_port(a, q->to);
	q->err = ERR_TIMEOUT;
	q->why = "no answer";
	if (p == NULL) {
		q->err = ERR_IO;
		q->why = "no socket";
		return;
	}
	enter_port(q, p);
	socklen_t n = to_sockaddr(q->to, &to);
	ssize_t sent =
	    sendto(p->fd, out, with_cookie(q, out), MSG_NOSIGNAL, (struct sockaddr *)&to, n);
	if (sent < 0 && errno != EAGAIN) { /* the way may come back: the try goes on to its time */
		q->err = ERR_IO;
		q->why = strerror(errno);
	}
}

enum cookie { COOKIE_NONE, COOKIE_OURS, COOKIE_OTHER };

static enum cookie cookie_in(struct reader options, const uint8_t cookie[COOKIE_LEN])
{
	while (!options.bad && reader_left(&options) > 0) {
		uint16_t code = read_u16(&options);
		struct reader option = read_sub(&options, read_u16(&options));
		if (code != EDNS_COOKIE)
			continue;
		const uint8_t *b = read_bytes(&option, COOKIE_LEN);
		return b != NULL && memcmp(b, cookie, COOKIE_LEN) == 0 ? COOKIE_OURS : COOKIE_OTHER;
	}
	return COOKIE_NONE;
}

static enum cookie cookie_of(struct span message, const struct asked *q)
{
	struct answer a;
	struct record r;

	if (!answer_open(message, &a))
		return COOKIE_OTHER;
	for (unsigned i = (unsigned)a.count[1] + a.count[2]; i > 0; i--)
		if (!record_skip(&a.r))
			return COOKIE_OTHER;
	for (unsigned i = 0; i < a.count[3]; i++) {
		uint8_t room[16];
		struct reader at = a.r;
		if (!record_skip(&a.r))
			return COOKIE_OTHER;
		if (record_read(&at, &r, room, sizeof room) && r.type == TYPE_OPT)
			return cookie_in(reader_of(r.rdata.p, r.rdata.n), q->cookie);
	}
	return COOKIE_NONE;
}

static void take_answer(struct asked *q, struct span message)
{
	struct span question = { q->question, q->question_n };
	struct exchange_result r = { .message = message };
	enum answer_verdict v = answer_check(question, message);
	enum cookie cookie = v == ANSWER_OK ? cookie_of(message, q) : COOKIE_NONE;

	if (v == ANSWER_WRONG || cookie == COOKIE_OTHER) {
		if (++q->wrong >= WRONG_MAX)
			exchange(q, true);
		return;
	}
	/* A server that asks for its own cookie first (RFC 7873 §5.3) does not over TCP. */
	bool bad_cookie = (load_u16(message.p + 2) & 15) == (RCODE_BADCOOKIE & 15);
	if (v == ANSWER_TRUNCATED || bad_cookie || (q->sure && cookie != COOKIE_OURS))
		exchange(q, true);
	else
		finish(q, &r);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct port *p = poll->data;
	struct asker *a = p->asker;
	uint8_t in[DATAGRAM_MAX];

	(void)events;
	if (status < 0)
		uv_poll_start(poll, UV_READABLE, on_readable);
	/* The struct outlives this call: it is freed by the loop. */
	for (int i = 0; i < ANSWERS_A_TURN && !uv_is_closing((uv_handle_t *)poll); i++) {
		struct sockaddr_storage from;
		socklen_t from_n = sizeof from;
		ssize_t n =
		    recvfrom(p->fd, in, sizeof in, MSG_TRUNC, (struct sockaddr *)&from, &from_n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		if (n < MESSAGE_HEADER_LEN || (size_t)n > sizeof in)
			continue;
		struct asked *q = find(a, p, load_u16(in));
		if (q != NULL && is_from(q->to, &from))
			take_answer(q, (struct span){ in, (size_t)n });
	}
}

/* ---- turns ---- */

static bool goes_by_port(const struct remote *r)
{
	return r->transport == REMOTE_UDP && r->key == NULL && r->source.family == IP_NONE;
}

static void start(struct asked *q)
{
	if (goes_by_port(q->to))
		send_try(q);
	else
		exchange(q, q->sure);
}

static void fill(struct asker *a)
{
	if (a->filling)
		return;
	a->filling = true;
	while (a->waiting.first != NULL && asker_under_way(a) < a->options.under_way_max)
		start(a->waiting.first);
	a->filling = false;
}

static void on_time(uv_timer_t *t)
{
	struct asker *a = t->data;
	uint64_t now = uv_now(a->loop);

	while (a->sent.first != NULL && a->sent.first->due_ms <= now) {
		struct asked *q = a->sent.first;
		if (q->tried < a->options.tries)
			send_try(q);
		else
			fail(q, q->err, q->why);
	}
	fill(a);
	if (a->sent.n + a->waiting.n + a->exchanges.n == 0)
		uv_timer_stop(t);
}

static void wake(struct asker *a)
{
	if (!uv_is_active((uv_handle_t *)&a->timer))
		uv_timer_start(&a->timer, on_time, 0, TICK_MS);
}

/* ---- asking ---- */

enum err asker_ask(struct asked **out, struct asker *a, const struct remote *to,
		   struct span question, bool sure,
		   void (*done)(const struct exchange_result *result, void *context), void *context)
{
	if (question.n < MESSAGE_HEADER_LEN || question.n > MESSAGE_QUERY_MAX)
		return ERR_SYNTAX;
	struct asked *q = calloc(1, sizeof *q + question.n);
	if (q == NULL)
		return ERR_NOMEM;
	uint64_t cookie = siphash(&a->cookie_key, &to->address, sizeof to->address);
	memcpy(q->cookie, &cookie, COOKIE_LEN);
	q->asker = a;
	q->to = to;
	q->sure = sure;
	q->done = done;
	q->context = context;
	q->question_n = question.n;
	memcpy(q->question, question.p, question.n);
	put(&a->waiting, q);
	wake(a);
	fill(a);
	*out = q;
	return ERR_OK;
}

uint32_t asker_under_way(const struct asker *a)
{
	return a->sent.n + a->exchanges.n;
}

uint32_t asker_waiting(const struct asker *a)
{
	return a->waiting.n;
}

enum err asker_new(struct asker **out, uv_loop_t *loop, const struct asker_options *options)
{
	struct asker *a = calloc(1, sizeof *a);

	if (a == NULL)
		return ERR_NOMEM;
	a->loop = loop;
	a->options = *options;
	if (a->options.under_way_max == 0)
		a->options.under_way_max = UNDER_WAY_MAX;
	if (a->options.try_ms == 0)
		a->options.try_ms = TRY_MS;
	if (a->options.tries == 0)
		a->options.tries = TRIES;
	random_bytes(&a->cookie_key, sizeof a->cookie_key);
	uv_timer_init(loop, &a->timer);
	a->timer.data = a;
	*out = a;
	return ERR_OK;
}

static void on_asker_closed(uv_handle_t *h)
{
	free(h->data);
}

void asker_close(struct asker *a)
{
	if (a == NULL)
		return;
	for (int family = 0; family < 2; family++)
		for (int i = 0; i < SOCKETS; i++)
			if (a->port[family][i] != NULL)
				close_port(a->port[family][i]);
	uv_close((uv_handle_t *)&a->timer, on_asker_closed);
}
