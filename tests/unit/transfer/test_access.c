// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include "dns/name.h"
#include "dns/rrtype.h"
#include "transfer/access.h"

static const uint8_t APEX[] = "\7example", KEY[] = "\3key", OTHER[] = "\5other";
static const uint8_t PIN[1][CERTIFICATE_PIN_LEN] = { { 7 } };

static struct access_client client(const char *addr, const uint8_t *key, bool tls)
{
	struct access_client c = { .key = key, .tls = tls };

	assert_true(ip_from_text(addr, &c.addr));
	return c;
}

static void test_all_that_a_rule_names_must_hold(void **state)
{
	struct ip_prefix from[2];
	const uint8_t *keys[] = { KEY };
	struct access_rule by_all = {
		.from = from, .from_n = 2, .keys = keys, .key_n = 1, .tls = true
	};
	struct access_rule by_pin = { .certificates = PIN, .certificate_n = 1 };

	(void)state;
	ip_prefix_from_text("192.0.2.0/24", &from[0], NULL);
	ip_prefix_from_text("2001:db8::/32", &from[1], NULL);
	struct access_client good = client("192.0.2.9", KEY, true), c;
	assert_true(access_rule_permits(&by_all, &good));
	c = client("2001:db8::1", (const uint8_t *)"\3KEY", true);
	assert_true(access_rule_permits(&by_all, &c));
	c = client("192.0.3.9", KEY, true);
	assert_false(access_rule_permits(&by_all, &c));
	c = client("192.0.2.9", OTHER, true);
	assert_false(access_rule_permits(&by_all, &c));
	c = client("192.0.2.9", NULL, true);
	assert_false(access_rule_permits(&by_all, &c));
	c = client("192.0.2.9", KEY, false); /* a rule for TLS is not met over plain TCP */
	assert_false(access_rule_permits(&by_all, &c));
	c = client("192.0.2.9", NULL, true);
	assert_false(access_rule_permits(&by_pin, &c));
	c.certificate = PIN[0];
	assert_true(access_rule_permits(&by_pin, &c));
	c.tls = false;
	assert_false(access_rule_permits(&by_pin, &c));
}

static void test_grants_cover_names_and_types_and_defaults_spare_what_is_dangerous(void **state)
{
	static const uint8_t ACME[] = "\x0f_acme-challenge\7example", DYN[] = "\3dyn\7example",
			     HOST[] = "\4host\3dyn\7example", WWW[] = "\3www\7example";
	const uint8_t *keys[] = { KEY }, *others[] = { OTHER };
	struct update_name names[] = { { ACME, false }, { DYN, true } };
	uint16_t types[] = { TYPE_TXT, TYPE_A };
	struct update_grant grants[] = {
		{ .who = { .keys = keys, .key_n = 1 },
		  .names = names,
		  .name_n = 2,
		  .types = types,
		  .type_n = 2 },
		{ .who = { .keys = others, .key_n = 1 } },
	};
	struct access_client narrow = client("::1", KEY, false), wide = client("::1", OTHER, false),
			     nobody = client("::1", NULL, false);
	static const struct {
		bool wide;
		const uint8_t *name;
		uint16_t type;
		bool want;
	} ROWS[] = {
		{ false, ACME, TYPE_TXT, true },    { false, ACME, TYPE_MX, false },
		{ false, HOST, TYPE_A, true },      { false, DYN, TYPE_A, false },
		{ false, WWW, TYPE_A, false },      { false, ACME, 255, false },
		{ true, WWW, TYPE_MX, true },       { true, APEX, TYPE_SOA, false },
		{ true, APEX, TYPE_NS, false },     { true, WWW, TYPE_NS, true },
		{ true, APEX, TYPE_DNSKEY, false }, { true, WWW, TYPE_NSEC, false },
		{ true, APEX, TYPE_CDS, false },    { true, WWW, 255, true },
		{ true, WWW, TYPE_RRSIG, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
		assert_int_equal(update_permitted(grants, 2, ROWS[i].wide ? &wide : &narrow, APEX,
						  ROWS[i].name, ROWS[i].type),
				 ROWS[i].want);
	assert_false(update_permits_some(grants, 2, &nobody));
	assert_false(update_permitted(grants, 0, &wide, APEX, WWW, TYPE_A));
}

static void test_a_peer_changes_key_records_at_the_apex_and_nothing_else(void **state)
{
	static const uint8_t WWW[] = "\3www\7example";
	const uint8_t *keys[] = { KEY };
	struct update_grant g = { .who = { .keys = keys, .key_n = 1 }, .peer = "p" };
	struct access_client c = client("::1", KEY, false);

	(void)state;
	assert_true(update_permitted(&g, 1, &c, APEX, APEX, TYPE_DNSKEY));
	assert_true(update_permitted(&g, 1, &c, APEX, APEX, TYPE_CDNSKEY));
	assert_false(update_permitted(&g, 1, &c, APEX, APEX, TYPE_TXT));
	assert_false(update_permitted(&g, 1, &c, APEX, WWW, TYPE_DNSKEY));
	assert_ptr_equal(update_peer(&g, 1, &c), &g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_that_a_rule_names_must_hold),
		cmocka_unit_test(
		    test_grants_cover_names_and_types_and_defaults_spare_what_is_dangerous),
		cmocka_unit_test(test_a_peer_changes_key_records_at_the_apex_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
