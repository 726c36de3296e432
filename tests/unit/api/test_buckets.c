// SPDX-License-Identifier: Apache-2.0
/* Token buckets: time is a value. */
#include "check.h"

#include "api/buckets.h"

#define START INT64_C(1000000)

static void a_full_bucket_gives_so_many_at_once_and_then_one_by_one(void **state)
{
	struct buckets t;

	(void)state;
	assert_true(buckets_init(&t));
	for (int i = 0; i < 60; i++)
		assert_int_equal(bucket_take(&t, 'a', "x", 1, 60, START), 0);
	assert_int_not_equal(bucket_take(&t, 'a', "x", 1, 60, START), 0);
	assert_int_not_equal(bucket_take(&t, 'a', "x", 1, 60, START + 900), 0);
	assert_int_equal(bucket_take(&t, 'a', "x", 1, 60, START + 1000), 0);
	assert_int_not_equal(bucket_take(&t, 'a', "x", 1, 60, START + 1000), 0);
	assert_int_equal(bucket_peek(&t, 'a', "x", 1, 60, START + 61000), 0);
	buckets_free(&t);
}

static void a_bucket_that_rested_is_full_and_no_fuller(void **state)
{
	struct buckets t;
	int given = 0;

	(void)state;
	assert_true(buckets_init(&t));
	bucket_take(&t, 'a', "x", 1, 10, START);
	while (given < 100 && bucket_take(&t, 'a', "x", 1, 10, START + 86400000) == 0)
		given++;
	assert_int_equal(given, 10);
	buckets_free(&t);
}

static void callers_and_kinds_have_their_own_buckets(void **state)
{
	struct buckets t;

	(void)state;
	assert_true(buckets_init(&t));
	assert_int_equal(bucket_take(&t, 'a', "x", 1, 1, START), 0);
	assert_int_not_equal(bucket_take(&t, 'a', "x", 1, 1, START), 0);
	assert_int_equal(bucket_take(&t, 'a', "y", 1, 1, START), 0);
	assert_int_equal(bucket_take(&t, 'b', "x", 1, 1, START), 0);
	buckets_free(&t);
}

static void a_hundred_thousand_addresses_take_no_more_room(void **state)
{
	struct buckets t;

	(void)state;
	assert_true(buckets_init(&t));
	for (uint32_t i = 0; i < 100000; i++)
		assert_int_equal(bucket_take(&t, 'a', &i, sizeof i, 60, START), 0);
	buckets_free(&t);
}

static void very_many_a_minute_are_counted_too(void **state)
{
	struct buckets t;
	unsigned given = 0;

	(void)state;
	assert_true(buckets_init(&t));
	while (given < 300000 && bucket_take(&t, 'a', "x", 1, 120000, START) == 0)
		given++;
	assert_int_equal(given, 120000);
	buckets_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_bucket_gives_so_many_at_once_and_then_one_by_one),
		cmocka_unit_test(a_bucket_that_rested_is_full_and_no_fuller),
		cmocka_unit_test(callers_and_kinds_have_their_own_buckets),
		cmocka_unit_test(very_many_a_minute_are_counted_too),
		cmocka_unit_test(a_hundred_thousand_addresses_take_no_more_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
