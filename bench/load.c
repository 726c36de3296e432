// SPDX-License-Identifier: Apache-2.0
/* A closed-loop load: so many queries are always outstanding, over so many sockets, in batches.
 * Each answer is checked for its id and question, and its rcode counted; a query without answer for
 * a second counts as lost and is replaced. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
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

#define SOCKETS_MAX 1024
#define WINDOW_MAX  64 /* outstanding queries of one socket */
#define ANSWER_MAX  4096
#define LOST_NS     1000000000u

struct slot {
	uint64_t sent_ns; /* 0: free */
	uint32_t question;
	uint16_t id;
	uint8_t random[RANDOM_LABEL_LEN];
};

struct lane {
	int fd;
	const struct questions *q;
	size_t next;
	unsigned window;
	bool flood; /* beside what is measured: its answers are only counted */
	unsigned outstanding;
	struct slot slot[WINDOW_MAX];
};

struct options {
	const char *address, *questions, *random, *flood;
	int port, cpu;
	unsigned sockets, outstanding, flood_sockets, flood_window;
	double seconds, warmup;
	bool once; /* each question once, then the end */
	struct question_options question;
};

struct load {
	struct options o;
	struct questions q, random;
	struct lane *lanes;
	struct pollfd *polls;
	size_t next;
	uint64_t flood_answers, seed, now, count_from;
	uint64_t answers, sent, lost, wrong, signed_n, truncated, octets, rcode[16];
	struct histogram latency;
};

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t draw(struct load *l)
{
	l->seed ^= l->seed << 13;
	l->seed ^= l->seed >> 7;
	l->seed ^= l->seed << 17;
	return l->seed;
}

static void fill_random(struct load *l, uint8_t *label)
{
	uint64_t v = draw(l);

	for (int i = 0; i < RANDOM_LABEL_LEN; i++, v >>= 5)
		label[i] = (uint8_t)("abcdefghijklmnopqrstuvwxyz234567"[v & 31]);
}

static bool exhausted(const struct load *l)
{
	return l->o.once && l->next >= l->q.n;
}

/* Fills the lane's free slots and sends them at once. */
static void refill(struct load *l, struct lane *lane)
{
	struct mmsghdr m[WINDOW_MAX];
	struct iovec iov[WINDOW_MAX];
	static uint8_t bytes[WINDOW_MAX][QUESTION_MAX];
	unsigned n = 0;

	size_t *next = lane->flood ? &lane->next : &l->next;

	for (unsigned i = 0; i < lane->window && !(exhausted(l) && !lane->flood); i++) {
		struct slot *s = &lane->slot[i];
		if (s->sent_ns != 0)
			continue;
		s->question = (uint32_t)((*next)++ % lane->q->n);
		s->id = (uint16_t)(draw(l) << 6 | i);
		s->sent_ns = l->now;
		const struct question *q = &lane->q->at[s->question];
		memcpy(bytes[n], q->wire, q->len);
		bytes[n][0] = (uint8_t)(s->id >> 8);
		bytes[n][1] = (uint8_t)s->id;
		if (lane->q->random) {
			fill_random(l, s->random);
			memcpy(bytes[n] + RANDOM_LABEL_AT, s->random, RANDOM_LABEL_LEN);
		}
		iov[n] = (struct iovec){ bytes[n], q->len };
		m[n] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &iov[n], .msg_iovlen = 1 } };
		n++;
	}
	for (unsigned at = 0; at < n;) {
		int sent = sendmmsg(lane->fd, m + at, n - at, 0);
		if (sent <= 0) {
			if (errno == EINTR)
				continue;
			break; /* these will count as lost */
		}
		at += (unsigned)sent;
	}
	lane->outstanding += n;
	l->sent += n;
}

static bool question_matches(const struct questions *all, const struct slot *s, const uint8_t *a,
			     size_t n)
{
	const struct question *q = &all->at[s->question];
	size_t name = 12;

	while (q->wire[name] != 0)
		name += 1u + q->wire[name];
	size_t end = name + 5;
	if (n < end || !(a[2] & 0x80))
		return false;
	if (all->random)
		return memcmp(a + RANDOM_LABEL_AT, s->random, RANDOM_LABEL_LEN) == 0 &&
		       memcmp(a + RANDOM_LABEL_AT + RANDOM_LABEL_LEN,
			      q->wire + RANDOM_LABEL_AT + RANDOM_LABEL_LEN,
			      end - RANDOM_LABEL_AT - RANDOM_LABEL_LEN) == 0;
	return memcmp(a + 12, q->wire + 12, end - 12) == 0;
}

/* An RRSIG anywhere: TYPE 46, CLASS IN; good enough to see that signing is on. */
static bool has_signature(const uint8_t *a, size_t n)
{
	for (size_t i = 12; i + 4 <= n; i++)
		if (a[i] == 0 && a[i + 1] == 46 && a[i + 2] == 0 && a[i + 3] == 1)
			return true;
	return false;
}

static void take(struct load *l, struct lane *lane, const uint8_t *a, size_t n)
{
	struct slot *s = &lane->slot[a[1] & (WINDOW_MAX - 1)];
	uint16_t id = (uint16_t)(a[0] << 8 | a[1]);

	if (n < 12 || s->sent_ns == 0 || s->id != id || !question_matches(lane->q, s, a, n)) {
		l->wrong++;
		return;
	}
	if (s->sent_ns >= l->count_from && lane->flood) {
		l->flood_answers++;
		l->rcode[a[3] & 0xf]++;
	} else if (s->sent_ns >= l->count_from) {
		l->answers++;
		l->octets += n;
		l->rcode[a[3] & 0xf]++;
		l->truncated += (a[2] & 2) != 0;
		l->signed_n += has_signature(a, n);
		histogram_add(&l->latency, l->now - s->sent_ns);
	}
	s->sent_ns = 0;
	lane->outstanding--;
}

static void receive(struct load *l, struct lane *lane)
{
	struct mmsghdr m[WINDOW_MAX];
	struct iovec iov[WINDOW_MAX];
	static uint8_t bytes[WINDOW_MAX][ANSWER_MAX];

	for (unsigned i = 0; i < lane->window; i++) {
		iov[i] = (struct iovec){ bytes[i], ANSWER_MAX };
		m[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &iov[i], .msg_iovlen = 1 } };
	}
	int n = recvmmsg(lane->fd, m, lane->window, MSG_DONTWAIT, NULL);
	l->now = clock_ns();
	for (int i = 0; i < n; i++)
		take(l, lane, bytes[i], m[i].msg_len);
}

static void count_lost(struct load *l)
{
	for (unsigned i = 0; i < l->o.sockets + l->o.flood_sockets; i++) {
		for (unsigned k = 0; k < l->lanes[i].window; k++) {
			struct slot *s = &l->lanes[i].slot[k];
			if (s->sent_ns == 0 || l->now - s->sent_ns < LOST_NS)
				continue;
			l->lost += s->sent_ns >= l->count_from && !l->lanes[i].flood;
			s->sent_ns = 0;
			l->lanes[i].outstanding--;
		}
		refill(l, &l->lanes[i]);
	}
}

static bool open_lanes(struct load *l)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)l->o.port) };

	unsigned lanes = l->o.sockets + l->o.flood_sockets;
	unsigned window = (l->o.outstanding + l->o.sockets - 1) / l->o.sockets;

	l->lanes = calloc(lanes, sizeof *l->lanes);
	l->polls = calloc(lanes, sizeof *l->polls);
	if (l->lanes == NULL || l->polls == NULL ||
	    inet_pton(AF_INET, l->o.address, &to.sin_addr) != 1)
		return false;
	for (unsigned i = 0; i < lanes; i++) {
		struct lane *lane = &l->lanes[i];
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
			return false;
		lane->fd = fd;
		lane->flood = i >= l->o.sockets;
		lane->q = lane->flood ? &l->random : &l->q;
		lane->window = lane->flood ? l->o.flood_window : window;
		if (lane->window > WINDOW_MAX)
			lane->window = WINDOW_MAX;
		l->polls[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	return true;
}

static bool outstanding(const struct load *l)
{
	for (unsigned i = 0; i < l->o.sockets; i++)
		if (l->lanes[i].outstanding > 0)
			return true;
	return false;
}

/* Returns the seconds that were counted. */
static double run(struct load *l)
{
	uint64_t start = l->now = clock_ns(), checked = start;
	uint64_t end = start + (uint64_t)((l->o.warmup + l->o.seconds) * 1e9);

	l->count_from = start + (uint64_t)(l->o.warmup * 1e9);
	for (unsigned i = 0; i < l->o.sockets + l->o.flood_sockets; i++)
		refill(l, &l->lanes[i]);
	while (l->now < end && !(exhausted(l) && !outstanding(l))) {
		int n = poll(l->polls, l->o.sockets + l->o.flood_sockets, 100);
		for (unsigned i = 0; n > 0 && i < l->o.sockets + l->o.flood_sockets; i++) {
			if (!(l->polls[i].revents & POLLIN))
				continue;
			n--;
			receive(l, &l->lanes[i]);
			refill(l, &l->lanes[i]);
		}
		l->now = clock_ns();
		if (l->now - checked > LOST_NS / 4) {
			count_lost(l);
			checked = l->now;
		}
	}
	return (double)(l->now - l->count_from) / 1e9;
}

static void report(const struct load *l, double seconds)
{
	printf("{\"flood_rate\": %.0f, \"seconds\": %.3f, \"answers\": %llu, \"rate\": %.0f, "
	       "\"sent\": %llu, \"lost\": "
	       "%llu, \"wrong\": %llu,\n"
	       " \"signed\": %llu, \"truncated\": %llu, \"mean_size\": %.1f,\n"
	       " \"noerror\": %llu, \"servfail\": %llu, \"nxdomain\": %llu, \"refused\": %llu,\n"
	       " \"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, "
	       "\"max_us\": %.1f}\n",
	       (double)l->flood_answers / seconds, seconds, (unsigned long long)l->answers,
	       (double)l->answers / seconds, (unsigned long long)l->sent,
	       (unsigned long long)l->lost, (unsigned long long)l->wrong,
	       (unsigned long long)l->signed_n, (unsigned long long)l->truncated,
	       l->answers > 0 ? (double)l->octets / (double)l->answers : 0,
	       (unsigned long long)l->rcode[0], (unsigned long long)l->rcode[2],
	       (unsigned long long)l->rcode[3], (unsigned long long)l->rcode[5],
	       histogram_percentile_us(&l->latency, 0.5), histogram_percentile_us(&l->latency, 0.9),
	       histogram_percentile_us(&l->latency, 0.99),
	       histogram_percentile_us(&l->latency, 0.999), (double)l->latency.largest_ns / 1000.0);
}

static void usage(void)
{
	fputs("usage: concord_bench_load --address A --port N (--questions FILE [--once] | "
	      "--random-names SUFFIX)\n"
	      "       [--flood-below SUFFIX --flood-sockets N --flood-window N]\n"
	      "       [--seconds S] [--warmup S] [--sockets N] [--outstanding N] [--do] "
	      "[--edns-size N] [--cpu N]\n",
	      stderr);
	exit(2);
}

static void parse(int argc, char **argv, struct options *o)
{
	static const struct option OPTIONS[] = {
		{ "address", required_argument, NULL, 'a' },
		{ "port", required_argument, NULL, 'p' },
		{ "questions", required_argument, NULL, 'q' },
		{ "random-names", required_argument, NULL, 'r' },
		{ "flood-below", required_argument, NULL, 'f' },
		{ "flood-sockets", required_argument, NULL, 'S' },
		{ "flood-window", required_argument, NULL, 'W' },
		{ "seconds", required_argument, NULL, 's' },
		{ "warmup", required_argument, NULL, 'w' },
		{ "sockets", required_argument, NULL, 'n' },
		{ "outstanding", required_argument, NULL, 'o' },
		{ "edns-size", required_argument, NULL, 'e' },
		{ "cpu", required_argument, NULL, 'c' },
		{ "do", no_argument, NULL, 'd' },
		{ "once", no_argument, NULL, '1' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
		switch (c) {
		case 'a':
			o->address = optarg;
			break;
		case 'p':
			o->port = atoi(optarg);
			break;
		case 'q':
			o->questions = optarg;
			break;
		case 'r':
			o->random = optarg;
			break;
		case 'f':
			o->flood = optarg;
			break;
		case 'S':
			o->flood_sockets = (unsigned)atoi(optarg);
			break;
		case 'W':
			o->flood_window = (unsigned)atoi(optarg);
			break;
		case 's':
			o->seconds = atof(optarg);
			break;
		case 'w':
			o->warmup = atof(optarg);
			break;
		case 'n':
			o->sockets = (unsigned)atoi(optarg);
			break;
		case 'o':
			o->outstanding = (unsigned)atoi(optarg);
			break;
		case 'e':
			o->question.udp_size = (uint16_t)atoi(optarg);
			break;
		case 'c':
			o->cpu = atoi(optarg);
			break;
		case 'd':
			o->question.dnssec_ok = true;
			break;
		case '1':
			o->once = true;
			break;
		default:
			usage();
		}
	}
	if (o->port == 0 || (o->questions == NULL) == (o->random == NULL) || o->sockets == 0 ||
	    o->sockets > SOCKETS_MAX || o->flood_sockets > SOCKETS_MAX ||
	    (o->flood == NULL) != (o->flood_sockets == 0))
		usage();
}

int main(int argc, char **argv)
{
	struct load *l = calloc(1, sizeof *l);

	if (l == NULL)
		return 1;
	l->o = (struct options){ .address = "127.0.0.1",
				 .cpu = -1,
				 .sockets = 64,
				 .outstanding = 128,
				 .seconds = 3,
				 .question = { .udp_size = 1232 } };
	l->seed = 88172645463325252u;
	parse(argc, argv, &l->o);
	if (l->o.cpu >= 0) {
		cpu_set_t set;
		CPU_ZERO(&set);
		CPU_SET((size_t)l->o.cpu, &set);
		sched_setaffinity(0, sizeof set, &set);
	}
	bool ok = l->o.random != NULL ? questions_random(&l->q, l->o.random, &l->o.question)
				      : questions_read(&l->q, l->o.questions, &l->o.question);
	ok = ok && (l->o.flood == NULL || questions_random(&l->random, l->o.flood, &l->o.question));
	if (!ok || !open_lanes(l)) {
		fputs("load: cannot start\n", stderr);
		return 1;
	}
	report(l, run(l));
	for (unsigned i = 0; i < l->o.sockets + l->o.flood_sockets; i++)
		close(l->lanes[i].fd);
	free(l->lanes);
	free(l->polls);
	free(l->q.at);
	free(l->random.at);
	free(l);
	return 0;
}
