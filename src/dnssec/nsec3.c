// SPDX-License-Identifier: Apache-2.0
/* OpenSSL's block function is deprecated since 3.0 in favour of whole digests, and there in all of
 * 3.x. A digest's context is set up, cleansed and asked through tables for each name, which costs
 * more than the one block that most names are. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "dnssec/nsec3.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/wire.h"

#define BLOCK_LEN SHA_CBLOCK

/* For salts and iterations. */
struct nsec3_hasher {
	EVP_MD *sha1;
	EVP_MD_CTX *context;
};

enum err nsec3_hasher_new(struct nsec3_hasher **out)
{
	struct nsec3_hasher *h = calloc(1, sizeof *h);

	if (h == NULL)
		return ERR_NOMEM;
	h->sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	h->context = EVP_MD_CTX_new();
	if (h->sha1 == NULL || h->context == NULL) {
		nsec3_hasher_free(h);
		return ERR_CRYPTO;
	}
	*out = h;
	return ERR_OK;
}

void nsec3_hasher_free(struct nsec3_hasher *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->context);
	EVP_MD_free(h->sha1);
	free(h);
}

void nsec3_hash_lower(const uint8_t *lower, size_t len, uint8_t out[NSEC3_HASH_OCTETS])
{
	/* The name, one bit, zeroes, and its length in bits (FIPS 180-4 §5.1.1). */
	uint8_t block[(NAME_MAX_LEN + 9 + BLOCK_LEN - 1) / BLOCK_LEN * BLOCK_LEN] = { 0 };
	size_t padded = (len + 9 + BLOCK_LEN - 1) / BLOCK_LEN * BLOCK_LEN;
	SHA_CTX state;

	memcpy(block, lower, len);
	block[len] = 0x80;
	store_u16(block + padded - 2, (uint16_t)(8 * len));
	SHA1_Init(&state);
	for (size_t at = 0; at < padded; at += BLOCK_LEN)
		SHA1_Transform(&state, block + at);
	store_u32(out, state.h0);
	store_u32(out + 4, state.h1);
	store_u32(out + 8, state.h2);
	store_u32(out + 12, state.h3);
	store_u32(out + 16, state.h4);
}

void nsec3_hash(const uint8_t *name, uint8_t out[NSEC3_HASH_OCTETS])
{
	uint8_t lower[NAME_MAX_LEN];

	nsec3_hash_lower(lower, name_lower(name, lower), out);
}

static void hash_once(struct nsec3_hasher *h, struct span in, struct span salt,
		      uint8_t out[NSEC3_HASH_OCTETS])
{
	unsigned n = 0;

	if (EVP_DigestInit_ex2(h->context, h->sha1, NULL) == 1 &&
	    EVP_DigestUpdate(h->context, in.p, in.n) == 1 &&
	    (salt.n == 0 || EVP_DigestUpdate(h->context, salt.p, salt.n) == 1))
		EVP_DigestFinal_ex(h->context, out, &n);
}

void nsec3_hash_salted(struct nsec3_hasher *h, const uint8_t *name, uint16_t iterations,
		       struct span salt, uint8_t out[NSEC3_HASH_OCTETS])
{
	uint8_t lower[NAME_MAX_LEN], before[NSEC3_HASH_OCTETS];

	memset(out, 0, NSEC3_HASH_OCTETS);
	hash_once(h, (struct span){ lower, name_lower(name, lower) }, salt, out);
	for (unsigned i = 0; i < iterations; i++) {
		memcpy(before, out, sizeof before);
		hash_once(h, (struct span){ before, sizeof before }, salt, out);
	}
}
