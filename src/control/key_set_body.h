// SPDX-License-Identifier: Apache-2.0
/*
 * key_set_body.h -- the keys in the JSON body of a key set.
 *
 * Purpose.   From somebody else's octets to DNSKEY records of one zone, whole or not at all;
 * whether they may stand there is judged later (multisigner/admission.h). Threads.   Pure. Errors.
 * ERR_SYNTAX, ERR_REFUSED (of another zone); `why` is a sentence.
 */
#ifndef CONTROL_KEY_SET_BODY_H
#define CONTROL_KEY_SET_BODY_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "dnssec/dnskey.h"

#define KEY_SET_MAX     16
#define KEY_SET_WHY_MAX 512

/* `records`: an array of DNSKEY records or RDATA, as texts; NULL is not one. */
enum err key_set_body_read(const json_t *records, const uint8_t *zone,
			   struct dnskey keys[KEY_SET_MAX], size_t *n, char why[KEY_SET_WHY_MAX]);

#endif
