// SPDX-License-Identifier: Apache-2.0
/* Negative answers: SOA (RFC 2308 §3) and, where signatures are wanted, the NSEC (RFC 4035 §3.1.3)
 * or NSEC3 records (RFC 5155 §7.2) that prove them; compact.c has the third way. */
#include "query/stages.h"

void answer_add_soa(struct query *q, const struct zone_view *zv)
{
	struct answer_rrset *r =
	    answer_add(q, SECTION_AUTHORITY, zv, zone_soa(zv->zone), zone_apex(zv->zone)->name);
	uint32_t negative_ttl = zone_negative_ttl(zv->zone);

	if (r != NULL && r->ttl > negative_ttl)
		r->ttl = negative_ttl;
}

/* Once only; the NSEC of a wildcard that answers under another name is not the one that proves
 * something (RFC 4035 §3.1.3.3). */
static void add_proof(struct query *q, const struct zone_view *zv, const struct rrset *rrset,
		      const uint8_t *owner)
{
	for (unsigned i = 0; i < q->answer.rrset_n; i++)
		if (q->answer.rrset[i].rrset == rrset &&
		    name_equal(q->answer.rrset[i].owner, owner))
			return;
	answer_add(q, SECTION_AUTHORITY, zv, rrset, owner);
}

static void add_nsec_of(struct query *q, const struct zone_view *zv, const struct node *n)
{
	if (n != NULL)
		add_proof(q, zv, node_nsec(n), n->name);
}

/* The NSEC that matches or covers a name. */
static void add_nsec(struct query *q, const struct zone_view *zv, const uint8_t *name)
{
	add_nsec_of(q, zv, zone_nsec_for(zv->zone, name));
}

static void add_nsec3_of(struct query *q, const struct zone_view *zv, const struct rrset *r)
{
	if (r != NULL)
		add_proof(q, zv, r, nsec3_owner(r));
}

/* The hash of a name in this zone. */
static void hash_in(struct query *q, const struct zone_view *zv, const uint8_t *name,
		    uint8_t out[NSEC3_HASH_LEN])
{
	if (zone_is_given(zv->zone)) {
		struct nsec3_params p = zone_nsec3_params(zv->zone);
		nsec3_hash_salted(q->hasher, name, p.iterations, p.salt, out);
	} else {
		nsec3_hash(name, out);
	}
}

/* The NSEC3 that matches or covers a name's hash. */
static const struct rrset *nsec3_for(struct query *q, const struct zone_view *zv,
				     const uint8_t *name)
{
	uint8_t hash[NSEC3_HASH_LEN];

	hash_in(q, zv, name, hash);
	return zone_nsec3_cover(zv->zone, hash);
}

/* Adds the NSEC3 that matches a name; false: there is none. */
static bool add_match(struct query *q, const struct zone_view *zv, const uint8_t *name)
{
	uint8_t hash[NSEC3_HASH_LEN];

	hash_in(q, zv, name, hash);
	const struct rrset *r = zone_nsec3_match(zv->zone, hash);
	add_nsec3_of(q, zv, r);
	return r != NULL;
}

static bool is_nsec3(const struct zone_view *zv)
{
	return zone_denial(zv->zone) == ZONE_NSEC3;
}

/* "*." in front of a name that has room for it: it encloses a longer one. */
static const uint8_t *wildcard_of(const uint8_t *encloser, uint8_t out[NAME_MAX_LEN])
{
	out[0] = 1;
	out[1] = '*';
	memcpy(out + 2, encloser, name_len(encloser));
	return out;
}

/* Enclosers are few, and asked for again and again: what proves them is kept while the view is. */
static struct known_proof *proof_of(struct query *q, const struct zone_view *zv,
				    const struct node *encloser)
{
	struct known_proof *k = &q->proof[(uintptr_t)encloser / 64 % KNOWN_PROOFS];

	if (k->encloser != encloser || k->view_id != q->view->id)
		*k = (struct known_proof){ .view_id = q->view->id,
					   .encloser = encloser,
					   .match = nsec3_for(q, zv, encloser->name) };
	return k;
}

static const struct rrset *nsec3_for_wildcard(struct query *q, const struct zone_view *zv,
					      const struct node *encloser)
{
	struct known_proof *k = proof_of(q, zv, encloser);
	uint8_t buffer[NAME_MAX_LEN];

	if (k->wildcard == NULL)
		k->wildcard = nsec3_for(q, zv, wildcard_of(encloser->name, buffer));
	return k->wildcard;
}

/* RFC 5155 §1.3: the name one label longer than the closest encloser. */
static const uint8_t *next_closer(const uint8_t *name, const uint8_t *encloser)
{
	for (unsigned n = name_label_n(name), keep = name_label_n(encloser) + 1; n > keep; n--)
		name = name_parent(name);
	return name;
}

/* The NSEC3 that covers the next closer name; looked for ahead where it is the question's. */
static const struct rrset *nsec3_for_next_closer(struct query *q, const struct zone_view *zv,
						 const uint8_t *name, const uint8_t *encloser)
{
	if (q->look != NULL && q->look->cover != NULL && name == q->msg.qname.wire)
		return q->look->cover;
	return nsec3_for(q, zv, next_closer(name, encloser));
}

/* RFC 5155 §7.2.1: of a zone where each name has an NSEC3. */
static void add_closest_encloser_proof(struct query *q, const struct zone_view *zv,
				       const uint8_t *name, const struct node *encloser)
{
	add_nsec3_of(q, zv, proof_of(q, zv, encloser)->match);
	add_nsec3_of(q, zv, nsec3_for_next_closer(q, zv, name, encloser->name));
}

/* The same in a zone that was signed elsewhere. With opt-out not each name has an NSEC3: the
 * closest *provable* encloser is the first above that has one. Returns it. */
static const uint8_t *add_given_encloser_proof(struct query *q, const struct zone_view *zv,
					       const uint8_t *name, const uint8_t *encloser)
{
	while (!add_match(q, zv, encloser) && !name_equal(encloser, zone_name(zv->zone)))
		encloser = name_parent(encloser);
	add_nsec3_of(q, zv, nsec3_for(q, zv, next_closer(name, encloser)));
	return encloser;
}

/* RFC 5155 §7.2.2 */
static void add_no_name_nsec3(struct query *q, const struct zone_view *zv, const uint8_t *name,
			      const struct node *encloser)
{
	uint8_t buffer[NAME_MAX_LEN];

	if (zone_is_given(zv->zone)) {
		const uint8_t *provable = add_given_encloser_proof(q, zv, name, encloser->name);
		add_nsec3_of(q, zv, nsec3_for(q, zv, wildcard_of(provable, buffer)));
		return;
	}
	add_closest_encloser_proof(q, zv, name, encloser);
	add_nsec3_of(q, zv, nsec3_for_wildcard(q, zv, encloser));
}

/* What proves the types of a name that exists (RFC 5155 §7.2.3, §7.2.4, §7.2.7): its own NSEC3, or,
 * for a cut that opt-out passes over and what lies above such alone, that one may be there. */
static void add_types_nsec3(struct query *q, const struct zone_view *zv, const struct node *n)
{
	if (!zone_is_given(zv->zone))
		add_nsec3_of(q, zv, proof_of(q, zv, n)->match);
	else if (!add_match(q, zv, n->name) && !name_equal(n->name, zone_name(zv->zone)))
		add_given_encloser_proof(q, zv, n->name, name_parent(n->name));
}

/* RFC 5155 §7.2.3 to §7.2.5 */
static void add_no_data_nsec3(struct query *q, const struct zone_view *zv,
			      const struct zone_find *f, const uint8_t *name)
{
	if (f->match == ZONE_WILDCARD && zone_is_given(zv->zone))
		add_given_encloser_proof(q, zv, name, f->encloser->name);
	else if (f->match == ZONE_WILDCARD)
		add_closest_encloser_proof(q, zv, name, f->encloser);
	add_types_nsec3(q, zv, f->node);
}

void answer_no_data(struct query *q, const struct zone_view *zv, const struct zone_find *f,
		    const uint8_t *name)
{
	bool wildcard = f->match == ZONE_WILDCARD;

	answer_add_soa(q, zv);
	if (!query_wants_dnssec(q, zv))
		return;
	if (zone_is_compact(zv)) {
		answer_compact_no_data(q, zv, f, name);
		return;
	}
	if (is_nsec3(zv)) {
		add_no_data_nsec3(q, zv, f, name);
		return;
	}
	/* RFC 4035 §3.1.3.4: with a wildcard, also that nothing closer exists. It stands first:
	 * Unbound reads the closest encloser from it before it looks at the wildcard's. */
	if (wildcard)
		add_nsec(q, zv, name);
	/* §3.1.3.1: the bitmap at the name; for an empty non-terminal the NSEC that spans it. */
	add_nsec(q, zv, f->node->name);
}

void answer_no_name(struct query *q, const struct zone_view *zv, const struct zone_find *f,
		    const uint8_t *name)
{
	q->answer.rcode = RCODE_NXDOMAIN;
	q->answer.no_name = true;
	if (zone_is_compact(zv) && query_wants_dnssec(q, zv)) {
		answer_compact_no_name(q, zv, name);
		return;
	}
	answer_add_soa(q, zv);
	if (!query_wants_dnssec(q, zv))
		return;
	if (is_nsec3(zv)) {
		add_no_name_nsec3(q, zv, name, f->encloser);
		return;
	}
	/* RFC 4035 §3.1.3.2: the name is not there, and no wildcard at its closest encloser. */
	add_nsec(q, zv, name);
	add_nsec_of(q, zv, zone_nsec_for_wildcard(zv->zone, f->encloser));
}

void answer_no_closer(struct query *q, const struct answer_no_closer *c)
{
	/* RFC 5155 §7.2.6; RFC 4035 §3.1.3.3 */
	if (is_nsec3(c->zv))
		add_nsec3_of(q, c->zv, nsec3_for(q, c->zv, next_closer(c->name, c->encloser)));
	else
		add_nsec(q, c->zv, c->name);
}

void answer_no_ds(struct query *q, const struct zone_view *zv, const struct node *cut)
{
	if (zone_is_compact(zv))
		answer_add(q, SECTION_AUTHORITY, zv, cut->nsec, cut->name);
	else if (is_nsec3(zv))
		add_types_nsec3(q, zv, cut);
	else
		add_nsec(q, zv, cut->name);
}
