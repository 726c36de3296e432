// SPDX-License-Identifier: Apache-2.0
/*
 * key_internal.h -- what an own key is made of; private to this folder.
 */
#ifndef DNSSEC_KEY_INTERNAL_H
#define DNSSEC_KEY_INTERNAL_H

#include <stdatomic.h>

#include "dnssec/key.h"

struct key {
	_Atomic unsigned refs;
	struct dnskey dnskey;
	EVP_PKEY *pkey;
	uint16_t signature_len;
};

/* Takes `pkey` on success. ERR_UNSUPPORTED, ERR_CRYPTO (not a key of that algorithm), ERR_NOMEM. */
enum err key_from_pkey(struct key **out, EVP_PKEY *pkey, uint8_t algorithm, uint16_t flags);

/* Whether a key with it may be mistaken for another, revoked ones (RFC 5011) among them. */
bool key_tag_is_taken(uint16_t tag, const uint16_t *taken, size_t n);

/* ---- key_uri.c ---- */

/* The private key that a URI names; its secret may stay in a token. ERR_NOKEY, ERR_INVALID (a PIN
 * in the URI) with a finding that shows no PIN. */
enum err key_uri_load(EVP_PKEY **out, const char *uri, struct diag *d);

/* ---- private_text.c: the text of BIND's .private files ---- */

/* Longest text: RSA of RSA_BITS_MAX. */
#define PRIVATE_TEXT_MAX 8192

/* The key of a text with a NUL behind. ERR_SYNTAX, ERR_UNSUPPORTED, ERR_CRYPTO with *why set. */
enum err private_text_parse(const char *text, EVP_PKEY **out, uint8_t *algorithm, const char **why);
/* Into out[PRIVATE_TEXT_MAX], to be wiped by the caller. ERR_CRYPTO: the private part cannot be
 * had (a key in hardware). */
enum err private_text_format(const struct key *k, char *out, size_t *len);

#endif
