// SPDX-License-Identifier: Apache-2.0
/* Sockets, opened and bound before privileges go. */
#include <errno.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/internal.h"

/* Room for a burst of some thousand queries while a worker is busy. */
#define RECEIVE_BUFFER (4 << 20)
#define BACKLOG        1024

#ifndef IP_PMTUDISC_OMIT
#define IP_PMTUDISC_OMIT 5
#endif
#ifndef IPV6_PMTUDISC_OMIT
#define IPV6_PMTUDISC_OMIT 5
#endif

static socklen_t to_sockaddr(const struct net_address *a, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof *out);
	if (a->addr.family == IP_V4) {
		struct sockaddr_in *in = (struct sockaddr_in *)out;
		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, a->addr.bytes, 4);
		return sizeof *in;
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(a->port);
	memcpy(&in6->sin6_addr, a->addr.bytes, 16);
	return sizeof *in6;
}

void socket_client(const struct sockaddr_storage *from, struct ip_addr *out)
{
	*out = (struct ip_addr){ 0 };
	if (from->ss_family == AF_INET) {
		out->family = IP_V4;
		memcpy(out->bytes, &((const struct sockaddr_in *)from)->sin_addr, 4);
	} else if (from->ss_family == AF_INET6) {
		out->family = IP_V6;
		memcpy(out->bytes, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
	}
}

bool socket_is_any(const struct net_address *a)
{
	static const uint8_t ANY[16];

	return memcmp(a->addr.bytes, ANY, sizeof ANY) == 0;
}

static enum err finding(const struct net_address *a, const char *transport, struct diag *d)
{
	char text[IP_TEXT_MAX];

	diag_add(d, DIAG_ERROR, NULL,
		 errno == EADDRINUSE
		     ? "another server listens there; stop it, or change server.listen"
		 : errno == EACCES ? "ports below 1024 need root or CAP_NET_BIND_SERVICE"
				   : NULL,
		 "cannot listen on %s@%u (%s): %s", ip_to_text(&a->addr, text), a->port, transport,
		 strerror(errno));
	return ERR_IO;
}

static void set(int fd, int level, int option, int value)
{
	/* What a kernel refuses here costs comfort, not correctness. */
	(void)setsockopt(fd, level, option, &value, sizeof value);
}

static int open_bound(const struct net_address *a, int type, bool share)
{
	struct sockaddr_storage at;
	socklen_t len = to_sockaddr(a, &at);
	int fd = socket(at.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (at.ss_family == AF_INET6)
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (type == SOCK_STREAM)
		set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (share)
		set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (bind(fd, (const struct sockaddr *)&at, len) < 0) {
		int saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* With SO_REUSEPORT a second server of the same user would start in silence and take half of the
 * queries: so the port is first taken without. */
enum err socket_probe(const struct net_address *a, struct diag *d)
{
	int fd = open_bound(a, SOCK_DGRAM, false);

	if (fd < 0)
		return finding(a, "UDP", d);
	close(fd);
	return socket_probe_tcp(a, d);
}

enum err socket_probe_tcp(const struct net_address *a, struct diag *d)
{
	int fd = open_bound(a, SOCK_STREAM, false);

	if (fd < 0)
		return finding(a, "TCP", d);
	bool busy = listen(fd, 1) < 0;
	enum err e = busy ? finding(a, "TCP", d) : ERR_OK;
	close(fd);
	return e;
}

enum err socket_open_udp(const struct net_address *a, int *out, struct diag *d)
{
	int fd = open_bound(a, SOCK_DGRAM, true);

	if (fd < 0)
		return finding(a, "UDP", d);
	set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	set(fd, SOL_SOCKET, SO_SNDBUF, RECEIVE_BUFFER);
	/* Answers are below every path's MTU by udp-size; forged "too big" messages must not shrink
	 * them. */
	if (a->addr.family == IP_V4)
		set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
	else
		set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
	if (socket_is_any(a)) {
		if (a->addr.family == IP_V4)
			set(fd, IPPROTO_IP, IP_PKTINFO, 1);
		else
			set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	}
	*out = fd;
	return ERR_OK;
}

enum err socket_open_tcp(const struct net_address *a, int *out, struct diag *d)
{
	int fd = open_bound(a, SOCK_STREAM, true);

	if (fd < 0)
		return finding(a, "TCP", d);
	if (listen(fd, BACKLOG) < 0) {
		enum err e = finding(a, "TCP", d);
		close(fd);
		return e;
	}
	*out = fd;
	return ERR_OK;
}

uint32_t socket_receive_drops(int fd)
{
	uint32_t meminfo[SK_MEMINFO_VARS] = { 0 };
	socklen_t n = sizeof meminfo;

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, meminfo, &n) == 0 ? meminfo[SK_MEMINFO_DROPS]
									: 0;
}
