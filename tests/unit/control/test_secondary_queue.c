// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include "control/secondary_queue.h"

#define ZONES 600

static struct secondary_queue *queue;
static struct secondary_turn turns[ZONES];
static unsigned started_n;
static bool fail_at_once;

static void start(struct secondary_turn *t)
{
	started_n++;
	if (fail_at_once)
		secondary_queue_leave(queue, t);
}

static void ask(unsigned zone, enum secondary_job job, uint16_t port, unsigned limit)
{
	struct remote at = { .port = port };

	assert_true(ip_from_text("192.0.2.1", &at.address));
	turns[zone].start = start;
	assert_int_equal(secondary_queue_ask(queue, &turns[zone], job, &at, limit), ERR_OK);
}

static unsigned running(unsigned from, unsigned to)
{
	unsigned n = 0;

	for (unsigned i = from; i < to; i++)
		n += turns[i].running;
	return n;
}

static void open_queue(void)
{
	memset(turns, 0, sizeof turns);
	started_n = 0;
	fail_at_once = false;
	assert_int_equal(secondary_queue_new(&queue), ERR_OK);
}

static void a_primary_has_so_many_at_a_time_and_the_next_waits_in_line(void **state)
{
	(void)state;
	open_queue();
	for (unsigned i = 0; i < 20; i++)
		ask(i, SECONDARY_FETCH, 53, 8);
	assert_int_equal(running(0, 20), 8);
	for (unsigned i = 0; i < 20; i++) {
		assert_true(turns[i].running);
		secondary_queue_leave(queue, &turns[i]);
	}
	assert_int_equal(started_n, 20);
	secondary_queue_leave(queue, &turns[0]); /* who is not there may leave */
	secondary_queue_free(queue);
}

static void one_primary_does_not_hold_up_another(void **state)
{
	(void)state;
	open_queue();
	for (unsigned i = 0; i < 300; i++)
		ask(i, SECONDARY_CHECK, 53, 8);
	ask(300, SECONDARY_CHECK, 54, 8);
	ask(301, SECONDARY_FETCH, 53, 8);
	assert_int_equal(running(0, 300), SECONDARY_CHECKS_MAX_EACH);
	assert_true(turns[300].running);
	assert_true(turns[301].running); /* checks and transfers are counted apart */
	for (unsigned i = 0; i < 302; i++)
		secondary_queue_leave(queue, &turns[i]);
	secondary_queue_free(queue);
}

static void where_all_is_used_up_primaries_take_turns(void **state)
{
	(void)state;
	open_queue();
	for (unsigned i = 0; i < 400; i++)
		ask(i, SECONDARY_FETCH, (uint16_t)(100 + i / 20), 20); /* 20 zones a primary */
	assert_int_equal(running(0, 400), SECONDARY_FETCHES_MAX);
	for (unsigned i = 0; i < 20; i++) /* one goes: of each other primary one may come */
		secondary_queue_leave(queue, &turns[i]);
	assert_int_equal(running(0, 400), SECONDARY_FETCHES_MAX);
	for (unsigned p = 4; p < 20; p++)
		assert_true(running(p * 20, p * 20 + 20) >= 1);
	while (running(0, 400) > 0)
		for (unsigned i = 0; i < 400; i++)
			if (turns[i].running)
				secondary_queue_leave(queue, &turns[i]);
	assert_int_equal(started_n, 400);
	secondary_queue_free(queue);
}

static void who_waits_may_go_and_who_fails_at_once_makes_room(void **state)
{
	(void)state;
	open_queue();
	for (unsigned i = 0; i < 10; i++)
		ask(i, SECONDARY_FETCH, 53, 1);
	for (unsigned i = 3; i < 7; i++)
		secondary_queue_leave(queue, &turns[i]);
	fail_at_once = true;
	secondary_queue_leave(queue, &turns[0]);
	assert_int_equal(started_n, 6);
	assert_int_equal(running(0, 10), 0);
	secondary_queue_free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_primary_has_so_many_at_a_time_and_the_next_waits_in_line),
		cmocka_unit_test(one_primary_does_not_hold_up_another),
		cmocka_unit_test(where_all_is_used_up_primaries_take_turns),
		cmocka_unit_test(who_waits_may_go_and_who_fails_at_once_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
