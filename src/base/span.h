// SPDX-License-Identifier: Apache-2.0
/*
 * span.h -- bytes that somebody else owns.
 *
 * Purpose.   A pointer and a length that travel together.
 * Memory.    Borrows: the one who hands out a span says until when it holds.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *p;
	size_t n;
};

static inline bool span_equal(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

#endif
