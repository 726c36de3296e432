// SPDX-License-Identifier: Apache-2.0
/*
 * zone_digest.h -- ZONEMD (RFC 8976) of zones: when one that came is verified and served, and when
 * ours stands in its place.
 *
 * Verified.  What a file or a primary says, against the records as they came (transfer/zonemd.h):
 * a failure is that of the load or transfer, and the version before goes on. Signatures are not
 * validated: there is no trust anchor of a zone here; who sent it is TSIG's or TLS' matter.
 * Served.    As it came, where the zone is served as it came. Signed or steered here, or with a
 * serial of ours, it is another zone: its ZONEMD is left out.
 * Made.      With `zonemd` the digest is of what secondaries get: the copy (signed_copies.h), which
 * is made in the background. Until then, and between a change and its copy, the record that is
 * there has another serial and is no digest of anything (RFC 8976 §2.2.1); it stands there so that
 * the apex' bitmap of types does not change with each version.
 * Threads.   zone_digest_read(): the one that reads; else the control thread.
 */
#ifndef CONTROL_ZONE_DIGEST_H
#define CONTROL_ZONE_DIGEST_H

#include <stdbool.h>

#include "base/diag.h"
#include "control/config.h"
#include "zone/builder.h"

struct zone_entry;

/* `zonemd-verify` */
enum zone_digest_policy { ZONE_DIGEST_YES, ZONE_DIGEST_NO, ZONE_DIGEST_REQUIRED };

/* zone_file_read(), and what the file says of its digest. ERR_INVALID with a finding where it is
 * wrong, or is required and cannot be verified. */
enum err zone_digest_read(struct zone_builder *b, const char *path, const uint8_t *apex,
			  bool signed_by_us, unsigned policy, struct diag *d);
/* Whether ZONEMD that came with the zone is still its digest, but for steering. */
bool zone_digest_stays(const struct config_zone *z, const struct zone_builder *b);
/* Puts the record where the digest will stand; `like`: the version before, whose record it is then.
 * A warning where the zone is signed by somebody else. */
enum err zone_digest_hold_place(const struct config_zone *z, const struct zone *like,
				struct zone_builder *b, struct diag *d);
/* Whether the zone as it is served gets one from us. */
bool zone_digest_is_made(const struct zone_entry *e);

#endif
