// SPDX-License-Identifier: Apache-2.0
/* The NSEC chain (RFC 4034 §4): one record at each authoritative name that owns data, and at each
 * cut; or, for compact denial, one at each name that says nothing of any other. */
#include <stdlib.h>

#include "dns/rdata.h"
#include "dns/rrtype.h"
#include "zone/internal.h"

/* NSEC: each authoritative name with data, and each cut; NSEC3 and compact denial: empty
 * non-terminals too (RFC 5155 §7.1, RFC 9824 §3.2). */
bool node_wants_nsec(const struct zone *z, const struct node *n)
{
	return !(n->flags & NODE_BELOW_CUT) && (n->rrset_n > 0 || z->options.denial != ZONE_NSEC);
}

/* Types that most nodes have no more of. */
#define FEW_TYPES 64u

/* The owner after `n` in the chain; the last one points to the apex (RFC 4034 §4.1.1). */
static const struct node *next_owner(const struct zone *z, const struct node *n)
{
	uint8_t key[NAME_KEY_MAX];

	for (;;) {
		size_t len = name_key(n->name, key);
		n = trie_next(z->names, (struct span){ key, len });
		if (n == NULL)
			return zone_apex(z);
		if (node_wants_nsec(z, n))
			return n;
	}
}

static bool is_listed(const struct node *n, uint16_t type)
{
	return !(n->flags & NODE_CUT) || type == TYPE_NS || type == TYPE_DS;
}

/* What the denial adds to the types that are there: with NSEC itself and its signature, always;
 * with NSEC3 a signature where something at the name is signed (RFC 5155 §7.1). */
static size_t added_types(const struct zone *z, const struct node *n, uint16_t added[2])
{
	bool is_signed =
	    n->rrset_n > 0 && (!(n->flags & NODE_CUT) || node_find(n, TYPE_DS) != NULL);

	added[0] = TYPE_RRSIG;
	added[1] = TYPE_NSEC;
	return z->options.denial != ZONE_NSEC3 ? 2 : is_signed ? 1 : 0;
}

/* At a cut only what the parent is authoritative for, and NS (RFC 4035 §2.3). */
size_t node_types(const struct zone *z, const struct node *n, uint16_t *types)
{
	uint16_t added[2];
	size_t t = 0, added_n = added_types(z, n, added);

	for (unsigned i = 0; i < n->rrset_n; i++) {
		uint16_t type = n->rrset[i]->type;
		if (!is_listed(n, type))
			continue;
		if (type > TYPE_RRSIG) {
			for (size_t k = 0; k < added_n; k++)
				types[t++] = added[k];
			added_n = 0;
		}
		types[t++] = type;
	}
	for (size_t k = 0; k < added_n; k++)
		types[t++] = added[k];
	return t;
}

/* The name that a node's NSEC points to; returns its length. */
static size_t next_name(const struct zone *z, const struct node *n, uint8_t out[NAME_MAX_LEN])
{
	if (z->options.denial == ZONE_COMPACT)
		return name_successor(n->name, z->name, out);
	const uint8_t *next = next_owner(z, n)->name;
	size_t len = name_len(next);
	memcpy(out, next, len);
	return len;
}

enum err node_bitmap(const struct zone *z, const struct node *n, uint8_t out[BITMAP_MAX],
		     size_t *len)
{
	uint16_t few[FEW_TYPES], *types = few;

	if (n->rrset_n + 2u > FEW_TYPES)
		types = malloc((n->rrset_n + 2u) * sizeof *types);
	if (types == NULL)
		return ERR_NOMEM;
	*len = rdata_write_bitmap(types, node_types(z, n, types), out, BITMAP_MAX);
	if (types != few)
		free(types);
	return ERR_OK;
}

enum err nsec_make(const struct zone *z, const struct node *n, struct rrset **out)
{
	uint8_t next[NAME_MAX_LEN], bitmap[BITMAP_MAX];
	size_t next_len = next_name(z, n, next), bitmap_len;
	uint32_t ttl = zone_negative_ttl(z); /* RFC 9077 §3 */

	if (node_bitmap(z, n, bitmap, &bitmap_len))
		return ERR_NOMEM;
	/* As long as it is: what is made larger and cut back leaves holes behind each. */
	struct rrset *r = malloc(sizeof *r + RR_FIXED_LEN + next_len + bitmap_len);
	if (r == NULL)
		return ERR_NOMEM;
	memcpy(r->wire + RR_FIXED_LEN, next, next_len);
	memcpy(r->wire + RR_FIXED_LEN + next_len, bitmap, bitmap_len);
	*r = (struct rrset){
		.type = TYPE_NSEC,
		.rr_n = 1,
		.ttl = ttl,
		.wire_len = (uint32_t)(RR_FIXED_LEN + next_len + bitmap_len),
		.building = 1,
	};
	store_u16(r->wire, TYPE_NSEC);
	store_u16(r->wire + 2, CLASS_IN);
	store_u32(r->wire + 4, ttl);
	store_u16(r->wire + 8, (uint16_t)(next_len + bitmap_len));
	*out = r;
	return ERR_OK;
}
