// SPDX-License-Identifier: Apache-2.0
/*
 * policy_internal.h -- what the parts of policy_check() share; private to this folder.
 */
#ifndef GEO_POLICY_INTERNAL_H
#define GEO_POLICY_INTERNAL_H

#include "geo/policy.h"

struct policy_check {
	const struct policy *p;
	struct diag *d;
};

void policy_finding(const struct policy_check *c, struct policy_place at, const char *hint,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));
const struct policy_pool *policy_pool_named(const struct policy *p, const char *name);
void policy_unknown_pool(const struct policy_check *c, struct policy_place at, const char *name);

/* policy_answers.c: how many answers there may be. */
void policy_check_answers(const struct policy_check *c);

/* policy_rules.c */
void policy_check_rules(const struct policy_check *c);

#endif
