// SPDX-License-Identifier: Apache-2.0
/*
 * steering_lint.h -- what is allowed in a policy and yet hardly meant: warnings at load.
 *
 * Purpose.   Rules that no client comes to; fallbacks that nothing can ever bring into use. And for
 * `concordd --check`: how long a value that dies may stay in resolvers. That existence never
 * differs by client is no lint: policy_check() refuses a pool without values.
 */
#ifndef CONTROL_STEERING_LINT_H
#define CONTROL_STEERING_LINT_H

#include "base/diag.h"
#include "control/steering_file.h"
#include "geo/steer.h"

/* Policies and what they were compiled into, in the same order. */
void steering_lint(const struct steering *s, const struct steer_set *set, struct diag *d);
/* One notice for each record with a health check, for so many records. */
void steering_lint_failover(const struct steering *s, size_t most, struct diag *d);
/* The time from a value's death until the last resolver has forgotten it: `fall` checks that fail,
 * the first one an interval after the last that succeeded, the last one only when its time is out,
 * and then the TTL. */
uint64_t steering_failover_ms(const struct policy *p);

#endif
