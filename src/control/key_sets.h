// SPDX-License-Identifier: Apache-2.0
/*
 * key_sets.h -- the public keys of one peer in one zone, as a whole (RFC 8901 §9: the key API).
 *
 * Purpose.   A peer, or a controller, says which keys are its own now; the set is judged whole and
 * taken whole or not at all. Saying the same again changes nothing.
 * Guard.     A set that drops every key that stands there is refused: resolvers hold answers that
 * are signed with one of them. Keys of ours and of other peers cannot be part of a set.
 * Store.     zones/<zone>/sets/<peer> {"since", "keys"}: its revision is that of the set; it stays
 * when the set is empty, so that revisions never start again and a replayed call finds another one.
 * Threads.   The control thread.
 */
#ifndef CONTROL_KEY_SETS_H
#define CONTROL_KEY_SETS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/control.h"

struct zone_entry;

/* {"zone", "sets": [...]} */
json_t *control_key_sets(struct control *c, const char *zone, struct control_result *r);
/* {"zone", "peer", "keys": [...]}; ERR_NOT_FOUND: never set. *revision may be 0 then. */
json_t *control_key_set(struct control *c, const char *zone, const char *peer, int64_t *revision,
			struct control_result *r);
/* `records`: an array of DNSKEY records or RDATA, as texts. *revision: in, the one that was seen;
 * out, the new one. */
json_t *control_key_set_put(struct control *c, const char *zone, const char *peer,
			    const json_t *records, bool force, int64_t *revision,
			    struct control_result *r);

/* The same as a peer's whole set, from a source that has no revisions. `leaves`: all of its keys
 * may go. ERR_REFUSED: admission or guard. */
struct dnskey;
enum err control_key_set_take(struct control *c, struct zone_entry *e, const char *peer,
			      const struct dnskey *keys, size_t n, bool leaves,
			      struct control_result *r);

#endif
