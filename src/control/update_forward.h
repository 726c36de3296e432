// SPDX-License-Identifier: Apache-2.0
/*
 * update_forward.h -- updates of a zone that comes from primaries, handed to them (RFC 2136 §6).
 *
 * Purpose.   Who may have updates forwarded is this server's rule; what they may change is the
 * primary's. Where the primary's remote has a key the update is signed anew with it, and its answer
 * with the client's; else the request goes on, and the answer comes back, with the signatures that
 * they have.
 * Limits.    UPDATE_FORWARDS_MAX at a time. The next primary is asked only where the one before
 * cannot have got the update.
 * Threads.   The control thread.
 */
#ifndef CONTROL_UPDATE_FORWARD_H
#define CONTROL_UPDATE_FORWARD_H

#include "control/internal.h"
#include "control/request.h"

#define UPDATE_FORWARDS_MAX 64u

/* Takes a checked and permitted UPDATE. */
void update_forward(struct request *r, struct zone_entry *e);
/* What is under way is answered with nothing. */
void update_forward_stop(struct control *c);

#endif
