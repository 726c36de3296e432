// SPDX-License-Identifier: Apache-2.0
/*
 * record_text.h -- RDATA of the records that are pushed, as text and back: DNSKEY, CDNSKEY, CDS,
 * NS, CSYNC.
 *
 * Threads.   Pure.
 */
#ifndef PEERS_RECORD_TEXT_H
#define PEERS_RECORD_TEXT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"
#include "dnssec/dnskey.h"

#define RECORD_TEXT_MAX  2048
#define RECORD_RDATA_MAX DNSKEY_RDATA_MAX

/* False: not RDATA of its type, or of another type. */
bool record_to_text(uint16_t type, struct span rdata, char out[RECORD_TEXT_MAX]);
/* ERR_SYNTAX. */
enum err record_from_text(uint16_t type, const char *text, uint8_t out[RECORD_RDATA_MAX],
			  size_t *n);

#endif
