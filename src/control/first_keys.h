// SPDX-License-Identifier: Apache-2.0
/*
 * first_keys.h -- the keys of many zones at once: read where they are, made where there are none
 * yet, for the price of a few waits for the disk.
 *
 * Purpose.   A zone that is loaded for the first time reads or makes its keys, and each new key is
 * files and documents that must be on disk before anything is served. Before many zones are loaded,
 * their keyrings are prepared here, in groups: all key files of a group first, then all its
 * documents in one transaction, then its keyrings.
 * Invariant. That of keyring.h. A group that cannot be kept leaves its entries without keyrings:
 * each zone then makes its own when it is loaded, and says what fails.
 * Threads.   The control thread.
 */
#ifndef CONTROL_FIRST_KEYS_H
#define CONTROL_FIRST_KEYS_H

#include "control/internal.h"

/* Of entries without a keyring that sign with keys of the state directory. zones[i] is what
 * entries[i] is about to be loaded with; NULL: its own configuration. */
void first_keys_prepare(struct control *c, const struct config *config,
			struct zone_entry *const *entries, const struct config_zone *zones,
			size_t n);

#endif
