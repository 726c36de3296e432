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

/* The hash of a name in this zone. `known`: a name of the zone, or "*" below one, which are asked
 * for again and again. */
static void hash_in(struct query *q, const struct zone_view *zv, const uint8_t *name, bool known,
		    uint8_t out[NSEC3_HASH_LEN])
{
	if (zone_is_given(zv->zone)) {
		struct nsec3_params p = zone_nsec3_params(zv->zone);
		nsec3_hash_salted(q->hasher, name, p.iterations, p.salt, out);
	} else if (known) {
		nsec3_hash_known(q->hasher, name, out);
	} else {
		nsec3_hash(q->hasher, name, out);
	}
}

/* The NSEC3 that matches or covers a name's hash. */
static void add_nsec3_of(struct query *q, const struct zone_view *zv, const uint8_t *name,
			 bool known)
{
	uint8_t hash[NSEC3_HASH_LEN];

	hash_in(q, zv, name, known, hash);
	const struct rrset *r = zone_nsec3_cover(zv->zone, hash);
	if (r != NULL)
		add_proof(q, zv, r, nsec3_owner(r));
}

static void add_nsec3(struct query *q, const struct zone_view *zv, const uint8_t *name)
{
	add_nsec3_of(q, zv, name, false);
}

static void add_nsec3_known(struct query *q, const struct zone_view *zv, const uint8_t *name)
{
	add_nsec3_of(q, zv, name, true);
}

/* Adds the NSEC3 that matches a name; false: there is none. */
static bool add_match(struct query *q, const struct zone_view *zv, const uint8_t *name)
{
	uint8_t hash[NSEC3_HASH_LEN];

	hash_in(q, zv, name, true, hash);
	const struct rrset *r = zone_nsec3_match(zv->zone, hash);
	if (r != NULL)
		add_proof(q, zv, r, nsec3_owner(r));
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

/* RFC 5155 §1.3: the name one label longer than the closest encloser. */
static const uint8_t *next_closer(const uint8_t *name, const uint8_t *encloser)
{
	for (unsigned n = name_label_n(name), keep = name_label_n(encloser) + 1; n > keep; n--)
		name = name_parent(name);
	return name;
}

/* RFC 5155 §7.2.1. With opt-out not each name has an NSEC3: the closest *provable* encloser is the
 * first above that has one. Returns it. */
static const uint8_t *add_closest_encloser_proof(struct query *q, const struct zone_view *zv,
						 const uint8_t *name, const uint8_t *encloser)
{
	if (!zone_is_given(zv->zone))
		add_nsec3_known(q, zv, encloser);
	else
		while (!add_match(q, zv, encloser) && !name_equal(encloser, zone_name(zv->zone)))
			encloser = name_parent(encloser);
	add_nsec3(q, zv, next_closer(name, encloser));
	return encloser;
}

/* What proves the types of a name that exists (RFC 5155 §7.2.3, §7.2.4, §7.2.7): its own NSEC3, or,
 * for a cut that opt-out passes over and what lies above such alone, that one may be there. */
static void add_types_nsec3(struct query *q, const struct zone_view *zv, const uint8_t *name)
{
	if (!zone_is_given(zv->zone))
		add_nsec3_known(q, zv, name);
	else if (!add_match(q, zv, name) && !name_equal(name, zone_name(zv->zone)))
		add_closest_encloser_proof(q, zv, name, name_parent(name));
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
		/* RFC 5155 §7.2.3 to §7.2.5 */
		if (wildcard)
			add_closest_encloser_proof(q, zv, name, f->encloser->name);
		add_types_nsec3(q, zv, f->node->name);
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
	uint8_t buffer[NAME_MAX_LEN];
	const uint8_t *encloser = f->encloser->name;

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
		/* RFC 5155 §7.2.2 */
		encloser = add_closest_encloser_proof(q, zv, name, encloser);
		add_nsec3_known(q, zv, wildcard_of(encloser, buffer));
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
		add_nsec3(q, c->zv, next_closer(c->name, c->encloser));
	else
		add_nsec(q, c->zv, c->name);
}

void answer_no_ds(struct query *q, const struct zone_view *zv, const struct node *cut)
{
	if (zone_is_compact(zv))
		answer_add(q, SECTION_AUTHORITY, zv, cut->nsec, cut->name);
	else if (is_nsec3(zv))
		add_types_nsec3(q, zv, cut->name);
	else
		add_nsec(q, zv, cut->name);
}
