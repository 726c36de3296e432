// SPDX-License-Identifier: Apache-2.0
/*
 * zone_export.h -- a zone as it is served, or what updates changed beside its file, as text for the
 * operator.
 *
 * Purpose.   The zone file is never written; this is the merged view of file and updates as a
 * master file that loads again, here and elsewhere (control/record_lines.h). Form. The zone: its
 * SOA, then all in canonical order, what the signer makes left out, or the copy that goes out
 * signed, as it goes. RRsets that are steered have their default values and the remark "steered" at
 * the end of each line. Changes: what the updates since the file come to, each record behind "- "
 * or "+ ", the SOA first of either. Lines that start with a semicolon say what it is.
 * How.       A thread of libuv's pool writes an unnamed file in the state directory, from a view
 * that is pinned for that long; a slow reader holds the file alone. Limits. ZONE_EXPORTS_MAX at a
 * time. Threads.   The control thread.
 */
#ifndef CONTROL_ZONE_EXPORT_H
#define CONTROL_ZONE_EXPORT_H

#include <stdint.h>

#include "control/control.h"

#define ZONE_EXPORTS_MAX 4

enum zone_export_kind { EXPORT_ZONE, EXPORT_SIGNED, EXPORT_CHANGES };

/* `fd` (taken; -1: there is none, and `r` says why) is to be read from its start. */
typedef void zone_exported(void *context, const struct control_result *r, int fd, uint64_t octets);

/* `done` is told once, on the loop, maybe before this returns; not after zone_export_forget(). */
void zone_export_start(struct control *c, const char *zone, enum zone_export_kind kind,
		       zone_exported *done, void *context);
/* Who asked with that context is gone. */
void zone_export_forget(struct control *c, const void *context);

/* Gives up what is being written; nothing is called after it. */
void zone_exports_stop(struct control *c);

#endif
