// SPDX-License-Identifier: Apache-2.0
// links: net
/* Framing of DNS over TCP (RFC 7766 §8): a client sends, reads, waits and goes as the input says;
 * what stands behind the framing is a stand-in. Every message must reach it whole and once, every
 * answer the client in its order, and nothing may stall or be left over. */
#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/rcu.h"
#include "dns/message.h"
#include "dns/wire.h"
#include "net/internal.h"

#define SENT_MAX    (256u << 10)
#define ANSWERS_MAX 65536u
#define BIG_ANSWER  20000u /* a few of them are more than a client may leave unread */

static struct net net;
static struct worker worker;
static struct tcp_listener listener;
static struct view views[2];
static struct view_slot slot;

/* What the client has sent, how far the stand-in has seen it, and what was answered. */
static uint8_t sent[SENT_MAX];
static size_t sent_n, seen_n, answer_n, received_n;
static struct answered {
	uint16_t len;
	uint8_t mark;
} answered[ANSWERS_MAX];
static uint8_t partial[2 + MESSAGE_MAX];
static size_t partial_n;
static bool refused; /* the stand-in has dropped a message: the connection ends */

static void expect(bool holds)
{
	if (!holds)
		abort();
}

/* The mark of a message is its second octet; the first says what becomes of it. */
static enum verdict reply(struct span in, struct writer *out)
{
	size_t n = in.p[0] == 0x10 ? BIG_ANSWER : 1u + in.p[0] % 64;

	expect(answer_n < ANSWERS_MAX);
	answered[answer_n++] = (struct answered){ (uint16_t)n, in.n > 1 ? in.p[1] : 0 };
	expect((size_t)(out->end - out->p) >= n);
	memset(out->p, in.n > 1 ? in.p[1] : 0, n);
	out->p += n;
	return QUERY_REPLY;
}

static enum verdict stand_in(struct query *q, struct span in, const struct query_client *from,
			     struct writer *out)
{
	bool again =
	    in.p >= worker.parked[0].request && in.p < (const uint8_t *)(worker.parked + PARK_MAX);

	expect(from->tcp && q->view != NULL);
	if (!again) {
		expect(sent_n - seen_n >= 2 + in.n && load_u16(sent + seen_n) == in.n);
		expect(in.n == 0 || memcmp(sent + seen_n + 2, in.p, in.n) == 0);
		seen_n += 2 + in.n;
	}
	q->need_n = 0;
	if (in.n == 0 || in.p[0] == 0xff) {
		refused = true;
		return QUERY_DROP;
	}
	return !again && in.p[0] % 8 == 3 ? QUERY_WAIT : reply(in, out);
}

static enum verdict stand_in_give_up(struct query *q, struct span in,
				     const struct query_client *from, struct writer *out)
{
	(void)q;
	(void)from;
	return reply(in, out);
}

static void prepare(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX }; /* the kernel gives it a name */

	slot.current = &views[0];
	net.pipeline = (struct net_pipeline){ stand_in, stand_in_give_up };
	net.options = (struct net_options){
		.tcp_idle_ms = 1000, .tcp_max = 4, .tcp_max_client = 4, .views = &slot
	};
	net.workers = &worker;
	net.worker_n = 1;
	worker.net = &net;
	expect(park_open(&worker) == ERR_OK);
	worker.answer = malloc(MESSAGE_MAX);
	worker.batch = udp_batch_new();
	worker.tcp = &listener;
	worker.tcp_n = 1;
	listener.worker = &worker;
	listener.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	listener.poll.data = &listener;
	rcu_thread_register();
	expect(worker.answer != NULL && worker.batch != NULL);
	expect(uv_loop_init(&worker.loop) == 0);
	worker.sign.data = &worker;
	expect(uv_idle_init(&worker.loop, &worker.sign) == 0);
	expect(bind(listener.fd, (struct sockaddr *)&at, sizeof at.sun_family) == 0);
	expect(listen(listener.fd, 4) == 0);
	expect(uv_poll_init(&worker.loop, &listener.poll, listener.fd) == 0);
	expect(uv_poll_start(&listener.poll, UV_READABLE, tcp_ready) == 0);
}

static void turn(void)
{
	for (int i = 0; i < 2; i++) {
		uv_run(&worker.loop, UV_RUN_NOWAIT);
		worker.view_borrowed = false;
		rcu_offline();
	}
}

static int open_client(void)
{
	struct sockaddr_un at;
	socklen_t n = sizeof at;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	expect(fd >= 0 && getsockname(listener.fd, (struct sockaddr *)&at, &n) == 0);
	expect(connect(fd, (struct sockaddr *)&at, n) == 0);
	turn();
	expect(worker.connection_n == 1);
	return fd;
}

/* Whole answers that have come, held against what was given. */
static void take_received(void)
{
	size_t at = 0;

	while (partial_n - at >= 2 && partial_n - at >= 2u + load_u16(partial + at)) {
		const struct answered *a = &answered[received_n++];
		expect(received_n <= answer_n && load_u16(partial + at) == a->len);
		const uint8_t *bytes = partial + at + 2;
		expect(bytes[0] == a->mark && memcmp(bytes, bytes + 1, a->len - 1u) == 0);
		at += 2u + a->len;
	}
	memmove(partial, partial + at, partial_n - at);
	partial_n -= at;
}

/* False: nothing came. */
static bool receive(int fd, size_t at_most)
{
	size_t room = sizeof partial - partial_n;
	ssize_t n = recv(fd, partial + partial_n, room < at_most ? room : at_most, MSG_DONTWAIT);

	if (n <= 0)
		return false;
	partial_n += (size_t)n;
	take_received();
	return true;
}

static void send_chunk(int fd, const uint8_t *p, size_t n)
{
	if (n > SENT_MAX - sent_n)
		return;
	/* Seen from the stand-in before send() returns to us: not in one thread, but the model must
	 * know first. */
	memcpy(sent + sent_n, p, n);
	ssize_t went = send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (went > 0)
		sent_n += (size_t)went;
}

static void resume(void)
{
	/* Another view: all that waits is asked again. */
	slot.current = slot.current == &views[0] ? &views[1] : &views[0];
	park_resume(&worker);
}

static void step(int fd, const uint8_t **p, const uint8_t *end)
{
	uint8_t op = *(*p)++;
	size_t left = (size_t)(end - *p), n = op >> 3;

	switch (op & 7) {
	case 0:
	case 1:
		n = n < left ? n : left;
		send_chunk(fd, *p, n);
		*p += n;
		break;
	case 2: /* many equal questions: a pipeline */
		for (size_t i = 0; i < 8 * n && left >= 3; i++)
			send_chunk(fd, (const uint8_t[]){ 0, 3, (*p)[0], (*p)[1], (*p)[2] }, 5);
		*p += left >= 3 ? 3 : 0;
		break;
	case 3:
		receive(fd, 1 + n * 64);
		break;
	case 4:
		while (receive(fd, MESSAGE_MAX))
			turn();
		break;
	case 5:
		resume();
		break;
	case 6:
		if (n == 0)
			shutdown(fd, SHUT_WR);
		else if (n == 1)
			park_expire(&worker, UINT64_MAX);
		else if (n == 2)
			tcp_close_idle(&worker, uv_now(&worker.loop) + 1000);
		break;
	default:
		break;
	}
	turn();
}

/* What is whole and not seen yet: nothing, where the connection lives and the client reads. */
static bool has_whole_message(void)
{
	return sent_n - seen_n >= 2 && sent_n - seen_n >= 2u + load_u16(sent + seen_n);
}

static void finish(int fd)
{
	bool moved = true;

	while (moved) {
		moved = receive(fd, MESSAGE_MAX);
		if (worker.parked_n > 0) {
			resume();
			moved = true;
		}
		turn();
	}
	if (worker.connection_n > 0)
		expect(!refused && !has_whole_message() && received_n == answer_n &&
		       partial_n == 0);
	close(fd);
	turn();
	park_expire(&worker, UINT64_MAX);
	turn();
	expect(worker.connection_n == 0 && worker.connections == NULL && worker.parked_n == 0);
	expect(net.connections == 0 && views[0].pins == 0 && views[1].pins == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (worker.parked == NULL)
		prepare();
	sent_n = seen_n = answer_n = received_n = partial_n = 0;
	refused = false;
	int fd = open_client();
	for (const uint8_t *p = data, *end = data + size; p < end;)
		step(fd, &p, end);
	finish(fd);
	return 0;
}
