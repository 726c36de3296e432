// SPDX-License-Identifier: Apache-2.0
/*
 * update_keys.h -- a peer's UPDATE of its own keys (RFC 8901 with RFC 2136 in place of an API).
 *
 * Purpose.   A rule of allow-update with `peer` lets its client add and remove that peer's DNSKEY
 * at the apex, and nothing else. What is asked becomes the peer's new key set, which goes the way
 * of all key sets: admission, the guard against a set that drops all keys at once, the store.
 * Invariant. Keys of ours and of other peers cannot be removed: that is ignored and logged.
 * Deleting the whole RRset takes out the peer's own. Threads.   The control thread.
 */
#ifndef CONTROL_UPDATE_KEYS_H
#define CONTROL_UPDATE_KEYS_H

#include "control/internal.h"
#include "control/request.h"

/* Answers it. `peer`: the owner of the keys. */
void update_keys(struct request *r, struct zone_entry *e, const char *peer);

#endif
