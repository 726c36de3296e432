// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include "zone/serial.h"

static void test_order_is_that_of_rfc_1982(void **state)
{
	static const struct {
		uint32_t a, b;
		bool newer;
	} ROWS[] = {
		{ 1, 0, true },           { 0, 1, false },          { 5, 5, false },
		{ 44, 0, true },          { 100, 200, false },      { 0, 0xffffffff, true },
		{ 0x7fffffff, 0, true },  { 0x80000000, 0, false }, /* §3.2: left open */
		{ 0, 0x80000000, false }, { 0x80000001, 0, false }, { 0, 0x80000001, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
		assert_int_equal(serial_is_newer(ROWS[i].a, ROWS[i].b), ROWS[i].newer);
}

#define NOON 1764072000 /* 2025-11-25 12:00:00 UTC */

static void test_the_next_serial_follows_the_policy_and_is_always_newer(void **state)
{
	static const struct {
		uint32_t serial;
		enum serial_policy policy;
		uint32_t want;
	} ROWS[] = {
		{ 7, SERIAL_INCREMENT, 8 },
		{ 0xffffffff, SERIAL_INCREMENT, 0 },
		{ 7, SERIAL_KEEP, 8 },
		{ 7, SERIAL_UNIXTIME, NOON },
		{ NOON, SERIAL_UNIXTIME, NOON + 1 },       /* twice in a second */
		{ NOON + 50, SERIAL_UNIXTIME, NOON + 51 }, /* the clock went back */
		{ 7, SERIAL_DATE, 2025112500 },
		{ 2025112500, SERIAL_DATE, 2025112501 },
		{ 2025112599, SERIAL_DATE, 2025112600 }, /* the hundredth of a day */
		{ 2025112700, SERIAL_DATE, 2025112701 },
		{ 4294967290, SERIAL_UNIXTIME, NOON },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		uint32_t got = serial_next(ROWS[i].serial, ROWS[i].policy, NOON);
		assert_int_equal(got, ROWS[i].want);
		assert_true(serial_is_newer(got, ROWS[i].serial));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_is_that_of_rfc_1982),
		cmocka_unit_test(test_the_next_serial_follows_the_policy_and_is_always_newer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
