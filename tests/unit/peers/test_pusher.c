// SPDX-License-Identifier: Apache-2.0
#include "check.h"
#include "dns/rrtype.h"
#include "peers/push_call.h"

static const uint8_t A[] = "a", B[] = "b", C[] = "c", OWN[] = "own";
static const uint8_t NS1[] = "\3ns1\7example", NS1_UPPER[] = "\3NS1\7Example";

#define SPAN(x) ((struct span){ (x), sizeof(x) })

static struct push_diff diff;

static void compare(const struct push_record *records, size_t n, uint16_t type,
		    const struct span *present, size_t present_n)
{
	struct push p = { .record = records, .n = n };

	push_compare(&p, type, present, present_n, &diff);
}

static void only_what_differs_is_sent_and_strangers_stay(void **state)
{
	const struct push_record records[] = { { TYPE_DNSKEY, SPAN(A), true, true },
					       { TYPE_DNSKEY, SPAN(B), true, false },
					       { TYPE_DNSKEY, SPAN(C), false, false },
					       { TYPE_CDS, SPAN(C), true, true } };
	const struct span present[] = { SPAN(OWN), SPAN(A), SPAN(C) };

	(void)state;
	compare(records, 4, TYPE_DNSKEY, present, 3);
	assert_int_equal(diff.add_n, 1);
	assert_true(span_equal(diff.add[0], SPAN(B)));
	assert_int_equal(diff.remove_n, 1);
	assert_true(span_equal(diff.remove[0], SPAN(C)));
	const struct span after[] = { SPAN(OWN), SPAN(B), SPAN(A) };
	compare(records, 4, TYPE_DNSKEY, after, 3);
	assert_int_equal(diff.add_n + diff.remove_n, 0);
}

static void what_is_wanted_and_unwanted_stays(void **state)
{
	const struct push_record records[] = { { TYPE_DNSKEY, SPAN(A), false, true },
					       { TYPE_DNSKEY, SPAN(A), true, true } };
	const struct span present[] = { SPAN(A) };

	(void)state;
	compare(records, 2, TYPE_DNSKEY, present, 1);
	assert_int_equal(diff.add_n + diff.remove_n, 0);
	compare(records, 2, TYPE_DNSKEY, NULL, 0);
	assert_int_equal(diff.add_n, 1);
}

static void the_same_record_twice_is_sent_once(void **state)
{
	const struct push_record records[] = { { TYPE_NS, SPAN(NS1), true, true },
					       { TYPE_NS, SPAN(NS1_UPPER), true, true } };

	(void)state;
	compare(records, 2, TYPE_NS, NULL, 0);
	assert_int_equal(diff.add_n, 1);
	const struct span present[] = { SPAN(NS1_UPPER) };
	compare(records, 1, TYPE_NS, present, 1);
	assert_int_equal(diff.add_n, 0); /* names have no case (RFC 4343) */
}

static void an_unwanted_csync_without_rdata_means_any(void **state)
{
	const struct push_record records[] = { { TYPE_CSYNC, { NULL, 0 }, false, true },
					       { TYPE_CSYNC, SPAN(B), true, true } };
	const struct span present[] = { SPAN(A) };

	(void)state;
	compare(records, 2, TYPE_CSYNC, present, 1);
	assert_int_equal(diff.add_n, 1);
	assert_int_equal(diff.remove_n, 1);
	const struct push_record keys[] = { { TYPE_DNSKEY, { NULL, 0 }, false, true } };
	compare(keys, 1, TYPE_DNSKEY, present, 1);
	assert_int_equal(diff.remove_n, 0);
}

static void paths_are_escaped(void **state)
{
	const struct peer p = { .url = "https://localhost:1" };
	const struct push_call c = { .peer = &p };
	char url[PUSH_URL_MAX];

	(void)state;
	push_url(&c, "/v1/zones/%s/peers/%s/keys", "a/b\\032.example.", "us?", url);
	assert_string_equal(url,
			    "https://localhost:1/v1/zones/a%2Fb%5C032.example./peers/us%3F/keys");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_differs_is_sent_and_strangers_stay),
		cmocka_unit_test(what_is_wanted_and_unwanted_stays),
		cmocka_unit_test(the_same_record_twice_is_sent_once),
		cmocka_unit_test(an_unwanted_csync_without_rdata_means_any),
		cmocka_unit_test(paths_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
