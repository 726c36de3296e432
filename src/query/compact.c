// SPDX-License-Identifier: Apache-2.0
/* Compact denial of existence (RFC 9824): a name that does not exist is said to exist and to have
 * nothing but NXNAME, in one NSEC made for it. Names that exist have NSECs of their own in the
 * zone, so that only names that are not there (or that a wildcard stands for) need new signatures.
 */
#include "query/stages.h"

bool zone_is_compact(const struct zone_view *zv)
{
	return zone_denial(zv->zone) == ZONE_COMPACT;
}

/* RFC 9824 §3.3: as if the name itself were in the zone, so that nothing is to be proved. */
void answer_expand(struct answer_rrset *r, const uint8_t *name)
{
	r->signed_owner = name;
	r->made = NEED_EXPANSION;
}

void answer_made_nsec(struct query *q, enum section section, const struct zone_view *zv,
		      const uint8_t *name, const struct rrset *like)
{
	struct answer_rrset *r =
	    answer_add(q, section, zv, need_make_nsec(&q->nsec, zv->zone, name, like), name);

	if (r == NULL)
		return;
	r->made = NEED_NSEC;
	r->like = like;
}

/* RFC 9824 §3.2; of a wildcard's name §3.3: its types under the name asked. */
void answer_compact_no_data(struct query *q, const struct zone_view *zv, const struct zone_find *f,
			    const uint8_t *name)
{
	if (f->match == ZONE_WILDCARD)
		answer_made_nsec(q, SECTION_AUTHORITY, zv, name, f->node->nsec);
	else
		answer_add(q, SECTION_AUTHORITY, zv, f->node->nsec, f->node->name);
}

/* RFC 9824 §3.1. NOERROR, unless the client says that it knows this (§5.1, CO). The types that the
 * bitmap has are there: a question for them is answered (NSEC, and RRSIG by its signature). */
void answer_compact_no_name(struct query *q, const struct zone_view *zv, const uint8_t *name)
{
	if (q->msg.qtype == TYPE_NSEC || q->msg.qtype == TYPE_RRSIG) {
		q->answer.rcode = RCODE_NOERROR;
		answer_made_nsec(q, SECTION_ANSWER, zv, name, NULL);
		return;
	}
	if (!(q->msg.edns.flags & EDNS_CO))
		q->answer.rcode = RCODE_NOERROR;
	answer_add_soa(q, zv);
	answer_made_nsec(q, SECTION_AUTHORITY, zv, name, NULL);
}
