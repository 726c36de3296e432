// SPDX-License-Identifier: Apache-2.0
/*
 * bundle_commands.h -- key sets signed ahead of time, for the API: requests, signing, loading (RFC
 * 8901 §2.1.1, Model 1).
 *
 * Purpose.   A zone whose policy says `keys: zsk` makes requests and takes signed sets; one with
 * `keys: ksk` signs. Everything is judged before anything changes (multisigner/bundle.h).
 * Trust.     The DS that the configuration names (`holder-ds`); else the key-signing keys of the
 * row that was taken before; the first row is believed, for the caller was authenticated. Threads.
 * The control thread.
 */
#ifndef CONTROL_BUNDLE_COMMANDS_H
#define CONTROL_BUNDLE_COMMANDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/control.h"

/* {"zone", "role": "signer"|"holder", "bundles": [...], "end", "skr"}. `form`: knot, bind, or NULL.
 */
json_t *control_bundles(struct control *c, const char *zone, const char *form, int64_t *revision,
			struct control_result *r);
/* The revision alone; 0: nothing was loaded or signed yet. */
int64_t control_bundles_revision(struct control *c, const char *zone, struct control_result *r);
/* `skr`: signed key responses, or a plain signed DNSKEY RRset, as text. `force` overrules what
 * could leave resolvers without an answer that validates, never what is wrong in itself. */
json_t *control_bundles_put(struct control *c, const char *zone, const char *skr, bool force,
			    int64_t *revision, struct control_result *r);
/* {"zone", "from", "until", "ksr"}; makes the keys that it names. */
json_t *control_bundles_request(struct control *c, const char *zone, uint32_t days,
				const char *form, struct control_result *r);
/* `requests`: texts of key signing requests. As control_bundles(). */
json_t *control_bundles_sign(struct control *c, const char *zone, const json_t *requests,
			     uint32_t days, const char *form, struct control_result *r);

/* For the zone's status; NULL: its key sets are signed here. */
struct zone_entry;
json_t *bundles_status(const struct zone_entry *e);
void metrics_add_bundles(const struct control *c, struct text *out);

#endif
