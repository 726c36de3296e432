// SPDX-License-Identifier: Apache-2.0
/*
 * alias_history.h -- what secondaries are told when the addresses of aliases change.
 *
 * Rule.      A zone that is given out without signatures gets the next serial with each such
 * change, and the difference goes into its history, so that IXFR and AXFR agree. One that nobody
 * may transfer keeps its serial; a signed copy has a serial and a history of its own
 * (control/signed_copies.h). At the first load nothing is told: what is known was served before.
 */
#ifndef CONTROL_ALIAS_HISTORY_H
#define CONTROL_ALIAS_HISTORY_H

#include "control/internal.h"
#include "zone/change.h"

struct alias_history {
	struct change_set removed, added; /* records of aliases */
	struct change_set step, whole;
	uint32_t from, to;
	bool lifted;
};

/* What one type of an alias had (NULL: nothing), and has from now on. */
enum err alias_history_note(struct alias_history *h, const uint8_t *owner, uint16_t type,
			    const struct rrset *was, const struct zone_alias_answer *is);
/* The next serial into the version that is built, where somebody follows it. */
enum err alias_history_lift(struct alias_history *h, const struct zone_entry *e,
			    struct zone_builder *b, struct diag *d);
enum err alias_history_keep(struct alias_history *h, struct control *c, const struct zone_entry *e);
void alias_history_end(struct alias_history *h);

#endif
