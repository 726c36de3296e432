// SPDX-License-Identifier: Apache-2.0
/* Key files of other makers. */
#include "check.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dnssec/algorithm.h"
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

/* The lines of a .private file, without the times that BIND adds. */
static void assert_same_numbers(const char *ours, const char *theirs)
{
	char a[1000], b[1000];
	FILE *f = fopen(ours, "r"), *g = fopen(theirs, "r");

	assert_non_null(f);
	assert_non_null(g);
	while (fgets(b, sizeof b, g) != NULL && strncmp(b, "Created", 7) != 0) {
		assert_non_null(fgets(a, sizeof a, f));
		assert_string_equal(a, b);
	}
	assert_null(fgets(a, sizeof a, f));
	fclose(f);
	fclose(g);
}

static void keys_of_each_algorithm_made_by_bind_are_read_and_written_alike(void **state)
{
	static const struct {
		const char *name;
		uint8_t algorithm;
		uint16_t tag;
	} ROWS[] = {
		{ "Kexample.+008+20030", 8, 20030 },  { "Kexample.+010+54322", 10, 54322 },
		{ "Kexample.+013+08495", 13, 8495 },  { "Kexample.+014+65253", 14, 65253 },
		{ "Kexample.+015+42675", 15, 42675 }, { "Kexample.+016+41848", 16, 41848 },
	};
	static const uint8_t ZONE[] = "\7example";

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		char dir[] = "/tmp/concord-test-XXXXXX", path[100], *written = NULL;
		struct diag d = { 0 };
		struct key *k = NULL, *again = NULL;
		assert_non_null(mkdtemp(dir));
		snprintf(path, sizeof path, "unit/dnssec/data/%s.private", ROWS[i].name);
		assert_int_equal(chmod(path, 0600), 0); /* a checkout knows no 0600 */
		assert_int_equal(key_read(&k, path, ZONE, NULL, &d), ERR_OK);
		assert_int_equal(key_dnskey(k)->algorithm, ROWS[i].algorithm);
		assert_int_equal(key_dnskey(k)->tag, ROWS[i].tag);
		assert_int_equal(key_dnskey(k)->flags, 257);
		assert_true(dnskey_is_wellformed(key_dnskey(k)));
		assert_int_equal(key_write(k, dir, ZONE, NULL, &written), ERR_OK);
		assert_same_numbers(written, path);
		assert_int_equal(key_read(&again, written, ZONE, NULL, &d), ERR_OK);
		assert_memory_equal(key_dnskey(again)->rdata, key_dnskey(k)->rdata,
				    key_dnskey(k)->rdata_len);
		unlink(written);
		strcpy(written + strlen(written) - strlen("private"), "key");
		unlink(written);
		rmdir(dir);
		free(written);
		key_free(k);
		key_free(again);
		diag_free(&d);
	}
}

static void a_private_key_that_is_there_is_never_replaced(void **state)
{
	static const uint8_t ZONE[] = "\7example";
	char dir[] = "/tmp/concord-test-XXXXXX", *written = NULL, text[100];
	struct key *k = NULL;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(key_generate(&k, ALG_ED25519, KEY_ZSK, NULL, 0), ERR_OK);
	assert_int_equal(key_write(k, dir, ZONE, NULL, &written), ERR_OK);
	assert_int_equal(key_write(k, dir, ZONE, NULL, NULL), ERR_OK); /* its own */
	FILE *f = fopen(written, "w");
	fputs("of somebody else", f);
	fclose(f);
	assert_int_equal(key_write(k, dir, ZONE, NULL, NULL), ERR_CONFLICT);
	f = fopen(written, "r");
	assert_non_null(fgets(text, sizeof text, f));
	assert_string_equal(text, "of somebody else");
	fclose(f);
	unlink(written);
	strcpy(written + strlen(written) - strlen("private"), "key");
	unlink(written);
	rmdir(dir);
	free(written);
	key_free(k);
}

static void a_new_key_has_no_tag_that_a_revoked_one_may_have(void **state)
{
	static uint16_t taken[3000]; /* every 22nd tag, and what these may become */

	(void)state;
	for (size_t i = 0; i < 3000; i++)
		taken[i] = (uint16_t)(i * 22);
	for (int i = 0; i < 20; i++) {
		struct key *k = NULL;
		assert_int_equal(key_generate(&k, ALG_ED25519, KEY_KSK, taken, 3000), ERR_OK);
		struct dnskey d = *key_dnskey(k);
		d.rdata[1] |= DNSKEY_REVOKE;
		uint16_t revoked = dnskey_tag((struct span){ d.rdata, d.rdata_len });
		for (size_t t = 0; t < 3000; t++)
			assert_true(taken[t] != d.tag && taken[t] != revoked);
		key_free(k);
	}
}

static void a_damaged_private_key_is_refused_with_a_reason(void **state)
{
	static const struct {
		const char *says, *private;
		enum err want;
	} ROWS[] = {
		{ "another format", "Private-key-format: v2\nAlgorithm: 13\n", ERR_SYNTAX },
		{ "an algorithm that nobody signs with",
		  "Private-key-format: v1.3\nAlgorithm: 5 (RSASHA1)\nModulus: AQAB\n",
		  ERR_UNSUPPORTED },
		{ "RSA without its primes",
		  "Private-key-format: v1.3\nAlgorithm: 8 (RSASHA256)\nModulus: AQAB\n"
		  "PublicExponent: AQAB\nPrivateExponent: AQAB\n",
		  ERR_SYNTAX },
		{ "a scalar of zero",
		  "Private-key-format: v1.3\nAlgorithm: 13 (x)\nPrivateKey: AA==\n", ERR_CRYPTO },
		{ "a scalar beyond the order",
		  "Private-key-format: v1.3\nAlgorithm: 13 (x)\n"
		  "PrivateKey: //////////////////////////////////////////8=\n",
		  ERR_CRYPTO },
		{ "a number too long",
		  "Private-key-format: v1.3\nAlgorithm: 15 (x)\n"
		  "PrivateKey: AAAA//////////////////////////////////////////8=\n",
		  ERR_SYNTAX },
	};
	static const uint8_t ZONE[] = "\7example";
	char dir[] = "/tmp/concord-test-XXXXXX", private[64], public[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(private, sizeof private, "%s/K.private", dir);
	snprintf(public, sizeof public, "%s/K.key", dir);
	write_file(public, "example. IN DNSKEY 256 3 13 AQAB\n");
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct diag d = { 0 };
		struct key *k = NULL;
		write_file(private, ROWS[i].private);
		assert_int_equal(key_read(&k, private, ZONE, NULL, &d), ROWS[i].want);
		assert_null(k);
		assert_int_equal(d.error_n, 1);
		diag_free(&d);
	}
	unlink(private);
	unlink(public);
	rmdir(dir);
}

/* The last one: the heap is the process's. */
static void a_full_secure_heap_stops_new_keys_and_not_signing(void **state)
{
	static const uint8_t DATA[] = "data";
	static struct key *all[2100];
	size_t n = 0;
	bool locked;
	enum err e = ERR_OK;
	uint8_t signature[64];

	(void)state;
	assert_int_equal(key_secure_heap(1u << 16, &locked), ERR_OK);
	while (n < 2100 && (e = key_generate(&all[n], ALG_ED25519, KEY_ZSK, NULL, 0)) == ERR_OK)
		n++;
	assert_int_equal(e, ERR_NOMEM);
	assert_true(n > 1000);
	for (size_t i = 0; i < n; i += 100) {
		size_t len = sizeof signature;
		EVP_MD_CTX *c = EVP_MD_CTX_new();
		assert_int_equal(EVP_DigestSignInit(c, NULL, NULL, NULL, key_pkey(all[i])), 1);
		assert_int_equal(EVP_DigestSign(c, signature, &len, DATA, sizeof DATA), 1);
		EVP_MD_CTX_free(c);
	}
	for (size_t i = 0; i < n; i++)
		key_free(all[i]);
	assert_int_equal(key_generate(&all[0], ALG_ECDSAP256SHA256, KEY_ZSK, NULL, 0), ERR_OK);
	key_free(all[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_each_algorithm_made_by_bind_are_read_and_written_alike),
		cmocka_unit_test(a_private_key_that_is_there_is_never_replaced),
		cmocka_unit_test(a_new_key_has_no_tag_that_a_revoked_one_may_have),
		cmocka_unit_test(a_damaged_private_key_is_refused_with_a_reason),
		cmocka_unit_test(test_a_bind_key_without_leading_zeroes_is_read),
		cmocka_unit_test(a_full_secure_heap_stops_new_keys_and_not_signing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
