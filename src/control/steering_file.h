// SPDX-License-Identifier: Apache-2.0
/*
 * steering_file.h -- a steering file (octoDNS record model in YAML) into policies.
 *
 * Invariant. Every policy that comes out passed policy_check(), lies within the zone, and no owner
 * has two of one type, or CNAME and another. Memory.    All of it lives until steering_free().
 * Errors.    Findings with file:line:column; ERR_INVALID where there was an error.
 */
#ifndef CONTROL_STEERING_FILE_H
#define CONTROL_STEERING_FILE_H

#include "base/diag.h"
#include "base/err.h"
#include "geo/policy.h"

/* An ALIAS record of a steering file. */
struct steering_alias {
	const uint8_t *owner, *target; /* wire */
	uint32_t ttl;
	const char *file;
	struct policy_place at;
};

/* A record of type SVCB or HTTPS whose hints follow the addresses of its target. */
struct steering_hints {
	const uint8_t *owner; /* wire */
	uint16_t type;
	uint32_t ttl;
	const struct span *values; /* RDATA without the hints */
	size_t n;
	const char *file;
	struct policy_place at;
};

struct steering {
	const struct policy *const *policies;
	size_t n;
	const struct steering_alias *aliases;
	size_t alias_n;
	const struct steering_hints *hints;
	size_t hints_n;
};

enum err steering_read(struct steering **out, const char *path, const uint8_t *zone,
		       struct diag *d);
void steering_free(struct steering *s);

#endif
