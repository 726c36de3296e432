// SPDX-License-Identifier: Apache-2.0
/*
 * read_ahead.h -- large zone files are read by a thread of their own before a reload.
 *
 * Purpose.   Parsing a million records takes seconds; meanwhile control answers its callers and
 * workers have their cores. What a reload then finds read already it does not read again.
 * Invariant. A file read ahead gives the records and the findings that zone_file_read() would have
 * given at that time. A zone that is configured otherwise meanwhile is not taken from here. Pace.
 * Where the process has no core to spare, the thread rests after each bit of work, so that no
 * answer waits for more than that. Threads.   Control's own functions; the thread touches nothing
 * but its files and builders. Memory.    read_ahead_free() gives back what was not taken.
 */
#ifndef CONTROL_READ_AHEAD_H
#define CONTROL_READ_AHEAD_H

#include <stdbool.h>
#include <uv.h>

#include "control/config.h"
#include "zone/builder.h"

struct read_ahead;

/* Starts on the master files of at least `min_size` octets. `done` is called on the loop, once, and
 * not after read_ahead_free(). NULL: there is nothing to read, or it cannot be: a reload then reads
 * all by itself. */
struct read_ahead *read_ahead_start(uv_loop_t *loop, const struct config *config, off_t min_size,
				    void (*done)(void *context), void *context);
/* Moves a zone's records into `b`, which is new, and the findings to `d`, as zone_file_read()
 * would; *result is what that would have returned. False: it was not read ahead (NULL is accepted).
 * Once for each zone, after `done`. */
bool read_ahead_take(struct read_ahead *r, const struct config_zone *z, struct zone_builder *b,
		     struct diag *d, enum err *result);
/* Ends the thread where it still reads. Its handle closes with the next turns of the loop. Accepts
 * NULL. */
void read_ahead_free(struct read_ahead *r);

#endif
