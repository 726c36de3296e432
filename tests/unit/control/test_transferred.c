// SPDX-License-Identifier: Apache-2.0
/* The serials that zones from primaries are served with. */
#include "control/transferred.h"

#include "check.h"
#include "zone/serial.h"

#define NOW INT64_C(1790000000)

static void each_policy_gives_a_newer_serial_for_each_version(void **state)
{
	static const struct {
		const char *says;
		struct own_serial before;
		enum serial_policy policy;
		uint32_t primary;
		bool fresh;
		uint32_t want;
	} ROWS[] = {
		{ "kept as it is", { 0 }, SERIAL_KEEP, 7, true, 7 },
		{ "kept, whatever stood before", { true, 900, 3 }, SERIAL_KEEP, 7, true, 7 },
		{ "the first one is the primary's", { 0 }, SERIAL_INCREMENT, 7, true, 7 },
		{ "then one more each", { true, 900, 7 }, SERIAL_INCREMENT, 8, true, 901 },
		{ "the same after a start", { true, 900, 7 }, SERIAL_INCREMENT, 7, false, 900 },
		{ "but not for what was fetched anew",
		  { true, 900, 7 },
		  SERIAL_INCREMENT,
		  7,
		  true,
		  901 },
		{ "past the end of the circle (RFC 1982 section 3.1)",
		  { true, UINT32_MAX, 7 },
		  SERIAL_INCREMENT,
		  8,
		  true,
		  0 },
		{ "a primary that has gone back",
		  { true, 900, 7 },
		  SERIAL_INCREMENT,
		  3,
		  true,
		  901 },
		{ "the clock's", { 0 }, SERIAL_UNIXTIME, 7, true, (uint32_t)NOW },
		{ "the clock lies behind",
		  { true, (uint32_t)NOW + 5, 7 },
		  SERIAL_UNIXTIME,
		  8,
		  true,
		  (uint32_t)NOW + 6 },
		{ "the day's first", { 0 }, SERIAL_DATE, 7, true, 2026092100 },
		{ "the day's next", { true, 2026092100, 7 }, SERIAL_DATE, 8, true, 2026092101 },
		{ "lost with the store, ahead by the primary's",
		  { 0 },
		  SERIAL_UNIXTIME,
		  (uint32_t)NOW + 9,
		  false,
		  (uint32_t)NOW + 10 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		uint32_t got = own_serial_next(&ROWS[i].before, ROWS[i].policy, ROWS[i].primary,
					       ROWS[i].fresh, NOW);
		if (got != ROWS[i].want)
			fail_msg("%s: %u, not %u", ROWS[i].says, got, ROWS[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_policy_gives_a_newer_serial_for_each_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
