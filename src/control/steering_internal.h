// SPDX-License-Identifier: Apache-2.0
/*
 * steering_internal.h -- what the readers of octoDNS files share; private to this folder.
 */
#ifndef CONTROL_STEERING_INTERNAL_H
#define CONTROL_STEERING_INTERNAL_H

#include "control/schema.h"
#include "control/steering_file.h"

#define OCTODNS_TTL_DEFAULT 3600u       /* octoDNS's own */
#define OCTODNS_TTL_MAX     2147483647u /* RFC 2181 §8 */

struct octodns_zone;

struct reading {
	struct schema schema;
	const uint8_t *zone;
	struct octodns_zone
	    *data;     /* where records go that are not steered; NULL: there may be none */
	uint16_t type; /* of the record being read: decides what a value is */
	struct policy **policies;
	const struct yaml_node **at; /* where each stands */
	size_t n, cap;
	struct steering_alias *aliases;
	size_t alias_n, alias_cap;
	struct steering_hints *hints;
	size_t hints_n, hints_cap;
};

static inline struct policy_place policy_place_of(const struct yaml_node *n)
{
	return (struct policy_place){ n->line, n->column };
}

/* steering_record.c: a record with `dynamic`; r->type is set. */
enum err steering_record_read(struct reading *r, const uint8_t *owner,
			      const struct yaml_node *record);

/* alias_record.c: a record of type ALIAS or ANAME. */
enum err alias_record_read(struct reading *r, const uint8_t *owner, const struct yaml_node *record);

/* hints_record.c: a record of type SVCB or HTTPS with `hints`. */
enum err hints_record_read(struct reading *r, const uint8_t *owner, const struct yaml_node *record);

/* octodns_zone.c: any other record. */
enum err octodns_record_read(struct reading *r, const uint8_t *owner,
			     const struct yaml_node *record);

#endif
