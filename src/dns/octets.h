// SPDX-License-Identifier: Apache-2.0
/*
 * octets.h -- letters of names without regard to case, eight octets at a time.
 *
 * Purpose.   Names are the first thing that is done to every question; ASCII only (RFC 4343).
 * Invariant. Nothing outside of what the caller names is read or written. Threads.   Pure.
 */
#ifndef DNS_OCTETS_H
#define DNS_OCTETS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define EACH_OCTET(v) (UINT64_C(0x0101010101010101) * (v))

static inline uint64_t load_word(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof w);
	return w;
}

static inline void store_word(uint8_t *p, uint64_t w)
{
	memcpy(p, &w, sizeof w);
}

/* A-Z to a-z in each octet. Length octets (at most 63) are below 'A'. */
static inline uint64_t lower_word(uint64_t w)
{
	uint64_t low = w & EACH_OCTET(0x7f);
	uint64_t from_a = low + EACH_OCTET(0x80 - 'A');
	uint64_t past_z = low + EACH_OCTET(0x80 - 'Z' - 1);
	uint64_t upper = from_a & ~past_z & ~w & EACH_OCTET(0x80);

	return w | upper >> 2;
}

/* Whether an octet is 0 or 1. */
static inline bool word_has_low(uint64_t w)
{
	return ((w - EACH_OCTET(2)) & ~w & EACH_OCTET(0x80)) != 0;
}

static inline uint8_t lower_octet(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static inline bool octets_equal(const uint8_t *a, const uint8_t *b, unsigned n)
{
	unsigned i = 0;

	for (; i + 8 <= n; i += 8)
		if (lower_word(load_word(a + i)) != lower_word(load_word(b + i)))
			return false;
	for (; i < n; i++)
		if (lower_octet(a[i]) != lower_octet(b[i]))
			return false;
	return true;
}

#endif
