// SPDX-License-Identifier: Apache-2.0
/*
 * Buckets of one cache line; one that is full spills into those behind it, and says so. Pages of
 * buckets are what versions share.
 */
#include "zone/name_index.h"

#include <assert.h>
#include <stdlib.h>

#define LINE         64
#define BUCKET_SLOTS 6
#define BUCKET_MEAN  4 /* names a bucket, when the table is made */
#define PAGE_BUCKETS 64
#define CHAIN_MAX    8 /* buckets that one name may be in */
#define BUCKETS_MAX  (UINT32_C(1) << 30)

struct bucket {
	const struct named *at[BUCKET_SLOTS];
	uint16_t tag[BUCKET_SLOTS]; /* 0: free */
	bool spilled;               /* look into the next one too */
};

_Static_assert(sizeof(struct bucket) == LINE, "a bucket is a cache line");

struct page {
	struct bucket bucket[PAGE_BUCKETS]; /* the last page may be shorter */
};

struct name_index {
	uint32_t bucket_n, page_n;
	size_t count;
	unsigned label_max; /* of any name so far */
	bool crowded;       /* a name found no place */
	bool sealed;
	bool newer_shares;       /* pages of ours that are not in `replaced` live on */
	struct name_index *base; /* while unsealed */
	uint8_t *own;            /* while an edit: pages that it made */
	struct page **replaced;  /* pages that the next version no longer has */
	size_t replaced_n;
	struct page **page;
};

/* ---- where a name may be ---- */

static inline uint32_t home_of(const struct name_index *x, uint64_t hash)
{
	return (uint32_t)((hash >> 32) * x->bucket_n >> 32);
}

static inline uint16_t tag_of(uint64_t hash)
{
	return (uint16_t)(hash | 1);
}

static inline struct bucket *bucket_at(const struct name_index *x, uint32_t i)
{
	return &x->page[i / PAGE_BUCKETS]->bucket[i % PAGE_BUCKETS];
}

static inline uint32_t next_of(const struct name_index *x, uint32_t i)
{
	return i + 1 == x->bucket_n ? 0 : i + 1;
}

struct place {
	uint32_t bucket;
	unsigned slot;
};

static enum name_index_answer find(const struct name_index *x, uint64_t hash, const uint8_t *lower,
				   struct place *out)
{
	uint32_t i = home_of(x, hash);
	uint16_t tag = tag_of(hash);

	for (unsigned chain = 0; chain < CHAIN_MAX; chain++, i = next_of(x, i)) {
		const struct bucket *b = bucket_at(x, i);
		for (unsigned k = 0; k < BUCKET_SLOTS; k++) {
			if (b->tag[k] != tag || !name_equal_lower(b->at[k]->name, lower))
				continue;
			*out = (struct place){ i, k };
			return NAME_INDEX_FOUND;
		}
		if (!b->spilled)
			return NAME_INDEX_ABSENT;
	}
	return x->crowded ? NAME_INDEX_UNKNOWN : NAME_INDEX_ABSENT;
}

enum name_index_answer name_index_get(const struct name_index *x, const struct name_probe *p,
				      unsigned label_n, const struct named **out)
{
	struct place at;
	enum name_index_answer a = find(x, p->hash[label_n], name_probe_suffix(p, label_n), &at);

	if (a == NAME_INDEX_FOUND)
		*out = bucket_at(x, at.bucket)->at[at.slot];
	return a;
}

enum name_index_answer name_index_child(const struct name_index *x, const struct name_probe *p,
					unsigned label_n, const uint8_t *label,
					const struct named **out)
{
	uint8_t lower[NAME_MAX_LEN + 9];
	const uint8_t *above = name_probe_suffix(p, label_n);
	size_t above_len = (size_t)(p->lower + p->len - above);
	struct place at;

	if (1u + label[0] + above_len > NAME_MAX_LEN)
		return NAME_INDEX_ABSENT;
	memcpy(lower, label, 1u + label[0]);
	memcpy(lower + 1 + label[0], above, above_len);
	enum name_index_answer a = find(x, name_probe_child(p, label_n, label), lower, &at);
	if (a == NAME_INDEX_FOUND)
		*out = bucket_at(x, at.bucket)->at[at.slot];
	return a;
}

enum name_index_answer name_index_deepest(const struct name_index *x, const struct name_probe *p,
					  unsigned *label_n, const struct named **out)
{
	unsigned n = *label_n < x->label_max ? *label_n : x->label_max;

	for (;; n--) {
		enum name_index_answer a = name_index_get(x, p, n, out);
		*label_n = n;
		if (a != NAME_INDEX_ABSENT || n == 0)
			return a;
	}
}

/* ---- many at once ---- */

/* The first slot of the bucket with the tag, or NULL: most often the one. */
static const struct named *candidate(const struct bucket *b, uint16_t tag)
{
	for (unsigned k = 0; k < BUCKET_SLOTS; k++)
		if (b->tag[k] == tag)
			return b->at[k];
	return NULL;
}

static void ask_for_bucket(struct name_index_step *s)
{
	__builtin_prefetch(bucket_at(s->index, home_of(s->index, s->probe->hash[s->label_n])));
}

/* The bucket is here: asks for what it points to, or for the next ancestor's bucket. */
static void look_into_bucket(struct name_index_step *s)
{
	uint64_t hash = s->probe->hash[s->label_n];
	const struct bucket *b = bucket_at(s->index, home_of(s->index, hash));
	const struct named *found = candidate(b, tag_of(hash));

	if (found != NULL) {
		__builtin_prefetch(found);
		__builtin_prefetch((const uint8_t *)found + LINE);
		s->moving = false;
	} else if (b->spilled || s->label_n == 0) {
		s->moving = false; /* rare: the rest is not done side by side */
	} else {
		s->label_n--;
		ask_for_bucket(s);
	}
}

void name_index_deepest_many(struct name_index_step *s, unsigned n)
{
	bool moving = true;

	for (unsigned i = 0; i < n; i++) {
		s[i].label_n = s[i].probe->label_n < s[i].index->label_max ? s[i].probe->label_n
									   : s[i].index->label_max;
		s[i].moving = true;
		ask_for_bucket(&s[i]);
	}
	while (moving) {
		moving = false;
		for (unsigned i = 0; i < n; i++) {
			if (s[i].moving)
				look_into_bucket(&s[i]);
			moving = moving || s[i].moving;
		}
	}
	for (unsigned i = 0; i < n; i++) {
		/* What was passed over above is absent for certain. */
		for (;; s[i].label_n--) {
			s[i].answer =
			    name_index_get(s[i].index, s[i].probe, s[i].label_n, &s[i].found);
			if (s[i].answer != NAME_INDEX_ABSENT || s[i].label_n == 0)
				break;
		}
	}
}

/* ---- pages ---- */

static size_t page_size(const struct name_index *x, uint32_t page)
{
	uint32_t n = page + 1 < x->page_n ? PAGE_BUCKETS : x->bucket_n - page * PAGE_BUCKETS;

	return n * sizeof(struct bucket);
}

static bool make_pages(struct name_index *x)
{
	for (uint32_t i = 0; i < x->page_n; i++) {
		x->page[i] = aligned_alloc(LINE, page_size(x, i));
		if (x->page[i] == NULL)
			return false;
		memset(x->page[i], 0, page_size(x, i));
	}
	return true;
}

static void free_pages(struct name_index *x)
{
	for (uint32_t i = 0; x->page != NULL && i < x->page_n; i++)
		free(x->page[i]);
}

static bool size_for(struct name_index *x, size_t expected)
{
	size_t n = expected / BUCKET_MEAN + 1;

	if (n > BUCKETS_MAX)
		return false;
	x->bucket_n = (uint32_t)n;
	x->page_n = (uint32_t)((n + PAGE_BUCKETS - 1) / PAGE_BUCKETS);
	x->page = calloc(x->page_n, sizeof(struct page *));
	return x->page != NULL;
}

/* Makes the page of a bucket this edit's. */
static bool own(struct name_index *x, uint32_t bucket)
{
	uint32_t i = bucket / PAGE_BUCKETS;

	if (x->own == NULL || x->own[i])
		return true;
	struct page **more = realloc(x->replaced, (x->replaced_n + 1) * sizeof *more);
	if (more == NULL)
		return false;
	x->replaced = more;
	struct page *copy = aligned_alloc(LINE, page_size(x, i));
	if (copy == NULL)
		return false;
	memcpy(copy, x->page[i], page_size(x, i));
	x->replaced[x->replaced_n++] = x->page[i];
	x->page[i] = copy;
	x->own[i] = 1;
	return true;
}

/* ---- versions ---- */

struct name_index *name_index_new(size_t expected)
{
	struct name_index *x = calloc(1, sizeof *x);

	if (x != NULL && (!size_for(x, expected) || !make_pages(x))) {
		name_index_abort(x);
		return NULL;
	}
	return x;
}

struct name_index *name_index_edit(struct name_index *base)
{
	assert(base->sealed);
	struct name_index *x = calloc(1, sizeof *x);
	if (x == NULL)
		return NULL;
	*x = (struct name_index){ .bucket_n = base->bucket_n,
				  .page_n = base->page_n,
				  .count = base->count,
				  .label_max = base->label_max,
				  .crowded = base->crowded,
				  .base = base };
	x->page = malloc(x->page_n * sizeof(struct page *));
	x->own = calloc(x->page_n, 1);
	if (x->page == NULL || x->own == NULL) {
		free(x->page);
		free(x->own);
		free(x);
		return NULL;
	}
	memcpy(x->page, base->page, x->page_n * sizeof(struct page *));
	return x;
}

void name_index_seal(struct name_index *x)
{
	if (x->base != NULL) {
		/* With `own` it shares what it did not copy; else it was made anew on the way. */
		x->base->newer_shares = x->own != NULL;
		x->base->replaced = x->replaced;
		x->base->replaced_n = x->replaced_n;
	}
	free(x->own);
	x->own = NULL;
	x->base = NULL;
	x->replaced = NULL;
	x->replaced_n = 0;
	x->sealed = true;
}

void name_index_abort(struct name_index *x)
{
	if (x == NULL)
		return;
	assert(!x->sealed);
	if (x->own == NULL)
		free_pages(x);
	for (uint32_t i = 0; x->own != NULL && i < x->page_n; i++)
		if (x->own[i])
			free(x->page[i]);
	free(x->own);
	free(x->replaced);
	free(x->page);
	free(x);
}

void name_index_free(struct name_index *x)
{
	if (x == NULL)
		return;
	assert(x->sealed);
	if (!x->newer_shares)
		free_pages(x);
	for (size_t i = 0; x->newer_shares && i < x->replaced_n; i++)
		free(x->replaced[i]);
	free(x->replaced);
	free(x->page);
	free(x);
}

size_t name_index_bytes(const struct name_index *x)
{
	return x == NULL ? 0
			 : sizeof *x + x->page_n * sizeof(struct page *) +
			       x->bucket_n * sizeof(struct bucket);
}

/* ---- changes ---- */

enum placed { PLACED, NO_PLACE, NO_MEMORY };

static enum placed place(struct name_index *x, uint64_t hash, const struct named *value)
{
	uint32_t i = home_of(x, hash);

	for (unsigned chain = 0; chain < CHAIN_MAX; chain++, i = next_of(x, i)) {
		unsigned k = 0;
		while (k < BUCKET_SLOTS && bucket_at(x, i)->tag[k] != 0)
			k++;
		if (k == BUCKET_SLOTS && bucket_at(x, i)->spilled)
			continue;
		if (!own(x, i))
			return NO_MEMORY;
		struct bucket *b = bucket_at(x, i);
		if (k < BUCKET_SLOTS) {
			b->at[k] = value;
			b->tag[k] = tag_of(hash);
			return PLACED;
		}
		b->spilled = true;
	}
	return NO_PLACE;
}

static bool insert(struct name_index *x, const struct name_probe *p, const struct named *value)
{
	switch (place(x, p->hash[p->label_n], value)) {
	case NO_MEMORY:
		return false;
	case NO_PLACE:
		x->crowded = true;
		break;
	case PLACED:
		break;
	}
	x->count++;
	if (p->label_n > x->label_max)
		x->label_max = p->label_n;
	return true;
}

/* All of a version in twice the room. Nothing is missing in it: it was not crowded. */
static bool grow(struct name_index *x)
{
	struct name_index wider = { 0 };
	struct name_probe p;
	bool ok = size_for(&wider, x->count * 2) && make_pages(&wider);

	for (uint32_t i = 0; ok && i < x->bucket_n; i++) {
		const struct bucket *b = bucket_at(x, i);
		for (unsigned k = 0; ok && k < BUCKET_SLOTS; k++) {
			if (b->tag[k] == 0)
				continue;
			name_probe_of(&p, b->at[k]->name);
			ok = insert(&wider, &p, b->at[k]);
		}
	}
	if (!ok) {
		free_pages(&wider);
		free(wider.page);
		return false;
	}
	for (uint32_t i = 0; i < x->page_n; i++)
		if (x->own == NULL || x->own[i])
			free(x->page[i]);
	free(x->own);
	free(x->replaced);
	free(x->page);
	wider.base = x->base;
	*x = wider;
	return true;
}

bool name_index_set(struct name_index *x, const struct named *value)
{
	struct name_probe p;
	struct place at;

	assert(!x->sealed);
	name_probe_of(&p, value->name);
	if (find(x, p.hash[p.label_n], p.lower, &at) == NAME_INDEX_FOUND) {
		if (!own(x, at.bucket))
			return false;
		bucket_at(x, at.bucket)->at[at.slot] = value;
		return true;
	}
	if (x->count >= (size_t)x->bucket_n * (BUCKET_SLOTS - 1) && !x->crowded && !grow(x))
		return false;
	return insert(x, &p, value);
}

bool name_index_remove(struct name_index *x, const uint8_t *name)
{
	struct name_probe p;
	struct place at;

	assert(!x->sealed);
	name_probe_of(&p, name);
	if (find(x, p.hash[p.label_n], p.lower, &at) != NAME_INDEX_FOUND)
		return true;
	if (!own(x, at.bucket))
		return false;
	struct bucket *b = bucket_at(x, at.bucket);
	b->at[at.slot] = NULL;
	b->tag[at.slot] = 0;
	x->count--;
	return true;
}
