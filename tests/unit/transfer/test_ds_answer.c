// SPDX-License-Identifier: Apache-2.0
/* What a parent's server says of DS: only its own word counts, and only so much of it. */
#include "check.h"

#include <stdlib.h>

#include "dns/message.h"
#include "dns/rrtype.h"
#include "transfer/ds_answer.h"

static const uint8_t ZONE[] = "\4shop\7example";

struct built {
	uint8_t bytes[8192];
	struct writer w;
	unsigned answers;
};

static void begin(struct built *b, uint16_t flags)
{
	b->w = writer_of(b->bytes, sizeof b->bytes);
	b->answers = 0;
	write_u16(&b->w, 0x1234);
	write_u16(&b->w, flags);
	write_u16(&b->w, 1);
	for (int i = 0; i < 3; i++)
		write_u16(&b->w, 0);
	write_bytes(&b->w, ZONE, sizeof ZONE);
	write_u16(&b->w, TYPE_DS);
	write_u16(&b->w, 1);
}

static void add(struct built *b, const uint8_t *owner, size_t owner_len, uint16_t type,
		uint16_t rclass, uint32_t ttl, const uint8_t *rdata, uint16_t n)
{
	write_bytes(&b->w, owner, owner_len);
	write_u16(&b->w, type);
	write_u16(&b->w, rclass);
	write_u32(&b->w, ttl);
	write_u16(&b->w, n);
	write_bytes(&b->w, rdata, n);
	store_u16(b->bytes + 6, (uint16_t)++b->answers);
}

static bool read(const struct built *b, size_t n, struct ds_answer *out, const char **why)
{
	uint8_t *copy = malloc(n); /* exact: a read past the end is seen */
	assert_non_null(copy);
	memcpy(copy, b->bytes, n);
	bool ok = ds_answer_read((struct span){ copy, n }, ZONE, out, why);
	free(copy);
	return ok;
}

static const uint8_t DS[] = { 0x30, 0x39, 13, 2, 1, 2, 3, 4, 5, 6, 7, 8 };
static const uint8_t OTHER[] = "\5other\7example";
#define QR_AA 0x8400

static void takes_the_digests_of_this_zone_and_the_greatest_ttl(void **state)
{
	static const uint8_t UPPER[] = "\4SHOP\7EXAMPLE";
	struct built b;
	struct ds_answer a;
	const char *why = NULL;

	(void)state;
	begin(&b, QR_AA);
	add(&b, ZONE, sizeof ZONE, TYPE_DS, 1, 60, DS, sizeof DS);
	add(&b, UPPER, sizeof UPPER, TYPE_DS, 1, 90, DS, sizeof DS);
	add(&b, OTHER, sizeof OTHER, TYPE_DS, 1, 5000, DS, sizeof DS);
	add(&b, ZONE, sizeof ZONE, TYPE_TXT, 1, 6000, (const uint8_t *)"\1x", 2);
	add(&b, ZONE, sizeof ZONE, TYPE_DS, 3, 7000, DS, sizeof DS);
	assert_true(read(&b, writer_len(&b.w), &a, &why));
	assert_int_equal(a.n, 2);
	assert_int_equal(a.ttl, 90);
	assert_memory_equal(a.ds[0].rdata, DS, sizeof DS);
	assert_int_equal(a.ds[1].len, sizeof DS);
}

static void no_ds_is_an_answer_and_another_servers_word_is_none(void **state)
{
	static const struct {
		const char *says;
		uint16_t flags;
		bool want;
	} ROWS[] = {
		{ "authoritative, none", 0x8400, true },
		{ "not authoritative: a resolver, or the child", 0x8000, false },
		{ "a question", 0x0400, false },
		{ "SERVFAIL", 0x8402, false },
		{ "REFUSED", 0x8405, false },
		{ "NXDOMAIN: not a delegation", 0x8403, false },
		{ "truncated", 0x8600, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct built b;
		struct ds_answer a;
		const char *why = NULL;
		begin(&b, ROWS[i].flags);
		bool got = read(&b, writer_len(&b.w), &a, &why);
		if (got != ROWS[i].want)
			fail_msg("%s", ROWS[i].says);
		assert_int_equal(a.n, 0);
		assert_true(got || why[0] != 0);
	}
}

static void more_digests_than_anybody_needs_are_refused(void **state)
{
	struct built b;
	struct ds_answer a;
	const char *why = NULL;

	(void)state;
	begin(&b, QR_AA);
	for (int i = 0; i < DS_ANSWER_MAX; i++)
		add(&b, ZONE, sizeof ZONE, TYPE_DS, 1, 60, DS, sizeof DS);
	assert_true(read(&b, writer_len(&b.w), &a, &why));
	assert_int_equal(a.n, DS_ANSWER_MAX);
	add(&b, ZONE, sizeof ZONE, TYPE_DS, 1, 60, DS, sizeof DS);
	assert_false(read(&b, writer_len(&b.w), &a, &why));
	assert_true(why[0] != 0);
}

static void every_shorter_message_is_refused(void **state)
{
	struct built b;
	struct ds_answer a;
	const char *why = NULL;

	(void)state;
	begin(&b, QR_AA);
	add(&b, ZONE, sizeof ZONE, TYPE_DS, 1, 60, DS, sizeof DS);
	for (size_t n = 1; n < writer_len(&b.w); n++)
		assert_false(read(&b, n, &a, &why));
}

static void a_question_is_one_that_its_reader_would_take(void **state)
{
	uint8_t room[DS_QUESTION_MAX];
	size_t n = ds_question_write(room, ZONE);

	(void)state;
	assert_true(n > 12 + sizeof ZONE + 4);
	assert_int_equal(load_u16(room + 4), 1);
	assert_memory_equal(room + 12, ZONE, sizeof ZONE);
	assert_int_equal(load_u16(room + 12 + sizeof ZONE), TYPE_DS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_digests_of_this_zone_and_the_greatest_ttl),
		cmocka_unit_test(no_ds_is_an_answer_and_another_servers_word_is_none),
		cmocka_unit_test(more_digests_than_anybody_needs_are_refused),
		cmocka_unit_test(every_shorter_message_is_refused),
		cmocka_unit_test(a_question_is_one_that_its_reader_would_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
