// SPDX-License-Identifier: Apache-2.0
/* Referrals: the cut's NS, what proves or denies its DS, and glue. */
#include "query/stages.h"

enum which { IN_DOMAIN, SIBLING };

static void add_addresses(struct query *q, const struct zone_view *zv, const uint8_t *target,
			  enum which which)
{
	static const uint16_t TYPES[] = { TYPE_A, TYPE_AAAA };
	const struct node *host = q->look != NULL && q->look->server == target
				      ? q->look->server_node
				      : zone_node(zv->zone, target);

	for (size_t i = 0; host != NULL && i < sizeof TYPES / sizeof *TYPES; i++) {
		const struct rrset *r = node_rrset(host, TYPES[i]);
		if (r == NULL)
			continue;
		struct answer_rrset *a = answer_add(q, SECTION_ADDITIONAL, zv, r, host->name);
		/* RFC 9471 §3.1: glue of in-domain servers all or TC; §3.2: of siblings as fits. */
		if (a != NULL)
			a->optional = which == SIBLING;
	}
}

/* True: there are servers of the other kind too. */
static bool add_glue(struct query *q, const struct zone_view *zv, const struct node *cut,
		     enum which which)
{
	const struct rrset *ns = node_rrset(cut, TYPE_NS);
	const uint8_t *rr = ns->wire;
	bool others = false;

	for (unsigned i = 0; i < ns->rr_n; i++) {
		const uint8_t *target = rr + RR_FIXED_LEN;
		rr += RR_FIXED_LEN + load_u16(rr + RR_FIXED_LEN - 2);
		if (!name_is_within(target, zone_name(zv->zone)))
			continue;
		if (name_is_within(target, cut->name) == (which == IN_DOMAIN))
			add_addresses(q, zv, target, which);
		else
			others = true;
	}
	return others;
}

void answer_referral(struct query *q, const struct zone_view *zv, const struct node *cut)
{
	if (q->answer.rrset_n == 0)
		q->answer.aa = false; /* RFC 1034 §4.3.2 step 3b */
	q->answer.referral = true;
	answer_add(q, SECTION_AUTHORITY, zv, node_rrset(cut, TYPE_NS), cut->name);
	if (query_wants_dnssec(q, zv)) {
		const struct rrset *ds = node_rrset(cut, TYPE_DS);
		if (ds != NULL)
			answer_add(q, SECTION_AUTHORITY, zv, ds, cut->name);
		else
			answer_no_ds(q, zv, cut);
	}
	/* Sibling glue stands behind, so that it never takes the room of glue that must be sent. */
	if (add_glue(q, zv, cut, IN_DOMAIN))
		add_glue(q, zv, cut, SIBLING);
}
