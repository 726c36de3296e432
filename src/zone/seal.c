// SPDX-License-Identifier: Apache-2.0
/* From a heap of records to a version: canonical order, flags, the NSEC chain, signature ids, and
 * what the version before no longer shares. */
#include <stdlib.h>

#include "dns/rdata.h"
#include "dns/rrtype.h"
#include "zone/internal.h"

/* ---- one RRset ---- */

struct rr {
	struct span wire;      /* TYPE to the end of RDATA */
	struct span canonical; /* RDATA in canonical form */
};

static int by_rdata(const void *a, const void *b)
{
	const struct rr *x = a, *y = b;

	return rdata_compare(x->canonical, y->canonical);
}

/* RFC 4034 §6.3: ascending by canonical RDATA, equal ones once. */
static enum err sort_records(struct rrset *r)
{
	enum err e = ERR_NOMEM;
	struct rr *all = malloc(r->rr_n * sizeof *all);
	uint8_t *canonical = malloc(r->wire_len), *sorted = malloc(r->wire_len);
	uint8_t *p = r->wire;
	uint16_t kept = 0;
	uint32_t len = 0;

	if (all == NULL || canonical == NULL || sorted == NULL)
		goto done;
	for (unsigned i = 0; i < r->rr_n; i++) {
		size_t n = load_u16(p + RR_FIXED_LEN - 2);
		struct span rdata = { p + RR_FIXED_LEN, n };
		uint8_t *form = canonical + (p + RR_FIXED_LEN - r->wire);
		rdata_canonicalize(r->type, rdata, form);
		all[i] = (struct rr){ { p, RR_FIXED_LEN + n }, { form, n } };
		p += RR_FIXED_LEN + n;
	}
	qsort(all, r->rr_n, sizeof *all, by_rdata);
	for (unsigned i = 0; i < r->rr_n; i++) {
		if (i > 0 && span_equal(all[i].canonical, all[i - 1].canonical))
			continue;
		memcpy(sorted + len, all[i].wire.p, all[i].wire.n);
		if (r->type != TYPE_RRSIG) /* each has the TTL of what it covers */
			store_u32(sorted + len + 4, r->ttl);
		len += (uint32_t)all[i].wire.n;
		kept++;
	}
	memcpy(r->wire, sorted, len);
	r->wire_len = len;
	r->rr_n = kept;
	e = ERR_OK;
done:
	free(all);
	free(canonical);
	free(sorted);
	return e;
}

static enum err settle_rrset(struct zone_builder *b, struct rrset *r)
{
	if (r->rr_n > 1) {
		uint16_t before = r->rr_n;
		enum err e = sort_records(r);
		if (e)
			return e;
		b->made->rr_n -= (size_t)(before - r->rr_n);
	}
	for (uint32_t i = 1; r->steering != NULL && i < r->steering->variant_n; i++) {
		if (r->steering->variant[i]->rr_n > 1) {
			enum err e = sort_records(r->steering->variant[i]);
			if (e)
				return e;
		}
	}
	if (r->ttl > b->made->max_ttl)
		b->made->max_ttl = r->ttl;
	return ERR_OK;
}

/* ---- flags ---- */

static bool has_wildcard(const struct zone *z, const struct node *n)
{
	uint8_t key[NAME_KEY_MAX + 2];
	size_t len = name_key(n->name, key);

	key[len] = '*';
	key[len + 1] = 0;
	return trie_get(z->names, (struct span){ key, len + 2 }) != NULL;
}

/* All but NODE_HAS_WILDCARD. */
static uint8_t derive_flags(const struct zone *z, const struct node *n, const struct node *parent)
{
	uint8_t flags = 0;

	if (name_equal(n->name, z->name))
		flags |= NODE_APEX;
	else if (node_find(n, TYPE_NS) != NULL)
		flags |= NODE_CUT;
	if (node_find(n, TYPE_DNAME) != NULL)
		flags |= NODE_DNAME;
	if (n->rrset_n == 0)
		flags |= NODE_EMPTY;
	if (name_is_wildcard(n->name))
		flags |= NODE_WILDCARD;
	if (parent != NULL && (parent->flags & (NODE_CUT | NODE_BELOW_CUT | NODE_DNAME)))
		flags |= NODE_BELOW_CUT;
	return flags;
}

static struct node *node_at(const struct zone *z, const uint8_t *name)
{
	uint8_t key[NAME_KEY_MAX];
	size_t n = name_key(name, key);

	return trie_get(z->names, (struct span){ key, n });
}

/* ---- ids ---- */

static bool is_signed(const struct node *n, const struct rrset *r)
{
	if ((n->flags & NODE_BELOW_CUT) || r->rr_n == 0) /* an alias that knows nothing yet */
		return false;
	return !(n->flags & NODE_CUT) || r->type == TYPE_DS || r->type == TYPE_NSEC;
}

/* The RRset of the version before that says the same under the same name, where it was signed too.
 */
static const struct rrset *twin(const struct rrset *r, const struct rrset *before)
{
	if (before == NULL)
		return NULL;
	for (uint32_t i = 0; i < (before->steering != NULL ? before->steering->variant_n : 1);
	     i++) {
		const struct rrset *v = rrset_variant(before, i);
		if (v->sig_id != 0 && rrset_same(r, v))
			return v;
	}
	return NULL;
}

static bool id_is_used(const struct rrset *r, uint32_t id)
{
	for (uint32_t i = 0; r != NULL && i < (r->steering != NULL ? r->steering->variant_n : 1);
	     i++)
		if (rrset_variant(r, i)->sig_id == id)
			return true;
	return false;
}

static enum err give_id(struct zone_builder *b, struct rrset *r, const struct rrset *all,
			const struct rrset *before)
{
	const struct rrset *old = twin(r, before);

	/* Two variants may say the same as one of before: only one of them can have its id. */
	if (old != NULL && !id_is_used(all, old->sig_id)) {
		r->sig_id = old->sig_id;
		return ERR_OK;
	}
	return ids_take(b->made->ids, &r->sig_id);
}

static enum err give_ids(struct zone_builder *b, const struct node *n, struct rrset *r,
			 const struct rrset *before)
{
	enum err e = ERR_OK;

	if (!b->made->options.denial || !is_signed(n, r))
		return ERR_OK;
	for (uint32_t i = 0; i < (r->steering != NULL ? r->steering->variant_n : 1) && !e; i++) {
		struct rrset *v = i == 0 ? r : r->steering->variant[i];
		if (v->sig_id == 0)
			e = give_id(b, v, r, before);
	}
	return e;
}

static const struct node *node_before(const struct zone_builder *b, const uint8_t *name)
{
	return b->base != NULL ? node_at(b->base, name) : NULL;
}

static enum err give_node_ids(struct zone_builder *b, struct node *n)
{
	const struct node *before;
	enum err e = ERR_OK;

	if (!b->made->options.denial)
		return ERR_OK; /* nothing has an id */
	before = node_before(b, n->name);
	for (unsigned i = 0; i < n->rrset_n && !e; i++)
		if (n->rrset[i]->building)
			e = give_ids(b, n, n->rrset[i],
				     before != NULL ? node_find(before, n->rrset[i]->type) : NULL);
	if (!e && n->nsec != NULL && n->nsec->building)
		e = give_ids(b, n, n->nsec, before != NULL ? before->nsec : NULL);
	return e;
}

/* ---- what the version before is left with ---- */

static enum err add_dead(struct zone *base, struct zone_list *dead, const struct rrset *before,
			 const struct rrset *now)
{
	(void)base;
	for (uint32_t i = 0;
	     before != NULL && i < (before->steering != NULL ? before->steering->variant_n : 1);
	     i++) {
		uint32_t id = rrset_variant(before, i)->sig_id;
		if (id != 0 && !id_is_used(now, id) && !list_add(dead, (void *)(uintptr_t)id))
			return ERR_NOMEM;
	}
	return ERR_OK;
}

static enum err find_dead(struct zone_builder *b, struct zone_list *dead, const struct node *before)
{
	const struct node *now = node_at(b->made, before->name);
	enum err e = ERR_OK;

	for (unsigned i = 0; i < before->rrset_n && !e; i++)
		e = add_dead(b->base, dead, before->rrset[i],
			     now != NULL ? node_find(now, before->rrset[i]->type) : NULL);
	if (!e)
		e = add_dead(b->base, dead, before->nsec, now != NULL ? now->nsec : NULL);
	return e;
}

/* ---- the passes ---- */

struct pass {
	struct zone_builder *b;
	struct diag *d;
	struct zone_list *dead;
	struct node *up[NAME_LABELS_MAX]; /* the last node seen by label count */
	enum err err;
};

static bool settle_node(struct span key, void *value, void *context)
{
	struct node *n = value;
	struct pass *p = context;
	struct zone *z = p->b->made;
	unsigned depth = n->label_n;

	(void)key;
	struct node *parent = depth > name_label_n(z->name) ? p->up[depth - 1] : NULL;
	n->flags = derive_flags(z, n, parent) | NODE_BUILDING;
	if (parent != NULL && (n->flags & NODE_WILDCARD))
		parent->flags |= NODE_HAS_WILDCARD; /* it came before its children */
	p->up[depth] = n;
	for (unsigned i = 0; i < n->rrset_n && p->err == ERR_OK; i++)
		p->err = settle_rrset(p->b, n->rrset[i]);
	return p->err == ERR_OK;
}

static bool finish_node(struct span key, void *value, void *context)
{
	struct node *n = value;
	struct pass *p = context;
	struct zone *z = p->b->made;

	(void)key;
	if ((z->options.denial == ZONE_NSEC || z->options.denial == ZONE_COMPACT) &&
	    node_wants_nsec(z, n))
		p->err = nsec_make(z, n, &n->nsec);
	if (p->err == ERR_OK)
		p->err = give_node_ids(p->b, n);
	return p->err == ERR_OK;
}

/* NSEC3 RRsets: always authoritative, each known by its hash. */
static bool finish_nsec3(struct span key, void *value, void *context)
{
	struct pass *p = context;
	const struct rrset *before = p->b->base != NULL ? trie_get(p->b->base->hashes, key) : NULL;
	struct rrset *r = value;

	if (p->b->made->options.denial && r->building && r->sig_id == 0)
		p->err = give_id(p->b, r, r, before);
	return p->err == ERR_OK;
}

static bool find_dead_nsec3(struct span key, void *value, void *context)
{
	struct pass *p = context;

	p->err = add_dead(p->b->base, p->dead, value, trie_get(p->b->made->hashes, key));
	return p->err == ERR_OK;
}

static bool seal_nsec3(struct span key, void *value, void *context)
{
	struct zone *z = context;
	struct rrset *r = value;

	(void)key;
	r->building = 0;
	z->data_bytes += rrset_bytes(r) + NSEC3_HASH_LEN + name_len(nsec3_owner(r));
	return true;
}

static bool seal_node(struct span key, void *value, void *context)
{
	struct node *n = value;
	struct zone *z = context;

	(void)key;
	for (unsigned i = 0; i < n->rrset_n; i++) {
		n->rrset[i]->building = 0;
		z->data_bytes += rrset_bytes(n->rrset[i]);
	}
	if (n->nsec != NULL) {
		n->nsec->building = 0;
		z->data_bytes += rrset_bytes(n->nsec);
	}
	z->data_bytes += node_bytes(n);
	n->flags &= (uint8_t)~NODE_BUILDING;
	return true;
}

static bool find_dead_node(struct span key, void *value, void *context)
{
	struct pass *p = context;

	(void)key;
	p->err = find_dead(p->b, p->dead, value);
	return p->err == ERR_OK;
}

/* The apex and SOA, which all else leans on. */
static bool find_apex(struct zone_builder *b, struct diag *d)
{
	struct zone *z = b->made;

	z->apex = node_at(z, z->name);
	z->soa = z->apex != NULL ? node_find(z->apex, TYPE_SOA) : NULL;
	if (z->soa == NULL || z->soa->rr_n != 1)
		builder_finding(b, d, DIAG_ERROR, z->soa, "%s (RFC 1035 section 5.2)",
				z->soa == NULL ? "the zone has no SOA record"
					       : "the zone has more than one SOA record");
	return z->soa != NULL && z->soa->rr_n == 1;
}

static enum err seal_whole(struct zone_builder *b, struct diag *d, struct zone_list *dead)
{
	struct zone *z = b->made;
	struct pass p = { .b = b, .d = d, .dead = dead };

	if (z->options.denial == ZONE_NSEC3)
		p.err = nsec3_add_param(b);
	if (!p.err)
		trie_walk(z->names, settle_node, &p);
	if (p.err)
		return p.err;
	if (!find_apex(b, d))
		return ERR_INVALID;
	given_settle(b, d);
	check_zone(z, b, d);
	if (b->faults > 0)
		return ERR_INVALID;
	if (z->options.denial == ZONE_NSEC3)
		p.err = nsec3_make_all(b);
	if (!p.err)
		trie_walk(z->names, finish_node, &p);
	if (!p.err)
		trie_walk(z->hashes, finish_nsec3, &p);
	/* Where nothing was signed no id dies. */
	if (!p.err && b->base != NULL && b->base->options.denial)
		trie_walk(b->base->names, find_dead_node, &p);
	if (!p.err && b->base != NULL && b->base->options.denial)
		trie_walk(b->base->hashes, find_dead_nsec3, &p);
	return p.err;
}

/* ---- the passes of a change ---- */

static enum err reflag(struct zone_builder *b, const uint8_t *name);

/* Names below one whose being a cut or DNAME changed are occluded now, or no longer. */
static enum err reflag_below(struct zone_builder *b, const uint8_t *name)
{
	uint8_t key[NAME_KEY_MAX], at[NAME_MAX_LEN];
	enum err e = ERR_OK;

	memcpy(at, name, name_len(name));
	while (!e) {
		size_t n = name_key(at, key);
		const struct node *next = trie_next(b->made->names, (struct span){ key, n });
		if (next == NULL || !name_is_within(next->name, name))
			break;
		memcpy(at, next->name, name_len(next->name));
		e = reflag(b, at);
	}
	return e;
}

/* Derives a node's flags anew; where they differ the node becomes one of this version. */
static enum err reflag(struct zone_builder *b, const uint8_t *name)
{
	struct zone *z = b->made;
	struct node *n = node_at(z, name);

	if (n == NULL)
		return ERR_OK;
	const struct node *parent =
	    name_equal(name, z->name) ? NULL : node_at(z, name_parent(n->name));
	uint8_t flags = derive_flags(z, n, parent) | (has_wildcard(z, n) ? NODE_HAS_WILDCARD : 0);
	if (flags == (n->flags & ~NODE_BUILDING))
		return ERR_OK;
	enum err e = builder_node(b, n->name, n->rrset_n, &n);
	if (!e)
		n->flags = flags | NODE_BUILDING;
	return e;
}

/* A node whose authority changed: its RRsets are signed now, or no longer, and are made anew to get
 * or lose their ids. */
static enum err renew_rrsets(struct zone_builder *b, struct node *n)
{
	for (unsigned i = 0; i < n->rrset_n; i++) {
		struct rrset *r = n->rrset[i];
		bool wanted = b->made->options.denial && is_signed(n, r);
		if (r->building || wanted == (r->sig_id != 0))
			continue;
		struct rrset *copy = malloc(sizeof *copy + r->wire_len);
		if (copy == NULL)
			return ERR_NOMEM;
		memcpy(copy, r, sizeof *copy + r->wire_len);
		copy->building = 1;
		copy->sig_id = 0;
		if (r->steering != NULL) {
			free(copy);
			return ERR_UNSUPPORTED; /* steered names are changed by building the zone
						   anew */
		}
		if (!list_add(&b->made->dropped_rrsets, r)) {
			free(copy);
			return ERR_NOMEM;
		}
		n->rrset[i] = copy;
	}
	return ERR_OK;
}

/* Gives a name the NSEC it should have now, if that is another one. */
static enum err renew_nsec(struct zone_builder *b, const uint8_t *name)
{
	struct zone *z = b->made;
	struct node *n = node_at(z, name);
	struct rrset *made = NULL;
	enum err e = ERR_OK;

	if (z->options.denial == ZONE_NSEC3)
		return nsec3_renew(b, name);
	if (n == NULL || !z->options.denial)
		return ERR_OK;
	if (node_wants_nsec(z, n))
		e = nsec_make(z, n, &made);
	if (e)
		return e;
	if (made == NULL ? n->nsec == NULL : n->nsec != NULL && rrset_same(made, n->nsec)) {
		rrset_free(made);
		return ERR_OK;
	}
	e = builder_node(b, n->name, n->rrset_n, &n);
	if (e) {
		rrset_free(made);
		return e;
	}
	struct rrset *old = n->nsec;
	n->nsec = made;
	if (old == NULL)
		return ERR_OK;
	if (old->building)
		rrset_free(old);
	else if (!list_add(&z->dropped_rrsets, old))
		return ERR_NOMEM;
	return ERR_OK;
}

/* The nearest name before that has, or should have, an NSEC. */
static const struct node *owner_before(const struct zone *z, const uint8_t *name)
{
	uint8_t key[NAME_KEY_MAX];

	for (;;) {
		size_t n = name_key(name, key);
		const struct node *p =
		    trie_find_previous(z->names, (struct span){ key, n }).previous;
		if (p == NULL || node_wants_nsec(z, p))
			return p;
		name = p->name;
	}
}

/* The list grows while it is worked through: nodes that a step changes are touched in turn. */
static enum err for_touched(struct zone_builder *b,
			    enum err (*step)(struct zone_builder *b, const uint8_t *name))
{
	for (size_t i = 0; i < b->touched.n; i++) {
		enum err e = step(b, b->touched.item[i]);
		if (e)
			return e;
	}
	return ERR_OK;
}

static enum err change_flags(struct zone_builder *b, const uint8_t *name)
{
	const struct node *before = node_before(b, name);
	uint8_t barrier = NODE_CUT | NODE_DNAME | NODE_BELOW_CUT; /* what names below inherit */
	enum err e = reflag(b, name);

	if (!e && !name_equal(name, b->made->name))
		e = reflag(b, name_parent(name)); /* it may have gained or lost its wildcard */
	const struct node *now = node_at(b->made, name);
	uint8_t was = before != NULL ? before->flags : 0, is = now != NULL ? now->flags : 0;
	if (!e && (was & barrier) != (is & barrier))
		e = reflag_below(b, name);
	return e;
}

static enum err change_rrsets(struct zone_builder *b, const uint8_t *name)
{
	struct node *n = node_at(b->made, name);

	if (n == NULL || !(n->flags & NODE_BUILDING))
		return ERR_OK;
	for (unsigned i = 0; i < n->rrset_n; i++) {
		enum err e = n->rrset[i]->building ? settle_rrset(b, n->rrset[i]) : ERR_OK;
		if (e)
			return e;
	}
	return renew_rrsets(b, n);
}

static enum err change_nsec(struct zone_builder *b, const uint8_t *name)
{
	const struct node *p = owner_before(b->made, name);
	enum err e = renew_nsec(b, name);

	if (!e && p != NULL) {
		uint8_t before[NAME_MAX_LEN];
		memcpy(before, p->name, name_len(p->name));
		e = renew_nsec(b, before);
	}
	return e;
}

static enum err change_ids(struct zone_builder *b, const uint8_t *name)
{
	struct node *n = node_at(b->made, name);

	return n != NULL && (n->flags & NODE_BUILDING) ? give_node_ids(b, n) : ERR_OK;
}

/* New SOA numbers change the TTL of every NSEC (RFC 9077 §3). */
static enum err renew_all_nsec(struct zone_builder *b)
{
	uint8_t at[NAME_MAX_LEN], key[NAME_KEY_MAX];
	enum err e = renew_nsec(b, b->made->name);

	memcpy(at, b->made->name, name_len(b->made->name));
	while (!e) {
		size_t n = name_key(at, key);
		const struct node *next = trie_next(b->made->names, (struct span){ key, n });
		if (next == NULL)
			break;
		memcpy(at, next->name, name_len(next->name));
		e = renew_nsec(b, at);
	}
	return e;
}

static enum err change_nsec3_ids(struct zone_builder *b, struct diag *d, struct zone_list *dead,
				 const uint8_t *hash)
{
	struct span key = { hash, NSEC3_HASH_LEN };
	struct pass p = { .b = b, .d = d, .dead = dead };
	struct rrset *now = trie_get(b->made->hashes, key);
	struct rrset *before = trie_get(b->base->hashes, key);

	if (now != NULL)
		finish_nsec3(key, now, &p);
	if (!p.err && before != NULL)
		find_dead_nsec3(key, before, &p);
	return p.err;
}

static enum err seal_change(struct zone_builder *b, struct diag *d, struct zone_list *dead)
{
	struct zone *z = b->made;
	enum err e = for_touched(b, change_flags);

	if (!e)
		e = for_touched(b, change_rrsets);
	if (e)
		return e;
	if (!find_apex(b, d))
		return ERR_INVALID;
	given_settle(b, d);
	for (size_t i = 0; i < b->touched.n; i++) {
		const struct node *n = node_at(z, b->touched.item[i]);
		if (n != NULL)
			check_node(z, n, b, d);
	}
	if (b->faults > 0)
		return ERR_INVALID;
	e = zone_negative_ttl(z) != zone_negative_ttl(b->base) ? renew_all_nsec(b)
							       : for_touched(b, change_nsec);
	if (!e)
		e = for_touched(b, change_ids);
	for (size_t i = 0; i < b->touched.n && !e; i++) {
		const struct node *before = node_before(b, b->touched.item[i]);
		if (before != NULL)
			e = find_dead(b, dead, before);
	}
	for (size_t i = 0; i < b->touched_hashes.n && !e; i++)
		e = change_nsec3_ids(b, d, dead, b->touched_hashes.item[i]);
	return e;
}

/* ---- sealing ---- */

static int by_value(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (void *const *)a, y = (uintptr_t) * (void *const *)b;

	return (x > y) - (x < y);
}

/* From here on nothing fails: the base learns what it is left with. */
static void hand_over(struct zone_builder *b, uint32_t *ids, size_t id_n)
{
	struct zone *base = b->base, *z = b->made;

	if (base == NULL) {
		free(ids);
		return;
	}
	base->dead_ids = ids;
	base->dead_id_n = id_n;
	base->newer = z;
	base->newer_shares = b->change;
	base->dropped_nodes = z->dropped_nodes;
	base->dropped_rrsets = z->dropped_rrsets;
	z->dropped_nodes = z->dropped_rrsets = (struct zone_list){ 0 };
}

static uint32_t *dead_to_ids(struct zone_list *dead, size_t *n)
{
	uint32_t *ids = malloc((dead->n + 1) * sizeof *ids);

	*n = 0;
	if (ids == NULL)
		return NULL;
	/* A name touched twice would list its ids twice. */
	if (dead->n > 1)
		qsort(dead->item, dead->n, sizeof *dead->item, by_value);
	for (size_t i = 0; i < dead->n; i++)
		if (i == 0 || dead->item[i] != dead->item[i - 1])
			ids[(*n)++] = (uint32_t)(uintptr_t)dead->item[i];
	return ids;
}

static void seal_nodes(struct zone_builder *b)
{
	struct zone *z = b->made;

	if (!b->change) {
		z->data_bytes = 0;
		trie_walk(z->names, seal_node, z);
		trie_walk(z->hashes, seal_nsec3, z);
		return;
	}
	for (size_t i = 0; i < b->touched_hashes.n; i++) {
		struct span key = { b->touched_hashes.item[i], NSEC3_HASH_LEN };
		struct rrset *nsec3 = trie_get(z->hashes, key);
		if (nsec3 != NULL && nsec3->building)
			seal_nsec3(key, nsec3, z);
	}
	for (size_t i = 0; i < b->touched_given.n; i++) {
		const uint8_t *at = b->touched_given.item[i];
		struct rrset *r = trie_get(z->hashes, (struct span){ at + 2, load_u16(at) });
		if (r != NULL && r->building)
			seal_nsec3((struct span){ 0 }, r, z);
	}
	for (size_t i = 0; i < b->touched.n; i++) {
		struct node *n = node_at(z, b->touched.item[i]);
		if (n != NULL && (n->flags & NODE_BUILDING))
			seal_node((struct span){ 0 }, n, z);
	}
}

/* ---- the index ---- */

struct indexing {
	struct name_index *index;
	bool failed;
};

static bool index_node(struct span key, void *value, void *context)
{
	struct indexing *i = context;

	(void)key;
	i->failed = !name_index_set(i->index, value);
	return !i->failed;
}

/* The version's own index, or the base's with what was touched. Without memory there is none:
 * look-ups then walk the tree. */
static void make_index(struct zone_builder *b)
{
	struct zone *z = b->made;
	struct indexing i = { 0 };

	if (!b->change)
		i.index = name_index_new(trie_count(z->names));
	else if (b->base->index != NULL)
		i.index = name_index_edit(b->base->index);
	if (i.index == NULL)
		return;
	if (!b->change)
		trie_walk(z->names, index_node, &i);
	for (size_t k = 0; b->change && k < b->touched.n && !i.failed; k++) {
		const uint8_t *name = b->touched.item[k];
		struct node *n = node_at(z, name);
		i.failed = n != NULL ? !name_index_set(i.index, (struct named *)n)
				     : !name_index_remove(i.index, name);
	}
	if (i.failed) {
		name_index_abort(i.index);
		return;
	}
	name_index_seal(i.index);
	z->index = i.index;
}

enum err zone_build_seal(struct zone_builder *b, struct zone **out, struct diag *d)
{
	struct zone_list dead = { 0 };
	uint32_t *ids = NULL;
	size_t id_n = 0;
	enum err e = b->faults > 0 && b->change ? ERR_INVALID : ERR_OK;

	if (!e)
		e = b->change ? seal_change(b, d, &dead) : seal_whole(b, d, &dead);
	if (!e) {
		ids = dead_to_ids(&dead, &id_n);
		e = ids == NULL ? ERR_NOMEM : ERR_OK;
	}
	list_free(&dead);
	if (e) {
		zone_build_abort(b);
		return e;
	}
	seal_nodes(b);
	trie_seal(b->made->names);
	trie_seal(b->made->hashes);
	make_index(b);
	hand_over(b, ids, id_n);
	*out = b->made;
	b->made = NULL;
	zone_build_abort(b); /* what is left of the builder */
	return ERR_OK;
}
