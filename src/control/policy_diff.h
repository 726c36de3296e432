// SPDX-License-Identifier: Apache-2.0
/*
 * policy_diff.h -- who would get another answer if a steering file were replaced, a pool went down,
 * or another location database were used.
 *
 * Purpose.   Both sides are compiled as the daemon compiles them and decided by the serving code
 * over the whole address space, and for each query of a log. No daemon is asked or changed. Health.
 * All values count as up but those that the file, or the scenario, has down. Memory.    The result
 * is the caller's. Threads.   One.
 */
#ifndef CONTROL_POLICY_DIFF_H
#define CONTROL_POLICY_DIFF_H

#include <jansson.h>
#include <stddef.h>

#include "base/diag.h"

struct policy_diff_options {
	const char *old_file, *new_file;
	const char *zone;
	const char *config;      /* NULL: the zone's seed is the default, and no database */
	const char *mmdb;        /* the new side's database; without config the old side's too */
	const char *queries;     /* a log: lines of ADDRESS[/LEN] [NAME [TYPE]]; NULL: none */
	const char *const *down; /* pools that are down on the new side */
	size_t down_n;
};

/* {zone, records: [{name, type, change, moves}], queries}; NULL with findings. */
json_t *policy_diff(const struct policy_diff_options *o, struct diag *d);

#endif
