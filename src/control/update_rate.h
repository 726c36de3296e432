// SPDX-License-Identifier: Apache-2.0
/*
 * update_rate.h -- how many records the updates of one zone may change in a second.
 *
 * Rule.      An update is taken while anything is left of the second's share; what it changes is
 * then used up, also ahead of time, so that a large one waits for nobody and those after it do.
 * Threads.   A value of the caller; time is one too.
 */
#ifndef CONTROL_UPDATE_RATE_H
#define CONTROL_UPDATE_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct update_rate {
	bool started;
	int64_t left_milli; /* thousandths of records; negative: used up ahead */
	uint64_t at_ms;
	uint64_t refused_n; /* since it was last told of */
	bool refusing;
};

enum update_rate_verdict {
	UPDATE_RATE_OK,
	UPDATE_RATE_OK_AGAIN, /* the first after some were refused: rate->refused_n says how many */
	UPDATE_RATE_OVER,     /* the first that is refused */
	UPDATE_RATE_STILL_OVER,
};

/* An update of `record_n` records at `now_ms`; `per_second` 0: no limit. */
enum update_rate_verdict update_rate_take(struct update_rate *rate, uint32_t per_second,
					  unsigned record_n, uint64_t now_ms);

#endif
