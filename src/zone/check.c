// SPDX-License-Identifier: Apache-2.0
/* What must hold, or should, between the records of a zone. */
#include "dns/rdata.h"
#include "dns/rrtype.h"
#include "zone/internal.h"

struct check {
	const struct zone *z;
	struct zone_builder *b;
	struct diag *d;
};

static const char *text_of(const struct node *n, char *out)
{
	return name_to_text(n->name, out);
}

#define FINDING(severity, at, ...) builder_finding(c->b, c->d, (severity), (at), __VA_ARGS__)

/* RFC 1034 §3.6.2 and RFC 2181 §10.1: CNAME alone; the signer's own types may stand beside it (RFC
 * 4034 §3, §4). */
static void check_cname(const struct check *c, const struct node *n)
{
	char name[NAME_TEXT_MAX], type[RR_TYPE_TEXT_MAX];
	const struct rrset *cname = node_find(n, TYPE_CNAME);

	if (cname == NULL)
		return;
	if (cname->rr_n > 1)
		FINDING(DIAG_ERROR, cname, "%s has more than one CNAME (RFC 2181 section 10.1)",
			text_of(n, name));
	for (unsigned i = 0; i < n->rrset_n; i++) {
		uint16_t t = n->rrset[i]->type;
		const struct rr_type_info *info = rr_type_info(t);
		if (t == TYPE_CNAME || (info != NULL && (info->flags & RR_DENIAL)))
			continue;
		FINDING(DIAG_ERROR, n->rrset[i],
			"%s has CNAME and %s: a CNAME stands alone (RFC 1034 section 3.6.2)",
			text_of(n, name), rr_type_to_text(t, type));
	}
}

static void check_dname(const struct check *c, const struct node *n)
{
	char name[NAME_TEXT_MAX];
	const struct rrset *dname = node_find(n, TYPE_DNAME);

	if (dname == NULL)
		return;
	if (dname->rr_n > 1)
		FINDING(DIAG_ERROR, dname, "%s has more than one DNAME (RFC 6672 section 2.4)",
			text_of(n, name));
	if (n->flags & NODE_CUT)
		FINDING(DIAG_ERROR, dname, "%s has DNAME and NS (RFC 6672 section 2.4)",
			text_of(n, name));
}

static void check_place(const struct check *c, const struct node *n)
{
	char name[NAME_TEXT_MAX], type[RR_TYPE_TEXT_MAX];

	for (unsigned i = 0; i < n->rrset_n && !(n->flags & NODE_APEX); i++) {
		const struct rrset *r = n->rrset[i];
		const struct rr_type_info *info = rr_type_info(r->type);
		if (info != NULL && (info->flags & RR_APEX_ONLY) && !(n->flags & NODE_BELOW_CUT))
			FINDING(r->type == TYPE_SOA ? DIAG_ERROR : DIAG_WARNING, r,
				"%s has %s, which belongs to the zone's own name", text_of(n, name),
				rr_type_to_text(r->type, type));
		if (r->type == TYPE_DS && !(n->flags & (NODE_CUT | NODE_BELOW_CUT)))
			FINDING(DIAG_ERROR, r,
				"%s has DS but no NS: there is no delegation to secure (RFC 4034 "
				"section 5)",
				text_of(n, name));
	}
	if ((n->flags & NODE_APEX) && node_find(n, TYPE_DS) != NULL)
		FINDING(DIAG_ERROR, node_find(n, TYPE_DS),
			"DS belongs to the parent's side of a cut (RFC 4034 section 5)");
	if ((n->flags & NODE_WILDCARD) && (n->flags & NODE_CUT))
		FINDING(DIAG_WARNING, node_find(n, TYPE_NS),
			"%s has NS: what a wildcard delegation means is not defined (RFC 4592 "
			"section 4.2)",
			text_of(n, name));
}

/* Data that no query can reach: below a cut all but addresses, which may be glue. */
static void check_occluded(const struct check *c, const struct node *n)
{
	char name[NAME_TEXT_MAX], type[RR_TYPE_TEXT_MAX];

	for (unsigned i = 0; i < n->rrset_n; i++) {
		const struct rrset *r = n->rrset[i];
		bool below = n->flags & NODE_BELOW_CUT;
		bool at_cut = (n->flags & NODE_CUT) && r->type != TYPE_NS && r->type != TYPE_DS &&
			      r->type != TYPE_RRSIG && r->type != TYPE_NSEC;
		if ((!below && !at_cut) || r->type == TYPE_A || r->type == TYPE_AAAA)
			continue;
		FINDING(DIAG_WARNING, r,
			"%s %s lies at or below a delegation or DNAME and is never served",
			text_of(n, name), rr_type_to_text(r->type, type));
	}
}

/* An in-zone target must have addresses of its own, unless a wildcard or another cut answers for
 * it. */
static void check_target(const struct check *c, const struct node *n, const struct rrset *r,
			 const uint8_t *target)
{
	char name[NAME_TEXT_MAX], to[NAME_TEXT_MAX], type[RR_TYPE_TEXT_MAX];
	struct name full;

	if (!name_is_within(target, c->z->name))
		return;
	name_from_wire(&full, target);
	struct zone_find f = zone_find(c->z, &full);
	bool glue_wanted = r->type == TYPE_NS && f.match == ZONE_CUT && f.node == n;
	const struct node *host = f.match == ZONE_CUT ? zone_node(c->z, target) : f.node;
	if (f.match == ZONE_DNAME || (f.match == ZONE_CUT && !glue_wanted))
		return;
	if (host != NULL && node_find(host, TYPE_CNAME) != NULL && !glue_wanted)
		FINDING(DIAG_WARNING, r,
			"%s %s points to %s, which is a CNAME (RFC 2181 section 10.3)",
			text_of(n, name), rr_type_to_text(r->type, type), name_to_text(target, to));
	else if (host == NULL ||
		 (node_find(host, TYPE_A) == NULL && node_find(host, TYPE_AAAA) == NULL))
		FINDING(DIAG_WARNING, r, "%s %s points to %s, which has no address%s",
			text_of(n, name), rr_type_to_text(r->type, type), name_to_text(target, to),
			glue_wanted ? " (glue is missing)" : "");
}

static void check_targets(const struct check *c, const struct node *n)
{
	static const uint16_t TYPES[] = { TYPE_NS, TYPE_MX, TYPE_SRV };

	for (size_t t = 0; t < sizeof TYPES / sizeof *TYPES; t++) {
		const struct rrset *r = node_find(n, TYPES[t]);
		const uint8_t *rr = r != NULL ? r->wire : NULL;
		for (unsigned i = 0; r != NULL && i < r->rr_n; i++) {
			struct span rdata = { rr + RR_FIXED_LEN, load_u16(rr + RR_FIXED_LEN - 2) };
			const uint8_t *target = rdata_additional_name(r->type, rdata);
			if (target != NULL)
				check_target(c, n, r, target);
			rr += RR_FIXED_LEN + rdata.n;
		}
	}
}

void check_node(const struct zone *z, const struct node *n, struct zone_builder *b, struct diag *d)
{
	struct check c = { z, b, d };

	check_place(&c, n);
	check_occluded(&c, n);
	if (n->flags & NODE_BELOW_CUT)
		return;
	check_cname(&c, n);
	check_dname(&c, n);
	check_targets(&c, n);
}

static bool visit(const struct node *n, void *context)
{
	const struct check *c = context;

	check_node(c->z, n, c->b, c->d);
	return true;
}

void check_zone(const struct zone *z, struct zone_builder *b, struct diag *d)
{
	struct check c = { z, b, d };

	if (node_find(z->apex, TYPE_NS) == NULL)
		builder_finding(b, d, DIAG_ERROR, z->soa,
				"the zone has no NS record at its own name");
	zone_walk(z, visit, &c);
}
