// SPDX-License-Identifier: Apache-2.0
#include "geo/key_tree.h"

#include <stdlib.h>

#define LINE 64u

static size_t nodes(size_t n)
{
	return (n + KEY_TREE_NODE - 1) / KEY_TREE_NODE;
}

/* Keys of the level above one with so many. */
static size_t above(size_t n)
{
	return (nodes(n) + KEY_TREE_NODE) / (KEY_TREE_NODE + 1) * KEY_TREE_NODE;
}

/* A key of an upper level is the first one of the subtree to its right; none: the greatest. */
static void fill_level(struct key_tree *t, unsigned h, size_t n)
{
	for (size_t i = 0; i < t->offset[h + 1] - t->offset[h]; i++) {
		size_t node = i / KEY_TREE_NODE;
		size_t k = node * (KEY_TREE_NODE + 1) + i % KEY_TREE_NODE + 1;
		for (unsigned level = 1; level < h; level++)
			k *= KEY_TREE_NODE + 1;
		t->keys[t->offset[h] + i] =
		    k * KEY_TREE_NODE < n ? t->keys[k * KEY_TREE_NODE] : UINT64_MAX;
	}
}

int key_tree_build(struct key_tree *t, size_t n, uint64_t (*get)(const void *from, size_t i),
		   const void *from)
{
	size_t level_n = n, total = 0;

	t->height = 0;
	do {
		t->offset[t->height++] = total;
		total += nodes(level_n) * KEY_TREE_NODE;
		if (level_n <= KEY_TREE_NODE)
			break;
		level_n = above(level_n);
	} while (t->height < KEY_TREE_HEIGHT);
	t->offset[t->height] = total;
	t->keys = aligned_alloc(LINE, total * sizeof *t->keys);
	if (t->keys == NULL) {
		t->height = 0;
		return 0;
	}
	for (size_t i = 0; i < t->offset[1]; i++)
		t->keys[i] = i < n ? get(from, i) : UINT64_MAX;
	for (unsigned h = 1; h < t->height; h++)
		fill_level(t, h, n);
	return 1;
}

void key_tree_free(struct key_tree *t)
{
	free(t->keys);
}

size_t key_tree_bytes(const struct key_tree *t)
{
	return t->height > 0 ? t->offset[t->height] * sizeof *t->keys : 0;
}
