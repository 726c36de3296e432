// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/rrtype.h"
#include "dns/svcb.h"

static const uint8_t OWNER[] = "\3www\7example";
static const uint8_t FOUR[] = { 192, 0, 2, 1 }, SIX[16] = { 0x20, 1 };

#define SPAN(literal) ((struct span){ (const uint8_t *)(literal), sizeof(literal) - 1 })

static void the_target_of_a_service_is_its_owner_where_it_is_the_root(
    void **state) /* RFC 9460 §2.5.2 */
{
	(void)state;
	assert_ptr_equal(svcb_target(SPAN("\0\1\0"), OWNER), OWNER);
	assert_int_equal(*svcb_target(SPAN("\0\0\0"), OWNER), 0); /* AliasMode: nothing is there */
	assert_true(name_equal(svcb_target(SPAN("\0\1\1a\0"), OWNER), (const uint8_t *)"\1a"));
	assert_int_equal(svcb_priority(SPAN("\1\2\0")), 0x102);
}

static void finds_what_is_given_and_what_is_mandatory(void **state)
{
	struct span rdata = SPAN("\0\1\0\0\0\0\4\0\1\0\4\0\1\0\3\2h2\0\4\0\4\1\2\3\4");

	(void)state;
	assert_true(rdata_is_valid(TYPE_HTTPS, rdata));
	assert_true(svcb_has(rdata, SVCB_IPV4HINT) && svcb_demands(rdata, SVCB_IPV4HINT));
	assert_false(svcb_has(rdata, SVCB_IPV6HINT) || svcb_demands(rdata, SVCB_IPV6HINT));
}

static const struct {
	const char *says;
	struct span rdata;
	bool four, six;
	struct span expected;
} ROWS[] = {
	{ "no parameters", SPAN("\0\1\0"), true, true,
	  SPAN("\0\1\0"
	       "\0\4\0\4\300\0\2\1"
	       "\0\6\0\20\40\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
	{ "nothing to put", SPAN("\0\1\0\0\1\0\3\2h2"), false, false, SPAN("\0\1\0\0\1\0\3\2h2") },
	{ "between others (keys ascend)", SPAN("\0\1\1a\0\0\1\0\3\2h2\0\5\0\1x\0\7\0\1y"), true,
	  true,
	  SPAN("\0\1\1a\0\0\1\0\3\2h2"
	       "\0\4\0\4\300\0\2\1"
	       "\0\5\0\1x"
	       "\0\6\0\20\40\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	       "\0\7\0\1y") },
	{ "one family", SPAN("\0\1\0\0\3\0\2\1\273"), true, false,
	  SPAN("\0\1\0\0\3\0\2\1\273"
	       "\0\4\0\4\300\0\2\1") },
	{ "the other, given the first", SPAN("\0\1\0\0\4\0\4\1\2\3\4"), false, true,
	  SPAN("\0\1\0\0\4\0\4\1\2\3\4"
	       "\0\6\0\20\40\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0") },
};

static void hints_stand_where_their_keys_belong(void **state)
{
	struct span four = { FOUR, 4 }, six = { SIX, 16 };

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		const struct svcb_hints hints[2] = { { SVCB_IPV4HINT, &four, ROWS[i].four },
						     { SVCB_IPV6HINT, &six, ROWS[i].six } };
		size_t n = svcb_hinted_len(ROWS[i].rdata, hints);
		uint8_t *out = malloc(n); /* exact: a write past the end is seen */
		assert_non_null(out);
		svcb_put_hints(ROWS[i].rdata, hints, out);
		if (n != ROWS[i].expected.n || memcmp(out, ROWS[i].expected.p, n) != 0)
			fail_msg("%s", ROWS[i].says);
		assert_true(rdata_is_valid(TYPE_SVCB, (struct span){ out, n }));
		free(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_target_of_a_service_is_its_owner_where_it_is_the_root),
		cmocka_unit_test(finds_what_is_given_and_what_is_mandatory),
		cmocka_unit_test(hints_stand_where_their_keys_belong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
