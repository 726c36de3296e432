// SPDX-License-Identifier: Apache-2.0
/*
 * zone_edits.h -- an edited zone file on its way to secondaries.
 *
 * Purpose.   What a reload changed becomes history of the zone, so that it goes out as IXFR; and
 * where the content is another but the file's serial is not newer than what was served, the zone
 * gets the next serial by its policy (with `keep` the log says that secondaries will not see it).
 * Use.       Only for zones that somebody may transfer or is told of.
 * Threads.   The control thread.
 */
#ifndef CONTROL_ZONE_EDITS_H
#define CONTROL_ZONE_EDITS_H

#include <stdint.h>

#include "base/err.h"

struct change_set;
struct control;
struct config_zone;
struct served;
struct zone_entry;

/* Between e->served and *made, which is about to take its place and may be replaced. */
void zone_edits_note(struct control *c, struct zone_entry *e, const struct config_zone *z,
		     struct served **made);

/* Keeps a change that did not come from the file: `diff` leads from one serial to the next for
 * those who follow, `step` (of the SOA alone) lies on the file from then on. ERR_STORE, ERR_NOMEM.
 */
enum err zone_edits_keep(struct control *c, const struct config_zone *z,
			 const struct change_set *diff, uint32_t from, uint32_t to,
			 const struct change_set *step);

#endif
