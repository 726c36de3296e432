// SPDX-License-Identifier: Apache-2.0
// links: dnssec
/* The text of BIND's .private files. */
#include "fuzz.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "dnssec/key_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[PRIVATE_TEXT_MAX];
	EVP_PKEY *pkey = NULL;
	struct key *k = NULL;
	uint8_t algorithm = 0;
	const char *why = NULL;
	size_t n = 0;
	char *in = malloc(size + 1);

	if (in == NULL)
		return 0;
	memcpy(in, data, size);
	in[size] = 0;
	enum err e = private_text_parse(in, &pkey, &algorithm, &why);
	if (e && (pkey != NULL || why == NULL))
		abort();
	if (!e && key_from_pkey(&k, pkey, algorithm, 257) != ERR_OK)
		EVP_PKEY_free(pkey); /* an RSA key of a size that is not taken */
	else if (!e && (private_text_format(k, text, &n) || n > sizeof text))
		abort();
	key_free(k);
	free(in);
	return 0;
}
