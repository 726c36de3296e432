// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include "health/hysteresis.h"

static const struct hysteresis_rule RULE = { .rise = 2, .fall = 3, .stale_ms = 60000 };

/* Feeds results as a text: + is good, - is bad; expects after each the state as a letter: ? u d. */
static void follow(struct hysteresis *h, const char *results, const char *states)
{
	static const char LETTERS[] = "?ud";

	for (size_t i = 0; results[i] != 0; i++) {
		hysteresis_result(h, &RULE, results[i] == '+', (int64_t)i * 1000);
		if (LETTERS[h->state] != states[i])
			fail_msg("after %.*s the state is %c, not %c", (int)i + 1, results,
				 LETTERS[h->state], states[i]);
	}
}

static void changes_only_after_so_many_results_in_a_row(void **state)
{
	static const struct {
		enum health_state last;
		const char *results, *states;
	} ROWS[] = {
		{ HEALTH_UNKNOWN, "+", "u" },
		{ HEALTH_UNKNOWN, "---", "??d" },
		{ HEALTH_UNKNOWN, "--+", "??u" },
		{ HEALTH_UNKNOWN, "+--+---", "uuuuuud" },
		{ HEALTH_UNKNOWN, "---+-++", "??ddddu" },
		{ HEALTH_UP, "---", "??d" },
		{ HEALTH_UP, "+", "u" },
		{ HEALTH_DOWN, "+", "?" },
		{ HEALTH_DOWN, "++", "?u" },
		{ HEALTH_DOWN, "-", "d" },
		{ HEALTH_DOWN, "+-++", "?ddu" },
		{ HEALTH_UNKNOWN, "+-+-+-+-+-", "uuuuuuuuuu" }, /* flapping is not followed */
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct hysteresis h;
		hysteresis_start(&h, ROWS[i].last, 0);
		follow(&h, ROWS[i].results, ROWS[i].states);
	}
}

static void steers_by_the_last_state_while_nothing_is_known(void **state)
{
	struct hysteresis h;

	(void)state;
	hysteresis_start(&h, HEALTH_UNKNOWN, 0);
	assert_true(hysteresis_is_up(&h));
	hysteresis_start(&h, HEALTH_UP, 0);
	assert_true(hysteresis_is_up(&h));
	hysteresis_start(&h, HEALTH_DOWN, 0);
	assert_false(hysteresis_is_up(&h));
}

static void is_unknown_again_when_no_result_came_for_too_long(void **state)
{
	struct hysteresis h;

	(void)state;
	hysteresis_start(&h, HEALTH_UNKNOWN, 0);
	follow(&h, "+---", "uuud");
	assert_false(hysteresis_tick(&h, &RULE, 3000 + 60000));
	assert_true(hysteresis_tick(&h, &RULE, 3000 + 60001));
	assert_int_equal(h.state, HEALTH_UNKNOWN);
	assert_false(hysteresis_is_up(&h)); /* what was down is believed to be so still */
	assert_false(hysteresis_tick(&h, &RULE, 900000));
}

static void counts_changes_between_up_and_down_alone(void **state)
{
	struct hysteresis h;

	(void)state;
	hysteresis_start(&h, HEALTH_UNKNOWN, 0);
	follow(&h, "+", "u");
	assert_int_equal(h.changes_n, 0);
	follow(&h, "---++", "uuddu");
	assert_int_equal(h.changes_n, 2);
	hysteresis_tick(&h, &RULE, 1000000);
	follow(&h, "+", "u");
	assert_int_equal(h.changes_n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_only_after_so_many_results_in_a_row),
		cmocka_unit_test(steers_by_the_last_state_while_nothing_is_known),
		cmocka_unit_test(is_unknown_again_when_no_result_came_for_too_long),
		cmocka_unit_test(counts_changes_between_up_and_down_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
