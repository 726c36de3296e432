// SPDX-License-Identifier: Apache-2.0
/*
 * group_records.h -- what a group has decided, as records at the zone's apex: foreign DNSKEY, CDS
 * and CDNSKEY of all signers, the NS set, CSYNC.
 *
 * Rules.     The NS set is the servers' names of the signers that it has, and nothing else: each
 * signer must show the same. CDS and CDNSKEY say the same; where the parent has a DS whose key
 * nobody shows, it stays as CDS, and no CDNSKEY is published beside it. CSYNC asks for immediate
 * work whatever the serial (RFC 7477 §3), since serials are each signer's own. Threads.   The
 * control thread.
 */
#ifndef CONTROL_GROUP_RECORDS_H
#define CONTROL_GROUP_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"
#include "multisigner/rollover.h"
#include "zone/builder.h"

struct group_zone;
struct config_signing;

/* Whether CDS, CDNSKEY and CSYNC are the group's matter now; accepts NULL. */
bool group_rules_records(const struct group_zone *z);
/* Its records into a zone that has none of these types but NS. */
enum err group_add_records(const struct group_zone *z, struct zone_builder *b,
			   const struct config_signing *p, struct diag *d);
/* What the group knows and holds, for one plan of our own rolls (multisigner/rollover.h); not to be
 * kept. */
void group_adjust_facts(const struct group_zone *z, struct rollover_facts *f,
			struct rollover_policy *p, int64_t now);
/* RDATA of the CSYNC that all signers publish. */
struct span group_csync_rdata(void);
/* Tags of foreign keys, which new keys of ours avoid. Returns how many. Accepts NULL. */
size_t group_foreign_tags(const struct group_zone *z, uint16_t out[64]);

#endif
