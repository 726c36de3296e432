// SPDX-License-Identifier: Apache-2.0
#include "dnssec/nsec3.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"

#define KNOWN_MAX     64
#define KNOWN_LEN_MAX 72 /* longer names are hashed each time */

struct known {
	uint8_t len; /* 0: nothing */
	uint8_t lower[KNOWN_LEN_MAX];
	uint8_t hash[NSEC3_HASH_OCTETS];
};

struct nsec3_hasher {
	EVP_MD *sha1;
	EVP_MD_CTX *context;
	struct known known[KNOWN_MAX];
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

static void hash_lower(struct nsec3_hasher *h, const uint8_t *lower, size_t len,
		       uint8_t out[NSEC3_HASH_OCTETS])
{
	unsigned n = 0;

	/* None of these can fail with a fetched digest; a zero hash would prove nothing wrong, only
	 * cover another gap. */
	memset(out, 0, NSEC3_HASH_OCTETS);
	if (EVP_DigestInit_ex2(h->context, h->sha1, NULL) == 1 &&
	    EVP_DigestUpdate(h->context, lower, len) == 1)
		EVP_DigestFinal_ex(h->context, out, &n);
}

void nsec3_hash(struct nsec3_hasher *h, const uint8_t *name, uint8_t out[NSEC3_HASH_OCTETS])
{
	uint8_t lower[NAME_MAX_LEN];

	hash_lower(h, lower, name_lower(name, lower), out);
}

static struct known *place_of(struct nsec3_hasher *h, const uint8_t *lower, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = sum * 31 + lower[i];
	return &h->known[(sum ^ sum >> 16) % KNOWN_MAX];
}

void nsec3_hash_known(struct nsec3_hasher *h, const uint8_t *name, uint8_t out[NSEC3_HASH_OCTETS])
{
	uint8_t lower[NAME_MAX_LEN];
	size_t len = name_lower(name, lower);

	if (len > KNOWN_LEN_MAX) {
		hash_lower(h, lower, len, out);
		return;
	}
	struct known *k = place_of(h, lower, len);
	if (k->len != len || memcmp(k->lower, lower, len) != 0) {
		k->len = (uint8_t)len;
		memcpy(k->lower, lower, len);
		hash_lower(h, lower, len, k->hash);
	}
	memcpy(out, k->hash, NSEC3_HASH_OCTETS);
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
