// SPDX-License-Identifier: Apache-2.0
/*
 * steering_drain.h -- times in which a value or pool gets no clients.
 *
 * Memory.    The result lies in the schema's arena.
 * Errors.    Findings; ERR_INVALID, ERR_NOMEM.
 */
#ifndef CONTROL_STEERING_DRAIN_H
#define CONTROL_STEERING_DRAIN_H

#include "control/schema.h"
#include "geo/policy.h"

/* [{from: 2027-01-10T02:00:00Z, until: 2027-01-10T04:00:00Z}, ...]; either end may be left out. */
enum err steering_drain_read(struct schema *s, const struct yaml_node *list,
			     const struct policy_window **out, size_t *n);

#endif
