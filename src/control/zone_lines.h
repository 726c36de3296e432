// SPDX-License-Identifier: Apache-2.0
/*
 * zone_lines.h -- a master file cut into entries (RFC 1035 §5.1): comments gone, parentheses
 * flattened.
 *
 * Purpose.   The record parser wants one entry as one line; the operator wants the line number of
 * the file. Limits.    An entry is at most ZONE_ENTRY_MAX octets of text. Memory.    The entry's
 * text is borrowed until the next call.
 */
#ifndef CONTROL_ZONE_LINES_H
#define CONTROL_ZONE_LINES_H

#include <stddef.h>
#include <stdio.h>

#define ZONE_ENTRY_MAX (512u << 10)

struct zone_lines {
	FILE *from;         /* owned by the caller */
	unsigned next_line; /* from 1 */
	unsigned line;      /* where the present entry starts */
	char *text;         /* a leading blank says "same owner as before" */
	size_t n, cap;
	int depth; /* of parentheses */
};

enum zone_lines_verdict {
	ZONE_LINES_ENTRY,
	ZONE_LINES_END,
	ZONE_LINES_TOO_LONG,
	ZONE_LINES_UNBALANCED,
	ZONE_LINES_NOMEM
};

void zone_lines_start(struct zone_lines *z, FILE *from);
/* The next entry that is not empty. After TOO_LONG or UNBALANCED the file is given up. */
enum zone_lines_verdict zone_lines_next(struct zone_lines *z);
void zone_lines_end(struct zone_lines *z);

#endif
