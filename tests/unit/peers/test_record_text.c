// SPDX-License-Identifier: Apache-2.0
#include "peers/record_text.h"

#include "check.h"
#include "dns/rrtype.h"

#define KEY                                                                                        \
	"256 3 13 oJMRESz5E4gYzS/q6XDrvU1qMPYIjCWzJaOau8XNEZeqCYKD5ar0IRd8KqXXFJkqmVfRvMGPmM1x8fG" \
	"Aa2XhSA=="
#define DIGEST "abababababababababababababababababababababababababababababababab"

static const struct {
	const char *says;
	uint16_t type;
	const char *text;
} GOOD[] = {
	{ "a key", TYPE_DNSKEY, KEY },
	{ "a key for the parent", TYPE_CDNSKEY, KEY },
	{ "a request to delete (RFC 8078 §4)", TYPE_CDNSKEY, "0 3 0 AA==" },
	{ "a digest", TYPE_CDS, "12345 13 2 " DIGEST },
	{ "a request to delete (RFC 8078 §4)", TYPE_CDS, "0 0 0 00" },
	{ "a name", TYPE_NS, "ns1.example." },
	{ "an escaped name", TYPE_NS, "n\\.s\\000.example." },
	{ "types of one window", TYPE_CSYNC, "0 1 A NS AAAA" },
	{ "types of many windows", TYPE_CSYNC, "4294967295 3 A CAA TYPE65280" },
	{ "no type", TYPE_CSYNC, "7 0" },
};

static void what_is_written_is_read_as_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) {
		uint8_t rdata[RECORD_RDATA_MAX];
		char text[RECORD_TEXT_MAX];
		size_t n = 0;
		if (record_from_text(GOOD[i].type, GOOD[i].text, rdata, &n))
			fail_msg("%s is not read: %s", GOOD[i].says, GOOD[i].text);
		uint8_t *copy = exact_copy(rdata, n);
		assert_true(record_to_text(GOOD[i].type, (struct span){ copy, n }, text));
		assert_string_equal(text, GOOD[i].text);
		free(copy);
	}
}

static const struct {
	uint16_t type;
	const char *text;
} BAD[] = {
	{ TYPE_DNSKEY, "" },
	{ TYPE_DNSKEY, "256 3 13 ####" },
	{ TYPE_CDS, "12345 13" },
	{ TYPE_CDS, "65536 13 2 " DIGEST },
	{ TYPE_CDS, "12345 256 2 " DIGEST },
	{ TYPE_CDS, "12345 13 2 abc" },
	{ TYPE_CDS, "12345 13 2 zz" },
	{ TYPE_CDS, "-1 13 2 " DIGEST },
	{ TYPE_NS, "a..b." },
	{ TYPE_CSYNC, "0" },
	{ TYPE_CSYNC, "0 1 NOTYPE" },
	{ TYPE_CSYNC, "4294967296 1 A" },
	{ TYPE_CSYNC, "0 1 A A A A A A A A A A A A A A A A A A A A A A A A A A A A A A A A A" },
	{ TYPE_A, "192.0.2.1" },
};

static void what_is_not_rdata_of_its_type_is_refused(void **state)
{
	uint8_t rdata[RECORD_RDATA_MAX];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
		if (record_from_text(BAD[i].type, BAD[i].text, rdata, &n) != ERR_SYNTAX)
			fail_msg("taken: %s", BAD[i].text);
}

static void a_long_digest_does_not_leave_its_room(void **state)
{
	char text[3 * RECORD_RDATA_MAX] = "1 13 2 ";
	uint8_t rdata[RECORD_RDATA_MAX];
	size_t n;

	(void)state;
	memset(text + 7, 'a', 2 * RECORD_RDATA_MAX);
	assert_int_equal(record_from_text(TYPE_CDS, text, rdata, &n), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_as_the_same),
		cmocka_unit_test(what_is_not_rdata_of_its_type_is_refused),
		cmocka_unit_test(a_long_digest_does_not_leave_its_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
