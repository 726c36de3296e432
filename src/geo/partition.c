// SPDX-License-Identifier: Apache-2.0
#include "geo/partition.h"

#include <stdlib.h>
#include <string.h>

#include "geo/key_tree.h"

/* Where there are so many intervals of IPv4 that a search over all of them would show, there are
 * 2^16 entries by the first 16 bits. */
#define INDEX_N     65536u
#define INDEX_WORTH 64u

/* First address and class side by side: a look-up ends on one cache line. */
struct interval4 {
	uint32_t first, class;
};

struct interval6 {
	struct address first;
	uint32_t class;
};

struct intervals4 {
	struct interval4 *at;
	size_t n, cap;
	uint32_t *index; /* [i]: the last interval that starts at or before i << 16; NULL: few
			    intervals */
};

struct intervals6 {
	struct interval6 *at; /* while intervals are added; then what follows */
	size_t n, cap;
	struct key_tree tree; /* the first 64 bits of each */
	uint64_t *lo;         /* the last 64 bits; NULL: all are 0, as in any table of networks */
	uint32_t *class;
};

struct partition {
	struct intervals4 v4;
	struct intervals6 v6;
	uint64_t *classes; /* a bit for each that occurs */
	uint32_t class_n;
};

struct partition *partition_new(void)
{
	return calloc(1, sizeof(struct partition));
}

void partition_free(struct partition *p)
{
	if (p == NULL)
		return;
	free(p->v4.at);
	free(p->v4.index);
	free(p->v6.at);
	key_tree_free(&p->v6.tree);
	free(p->v6.lo);
	free(p->v6.class);
	free(p->classes);
	free(p);
}

/* Room for one more; the array as it stands, or NULL without memory. */
static void *grow(void *at, size_t size, size_t n, size_t *cap)
{
	if (n < *cap)
		return at;
	size_t more = *cap == 0 ? 16 : *cap * 2;
	void *grown = realloc(at, more * size);
	if (grown != NULL)
		*cap = more;
	return grown;
}

static enum err add4(struct intervals4 *v, uint32_t first, uint32_t class)
{
	if (v->n > 0 && v->at[v->n - 1].class == class)
		return ERR_OK;
	struct interval4 *at = grow(v->at, sizeof *at, v->n, &v->cap);
	if (at == NULL)
		return ERR_NOMEM;
	v->at = at;
	v->at[v->n++] = (struct interval4){ first, class };
	return ERR_OK;
}

static enum err add6(struct intervals6 *v, struct address first, uint32_t class)
{
	if (v->n > 0 && v->at[v->n - 1].class == class)
		return ERR_OK;
	struct interval6 *at = grow(v->at, sizeof *at, v->n, &v->cap);
	if (at == NULL)
		return ERR_NOMEM;
	v->at = at;
	v->at[v->n++] = (struct interval6){ first, class };
	return ERR_OK;
}

enum err partition_add(struct partition *p, enum ip_family family, struct address first,
		       uint32_t class)
{
	return family == IP_V4 ? add4(&p->v4, (uint32_t)first.lo, class)
			       : add6(&p->v6, first, class);
}

static enum err index4(struct intervals4 *v)
{
	size_t k = 0;

	if (v->n < INDEX_WORTH)
		return ERR_OK;
	v->index = malloc((INDEX_N + 1) * sizeof *v->index);
	if (v->index == NULL)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < INDEX_N; i++) {
		while (k + 1 < v->n && v->at[k + 1].first <= i << 16)
			k++;
		v->index[i] = (uint32_t)k;
	}
	v->index[INDEX_N] = (uint32_t)v->n - 1;
	return ERR_OK;
}

static uint64_t high_half(const void *from, size_t i)
{
	return ((const struct interval6 *)from)[i].first.hi;
}

static enum err index6(struct intervals6 *v)
{
	bool short_ones = false;

	for (size_t i = 0; i < v->n; i++)
		short_ones = short_ones || v->at[i].first.lo != 0;
	v->class = malloc(v->n * sizeof *v->class);
	v->lo = short_ones ? malloc(v->n * sizeof *v->lo) : NULL;
	if (v->class == NULL || (short_ones && v->lo == NULL) ||
	    !key_tree_build(&v->tree, v->n, high_half, v->at))
		return ERR_NOMEM;
	for (size_t i = 0; i < v->n; i++) {
		v->class[i] = v->at[i].class;
		if (short_ones)
			v->lo[i] = v->at[i].first.lo;
	}
	free(v->at);
	v->at = NULL;
	return ERR_OK;
}

/* Gives back what arrays have beyond their contents. */
static void trim4(struct intervals4 *v)
{
	struct interval4 *less = realloc(v->at, v->n * sizeof *less);

	if (less != NULL)
		v->at = less;
	v->cap = v->n;
}

/* That of the piece whose addresses carry IPv4 is none: they have the classes of IPv4. */
static uint32_t later_class(uint32_t class, uint32_t most)
{
	return class != PARTITION_BY_IPV4 && class > most ? class : most;
}

static void note_class(struct partition *p, uint32_t class)
{
	if (class != PARTITION_BY_IPV4)
		p->classes[class / 64] |= UINT64_C(1) << (class % 64);
}

static enum err note_classes(struct partition *p)
{
	uint32_t most = 0;

	for (size_t i = 0; i < p->v4.n; i++)
		most = later_class(p->v4.at[i].class, most);
	for (size_t i = 0; i < p->v6.n; i++)
		most = later_class(p->v6.at[i].class, most);
	p->class_n = most + 1;
	p->classes = calloc(p->class_n / 64 + 1, sizeof *p->classes);
	if (p->classes == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < p->v4.n; i++)
		note_class(p, p->v4.at[i].class);
	for (size_t i = 0; i < p->v6.n; i++)
		note_class(p, p->v6.at[i].class);
	return ERR_OK;
}

enum err partition_seal(struct partition *p)
{
	enum err e = note_classes(p);

	trim4(&p->v4);
	e = e ? e : index4(&p->v4);
	return e ? e : index6(&p->v6);
}

bool partition_has_class(const struct partition *p, uint32_t class)
{
	return class < p->class_n && (p->classes[class / 64] >> (class % 64) & 1);
}

/* Where the interval of a key is: at[lo..hi-1]. */
static void bounds4(const struct intervals4 *v, uint32_t key, size_t *lo, size_t *hi)
{
	*lo = v->index != NULL ? v->index[key >> 16] : 0;
	*hi = v->index != NULL ? (size_t)v->index[(key >> 16) + 1] + 1 : v->n;
}

static struct partition_hit search4(const struct intervals4 *v, uint32_t key, size_t lo, size_t hi)
{
	while (hi - lo > 1) {
		size_t mid = (lo + hi) / 2;
		if (v->at[mid].first <= key)
			lo = mid;
		else
			hi = mid;
	}
	bool more = lo + 1 < v->n;
	struct address a = { 0, key }, first = { 0, v->at[lo].first },
		       next = { 0, more ? v->at[lo + 1].first : 0 };
	return (struct partition_hit){ v->at[lo].class,
				       address_scope(IP_V4, a, first, more ? &next : NULL) };
}

static struct partition_hit find4(const struct intervals4 *v, struct address a)
{
	size_t lo, hi;

	bounds4(v, (uint32_t)a.lo, &lo, &hi);
	return search4(v, (uint32_t)a.lo, lo, hi);
}

static struct address first6(const struct intervals6 *v, size_t i)
{
	return (struct address){ v->tree.keys[i], v->lo != NULL ? v->lo[i] : 0 };
}

/* The last of so many that starts at or before `a`, which one does. */
static size_t search6(const struct intervals6 *v, size_t n, struct address a)
{
	size_t lo = 0, hi = n;

	while (hi - lo > 1) {
		size_t mid = (lo + hi) / 2;
		if (address_compare(first6(v, mid), a) <= 0)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* How many start at or before a /64. */
static size_t count6(const struct intervals6 *v, uint64_t hi)
{
	return hi < UINT64_MAX ? key_tree_count(&v->tree, hi) : v->n;
}

static struct partition_hit find6(const struct intervals6 *v, struct address a)
{
	size_t n = count6(v, a.hi), i = n - 1;

	/* Nearly always that is it; few intervals are shorter than a /64. */
	if (v->lo != NULL && address_compare(first6(v, i), a) > 0)
		i = search6(v, n, a);
	struct address next = i + 1 < v->n ? first6(v, i + 1) : (struct address){ 0, 0 };
	return (struct partition_hit){ v->class[i], address_scope(IP_V6, a, first6(v, i),
								  i + 1 < v->n ? &next : NULL) };
}

struct partition_hit partition_find(const struct partition *p, const struct ip_addr *a,
				    const struct located *located)
{
	if (located->in == NULL)
		return a->family == IP_V4 ? find4(&p->v4, address_of(a))
					  : find6(&p->v6, address_of(a));
	struct partition_hit hit = find4(&p->v4, address_of(&located->addr));
	if (hit.scope > 0)
		hit.scope = (uint8_t)(hit.scope + located->in->at);
	else /* all of IPv4 is alike: what is around the form may be so too */
		hit.scope = find6(&p->v6, address_of(a)).scope;
	return hit;
}

/* ---- side by side ---- */

#define LINE_INTERVALS 8u /* of IPv4 */

void partition_look_start(struct partition_look *l)
{
	struct address a = address_of(&l->at.addr);

	l->hi = 0;
	if (l->at.addr.family == IP_V4 && l->partition->v4.index != NULL)
		__builtin_prefetch(&l->partition->v4.index[(uint32_t)a.lo >> 16]);
	if (l->at.addr.family == IP_V6 && a.hi < UINT64_MAX)
		__builtin_prefetch(key_tree_node(&l->partition->v6.tree, a.hi));
}

/* Halves what is left, until that is about a line. */
static bool look_on4(struct partition_look *l)
{
	const struct intervals4 *v = &l->partition->v4;
	uint32_t key = (uint32_t)address_of(&l->at.addr).lo;
	size_t mid = (l->lo + l->hi) / 2;

	if (l->hi == 0)
		bounds4(v, key, &l->lo, &l->hi);
	else if (v->at[mid].first <= key)
		l->lo = mid;
	else
		l->hi = mid;
	bool more = l->hi - l->lo > LINE_INTERVALS;
	__builtin_prefetch(&v->at[more ? (l->lo + l->hi) / 2 : l->lo]);
	if (!more)
		__builtin_prefetch(&v->at[l->hi - 1]);
	return more;
}

static bool look_on6(struct partition_look *l)
{
	const struct intervals6 *v = &l->partition->v6;
	size_t i = count6(v, address_of(&l->at.addr).hi) - 1;

	__builtin_prefetch(&v->class[i]);
	if (v->lo != NULL)
		__builtin_prefetch(&v->lo[i]);
	return false;
}

bool partition_look_on(struct partition_look *l)
{
	return l->at.addr.family == IP_V4 ? look_on4(l) : look_on6(l);
}

struct partition_hit partition_look_end(const struct partition_look *l, const struct ip_addr *a)
{
	if (l->at.in == NULL && a->family == IP_V4)
		return search4(&l->partition->v4, (uint32_t)address_of(a).lo, l->lo, l->hi);
	return partition_find(l->partition, a, &l->at);
}

bool partition_is_whole(const struct partition *p, enum ip_family family, uint32_t *class)
{
	size_t n = family == IP_V4 ? p->v4.n : p->v6.n;

	if (n == 1)
		*class = family == IP_V4 ? p->v4.at[0].class : p->v6.at[0].class;
	return n == 1;
}

size_t partition_intervals(const struct partition *p)
{
	return p->v4.n + p->v6.n;
}

size_t partition_bytes(const struct partition *p)
{
	size_t index = p->v4.index != NULL ? (INDEX_N + 1) * sizeof(uint32_t) : 0,
	       lo = p->v6.lo != NULL ? p->v6.n * sizeof *p->v6.lo : 0;

	return sizeof *p + p->v4.cap * sizeof *p->v4.at + index + key_tree_bytes(&p->v6.tree) +
	       p->v6.n * sizeof *p->v6.class + lo + (p->class_n / 64 + 1) * sizeof *p->classes;
}
