// SPDX-License-Identifier: Apache-2.0
/*
 * hysteresis.h -- from single results to a state that does not flap.
 *
 * Purpose.   A state changes only after so many equal results in a row. The first result ever
 * decides at once that something is up; to be called down it takes as many failures as later, since
 * a check that never worked is more often wrong than its target. Invariant. `unknown` is a state of
 * its own: it steers as the last state that was known, or as up where none ever was, so that a
 * start never takes everything down. Threads.   Pure: no I/O; time is a value: milliseconds of a
 * clock that does not jump.
 */
#ifndef HEALTH_HYSTERESIS_H
#define HEALTH_HYSTERESIS_H

#include <stdbool.h>
#include <stdint.h>

enum health_state { HEALTH_UNKNOWN, HEALTH_UP, HEALTH_DOWN };

struct hysteresis {
	enum health_state state;
	enum health_state last; /* the last one known; HEALTH_UNKNOWN: none ever was */
	int64_t since_ms;       /* of `state` */
	int64_t result_at_ms;   /* of the last result; 0: none */
	uint16_t run;           /* results in a row that contradict the state */
	uint64_t changes_n;     /* of up to down and back */
};

struct hysteresis_rule {
	uint16_t rise, fall;
	uint32_t stale_ms;
};

/* As remembered from an earlier run: `last` may be HEALTH_UNKNOWN. */
void hysteresis_start(struct hysteresis *h, enum health_state last, int64_t now_ms);

/* One result. True: the state has changed. */
bool hysteresis_result(struct hysteresis *h, const struct hysteresis_rule *r, bool ok,
		       int64_t now_ms);

/* Time passes without a result. True: the state has become unknown. */
bool hysteresis_tick(struct hysteresis *h, const struct hysteresis_rule *r, int64_t now_ms);

/* What answers go by. */
bool hysteresis_is_up(const struct hysteresis *h);

const char *health_state_text(enum health_state s);

#endif
