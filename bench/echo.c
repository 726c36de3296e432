// SPDX-License-Identifier: Apache-2.0
/* A bare UDP echo over recvmmsg and sendmmsg: what the socket gives when nothing is thought about.
 * Each datagram goes back with the QR bit set, and grown to --size octets where that is more:
 * answers of the same size as a server's. */
#include <getopt.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH    32
#define DATAGRAM 4096

struct batch {
	struct mmsghdr message[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_in peer[BATCH];
	uint8_t bytes[BATCH][DATAGRAM];
};

static int open_socket(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof at;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = 4 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, n) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &n) < 0) {
		perror("echo");
		exit(1);
	}
	printf("%u\n", ntohs(at.sin_port));
	fflush(stdout);
	return fd;
}

static void serve(int fd, struct batch *b, size_t size)
{
	for (;;) {
		for (int i = 0; i < BATCH; i++) {
			b->iov[i] = (struct iovec){ b->bytes[i], DATAGRAM };
			b->message[i].msg_hdr = (struct msghdr){ .msg_name = &b->peer[i],
								 .msg_namelen = sizeof b->peer[i],
								 .msg_iov = &b->iov[i],
								 .msg_iovlen = 1 };
		}
		int n = recvmmsg(fd, b->message, BATCH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < n; i++) {
			b->bytes[i][2] |= 0x80;
			b->iov[i].iov_len =
			    b->message[i].msg_len > size ? b->message[i].msg_len : size;
		}
		for (int at = 0; at < n;) {
			int sent = sendmmsg(fd, b->message + at, (unsigned)(n - at), 0);
			at += sent > 0 ? sent : 1;
		}
	}
}

int main(int argc, char **argv)
{
	static const struct option OPTIONS[] = { { "port", required_argument, NULL, 'p' },
						 { "size", required_argument, NULL, 's' },
						 { "cpu", required_argument, NULL, 'c' },
						 { 0 } };
	int port = 0, o;
	size_t size = 0;

	while ((o = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
		cpu_set_t set;
		switch (o) {
		case 'p':
			port = atoi(optarg);
			break;
		case 's':
			size = (size_t)atoi(optarg);
			break;
		case 'c':
			CPU_ZERO(&set);
			CPU_SET((size_t)atoi(optarg), &set);
			sched_setaffinity(0, sizeof set, &set);
			break;
		default:
			fputs("usage: concord_bench_echo [--port N] [--size OCTETS] [--cpu N]\n",
			      stderr);
			return 2;
		}
	}
	struct batch *b = calloc(1, sizeof *b);
	if (b == NULL || size > DATAGRAM)
		return 1;
	serve(open_socket(port), b, size);
}
