// SPDX-License-Identifier: Apache-2.0
/*
 * zone_compare.h -- what a zone file would change in a zone that is served, without a daemon.
 *
 * Purpose.   Reads what the daemon wrote out (control/zone_export.h) and the file, lays the updates
 * on the file as a load would (updates_replay()), and writes what the two differ by: removed
 * records behind "- ", added ones behind "+ ".
 * Threads.   One at a time.
 * Errors.    Findings as a load of the file has them; ERR_INVALID: it would not load. ERR_IO,
 * ERR_NOMEM.
 */
#ifndef CONTROL_ZONE_COMPARE_H
#define CONTROL_ZONE_COMPARE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/diag.h"
#include "base/err.h"

struct zone_comparison {
	const char *zone;   /* its name */
	const char *served; /* path of what is served, without what is steered */
	const char *file;   /* path of the file */
	FILE *updates;      /* records as EXPORT_CHANGES has them; read from its start */
	bool signed_here;
	size_t removed_n, added_n; /* out: records */
};

enum err zone_compare(struct zone_comparison *c, FILE *out, struct diag *d);

#endif
