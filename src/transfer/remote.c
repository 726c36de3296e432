// SPDX-License-Identifier: Apache-2.0
#include "transfer/remote.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

char *remote_to_text(const struct remote *r, char *out)
{
	char address[IP_TEXT_MAX];

	snprintf(out, REMOTE_TEXT_MAX, "%s port %u", ip_to_text(&r->address, address), r->port);
	return out;
}

static socklen_t to_sockaddr(const struct ip_addr *a, uint16_t port, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof *out);
	if (a->family == IP_V4) {
		struct sockaddr_in *in = (struct sockaddr_in *)out;
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, a->bytes, 4);
		return sizeof *in;
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, a->bytes, 16);
	return sizeof *in6;
}

/* Port 0: the system takes one at random (RFC 5452 §9.2). */
static bool bind_source(int fd, const struct remote *r)
{
	struct sockaddr_storage at;
	struct ip_addr any = { .family = r->address.family };
	socklen_t n = to_sockaddr(r->source.family != IP_NONE ? &r->source : &any, 0, &at);

	return bind(fd, (struct sockaddr *)&at, n) == 0;
}

int remote_connect(const struct remote *r, int type)
{
	struct sockaddr_storage to;
	socklen_t n = to_sockaddr(&r->address, r->port, &to);
	int fd = socket(to.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		return -1;
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	/* A stream without a source of its own is bound by connect(), which shares ports. */
	bool bound = (type == SOCK_STREAM && r->source.family == IP_NONE) || bind_source(fd, r);
	if (bound && (connect(fd, (struct sockaddr *)&to, n) == 0 || errno == EINPROGRESS))
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}
