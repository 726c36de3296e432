// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include "geo/key_tree.h"

#define KEYS_MAX 7000

static uint64_t key_at(const void *from, size_t i)
{
	return ((const uint64_t *)from)[i];
}

static int ascending(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static size_t count(const uint64_t *keys, size_t n, uint64_t x)
{
	size_t k = 0;

	while (k < n && keys[k] <= x)
		k++;
	return k;
}

static void check(const uint64_t *keys, size_t n, const struct key_tree *t, uint64_t x)
{
	if (x == UINT64_MAX)
		x--;
	assert_int_equal(key_tree_count(t, x), count(keys, n, x));
}

static void counts_what_a_list_counts(void **state)
{
	static const size_t SIZES[] = { 1,  2,  7,   8,   9,   63,  64,   72,   73,
					80, 81, 648, 649, 720, 721, 5832, 6561, KEYS_MAX };
	uint64_t *keys = calloc(KEYS_MAX, sizeof *keys);
	struct lottery l = { 81 };

	(void)state;
	for (size_t s = 0; s < sizeof SIZES / sizeof *SIZES; s++) {
		for (int spread = 0; spread < 3; spread++) {
			struct key_tree t;
			size_t n = SIZES[s];
			/* Far apart, close together, and many equal ones. */
			for (size_t i = 0; i < n; i++)
				keys[i] = spread == 0   ? lottery_next(&l)
					  : spread == 1 ? UINT64_MAX - lottery_below(&l, 20000)
							: lottery_below(&l, 50);
			qsort(keys, n, sizeof *keys, ascending);
			assert_true(key_tree_build(&t, n, key_at, keys));
			for (int i = 0; i < 300; i++) {
				uint64_t x = keys[lottery_below(&l, (uint32_t)n)];
				check(keys, n, &t, x);
				check(keys, n, &t, x + 1);
				check(keys, n, &t, x - 1);
				check(keys, n, &t, lottery_next(&l));
			}
			check(keys, n, &t, 0);
			check(keys, n, &t, UINT64_MAX - 1);
			assert_true(key_tree_bytes(&t) >= n * sizeof *keys);
			key_tree_free(&t);
		}
	}
	free(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(counts_what_a_list_counts) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
