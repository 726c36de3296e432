// SPDX-License-Identifier: Apache-2.0
#include "carried.h"

#include "geo/embedding.h"

static void addresses_that_carry_ipv4_are_located_as_it(void **state)
{
	static const struct {
		const char *given, *located, *form;
	} ROWS[] = {
		{ "::ffff:192.0.2.1", "192.0.2.1", "IPv4-mapped" },
		{ "::ffff:0.0.0.0", "0.0.0.0", "IPv4-mapped" },
		{ "64:ff9b::192.0.2.1", "192.0.2.1", "NAT64" },
		/* Server 65.54.227.120, port 40000, client 192.0.2.45. */
		{ "2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45", "Teredo" },
		{ "2001::ffff:ffff", "0.0.0.0", "Teredo" },
		{ "2002:c000:201::", "192.0.2.1", "6to4" },
		{ "2002:c000:201:ffff::1", "192.0.2.1", "6to4" },
		{ "192.0.2.1", "192.0.2.1", NULL },
		{ "::192.0.2.1", "::192.0.2.1", NULL },
		{ "::fffe:192.0.2.1", "::fffe:c000:201", NULL },
		{ "64:ff9b:1::192.0.2.1", "64:ff9b:1::c000:201", NULL },
		{ "64:ff9b::1:192.0.2.1", "64:ff9b::1:c000:201", NULL },
		{ "2001:1::", "2001:1::", NULL },
		{ "2001:db8::1", "2001:db8::1", NULL },
		{ "2003::1", "2003::1", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct ip_addr a, expected;
		assert_true(ip_from_text(ROWS[i].given, &a) &&
			    ip_from_text(ROWS[i].located, &expected));
		struct located l = embedding_locate(&a);
		if (!ip_equal(&l.addr, &expected))
			fail_msg("%s", ROWS[i].given);
		assert_true((l.in == NULL) == (ROWS[i].form == NULL));
		if (l.in != NULL)
			assert_string_equal(l.in->name, ROWS[i].form);
	}
}

static void forms_are_ascending_and_those_of_the_rfcs(void **state)
{
	(void)state;
	for (size_t i = 0; i < EMBEDDING_N; i++) {
		struct ip_prefix p = form_prefix(i);
		struct address first = address_of(&p.addr);
		assert_int_equal(address_compare(first, EMBEDDINGS[i].first), 0);
		assert_int_equal(p.len, EMBEDDINGS[i].len);
		assert_int_equal(8 * FORMS[i].octet, EMBEDDINGS[i].at);
		if (i > 0)
			assert_true(address_compare(EMBEDDINGS[i - 1].first, first) < 0);
	}
}

static void random_addresses_are_told_apart(void **state)
{
	struct lottery l = { 4380 };

	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct ip_addr a = { .family = IP_V6 }, naive;
		struct ip_prefix p = form_prefix(lottery_below(&l, FORM_N));
		for (unsigned k = 0; k < 16; k++)
			a.bytes[k] = (uint8_t)(k < p.len / 8 ? p.addr.bytes[k] : lottery_next(&l));
		/* Sometimes one bit beside. */
		if (lottery_below(&l, 2)) {
			unsigned bit = lottery_below(&l, 128);
			a.bytes[bit / 8] ^= (uint8_t)(0x80u >> (bit % 8));
		}
		naive = carried(&a);
		struct located got = embedding_locate(&a);
		assert_true(ip_equal(&naive, &got.addr));
		assert_true((got.in == NULL) == (form_of(&a) == FORM_N));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_that_carry_ipv4_are_located_as_it),
		cmocka_unit_test(forms_are_ascending_and_those_of_the_rfcs),
		cmocka_unit_test(random_addresses_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
