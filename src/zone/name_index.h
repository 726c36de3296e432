// SPDX-License-Identifier: Apache-2.0
/*
 * name_index.h -- names to what has them, by hash: where the ordered tree takes a walk through a
 * dozen places in memory, this takes one or two.
 *
 * Purpose.   An aid beside an ordered tree, which stays the truth. Invariant. What it finds is
 * right. Where it does not know (an unlucky or hostile choice of names crowds one place) it says
 * so, and the tree is asked. A sealed version never changes; a change starts with
 * name_index_edit(), copies the pages that it touches, and versions are freed oldest first
 * (base/trie.h). Threads.   Any number of readers of sealed versions; one writer. Memory.    Owns
 * its pages, about 20 octets a name; borrows what is indexed.
 */
#ifndef ZONE_NAME_INDEX_H
#define ZONE_NAME_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#include "dns/name_probe.h"

struct name_index;

/* First member of what is indexed. */
struct named {
	const uint8_t *name; /* wire, any case */
};

/* Empty and unsealed, with room for so many. NULL without memory. */
struct name_index *name_index_new(size_t expected);
/* The next version of the newest sealed one. NULL without memory. */
struct name_index *name_index_edit(struct name_index *base);
/* Adds, or takes the place of the one with the same name. False without memory: give it up. */
bool name_index_set(struct name_index *x, const struct named *value);
bool name_index_remove(struct name_index *x, const uint8_t *name);
void name_index_seal(struct name_index *x);
/* Both accept NULL. */
void name_index_abort(struct name_index *x);
void name_index_free(struct name_index *x);
size_t name_index_bytes(const struct name_index *x);

enum name_index_answer { NAME_INDEX_FOUND, NAME_INDEX_ABSENT, NAME_INDEX_UNKNOWN };

/* The one named by the last `label_n` labels. */
enum name_index_answer name_index_get(const struct name_index *x, const struct name_probe *p,
				      unsigned label_n, const struct named **out);
/* The one below those labels whose first label is `label` (with its length, in lower case). */
enum name_index_answer name_index_child(const struct name_index *x, const struct name_probe *p,
					unsigned label_n, const uint8_t *label,
					const struct named **out);
/* The one named by the most of the probe's last labels, at most *label_n, and by how many. */
enum name_index_answer name_index_deepest(const struct name_index *x, const struct name_probe *p,
					  unsigned *label_n, const struct named **out);

/* name_index_deepest() of many side by side, so that the waits for memory overlap. */
struct name_index_step {
	const struct name_index *index;
	const struct name_probe *probe;
	const struct named *found;
	unsigned label_n;
	enum name_index_answer answer;
	bool moving; /* private */
};
void name_index_deepest_many(struct name_index_step *steps, unsigned n);

#endif
