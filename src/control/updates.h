// SPDX-License-Identifier: Apache-2.0
/*
 * updates.h -- dynamic updates put into service: several in one version of the zone and one fsync.
 *
 * Purpose.   Requests of one turn of the loop that are for one zone make one change: each is
 * evaluated against what those before it made, all are journaled together, the new version is
 * published once, and then each gets its answer.
 * Invariant. What was answered NOERROR is on disk and served. What was not is neither.
 * The operator's file is not written: the changes lie on top of it (journal), also after restarts.
 * Threads.   The control thread.
 */
#ifndef CONTROL_UPDATES_H
#define CONTROL_UPDATES_H

#include "control/internal.h"
#include "control/request.h"

/* Takes a checked UPDATE: refuses it at once, or keeps it for updates_commit(). */
void updates_add(struct request *r);
/* Commits what was kept. */
void updates_commit(struct control *c);

/* The zone as it is, with a newer serial: its signed copy has changed by keys or time. */
void updates_lift_serial(struct control *c, struct zone_entry *e, uint32_t to);

/* Puts the overlay of a zone on top of its source, which is in the builder; where the source's
 * serial is newer than the overlay's, the source wins and the overlay is forgotten (said in the
 * log). */
enum err updates_replay(struct journal *j, const struct config_zone *z, struct zone_builder *b,
			struct diag *d);

#endif
