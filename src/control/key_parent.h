// SPDX-License-Identifier: Apache-2.0
/*
 * key_parent.h -- asks the parent's servers which DS they show.
 *
 * Purpose.   Evidence for the rollover machine: a DS counts as there when all of the configured
 * servers show it, as gone when none does. Foreign DS are other signers' matter and are not looked
 * at. A server that fails or does not speak for the parent leaves everything as it was. Threads.
 * The control thread. Memory.    One check belongs to one zone's entry; parent_check_end() ends
 * exchanges that are under way.
 */
#ifndef CONTROL_KEY_PARENT_H
#define CONTROL_KEY_PARENT_H

#include "control/internal.h"

/* Asks when it is time; returns when it will be next, INT64_MAX where nobody can be asked. */
int64_t parent_check_run(struct control *c, struct zone_entry *e, int64_t now);
void parent_check_end(struct parent_check *p);
/* What the last complete check found, for people; NULL: none yet. */
json_t *parent_check_status(const struct zone_entry *e);

#endif
