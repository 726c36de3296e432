// SPDX-License-Identifier: Apache-2.0
/* The words of the rollover machine. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "multisigner/rollover.h"

static const char *const STATES[] = {
#define X(code, text) [code] = text,
	ROLLOVER_STATE_TABLE(X)
#undef X
};

const char *key_state_text(enum key_state s)
{
	return STATES[s];
}

bool key_state_from_text(const char *text, enum key_state *out)
{
	for (size_t i = 0; i < sizeof STATES / sizeof *STATES; i++) {
		if (strcmp(STATES[i], text) == 0) {
			*out = (enum key_state)i;
			return true;
		}
	}
	return false;
}

const char *roll_kind_text(enum roll_kind k)
{
	static const char *const TEXTS[] = { "none", "zsk", "ksk", "csk", "algorithm" };

	return TEXTS[k];
}

const char *rollover_actor_text(enum rollover_actor a)
{
	static const char *const TEXTS[] = { "nobody", "time", "signers", "parent", "operator" };

	return TEXTS[a];
}

static const char *who_acts(enum rollover_actor a)
{
	switch (a) {
	case ACTOR_SIGNERS:
		return "the other signers have to act";
	case ACTOR_PARENT:
		return "the parent has to act, or you there";
	case ACTOR_OPERATOR:
		return "you have to act";
	case ACTOR_NOBODY:
	case ACTOR_TIME:
		break;
	}
	return "nobody has to act";
}

char *rollover_sentence(const struct rollover_facts *f, const struct rollover_outlook *o, char *out)
{
	char when[40] = "";
	struct tm tm;
	time_t at = (time_t)o->at;

	if (o->at != ROLLOVER_NEVER && gmtime_r(&at, &tm) != NULL)
		strftime(when, sizeof when, " on %Y-%m-%d %H:%M:%S UTC", &tm);
	if (o->next[0] == 0)
		snprintf(out, ROLLOVER_SENTENCE_MAX, "%s",
			 o->waits[0] != 0 ? o->waits : "nothing is planned");
	else if (f->hold != NULL)
		snprintf(out, ROLLOVER_SENTENCE_MAX, "held (%s); otherwise: %s%s%s%s", f->hold,
			 o->next, when, o->waits[0] != 0 ? ", waits " : "", o->waits);
	else
		snprintf(out, ROLLOVER_SENTENCE_MAX, "%s%s%s%s; %s", o->next, when,
			 o->waits[0] != 0 ? ", waits " : "", o->waits, who_acts(o->who));
	return out;
}
