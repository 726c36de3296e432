// SPDX-License-Identifier: Apache-2.0
/*
 * databases.h -- the location databases of a configuration, read, and what zones make of several.
 *
 * Invariant. A database whose file and settings are as before is the one that was read before, so
 * that what was compiled for it holds on. One whose file cannot be read, or is damaged, keeps the
 * contents it had.
 * Threads.   The control thread's.
 */
#ifndef CONTROL_DATABASES_H
#define CONTROL_DATABASES_H

#include <jansson.h>
#include <stdbool.h>

#include "base/text.h"
#include "control/config.h"

struct databases;

/* Reads all of a configuration, borrowing nothing from it; `before` (may be NULL) is left as it is.
 * NULL in *out only without memory; otherwise an error says that a database could not be read. */
enum err databases_read(struct databases **out, const struct config *c,
			const struct databases *before, struct diag *d);
/* Accepts NULL. */
void databases_free(struct databases *all);

/* What a zone goes by: one database, or several combined. NULL: none, or one was never read. */
struct location_db *databases_of(struct databases *all, const struct config_zone_geo *geo);
/* Whether a zone goes by a database whose file is another now than when it was last looked at. */
bool databases_changed(const struct databases *all, const struct config *c);

/* By id: what it is, since when, and whether its present file was refused. */
json_t *databases_status(const struct databases *all);
void databases_metrics(const struct databases *all, struct text *out);

#endif
