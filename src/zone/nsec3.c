// SPDX-License-Identifier: Apache-2.0
/* The NSEC3 chain (RFC 5155 §7.1): one record for each authoritative name, cut and empty
 * non-terminal, in the order of their hashes.
 *
 * An NSEC3 RRset stands in the trie of hashes alone. Behind its wire form lie the hash and the
 * owner name, so that the RRset is all there is to a link of the chain. */
#include <stdlib.h>

#include "dns/rdata.h"
#include "dns/rrtype.h"
#include "zone/internal.h"

/* RDATA: hash algorithm, flags, iterations, salt length, hash length, next hash, bitmap (§3.2). */
#define NEXT_AT     (RR_FIXED_LEN + 6)
#define BITMAP_AT   (NEXT_AT + NSEC3_HASH_LEN)
#define LABEL_LEN   32
#define OWNER_EXTRA (1 + LABEL_LEN)
#define HASH_SHA1   1
#define PARAM_LEN   5

const uint8_t *nsec3_hash_of(const struct rrset *r)
{
	return r->wire + r->wire_len;
}

const uint8_t *nsec3_owner(const struct rrset *r)
{
	return r->wire + r->wire_len + NSEC3_HASH_LEN;
}

static struct span key_of(const uint8_t *hash)
{
	return (struct span){ hash, NSEC3_HASH_LEN };
}

/* Base32 with the extended hex alphabet, five bits a digit (RFC 4648 §7); 160 bits need no
 * padding. */
static void write_label(const uint8_t *hash, uint8_t *out)
{
	static const char DIGITS[] = "0123456789abcdefghijklmnopqrstuv";

	*out++ = LABEL_LEN;
	for (unsigned bit = 0; bit < 8 * NSEC3_HASH_LEN; bit += 5) {
		unsigned two = (unsigned)hash[bit / 8] << 8 |
			       (bit / 8 + 1 < NSEC3_HASH_LEN ? hash[bit / 8 + 1] : 0u);
		*out++ = (uint8_t)DIGITS[two >> (11 - bit % 8) & 31];
	}
}

static enum err make(const struct zone *z, const struct node *n, const uint8_t *hash,
		     const uint8_t *next, struct rrset **out)
{
	size_t apex_len = name_len(z->name), tail = NSEC3_HASH_LEN + OWNER_EXTRA + apex_len;
	uint32_t ttl = zone_negative_ttl(z);
	uint8_t bitmap[BITMAP_MAX];
	size_t bitmap_len;

	if (node_bitmap(z, n, bitmap, &bitmap_len))
		return ERR_NOMEM;
	struct rrset *r = malloc(sizeof *r + BITMAP_AT + bitmap_len + tail);
	if (r == NULL)
		return ERR_NOMEM;
	static const uint8_t FIXED[] = { HASH_SHA1, 0, 0, 0, 0, NSEC3_HASH_LEN };
	memcpy(r->wire + BITMAP_AT, bitmap, bitmap_len);
	*r = (struct rrset){
		.type = TYPE_NSEC3,
		.rr_n = 1,
		.ttl = ttl,
		.wire_len = (uint32_t)(BITMAP_AT + bitmap_len),
		.building = 1,
	};
	store_u16(r->wire, TYPE_NSEC3);
	store_u16(r->wire + 2, CLASS_IN);
	store_u32(r->wire + 4, ttl);
	store_u16(r->wire + 8, (uint16_t)(r->wire_len - RR_FIXED_LEN));
	memcpy(r->wire + RR_FIXED_LEN, FIXED, sizeof FIXED);
	memcpy(r->wire + NEXT_AT, next, NSEC3_HASH_LEN);
	uint8_t *behind = r->wire + r->wire_len;
	memcpy(behind, hash, NSEC3_HASH_LEN);
	write_label(hash, behind + NSEC3_HASH_LEN);
	memcpy(behind + NSEC3_HASH_LEN + OWNER_EXTRA, z->name, apex_len);
	*out = r;
	return ERR_OK;
}

static void hash_name(const struct zone *z, const uint8_t *name, uint8_t out[NSEC3_HASH_LEN])
{
	z->options.nsec3_hash(name, out, z->options.nsec3_context);
}

/* §4.1: tells secondaries and signers the parameters; the TTL is of no use to anyone. */
enum err nsec3_add_param(struct zone_builder *b)
{
	static const uint8_t PARAM[PARAM_LEN] = { HASH_SHA1 };
	struct zone *z = b->made;
	struct zone_record rec = { .owner = z->name,
				   .type = TYPE_NSEC3PARAM,
				   .rdata = { PARAM, sizeof PARAM } };
	struct node *n = NULL;
	enum err e = builder_node(b, z->name, 1, &n);

	if (!e)
		e = builder_node(b, z->name, n->rrset_n + 1u, &n);
	if (e)
		return e;
	struct rrset *r = rrset_of_one(&rec);
	if (r == NULL)
		return ERR_NOMEM;
	node_put(n, r);
	return ERR_OK;
}

/* ---- the whole ---- */

struct chain {
	struct zone_builder *b;
	struct rrset *first, *last;
	enum err err;
};

static bool add_node(struct span key, void *value, void *context)
{
	struct chain *c = context;
	struct zone *z = c->b->made;
	const struct node *n = value;
	uint8_t hash[NSEC3_HASH_LEN];
	struct rrset *r = NULL;

	(void)key;
	if (!node_wants_nsec(z, n))
		return true;
	hash_name(z, n->name, hash);
	c->err = make(z, n, hash, hash, &r);
	void *there = NULL;
	if (!c->err)
		c->err = trie_set(z->hashes, key_of(hash), r, &there);
	if (c->err)
		rrset_free(r);
	rrset_free(there); /* two names with one hash: never seen of SHA-1 in this form */
	return c->err == ERR_OK;
}

static bool link_next(struct span key, void *value, void *context)
{
	struct chain *c = context;
	struct rrset *r = value;

	if (c->first == NULL)
		c->first = r;
	if (c->last != NULL)
		memcpy(c->last->wire + NEXT_AT, key.p, NSEC3_HASH_LEN);
	c->last = r;
	return true;
}

enum err nsec3_make_all(struct zone_builder *b)
{
	struct chain c = { .b = b };
	struct zone *z = b->made;

	if (name_len(z->name) + OWNER_EXTRA > NAME_MAX_LEN)
		return ERR_TOO_LONG;
	trie_walk(z->names, add_node, &c);
	if (c.err)
		return c.err;
	trie_walk(z->hashes, link_next, &c);
	if (c.last != NULL)
		memcpy(c.last->wire + NEXT_AT, nsec3_hash_of(c.first), NSEC3_HASH_LEN);
	return ERR_OK;
}

/* ---- a change ---- */

static enum err touch(struct zone_builder *b, const uint8_t *hash)
{
	uint8_t *copy = malloc(NSEC3_HASH_LEN);

	if (copy == NULL)
		return ERR_NOMEM;
	memcpy(copy, hash, NSEC3_HASH_LEN);
	if (list_add(&b->touched_hashes, copy))
		return ERR_OK;
	free(copy);
	return ERR_NOMEM;
}

/* Puts `r` (taken in any case) where that hash stands. */
static enum err put(struct zone_builder *b, const uint8_t *hash, struct rrset *r)
{
	void *old = NULL;
	enum err e = touch(b, hash);

	if (!e)
		e = trie_set(b->made->hashes, key_of(hash), r, &old);
	if (e) {
		rrset_free(r);
		return e;
	}
	return builder_drop(b, old);
}

static struct rrset *copy_of(const struct zone *z, const struct rrset *r)
{
	size_t n = sizeof *r + r->wire_len + NSEC3_HASH_LEN + OWNER_EXTRA + name_len(z->name);
	struct rrset *copy = malloc(n);

	if (copy == NULL)
		return NULL;
	memcpy(copy, r, n);
	copy->building = 1;
	copy->sig_id = 0;
	return copy;
}

/* The link before `hash` shall point to `next`. */
static enum err relink(struct zone_builder *b, const uint8_t *hash, const uint8_t *next)
{
	struct zone *z = b->made;
	struct trie_found f = trie_find_previous(z->hashes, key_of(hash));
	struct rrset *p = f.previous != NULL ? f.previous : trie_last(z->hashes);

	if (p == NULL)
		return ERR_OK;
	struct rrset *copy = copy_of(z, p);
	if (copy == NULL)
		return ERR_NOMEM;
	memcpy(copy->wire + NEXT_AT, next, NSEC3_HASH_LEN);
	return put(b, nsec3_hash_of(copy), copy);
}

static enum err take_out(struct zone_builder *b, const uint8_t *hash)
{
	struct zone *z = b->made;
	enum err e = touch(b, hash);
	uint8_t next[NSEC3_HASH_LEN];

	if (e)
		return e;
	struct rrset *old = trie_remove(z->hashes, key_of(hash), &e);
	if (e || old == NULL)
		return e;
	memcpy(next, old->wire + NEXT_AT, sizeof next);
	e = builder_drop(b, old);
	return e ? e : relink(b, hash, next);
}

enum err nsec3_renew(struct zone_builder *b, const uint8_t *name)
{
	struct zone *z = b->made;
	uint8_t key[NAME_KEY_MAX], hash[NSEC3_HASH_LEN];
	size_t n = name_key(name, key);
	const struct node *node = trie_get(z->names, (struct span){ key, n });
	struct rrset *r = NULL;

	hash_name(z, name, hash);
	const struct rrset *old = trie_get(z->hashes, key_of(hash));
	if (node == NULL || !node_wants_nsec(z, node))
		return old != NULL ? take_out(b, hash) : ERR_OK;
	const struct rrset *after = trie_next(z->hashes, key_of(hash));
	if (after == NULL)
		after = trie_next(z->hashes, (struct span){ 0 });
	const uint8_t *next = after != NULL ? nsec3_hash_of(after) : hash;
	enum err e = make(z, node, hash, next, &r);
	if (e)
		return e;
	if (old != NULL && rrset_same(old, r)) {
		rrset_free(r);
		return ERR_OK;
	}
	bool fresh = old == NULL;
	e = put(b, hash, r);
	return e || !fresh ? e : relink(b, hash, hash);
}
