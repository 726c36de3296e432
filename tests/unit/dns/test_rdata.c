// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include "dns/rdata.h"
#include "dns/rrtype.h"

#define MAX 40

static const struct {
	const char *says;
	uint16_t type;
	uint8_t in[MAX];
	size_t n;
	bool valid;
} ROWS[] = {
	{ "A of 4 octets (RFC 1035 §3.4.1)", TYPE_A, { 1, 2, 3, 4 }, 4, true },
	{ "A of 3 octets", TYPE_A, { 1, 2, 3 }, 3, false },
	{ "A of 5 octets", TYPE_A, { 1, 2, 3, 4, 5 }, 5, false },
	{ "AAAA of 16 octets (RFC 3596 §2.2)", TYPE_AAAA, { 0 }, 16, true },
	{ "MX (RFC 1035 §3.3.9)", TYPE_MX, { 0, 10, 1, 'a', 0 }, 5, true },
	{ "MX with octets behind", TYPE_MX, { 0, 10, 1, 'a', 0, 0 }, 6, false },
	{ "a compressed name in RDATA (RFC 3597 §4)", TYPE_NS, { 0xc0, 0 }, 2, false },
	{ "TXT with an empty string", TYPE_TXT, { 0 }, 1, true },
	{ "TXT with no string (RFC 1035 §3.3.14)", TYPE_TXT, { 0 }, 0, false },
	{ "TXT cut short", TYPE_TXT, { 5, 'a' }, 2, false },
	{ "SOA cut short", TYPE_SOA, { 0, 0, 1, 2, 3 }, 5, false },
	{ "DS of SHA-256 with 31 octets (RFC 4509)", TYPE_DS, { 0, 1, 13, 2 }, 35, false },
	{ "DS of SHA-256 with 32 octets", TYPE_DS, { 0, 1, 13, 2 }, 36, true },
	{ "NSEC bitmap (RFC 4034 §4.1.2)", TYPE_NSEC, { 0, 0, 1, 0x40 }, 4, true },
	{ "NSEC bitmap that ends in zeros", TYPE_NSEC, { 0, 0, 2, 0x40, 0 }, 5, false },
	{ "NSEC windows out of order", TYPE_NSEC, { 0, 1, 1, 0x40, 0, 1, 0x40 }, 7, false },
	{ "HTTPS (RFC 9460 §2.2)", TYPE_HTTPS, { 0, 1, 0, 0, 1, 0, 3, 2, 'h', '2' }, 10, true },
	{ "HTTPS with a key twice", TYPE_HTTPS, { 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0 }, 11, false },
	{ "HTTPS value longer than RDATA", TYPE_HTTPS, { 0, 1, 0, 0, 1, 255, 255 }, 7, false },
	{ "CAA (RFC 8659 §4.1)", TYPE_CAA, { 0, 5, 'i', 's', 's', 'u', 'e', 'x' }, 8, true },
	{ "CAA with a tag of signs", TYPE_CAA, { 0, 1, '-', 'x' }, 4, false },
	{ "IPSECKEY with a name (RFC 4025 §2.5)",
	  TYPE_IPSECKEY,
	  { 1, 3, 2, 1, 'a', 0, 9 },
	  7,
	  true },
	{ "IPSECKEY with an unknown gateway", TYPE_IPSECKEY, { 1, 9, 2, 1 }, 4, false },
	{ "DSYNC (RFC 9859 §2.1)", TYPE_DSYNC, { 0, 59, 1, 0, 53, 1, 'a', 0 }, 8, true },
	{ "an unknown type (RFC 3597)", 65280, { 1, 2, 3 }, 3, true },
};

static void rdata_is_judged_by_the_shape_of_its_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		uint8_t *in = exact_copy(ROWS[i].in, ROWS[i].n);
		bool got = rdata_is_valid(ROWS[i].type, (struct span){ in, ROWS[i].n });
		free(in);
		if (got != ROWS[i].valid)
			fail_msg("%s", ROWS[i].says);
	}
}

static void canonical_form_lower_cases_where_the_rfc_says(void **state)
{
	static const struct {
		uint16_t type;
		uint8_t in[8], out[8];
		size_t n;
	} FORMS[] = {
		{ TYPE_NS, { 1, 'A', 0 }, { 1, 'a', 0 }, 3 },
		{ TYPE_SRV, { 0, 0, 0, 0, 0, 0, 0 }, { 0, 0, 0, 0, 0, 0, 0 }, 7 },
		{ TYPE_NSEC, { 1, 'A', 0 }, { 1, 'A', 0 }, 3 }, /* RFC 6840 §5.1 */
		{ TYPE_HTTPS,
		  { 0, 1, 1, 'A', 0 },
		  { 0, 1, 1, 'A', 0 },
		  5 }, /* not in the list of RFC 4034 §6.2 */
		{ TYPE_TXT, { 1, 'A' }, { 1, 'A' }, 2 },
	};
	uint8_t out[8];

	(void)state;
	for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++) {
		rdata_canonicalize(FORMS[i].type, (struct span){ FORMS[i].in, FORMS[i].n }, out);
		assert_memory_equal(out, FORMS[i].out, FORMS[i].n);
	}
}

static void bitmaps_have_windows(void **state)
{
	static const uint16_t TYPES[] = { 1, 15, 46, 47, 1234 };
	static const uint8_t WANT[] = { 0, 6, 0x40, 1, 0, 0, 0, 3, 4, 27, [10 + 26] = 0x20 };
	uint8_t out[64];

	(void)state; /* the example of RFC 4034 §4.3 */
	assert_int_equal(rdata_write_bitmap(TYPES, 5, out, sizeof out), 37);
	assert_memory_equal(out, WANT, 37);
	assert_int_equal(rdata_write_bitmap(TYPES, 5, out, 36), 0);
}

static void types_that_the_library_does_not_know_are_read_from_text(void **state)
{
	static const uint8_t ORIGIN[] = "\7example";
	static const struct {
		uint16_t type;
		const char *text;
		enum err want;
		uint8_t out[20];
		size_t n;
	} TEXTS[] = {
		{ TYPE_DSYNC,
		  "CDS NOTIFY 5359 scan",
		  ERR_OK,
		  { 0, 59, 1, 0x14, 0xef, 4, 's', 'c', 'a', 'n', 7, 'e', 'x', 'a', 'm', 'p', 'l',
		    'e', 0 },
		  19 },
		{ TYPE_DSYNC, "CDS 7 53 .", ERR_OK, { 0, 59, 7, 0, 53, 0 }, 6 },
		{ TYPE_DSYNC, "CDS NOTIFY 70000 .", ERR_SYNTAX, { 0 }, 0 },
		{ TYPE_DSYNC, "CDS NOTIFY 53", ERR_SYNTAX, { 0 }, 0 },
		{ TYPE_WALLET, "BTC \"a b\"", ERR_OK, { 3, 'B', 'T', 'C', 3, 'a', ' ', 'b' }, 8 },
		{ TYPE_WALLET, "a\\", ERR_SYNTAX, { 0 }, 0 },
		{ TYPE_HHIT, "AQID", ERR_OK, { 1, 2, 3 }, 3 },
		{ 65280, "\\# 2 abcd", ERR_OK, { 0xab, 0xcd }, 2 },
		{ 65280, "\\# 3 abcd", ERR_SYNTAX, { 0 }, 0 },
		{ TYPE_A, "\\# 4 01020304", ERR_OK, { 1, 2, 3, 4 }, 4 },
		{ TYPE_A, "\\# 3 010203", ERR_SYNTAX, { 0 }, 0 },
		{ TYPE_MX, "10 mail", ERR_UNSUPPORTED, { 0 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
		uint8_t out[64];
		size_t n = 0;
		assert_int_equal(
		    rdata_from_own_text(TEXTS[i].type, TEXTS[i].text, ORIGIN, out, sizeof out, &n),
		    TEXTS[i].want);
		assert_int_equal(n, TEXTS[i].n);
		assert_memory_equal(out, TEXTS[i].out, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rdata_is_judged_by_the_shape_of_its_type),
		cmocka_unit_test(canonical_form_lower_cases_where_the_rfc_says),
		cmocka_unit_test(bitmaps_have_windows),
		cmocka_unit_test(types_that_the_library_does_not_know_are_read_from_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
