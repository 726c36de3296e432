// SPDX-License-Identifier: Apache-2.0
/* Lines of a master file: whatever a zone can hold is read again as it was. */
#include "control/record_lines.h"

#include <stdio.h>

#include "check.h"
#include "dns/rrtype.h"

#define TRIES_PER_TYPE 150
#define RDATA_TRY_MAX  48

/* Octets that make names, strings and numbers likely, and those that texts trip over. */
static uint8_t draw(struct lottery *l)
{
	static const uint8_t OFTEN[] = { 0,   0,   0,   1,   1,    2,    3,    4,
					 'a', 'Z', '7', '.', '\\', '"',  ';',  '(',
					 ')', '@', '$', ' ', '\t', '\n', 0x7f, 0xff };

	return lottery_below(l, 4) > 0 ? OFTEN[lottery_below(l, sizeof OFTEN)]
				       : (uint8_t)lottery_next(l);
}

/* A line that is written, and what it is read as. */
struct fixture {
	FILE *f;
	char *text;
	size_t n;
	struct record_lines *lines;
	struct parsed_line got;
};

static int start(void **state)
{
	struct fixture *x = calloc(1, sizeof *x);

	x->f = open_memstream(&x->text, &x->n);
	assert_int_equal(record_lines_new(&x->lines, x->f), ERR_OK);
	*state = x;
	return 0;
}

static int end(void **state)
{
	struct fixture *x = *state;

	record_lines_free(x->lines);
	fclose(x->f);
	free(x->text);
	free(x);
	return 0;
}

static const char *write_line(struct fixture *x, const struct line_record *r)
{
	rewind(x->f);
	assert_int_equal(record_lines_write(x->lines, "", r, NULL), ERR_OK);
	fflush(x->f);
	x->text[x->n] = 0;
	return x->text;
}

static void check_again(struct fixture *x, const struct line_record *r)
{
	char type[RR_TYPE_TEXT_MAX];
	const char *text = write_line(x, r);
	struct parsed_line *got = &x->got;

	x->text[x->n - 1] = 0;
	if (strchr(text, '\n') != NULL || record_line_parse(text, got) != ERR_OK ||
	    got->type != r->type || got->ttl != r->ttl || !name_equal(got->owner.wire, r->owner) ||
	    got->rdata_n != r->rdata.n ||
	    (r->rdata.n > 0 && memcmp(got->rdata, r->rdata.p, r->rdata.n) != 0))
		fail_msg("%s comes back as another: %s", rr_type_to_text(r->type, type), text);
}

static void rdata_of_every_type_comes_back_as_it_was(void **state)
{
	struct lottery l = { 20261125 };
	struct fixture *x = *state;
	uint8_t rdata[RDATA_TRY_MAX];
	size_t checked = 0;

	for (unsigned type = 1; type < 300; type++) {
		const struct rr_type_info *info = rr_type_info((uint16_t)type);
		if (info != NULL && (info->flags & RR_META))
			continue;
		for (unsigned i = 0; i < TRIES_PER_TYPE / (info == NULL ? 50 : 1); i++) {
			size_t n = lottery_below(&l, RDATA_TRY_MAX);
			for (size_t k = 0; k < n; k++)
				rdata[k] = draw(&l);
			struct line_record r = { (const uint8_t *)"\1a\0",
						 (uint16_t)type,
						 lottery_below(&l, 1u << 31),
						 { rdata, n } };
			if (!rdata_is_valid(r.type, r.rdata))
				continue;
			check_again(x, &r);
			checked++;
		}
	}
	assert_true(checked > 1000);
}

static void owners_with_odd_octets_are_no_directives(void **state)
{
	static const char *const OWNERS[] = { "\1$\0", "\1@\0", "\1\"\0", "\1;\0",
					      "\1.\0", "\1 \0", "\1\\\0", "\0" };
	struct fixture *x = *state;

	for (size_t i = 0; i < sizeof OWNERS / sizeof *OWNERS; i++) {
		struct line_record r = { (const uint8_t *)OWNERS[i],
					 TYPE_A,
					 300,
					 { (const uint8_t *)"\300\0\2\1", 4 } };
		check_again(x, &r);
	}
}

static void usual_types_are_written_as_everybody_reads_them(void **state)
{
	static const struct {
		uint16_t type;
		const char *rdata;
		size_t n;
		const char *want;
	} ROWS[] = {
		{ TYPE_A, "\300\0\2\1", 4, "a.\t300\tIN\tA\t192.0.2.1\n" },
		{ TYPE_MX, "\0\12\1m\0", 5, "a.\t300\tIN\tMX\t10 m.\n" },
		{ TYPE_TXT, "\3a\"b", 4, "a.\t300\tIN\tTXT\t\"a\\\"b\"\n" },
		{ TYPE_HTTPS, "\0\1\0\0\1\0\3\2h2", 10, "a.\t300\tIN\tHTTPS\t1 . alpn=h2\n" },
		{ TYPE_DSYNC, "\0\73\1\0\65\0", 6, "a.\t300\tIN\tTYPE66\t\\# 6 003b01003500\n" },
		{ TYPE_NSEC, "\1b\0\0\1\100", 6, "a.\t300\tIN\tNSEC\tb. A\n" },
		{ 65280, "\1\2", 2, "a.\t300\tIN\tTYPE65280\t\\# 2 0102\n" },
	};

	struct fixture *x = *state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct line_record r = { (const uint8_t *)"\1a\0",
					 ROWS[i].type,
					 300,
					 { (const uint8_t *)ROWS[i].rdata, ROWS[i].n } };
		assert_string_equal(write_line(x, &r), ROWS[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rdata_of_every_type_comes_back_as_it_was, start,
						end),
		cmocka_unit_test_setup_teardown(owners_with_odd_octets_are_no_directives, start,
						end),
		cmocka_unit_test_setup_teardown(usual_types_are_written_as_everybody_reads_them,
						start, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
