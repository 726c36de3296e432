// SPDX-License-Identifier: Apache-2.0
/*
 * signed_copies.h -- zones with their signatures, ready to be transferred: kept as files, made anew
 * in the background when the zone or its keys change or signatures are due.
 *
 * Purpose.   A zone that a rule of allow-transfer gives out signed has a copy
 * (transfer/signed_copy.h) in <state-dir>/signed/<zone>. What one copy differs by from the next is
 * in the journal, as the history of a name of its own, so that IXFR of the signed zone is answered
 * as any other. Serial.    A copy that changes while the zone's serial does not (keys, signatures)
 * has the next serial, and the zone is lifted to it. Limits.    One copy is made at a time, by a
 * thread of libuv's pool; it rests ten times as long as making it took, so that a large zone that
 * changes all the time takes a tenth of a core. What changes meanwhile goes into the next copy.
 * Threads.   The control thread.
 */
#ifndef CONTROL_SIGNED_COPIES_H
#define CONTROL_SIGNED_COPIES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

struct control;
struct zone_entry;

enum err signed_copies_open(struct control *c);
/* What is being made is given up; after it nothing is called. */
void signed_copies_stop(struct control *c);
void signed_copies_close(struct control *c);

/* After a view was published: begins, goes on with, or ends the zone's copy. */
void signed_copy_zone(struct control *c, struct zone_entry *e);
/* Of an entry that goes. */
void signed_copy_forget(struct zone_entry *e);

/* Whether the zone is given out signed. */
bool signed_copy_is_wanted(const struct zone_entry *e);
/* The copy that is there: its serial and SOA (TYPE to the end of RDATA, borrowed). False: none yet.
 */
bool signed_copy_current(const struct zone_entry *e, uint32_t *serial, struct span *soa);
/* Where it stands, and the name of its history in the journal; borrowed. */
const char *signed_copy_path(const struct zone_entry *e);
const char *signed_copy_journal(const struct zone_entry *e);

/* For `zone status`; NULL where there is none. */
json_t *signed_copy_status(const struct zone_entry *e);

#endif
