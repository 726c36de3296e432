// SPDX-License-Identifier: Apache-2.0
/*
 * journal.h -- change sets of zones on disk: their history, and what lies on top of their source.
 *
 * Purpose.   Two lists of change sets (octets of zone/change.h; not looked into here) by zone. The
 * *history* leads from serial to serial, for incremental transfers; it is bounded, and its oldest
 * sets go. The *overlay* is what must be applied again on top of the zone's source (file, or
 * transferred zone) at each start; it is never cut, only replaced by one that says the same
 * (journal_replace_overlay()), or forgotten with the source that it lay on.
 * Use.       journal_begin(), any number of journal_append(), journal_commit(): one fsync for all.
 * Invariant. What journal_commit() said ERR_OK to is on disk (WAL, synchronous=FULL). A commit is
 * there whole or not at all, whatever instruction the process dies at. The history has no gaps: a
 * set that does not start where the last one ended begins a new history.
 * Threads.   A handle is one thread's at a time; journal_open_reader() gives a second one for
 * another thread, which reads what was committed.
 * Errors.    ERR_STORE (logged here with SQLite's words), ERR_NOT_FOUND, ERR_NOMEM.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/span.h"

struct journal;

/* A zone's history keeps at most so many sets, and so many octets with the set that this limit
 * falls into. */
struct journal_limits {
	uint32_t sets;
	uint64_t octets;
};
#define JOURNAL_SETS_DEFAULT   10000u
#define JOURNAL_OCTETS_DEFAULT (64u << 20)

struct journal_set {
	uint32_t from, to; /* serials */
	int64_t made_at;   /* seconds since 1970 */
	struct span bytes;
};

/* Opens or makes the file (mode 0600) in a directory that must exist. Findings name the file. */
enum err journal_open(struct journal **out, const char *path, struct diag *d);
enum err journal_open_reader(struct journal **out, const char *path);
/* Accepts NULL. */
void journal_close(struct journal *j);

enum err journal_begin(struct journal *j);
/* `zone`: text, absolute, lower case. In the overlay too where `overlay`. Within begin and commit.
 */
enum err journal_append(struct journal *j, const char *zone, const struct journal_set *s,
			bool overlay, const struct journal_limits *limits);
enum err journal_commit(struct journal *j);
/* Gives up what was appended since journal_begin(). */
void journal_rollback(struct journal *j);
/* One fsync for any number of commits: what journal_commit() says ERR_OK to in between is on disk
 * when journal_batch_end() said so, and nothing of it is where that failed. Where begin failed
 * there is no batch, and each commit counts by itself. */
enum err journal_batch_begin(struct journal *j);
enum err journal_batch_end(struct journal *j);

/* The sets that lead from serial `from` on, oldest first, until `visit` returns false. Their octets
 * are borrowed for the call. ERR_NOT_FOUND: the history does not reach back to it. */
enum err journal_history(struct journal *j, const char *zone, uint32_t from,
			 bool (*visit)(const struct journal_set *s, void *context), void *context);
/* The overlay, oldest first. ERR_OK also where it is empty. */
enum err journal_overlay(struct journal *j, const char *zone,
			 bool (*visit)(const struct journal_set *s, void *context), void *context);
size_t journal_overlay_n(struct journal *j, const char *zone);
/* Within begin and commit: puts one set in the overlay's place; NULL: nothing. */
enum err journal_replace_overlay(struct journal *j, const char *zone, const struct journal_set *s);
/* Within begin and commit: one set more in an overlay alone. `source` is the zone, or (where the
 * source can be replaced by another) what journal_source() makes of the zone and that source. */
enum err journal_add_overlay(struct journal *j, const char *source, const struct journal_set *s);
/* The overlay of one source of a zone, which no other source of it shares: zone and id, with a
 * space between, which no zone's text has. Returns out. */
#define JOURNAL_SOURCE_MAX 1200
char *journal_source(const char *zone, const char *id, char out[JOURNAL_SOURCE_MAX]);
/* Forgets what lies on other sources of the zone than this. Needs no begin. */
enum err journal_forget_other_sources(struct journal *j, const char *zone, const char *source);

/* Within begin and commit: history and overlay go. */
enum err journal_forget(struct journal *j, const char *zone);

#endif
