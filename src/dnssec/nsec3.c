// SPDX-License-Identifier: Apache-2.0
#include "dnssec/nsec3.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"

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

void nsec3_hash(struct nsec3_hasher *h, const uint8_t *name, uint8_t out[NSEC3_HASH_OCTETS])
{
	uint8_t lower[NAME_MAX_LEN];
	unsigned n = 0;

	/* None of these can fail with a fetched digest; a zero hash would prove nothing wrong, only
	 * cover another gap. */
	memset(out, 0, NSEC3_HASH_OCTETS);
	if (EVP_DigestInit_ex2(h->context, h->sha1, NULL) == 1 &&
	    EVP_DigestUpdate(h->context, lower, name_lower(name, lower)) == 1)
		EVP_DigestFinal_ex(h->context, out, &n);
}
