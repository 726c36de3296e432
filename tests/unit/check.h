// SPDX-License-Identifier: Apache-2.0
/*
 * check.h -- what every unit test includes: cmocka, and inputs that end where ASan watches.
 */
#ifndef TESTS_UNIT_CHECK_H
#define TESTS_UNIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A heap copy of exactly n octets. */
static inline uint8_t *exact_copy(const void *from, size_t n)
{
	uint8_t *p = malloc(n > 0 ? n : 1);

	if (p == NULL)
		abort();
	memcpy(p, from, n);
	return n > 0 ? p : (free(p), malloc(0));
}

/* A small generator with a seed that a test names: the same histories every time. */
struct lottery {
	uint64_t state;
};

static inline uint64_t lottery_next(struct lottery *l)
{
	l->state ^= l->state << 13;
	l->state ^= l->state >> 7;
	l->state ^= l->state << 17;
	return l->state;
}

static inline uint32_t lottery_below(struct lottery *l, uint32_t n)
{
	return (uint32_t)(lottery_next(l) >> 11) % n;
}

#endif
