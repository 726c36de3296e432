// SPDX-License-Identifier: Apache-2.0
/*
 * notify_out.h -- other servers hear that a zone has a new serial (RFC 1996).
 *
 * Purpose.   One notice for each address of each server in a zone's `notify`: sent when the serial
 * is another one, repeated at growing distances until it is answered, given up after about an hour.
 * A serial that changes meanwhile takes the place of the one before: a notice never queues up.
 * Limits.    NOTIFY_RUNNING_MAX are under way at a time; to one address of a zone two are at least
 * NOTIFY_PACE_MS apart, however often the zone changes.
 * Threads.   The control thread.
 */
#ifndef CONTROL_NOTIFY_OUT_H
#define CONTROL_NOTIFY_OUT_H

#include <jansson.h>

#include "base/err.h"

struct control;
struct zone_entry;

#define NOTIFY_RUNNING_MAX 100u
#define NOTIFY_PACE_MS     500u

enum err notify_out_open(struct control *c);
/* What is under way ends; nothing is sent from then on. */
void notify_out_stop(struct control *c);
void notify_out_close(struct control *c);

/* After a view was published: tells of the serial, where it is not the one that was told last or
 * the list of servers has changed. */
void notify_out_zone(struct control *c, struct zone_entry *e);
/* Tells all of them once more. */
void notify_out_again(struct control *c, struct zone_entry *e);
/* Of an entry that goes. */
void notify_out_forget(struct zone_entry *e);

/* For `zone status`; NULL where nobody is told. */
json_t *notify_out_status(const struct zone_entry *e);

#endif
