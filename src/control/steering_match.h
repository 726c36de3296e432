// SPDX-License-Identifier: Apache-2.0
/*
 * steering_match.h -- what octoDNS rules do not have: AS numbers, named networks, distance.
 *
 * Errors.    Findings with file:line:column; ERR_INVALID, ERR_NOMEM.
 */
#ifndef CONTROL_STEERING_MATCH_H
#define CONTROL_STEERING_MATCH_H

#include "control/schema.h"
#include "geo/location.h"
#include "geo/policy.h"

/* Of a rule; `into` is its struct policy_rule. */
enum err steering_read_asns(struct schema *s, const struct yaml_node *list, void *into);
enum err steering_read_networks(struct schema *s, const struct yaml_node *list, void *into);
enum err steering_read_limit(struct schema *s, const struct yaml_node *value, void *into);
/* When it is read. */
enum err steering_finish_rule(struct schema *s, const struct yaml_node *map,
			      struct policy_rule *rule);

/* Of a pool; `into` is its struct policy_pool. */
enum err steering_read_latitude(struct schema *s, const struct yaml_node *value, void *into);
enum err steering_read_longitude(struct schema *s, const struct yaml_node *value, void *into);
enum err steering_read_bias(struct schema *s, const struct yaml_node *value, void *into);
enum err steering_finish_pool(struct schema *s, const struct yaml_node *map,
			      struct policy_pool *pool);

/* Whether any rule goes by what a location database knows. */
bool steering_looks_for_places(const struct policy *p);

/* Whether the database (NULL: none; `configured`: but there should be one) has all that the rules
 * of a policy look for. */
enum err steering_check_places(const struct policy *p, const struct location_db *db,
			       bool configured, struct diag *d);

#endif
