// SPDX-License-Identifier: Apache-2.0
#include "geo/address.h"

#include <stddef.h>

static unsigned common_bits(uint64_t a, uint64_t b)
{
	return a == b ? 64u : (unsigned)__builtin_clzll(a ^ b);
}

uint8_t address_common(enum ip_family family, struct address a, struct address b)
{
	unsigned n = family == IP_V4 ? common_bits(a.lo, b.lo) - 32
		     : a.hi != b.hi  ? common_bits(a.hi, b.hi)
				     : 64 + common_bits(a.lo, b.lo);

	return (uint8_t)n;
}

struct address address_add(struct address a, unsigned bit)
{
	if (bit >= 64) {
		a.hi += 1ULL << (bit - 64);
		return a;
	}
	uint64_t lo = a.lo + (1ULL << bit);
	a.hi += lo < a.lo;
	a.lo = lo;
	return a;
}

bool address_after(const struct ip_prefix *p, struct address *out)
{
	enum ip_family family = (enum ip_family)p->addr.family;

	if (p->len == 0)
		return false;
	*out = address_add(address_of(&p->addr), (unsigned)ip_bits(family) - p->len);
	return family == IP_V4 ? out->lo >> 32 == 0 : out->hi != 0 || out->lo != 0;
}

static bool is_zero(struct address a)
{
	return a.hi == 0 && a.lo == 0;
}

static struct address before(struct address a)
{
	return (struct address){ a.hi - (a.lo == 0), a.lo - 1 };
}

uint8_t address_scope(enum ip_family family, struct address a, struct address first,
		      const struct address *next)
{
	unsigned len = 0;

	/* The prefix must be long enough to leave out the address before the interval and the one
	 * after it. */
	if (!is_zero(first))
		len = address_common(family, a, before(first)) + 1u;
	if (next != NULL) {
		unsigned other = address_common(family, a, *next) + 1u;
		if (other > len)
			len = other;
	}
	return (uint8_t)len;
}
