// SPDX-License-Identifier: Apache-2.0
/*
 * key_documents.h -- what the store keeps of own keys and their rolls, as JSON.
 *
 * Invariant. What was written is read back equal; a document that lacks a field reads as if it had
 * never happened. A damaged one is refused. Memory.    Texts are the caller's (free).
 */
#ifndef CONTROL_KEY_DOCUMENTS_H
#define CONTROL_KEY_DOCUMENTS_H

#include <jansson.h>

#include "control/keyring.h"

char *key_document_path(const struct keyring *k, const char *kind, uint8_t algorithm, uint16_t tag,
			char out[STORE_KEY_MAX]);
/* NULL without memory. */
char *key_document_write(const struct rollover_key *f, const char *file);
bool key_document_read(const json_t *j, struct rollover_key *out);
/* The clock's base goes with the times. */
char *rollover_document_write(const struct rollover_facts *f, const struct clock_base *clock);
bool rollover_document_read(const json_t *j, struct keyring *k);

#endif
