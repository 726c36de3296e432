// SPDX-License-Identifier: Apache-2.0
#include "multisigner/membership.h"

#include "multisigner/overlap.h"

/* clang-format off */
#define STAY(s) { s, DO_NOTHING }
static const struct member_step STEP[MEMBER_STATES][MEMBER_EVENTS] = {
/*                       met                               lost                              passed                            join                              leave                         eject                             cancel */
[MEMBER_NONE]      = { STAY(MEMBER_NONE),                 STAY(MEMBER_NONE),                STAY(MEMBER_NONE),                { MEMBER_KEYS, DO_SHARE_KEYS },   STAY(MEMBER_NONE),            STAY(MEMBER_NONE),                STAY(MEMBER_NONE) },
[MEMBER_KEYS]      = { { MEMBER_KEYS_WAIT, DO_NOTHING },  STAY(MEMBER_KEYS),                STAY(MEMBER_KEYS),                STAY(MEMBER_KEYS),                { LEAVE_NS, DO_DROP_NS },     { LEAVE_NS, DO_EXPECT_NOTHING },  { LEAVE_NS, DO_DROP_NS } },
[MEMBER_KEYS_WAIT] = { STAY(MEMBER_KEYS_WAIT),            { MEMBER_KEYS, DO_NOTHING },      { MEMBER_DS, DO_NAME_DS },        STAY(MEMBER_KEYS_WAIT),           { LEAVE_NS, DO_DROP_NS },     { LEAVE_NS, DO_EXPECT_NOTHING },  { LEAVE_NS, DO_DROP_NS } },
[MEMBER_DS]        = { { MEMBER_DS_WAIT, DO_NOTHING },    STAY(MEMBER_DS),                  STAY(MEMBER_DS),                  STAY(MEMBER_DS),                  { LEAVE_NS, DO_DROP_NS },     { LEAVE_NS, DO_EXPECT_NOTHING },  { LEAVE_NS, DO_DROP_NS } },
[MEMBER_DS_WAIT]   = { STAY(MEMBER_DS_WAIT),              { MEMBER_DS, DO_NOTHING },        { MEMBER_NS, DO_NAME_NS },        STAY(MEMBER_DS_WAIT),             { LEAVE_NS, DO_DROP_NS },     { LEAVE_NS, DO_EXPECT_NOTHING },  { LEAVE_NS, DO_DROP_NS } },
[MEMBER_NS]        = { { MEMBER_FULL, DO_COMPLETE },      STAY(MEMBER_NS),                  STAY(MEMBER_NS),                  STAY(MEMBER_NS),                  { LEAVE_NS, DO_DROP_NS },     { LEAVE_NS, DO_EXPECT_NOTHING },  { LEAVE_NS, DO_DROP_NS } },
[MEMBER_FULL]      = { STAY(MEMBER_FULL),                 STAY(MEMBER_FULL),                STAY(MEMBER_FULL),                STAY(MEMBER_FULL),                { LEAVE_NS, DO_DROP_NS },     { LEAVE_NS, DO_EXPECT_NOTHING },  STAY(MEMBER_FULL) },
[LEAVE_NS]         = { { LEAVE_NS_WAIT, DO_NOTHING },     STAY(LEAVE_NS),                   STAY(LEAVE_NS),                   { MEMBER_KEYS, DO_SHARE_KEYS },   STAY(LEAVE_NS),               { LEAVE_NS, DO_EXPECT_NOTHING },  { MEMBER_KEYS, DO_SHARE_KEYS } },
[LEAVE_NS_WAIT]    = { STAY(LEAVE_NS_WAIT),               { LEAVE_NS, DO_NOTHING },         { LEAVE_DS, DO_DROP_DS },         { MEMBER_KEYS, DO_SHARE_KEYS },   STAY(LEAVE_NS_WAIT),          { LEAVE_NS, DO_EXPECT_NOTHING },  { MEMBER_KEYS, DO_SHARE_KEYS } },
[LEAVE_DS]         = { STAY(LEAVE_DS),                   { LEAVE_NS, DO_NOTHING },         { LEAVE_DS_WAIT, DO_NOTHING },               { MEMBER_KEYS, DO_SHARE_KEYS },   STAY(LEAVE_DS),               { LEAVE_NS, DO_EXPECT_NOTHING },  { MEMBER_KEYS, DO_SHARE_KEYS } },
[LEAVE_DS_WAIT]    = { STAY(LEAVE_DS_WAIT),               { LEAVE_NS, DO_NOTHING },         { MEMBER_GONE, DO_DROP_KEYS },    { MEMBER_KEYS, DO_SHARE_KEYS },   STAY(LEAVE_DS_WAIT),          { LEAVE_NS, DO_EXPECT_NOTHING },  { MEMBER_KEYS, DO_SHARE_KEYS } },
[MEMBER_GONE]      = { STAY(MEMBER_GONE),                 STAY(MEMBER_GONE),                STAY(MEMBER_GONE),                { MEMBER_KEYS, DO_SHARE_KEYS },   STAY(MEMBER_GONE),            STAY(MEMBER_GONE),                STAY(MEMBER_GONE) },
};
/* clang-format on */

#define GATES_MAX 7
#define END       GROUP_GUARDS

/* What a state waits for: its condition, then its gates. A state without gates goes on as soon as
 * its condition is met. */
static const struct waiting {
	enum group_guard condition[3];
	bool has_gates;
	enum group_guard gates[GATES_MAX];
} WAITING[MEMBER_STATES] = {
	[MEMBER_NONE] = { { END }, false, { END } },
	[MEMBER_KEYS] = { { GUARD_ALGORITHMS, GUARD_KEYS, END }, false, { END } },
	[MEMBER_KEYS_WAIT] = { { GUARD_ALGORITHMS, GUARD_KEYS, END },
			       true,
			       { GUARD_FRESH, GUARD_KEYS_WAIT, END } },
	[MEMBER_DS] = { { GUARD_DS, END }, false, { END } },
	[MEMBER_DS_WAIT] = { { GUARD_DS, END },
			     true,
			     { GUARD_FRESH, GUARD_KEYS_WAIT, GUARD_DS_WAIT, GUARD_CONSENT,
			       GUARD_DELEGATED, GUARD_NAMES, END } },
	[MEMBER_NS] = { { GUARD_NS, END }, false, { END } },
	[MEMBER_FULL] = { { END }, false, { END } },
	[LEAVE_NS] = { { GUARD_UNLISTED, END }, false, { END } },
	[LEAVE_NS_WAIT] = { { GUARD_UNLISTED, END },
			    true,
			    { GUARD_FRESH, GUARD_UNLISTED_WAIT, END } },
	/* Who still had our consent may name its servers a last time: then its DS stays. */
	[LEAVE_DS] = { { GUARD_UNLISTED, END }, true, { GUARD_DS_GONE, END } },
	[LEAVE_DS_WAIT] = { { GUARD_UNLISTED, END },
			    true,
			    { GUARD_FRESH, GUARD_REACTION, GUARD_SIGNATURES, END } },
	[MEMBER_GONE] = { { END }, false, { END } },
};

struct member_step member_step(enum member_state s, enum member_event e)
{
	return STEP[s][e];
}

size_t membership_guards(enum member_state s, enum group_guard out[MEMBERSHIP_GUARDS_MAX])
{
	const struct waiting *w = &WAITING[s];
	size_t n = 0;

	for (const enum group_guard *g = w->condition; *g != END; g++)
		out[n++] = *g;
	for (const enum group_guard *g = w->gates; w->has_gates && *g != END; g++)
		out[n++] = *g;
	return n;
}

static struct guard_verdict first_missing(const struct group *g, const enum group_guard *guards,
					  unsigned signer, int64_t now)
{
	struct guard_verdict v = {
		.guard = END, .holds = true, .signer = -1, .server = -1, .key = -1
	};

	for (; *guards != END && v.holds; guards++)
		v = guard_ask(g, *guards, signer, now);
	return v;
}

struct guard_verdict membership_blocked(const struct group *g, unsigned signer, int64_t now)
{
	const struct waiting *w = &WAITING[g->signer[signer].state];
	struct guard_verdict v = first_missing(g, w->condition, signer, now);

	return v.holds ? first_missing(g, w->gates, signer, now) : v;
}

static void take(struct group *g, unsigned signer, enum member_event event, int64_t now,
		 struct member_change *change)
{
	struct group_signer *s = &g->signer[signer];
	struct member_step step = member_step(s->state, event);

	*change = (struct member_change){ .signer = (uint8_t)signer,
					  .event = event,
					  .from = s->state,
					  .to = step.next,
					  .effect = step.effect };
	s->state = step.next;
	s->state_at = now;
	s->confirmed = false;
	if (step.effect == DO_EXPECT_NOTHING)
		s->ejected = true;
	if (step.effect == DO_SHARE_KEYS)
		s->ejected = false;
	if (step.effect == DO_COMPLETE || step.effect == DO_DROP_KEYS ||
	    step.effect == DO_SHARE_KEYS)
		s->waived = 0;
}

bool membership_command(struct group *g, unsigned signer, enum member_event event, int64_t now,
			struct member_change *change, const char **why)
{
	struct group_signer *s = &g->signer[signer];
	struct member_step step = member_step(s->state, event);

	*why = NULL;
	if (step.next == s->state && step.effect == DO_NOTHING) {
		*why = "that is so already, or not possible where the signer stands";
		return false;
	}
	if (event == EVENT_EJECT && signer == GROUP_SELF) {
		*why = "a signer cannot eject itself; it can leave";
		return false;
	}
	*why = overlap_refuses(g, signer, event);
	if (*why != NULL)
		return false;
	take(g, signer, event, now, change);
	return true;
}

bool membership_advance(struct group *g, unsigned signer, int64_t now, struct member_change *change)
{
	struct group_signer *s = &g->signer[signer];
	const struct waiting *w = &WAITING[s->state];

	if (!s->used || s->paused || w->condition[0] == END)
		return false;
	bool met = first_missing(g, w->condition, signer, now).holds;
	if (!w->has_gates) {
		if (met)
			take(g, signer, EVENT_MET, now, change);
		return met;
	}
	if (!met) {
		take(g, signer, EVENT_LOST, now, change);
		return true;
	}
	if (!first_missing(g, w->gates, signer, now).holds)
		return false;
	take(g, signer, EVENT_PASSED, now, change);
	return true;
}

bool membership_confirm(struct group *g)
{
	bool changed = false;

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		struct group_signer *s = &g->signer[i];
		if (s->used && s->state == MEMBER_NS && !s->confirmed)
			changed = s->confirmed = true;
	}
	return changed;
}

const char *member_event_text(enum member_event e)
{
	static const char *const TEXT[MEMBER_EVENTS] = {
#define X(code, text) [code] = text,
		MEMBER_EVENT_TABLE(X)
#undef X
	};

	return TEXT[e];
}

const char *member_effect_text(enum member_effect e)
{
	static const char *const TEXT[] = {
#define X(code, text) [code] = text,
		MEMBER_EFFECT_TABLE(X)
#undef X
	};

	return TEXT[e];
}
