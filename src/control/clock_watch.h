// SPDX-License-Identifier: Apache-2.0
/*
 * clock_watch.h -- notices that somebody has set the clock.
 *
 * Purpose.   Waits of key rolls are times of the wall clock. The machine's uptime, which nobody
 * sets, tells by how much that was moved; the times are moved with it, so that each wait stays as
 * long as it was.
 * Over restarts. Each zone's documents say by which clock their times are (struct clock_base). In
 * the same boot they are moved at load. After another boot nobody knows: times in the future become
 * now (rollover_mend()), and after CLOCK_AWAY_S without a run, which may also be a clock that is
 * wrong, no step is taken until the longest wait has passed by uptime.
 * Threads.   The control thread.
 */
#ifndef CONTROL_CLOCK_WATCH_H
#define CONTROL_CLOCK_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct control;

#define CLOCK_AWAY_S   (7 * 86400)
#define CLOCK_BOOT_MAX 64

/* What times of the wall clock stand on. */
struct clock_base {
	char boot[CLOCK_BOOT_MAX]; /* which start of the machine; "": nobody says */
	int64_t offset;            /* of the wall clock over the uptime */
};

/* Seconds that the machine has been up, asleep or not. */
int64_t clock_uptime(void);
struct clock_base clock_base_now(int64_t now);
/* By how much the clock was moved between the two; 0 also where that cannot be known. */
int64_t clock_moved(const struct clock_base *before, const struct clock_base *after);
/* Looks at the clock; before any step of a roll. False: no step may be taken now. */
bool clock_watch(struct control *c, int64_t now);

#endif
