// SPDX-License-Identifier: Apache-2.0
/*
 * diag.h -- what is wrong with a file, said so that a person can mend it.
 *
 * Purpose.   Readers of configuration, zones and steering collect their findings here:
 * FILE:LINE:COLUMN: error: text, with the line and a caret where known, and a hint. The caller
 * prints or logs them once, or returns them by the API. Invariant. At most DIAG_MAX findings are
 * kept; further ones are counted. Errors and warnings are kept apart by severity. Threads.   One
 * thread. Memory.    diag_free() frees what was collected. Texts are copied in.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define DIAG_MAX 100

enum diag_severity { DIAG_ERROR, DIAG_WARNING, DIAG_NOTICE };

struct diag_place {
	const char *file; /* NULL: not about a file */
	unsigned line;    /* from 1; 0: unknown */
	unsigned column;  /* from 1; 0: unknown */
	const char
	    *source; /* the text of that line without its newline, for the caret; NULL: not shown */
};

struct diag_finding {
	enum diag_severity severity;
	char *text; /* for a person: "FILE:LINE:COL: error: ...", then the source line and caret,
		       then the hint, newline-separated */
	char *line; /* for a log: "FILE:LINE:COL: ... (hint)" */
};

struct diag {
	struct diag_finding *findings;
	size_t n;
	size_t error_n; /* all errors, kept or not */
	size_t warning_n;
};

/* Adds one finding. `hint` may be NULL. Out of memory still counts the error. */
void diag_add(struct diag *d, enum diag_severity severity, const struct diag_place *at,
	      const char *hint, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Prints all findings, one after another, as they are. */
void diag_print(const struct diag *d, FILE *to);

static inline bool diag_failed(const struct diag *d)
{
	return d->error_n > 0;
}

void diag_free(struct diag *d);
/* All findings of `from` behind those of `to`; frees `from`. */
void diag_move(struct diag *to, struct diag *from);

/* Line `line` (from 1) of a text, at most 200 octets, for struct diag_place; to be freed. NULL
 * without memory or text. */
char *diag_line_of(const char *text, unsigned line);

/* The one of `n` names nearest to `given` by edit distance, or NULL where none is near enough to be
 * meant. */
const char *diag_nearest(const char *given, const char *const *names, size_t n);

#endif
