// SPDX-License-Identifier: Apache-2.0
/*
 * A qp-trie by nibbles: a branch stands where keys below it first differ and has a twig for each of
 * 17 slots: slot 0 for the key that ends there, 1 to 16 for the nibble's value. Twigs are stored
 * densely, found by counting bits. Copy-on-write: a node carries the number of the edit that made
 * it; within that edit it is changed in place, later ones copy it.
 */
#include "base/trie.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A leaf or a branch; bit 0 set for a leaf; 0 for nothing. */
typedef uintptr_t ref;

struct leaf {
	void *value;
	uint64_t edit;
	uint16_t n;
	uint8_t key[];
};

struct branch {
	uint64_t edit;
	uint32_t bitmap;
	uint16_t at; /* nibble at which the keys below differ */
	ref twig[];
};

struct trie {
	ref root;
	uint64_t edit;
	size_t count, bytes;
	struct trie *base, *newer; /* base only while unsealed */
	ref *replaced; /* nodes of older versions that this edit no longer has; once sealed they
			  belong to the base */
	size_t replaced_n, replaced_cap;
	bool sealed;
};

#define DEPTH_MAX (2 * TRIE_KEY_MAX + 1)

static inline bool is_leaf(ref r)
{
	return r & 1;
}

static inline struct leaf *leaf_of(ref r)
{
	return (struct leaf *)(r & ~(ref)1);
}

static inline struct branch *branch_of(ref r)
{
	return (struct branch *)r;
}

static inline unsigned slot_of(struct span key, unsigned at)
{
	size_t byte = at / 2;

	if (byte >= key.n)
		return 0;
	return 1u + (at % 2 == 0 ? key.p[byte] >> 4 : key.p[byte] & 0xfu);
}

/* Bits set among the lowest 17; without the processor's own instruction, which the build's baseline
 * does not have. */
static inline unsigned count_bits(uint32_t v)
{
	v -= v >> 1 & 0x55555555u;
	v = (v & 0x33333333u) + (v >> 2 & 0x33333333u);
	return ((v + (v >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24;
}

static inline bool has(const struct branch *b, unsigned slot)
{
	return b->bitmap >> slot & 1;
}

static inline unsigned index_of(const struct branch *b, unsigned slot)
{
	return count_bits(b->bitmap & ((1u << slot) - 1));
}

static inline unsigned twig_n(const struct branch *b)
{
	return count_bits(b->bitmap);
}

static inline struct span leaf_key(const struct leaf *l)
{
	return (struct span){ l->key, l->n };
}

/* ---- look-ups ---- */

/* A leaf that agrees with the key as far as any does. */
static inline const struct leaf *nearest(ref r, struct span key)
{
	while (!is_leaf(r)) {
		const struct branch *b = branch_of(r);
		unsigned slot = slot_of(key, b->at);
		r = b->twig[has(b, slot) ? index_of(b, slot) : 0];
	}
	return leaf_of(r);
}

static inline bool same_word(const uint8_t *a, const uint8_t *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return x == y;
}

/* Length in octets of what two keys share. */
static inline size_t common(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n, i = 0;

	while (i + 8 <= n && same_word(a.p + i, b.p + i))
		i += 8;
	while (i < n && a.p[i] == b.p[i])
		i++;
	return i;
}

/* The first nibble at which two keys differ, or DEPTH_MAX where they are equal. */
static unsigned difference(struct span a, struct span b)
{
	size_t i = common(a, b);

	if (i == a.n && i == b.n)
		return DEPTH_MAX;
	unsigned at = (unsigned)(2 * i);
	return slot_of(a, at) != slot_of(b, at) ? at : at + 1;
}

void *trie_get(const struct trie *t, struct span key)
{
	if (t->root == 0)
		return NULL;
	const struct leaf *l = nearest(t->root, key);
	return span_equal(leaf_key(l), key) ? l->value : NULL;
}

struct trie_found trie_find(const struct trie *t, struct span key)
{
	struct trie_found f = { 0 };
	const struct leaf *above[TRIE_KEY_MAX + 1]; /* keys that end on the way down */
	size_t above_n = 0;
	ref r = t->root;

	if (r == 0)
		return f;
	while (!is_leaf(r)) {
		const struct branch *b = branch_of(r);
		unsigned slot = slot_of(key, b->at);
		if (has(b, 0) && slot != 0)
			above[above_n++] = leaf_of(b->twig[0]);
		r = b->twig[has(b, slot) ? index_of(b, slot) : 0];
	}
	const struct leaf *l = leaf_of(r);
	size_t shared = common(leaf_key(l), key);
	if (shared == key.n && l->n == key.n)
		f.exact = l->value;
	else if (shared == l->n)
		above[above_n++] = l;
	while (above_n > 0 && above[above_n - 1]->n > shared)
		above_n--;
	if (above_n > 0) {
		f.ancestor = above[above_n - 1]->value;
		f.ancestor_len = above[above_n - 1]->n;
	}
	return f;
}

static const struct leaf *outermost(ref r, bool last)
{
	while (!is_leaf(r)) {
		const struct branch *b = branch_of(r);
		r = b->twig[last ? twig_n(b) - 1 : 0];
	}
	return leaf_of(r);
}

/* The twig next to a slot, on its lower or upper side; 0 where there is none. */
static ref beside(const struct branch *b, unsigned slot, bool upper)
{
	uint32_t bits = upper ? b->bitmap & ~((2u << slot) - 1) : b->bitmap & ((1u << slot) - 1);

	if (bits == 0)
		return 0;
	unsigned found =
	    upper ? (unsigned)__builtin_ctz(bits) : 31u - (unsigned)__builtin_clz(bits);
	return b->twig[index_of(b, found)];
}

/* The leaf just below or above a key, which first differs from leaf `l`, its nearest, at nibble
 * `d`; NULL where there is none. */
static const struct leaf *side_of(const struct trie *t, struct span key, const struct leaf *l,
				  unsigned d, bool upper)
{
	ref r = t->root, best = 0;

	while (!is_leaf(r) && branch_of(r)->at < d) {
		const struct branch *b = branch_of(r);
		unsigned slot = slot_of(key, b->at);
		ref side = beside(b, slot, upper);
		if (side != 0)
			best = side;
		r = b->twig[index_of(b, slot)];
	}
	if (d == DEPTH_MAX) {
		/* at the key itself */
	} else if (!is_leaf(r) && branch_of(r)->at == d) {
		ref side = beside(branch_of(r), slot_of(key, d), upper);
		if (side != 0)
			best = side;
	} else if ((slot_of(leaf_key(l), d) > slot_of(key, d)) == upper) {
		best = r; /* all of what is here lies on the side wanted */
	}
	return best != 0 ? outermost(best, !upper) : NULL;
}

/* The leaf just below or above a key that may or may not be there; NULL where there is none. */
static const struct leaf *neighbour(const struct trie *t, struct span key, bool upper)
{
	if (t->root == 0)
		return NULL;
	const struct leaf *l = nearest(t->root, key);
	return side_of(t, key, l, difference(leaf_key(l), key), upper);
}

void *trie_at_or_before(const struct trie *t, struct span key)
{
	if (t->root == 0)
		return NULL;
	const struct leaf *l = nearest(t->root, key);
	unsigned d = difference(leaf_key(l), key);
	if (d != DEPTH_MAX)
		l = side_of(t, key, l, d, false);
	return l != NULL ? l->value : NULL;
}

struct trie_found trie_find_previous(const struct trie *t, struct span key)
{
	struct trie_found f = trie_find(t, key);
	const struct leaf *l = neighbour(t, key, false);

	f.previous = l != NULL ? l->value : NULL;
	return f;
}

void *trie_next(const struct trie *t, struct span key)
{
	const struct leaf *l = NULL;

	if (t->root != 0)
		l = key.p == NULL ? outermost(t->root, false) : neighbour(t, key, true);
	return l != NULL ? l->value : NULL;
}

void *trie_last(const struct trie *t)
{
	return t->root != 0 ? outermost(t->root, true)->value : NULL;
}

static bool walk(ref r, bool (*visit)(struct span, void *, void *), void *context)
{
	if (is_leaf(r))
		return visit(leaf_key(leaf_of(r)), leaf_of(r)->value, context);
	const struct branch *b = branch_of(r);
	for (unsigned i = 0, n = twig_n(b); i < n; i++)
		if (!walk(b->twig[i], visit, context))
			return false;
	return true;
}

void trie_walk(const struct trie *t, bool (*visit)(struct span key, void *value, void *context),
	       void *context)
{
	if (t->root != 0)
		walk(t->root, visit, context);
}

size_t trie_count(const struct trie *t)
{
	return t->count;
}

size_t trie_bytes(const struct trie *t)
{
	return t->bytes;
}

/* ---- nodes ---- */

static size_t branch_size(unsigned n)
{
	return sizeof(struct branch) + n * sizeof(ref);
}

static size_t node_size(ref r)
{
	return is_leaf(r) ? sizeof(struct leaf) + leaf_of(r)->n : branch_size(twig_n(branch_of(r)));
}

static uint64_t node_edit(ref r)
{
	return is_leaf(r) ? leaf_of(r)->edit : branch_of(r)->edit;
}

static void node_free(ref r)
{
	if (is_leaf(r))
		free(leaf_of(r));
	else
		free(branch_of(r));
}

static struct branch *branch_new(struct trie *t, unsigned n)
{
	struct branch *b = malloc(branch_size(n));

	if (b != NULL) {
		b->edit = t->edit;
		t->bytes += branch_size(n);
	}
	return b;
}

static struct leaf *leaf_new(struct trie *t, struct span key, void *value)
{
	struct leaf *l = malloc(sizeof *l + key.n);

	if (l == NULL)
		return NULL;
	*l = (struct leaf){ .value = value, .edit = t->edit, .n = (uint16_t)key.n };
	if (key.n > 0)
		memcpy(l->key, key.p, key.n);
	t->bytes += sizeof *l + key.n;
	return l;
}

/* Makes room so that one operation can retire all that it replaces. */
static bool reserve(struct trie *t)
{
	if (t->replaced_cap - t->replaced_n >= DEPTH_MAX + 2)
		return true;
	size_t cap = t->replaced_cap * 2 + DEPTH_MAX + 2;
	ref *more = realloc(t->replaced, cap * sizeof *more);
	if (more == NULL)
		return false;
	t->replaced = more;
	t->replaced_cap = cap;
	return true;
}

/* A node that this version no longer has: freed if this edit made it, else kept for the readers of
 * older versions. */
static void drop(struct trie *t, ref r)
{
	t->bytes -= node_size(r);
	if (node_edit(r) == t->edit)
		node_free(r);
	else
		t->replaced[t->replaced_n++] = r;
}

/* Makes the branch at *r one of this edit. */
static bool own(struct trie *t, ref *r)
{
	struct branch *b = branch_of(*r);

	if (b->edit == t->edit)
		return true;
	unsigned n = twig_n(b);
	struct branch *copy = branch_new(t, n);
	if (copy == NULL)
		return false;
	memcpy(copy, b, branch_size(n));
	copy->edit = t->edit;
	drop(t, *r);
	*r = (ref)copy;
	return true;
}

/* ---- versions ---- */

struct trie *trie_new(void)
{
	struct trie *t = malloc(sizeof *t);

	if (t != NULL)
		*t = (struct trie){ .edit = 1, .sealed = true, .bytes = sizeof *t };
	return t;
}

struct trie *trie_edit(struct trie *base)
{
	assert(base->sealed && base->newer == NULL);
	struct trie *t = malloc(sizeof *t);
	if (t == NULL)
		return NULL;
	*t = (struct trie){
		.root = base->root,
		.edit = base->edit + 1,
		.count = base->count,
		.bytes = base->bytes,
		.base = base,
	};
	base->newer = t;
	return t;
}

void trie_seal(struct trie *t)
{
	assert(!t->sealed);
	t->base->replaced = t->replaced;
	t->base->replaced_n = t->replaced_n;
	t->replaced = NULL;
	t->replaced_n = t->replaced_cap = 0;
	t->base = NULL;
	t->sealed = true;
}

/* Frees what one edit made; nodes of other edits below it are somebody else's. */
static void free_edit(ref r, uint64_t edit)
{
	if (node_edit(r) != edit)
		return;
	if (!is_leaf(r)) {
		const struct branch *b = branch_of(r);
		for (unsigned i = 0, n = twig_n(b); i < n; i++)
			free_edit(b->twig[i], edit);
	}
	node_free(r);
}

static void free_all(ref r)
{
	if (!is_leaf(r)) {
		const struct branch *b = branch_of(r);
		for (unsigned i = 0, n = twig_n(b); i < n; i++)
			free_all(b->twig[i]);
	}
	node_free(r);
}

void trie_abort(struct trie *t)
{
	if (t == NULL)
		return;
	assert(!t->sealed);
	t->base->newer = NULL;
	if (t->root != 0)
		free_edit(t->root, t->edit);
	free(t->replaced);
	free(t);
}

void trie_free(struct trie *t)
{
	if (t == NULL)
		return;
	assert(t->sealed);
	if (t->newer != NULL) {
		assert(t->newer->sealed);
		for (size_t i = 0; i < t->replaced_n; i++)
			node_free(t->replaced[i]);
	} else if (t->root != 0) {
		free_all(t->root);
	}
	free(t->replaced);
	free(t);
}

/* ---- changes ---- */

/* Walks to where nibble `d` is decided, making every branch on the way this edit's. NULL without
 * memory. */
static ref *descend(struct trie *t, struct span key, unsigned d)
{
	ref *r = &t->root;

	while (!is_leaf(*r) && branch_of(*r)->at < d) {
		if (!own(t, r))
			return NULL;
		struct branch *b = branch_of(*r);
		r = &b->twig[index_of(b, slot_of(key, b->at))];
	}
	return r;
}

static enum err replace(struct trie *t, struct span key, void *value, void **old)
{
	ref *r = descend(t, key, DEPTH_MAX);

	if (r == NULL)
		return ERR_NOMEM;
	struct leaf *l = leaf_of(*r);
	*old = l->value;
	if (l->edit == t->edit) {
		l->value = value;
		return ERR_OK;
	}
	struct leaf *made = leaf_new(t, key, value);
	if (made == NULL)
		return ERR_NOMEM;
	drop(t, *r);
	*r = (ref)made | 1;
	return ERR_OK;
}

/* A branch at *r gets one more twig. */
static bool add_twig(struct trie *t, ref *r, unsigned slot, ref twig)
{
	struct branch *b = branch_of(*r);
	unsigned n = twig_n(b), at = index_of(b, slot);
	struct branch *grown = branch_new(t, n + 1);

	if (grown == NULL)
		return false;
	grown->at = b->at;
	grown->bitmap = b->bitmap | 1u << slot;
	memcpy(grown->twig, b->twig, at * sizeof(ref));
	grown->twig[at] = twig;
	memcpy(grown->twig + at + 1, b->twig + at, (n - at) * sizeof(ref));
	drop(t, *r);
	*r = (ref)grown;
	return true;
}

/* A new branch takes the place of *r, with what was there and the new leaf below it. */
static bool split(struct trie *t, ref *r, unsigned d, unsigned old_slot, unsigned slot, ref twig)
{
	struct branch *b = branch_new(t, 2);

	if (b == NULL)
		return false;
	b->at = (uint16_t)d;
	b->bitmap = 1u << old_slot | 1u << slot;
	b->twig[old_slot > slot] = *r;
	b->twig[old_slot < slot] = twig;
	*r = (ref)b;
	return true;
}

static enum err insert(struct trie *t, struct span key, void *value, const struct leaf *near,
		       unsigned d)
{
	unsigned slot = slot_of(key, d), near_slot = slot_of(leaf_key(near), d);
	struct leaf *l = leaf_new(t, key, value);

	if (l == NULL)
		return ERR_NOMEM;
	ref twig = (ref)l | 1;
	ref *r = descend(t, key, d);
	bool done = r != NULL && (!is_leaf(*r) && branch_of(*r)->at == d
				      ? add_twig(t, r, slot, twig)
				      : split(t, r, d, near_slot, slot, twig));
	if (!done) {
		drop(t, twig);
		return ERR_NOMEM;
	}
	t->count++;
	return ERR_OK;
}

enum err trie_set(struct trie *t, struct span key, void *value, void **old)
{
	void *ignored;

	assert(!t->sealed && value != NULL);
	if (old == NULL)
		old = &ignored;
	*old = NULL;
	if (key.n > TRIE_KEY_MAX)
		return ERR_TOO_LONG;
	if (!reserve(t))
		return ERR_NOMEM;
	if (t->root == 0) {
		struct leaf *l = leaf_new(t, key, value);
		if (l == NULL)
			return ERR_NOMEM;
		t->root = (ref)l | 1;
		t->count++;
		return ERR_OK;
	}
	const struct leaf *near = nearest(t->root, key);
	unsigned d = difference(leaf_key(near), key);
	return d == DEPTH_MAX ? replace(t, key, value, old) : insert(t, key, value, near, d);
}

/* Takes a twig out of the branch at *r; a branch with one twig left gives way to it. */
static bool remove_twig(struct trie *t, ref *r, unsigned slot)
{
	struct branch *b = branch_of(*r);
	unsigned n = twig_n(b), at = index_of(b, slot);

	if (n == 2) {
		ref other = b->twig[1 - at];
		drop(t, *r);
		*r = other;
		return true;
	}
	struct branch *less = branch_new(t, n - 1);
	if (less == NULL)
		return false;
	less->at = b->at;
	less->bitmap = b->bitmap & ~(1u << slot);
	memcpy(less->twig, b->twig, at * sizeof(ref));
	memcpy(less->twig + at, b->twig + at + 1, (n - at - 1) * sizeof(ref));
	drop(t, *r);
	*r = (ref)less;
	return true;
}

void *trie_remove(struct trie *t, struct span key, enum err *e)
{
	assert(!t->sealed);
	*e = ERR_OK;
	if (trie_get(t, key) == NULL)
		return NULL;
	*e = ERR_NOMEM;
	if (!reserve(t))
		return NULL;
	ref *parent = NULL, *r = &t->root;
	while (!is_leaf(*r)) {
		if (!own(t, r))
			return NULL;
		struct branch *b = branch_of(*r);
		parent = r;
		r = &b->twig[index_of(b, slot_of(key, b->at))];
	}
	ref leaf = *r;
	void *value = leaf_of(leaf)->value;
	if (parent == NULL)
		t->root = 0;
	else if (!remove_twig(t, parent, slot_of(key, branch_of(*parent)->at)))
		return NULL;
	drop(t, leaf);
	t->count--;
	*e = ERR_OK;
	return value;
}
