// SPDX-License-Identifier: Apache-2.0
/*
 * alias_target.h -- what is known of the addresses of one name outside, and what a refresh makes of
 * it.
 *
 * Rules. A and AAAA are asked for together. What was found takes the place of what was known; that
 * there are none, or no such name, is believed beside addresses of the other type alone: a target
 * without any address is a fault, and a fault leaves what was known. What is known runs out with
 * its TTL and is good for `stale_max_s` longer. TTL.   Resolvers count TTLs down. The TTL that
 * counts is the one of an answer which the resolver has just fetched: seen where it is more than
 * what was left of the one before. Threads. Pure: time is a value, in seconds since 1970. Memory.
 * Owns what it knows.
 */
#ifndef CONTROL_ALIAS_TARGET_H
#define CONTROL_ALIAS_TARGET_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "transfer/address_answer.h"

enum alias_type { ALIAS_A, ALIAS_AAAA, ALIAS_TYPES };

uint16_t alias_rr_type(enum alias_type t);
size_t alias_octets(enum alias_type t); /* of an address */

struct alias_known {
	enum address_outcome outcome; /* ADDRESS_FAILED: nothing is known */
	int64_t at;                   /* when it was heard last */
	uint32_t ttl, left;           /* as fetched, and what was left of it then */
	uint16_t n;
	uint8_t *address; /* n of alias_octets(), ascending */
	uint8_t *next;    /* wire; ADDRESS_ONWARD */
};

struct alias_target {
	struct alias_known known[ALIAS_TYPES];
	unsigned failures; /* in a row */
	int64_t failing_since;
	char why[120]; /* of the last one; empty: it was none */
};

struct alias_times {
	uint32_t ttl_min_s, ttl_max_s, stale_max_s;
};

/* What came of asking for both types; says whether something is known now that was not, or no
 * longer. ERR_NOMEM leaves all as it was. */
enum err alias_target_take(struct alias_target *t, const struct address_answer got[ALIAS_TYPES],
			   int64_t now, bool *changed);
/* Seconds from then until it is to be asked again: ahead of the end of the TTL, by up to a tenth of
 * it (`jitter`: a random number); after failures sooner, and then less and less often. */
uint32_t alias_target_next_s(const struct alias_target *t, const struct alias_times *times,
			     uint64_t jitter);
/* Whether what is known may answer. */
bool alias_known_is_good(const struct alias_known *k, const struct alias_times *times, int64_t now);
/* The moment from which it may not; INT64_MAX: it may not now. */
int64_t alias_known_ends(const struct alias_known *k, const struct alias_times *times);

void alias_target_end(struct alias_target *t);

/* What lasts over restarts. NULL without memory; a document that is not sound is taken as none. */
json_t *alias_target_json(const struct alias_target *t);
bool alias_target_from_json(struct alias_target *t, const json_t *j);

#endif
