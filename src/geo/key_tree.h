// SPDX-License-Identifier: Apache-2.0
/*
 * key_tree.h -- ascending keys of 64 bits, found in few cache lines.
 *
 * Purpose.   A binary search over hundreds of thousands of keys waits for memory at nearly each of
 * its steps. Here each step reads one line of eight keys: a static B+ tree without pointers, whose
 * upper levels stay in the processor's caches.
 * Threads.   Immutable once built.
 */
#ifndef GEO_KEY_TREE_H
#define GEO_KEY_TREE_H

#include <stddef.h>
#include <stdint.h>

#define KEY_TREE_NODE   8u /* keys of one cache line */
#define KEY_TREE_HEIGHT 12 /* 8 * 9^11 keys */

struct key_tree {
	uint64_t *keys; /* the levels one after another, the keys themselves first */
	size_t offset[KEY_TREE_HEIGHT + 1]; /* of each level */
	unsigned height;                    /* 0: nothing was built */
};

/* `get` gives key i of n, ascending (equal ones may be). 0 without memory. */
int key_tree_build(struct key_tree *t, size_t n, uint64_t (*get)(const void *from, size_t i),
		   const void *from);
void key_tree_free(struct key_tree *t);
size_t key_tree_bytes(const struct key_tree *t);

/* How many of a node's keys are at most x. */
static inline size_t key_tree_rank(const uint64_t *node, uint64_t x)
{
	size_t n = 0;

	for (unsigned i = 0; i < KEY_TREE_NODE; i++)
		n += node[i] <= x;
	return n;
}

/* The line of keys where a search for x, which is less than UINT64_MAX, ends. */
static inline const uint64_t *key_tree_node(const struct key_tree *t, uint64_t x)
{
	size_t k = 0;

	for (unsigned h = t->height - 1; h > 0; h--)
		k = k * (KEY_TREE_NODE + 1) +
		    key_tree_rank(t->keys + t->offset[h] + k, x) * KEY_TREE_NODE;
	return t->keys + k;
}

/* How many keys are at most x, which is less than UINT64_MAX. */
static inline size_t key_tree_count(const struct key_tree *t, uint64_t x)
{
	const uint64_t *node = key_tree_node(t, x);

	return (size_t)(node - t->keys) + key_tree_rank(node, x);
}

#endif
