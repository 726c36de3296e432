// SPDX-License-Identifier: Apache-2.0
/* A worker with a stand-in for the pipeline, in this thread: what comes in which order. */
#include "check.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rcu.h"
#include "dns/wire.h"
#include "net/internal.h"

#define CLIENTS   400
#define PIPELINED 40 /* messages of each */

static struct net net;
static struct worker worker;
static struct udp_socket udp;
static struct view view;
static struct view_slot slot = { .current = &view };

/* Messages of streams that were seen before each datagram. */
static unsigned streamed, datagrams, before[16];

static enum verdict stand_in(struct query *q, struct span in, const struct query_client *from,
			     struct writer *out)
{
	(void)in;
	q->need_n = 0;
	if (from->tcp)
		streamed++;
	else if (datagrams < 16)
		before[datagrams++] = streamed;
	memset(out->p, 0, 12);
	out->p += 12;
	return QUERY_REPLY;
}

static int bound(int type, struct sockaddr_in *at)
{
	socklen_t n = sizeof *at;
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*at = (struct sockaddr_in){ .sin_family = AF_INET };
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)at, sizeof *at), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)at, &n), 0);
	return fd;
}

static void turn(void)
{
	uv_run(&worker.loop, UV_RUN_NOWAIT);
	worker.view_borrowed = false;
	rcu_offline();
}

static void prepare(struct tcp_listener *l, struct sockaddr_in *stream,
		    struct sockaddr_in *datagram)
{
	net.pipeline = (struct net_pipeline){ stand_in, stand_in };
	net.options = (struct net_options){
		.tcp_idle_ms = 60000, .tcp_max = 1000, .tcp_max_client = 1000, .views = &slot
	};
	net.workers = &worker;
	net.worker_n = 1;
	worker.net = &net;
	worker.answer = malloc(MESSAGE_MAX);
	worker.batch = udp_batch_new();
	assert_non_null(worker.answer);
	assert_non_null(worker.batch);
	assert_int_equal(park_open(&worker), ERR_OK);
	assert_int_equal(uv_loop_init(&worker.loop), 0);
	*l = (struct tcp_listener){ .worker = &worker, .fd = bound(SOCK_STREAM, stream) };
	udp = (struct udp_socket){ .worker = &worker, .fd = bound(SOCK_DGRAM, datagram) };
	udp.family = AF_INET;
	worker.udp = &udp;
	worker.udp_n = 1;
	l->poll.data = l;
	udp.poll.data = &udp;
	assert_int_equal(listen(l->fd, CLIENTS), 0);
	assert_int_equal(uv_poll_init(&worker.loop, &l->poll, l->fd), 0);
	assert_int_equal(uv_poll_start(&l->poll, UV_READABLE, tcp_ready), 0);
	assert_int_equal(uv_poll_init(&worker.loop, &udp.poll, udp.fd), 0);
	assert_int_equal(uv_poll_start(&udp.poll, UV_READABLE, udp_ready), 0);
}

static void connect_all(int client[CLIENTS], const struct sockaddr_in *at)
{
	for (int i = 0; i < CLIENTS; i++) {
		client[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(client[i], (const struct sockaddr *)at, sizeof *at), 0);
		turn();
	}
	for (int i = 0; i < 100 && worker.connection_n < CLIENTS; i++)
		turn();
	assert_int_equal(worker.connection_n, CLIENTS);
}

/* One turn of the loop finds all of it at once: the datagram is the last that became ready. */
static void a_datagram_does_not_wait_for_all_streams_that_are_ready(void **state)
{
	static uint8_t flood[PIPELINED * 14];
	struct sockaddr_in stream, datagram;
	struct tcp_listener listener;
	int client[CLIENTS];

	(void)state;
	for (int i = 0; i < PIPELINED; i++)
		store_u16(flood + i * 14, 12);
	prepare(&listener, &stream, &datagram);
	connect_all(client, &stream);
	for (int i = 0; i < CLIENTS; i++)
		assert_int_equal(send(client[i], flood, sizeof flood, 0), sizeof flood);
	int asker = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(sendto(asker, flood, 14, 0, (struct sockaddr *)&datagram, sizeof datagram),
			 14);
	turn();
	assert_int_equal(datagrams, 1);
	assert_in_range(before[0], 0, 200);
	for (int i = 0; i < 100 && streamed < CLIENTS * PIPELINED; i++)
		turn();
	assert_int_equal(streamed, CLIENTS * PIPELINED);
	close(asker);
	for (int i = 0; i < CLIENTS; i++)
		close(client[i]);
	for (int i = 0; i < 100 && worker.connection_n > 0; i++)
		turn();
	assert_int_equal(worker.connection_n, 0);
	uv_close((uv_handle_t *)&listener.poll, NULL);
	uv_close((uv_handle_t *)&udp.poll, NULL);
	turn();
	assert_int_equal(uv_loop_close(&worker.loop), 0);
	close(listener.fd);
	close(udp.fd);
	free(worker.answer);
	udp_batch_free(worker.batch);
	park_close(&worker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_datagram_does_not_wait_for_all_streams_that_are_ready),
	};

	rcu_thread_register();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_thread_unregister();
	return failed;
}
