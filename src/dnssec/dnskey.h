// SPDX-License-Identifier: Apache-2.0
/*
 * dnskey.h -- public keys as DNSKEY RDATA (RFC 4034 §2), their tags and digests.
 *
 * Purpose.   What can be said of a key without its private part.
 * Threads.   Pure.
 */
#ifndef DNSSEC_DNSKEY_H
#define DNSSEC_DNSKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

#define DNSKEY_RDATA_MAX 1028 /* RSA-8192 */

enum dnskey_flag { DNSKEY_ZONE = 0x0100, DNSKEY_REVOKE = 0x0080, DNSKEY_SEP = 0x0001 };

struct dnskey {
	uint16_t flags;
	uint8_t protocol;
	uint8_t algorithm;
	uint16_t tag; /* RFC 4034 appendix B */
	uint16_t rdata_len;
	uint8_t rdata[DNSKEY_RDATA_MAX];
};

/* Takes RDATA apart. ERR_SYNTAX: too short or too long; nothing else is judged. */
enum err dnskey_from_rdata(struct span rdata, struct dnskey *out);
uint16_t dnskey_tag(struct span rdata);
/* Whether the public key octets are one of their algorithm (length; for ECDSA a point on the curve;
 * for RSA exponent and modulus). */
bool dnskey_is_wellformed(const struct dnskey *k);

/* DS RDATA (RFC 4034 §5.1.4, RFC 4509, RFC 6605) into out[DS_RDATA_MAX]; digest types 2 (SHA-256)
 * and 4 (SHA-384). ERR_UNSUPPORTED. */
#define DS_RDATA_MAX 52
enum err dnskey_ds(const struct dnskey *k, const uint8_t *owner, uint8_t digest_type, uint8_t *out,
		   size_t *len);

/* "257 3 13 base64" into out[DNSKEY_TEXT_MAX]; returns it. */
#define DNSKEY_TEXT_MAX 1500
char *dnskey_to_text(const struct dnskey *k, char *out);
/* Reads "257 3 13 base64 base64" as in a master file: RDATA only, or a whole record ("name [ttl]
 * [class] DNSKEY ..."; owner, where given, into *owner_text, copied, at most owner_cap octets, else
 * ""). ERR_SYNTAX. */
enum err dnskey_from_text(const char *text, struct dnskey *out, char *owner_text, size_t owner_cap);
/* "tag 12345, algorithm ECDSAP256SHA256" into out[DNSKEY_DESCRIPTION_MAX] for logs. */
#define DNSKEY_DESCRIPTION_MAX 64
char *dnskey_describe(const struct dnskey *k, char *out);

#endif
