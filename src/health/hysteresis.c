// SPDX-License-Identifier: Apache-2.0
#include "health/hysteresis.h"

void hysteresis_start(struct hysteresis *h, enum health_state last, int64_t now_ms)
{
	*h = (struct hysteresis){ .state = HEALTH_UNKNOWN, .last = last, .since_ms = now_ms };
}

static void enter(struct hysteresis *h, enum health_state state, int64_t now_ms)
{
	if (state != HEALTH_UNKNOWN) {
		if (h->last != HEALTH_UNKNOWN && h->last != state)
			h->changes_n++;
		h->last = state;
	}
	h->state = state;
	h->since_ms = now_ms;
	h->run = 0;
}

/* Results in a row that it takes. What was up or down before the start is believed to be so still:
 * it takes as many to say otherwise, and one to confirm. */
static uint16_t needed(const struct hysteresis *h, const struct hysteresis_rule *r, bool ok)
{
	if (h->state == HEALTH_UNKNOWN && (ok ? h->last != HEALTH_DOWN : h->last == HEALTH_DOWN))
		return 1;
	return ok ? r->rise : r->fall;
}

bool hysteresis_result(struct hysteresis *h, const struct hysteresis_rule *r, bool ok,
		       int64_t now_ms)
{
	enum health_state said = ok ? HEALTH_UP : HEALTH_DOWN;

	h->result_at_ms = now_ms;
	if (said == h->state) {
		h->run = 0;
		return false;
	}
	/* While unknown, the run is of the results that contradict the last state. */
	bool contradicts = h->state != HEALTH_UNKNOWN || needed(h, r, ok) != 1;
	if (!contradicts) {
		enter(h, said, now_ms);
		return true;
	}
	if (++h->run < needed(h, r, ok))
		return false;
	enter(h, said, now_ms);
	return true;
}

bool hysteresis_tick(struct hysteresis *h, const struct hysteresis_rule *r, int64_t now_ms)
{
	/* A clock that went back is no reason to doubt. */
	if (h->state == HEALTH_UNKNOWN || now_ms - h->result_at_ms <= (int64_t)r->stale_ms)
		return false;
	enter(h, HEALTH_UNKNOWN, now_ms);
	return true;
}

bool hysteresis_is_up(const struct hysteresis *h)
{
	return h->state == HEALTH_UNKNOWN ? h->last != HEALTH_DOWN : h->state == HEALTH_UP;
}

const char *health_state_text(enum health_state s)
{
	static const char *const TEXTS[] = { "unknown", "up", "down" };

	return TEXTS[s];
}
