// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include "dns/compress.h"
#include "dns/message.h"
#include "dns/name.h"

static void compression_points_to_what_stands_there(void **state)
{
	static const char *const NAMES[] = { "www.example.", "mail.EXAMPLE.", "a.www.example.",
					     "other.",       "example.",      "www.example." };
	uint8_t message[512] = { 0 };
	struct writer w = writer_of(message, sizeof message);
	struct compress c;
	size_t at[6];

	(void)state;
	compress_start(&c, NULL);
	write_bytes(&w, message, 12);
	for (int i = 0; i < 6; i++) {
		struct name n;
		assert_int_equal(name_from_text(NAMES[i], NULL, &n), ERR_OK);
		at[i] = writer_len(&w);
		compress_write(&c, &w, n.wire);
	}
	assert_int_equal(writer_len(&w) - at[5], 2);
	assert_int_equal(writer_len(&w) - at[4], 4);
	struct reader r = reader_of(message, writer_len(&w));
	for (int i = 0; i < 6; i++) {
		struct name n, want;
		r.p = message + at[i];
		name_read(&r, &n);
		assert_false(r.bad);
		assert_int_equal(name_from_text(NAMES[i], NULL, &want), ERR_OK);
		assert_true(name_equal(n.wire, want.wire));
	}
}

/* Few labels, any case, so that names share much. */
static void random_name(struct lottery *l, struct name *out)
{
	static const char *const LABELS[] = {
		"a",     "A",      "b", "www", "WwW", "longer-than-a-word", "Longer-Than-A-Word",
		"\\000", "example"
	};
	char text[300] = "";

	for (uint32_t n = lottery_below(l, 7); n > 0; n--) {
		strcat(text, LABELS[lottery_below(l, sizeof LABELS / sizeof *LABELS)]);
		strcat(text, ".");
	}
	assert_int_equal(name_from_text(text[0] != 0 ? text : ".", NULL, out), ERR_OK);
}

static void reads_as(const uint8_t *message, size_t n, size_t at, const struct name *want)
{
	struct reader r = reader_of(message, n);
	struct name got;

	r.p = message + at;
	name_read(&r, &got);
	assert_false(r.bad);
	assert_true(name_equal(got.wire, want->wire));
}

static void every_name_reads_as_it_was_written(void **state)
{
	enum { NAMES = 40 };
	uint8_t message[4096] = { 0 };

	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct lottery l = { seed * 7919 };
		struct name names[NAMES], asked;
		size_t at[NAMES];
		struct name_probe probe;
		struct compress c;
		struct writer w = writer_of(message, sizeof message);
		random_name(&l, &asked);
		name_probe_of(&probe, asked.wire);
		compress_start(&c, seed % 2 == 0 ? &probe : NULL);
		write_bytes(&w, message, MESSAGE_HEADER_LEN);
		write_bytes(&w, asked.wire, asked.len);
		for (int i = 0; i < NAMES; i++) {
			random_name(&l, &names[i]);
			at[i] = writer_len(&w);
			compress_write(&c, &w, names[i].wire);
			if (lottery_below(&l, 4) != 0)
				continue;
			w.p = w.start + at[i]; /* taken back, and written again */
			compress_rewind(&c, (uint16_t)at[i]);
			compress_write(&c, &w, names[i].wire);
		}
		for (int i = 0; i < NAMES; i++)
			reads_as(message, writer_len(&w), at[i], &names[i]);
		/* A name that is there, in whatever case, is a pointer. */
		size_t end = writer_len(&w);
		compress_write(&c, &w, names[0].wire);
		assert_true(writer_len(&w) - end == (names[0].len == 1 ? 1 : 2));
	}
}

/* RFC 1035 §4.1.4: a pointer has 14 bits. */
static void nothing_points_past_what_a_pointer_can_hold(void **state)
{
	static uint8_t message[40000];
	struct writer w = writer_of(message, sizeof message);
	struct compress c;
	struct name far, farther;

	(void)state;
	assert_int_equal(name_from_text("far.example.", NULL, &far), ERR_OK);
	assert_int_equal(name_from_text("farther.example.", NULL, &farther), ERR_OK);
	compress_start(&c, NULL);
	w.p = message + 0x3ffe; /* its second label starts past the last place */
	size_t first = writer_len(&w);
	compress_write(&c, &w, far.wire);
	size_t second = writer_len(&w);
	compress_write(&c, &w, farther.wire);
	size_t third = writer_len(&w);
	compress_write(&c, &w, far.wire);
	reads_as(message, writer_len(&w), first, &far);
	reads_as(message, writer_len(&w), second, &farther);
	reads_as(message, writer_len(&w), third, &far);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compression_points_to_what_stands_there),
		cmocka_unit_test(every_name_reads_as_it_was_written),
		cmocka_unit_test(nothing_points_past_what_a_pointer_can_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
