// SPDX-License-Identifier: Apache-2.0
/* history.h -- what led from one version of a zone to the next, kept for those who follow it by
 * IXFR (store/journal.h), where it did not come as changes. */
#ifndef CONTROL_HISTORY_H
#define CONTROL_HISTORY_H

#include "control/internal.h"
#include "store/journal.h"

/* What a zone's history is held to. */
struct journal_limits journal_limits_of(const struct config_transfer *t);

/* Compares the version that is served with the one before (NULL: none) and journals the difference.
 * Costs a walk of the zone, so only where somebody may ask for it; not for zones that are signed,
 * here or elsewhere. */
void history_keep(struct control *c, const struct zone_entry *e, const struct zone *before);

#endif
