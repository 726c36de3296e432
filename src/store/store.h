// SPDX-License-Identifier: Apache-2.0
/*
 * store.h -- state that lasts: documents by key, with revisions.
 *
 * Purpose.   Keys of peers, roles of own keys, what operators set by hand. The interface is small,
 * so that something else can stand behind it for a fleet; here it is one SQLite file. Documents.
 * Text (JSON of the one who writes it) under a path such as "zones/example.com./foreign/13-12345".
 * Each change of a document raises its revision by one, from 1.
 * Invariant. What returned ERR_OK is on disk (WAL, synchronous=FULL), but for batches, which are
 * when they end; a change is there whole or not at all, whatever instruction the process dies at.
 * Threads.   The control thread.
 * Memory.    Texts handed to a callback are borrowed during the call.
 * Errors.    ERR_STORE, logged here with SQLite's words; ERR_CONFLICT: another revision than
 * expected; ERR_NOT_FOUND; ERR_TOO_LONG.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"

#define STORE_KEY_MAX  1200
#define STORE_TEXT_MAX (1u << 20)

struct store;

/* Opens or makes the file (mode 0600) in a directory that must exist. Findings name the file. */
enum err store_open(struct store **out, const char *path, struct diag *d);
void store_close(struct store *s);

#define STORE_ANY_REVISION INT64_C(-1)

struct store_change {
	const char *key;
	const char *text; /* NULL: delete (no error where it is not there) */
	int64_t
	    expected; /* STORE_ANY_REVISION, 0 for "not there yet", or the revision read before */
};

/* All of them or none. */
enum err store_apply(struct store *s, const struct store_change *changes, size_t n);
enum err store_put(struct store *s, const char *key, const char *text);
enum err store_delete(struct store *s, const char *key);

/* The caller frees *text. *revision may be NULL. */
enum err store_get(struct store *s, const char *key, char **text, int64_t *revision);

/* Documents whose key starts with `prefix` (not empty), ascending by key, until `visit` returns
 * false. */
enum err store_list(struct store *s, const char *prefix,
		    bool (*visit)(const char *key, const char *text, int64_t revision,
				  void *context),
		    void *context);

/* Many changes, one sync: what store_apply() says ERR_OK to between begin and end is on disk once
 * store_batch_end() said ERR_OK, and else nothing of it is; so what depends on it waits for that.
 * Reads see it at once. Batches may be opened one in another: the outermost counts. Where begin
 * failed there is no batch. store_batch_abort(), of an outermost one: gives all of it up. */
enum err store_batch_begin(struct store *s);
enum err store_batch_end(struct store *s);
void store_batch_abort(struct store *s);

#endif
