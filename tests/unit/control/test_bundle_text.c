// SPDX-License-Identifier: Apache-2.0
/* Requests and responses as the two programs that speak them write them. */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "control/bundle_text.h"

static const uint8_t ZONE[] = "\4shop\7example";

static char *contents(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = calloc(1, 65536);

	assert_non_null(f);
	assert_non_null(text);
	assert_true(fread(text, 1, 65535, f) > 0);
	fclose(f);
	return text;
}

static struct bundles *read_file(const char *path)
{
	char *text = contents(path);
	struct bundles *b = NULL;
	struct diag d = { 0 };

	assert_int_equal(bundle_text_read(&b, text, ZONE, path, &d), ERR_OK);
	assert_int_equal(d.n, 0);
	diag_free(&d);
	free(text);
	return b;
}

static void a_request_of_knot_with_brackets_is_read(void **state)
{
	struct bundles *b = read_file("fuzz/seeds/bundle/knot.ksr");

	(void)state;
	assert_int_equal(b->n, 5);
	assert_int_equal(b->all[0]->from, 1795615349);
	assert_int_equal(b->all[0]->set[BUNDLE_DNSKEY].rr_n, 2);
	assert_int_equal(b->all[1]->set[BUNDLE_DNSKEY].rr_n, 3);
	assert_int_equal(b->all[0]->set[BUNDLE_DNSKEY].ttl, 3600);
	bundles_free(b);
}

static void a_response_of_bind_with_dates_in_its_headers_is_read_and_is_good(void **state)
{
	struct bundles *b = read_file("fuzz/seeds/bundle/bind.skr");
	struct bundle_judge j = {
		.zone = ZONE, .algorithm = 13, .now = 1768000000, .forced = true
	};

	(void)state;
	assert_int_equal(b->n, 2);
	assert_int_equal(b->all[0]->from, 1768000000);
	assert_int_equal(b->all[0]->set[BUNDLE_CDS].rr_n, 1);
	assert_int_equal(b->all[0]->expires_at, 1768000000 + 14 * 86400);
	assert_int_equal(bundles_judge(b, &j).fault, BUNDLE_GOOD);
	assert_int_equal(bundles_end(b, 1768000000), 1768000000 + 21 * 86400);
	assert_int_equal(bundles_end(b, 1768000000 + 30 * 86400), 0);
	bundles_free(b);
}

static void a_set_without_headers_begins_when_its_signature_does(void **state)
{
	struct bundles *b = read_file("fuzz/seeds/bundle/plain");

	(void)state;
	assert_int_equal(b->n, 1);
	assert_int_equal(b->all[0]->from, 1768000000 - 3600);
	bundles_free(b);
}

static void findings_name_the_line(void **state)
{
	static const struct {
		const char *says, *text, *found;
	} ROWS[] = {
		{ "a record that is none", ";; SignedKeyResponse 1.0 5\nshop.example. DNSKEY x\n",
		  "file:2: " },
		{ "another owner", "\n\nexample. 60 IN CDS 1 13 2 00\n", "file:3: " },
		{ "a record that begins a line before",
		  "shop.example. 60 IN DNSKEY ( 256\n 3 13 )\n", "file:1: " },
		{ "brackets in brackets", "shop.example. (( 60\n", "file:1: " },
		{ "records behind the end",
		  ";; SignedKeyResponse 1.0 5\n;; SignedKeyResponse 1.0 generated at x\n"
		  "shop.example. 60 IN DNSKEY 256 3 13 AAAA\n",
		  "file:3: " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct bundles *b = NULL;
		struct diag d = { 0 };
		assert_int_not_equal(bundle_text_read(&b, ROWS[i].text, ZONE, "file", &d), ERR_OK);
		assert_int_equal(d.n, 1);
		if (strncmp(d.findings[0].line, ROWS[i].found, strlen(ROWS[i].found)) != 0)
			fail_msg("%s: %s", ROWS[i].says, d.findings[0].line);
		diag_free(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_of_knot_with_brackets_is_read),
		cmocka_unit_test(a_response_of_bind_with_dates_in_its_headers_is_read_and_is_good),
		cmocka_unit_test(a_set_without_headers_begins_when_its_signature_does),
		cmocka_unit_test(findings_name_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
