// SPDX-License-Identifier: Apache-2.0
/* What is known of a target, and what a refresh makes of it. */
#include "check.h"

#include <jansson.h>

#include "control/alias_target.h"

static const struct alias_times TIMES = { .ttl_min_s = 10,
					  .ttl_max_s = 3600,
					  .stale_max_s = 86400 };

static struct address_answer there(uint32_t ttl, uint8_t last)
{
	struct address_answer a = { .outcome = ADDRESS_THERE, .ttl = ttl, .n = 1 };

	a.address[0][0] = 192;
	a.address[0][3] = last;
	return a;
}

static struct address_answer nothing(enum address_outcome outcome, uint32_t ttl)
{
	return (struct address_answer){ .outcome = outcome, .ttl = ttl };
}

static struct address_answer fault(const char *why)
{
	return (struct address_answer){ .why = why };
}

/* Whether something is known now that was not. */
static bool hear(struct alias_target *t, struct address_answer a, struct address_answer aaaa,
		 int64_t now)
{
	struct address_answer got[] = { a, aaaa };
	bool changed;

	assert_int_equal(alias_target_take(t, got, now, &changed), ERR_OK);
	return changed;
}

static void what_is_heard_is_known_and_the_same_again_is_no_change(void **state)
{
	struct alias_target t = { 0 };

	(void)state;
	assert_true(hear(&t, there(60, 1), nothing(ADDRESS_NONE, 30), 1000));
	assert_int_equal(t.known[ALIAS_A].outcome, ADDRESS_THERE);
	assert_int_equal(t.known[ALIAS_AAAA].outcome, ADDRESS_NONE);
	assert_false(hear(&t, there(60, 1), nothing(ADDRESS_NONE, 30), 1060));
	assert_int_equal(t.known[ALIAS_A].at, 1060);
	assert_true(hear(&t, there(60, 2), nothing(ADDRESS_NONE, 30), 1120));
	assert_true(hear(&t, there(60, 2), there(60, 9), 1180));
	assert_int_equal(t.failures, 0);
	alias_target_end(&t);
}

static void a_ttl_that_a_resolver_counts_down_is_not_another_ttl(void **state)
{
	struct alias_target t = { 0 };

	(void)state;
	hear(&t, there(300, 1), nothing(ADDRESS_NONE, 300), 1000);
	assert_false(hear(&t, there(30, 1), nothing(ADDRESS_NONE, 30), 1270));
	assert_int_equal(t.known[ALIAS_A].ttl, 300);
	assert_int_equal(t.known[ALIAS_A].left, 30);
	assert_false(hear(&t, there(300, 1), nothing(ADDRESS_NONE, 300), 1301));
	/* It ran out, and the resolver fetched less: the target's TTL was lowered. */
	assert_true(hear(&t, there(60, 1), nothing(ADDRESS_NONE, 300), 1610));
	assert_int_equal(t.known[ALIAS_A].ttl, 60);
	alias_target_end(&t);
}

static void a_fault_leaves_what_was_known(void **state)
{
	struct alias_target t = { 0 };

	(void)state;
	hear(&t, there(60, 1), there(60, 2), 1000);
	assert_false(hear(&t, fault("no answer"), fault("no answer"), 1060));
	assert_int_equal(t.failures, 1);
	assert_int_equal(t.failing_since, 1060);
	assert_string_equal(t.why, "no answer");
	assert_int_equal(t.known[ALIAS_A].at, 1000);
	assert_true(hear(&t, there(60, 3), fault("it says SERVFAIL"), 1065)); /* one of them is */
	assert_int_equal(t.known[ALIAS_A].at, 1065);
	assert_int_equal(t.known[ALIAS_AAAA].at, 1000);
	assert_int_equal(t.failures, 2);
	hear(&t, there(60, 3), there(60, 2), 1070);
	assert_int_equal(t.failures, 0);
	alias_target_end(&t);
}

static void a_target_without_any_address_is_a_fault(void **state)
{
	struct alias_target t = { 0 };

	(void)state;
	hear(&t, there(60, 1), nothing(ADDRESS_NONE, 60), 1000);
	assert_false(hear(&t, nothing(ADDRESS_NO_NAME, 60), nothing(ADDRESS_NO_NAME, 60), 1060));
	assert_string_equal(t.why, "the target does not exist");
	assert_false(hear(&t, nothing(ADDRESS_NONE, 60), nothing(ADDRESS_NONE, 60), 1070));
	assert_string_equal(t.why, "the target has no address");
	/* That there is no A is not believed while AAAA cannot be had. */
	assert_false(hear(&t, nothing(ADDRESS_NONE, 60), fault("no answer"), 1080));
	assert_int_equal(t.known[ALIAS_A].outcome, ADDRESS_THERE);
	assert_true(hear(&t, nothing(ADDRESS_NONE, 60), there(60, 5), 1090));
	assert_int_equal(t.known[ALIAS_A].outcome, ADDRESS_NONE);
	alias_target_end(&t);
}

static void what_is_known_is_good_for_its_ttl_and_then_for_the_stale_bound(void **state)
{
	struct alias_target t = { 0 };

	(void)state;
	assert_false(alias_known_is_good(&t.known[ALIAS_A], &TIMES, 0));
	assert_true(alias_known_ends(&t.known[ALIAS_A], &TIMES) == INT64_MAX);
	hear(&t, there(2, 1), there(100000, 2), 1000);
	assert_true(
	    alias_known_is_good(&t.known[ALIAS_A], &TIMES, 1000 + 10 + 86399)); /* ttl_min */
	assert_false(alias_known_is_good(&t.known[ALIAS_A], &TIMES, 1000 + 10 + 86400));
	assert_true(
	    alias_known_is_good(&t.known[ALIAS_AAAA], &TIMES, 1000 + 3600 + 86399)); /* ttl_max */
	assert_false(alias_known_is_good(&t.known[ALIAS_AAAA], &TIMES, 1000 + 3600 + 86400));
	alias_target_end(&t);
}

static void it_is_asked_again_ahead_of_the_end_and_less_and_less_often_while_it_fails(void **state)
{
	struct alias_target t = { 0 };

	(void)state;
	hear(&t, there(200, 1), nothing(ADDRESS_NONE, 500), 1000);
	for (uint64_t jitter = 0; jitter < 100; jitter++) {
		uint32_t s = alias_target_next_s(&t, &TIMES, jitter * 0x9E3779B97F4A7C15u);
		assert_in_range(s, 180, 200);
	}
	hear(&t, there(1, 1), there(1, 2), 2000);
	assert_in_range(alias_target_next_s(&t, &TIMES, 5), 9, 10);
	hear(&t, there(1000000, 1), there(1000000, 2), 3000);
	assert_in_range(alias_target_next_s(&t, &TIMES, 5), 3240, 3600);
	uint32_t before = 0;
	for (int i = 0; i < 10; i++) {
		hear(&t, fault("no answer"), fault("no answer"), 4000 + i);
		uint32_t s = alias_target_next_s(&t, &TIMES, 0);
		assert_true(s >= before && s <= 60);
		before = s;
	}
	assert_int_equal(before, 60);
	alias_target_end(&t);
}

static void what_lasts_is_what_was_known(void **state)
{
	struct alias_target t = { 0 }, again = { 0 };
	struct address_answer onward = { .outcome = ADDRESS_ONWARD, .ttl = 77 };

	(void)state;
	memcpy(onward.next, "\3www\7example", 13);
	hear(&t, there(60, 1), onward, 1000);
	json_t *j = alias_target_json(&t), *j2;
	assert_true(alias_target_from_json(&again, j));
	j2 = alias_target_json(&again);
	assert_true(json_equal(j, j2));
	assert_true(name_equal(again.known[ALIAS_AAAA].next, onward.next));
	json_decref(j);
	json_decref(j2);
	alias_target_end(&t);
	alias_target_end(&again);
}

static void a_damaged_document_is_taken_as_none(void **state)
{
	static const char *const TEXTS[] = {
		"{}",
		"{\"A\": 5}",
		"{\"A\": {\"outcome\": \"addresses\", \"at\": 1, \"ttl\": 60, \"left\": 60, "
		"\"addresses\": []}}",
		"{\"A\": {\"outcome\": \"addresses\", \"at\": 1, \"ttl\": 60, \"left\": 60, "
		"\"addresses\": [\"::1\"]}}",
		"{\"A\": {\"outcome\": \"addresses\", \"at\": 1, \"ttl\": -1, \"left\": 0, "
		"\"addresses\": [\"192.0.2.1\"]}}",
		"{\"A\": {\"outcome\": \"addresses\", \"at\": 1, \"ttl\": 5, \"left\": 6, "
		"\"addresses\": [\"192.0.2.1\"]}}",
		"{\"A\": {\"outcome\": \"onward\", \"at\": 1, \"ttl\": 5, \"left\": 5, "
		"\"addresses\": []}}",
		"{\"A\": {\"outcome\": \"unknown\", \"at\": 1, \"ttl\": 5, \"left\": 5, "
		"\"addresses\": []}}",
		"{\"AAAA\": {\"outcome\": \"none\", \"at\": 1, \"ttl\": 5, \"left\": 5, "
		"\"addresses\": [\"::1\"]}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
		struct alias_target t = { 0 };
		json_t *j = json_loads(TEXTS[i], 0, NULL);
		assert_non_null(j);
		assert_false(alias_target_from_json(&t, j));
		json_decref(j);
		alias_target_end(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_heard_is_known_and_the_same_again_is_no_change),
		cmocka_unit_test(a_ttl_that_a_resolver_counts_down_is_not_another_ttl),
		cmocka_unit_test(a_fault_leaves_what_was_known),
		cmocka_unit_test(a_target_without_any_address_is_a_fault),
		cmocka_unit_test(what_is_known_is_good_for_its_ttl_and_then_for_the_stale_bound),
		cmocka_unit_test(
		    it_is_asked_again_ahead_of_the_end_and_less_and_less_often_while_it_fails),
		cmocka_unit_test(what_lasts_is_what_was_known),
		cmocka_unit_test(a_damaged_document_is_taken_as_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
