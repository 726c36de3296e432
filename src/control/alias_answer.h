// SPDX-License-Identifier: Apache-2.0
/*
 * alias_answer.h -- what the aliases of a zone answer now.
 *
 * Purpose.   The way from an alias to its addresses is walked over aliases and CNAMEs of our own
 * zones, whose newest versions count, and over what is known of names outside
 * (control/aliases.h). Where the target is steered here the alias is steered by the same policy,
 * so a client gets the same values at both. At most ALIAS_HOPS_MAX steps: a loop ends there.
 * A CNAME that is steered leads on by its default value.
 * Threads.   The control thread.
 */
#ifndef CONTROL_ALIAS_ANSWER_H
#define CONTROL_ALIAS_ANSWER_H

#include "control/alias_target.h"
#include "control/internal.h"

/* Where the way of one type ends. */
struct alias_end {
	enum address_outcome outcome; /* ADDRESS_THERE, _NONE, _NO_NAME, or _FAILED */
	const char *why;              /* ADDRESS_FAILED */
	uint32_t ttl;
	const struct rrset *own; /* addresses of ours; NULL: `known` has them */
	struct steered *by;      /* whose policies choose among them; NULL: nobody */
	const struct alias_known *known;
	const uint8_t *name; /* that has them, or where the way ends; for people */
};

/* Both types; a target that has no address at all is a failure of both. */
void alias_walk(struct control *c, const struct zone_alias *a, struct alias_end out[ALIAS_TYPES]);

/* Whether a name is answered for here, and not below a cut. */
bool alias_is_ours(struct control *c, const uint8_t *name);

/* Makes e->served what its aliases answer now; *changed says whether it is another version. Who
 * calls publishes it. Without memory, or where it cannot be kept, nothing has changed. */
enum err alias_renew_zone(struct control *c, struct zone_entry *e, bool *changed);

#endif
