// SPDX-License-Identifier: Apache-2.0
/*
 * foreign_records.h -- what a peer says to the parent through our zone: CDS and CDNSKEY of its
 * keys, and CSYNC.
 *
 * Rule.      CDS and CDNSKEY replace the parent's whole DS set (RFC 7344 §6.1), so what one peer
 * asks is served beside what all others need there: our own keys for the parent, the keys that
 * other peers asked it for, and all key-signing keys of peers that have asked nothing. When nobody
 * asks, nothing is published for a peer's sake. CDS and CDNSKEY say the same, whichever of them the
 * peer gave. One CSYNC can stand in a zone (RFC 7477 §2.1); it is the first peer's who asked.
 * Store.     "ds" in the document of a foreign key; zones/<zone>/csync {"owner", "rdata"}.
 * Groups.    While a group decides (group_records.h), what is kept here is not served.
 * Threads.   The control thread.
 */
#ifndef CONTROL_FOREIGN_RECORDS_H
#define CONTROL_FOREIGN_RECORDS_H

#include "base/diag.h"
#include "base/err.h"
#include "control/keyring.h"

struct control;
struct zone_entry;

/* What one peer wants, as a whole. */
struct foreign_wish {
	const struct dnskey *key; /* its keys that the parent should have */
	size_t key_n;
	struct span csync; /* RDATA; empty: none */
};

/* Of what is kept. ERR_STORE, ERR_CORRUPT. */
enum err foreign_records_read(struct keyring *k, struct store *store);
bool foreign_records_ask_parent(const struct keyring *k);
/* CDS and CDNSKEY of foreign keys, and CSYNC. */
enum err foreign_records_add(const struct keyring *k, struct zone_builder *b,
			     const struct config_signing *p, struct diag *d);
/* Whether a peer may say this CSYNC: immediate or by serial, of NS, A and AAAA. */
bool foreign_csync_is_good(struct span rdata);
/* Keeps and serves it; *changed: something of it is new. ERR_STORE, ERR_NOMEM; what publishing
 * gives. */
enum err foreign_records_take(struct control *c, struct zone_entry *e, const char *peer,
			      const struct foreign_wish *w, bool *changed);

#endif
