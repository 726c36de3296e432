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
};

/* Takes `pkey` on success. ERR_UNSUPPORTED, ERR_CRYPTO (not a key of that algorithm), ERR_NOMEM. */
enum err key_from_pkey(struct key **out, EVP_PKEY *pkey, uint8_t algorithm, uint16_t flags);

#endif
