// SPDX-License-Identifier: Apache-2.0
/*
 * remote.h -- another server, as we reach it.
 *
 * Purpose.   One address of a primary, a secondary, a parent or a peer, with the transport to speak
 * and what must be proved there.
 * Memory.    A plain value that borrows what it points to.
 */
#ifndef TRANSFER_REMOTE_H
#define TRANSFER_REMOTE_H

#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"

struct tls_client;
struct tsig_key;

enum remote_transport {
	REMOTE_UDP, /* with TCP where an answer is truncated */
	REMOTE_TCP,
	REMOTE_TLS, /* RFC 7858, RFC 9103 */
};

struct remote {
	struct ip_addr address;
	uint16_t port;
	enum remote_transport transport;
	struct ip_addr source;      /* family IP_NONE: the system's choice */
	struct tls_client *tls;     /* REMOTE_TLS: who must be there (transfer/tls_client.h) */
	const struct tsig_key *key; /* signs what we send, and must sign what comes; NULL: none */
};

/* "192.0.2.1 port 53" into out[REMOTE_TEXT_MAX]; returns it. */
#define REMOTE_TEXT_MAX (IP_TEXT_MAX + 16)
char *remote_to_text(const struct remote *r, char *out);

/* A non-blocking socket of that type (SOCK_DGRAM, SOCK_STREAM), bound to the source, connecting or
 * connected: what others send does not come in. -1 with errno. */
int remote_connect(const struct remote *r, int type);

#endif
