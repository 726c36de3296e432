// SPDX-License-Identifier: Apache-2.0
/*
 * siphash.h -- SipHash-2-4 (Aumasson and Bernstein, 2012), 64 or 128 bits out.
 *
 * Purpose.   A keyed hash that an attacker cannot aim at: hash tables over foreign names, and the
 * draw of a weighted choice, whose definition must be the same on every node and in every release.
 * Threads.   Pure.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0, k1;
};

uint64_t siphash(const struct siphash_key *key, const void *data, size_t n);
/* The variant with 128 bits, for where two inputs with one hash would do harm. */
void siphash128(const struct siphash_key *key, const void *data, size_t n, uint64_t out[2]);

#endif
