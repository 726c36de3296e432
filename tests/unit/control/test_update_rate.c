// SPDX-License-Identifier: Apache-2.0
#include "control/update_rate.h"

#include "check.h"

static void no_limit_is_none(void **state)
{
	struct update_rate r = { 0 };

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(update_rate_take(&r, 0, 100, 5), UPDATE_RATE_OK);
}

static void a_second_has_its_share_and_no_more(void **state)
{
	struct update_rate r = { 0 };
	unsigned taken = 0;

	(void)state;
	for (uint64_t ms = 0; ms < 10000; ms++) /* ten times what is permitted */
		taken += update_rate_take(&r, 100, 1, 7000 + ms) <= UPDATE_RATE_OK_AGAIN;
	assert_in_range(taken, 1000, 1101);
}

static void who_was_quiet_for_long_has_one_second_s_share(void **state)
{
	struct update_rate r = { 0 };
	unsigned taken = 0;

	(void)state;
	update_rate_take(&r, 100, 1, 0);
	for (unsigned i = 0; i < 500; i++)
		taken += update_rate_take(&r, 100, 1, UINT64_C(1) << 50) == UPDATE_RATE_OK;
	assert_int_equal(taken, 100);
}

static void a_large_one_is_taken_and_those_after_it_wait(void **state)
{
	struct update_rate r = { 0 };

	(void)state;
	assert_int_equal(update_rate_take(&r, 10, 60, 1000), UPDATE_RATE_OK);
	assert_int_equal(update_rate_take(&r, 10, 1, 5900), UPDATE_RATE_OVER);
	assert_int_equal(update_rate_take(&r, 10, 1, 5950), UPDATE_RATE_STILL_OVER);
	assert_int_equal(update_rate_take(&r, 10, 1, 6100), UPDATE_RATE_OK_AGAIN);
	assert_int_equal(r.refused_n, 2);
	assert_int_equal(update_rate_take(&r, 10, 1, 7100), UPDATE_RATE_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_limit_is_none),
		cmocka_unit_test(a_second_has_its_share_and_no_more),
		cmocka_unit_test(who_was_quiet_for_long_has_one_second_s_share),
		cmocka_unit_test(a_large_one_is_taken_and_those_after_it_wait),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
