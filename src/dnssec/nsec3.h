// SPDX-License-Identifier: Apache-2.0
/*
 * nsec3.h -- the hash of owner names (RFC 5155 §5) with the parameters of RFC 9276 §3.1: SHA-1, no
 * salt, no further iterations.
 *
 * Threads.   A hasher belongs to one thread; without one, pure. Memory.    One OpenSSL context a
 * hasher; hashing allocates nothing.
 */
#ifndef DNSSEC_NSEC3_H
#define DNSSEC_NSEC3_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

#define NSEC3_HASH_OCTETS 20

struct nsec3_hasher;

/* ERR_CRYPTO, ERR_NOMEM. */
enum err nsec3_hasher_new(struct nsec3_hasher **out);
void nsec3_hasher_free(struct nsec3_hasher *h);

/* `name` in wire form, any case. */
void nsec3_hash(const uint8_t *name, uint8_t out[NSEC3_HASH_OCTETS]);
/* The same of a name in lower case, of so many octets. */
void nsec3_hash_lower(const uint8_t *lower, size_t len, uint8_t out[NSEC3_HASH_OCTETS]);

/* The same with the parameters of another signer's zone (RFC 5155 §5): further iterations, a salt.
 */
void nsec3_hash_salted(struct nsec3_hasher *h, const uint8_t *name, uint16_t iterations,
		       struct span salt, uint8_t out[NSEC3_HASH_OCTETS]);

#endif
