// SPDX-License-Identifier: Apache-2.0
/* Zones that somebody else has signed, served as they are: signatures and proofs come as records.
 *
 * RRSIG, NSEC and NSEC3PARAM stand at their names like all else; an RRSIG keeps its own TTL, since
 * one name's signatures cover RRsets of several. NSEC3 and their signatures must not make names:
 * they stand in the trie of hashes, NSEC3 by parameters and hash (two chains may be there while one
 * takes the other's place), signatures by hash. Both are as nsec3.c makes them: hash and owner
 * behind the wire form. */
#include <stdlib.h>

#include "dns/rdata.h"
#include "dns/rrtype.h"
#include "zone/internal.h"

#define HASH_LABEL_LEN 32
#define KEY_MAX        (GIVEN_PREFIX_MAX + NSEC3_HASH_LEN)
enum { KIND_NSEC3 = 1, KIND_SIGNATURE = 2 };

bool given_stands_beside(uint16_t type, struct span rdata)
{
	return type == TYPE_NSEC3 ||
	       (type == TYPE_RRSIG && rdata.n >= 2 && load_u16(rdata.p) == TYPE_NSEC3);
}

/* ---- keys ---- */

static int digit_of(uint8_t c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'v' ? c - 'a' + 10
	       : c >= 'A' && c <= 'V' ? c - 'A' + 10
				      : -1;
}

/* RFC 5155 §3: the hash is the first label below the apex, base32hex without padding. */
static bool read_hash(const struct zone *z, const uint8_t *owner, uint8_t out[NSEC3_HASH_LEN])
{
	if (owner[0] != HASH_LABEL_LEN || !name_equal(name_parent(owner), z->name))
		return false;
	memset(out, 0, NSEC3_HASH_LEN);
	for (unsigned i = 0; i < HASH_LABEL_LEN; i++) {
		int five = digit_of(owner[1 + i]);
		if (five < 0)
			return false;
		for (unsigned bit = 0; bit < 5; bit++)
			if (five >> (4 - bit) & 1)
				out[(5 * i + bit) / 8] |= (uint8_t)(0x80 >> (5 * i + bit) % 8);
	}
	return true;
}

/* Iterations and salt as they stand in RDATA of NSEC3 and NSEC3PARAM, behind algorithm and flags.
 */
static size_t write_prefix(const uint8_t *rdata, uint8_t out[GIVEN_PREFIX_MAX])
{
	size_t n = 3u + rdata[4];

	out[0] = KIND_NSEC3;
	memcpy(out + 1, rdata + 2, n);
	return 1 + n;
}

/* 0: not an owner that a hash makes, or RDATA (of a record that is only looked for, and so was not
 * checked) that no record has. */
static size_t key_of(const struct zone *z, const struct zone_record *r, uint8_t key[KEY_MAX])
{
	size_t n = 1;

	if (!rdata_is_valid(r->type, r->rdata))
		return 0;
	key[0] = KIND_SIGNATURE;
	if (r->type == TYPE_NSEC3)
		n = write_prefix(r->rdata.p, key);
	return read_hash(z, r->owner, key + n) ? n + NSEC3_HASH_LEN : 0;
}

/* ---- building ---- */

static enum err touch(struct zone_builder *b, struct span key)
{
	if (!b->change)
		return ERR_OK;
	uint8_t *copy = malloc(2 + key.n);
	if (copy == NULL)
		return ERR_NOMEM;
	store_u16(copy, (uint16_t)key.n);
	memcpy(copy + 2, key.p, key.n);
	if (list_add(&b->touched_given, copy))
		return ERR_OK;
	free(copy);
	return ERR_NOMEM;
}

/* The octets behind the wire form: hash and owner. */
static size_t tail_len(const struct zone_record *r)
{
	return NSEC3_HASH_LEN + name_len(r->owner);
}

/* `old` (NULL: nothing) with one record more. */
static struct rrset *with_record(const struct rrset *old, const struct zone_record *r,
				 const uint8_t *hash)
{
	size_t before = old != NULL ? old->wire_len : 0, n = RR_FIXED_LEN + r->rdata.n;
	struct rrset *s = malloc(sizeof *s + before + n + tail_len(r));

	if (s == NULL)
		return NULL;
	*s = (struct rrset){
		.type = r->type,
		.rr_n = (uint16_t)(1 + (old != NULL ? old->rr_n : 0)),
		.ttl = r->ttl,
		.wire_len = (uint32_t)(before + n),
		.building = 1,
	};
	if (before > 0)
		memcpy(s->wire, old->wire, before);
	uint8_t *at = s->wire + before;
	store_u16(at, r->type);
	store_u16(at + 2, CLASS_IN);
	store_u32(at + 4, r->ttl);
	store_u16(at + 8, (uint16_t)r->rdata.n);
	memcpy(at + RR_FIXED_LEN, r->rdata.p, r->rdata.n);
	memcpy(s->wire + s->wire_len, hash, NSEC3_HASH_LEN);
	memcpy(s->wire + s->wire_len + NSEC3_HASH_LEN, r->owner, name_len(r->owner));
	return s;
}

static struct rrset *without_record(const struct rrset *old, size_t at, const struct zone_record *r)
{
	size_t n = RR_FIXED_LEN + load_u16(old->wire + at + RR_FIXED_LEN - 2);
	struct rrset *s = malloc(sizeof *s + old->wire_len - n + tail_len(r));

	if (s == NULL)
		return NULL;
	memcpy(s, old, sizeof *s);
	memcpy(s->wire, old->wire, at);
	memcpy(s->wire + at, old->wire + at + n, old->wire_len - at - n + tail_len(r));
	s->wire_len -= (uint32_t)n;
	s->rr_n--;
	s->building = 1;
	return s;
}

/* Takes `r`. */
static enum err put(struct zone_builder *b, struct span key, struct rrset *r)
{
	void *old = NULL;
	enum err e = touch(b, key);

	if (!e)
		e = trie_set(b->made->hashes, key, r, &old);
	if (e) {
		rrset_free(r);
		return e;
	}
	return builder_drop(b, old);
}

enum err given_add(struct zone_builder *b, const struct zone_record *r, struct diag *d)
{
	uint8_t key[KEY_MAX];
	size_t n = key_of(b->made, r, key), at = 0;

	if (n == 0) {
		struct rrset place = { .line = r->line, .file = r->file };
		char name[NAME_TEXT_MAX];
		builder_finding(b, d, DIAG_ERROR, &place,
				"%s: no hash stands under such a name (RFC 5155 section 3)",
				name_to_text(r->owner, name));
		return ERR_OK;
	}
	const struct rrset *old = trie_get(b->made->hashes, (struct span){ key, n });
	if (old != NULL && old->rr_n == UINT16_MAX)
		return ERR_TOO_LONG;
	enum err e = old != NULL ? rrset_find(old, r->rdata, &at) : ERR_OK;
	if (e || (old != NULL && at < old->wire_len))
		return e;
	struct rrset *s = with_record(old, r, key + n - NSEC3_HASH_LEN);
	if (s == NULL)
		return ERR_NOMEM;
	b->made->rr_n++;
	return put(b, (struct span){ key, n }, s);
}

static enum err find(const struct zone_builder *b, const struct zone_record *r,
		     uint8_t key[KEY_MAX], size_t *key_n, size_t *at, struct rrset **out)
{
	*key_n = key_of(b->made, r, key);
	*out = *key_n > 0 ? trie_get(b->made->hashes, (struct span){ key, *key_n }) : NULL;
	if (*out == NULL)
		return ERR_OK;
	enum err e = rrset_find(*out, r->rdata, at);
	if (e || *at == (*out)->wire_len)
		*out = NULL;
	return e;
}

enum err given_has(const struct zone_builder *b, const struct zone_record *r, bool *out)
{
	uint8_t key[KEY_MAX];
	size_t n, at;
	struct rrset *there = NULL;
	enum err e = find(b, r, key, &n, &at, &there);

	*out = there != NULL;
	return e;
}

enum err given_remove(struct zone_builder *b, const struct zone_record *r)
{
	uint8_t key[KEY_MAX];
	size_t n, at;
	struct rrset *there = NULL;
	enum err e = find(b, r, key, &n, &at, &there);

	if (e || there == NULL)
		return e;
	b->made->rr_n--;
	if (there->rr_n > 1) {
		struct rrset *s = without_record(there, at, r);
		return s != NULL ? put(b, (struct span){ key, n }, s) : ERR_NOMEM;
	}
	e = touch(b, (struct span){ key, n });
	if (!e)
		trie_remove(b->made->hashes, (struct span){ key, n }, &e);
	return e ? e : builder_drop(b, there);
}

/* ---- what the records say ---- */

static bool is_of_chain(const struct zone *z, const struct rrset *r)
{
	return r != NULL && r->type == TYPE_NSEC3 &&
	       r->wire_len > RR_FIXED_LEN + 1u + z->chain_len &&
	       memcmp(r->wire + RR_FIXED_LEN + 2, z->chain + 1, z->chain_len - 1) == 0;
}

/* RFC 5155 §4.1.2 and §7.3: parameters with flags that are not 0 are no one's to use. */
static bool find_chain(struct zone *z, const struct rrset *params)
{
	const uint8_t *rr = params->wire;
	uint8_t last[KEY_MAX];

	for (unsigned i = 0; i < params->rr_n; i++) {
		const uint8_t *rdata = rr + RR_FIXED_LEN;
		rr += RR_FIXED_LEN + load_u16(rr + RR_FIXED_LEN - 2);
		if (rdata[0] != 1 || rdata[1] != 0)
			continue;
		z->chain_len = (uint16_t)write_prefix(rdata, z->chain);
		memcpy(last, z->chain, z->chain_len);
		memset(last + z->chain_len, 0xff, NSEC3_HASH_LEN);
		if (is_of_chain(
			z, trie_at_or_before(z->hashes,
					     (struct span){ last, z->chain_len + NSEC3_HASH_LEN })))
			return true;
	}
	return false;
}

void given_settle(struct zone_builder *b, struct diag *d)
{
	struct zone *z = b->made;
	const struct rrset *params = node_find(z->apex, TYPE_NSEC3PARAM);

	z->given = ZONE_NO_DENIAL;
	if (!z->options.given)
		return;
	if (params != NULL && find_chain(z, params)) {
		unsigned iterations = load_u16(z->chain + 1);
		z->given = ZONE_NSEC3;
		if (iterations > GIVEN_ITERATIONS_MAX)
			builder_finding(b, d, DIAG_ERROR, params,
					"NSEC3 with %u iterations: no more than %u are served (RFC "
					"9276 section 3.2)",
					iterations, GIVEN_ITERATIONS_MAX);
	} else if (node_find(z->apex, TYPE_NSEC) != NULL) {
		z->given = ZONE_NSEC;
	}
}

/* ---- look-ups: the data plane's ---- */

bool zone_is_given(const struct zone *z)
{
	return z->given != ZONE_NO_DENIAL;
}

struct nsec3_params zone_nsec3_params(const struct zone *z)
{
	return z->given == ZONE_NSEC3
		   ? (struct nsec3_params){ load_u16(z->chain + 1), { z->chain + 4, z->chain[3] } }
		   : (struct nsec3_params){ 0 };
}

static const struct rrset *at_or_before(const struct zone *z, const uint8_t *hash)
{
	uint8_t key[KEY_MAX];

	memcpy(key, z->chain, z->chain_len);
	memcpy(key + z->chain_len, hash, NSEC3_HASH_LEN);
	const struct rrset *r =
	    trie_at_or_before(z->hashes, (struct span){ key, z->chain_len + NSEC3_HASH_LEN });
	return is_of_chain(z, r) ? r : NULL;
}

const struct rrset *given_cover(const struct zone *z, const uint8_t hash[NSEC3_HASH_LEN])
{
	static const uint8_t LAST[NSEC3_HASH_LEN] = { 255, 255, 255, 255, 255, 255, 255,
						      255, 255, 255, 255, 255, 255, 255,
						      255, 255, 255, 255, 255, 255 };
	const struct rrset *r = at_or_before(z, hash);

	/* What lies before the first is covered by the last, which points round to it. */
	return r != NULL ? r : at_or_before(z, LAST);
}

const struct rrset *zone_given_signatures(const struct zone *z, const uint8_t *owner,
					  const struct rrset *of)
{
	if (of->type == TYPE_NSEC3) {
		uint8_t key[1 + NSEC3_HASH_LEN] = { KIND_SIGNATURE };
		memcpy(key + 1, nsec3_hash_of(of), NSEC3_HASH_LEN);
		return trie_get(z->hashes, (struct span){ key, sizeof key });
	}
	const struct node *n = zone_node(z, owner);
	return n != NULL ? node_rrset(n, TYPE_RRSIG) : NULL;
}
