// SPDX-License-Identifier: Apache-2.0
/*
 * prefix.h -- IP addresses and prefixes as plain values.
 *
 * Purpose.   One form for clients, ECS, subnets of rules and location data.
 * Invariant. Bytes past the family's size are zero; ip_prefix has no bits set past len.
 * Threads.   Pure.
 */
#ifndef BASE_PREFIX_H
#define BASE_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

struct ip_addr {
	uint8_t family;    /* enum ip_family */
	uint8_t bytes[16]; /* network order; an IPv4 address takes the first 4 */
};

struct ip_prefix {
	struct ip_addr addr;
	uint8_t len; /* 0..32 or 0..128 */
};

#define IP_TEXT_MAX 56 /* longest text of a prefix with its NUL */

static inline uint8_t ip_bits(enum ip_family family)
{
	return family == IP_V4 ? 32 : family == IP_V6 ? 128 : 0;
}

/* "192.0.2.1", "2001:db8::1". False when it is neither. */
bool ip_from_text(const char *text, struct ip_addr *out);

/* "192.0.2.0/24"; without a length the whole address. False for bad text; *stray is set when bits
 * past len were set (they are then cleared in *out), so that the caller can refuse them. `stray`
 * may be NULL. */
bool ip_prefix_from_text(const char *text, struct ip_prefix *out, bool *stray);

/* Both write a NUL-terminated text into out[IP_TEXT_MAX] and return it. */
char *ip_to_text(const struct ip_addr *a, char *out);
char *ip_prefix_to_text(const struct ip_prefix *p, char *out);

/* `a` with the bits past `len` cleared. */
struct ip_addr ip_cut(const struct ip_addr *a, uint8_t len);

bool ip_equal(const struct ip_addr *a, const struct ip_addr *b);
bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_addr *a);

/* How many leading bits two byte strings of `bits` bits share. */
uint8_t ip_common_bits(const uint8_t *a, const uint8_t *b, uint8_t bits);

#endif
