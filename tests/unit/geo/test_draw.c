// SPDX-License-Identifier: Apache-2.0
/* The draw against docs/steering.md: golden values, made by another implementation of the text
 * there. */
#include "policy_text.h"

#include "geo/draw.h"
#include "geo/steer.h"

static void takes_the_logarithm_as_the_document_says(void **state)
{
	static const struct {
		uint64_t h;
		uint32_t cost;
	} ROWS[] = {
		{ 0, 1073741824 },
		{ 1, 1073741824 },
		{ 2, 1056964608 },
		{ 3, 1047150566 },
		{ 0x0123456789abcdef, 131093495 },
		{ 0x4000000000000000, 33554432 },
		{ 0x8000000000000000, 16777216 },
		{ 0xb504f333f9de6484, 8388609 },
		{ 0xc000000000000000, 6963174 },
		{ 0xfffffffffffffffe, 1 },
		{ 0xffffffffffffffff, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
		assert_int_equal(draw_cost(ROWS[i].h), ROWS[i].cost);
}

static void never_gives_a_greater_cost_to_a_greater_hash(void **state)
{
	struct lottery l = { 77 };

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint64_t a = lottery_next(&l) >> lottery_below(&l, 64);
		uint64_t b = a + (lottery_next(&l) >> lottery_below(&l, 64));
		if (b >= a && draw_cost(a) < draw_cost(b))
			fail_msg("cost(%llx) < cost(%llx)", (unsigned long long)a,
				 (unsigned long long)b);
	}
}

static void derives_the_key_from_the_seed(void **state)
{
	struct siphash_key key = draw_key("example.com.");

	(void)state;
	assert_int_equal(key.k0, 0x638f24173344df06);
	assert_int_equal(key.k1, 0x59bfb1b16e72d1b4);
}

/* The steps of the example in the document: message, hash and cost of both values. */
static void gives_the_example_of_the_document(void **state)
{
	static const struct {
		uint8_t last;
		uint64_t h;
		uint32_t cost;
	} ROWS[] = {
		{ 10, 0xd1e498b0eb54d7ba, 4806506 },
		{ 11, 0xedb7218f30574345, 1793631 },
	};
	uint8_t message[] = "\3www\7example\3com\0\0\1\4\306\63\145\313\0\161";
	struct siphash_key key = draw_key("example.com.");

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		message[sizeof message - 1] = ROWS[i].last;
		uint64_t h = siphash(&key, message, sizeof message);
		assert_int_equal(h, ROWS[i].h);
		assert_int_equal(draw_cost(h), ROWS[i].cost);
	}
	assert_true(draw_less(4806506, 3, 1793631, 1));
}

static const struct {
	const char *says, *policy, *client, *value;
} CHOICES[] = {
	{ "the example of the document",
	  "values 192.0.2.80\npool p = 203.0.113.10*3 203.0.113.11\nrule -> p\n", "198.51.101.77",
	  "203.0.113.10" },
	{ "the lighter value, for another client",
	  "values 192.0.2.80\npool p = 203.0.113.10*3 203.0.113.11\nrule -> p\n", "198.51.102.77",
	  "203.0.113.11" },
	{ "the first of its /24",
	  "values 192.0.2.80\npool p = 203.0.113.10*3 203.0.113.11\nrule -> p\n", "198.51.102.0",
	  "203.0.113.11" },
	{ "an IPv4-mapped client",
	  "values 192.0.2.80\npool p = 203.0.113.10*3 203.0.113.11\nrule -> p\n",
	  "::ffff:198.51.102.77", "203.0.113.11" },
	{ "a /56",
	  "type AAAA\nvalues 2001:db8::1\npool p = 2001:db8:a::1 2001:db8:a::2\nrule -> p\n",
	  "2001:db8:1:2300::1", "2001:db8:a::2" },
	{ "the last of that /56",
	  "type AAAA\nvalues 2001:db8::1\npool p = 2001:db8:a::1 2001:db8:a::2\nrule -> p\n",
	  "2001:db8:1:23ff:ffff:ffff:ffff:ffff", "2001:db8:a::2" },
	{ "names in canonical form",
	  "type CNAME\nvalues d.example.net.\n"
	  "pool p = One.example.net. two.example.net.*2 three.example.net.*3\nrule -> p\n",
	  "192.0.15.1", "One.example.net." },
};

static void chooses_what_the_document_says(void **state)
{
	static const uint8_t OWNER[] = "\3wWw\7example\3COM";
	struct steer_options options = { .seed = "example.com." };

	(void)state;
	for (size_t i = 0; i < sizeof CHOICES / sizeof *CHOICES; i++) {
		struct policy_text t = policy_text(CHOICES[i].policy);
		t.policy.owner = OWNER;
		const struct policy *policies[] = { &t.policy };
		struct steer_set *s = NULL;
		struct steer_trace trace;
		struct ip_addr a;
		assert_int_equal(steer_compile(&s, policies, 1, NULL, &options), ERR_OK);
		assert_true(ip_from_text(CHOICES[i].client, &a));
		steer_choose(s, 0, &a, &trace);
		if (strcmp(trace.value, CHOICES[i].value) != 0)
			fail_msg("%s: %s instead of %s", CHOICES[i].says, trace.value,
				 CHOICES[i].value);
		steer_free(s);
		policy_text_free(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_logarithm_as_the_document_says),
		cmocka_unit_test(never_gives_a_greater_cost_to_a_greater_hash),
		cmocka_unit_test(derives_the_key_from_the_seed),
		cmocka_unit_test(gives_the_example_of_the_document),
		cmocka_unit_test(chooses_what_the_document_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
