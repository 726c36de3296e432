// SPDX-License-Identifier: Apache-2.0
/*
 * update.h -- dynamic update (RFC 2136): a request against a zone, into a change set.
 *
 * Purpose.   Prerequisites, permissions, the pre-scan, and what the update section comes to. Pure:
 * the zone is read, never changed; control applies the set, keeps it and answers.
 * Invariant. A request is taken whole or not at all. The set says only what differs in the end: an
 * update that changes nothing gives an empty one. SOA is not in it (the serial is control's), nor
 * is anything that the signer makes, nor a steered RRset.
 * Errors.    The rcode of RFC 2136 §3; RCODE_SERVFAIL without memory.
 */
#ifndef TRANSFER_UPDATE_H
#define TRANSFER_UPDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "dns/message.h"
#include "transfer/access.h"
#include "zone/builder.h"
#include "zone/change.h"

struct update {
	struct span message; /* whole; message_parse() found it good */
	const struct message *parsed;
	const uint8_t *apex;
	bool zonemd_here; /* ZONEMD is made here */
	bool signed_here; /* key records at the apex are the keyring's */
	const struct update_grant *grants;
	size_t grant_n;
	struct access_client who;
	/* Whether a name has its addresses from another one; NULL: none has. */
	bool (*is_alias)(const uint8_t *owner, void *context);
	void *alias_context;
};

/* Appends to *out what `u` changes in the zone as built so far. */
uint16_t update_evaluate(const struct update *u, const struct zone_builder *b,
			 struct change_set *out);

#endif
