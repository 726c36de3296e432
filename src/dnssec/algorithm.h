// SPDX-License-Identifier: Apache-2.0
/*
 * algorithm.h -- DNSSEC algorithms that we sign with, one row each.
 *
 * Purpose.   Numbers, names, kinds, digests and sizes (RFC 5702, RFC 6605, RFC 8080) in one table;
 * a new algorithm of a known family is a new row. Threads.   Constant data.
 */
#ifndef DNSSEC_ALGORITHM_H
#define DNSSEC_ALGORITHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dnssec_algorithm {
	ALG_RSASHA256 = 8,
	ALG_RSASHA512 = 10,
	ALG_ECDSAP256SHA256 = 13,
	ALG_ECDSAP384SHA384 = 14,
	ALG_ED25519 = 15,
	ALG_ED448 = 16,
};

/* Keys of one family are made, stored and used alike. */
enum algorithm_family { FAMILY_RSA, FAMILY_ECDSA, FAMILY_EDDSA };

struct algorithm {
	uint8_t number;
	const char *mnemonic; /* ECDSAP256SHA256 */
	enum algorithm_family family;
	const char *digest;     /* OpenSSL's name; NULL: the algorithm has its own */
	const char *group;      /* OpenSSL's name of the curve; for EdDSA of the key type */
	uint16_t private_len;   /* octets of the private number; 0: RSA has several */
	uint16_t public_len;    /* octets in DNSKEY; 0: depends on the key */
	uint16_t signature_len; /* octets in RRSIG; 0: depends on the key */
};

/* Of keys that we make and keys that we take. RFC 8624 §3.1 and RFC 6781 §3.4.2 on sizes; below
 * 1024 bits RFC 5702 §2.2 forbids SHA-512. */
#define RSA_BITS     2048
#define RSA_BITS_MIN 1024
#define RSA_BITS_MAX 4096

/* The longest private number (Ed448), DER point, and RRSIG's signature. */
#define ALGORITHM_PRIVATE_MAX   57
#define ALGORITHM_SIGNATURE_MAX (RSA_BITS_MAX / 8)

/* NULL: not one that we sign with. */
const struct algorithm *algorithm_info(uint8_t number);
const struct algorithm *algorithm_from_text(const char *text);
/* The registry's mnemonic of any assigned number, or "ALGn" into out[ALGORITHM_TEXT_MAX]; for
 * messages. */
#define ALGORITHM_TEXT_MAX 16
const char *algorithm_to_text(uint8_t number, char *out);

#endif
