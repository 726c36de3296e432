// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include "control/update_memory.h"
#include "dns/message.h"

static struct update_memory *memory;

static enum update_seen look(uint32_t number, uint64_t *id, uint16_t *rcode)
{
	return update_memory_look(memory, (struct span){ (const uint8_t *)&number, sizeof number },
				  id, rcode);
}

static void the_same_octets_get_the_answer_of_the_first(void **state)
{
	uint64_t id, again;
	uint16_t rcode = 0;

	(void)state;
	assert_int_equal(update_memory_new(&memory), ERR_OK);
	assert_int_equal(look(1, &id, &rcode), UPDATE_NEW);
	assert_int_equal(look(1, &again, &rcode), UPDATE_UNDER_WAY);
	update_memory_answered(memory, id, RCODE_REFUSED);
	assert_int_equal(look(1, &again, &rcode), UPDATE_ANSWERED);
	assert_int_equal(rcode, RCODE_REFUSED);
	assert_true(again == id);
	assert_int_equal(look(2, &again, &rcode), UPDATE_NEW);
	update_memory_free(memory);
}

static void what_failed_here_may_be_tried_again(void **state)
{
	uint64_t id;
	uint16_t rcode;

	(void)state;
	assert_int_equal(update_memory_new(&memory), ERR_OK);
	assert_int_equal(look(1, &id, &rcode), UPDATE_NEW);
	update_memory_answered(memory, id, RCODE_SERVFAIL);
	assert_int_equal(look(1, &id, &rcode), UPDATE_NEW);
	update_memory_answered(memory, 12345, RCODE_NOERROR); /* nobody's */
	update_memory_free(memory);
}

static void the_last_ones_are_known_and_older_ones_make_room(void **state)
{
	uint64_t id;
	uint16_t rcode;

	(void)state;
	assert_int_equal(update_memory_new(&memory), ERR_OK);
	for (uint32_t i = 0; i < 3 * UPDATE_MEMORY_MAX + 7; i++) {
		assert_int_equal(look(i, &id, &rcode), UPDATE_NEW);
		update_memory_answered(memory, id, i % 5 == 0 ? RCODE_SERVFAIL : RCODE_NOERROR);
	}
	for (uint32_t i = 2 * UPDATE_MEMORY_MAX + 7; i < 3 * UPDATE_MEMORY_MAX + 7; i++)
		if (i % 5 != 0)
			assert_int_equal(look(i, &id, &rcode), UPDATE_ANSWERED);
	assert_int_equal(look(1, &id, &rcode), UPDATE_NEW);
	update_memory_free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_octets_get_the_answer_of_the_first),
		cmocka_unit_test(what_failed_here_may_be_tried_again),
		cmocka_unit_test(the_last_ones_are_known_and_older_ones_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
