// SPDX-License-Identifier: Apache-2.0
/*
 * keyed.h -- signatures of owner names that are made at query time: a bounded table by key.
 *
 * Purpose.   Compact denial (RFC 9824) signs under names that are in no zone, as many as clients
 * can think of. All else has a slot in a signature cache (dnssec/sigcache.h) and does not come
 * here. Bound.     All memory is one mapping of the size given, taken as it is touched; nothing
 * else is ever allocated. Key.       128 bits of a hash whose key nobody outside knows, over all
 * that is signed: the owner, what is said of it and the keyset. So what is found is what was asked
 * for. Admission. A key's first signature goes into a quarter of its bucket in which newcomers push
 * out newcomers. What is asked for again moves to the other three quarters, and there it pushes out
 * only what is asked for less often, as counted with ageing. So names that are asked once each,
 * however many, never push out what clients ask again. Invariant. keyed_get() gives only what is
 * valid at `now` with SIG_MIN_LEFT_S left. Stale means miss. Threads.   Any number, no locks: a
 * reader copies and then looks whether a writer came between (then it is a miss); a writer that
 * finds another at work in its bucket leaves what it has unstored. Single flight. As in
 * sigcache.h, as far as there is room to note what is being signed; two that sign the same do no
 * harm.
 */
#ifndef DNSSEC_KEYED_H
#define DNSSEC_KEYED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/siphash.h"
#include "dnssec/sigcache.h"

struct keyed;

struct keyed_key {
	uint64_t bits[2];
};

/* A signature in the reader's own memory: struct sig with room for its wire. Longer ones are not
 * made: four keys of RSA's longest are below that. */
#define KEYED_WIRE_MAX 3200
struct keyed_sig {
	_Alignas(struct sig) uint8_t bytes[sizeof(struct sig) + KEYED_WIRE_MAX];
};
static inline struct sig *keyed_sig(struct keyed_sig *k)
{
	return (struct sig *)(void *)k->bytes;
}

#define KEYED_BYTES_MIN ((size_t)1 << 20)

/* `bytes` is rounded down to a power of two times the bucket's size. ERR_NOMEM. */
enum err keyed_new(struct keyed **out, size_t bytes);
void keyed_free(struct keyed *k);

/* The key of an owner (any case) whose contents and keyset have these numbers. Contents are told
 * apart by keyed_contents() of their octets. */
struct keyed_key keyed_key(const struct keyed *k, const uint8_t *owner, uint64_t contents,
			   uint64_t keyset_id);
uint64_t keyed_contents(const struct keyed *k, const void *octets, size_t n);

/* Copies the signature into *out. SIG_MISS: there is none. */
enum sig_state keyed_get(const struct keyed *k, const struct keyed_key *key, int64_t now,
			 struct keyed_sig *out);
/* Copies the signature into the table, as far as it is admitted. */
void keyed_put(struct keyed *k, const struct keyed_key *key, const struct sig *g);

/* True: the caller must sign, then release. */
bool keyed_claim(struct keyed *k, const struct keyed_key *key);
void keyed_release(struct keyed *k, const struct keyed_key *key);

/* For stats; walks all buckets. */
struct keyed_usage {
	size_t bytes;      /* of the whole table */
	size_t used_bytes; /* in buckets that hold something, about */
	size_t signatures;
	uint64_t puts, admitted, evicted; /* so far */
	int64_t earliest_expiry;          /* 0: none */
};
struct keyed_usage keyed_usage(const struct keyed *k);

#endif
