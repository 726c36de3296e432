// SPDX-License-Identifier: Apache-2.0
/*
 * transfers_out.h -- AXFR and IXFR requests answered.
 *
 * Purpose.   Who may, what they get, and the stream to them: rendered by a thread of libuv's pool
 * from a pinned view, then sent as the client takes it, each message signed where the request was.
 * Limits.    TRANSFERS_OUT_MAX at a time; each holds its rendered messages in memory.
 * Threads.   The control thread.
 */
#ifndef CONTROL_TRANSFERS_OUT_H
#define CONTROL_TRANSFERS_OUT_H

#include "control/internal.h"
#include "control/request.h"

#define TRANSFERS_OUT_MAX 16

/* Takes a checked AXFR or IXFR request. */
void transfer_out(struct request *r);

enum err transfers_out_open(struct control *c);
/* Ends all that are on their way. */
void transfers_out_stop(struct control *c);
void transfers_out_close(struct control *c);

#endif
