// SPDX-License-Identifier: Apache-2.0
/*
 * rate_limit.h -- response rate limiting: a forged source gets few answers, an honest client little
 * trouble.
 *
 * Purpose.   Equal kinds of answers to one client network are counted; past the rate they are left
 * out, and each `slip`th is sent as an empty answer with TC, so that a client that is really there
 * comes back over TCP. Answers over TCP and to clients with a good cookie are never limited.
 * Invariant. One table per worker, of fixed size; a network that is not in it pushes out the least
 * recently seen one of its bucket. The rate of a worker is its share of the whole. Threads.   A
 * table belongs to one worker. Memory.    The worker's; nothing is allocated here.
 */
#ifndef QUERY_RATE_LIMIT_H
#define QUERY_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/prefix.h"
#include "base/siphash.h"

struct rate_limit {
	uint32_t per_second; /* answers of one kind to one network and worker; 0: off */
	uint32_t slip;       /* each so manieth is sent with TC; 0: none, 1: all */
	uint8_t prefix4, prefix6;
};

/* Kinds of answers that are counted apart: many NXDOMAINs must not silence a network's positive
 * answers. */
enum rate_class { RATE_POSITIVE, RATE_REFERRAL, RATE_NODATA, RATE_NXDOMAIN, RATE_ERROR };

enum rate_verdict { RATE_SEND, RATE_SLIP, RATE_DROP };

#define RATE_BUCKETS 16384u /* times RATE_WAYS networks and kinds: 1.5 MiB */
#define RATE_WAYS    4

struct rate_account {
	uint64_t tag;
	int32_t balance;
	uint32_t seen_at; /* seconds, low bits */
	uint32_t limited;
};

/* All zero but for the key, which nobody outside may know. */
struct rate_table {
	struct siphash_key key;
	struct rate_account account[RATE_BUCKETS][RATE_WAYS];
};

/* `zone` tells zones apart (any stable number). `now` in seconds. */
enum rate_verdict rate_check(struct rate_table *t, const struct rate_limit *l,
			     const struct ip_addr *client, enum rate_class class, uint64_t zone,
			     int64_t now);

#endif
