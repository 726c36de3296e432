// SPDX-License-Identifier: Apache-2.0
/*
 * trie.h -- an ordered map from byte strings to pointers: a qp-trie with copy-on-write versions.
 *
 * Purpose.   Names of a zone and zones of a server, in canonical order, with exact look-up, deepest
 * ancestor and predecessor. Keys.      Bytes, at most TRIE_KEY_MAX of them, compared as memcmp()
 * does, a prefix before what it begins. A key may be a prefix of another. Invariant. A sealed
 * version never changes. A change starts from a version with trie_edit(), which shares all that it
 * does not touch. Versions are linear: at most one edit is open on the newest sealed version, and
 * versions are freed oldest first. Threads.   Any number of readers on sealed versions; one writer.
 * Memory.    The trie owns its own nodes and a copy of each key; it borrows values (the user says
 * when they die). trie_free() of a version frees the nodes that no newer version has. An edit that
 * is given up with trie_abort() frees what it added. Cost.      A look-up is one walk of at most
 * key-length steps with one key comparison at its end; no allocation.
 */
#ifndef BASE_TRIE_H
#define BASE_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

#define TRIE_KEY_MAX 512

struct trie; /* one version */

struct trie_found {
	void *exact;    /* the value at the key, or NULL */
	void *ancestor; /* the value at the longest stored key that is a proper prefix of the key,
			   or NULL */
	size_t ancestor_len; /* length of that key */
	void *previous; /* the value at the greatest stored key less than the key, or NULL; only
			   from trie_find_previous() */
};

/* An empty version, sealed. NULL without memory. */
struct trie *trie_new(void);
void trie_free(struct trie *t);

/* Starts a new version on top of the newest sealed one. Until trie_seal() only the writer may use
 * it. */
struct trie *trie_edit(struct trie *base);
/* Adds or replaces. *old (may be NULL) gets the value that stood there, or NULL. Errors: ERR_NOMEM
 * (nothing changed), ERR_TOO_LONG. */
enum err trie_set(struct trie *t, struct span key, void *value, void **old);
/* Removes; returns the value that stood there, or NULL. Sets *e to ERR_NOMEM where the path could
 * not be copied (nothing changed). */
void *trie_remove(struct trie *t, struct span key, enum err *e);
void trie_seal(struct trie *t);
/* Gives an unsealed version up. */
void trie_abort(struct trie *t);

size_t trie_count(const struct trie *t);
size_t trie_bytes(const struct trie *t); /* memory of nodes and keys, about */

void *trie_get(const struct trie *t, struct span key);
/* exact, ancestor, ancestor_len. */
struct trie_found trie_find(const struct trie *t, struct span key);
/* The same and previous. */
struct trie_found trie_find_previous(const struct trie *t, struct span key);
/* The value at the key; where there is none, the one before it, or NULL. */
void *trie_at_or_before(const struct trie *t, struct span key);
/* The value at the least stored key greater than `key`, or NULL; with key.p == NULL the first of
 * all. */
void *trie_next(const struct trie *t, struct span key);
/* The value at the greatest stored key, or NULL. */
void *trie_last(const struct trie *t);

/* In order; stops when `visit` returns false. Keys are borrowed during the call. */
void trie_walk(const struct trie *t, bool (*visit)(struct span key, void *value, void *context),
	       void *context);

#endif
