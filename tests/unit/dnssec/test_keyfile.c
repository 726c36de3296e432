// SPDX-License-Identifier: Apache-2.0
/* Key files of other makers. */
#include "check.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dnssec/key.h"

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

/* BIND leaves leading zeroes of the number out. The scalar 1 has the generator of P-256 as its
 * public key (FIPS 186-4 D.1.2.3). */
static void test_a_bind_key_without_leading_zeroes_is_read(void **state)
{
	static const uint8_t ZONE[] = "\7example";
	char dir[] = "/tmp/concord-test-XXXXXX", private[64], public[64];
	struct diag d = { 0 };
	struct key *k = NULL;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(private, sizeof private, "%s/K.private", dir);
	snprintf(public, sizeof public, "%s/K.key", dir);
	write_file(private,
		   "Private-key-format: v1.3\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: AQ==\n");
	write_file(public, "example. IN DNSKEY 256 3 13 "
			   "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/"
			   "m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n");
	assert_int_equal(key_read(&k, private, ZONE, NULL, &d), ERR_OK);
	key_free(k);
	write_file(private,
		   "Private-key-format: v1.3\nAlgorithm: 15 (ED25519)\nPrivateKey: AQ==\n");
	assert_int_equal(key_read(&k, private, ZONE, NULL, &d), ERR_SYNTAX);
	diag_free(&d);
	unlink(private);
	unlink(public);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_bind_key_without_leading_zeroes_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
