// SPDX-License-Identifier: Apache-2.0
#define OPENSSL_SUPPRESS_DEPRECATED
#include "check.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>

#include "dnssec/ecdsa_batch.h"

#define KEYS 3

static EVP_PKEY *pkey_of(const char *curve)
{
	EVP_PKEY *p = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);

	assert_non_null(p);
	return p;
}

static bool verifies(EVP_PKEY *pkey, const uint8_t digest[32], const uint8_t signature[64])
{
	EC_KEY *key = EVP_PKEY_get1_EC_KEY(pkey);
	ECDSA_SIG *sig = ECDSA_SIG_new();

	ECDSA_SIG_set0(sig, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL));
	int ok = ECDSA_do_verify(digest, 32, sig, key);
	ECDSA_SIG_free(sig);
	EC_KEY_free(key);
	return ok == 1;
}

/* Several keys in one batch, every size. */
static void each_signature_of_a_batch_verifies_under_its_key_alone(void **state)
{
	struct ecdsa_batch *b = NULL;
	EVP_PKEY *pkey[KEYS];
	struct ecdsa_key *key[KEYS];
	struct lottery l = { 3 };

	(void)state;
	assert_int_equal(ecdsa_batch_new(&b), ERR_OK);
	for (int i = 0; i < KEYS; i++) {
		pkey[i] = pkey_of("P-256");
		key[i] = ecdsa_key_of(pkey[i]);
		assert_non_null(key[i]);
	}
	for (size_t n = 1; n <= ECDSA_BATCH_MAX; n++) {
		struct ecdsa_item item[ECDSA_BATCH_MAX];
		uint8_t out[ECDSA_BATCH_MAX][64];
		for (size_t i = 0; i < n; i++) {
			item[i] = (struct ecdsa_item){ .key = key[i % KEYS], .out = out[i] };
			for (size_t k = 0; k < sizeof item[i].digest; k++)
				item[i].digest[k] = (uint8_t)lottery_next(&l);
		}
		assert_true(ecdsa_batch_sign(b, item, n));
		for (size_t i = 0; i < n; i++) {
			assert_true(verifies(pkey[i % KEYS], item[i].digest, out[i]));
			assert_false(verifies(pkey[(i + 1) % KEYS], item[i].digest, out[i]));
		}
	}
	assert_false(ecdsa_batch_sign(b, NULL, 0));
	for (int i = 0; i < KEYS; i++) {
		ecdsa_key_free(key[i]);
		EVP_PKEY_free(pkey[i]);
	}
	ecdsa_batch_free(b);
}

static int by_octets(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

/* Two signatures with one nonce have the same r, and give the private key away: not even the same
 * digest signed again may have it. */
static void no_nonce_is_used_twice(void **state)
{
	enum { ROUNDS = 60 };
	static uint8_t r[ROUNDS * ECDSA_BATCH_MAX][32];
	struct ecdsa_batch *b = NULL;
	EVP_PKEY *pkey = pkey_of("P-256");
	struct ecdsa_key *key = ecdsa_key_of(pkey);
	size_t n = 0;

	(void)state;
	assert_int_equal(ecdsa_batch_new(&b), ERR_OK);
	for (int round = 0; round < ROUNDS; round++) {
		struct ecdsa_item item[ECDSA_BATCH_MAX];
		uint8_t out[ECDSA_BATCH_MAX][64];
		for (size_t i = 0; i < ECDSA_BATCH_MAX; i++)
			item[i] = (struct ecdsa_item){ .key = key,
						       .out = out[i],
						       .digest = { (uint8_t)(i % 4) } };
		assert_true(ecdsa_batch_sign(b, item, ECDSA_BATCH_MAX));
		for (size_t i = 0; i < ECDSA_BATCH_MAX; i++)
			memcpy(r[n++], out[i], 32);
	}
	qsort(r, n, sizeof *r, by_octets);
	for (size_t i = 1; i < n; i++)
		assert_memory_not_equal(r[i - 1], r[i], 32);
	ecdsa_batch_free(b);
	ecdsa_key_free(key);
	EVP_PKEY_free(pkey);
}

static void other_keys_are_left_to_be_signed_one_by_one(void **state)
{
	EVP_PKEY *p384 = pkey_of("P-384"), *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	(void)state;
	assert_null(ecdsa_key_of(p384));
	assert_null(ecdsa_key_of(ed));
	EVP_PKEY_free(p384);
	EVP_PKEY_free(ed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_signature_of_a_batch_verifies_under_its_key_alone),
		cmocka_unit_test(no_nonce_is_used_twice),
		cmocka_unit_test(other_keys_are_left_to_be_signed_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
