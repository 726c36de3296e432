// SPDX-License-Identifier: Apache-2.0
/* Negative answers: SOA (RFC 2308 §3) and, where signatures are wanted, the NSEC records that prove
 * them (RFC 4035 §3.1.3). */
#include "query/stages.h"

static void add_soa(struct query *q, const struct zone_view *zv)
{
	struct answer_rrset *r =
	    answer_add(q, SECTION_AUTHORITY, zv, zone_soa(zv->zone), zone_apex(zv->zone)->name);
	uint32_t negative_ttl = zone_negative_ttl(zv->zone);

	if (r != NULL && r->ttl > negative_ttl)
		r->ttl = negative_ttl;
}

/* The NSEC that matches or covers a name; once only. */
static void add_nsec(struct query *q, const struct zone_view *zv, const uint8_t *name)
{
	const struct node *n = zone_nsec_for(zv->zone, name);

	if (n == NULL)
		return;
	for (unsigned i = 0; i < q->answer.rrset_n; i++)
		if (q->answer.rrset[i].rrset == n->nsec)
			return;
	answer_add(q, SECTION_AUTHORITY, zv, n->nsec, n->name);
}

void answer_no_data(struct query *q, const struct zone_view *zv, const struct zone_find *f,
		    const uint8_t *name)
{
	add_soa(q, zv);
	if (!query_wants_dnssec(q, zv))
		return;
	/* §3.1.3.1: the bitmap at the name; for an empty non-terminal the NSEC that spans it. */
	add_nsec(q, zv, f->node->name);
	/* §3.1.3.4: with a wildcard, also that nothing closer exists. */
	if (f->match == ZONE_WILDCARD)
		add_nsec(q, zv, name);
}

void answer_no_name(struct query *q, const struct zone_view *zv, const struct zone_find *f,
		    const uint8_t *name)
{
	uint8_t wildcard[NAME_MAX_LEN];
	const uint8_t *encloser = f->encloser->name;

	q->answer.rcode = RCODE_NXDOMAIN;
	add_soa(q, zv);
	if (!query_wants_dnssec(q, zv))
		return;
	/* §3.1.3.2: the name is not there, and no wildcard at its closest encloser. The name is
	 * longer than the encloser by a label at least, so "*." fits. */
	add_nsec(q, zv, name);
	wildcard[0] = 1;
	wildcard[1] = '*';
	memcpy(wildcard + 2, encloser, name_len(encloser));
	add_nsec(q, zv, wildcard);
}

void answer_no_closer(struct query *q, const struct zone_view *zv, const uint8_t *name)
{
	add_nsec(q, zv, name);
}
