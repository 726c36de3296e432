// SPDX-License-Identifier: Apache-2.0
/*
 * secondary.h -- zones that come from other servers: asked for, fetched, kept, and put into
 * service.
 *
 * Purpose.   Joins the timers (transfer/refresh), questions (transfer/exchange) and transfers
 * (transfer/fetch) of each zone with primaries; what was fetched is loaded like a zone file.
 * State.     <state-dir>/transfers/<zone>: the zone as it came (transfer/spool.h). Its modification
 * time is when a primary last said that it is current, so that expiry counts over restarts.
 * Invariant. A version goes into service only when it was loaded and checked whole, and the file is
 * replaced only then; else the old one goes on until it expires.
 * Threads.   The control thread.
 */
#ifndef CONTROL_SECONDARY_H
#define CONTROL_SECONDARY_H

#include <jansson.h>
#include <stdbool.h>

#include "control/control.h"
#include "control/state_path.h"

struct secondary;
struct zone_entry;
struct request;

/* Where the zone's file is; static room of the caller. */
#define SECONDARY_PATH_MAX STATE_PATH_MAX
const char *secondary_path(const char *state_dir, const char *zone, char out[SECONDARY_PATH_MAX]);

enum err secondaries_open(struct control *c);
void secondaries_stop(struct control *c);
void secondaries_close(struct control *c);

/* Makes, keeps and ends what the entries of the present configuration need; after each load. */
void secondary_sync(struct control *c);
/* Ends one; before its entry goes. Accepts NULL. */
void secondary_free(struct secondary *s);
/* Whether the zone must not be answered from: never transferred, or expired. */
bool secondary_is_unavailable(const struct zone_entry *e);

/* A NOTIFY (RFC 1996): answered, and a check brought forward where it comes from a primary, signed
 * where that has a key. */
void secondary_take_notify(struct request *r);

/* Since when a zone that was never transferred is asked for; 0: it is none such. */
int64_t secondary_awaited_since(const struct zone_entry *e);
/* For `zone status`; NULL where the zone has no primaries. */
json_t *secondary_status(const struct zone_entry *e);

#endif
