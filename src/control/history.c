// SPDX-License-Identifier: Apache-2.0
#include "control/history.h"

#include "zone/change.h"
#include "zone/serial.h"

struct journal_limits journal_limits_of(const struct config_transfer *t)
{
	return (struct journal_limits){
		t->journal_sets != 0 ? t->journal_sets : JOURNAL_SETS_DEFAULT,
		t->journal_octets != 0 ? t->journal_octets : JOURNAL_OCTETS_DEFAULT,
	};
}

void history_keep(struct control *c, const struct zone_entry *e, const struct zone *before)
{
	const struct zone *now = e->served->zone;
	struct change_set set = { 0 };
	struct journal_limits limits = journal_limits_of(&e->config.transfer);

	if (before == NULL || e->config.transfer.out_n == 0 || e->keys != NULL ||
	    zone_is_given(now) || zone_is_given(before) ||
	    !serial_is_newer(zone_serial(now), zone_serial(before)) ||
	    change_between(before, now, NULL, 0, &set)) {
		change_free(&set);
		return;
	}
	struct journal_set j = { zone_serial(before), zone_serial(now), control_now(),
				 change_span(&set) };
	if (!journal_begin(c->journal)) {
		if (journal_append(c->journal, e->text, &j, false, &limits))
			journal_rollback(c->journal);
		else
			(void)journal_commit(c->journal);
	}
	change_free(&set);
}
