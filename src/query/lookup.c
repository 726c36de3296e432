// SPDX-License-Identifier: Apache-2.0
/* The algorithm of RFC 1034 §4.3.2 over our zones: from the question to the RRsets of the answer.
 */
#include "query/stages.h"

/* The name that a CNAME or DNAME of one record points to. */
static const uint8_t *target_of(const struct rrset *r)
{
	return r->wire + RR_FIXED_LEN;
}

static void add_answer(struct query *q, const struct zone_view *zv, const struct zone_find *f,
		       const struct rrset *rrset, const uint8_t *name)
{
	struct answer_rrset *r = answer_add(q, SECTION_ANSWER, zv, query_steer(q, zv, rrset), name);
	if (r == NULL || f->match != ZONE_WILDCARD)
		return;
	if (zone_is_compact(zv))
		answer_expand(r, name);
	else
		r->signed_owner = f->node->name;
}

/* ANY gets one RRset (RFC 8482 §4.1); RRSIG gets the signatures of one. */
static const struct rrset *any_rrset(const struct node *n)
{
	const struct rrset *failed = NULL;

	/* Signatures that came with the zone stand among the rest: they go with what they cover. */
	for (unsigned i = 0; i < n->rrset_n; i++) {
		if (n->rrset[i]->type != TYPE_RRSIG && !rrset_has_failed(n->rrset[i]))
			return n->rrset[i];
		if (rrset_has_failed(n->rrset[i]))
			failed = n->rrset[i];
	}
	return failed;
}

static const struct rrset *matching(const struct query *q, const struct zone_view *zv,
				    const struct node *n)
{
	switch (q->msg.qtype) {
	case TYPE_ANY:
		return any_rrset(n);
	case TYPE_RRSIG:
		return zv->keys != NULL || zone_is_given(zv->zone) ? any_rrset(n) : NULL;
	case TYPE_NSEC:
		return node_nsec(n);
	default:
		return node_rrset(n, q->msg.qtype);
	}
}

/* The CNAME that stands for a name below a DNAME (RFC 6672 §3.1). NULL where the new name would be
 * too long. */
static const struct rrset *synthesize_cname(struct query *q, const struct node *dname,
					    const struct rrset *rrset, const uint8_t *name)
{
	const uint8_t *to = target_of(rrset);
	size_t keep = name_len(name) - name_len(dname->name);
	size_t to_len = name_len(to);

	if (keep + to_len > NAME_MAX_LEN)
		return NULL;
	struct answer_synthesized *s = &q->synthesized[q->synthesized_n++];
	struct rrset *made = (struct rrset *)(void *)s->bytes;
	*made = (struct rrset){
		.type = TYPE_CNAME,
		.rr_n = 1,
		.ttl = rrset->ttl,
		.wire_len = (uint32_t)(RR_FIXED_LEN + keep + to_len),
		.compressible = 1,
	};
	struct writer w = writer_of(made->wire, sizeof s->bytes - sizeof *made);
	write_u16(&w, TYPE_CNAME);
	write_u16(&w, CLASS_IN);
	write_u32(&w, rrset->ttl);
	write_u16(&w, (uint16_t)(keep + to_len));
	write_bytes(&w, name, keep);
	write_bytes(&w, to, to_len);
	return made;
}

/* What one name of the chain gave: the next name to look up, or NULL when the answer is complete.
 */
static const uint8_t *answer_dname(struct query *q, const struct zone_view *zv,
				   const struct node *node, const uint8_t *name)
{
	const struct rrset *dname = node_rrset(node, TYPE_DNAME);

	answer_add(q, SECTION_ANSWER, zv, dname, node->name);
	if (q->synthesized_n == ANSWER_SYNTHESIZED_MAX)
		return NULL; /* the client goes on from here, if it wants to */
	const struct rrset *cname = synthesize_cname(q, node, dname, name);
	if (cname == NULL) {
		q->answer.rcode = RCODE_YXDOMAIN; /* RFC 6672 §2.2 */
		return NULL;
	}
	answer_add(q, SECTION_ANSWER, zv, cname, name);
	return q->msg.qtype == TYPE_CNAME ? NULL : target_of(cname);
}

static const uint8_t *answer_node(struct query *q, const struct zone_view *zv,
				  const struct zone_find *f, const uint8_t *name)
{
	const struct rrset *rrset = matching(q, zv, f->node);
	const uint8_t *next = NULL;
	bool compact = zone_is_compact(zv);

	if (rrset != NULL && rrset == f->node->nsec && compact && f->match == ZONE_WILDCARD) {
		answer_made_nsec(q, SECTION_ANSWER, zv, name, rrset);
		return NULL;
	}
	if (rrset == NULL) {
		rrset = node_rrset(f->node, TYPE_CNAME);
		if (rrset == NULL || q->msg.qtype == TYPE_NSEC) {
			answer_no_data(q, zv, f, name);
			return NULL;
		}
		rrset = query_steer(q, zv, rrset);
		next = target_of(rrset);
	}
	add_answer(q, zv, f, rrset, name);
	if (f->match == ZONE_WILDCARD && !compact && query_wants_dnssec(q, zv))
		q->no_closer[q->no_closer_n++] =
		    (struct answer_no_closer){ zv, name, f->encloser->name };
	return next;
}

static const uint8_t *answer_name(struct query *q, const struct query_ahead *a, const uint8_t *name)
{
	const struct zone_find *f = &a->found;

	switch (f->match) {
	case ZONE_EXACT:
	case ZONE_WILDCARD:
		return answer_node(q, a->zv, f, name);
	case ZONE_DNAME:
		return answer_dname(q, a->zv, f->node, name);
	case ZONE_CUT:
		if (q->msg.qtype == TYPE_DS && f->node->label_n == a->asked.label_n)
			return answer_node(q, a->zv, f, name);
		answer_referral(q, a->zv, f->node);
		return NULL;
	case ZONE_NXDOMAIN:
		answer_no_name(q, a->zv, f, name);
		return NULL;
	}
	return NULL;
}

/* An alias led back to a name whose records are in the answer already. */
static bool is_answered(const struct query *q, const uint8_t *name)
{
	for (unsigned i = 0; i < q->answer.rrset_n; i++)
		if (q->answer.rrset[i].section == SECTION_ANSWER &&
		    name_equal(q->answer.rrset[i].owner, name))
			return true;
	return false;
}

/* The look-up of the name asked: made ahead, or now. */
static const struct query_ahead *first_look(struct query *q)
{
	const struct query_ahead *a = q->looked_up;

	if (a == NULL || !a->done) {
		name_probe_of(&q->own.asked, q->msg.qname.wire);
		query_look(&q->own, q->view, q->msg.qtype);
		a = &q->own;
	}
	q->asked = &a->asked;
	q->look = a;
	return a;
}

enum step query_lookup(struct query *q)
{
	const uint8_t *name = q->msg.qname.wire;
	const struct query_ahead *a = first_look(q);
	struct query_ahead next;

	if (a->zv == NULL)
		return answer_settle(q, RCODE_REFUSED, EDE_NOT_AUTHORITATIVE);
	if (a->zv->zone == NULL)
		return answer_settle(q, RCODE_SERVFAIL, (enum ede)a->zv->unavailable);
	q->answer.zone = a->zv;
	if (!a->zv->ecs)
		q->answer.edns.ecs = false;
	q->answer.aa = true;
	if (zone_is_compact(a->zv) && query_wants_dnssec(q, a->zv)) /* RFC 9824 §5.1 */
		q->answer.edns.flags |= q->msg.edns.flags & EDNS_CO;
	q->no_closer_n = 0;
	for (unsigned i = 0; i < ANSWER_CHAIN_MAX; i++) {
		name = answer_name(q, a, name);
		if (name == NULL)
			break;
		/* RFC 1034 §4.3.2 step 3a: go on where the alias points, as long as that is ours
		 * and not a loop. */
		if (is_answered(q, name))
			break;
		name_probe_of(&next.asked, name);
		query_look(&next, q->view, q->msg.qtype);
		if (next.zv == NULL || next.zv->zone == NULL)
			break;
		a = &next;
	}
	/* Better no answer than one that leads nowhere, if the operator says so. */
	if (q->answer.steer_failed)
		return answer_settle(q, RCODE_SERVFAIL, EDE_OTHER);
	if (q->answer.alias_failed)
		return answer_settle(q, RCODE_SERVFAIL, EDE_NO_REACHABLE_AUTHORITY);
	for (unsigned i = 0; i < q->no_closer_n; i++)
		answer_no_closer(q, &q->no_closer[i]);
	answer_add_addresses(q);
	return STEP_GO_ON;
}
