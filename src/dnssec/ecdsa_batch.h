// SPDX-License-Identifier: Apache-2.0
/*
 * ecdsa_batch.h -- many P-256 signatures at once, for half the price each.
 *
 * Purpose.   Half of an ECDSA signature is two modular inversions: of the nonce, and of a
 * coordinate of its point. Those of a batch share one of each (P. Montgomery's trick: one inversion
 * and three products an element). All arithmetic is OpenSSL's, in its constant-time forms; what is
 * ours is the order in which it is called. Nonces.    Each is made for its message, from the
 * private key, the digest and fresh random octets (BN_generate_dsa_nonce), used once and wiped.
 * None is made ahead: a stock of them in a virtual machine that is copied would sign different
 * messages with one nonce, which gives the key away. Invariant. On failure nothing of the batch may
 * be used; the caller signs one by one. Threads.   A batch context belongs to one thread. Memory.
 * All is taken in ecdsa_batch_new(), but for what OpenSSL takes itself. RFCs.      6605 (r and s in
 * 32 octets each).
 */
#ifndef DNSSEC_ECDSA_BATCH_H
#define DNSSEC_ECDSA_BATCH_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct ecdsa_batch;
struct ecdsa_key;

#define ECDSA_BATCH_MAX 32
/* Fewer are not worth it: the shared inversions are dearer than OpenSSL's single ones. */
#define ECDSA_BATCH_MIN 3

struct ecdsa_item {
	const struct ecdsa_key *key;
	uint8_t digest[32];
	uint8_t *out; /* 64 octets */
};

/* ERR_UNSUPPORTED where OpenSSL does not let us; ERR_NOMEM. */
enum err ecdsa_batch_new(struct ecdsa_batch **out);
void ecdsa_batch_free(struct ecdsa_batch *b);

/* A key as batches use it; referenced, not copied. NULL: not a P-256 key that lies in memory (a
 * token's keys sign one by one). */
struct ecdsa_key *ecdsa_key_of(EVP_PKEY *pkey);
void ecdsa_key_free(struct ecdsa_key *k);

/* 1..ECDSA_BATCH_MAX items. */
bool ecdsa_batch_sign(struct ecdsa_batch *b, struct ecdsa_item *items, size_t n);

#endif
