// SPDX-License-Identifier: Apache-2.0
/*
 * audit.h -- who changed what, and what came of it.
 *
 * Purpose.   One document a change that somebody asked for, whether it was done or refused. The
 * operator reads them with `concordctl audit`.
 * Store.     audit/<sequence, 12 digits>  {"at", "who", "from", "what", "status", "detail",
 * "forced"} Invariant. At most AUDIT_MAX entries: the oldest go. No entry holds a secret: bodies
 * are not part of it. Threads.   The control thread.
 */
#ifndef CONTROL_AUDIT_H
#define CONTROL_AUDIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define AUDIT_MAX 2000

struct control;

struct audit_entry {
	const char *who;    /* "token bind", "certificate a.example", "uid 0" */
	const char *from;   /* address; "" for the control socket */
	const char *what;   /* "PUT /v1/zones/example./peers/bind/keys" */
	const char *detail; /* why it was refused, or what was done; may be NULL */
	unsigned status;    /* of HTTP */
	bool forced;        /* a guard was overruled */
};

/* ERR_STORE, ERR_NOMEM; logged here. */
enum err control_audit_add(struct control *c, const struct audit_entry *e);
/* {"entries": [...]}, newest first, at most `max`. */
json_t *control_audit_list(struct control *c, size_t max);

#endif
