// SPDX-License-Identifier: Apache-2.0
/*
 * steering_check.h -- the `healthcheck` of a steered record, as octoDNS writes it and with what it
 * leaves open.
 *
 * Memory.    The result lies in the schema's arena.
 * Errors.    Findings at the place of each fault; ERR_INVALID, ERR_NOMEM.
 */
#ifndef CONTROL_STEERING_CHECK_H
#define CONTROL_STEERING_CHECK_H

#include "control/schema.h"
#include "geo/policy.h"

/* *out is NULL afterwards where nothing can be checked (UDP, which gets a warning). */
enum err steering_check_read(struct schema *s, const struct yaml_node *map,
			     const struct policy_healthcheck **out);

#endif
