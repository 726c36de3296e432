// SPDX-License-Identifier: Apache-2.0
#include "control/update_rate.h"

/* What no updates used is kept for so long. */
#define KEPT_MS 1000

static void refill(struct update_rate *r, uint32_t per_second, uint64_t now_ms)
{
	int64_t most = (int64_t)per_second * KEPT_MS;
	uint64_t passed = r->started ? now_ms - r->at_ms : KEPT_MS;

	/* However long it was: no more than the debt and the share. */
	if (passed > 1000 * (uint64_t)KEPT_MS)
		passed = 1000 * (uint64_t)KEPT_MS;
	r->left_milli += (int64_t)passed * per_second;
	if (r->left_milli > most)
		r->left_milli = most;
	r->at_ms = now_ms;
	r->started = true;
}

enum update_rate_verdict update_rate_take(struct update_rate *r, uint32_t per_second,
					  unsigned record_n, uint64_t now_ms)
{
	if (per_second == 0) {
		*r = (struct update_rate){ 0 };
		return UPDATE_RATE_OK;
	}
	refill(r, per_second, now_ms);
	if (r->left_milli <= 0) {
		enum update_rate_verdict v =
		    r->refusing ? UPDATE_RATE_STILL_OVER : UPDATE_RATE_OVER;
		r->refused_n = r->refusing ? r->refused_n + 1 : 1;
		r->refusing = true;
		return v;
	}
	r->left_milli -= 1000 * (int64_t)(record_n > 0 ? record_n : 1);
	bool again = r->refusing;
	r->refusing = false;
	return again ? UPDATE_RATE_OK_AGAIN : UPDATE_RATE_OK;
}
