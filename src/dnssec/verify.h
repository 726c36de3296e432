// SPDX-License-Identifier: Apache-2.0
/*
 * verify.h -- whether one signature over given bytes was made with a public key.
 *
 * Purpose.   RSA/SHA-256 and SHA-512 (RFC 5702), ECDSA (RFC 6605), EdDSA (RFC 8080), from DNSKEY
 * RDATA as it came from somebody else.
 * Threads.   Pure; OpenSSL's objects live during the call.
 */
#ifndef DNSSEC_VERIFY_H
#define DNSSEC_VERIFY_H

#include "base/err.h"
#include "base/span.h"
#include "dnssec/dnskey.h"

/* ERR_OK: it was. ERR_UNTRUSTED: it was not. ERR_UNSUPPORTED: not an algorithm that we know.
 * ERR_SYNTAX: no key of its algorithm. ERR_CRYPTO, ERR_NOMEM. */
enum err verify_signature(const struct dnskey *k, struct span data, struct span signature);

#endif
