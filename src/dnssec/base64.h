// SPDX-License-Identifier: Apache-2.0
/*
 * base64.h -- base64 (RFC 4648 §4) of keys, bounded and wiping nothing: the caller cleans what is
 * secret.
 */
#ifndef DNSSEC_BASE64_H
#define DNSSEC_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text of n octets with its NUL into out, which has 4 * ((n + 2) / 3) + 1 octets. */
char *base64_encode(const uint8_t *in, size_t n, char *out);
/* Reads `text` up to its end or `stop` characters, blanks skipped. False for anything else, or more
 * than `cap` octets. */
bool base64_decode(const char *text, size_t stop, uint8_t *out, size_t cap, size_t *len);

#endif
