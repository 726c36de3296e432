// SPDX-License-Identifier: Apache-2.0
/* A closed-loop load over TCP: so many connections with so many queries in flight each. A query's
 * slot is its id; each answer is checked for an id that is out. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "histogram.h"
#include "questions.h"

#define CONNECTIONS_MAX 1024
#define IN_FLIGHT_MAX   256
#define INPUT_MAX       (1u << 17)

struct lane {
	int fd;
	uint64_t sent_ns[IN_FLIGHT_MAX]; /* 0: free */
	uint8_t out[IN_FLIGHT_MAX * (QUESTION_MAX + 2)];
	size_t out_at, out_n, in_n;
	uint8_t in[INPUT_MAX];
};

struct load {
	const char *address;
	int port, cpu;
	unsigned connections, in_flight;
	double seconds, warmup;
	struct questions q;
	size_t next;
	uint64_t answers, wrong, count_from;
	struct histogram latency;
	struct lane *lanes;
	struct pollfd *polls;
};

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void queue(struct load *l, struct lane *c, unsigned id, uint64_t now)
{
	const struct question *q = &l->q.at[l->next++ % l->q.n];
	uint8_t *p = c->out + c->out_n;

	p[0] = (uint8_t)(q->len >> 8);
	p[1] = (uint8_t)q->len;
	memcpy(p + 2, q->wire, q->len);
	p[2] = (uint8_t)(id >> 8);
	p[3] = (uint8_t)id;
	c->out_n += 2u + q->len;
	c->sent_ns[id] = now;
}

static void send_queued(struct lane *c)
{
	while (c->out_at < c->out_n) {
		ssize_t n = send(c->fd, c->out + c->out_at, c->out_n - c->out_at,
				 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0)
			fail("send");
		c->out_at += (size_t)n;
	}
	c->out_at = c->out_n = 0;
}

static void take_answer(struct load *l, struct lane *c, unsigned id, uint64_t now)
{
	if (id >= l->in_flight || c->sent_ns[id] == 0) {
		l->wrong++;
		return;
	}
	if (now >= l->count_from) {
		l->answers++;
		histogram_add(&l->latency, now - c->sent_ns[id]);
	}
	c->sent_ns[id] = 0;
	/* What is queued behind what was sent in part stays whole: there is room for all slots. */
	if (c->out_at > 0 && c->out_at == c->out_n)
		c->out_at = c->out_n = 0;
	if (c->out_n + QUESTION_MAX + 2 > sizeof c->out) {
		memmove(c->out, c->out + c->out_at, c->out_n - c->out_at);
		c->out_n -= c->out_at;
		c->out_at = 0;
	}
	queue(l, c, id, now);
}

static void receive(struct load *l, struct lane *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_n, sizeof c->in - c->in_n, MSG_DONTWAIT);
	size_t at = 0;

	if (n == 0) {
		fprintf(stderr, "the server closed a connection\n");
		exit(1);
	}
	if (n < 0)
		return;
	uint64_t now = clock_ns();
	c->in_n += (size_t)n;
	while (c->in_n - at >= 4) {
		size_t len = (size_t)c->in[at] << 8 | c->in[at + 1];
		if (c->in_n - at < 2 + len)
			break;
		take_answer(l, c, (unsigned)c->in[at + 2] << 8 | c->in[at + 3], now);
		at += 2 + len;
	}
	memmove(c->in, c->in + at, c->in_n - at);
	c->in_n -= at;
	send_queued(c);
}

static void open_lane(struct load *l, struct lane *c)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)l->port) };
	int on = 1;

	inet_pton(AF_INET, l->address, &to.sin_addr);
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0)
		fail("connect");
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void run(struct load *l)
{
	uint64_t start = clock_ns();
	uint64_t end = start + (uint64_t)((l->warmup + l->seconds) * 1e9);

	l->count_from = start + (uint64_t)(l->warmup * 1e9);
	for (unsigned i = 0; i < l->connections; i++) {
		struct lane *c = &l->lanes[i];
		open_lane(l, c);
		l->polls[i] = (struct pollfd){ .fd = c->fd, .events = POLLIN };
		for (unsigned id = 0; id < l->in_flight; id++)
			queue(l, c, id, start);
		send_queued(c);
	}
	while (clock_ns() < end) {
		if (poll(l->polls, l->connections, 100) < 0)
			fail("poll");
		for (unsigned i = 0; i < l->connections; i++) {
			struct lane *c = &l->lanes[i];
			if (l->polls[i].revents & (POLLIN | POLLHUP | POLLERR))
				receive(l, c);
			if (l->polls[i].revents & POLLOUT)
				send_queued(c);
			l->polls[i].events = (short)(POLLIN | (c->out_n > 0 ? POLLOUT : 0));
		}
	}
}

int main(int argc, char **argv)
{
	static const struct option OPTIONS[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "cpu", required_argument, NULL, 'c' },
		{ "connections", required_argument, NULL, 'n' },
		{ "in-flight", required_argument, NULL, 'f' },
		{ "seconds", required_argument, NULL, 's' },
		{ "warmup", required_argument, NULL, 'w' },
		{ "questions", required_argument, NULL, 'q' },
		{ 0 },
	};
	struct load *l = calloc(1, sizeof *l);
	const char *questions = NULL;
	int o;

	if (l == NULL)
		return 1;
	*l = (struct load){ .address = "127.0.0.1",
			    .cpu = -1,
			    .connections = 1,
			    .in_flight = 1,
			    .seconds = 3,
			    .warmup = 0.5 };
	while ((o = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
		switch (o) {
		case 'p':
			l->port = atoi(optarg);
			break;
		case 'c':
			l->cpu = atoi(optarg);
			break;
		case 'n':
			l->connections = (unsigned)atoi(optarg);
			break;
		case 'f':
			l->in_flight = (unsigned)atoi(optarg);
			break;
		case 's':
			l->seconds = atof(optarg);
			break;
		case 'w':
			l->warmup = atof(optarg);
			break;
		case 'q':
			questions = optarg;
			break;
		default:
			return 2;
		}
	}
	struct question_options options = { .udp_size = 1232 };
	if (questions == NULL || l->port == 0 || l->connections == 0 || l->in_flight == 0 ||
	    l->connections > CONNECTIONS_MAX || l->in_flight > IN_FLIGHT_MAX) {
		fprintf(stderr,
			"usage: concord_bench_tcp_load --port N --questions FILE [--connections N] "
			"[--in-flight N] [--seconds S] [--warmup S] [--cpu N]\n");
		return 2;
	}
	if (!questions_read(&l->q, questions, &options))
		return 1;
	if (l->cpu >= 0) {
		cpu_set_t set;
		CPU_ZERO(&set);
		CPU_SET((size_t)l->cpu, &set);
		sched_setaffinity(0, sizeof set, &set);
	}
	l->lanes = calloc(l->connections, sizeof *l->lanes);
	l->polls = calloc(l->connections, sizeof *l->polls);
	if (l->lanes == NULL || l->polls == NULL)
		return 1;
	run(l);
	printf("{\"answers\": %llu, \"rate\": %.0f, \"wrong\": %llu, \"p50_us\": %.1f, \"p99_us\": "
	       "%.1f}\n",
	       (unsigned long long)l->answers, (double)l->answers / l->seconds,
	       (unsigned long long)l->wrong, histogram_percentile_us(&l->latency, 0.5),
	       histogram_percentile_us(&l->latency, 0.99));
	for (unsigned i = 0; i < l->connections; i++)
		close(l->lanes[i].fd);
	bool good = l->wrong == 0;
	free(l->q.at);
	free(l->polls);
	free(l->lanes);
	free(l);
	return good ? 0 : 1;
}
