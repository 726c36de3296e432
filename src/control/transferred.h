// SPDX-License-Identifier: Apache-2.0
/*
 * transferred.h -- what of a transferred zone is ours to serve: its records, the changes to them,
 * its serial.
 *
 * Purpose.   A zone that comes from primaries is a spool file (transfer/spool.h) and the change
 * sets that lie on it (journal overlay, filed under the file's digest: those of a file that was
 * replaced never lie on another). Both are as the primary sent them; what is served leaves some
 * out, and may have a serial of its own. Invariant. A change applied here and then loaded at a
 * start gives the same zone. A change that does not fit what we have (RFC 1995 §4: it removes what
 * is not there, or adds what is) is refused. Threads.   The one that loads.
 */
#ifndef CONTROL_TRANSFERRED_H
#define CONTROL_TRANSFERRED_H

#include "control/internal.h"
#include "store/journal.h"
#include "zone/change.h"

/* A serial of our own is kept in the store, with the primary's that it stands for. */
void own_serial_read(struct store *s, const char *zone, struct own_serial *out);
enum err own_serial_write(struct store *s, const char *zone, const struct own_serial *o);
/* The serial that the primary's version `primary` is served with; `fresh`: it came just now, so
 * that the one before does not do again. */
uint32_t own_serial_next(const struct own_serial *o, enum serial_policy policy, uint32_t primary,
			 bool fresh, int64_t now);

/* Records of the spool file l->spool, and the changes that lie on it, into the builder. *primary:
 * the primary's serial. */
enum err transferred_read(const struct zone_load *l, struct zone_builder *b, uint32_t *primary,
			  struct diag *d);

/* The name under which the changes on a spool file are journaled. */
enum err transferred_source(const char *zone, const char *spool, char out[JOURNAL_SOURCE_MAX]);

/* A version with a primary's changes on top of the one that is served. */
struct transferred_change {
	struct change_set raw;  /* as it came, condensed */
	struct change_set ours; /* as it is served: types left out, our serials */
	uint32_t primary_from, primary_to, from, to;
	struct zone_builder *builder; /* to be sealed; NULL: taken */
	bool kept;                    /* it is journaled */
};
/* ERR_CONFLICT: the changes do not fit (`why` says how); ERR_TOO_LONG: a whole zone costs less. */
enum err transferred_change(const struct zone_entry *e, const struct own_serial *own,
			    const struct change_set *sets, size_t n, struct transferred_change *out,
			    char *why, size_t why_len, struct diag *d);
void transferred_change_free(struct transferred_change *t);

#endif
