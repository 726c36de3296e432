// SPDX-License-Identifier: Apache-2.0
/* The answers that a policy can give: single values, and sets of values where one answer holds
 * several. Equal answers with the same TTL are one. */
#include <stdlib.h>
#include <string.h>

#include "geo/steer_internal.h"

static int by_rdata(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	int c = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return c != 0 ? c : (x->n > y->n) - (x->n < y->n);
}

bool variants_start(struct variants *v, struct arena *a, size_t most)
{
	*v = (struct variants){ .arena = a, .cap = (uint32_t)most, .slot_n = 16 };
	while (v->slot_n < 2 * most)
		v->slot_n *= 2;
	v->all = malloc(most * sizeof *v->all);
	v->slots = malloc(v->slot_n * sizeof *v->slots);
	if (v->all == NULL || v->slots == NULL) {
		variants_end(v);
		return false;
	}
	memset(v->slots, 0xff, v->slot_n * sizeof *v->slots);
	return true;
}

void variants_end(struct variants *v)
{
	free(v->all);
	free(v->slots);
}

static uint64_t hash_of(const struct span *rdata, size_t n, uint32_t ttl)
{
	uint64_t h = ttl;

	for (size_t i = 0; i < n; i++) {
		struct siphash_key key = { 4, h };
		h = siphash(&key, rdata[i].p, rdata[i].n);
	}
	return h;
}

static bool same(const struct steer_variant *v, const struct span *rdata, size_t n, uint32_t ttl)
{
	if (v->n != n || v->ttl != ttl)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!span_equal(v->rdata[i], rdata[i]))
			return false;
	return true;
}

/* `sorted` is copied. */
static bool add_sorted(struct variants *v, const struct span *sorted, size_t n, uint32_t ttl,
		       uint32_t *out)
{
	size_t slot = hash_of(sorted, n, ttl) & (v->slot_n - 1);

	for (; v->slots[slot] != UINT32_MAX; slot = (slot + 1) & (v->slot_n - 1)) {
		if (!same(&v->all[v->slots[slot]], sorted, n, ttl))
			continue;
		*out = v->slots[slot];
		return true;
	}
	struct span *copy = arena_copy(v->arena, sorted, n * sizeof *copy);
	for (size_t i = 0; copy != NULL && i < n; i++) {
		copy[i].p = arena_copy(v->arena, sorted[i].p, sorted[i].n);
		if (copy[i].p == NULL)
			return false;
	}
	if (copy == NULL || v->n == v->cap)
		return false;
	v->all[v->n] = (struct steer_variant){ copy, n, ttl };
	v->slots[slot] = v->n;
	*out = v->n++;
	return true;
}

bool variants_add(struct variants *v, const struct span *rdata, size_t n, uint32_t ttl,
		  uint32_t *out)
{
	struct span *sorted = malloc((n + 1) * sizeof *sorted);

	if (sorted == NULL)
		return false;
	memcpy(sorted, rdata, n * sizeof *sorted);
	qsort(sorted, n, sizeof *sorted, by_rdata);
	bool ok = add_sorted(v, sorted, n, ttl, out);
	free(sorted);
	return ok;
}

/* The next set of k places below n in the order of their numbers: the lowest place that can rise
 * does, and all before it start again. */
static bool next_set(uint32_t *at, uint32_t k, uint32_t n)
{
	for (uint32_t i = 0; i < k; i++) {
		uint32_t end = i + 1 < k ? at[i + 1] : n;
		if (at[i] + 1 == end)
			continue;
		at[i]++;
		for (uint32_t j = 0; j < i; j++)
			at[j] = j;
		return true;
	}
	return false;
}

static bool add_size(struct variants *v, struct steer_sets *sets, uint32_t k, uint32_t n,
		     const struct span *original, uint32_t ttl, uint32_t *number)
{
	uint32_t at[POLICY_ANSWERS_MAX];
	struct span chosen[POLICY_ANSWERS_MAX];

	sets->start[k] = *number;
	for (uint32_t i = 0; i < k; i++)
		at[i] = i;
	do {
		for (uint32_t i = 0; i < k; i++)
			chosen[i] = original[at[i]];
		if (!variants_add(v, chosen, k, ttl, &sets->variant[(*number)++]))
			return false;
	} while (next_set(at, k, n));
	return true;
}

/* C(i, k) up to the limit of answers; those above it belong to sets that do not exist. */
static uint32_t binomial(uint32_t i, uint32_t k)
{
	uint64_t c = 1;

	if (k > i)
		return 0;
	for (uint32_t j = 1; j <= k; j++) {
		c = c * (i - k + j) / j;
		if (c > POLICY_VARIANTS_MAX)
			return POLICY_VARIANTS_MAX;
	}
	return (uint32_t)c;
}

bool compile_sets(struct arena *a, struct variants *v, struct steer_pool *pool,
		  const struct span *original, uint32_t ttl, bool varies)
{
	struct steer_sets *sets = arena_alloc(a, sizeof *sets);
	uint32_t most = pool->answers, number = 0;

	if (sets == NULL)
		return false;
	sets->variant = arena_alloc(a, POLICY_VARIANTS_MAX * sizeof *sets->variant);
	sets->binomial = arena_alloc(a, most * pool->n * sizeof *sets->binomial);
	if (sets->variant == NULL || sets->binomial == NULL)
		return false;
	for (uint32_t k = 0; k < most; k++)
		for (uint32_t i = 0; i < pool->n; i++)
			sets->binomial[k * pool->n + i] = binomial(i, k + 1);
	for (uint32_t k = 0; k <= POLICY_ANSWERS_MAX; k++)
		sets->start[k] = UINT32_MAX;
	for (uint32_t k = varies ? 2 : most; k <= most; k++)
		if (!add_size(v, sets, k, pool->n, original, ttl, &number))
			return false;
	pool->sets = sets;
	return true;
}
