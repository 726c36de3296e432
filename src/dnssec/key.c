// SPDX-License-Identifier: Apache-2.0
#include "dnssec/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dns/wire.h"
#include "dnssec/algorithm.h"
#include "dnssec/key_internal.h"

/* A tag of 16 bits that clashes with few others is found within a handful of tries. */
#define GENERATE_TRIES 100

static const struct {
	const char *text;
	uint16_t flags;
} ROLES[] = {
	[KEY_KSK] = { "ksk", DNSKEY_ZONE | DNSKEY_SEP },
	[KEY_ZSK] = { "zsk", DNSKEY_ZONE },
	[KEY_CSK] = { "csk", DNSKEY_ZONE | DNSKEY_SEP },
};

uint16_t key_role_flags(enum key_role role)
{
	return ROLES[role].flags;
}

const char *key_role_text(enum key_role role)
{
	return ROLES[role].text;
}

bool key_role_from_text(const char *text, enum key_role *out)
{
	for (size_t i = 0; i < sizeof ROLES / sizeof *ROLES; i++) {
		if (strcasecmp(text, ROLES[i].text) == 0) {
			*out = (enum key_role)i;
			return true;
		}
	}
	return false;
}

/* RFC 3110 §2: exponent length, exponent, modulus, without leading zeroes. */
static size_t rsa_octets(const EVP_PKEY *pkey, uint8_t *out)
{
	BIGNUM *e = NULL, *n = NULL;
	size_t len = 0;
	bool ok = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
		  EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
		  BN_num_bytes(e) < 256 && BN_num_bits(n) >= RSA_BITS_MIN &&
		  BN_num_bits(n) <= RSA_BITS_MAX;

	if (ok) {
		out[0] = (uint8_t)BN_bn2bin(e, out + 1);
		len = 1u + out[0] + (size_t)BN_bn2bin(n, out + 1 + out[0]);
	}
	BN_free(e);
	BN_free(n);
	return len;
}

/* x and y of the point (RFC 6605 §4). */
static size_t point_octets(EVP_PKEY *pkey, const struct algorithm *a, uint8_t *out)
{
	uint8_t *point = NULL;
	/* Of keys in tokens too, for which parameters cannot be asked. */
	size_t n = EVP_PKEY_get1_encoded_public_key(pkey, &point);
	bool ok = n == 1u + a->public_len && point[0] == 4;

	if (ok)
		memcpy(out, point + 1, a->public_len);
	OPENSSL_free(point);
	return ok ? a->public_len : 0;
}

/* The public key as DNSKEY has it; its length, or 0: not a key of the algorithm. */
static size_t public_octets(EVP_PKEY *pkey, const struct algorithm *a, uint8_t *out)
{
	size_t n = a->public_len;

	switch (a->family) {
	case FAMILY_RSA:
		return EVP_PKEY_is_a(pkey, "RSA") ? rsa_octets(pkey, out) : 0;
	case FAMILY_ECDSA:
		return EVP_PKEY_is_a(pkey, "EC") ? point_octets(pkey, a, out) : 0;
	case FAMILY_EDDSA:
		return EVP_PKEY_is_a(pkey, a->group) &&
			       EVP_PKEY_get_raw_public_key(pkey, out, &n) == 1 && n == a->public_len
			   ? n
			   : 0;
	}
	return 0;
}

#define SECURE_LEAST 32 /* octets: the private number of a P-256 key */

/* Like the heap itself: of the process, and set before there are threads. */
static size_t secure_octets;

enum err key_secure_heap(size_t octets, bool *locked)
{
	int made = CRYPTO_secure_malloc_init(octets, SECURE_LEAST);

	*locked = made == 1;
	secure_octets = made != 0 ? octets : 0;
	return made != 0 ? ERR_OK : ERR_NOMEM;
}

/* Signing takes its nonces from there as well: an eighth is left to it. */
static bool is_heap_full(void)
{
	return secure_octets != 0 && CRYPTO_secure_used() > secure_octets - secure_octets / 8;
}

enum err key_from_pkey(struct key **out, EVP_PKEY *pkey, uint8_t algorithm, uint16_t flags)
{
	const struct algorithm *a = algorithm_info(algorithm);
	uint8_t rdata[DNSKEY_RDATA_MAX];

	if (a == NULL)
		return ERR_UNSUPPORTED;
	if (is_heap_full())
		return ERR_NOMEM;
	struct key *k = calloc(1, sizeof *k);
	if (k == NULL)
		return ERR_NOMEM;
	store_u16(rdata, flags);
	rdata[2] = 3;
	rdata[3] = algorithm;
	size_t n = public_octets(pkey, a, rdata + 4);
	if (n == 0) {
		free(k);
		ERR_clear_error();
		return ERR_CRYPTO;
	}
	dnskey_from_rdata((struct span){ rdata, 4u + n }, &k->dnskey);
	k->pkey = pkey;
	k->signature_len =
	    a->signature_len != 0 ? a->signature_len : (uint16_t)EVP_PKEY_get_size(pkey);
	atomic_init(&k->refs, 1);
	*out = k;
	return ERR_OK;
}

static EVP_PKEY *make_pkey(const struct algorithm *a)
{
	switch (a->family) {
	case FAMILY_RSA:
		return EVP_RSA_gen(RSA_BITS);
	case FAMILY_ECDSA:
		return EVP_EC_gen(a->group);
	case FAMILY_EDDSA:
		return EVP_PKEY_Q_keygen(NULL, NULL, a->group);
	}
	return NULL;
}

/* The REVOKE bit makes a tag 128 greater, and one more where that carries (RFC 5011 §2.1). */
static bool clash(uint16_t a, uint16_t b)
{
	uint16_t up = (uint16_t)(a - b), down = (uint16_t)(b - a);

	return up == 0 || up == 128 || up == 129 || down == 128 || down == 129;
}

bool key_tag_is_taken(uint16_t tag, const uint16_t *taken, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (clash(tag, taken[i]))
			return true;
	return false;
}

enum err key_generate(struct key **out, uint8_t algorithm, enum key_role role,
		      const uint16_t *taken, size_t taken_n)
{
	const struct algorithm *a = algorithm_info(algorithm);

	if (a == NULL)
		return ERR_UNSUPPORTED;
	for (int i = 0; i < GENERATE_TRIES; i++) {
		struct key *k = NULL;
		EVP_PKEY *pkey = make_pkey(a);
		if (pkey == NULL) {
			ERR_clear_error();
			return ERR_CRYPTO;
		}
		enum err e = key_from_pkey(&k, pkey, algorithm, key_role_flags(role));
		if (e) {
			EVP_PKEY_free(pkey);
			return e;
		}
		if (!key_tag_is_taken(k->dnskey.tag, taken, taken_n)) {
			*out = k;
			return ERR_OK;
		}
		key_free(k);
	}
	return ERR_CONFLICT;
}

struct key *key_ref(struct key *k)
{
	atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
	return k;
}

void key_free(struct key *k)
{
	if (k == NULL || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) > 1)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

const struct dnskey *key_dnskey(const struct key *k)
{
	return &k->dnskey;
}

EVP_PKEY *key_pkey(const struct key *k)
{
	return k->pkey;
}

size_t key_signature_len(const struct key *k)
{
	return k->signature_len;
}
