// SPDX-License-Identifier: Apache-2.0
/* Addresses of the names in an answer's NS, MX, SRV, SVCB, HTTPS and the like (RFC 1035 §3.3, RFC
 * 2782, RFC 9460 §4.1), from the same zone; left out where they do not fit. */
#include "query/stages.h"

#include "dns/rdata.h"

#define TARGETS_MAX 16

static bool is_there(const struct query *q, const struct rrset *r)
{
	for (unsigned i = 0; i < q->answer.rrset_n; i++)
		if (q->answer.rrset[i].rrset == r)
			return true;
	return false;
}

static void add(struct query *q, const struct zone_view *zv, const struct node *host,
		uint16_t alias_type)
{
	/* RFC 9460 §4.1: an alias of a service draws the service too. */
	const uint16_t types[] = { TYPE_A, TYPE_AAAA, alias_type };

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		const struct rrset *r = types[i] != 0 ? node_rrset(host, types[i]) : NULL;
		if (r == NULL || rrset_has_failed(r) || q->answer.rrset_n == ANSWER_RRSETS_MAX)
			continue;
		r = query_steer(q, zv, r);
		/* What the policy does not answer a question with is no help either. */
		bool failed = q->answer.steer_failed;
		q->answer.steer_failed = false;
		if (failed || is_there(q, r))
			continue;
		answer_add(q, SECTION_ADDITIONAL, zv, r, host->name)->optional = true;
	}
}

static bool is_service(uint16_t type)
{
	return type == TYPE_SVCB || type == TYPE_HTTPS;
}

/* RFC 9460 §2.4.2: AliasMode. */
static bool is_alias(const struct answer_rrset *a, const uint8_t *rr)
{
	return is_service(a->rrset->type) && load_u16(rr + RR_FIXED_LEN) == 0;
}

static const uint8_t *target_of(const struct answer_rrset *a, const uint8_t *rr)
{
	struct rdata_name names[RDATA_NAMES_MAX];
	struct span rdata = { rr + RR_FIXED_LEN, load_u16(rr + RR_FIXED_LEN - 2) };
	uint16_t type = a->rrset->type;

	if (rdata_names(type, rdata, names) == 0)
		return NULL;
	const uint8_t *target = rdata.p + names[0].at;
	/* RFC 9460 §2.5.2: "." in ServiceMode is the owner itself. */
	return is_service(type) && *target == 0 && load_u16(rdata.p) > 0 ? a->owner : target;
}

static void add_targets(struct query *q, const struct answer_rrset *a)
{
	const struct zone_view *zv = a->zv;
	const uint8_t *rr = a->rrset->wire;

	for (unsigned i = 0; i < a->rrset->rr_n && i < TARGETS_MAX; i++) {
		const uint8_t *target = target_of(a, rr);
		uint16_t alias_type = is_alias(a, rr) ? a->rrset->type : 0;
		rr += RR_FIXED_LEN + load_u16(rr + RR_FIXED_LEN - 2);
		if (target == NULL || !name_is_within(target, zone_name(zv->zone)))
			continue;
		const struct node *host = zone_node(zv->zone, target);
		if (host != NULL)
			add(q, zv, host, alias_type);
	}
}

void answer_add_addresses(struct query *q)
{
	unsigned n = q->answer.rrset_n;

	for (unsigned i = 0; i < n; i++) {
		/* Rows do not move; what is added stands behind. */
		const struct answer_rrset *a = &q->answer.rrset[i];
		if (a->section == SECTION_ANSWER && a->rrset->additional && a->zv != NULL)
			add_targets(q, a);
	}
}
