// SPDX-License-Identifier: Apache-2.0
/*
 * algorithm.h -- DNSSEC algorithms that we sign with, one row each.
 *
 * Purpose.   Numbers, names, sizes (RFC 6605, RFC 8080) in one table; a new algorithm is a new row.
 * Threads.   Constant data.
 */
#ifndef DNSSEC_ALGORITHM_H
#define DNSSEC_ALGORITHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dnssec_algorithm { ALG_ECDSAP256SHA256 = 13, ALG_ED25519 = 15 };

struct algorithm {
	uint8_t number;
	const char *mnemonic;   /* ECDSAP256SHA256 */
	uint16_t public_len;    /* octets in DNSKEY */
	uint16_t signature_len; /* octets in RRSIG */
};

/* NULL: not one that we sign with. */
const struct algorithm *algorithm_info(uint8_t number);
const struct algorithm *algorithm_from_text(const char *text);
/* The registry's mnemonic of any assigned number, or "ALGn" into out[ALGORITHM_TEXT_MAX]; for
 * messages. */
#define ALGORITHM_TEXT_MAX 16
const char *algorithm_to_text(uint8_t number, char *out);

#endif
