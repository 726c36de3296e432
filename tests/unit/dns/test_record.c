// SPDX-License-Identifier: Apache-2.0
#include "dns/record.h"

#include "check.h"
#include "dns/rdata.h"
#include "dns/rrtype.h"

/* A message of a 12-octet header, the name example. at 12, and one record behind it. */
static uint8_t *message_of(const uint8_t *record, size_t n, size_t *len)
{
	uint8_t m[300] = { [12] = 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0 };

	memcpy(m + 21, record, n);
	*len = 21 + n;
	return exact_copy(m, *len);
}

static bool read_one(const uint8_t *record, size_t n, struct record *out, uint8_t *room, size_t cap)
{
	size_t len;
	uint8_t *m = message_of(record, n, &len);
	static uint8_t kept[300];
	memcpy(kept, m, len);
	free(m);
	struct reader r = reader_of(kept, len);

	read_bytes(&r, 21);
	return record_read(&r, out, room, cap) && reader_left(&r) == 0;
}

#define FRAME(type, n) 0xc0, 12, 0, type, 0, 1, 0, 0, 0, 9, 0, n

static void names_come_out_whole(void **state)
{
	(void)state;
	static const uint8_t MX[] = { FRAME(TYPE_MX, 6), 0, 5, 1, 'a', 0xc0, 12 };
	static const uint8_t WANT[] = { 0, 5, 1, 'a', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0 };
	struct record rr;
	uint8_t room[600];

	assert_true(read_one(MX, sizeof MX, &rr, room, sizeof room));
	assert_int_equal(rr.type, TYPE_MX);
	assert_int_equal(rr.ttl, 9);
	assert_int_equal(rr.owner.label_n, 1);
	assert_int_equal(rr.rdata.n, sizeof WANT);
	assert_memory_equal(rr.rdata.p, WANT, sizeof WANT);
	assert_true(rdata_is_valid(TYPE_MX, rr.rdata));
}

static void what_cannot_be_compressed_is_left_as_it_is(void **state)
{
	(void)state;
	/* RFC 3597 section 4: 0xc0 in RDATA of an unknown type is no pointer. */
	static const uint8_t UNKNOWN[] = { 0xc0, 12, 0xff, 0, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 12 };
	struct record rr;

	assert_true(read_one(UNKNOWN, sizeof UNKNOWN, &rr, NULL, 0));
	assert_int_equal(rr.rdata.n, 2);
}

static void an_update_may_have_no_rdata(void **state)
{
	(void)state; /* RFC 2136 section 2.4.1: an RRset that must exist */
	static const uint8_t ANY_MX[] = { 0xc0, 12, 0, TYPE_MX, 0, CLASS_ANY, 0, 0, 0, 0, 0, 0 };
	struct record rr;

	assert_true(read_one(ANY_MX, sizeof ANY_MX, &rr, NULL, 0));
	assert_int_equal(rr.rdata.n, 0);
}

static void a_frame_that_lies_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *says;
		uint8_t bytes[24];
		size_t n;
	} ROWS[] = {
		{ "RDATA past the end", { FRAME(TYPE_A, 5), 1, 2, 3, 4 }, 16 },
		{ "a name past its RDATA", { FRAME(TYPE_NS, 2), 1, 'a', 0 }, 15 },
		{ "an MX shorter than its number", { FRAME(TYPE_MX, 1), 0 }, 13 },
		{ "a pointer forward", { FRAME(TYPE_NS, 2), 0xc0, 40 }, 14 },
		{ "a pointer at itself", { FRAME(TYPE_NS, 2), 0xc0, 33 }, 14 },
		{ "no room for a type", { 0xc0, 12, 0 }, 3 },
	};
	struct record rr;
	uint8_t room[600];

	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		if (read_one(ROWS[i].bytes, ROWS[i].n, &rr, room, sizeof room))
			fail_msg("%s", ROWS[i].says);
	}
}

static void octets_after_the_shape_stay_for_the_check_of_rdata(void **state)
{
	(void)state;
	static const uint8_t NS[] = { FRAME(TYPE_NS, 3), 0xc0, 12, 7 };
	struct record rr;
	uint8_t room[600];

	assert_true(read_one(NS, sizeof NS, &rr, room, sizeof room));
	assert_false(rdata_is_valid(TYPE_NS, rr.rdata));
}

static void expanding_stops_where_the_room_ends(void **state)
{
	(void)state;
	static const uint8_t NS[] = { FRAME(TYPE_NS, 2), 0xc0, 12 };
	struct record rr;
	uint8_t *room = exact_copy("12345678", 8);

	assert_false(read_one(NS, sizeof NS, &rr, room, 8));
	free(room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_come_out_whole),
		cmocka_unit_test(what_cannot_be_compressed_is_left_as_it_is),
		cmocka_unit_test(an_update_may_have_no_rdata),
		cmocka_unit_test(a_frame_that_lies_is_refused),
		cmocka_unit_test(octets_after_the_shape_stay_for_the_check_of_rdata),
		cmocka_unit_test(expanding_stops_where_the_room_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
