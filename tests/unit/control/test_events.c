// SPDX-License-Identifier: Apache-2.0
/* The ring of events: bounded, and honest about what is gone. */
#include "check.h"

#include <stdio.h>

#include "control/events.h"

static void events_are_read_in_order_from_a_readers_own_place(void **state)
{
	struct events *e = events_new(1000);
	bool lost;

	(void)state;
	uint64_t at = events_last(e);
	assert_null(events_after(e, at, &lost));
	events_emit(e, "a.", "zone", "{}");
	events_emit(e, NULL, "change", "{\"x\":1}");
	const struct event *v = events_after(e, at, &lost);
	assert_false(lost);
	assert_string_equal(v->zone, "a.");
	v = events_after(e, v->id, &lost);
	assert_null(v->zone);
	assert_string_equal(v->data, "{\"x\":1}");
	assert_null(events_after(e, v->id, &lost));
	events_free(e);
}

static void a_reader_that_was_overtaken_learns_it(void **state)
{
	struct events *e = events_new(1000);
	uint64_t at = events_last(e);
	size_t read = 0;
	bool lost;

	(void)state;
	for (unsigned i = 0; i < EVENTS_KEPT + 5; i++)
		events_emit(e, NULL, "change", "{}");
	const struct event *v = events_after(e, at, &lost);
	assert_true(lost);
	for (; v != NULL; v = events_after(e, v->id, &lost))
		read++;
	assert_int_equal(read, EVENTS_KEPT);
	events_free(e);
}

static void ids_of_another_life_are_known_to_be_lost(void **state)
{
	struct events *before = events_new(1000), *after = events_new(1001);
	bool lost;

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		events_emit(before, NULL, "change", "{}");
	assert_true(events_last(before) < events_last(after));
	events_emit(after, NULL, "change", "{}");
	assert_non_null(events_after(after, events_last(before), &lost));
	assert_true(lost);
	assert_non_null(events_after(after, UINT64_MAX - 1, &lost));
	assert_true(lost);
	events_free(before);
	events_free(after);
}

static void what_is_too_long_or_would_break_the_stream_is_left_out(void **state)
{
	struct events *e = events_new(1000);
	uint64_t at = events_last(e);
	char *big = malloc(EVENT_DATA_MAX + 2);
	bool lost;

	(void)state;
	memset(big, 'x', EVENT_DATA_MAX + 1);
	big[EVENT_DATA_MAX + 1] = 0;
	events_emit(e, NULL, "change", big);
	events_emit(e, NULL, "change", "{}\n\nevent: forged");
	for (const struct event *v = events_after(e, at, &lost); v != NULL;
	     v = events_after(e, v->id, &lost))
		assert_string_equal(v->data, "{}");
	free(big);
	events_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_read_in_order_from_a_readers_own_place),
		cmocka_unit_test(a_reader_that_was_overtaken_learns_it),
		cmocka_unit_test(ids_of_another_life_are_known_to_be_lost),
		cmocka_unit_test(what_is_too_long_or_would_break_the_stream_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
