// SPDX-License-Identifier: Apache-2.0
/*
 * embedding.h -- IPv6 addresses that carry the IPv4 address of who is behind them.
 *
 * Purpose.   A client with such an address is located as its IPv4: IPv4-mapped (RFC 4291
 * §2.5.5.2), NAT64's well-known prefix (RFC 6052 §2.1), Teredo (RFC 4380 §4: the client's address
 * with all bits inverted), 6to4 (RFC 3056 §2).
 * Invariant. No two forms overlap. The 32 bits of the IPv4 address stand together, so a prefix of
 * `at` + n bits in a form is one of n bits of IPv4, whatever stands between form and IPv4.
 * Threads.   Constant data.
 */
#ifndef GEO_EMBEDDING_H
#define GEO_EMBEDDING_H

#include <stddef.h>

#include "geo/address.h"

struct embedding {
	const char *name;
	struct address first; /* of its prefix */
	uint8_t len;          /* ... and that one's length */
	uint8_t at;           /* bits before the IPv4 address */
	bool inverted;
};

#define EMBEDDING_N 4
/* Ascending by address. */
extern const struct embedding EMBEDDINGS[EMBEDDING_N];

/* The form of an address, or NULL. */
static inline const struct embedding *embedding_of(struct address a)
{
	switch (a.hi >> 48) {
	case 0:
		return a.hi == 0 && a.lo >> 32 == 0xffff ? &EMBEDDINGS[0] : NULL;
	case 0x0064:
		return a.hi == 0x0064ff9b00000000 && a.lo >> 32 == 0 ? &EMBEDDINGS[1] : NULL;
	case 0x2001:
		return a.hi >> 32 == 0x20010000 ? &EMBEDDINGS[2] : NULL;
	case 0x2002:
		return &EMBEDDINGS[3];
	default:
		return NULL;
	}
}

/* The IPv4 address in `a`, which is of the form `e`. */
struct ip_addr embedding_ipv4(const struct embedding *e, struct address a);

/* A client as it is located. */
struct located {
	struct ip_addr addr;
	const struct embedding *in; /* NULL: as it is */
};
struct located embedding_locate(const struct ip_addr *client);

/* How long a prefix around an IPv6 address of no form must be to hold no address of one, if the
 * /`len` around it holds such; else 0. */
uint8_t embedding_apart(struct address a, uint8_t len);

#endif
