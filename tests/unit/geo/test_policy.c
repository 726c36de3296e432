// SPDX-License-Identifier: Apache-2.0
/* What policy_check() refuses, one row for each reason: the place and the words of the finding. */
#include "policy_text.h"

#include <stdio.h>

#define HEAD "values 192.0.2.1\n"
#define US   "pool us = 198.51.100.1\n"
#define EU   "pool eu = 192.0.2.10\n"
#define REST "rule -> us\n"

static const struct {
	const char *says, *text;
	const char *where, *what, *hint; /* hint NULL: none is given */
} BROKEN[] = {
	{ "a type that cannot be steered", "type MX\n" HEAD US REST, "1:1",
	  "only A, AAAA and CNAME records can be steered", NULL },
	{ "no default values", US REST, "1:1", "missing default values",
	  "they answer when no pool has a usable value" },
	{ "a default value twice", "values 192.0.2.1 192.0.2.1\n" US REST, "1:18",
	  "the value '192.0.2.1' is given twice", NULL },
	{ "a CNAME with two default values",
	  "type CNAME\nvalues a.example. b.example.\npool us = c.example.\n" REST, "2:19",
	  "a CNAME has one value", NULL },
	{ "no pools", HEAD "rule -> us\n", "1:1", "missing pools", NULL },
	{ "a pool without values", HEAD "pool us =\n" REST, "2:6", "pool 'us' is missing values",
	  NULL },
	{ "weight 0", HEAD "pool us = 198.51.100.1*0 198.51.100.2\n" REST, "2:11",
	  "invalid weight 0 of '198.51.100.1' in pool 'us'",
	  "use `status: down` to take a value out" },
	{ "weight 101", HEAD "pool us = 198.51.100.1 198.51.100.2*101\n" REST, "2:24",
	  "invalid weight 101 of '198.51.100.2' in pool 'us' (1 to 100)", NULL },
	{ "a single value with a weight", HEAD "pool us = 198.51.100.1*2\n" REST, "2:11",
	  "pool 'us' has a single value, whose weight must be 1", NULL },
	{ "a value twice in a pool", HEAD "pool us = 198.51.100.1 198.51.100.1\n" REST, "2:24",
	  "the value '198.51.100.1' stands twice in pool 'us'",
	  "give it once, with the sum of the weights" },
	{ "a value twice in a pool with two weights",
	  HEAD "pool us = 198.51.100.1*2 198.51.100.1*3\n" REST, "2:26",
	  "stands twice in pool 'us'", "give it once, with the sum of the weights" },
	{ "an undefined fallback", HEAD "pool us > uss = 198.51.100.1\n" REST, "2:11",
	  "undefined pool 'uss'", "did you mean 'us'?" },
	{ "an undefined fallback that is like none",
	  HEAD "pool us > elsewhere = 198.51.100.1\n" REST, "2:11", "undefined pool 'elsewhere'",
	  NULL },
	{ "a pool that falls back to itself", HEAD "pool us > us = 198.51.100.1\n" REST, "2:11",
	  "loop in pool fallbacks: us -> us", NULL },
	{ "a loop of three",
	  HEAD "pool us > b = 198.51.100.1\npool a > us = 198.51.100.2\npool b > a = "
	       "198.51.100.3\n" REST,
	  "2:11", "loop in pool fallbacks: us -> b -> a -> us", NULL },
	{ "a chain that runs into a loop",
	  HEAD
	  "pool us > a = 198.51.100.1\npool a > b = 198.51.100.2\npool b > a = 198.51.100.3\n" REST,
	  "3:10", "loop in pool fallbacks: a -> b -> a", NULL },
	{ "an unused pool", HEAD EU US REST, "2:6", "unused pool 'eu'", NULL },
	{ "no rules", HEAD US, "1:1", "the last rule must be a catch-all",
	  "add `- pool: NAME` as the last rule" },
	{ "no catch-all", HEAD US "rule EU -> us\n", "3:1", "the last rule must be a catch-all",
	  "add `- pool: NAME` as the last rule" },
	{ "two catch-alls", HEAD US "rule -> us\n" REST, "3:1",
	  "rule 1 has neither geos nor subnets, but is not the last one", "move it to the end" },
	{ "a rule without its pool", HEAD US "rule EU ->\n" REST, "3:1",
	  "rule 1 is missing its pool", NULL },
	{ "an undefined pool in a rule", HEAD US "rule EU -> eu-west\n" REST, "3:12",
	  "undefined pool 'eu-west'", NULL },
	{ "an undefined pool like one there is",
	  HEAD "pool europe = 192.0.2.10\n" US "rule EU -> eurpoe\n" REST, "4:12",
	  "undefined pool 'eurpoe'", "did you mean 'europe'?" },
	{ "a pool as the target of two rules", HEAD EU US "rule EU -> eu\nrule AS -> eu\n" REST,
	  "5:12", "pool 'eu' is the target of rule 1 already",
	  "join the two rules, or add a pool" },
	{ "geos before subnets",
	  HEAD EU US "pool as = 192.0.2.20\nrule EU -> eu\nrule 10.0.0.0/8 -> as\n" REST, "6:1",
	  "rule 2 has subnets only and must stand before those with geos only",
	  "order: subnets only, subnets and geos, geos only, catch-all" },
	{ "geos before both",
	  HEAD EU US "pool as = 192.0.2.20\nrule EU -> eu\nrule AS 10.0.0.0/8 -> as\n" REST, "6:1",
	  "rule 2 has subnets and geos and must stand before those with geos only",
	  "order: subnets only, subnets and geos, geos only, catch-all" },
	{ "both before subnets",
	  HEAD EU US "pool as = 192.0.2.20\nrule AS 10.0.0.0/8 -> as\nrule 11.0.0.0/8 -> eu\n" REST,
	  "6:1", "rule 2 has subnets only and must stand before those with subnets and geos",
	  "order: subnets only, subnets and geos, geos only, catch-all" },
	{ "an unknown continent", HEAD EU US "rule XX -> eu\n" REST, "4:6", "unknown geo code 'XX'",
	  NULL },
	{ "a country without its continent", HEAD EU US "rule DE -> eu\n" REST, "4:6",
	  "unknown geo code 'DE'", "did you mean 'EU-DE'?" },
	{ "a country under another continent", HEAD EU US "rule AS-DE -> eu\n" REST, "4:6",
	  "unknown geo code 'AS-DE'", "did you mean 'EU-DE'?" },
	{ "small letters", HEAD EU US "rule eu-de -> eu\n" REST, "4:6", "unknown geo code 'eu-de'",
	  "did you mean 'EU-DE'?" },
	{ "UK for the United Kingdom", HEAD EU US "rule EU-UK -> eu\n" REST, "4:6",
	  "unknown geo code 'EU-UK'", "did you mean 'EU-GB'?" },
	{ "a state without its continent", HEAD EU US "rule US-KY -> eu\n" REST, "4:6",
	  "unknown geo code 'US-KY'", "did you mean 'NA-US-KY'?" },
	{ "a subdivision that none can be", HEAD EU US "rule EU-DE-BAYERN -> eu\n" REST, "4:6",
	  "unknown geo code 'EU-DE-BAYERN'", NULL },
	{ "a geo twice in one rule", HEAD EU US "rule EU EU -> eu\n" REST, "4:9",
	  "geo 'EU' is in 'EU' of the same rule", NULL },
	{ "a geo and a larger one in one rule", HEAD EU US "rule EU EU-DE -> eu\n" REST, "4:9",
	  "geo 'EU-DE' is in 'EU' of the same rule", NULL },
	{ "a geo and a larger one behind it in one rule", HEAD EU US "rule EU-DE EU -> eu\n" REST,
	  "4:6", "geo 'EU-DE' is in 'EU' of the same rule", NULL },
	{ "a geo of an earlier rule",
	  HEAD EU US "pool as = 192.0.2.20\nrule AS EU -> eu\nrule EU -> as\n" REST, "6:6",
	  "geo 'EU' is in 'EU' of rule 1, which comes before", NULL },
	{ "a geo in one of an earlier rule",
	  HEAD EU US "pool ky = 192.0.2.20\nrule NA-US -> eu\nrule NA-US-KY -> ky\n" REST, "6:6",
	  "geo 'NA-US-KY' is in 'NA-US' of rule 1, which comes before",
	  "put the more specific rule first" },
	{ "a subnet twice in one rule", HEAD EU US "rule 10.0.0.0/8 10.0.0.0/8 -> eu\n" REST,
	  "4:17", "subnet '10.0.0.0/8' is in '10.0.0.0/8' of the same rule", NULL },
	{ "a subnet and a larger one in one rule",
	  HEAD EU US "rule 10.1.0.0/16 10.0.0.0/8 -> eu\n" REST, "4:6",
	  "subnet '10.1.0.0/16' is in '10.0.0.0/8' of the same rule", NULL },
	{ "a subnet of an earlier rule",
	  HEAD EU US
	  "pool as = 192.0.2.20\nrule 2001:db8::/32 -> eu\nrule 2001:db8::/32 -> as\n" REST,
	  "6:6", "subnet '2001:db8::/32' is in '2001:db8::/32' of rule 1, which comes before",
	  NULL },
	{ "a subnet in one of an earlier rule",
	  HEAD EU US "pool as = 192.0.2.20\nrule 10.0.0.0/8 -> eu\nrule 10.1.0.0/16 -> as\n" REST,
	  "6:6", "subnet '10.1.0.0/16' is in '10.0.0.0/8' of rule 1, which comes before",
	  "put the more specific rule first" },
	{ "a subnet of IPv4-mapped addresses", HEAD EU US "rule ::ffff:10.0.0.0/104 -> eu\n" REST,
	  "4:6",
	  "subnet '::ffff:10.0.0.0/104' is of IPv4-mapped addresses, which are located as their "
	  "IPv4",
	  "write it as an IPv4 subnet" },
	{ "all of Teredo", HEAD EU US "rule 2001::/32 -> eu\n" REST, "4:6",
	  "subnet '2001::/32' is of Teredo addresses, which are located as their IPv4",
	  "write it as an IPv4 subnet" },
};

static void check_row(size_t i)
{
	struct policy_text t = policy_text(BROKEN[i].text);
	struct diag d = { 0 };
	char expected[200];

	enum err e = policy_check(&t.policy, &d);
	snprintf(expected, sizeof expected, "policy.yaml:%s: error: ", BROKEN[i].where);
	if (e != ERR_INVALID || d.n == 0)
		fail_msg("%s: not refused", BROKEN[i].says);
	bool found = false;
	for (size_t k = 0; k < d.n; k++) {
		const char *text = d.findings[k].text;
		if (strncmp(text, expected, strlen(expected)) != 0 ||
		    strstr(text, BROKEN[i].what) == NULL)
			continue;
		found = true;
		if ((strstr(text, "hint: ") != NULL) != (BROKEN[i].hint != NULL) ||
		    (BROKEN[i].hint != NULL && strstr(text, BROKEN[i].hint) == NULL))
			fail_msg("%s: another hint:\n%s", BROKEN[i].says, text);
	}
	if (!found)
		fail_msg("%s: expected %s%s, got:\n%s", BROKEN[i].says, expected, BROKEN[i].what,
			 d.findings[0].text);
	diag_free(&d);
	policy_text_free(&t);
}

static void refuses_each_broken_policy_at_its_place_with_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof BROKEN / sizeof *BROKEN; i++)
		check_row(i);
}

static void shows_the_line_with_a_caret(void **state)
{
	struct policy_text t = policy_text(HEAD EU US "rule EU DE -> eu\n" REST);
	struct diag d = { 0 };

	(void)state;
	assert_int_equal(policy_check(&t.policy, &d), ERR_INVALID);
	assert_int_equal(d.n, 1);
	assert_string_equal(d.findings[0].text, "policy.yaml:4:9: error: unknown geo code 'DE'\n"
						"rule EU DE -> eu\n"
						"        ^\n"
						"hint: did you mean 'EU-DE'?");
	diag_free(&d);
	policy_text_free(&t);
}

static size_t errors_of(const char *text)
{
	struct policy_text t = policy_text(text);
	struct diag d = { 0 };

	enum err e = policy_check(&t.policy, &d);
	if (d.n > 0 && e == ERR_OK)
		fail_msg("a finding, but no error:\n%s", d.findings[0].text);
	size_t n = d.error_n;
	diag_free(&d);
	policy_text_free(&t);
	return n;
}

static const struct {
	const char *says, *text;
} GOOD[] = {
	{ "the smallest policy", HEAD US REST },
	{ "several default values", "values 192.0.2.1 192.0.2.2\n" US REST },
	{ "the catch-all reusing a pool", HEAD US "rule EU -> us\n" REST },
	{ "a pool that is only a fallback", HEAD "pool us > eu = 198.51.100.1\n" EU REST },
	{ "a fallback shared by two pools",
	  HEAD "pool us > c = 198.51.100.1\npool eu > c = 192.0.2.10\npool c = 192.0.2.30\nrule EU "
	       "-> eu\n" REST },
	{ "weights 1 and 100", HEAD "pool us = 198.51.100.1*1 198.51.100.2*100\n" REST },
	{ "a value in two pools", HEAD "pool eu = 198.51.100.1\n" US "rule EU -> eu\n" REST },
	{ "a default value in a pool", HEAD "pool us = 192.0.2.1\n" REST },
	{ "a pool whose values are all down", HEAD "pool us = 198.51.100.1-\n" REST },
	{ "all kinds of rules in order",
	  HEAD EU US "pool a = 192.0.2.20\npool b = 192.0.2.30\nrule 10.0.0.0/8 -> a\n"
		     "rule 2001:db8::/32 AS -> b\nrule EU -> eu\n" REST },
	{ "the more specific rule first, by subnet and by geo", HEAD EU US
	  "pool a = 192.0.2.20\npool b = 192.0.2.30\nrule 10.1.0.0/16 -> a\n"
	  "rule 10.0.0.0/8 -> b\nrule NA-US-KY EU-DE -> eu\nrule NA-US EU -> us\n" REST },
	{ "0.0.0.0/0 and ::/0", HEAD EU US "rule 0.0.0.0/0 ::/0 -> eu\n" REST },
	{ "AAAA", "type AAAA\nvalues 2001:db8::1\npool us = 2001:db8::2 2001:db8::3*4\n" REST },
	{ "CNAME", "type CNAME\nvalues a.example.\npool us = b.example. c.example.*4\n" REST },
};

static void accepts_what_octodns_accepts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++)
		if (errors_of(GOOD[i].text) != 0)
			fail_msg("%s: refused", GOOD[i].says);
}

static void reports_a_loop_once(void **state)
{
	(void)state;
	assert_int_equal(errors_of(HEAD "pool us > b = 198.51.100.1\npool a > us = 198.51.100.2\n"
					"pool b > a = 198.51.100.3\n" REST),
			 1);
}

static void reports_all_errors_of_a_policy_at_once(void **state)
{
	(void)state;
	assert_int_equal(errors_of("pool us = 198.51.100.1*0\npool eu > gone = 192.0.2.10\n"
				   "rule XX -> eu\nrule EU -> us\n"),
			 6);
}

static void refuses_more_values_pools_or_rules_than_the_limit(void **state)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	(void)state;
	fputs(HEAD "pool us =", f);
	for (unsigned i = 0; i <= POLICY_VALUES_MAX; i++)
		fprintf(f, " 10.0.%u.%u", i / 256, i % 256);
	fputs("\n" REST, f);
	fclose(f);
	assert_int_equal(errors_of(text), 1);
	free(text);

	f = open_memstream(&text, &n);
	fputs(HEAD, f);
	for (unsigned i = 0; i <= POLICY_POOLS_MAX; i++)
		fprintf(f, "pool p%u = 192.0.2.9\n", i);
	for (unsigned i = 0; i <= POLICY_RULES_MAX; i++)
		fprintf(f, "rule 10.0.%u.%u/32 -> p%u\n", i / 256, i % 256, i);
	fclose(f);
	assert_int_equal(errors_of(text), 2);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_each_broken_policy_at_its_place_with_a_reason),
		cmocka_unit_test(shows_the_line_with_a_caret),
		cmocka_unit_test(accepts_what_octodns_accepts),
		cmocka_unit_test(reports_a_loop_once),
		cmocka_unit_test(reports_all_errors_of_a_policy_at_once),
		cmocka_unit_test(refuses_more_values_pools_or_rules_than_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
