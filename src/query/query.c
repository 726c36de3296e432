// SPDX-License-Identifier: Apache-2.0
#include "query/query.h"

#include "query/stages.h"

static enum step run(struct query *q, struct span in)
{
	static enum step (*const AFTER_REQUEST[])(struct query *) = {
		query_lookup, /* message -> answer            zone/, geo/ */
		query_sign,   /* answer  -> answer with RRSIGs    dnssec/ */
	};

	enum step s = query_request(q, in); /* bytes -> message              dns/ */
	for (size_t i = 0; s == STEP_GO_ON && i < sizeof AFTER_REQUEST / sizeof *AFTER_REQUEST; i++)
		s = AFTER_REQUEST[i](q);
	return s;
}

void query_start(struct query *q, const struct query_client *from)
{
	q->client = *from;
	q->need_n = 0;
	q->synthesized_n = 0;
	q->answer.rcode = RCODE_NOERROR;
	q->answer.aa = false;
	q->answer.rrset_n = 0;
	q->answer.steered = false;
	q->answer.steer_failed = false;
	q->answer.alias_failed = false;
	q->answer.overflow = false;
	q->answer.referral = false;
	q->answer.no_name = false;
	q->answer.slipped = false;
	q->answer.left_out = false;
	q->answer.zone = NULL;
	q->asked = NULL;
	q->look = NULL;
	q->cookie_good = false;
	q->answer.edns = (struct edns_answer){ .udp_size = q->view->udp_size };
}

static unsigned zone_rcode(uint16_t rcode)
{
	return rcode == RCODE_NOERROR    ? 0
	       : rcode == RCODE_NXDOMAIN ? 1
	       : rcode == RCODE_SERVFAIL ? 2
					 : 3;
}

static enum query_type_slot type_slot(uint16_t type)
{
	switch (type) {
#define X(name)                                                                                    \
	case TYPE_##name:                                                                          \
		return QUERY_TYPE_##name;
		QUERY_TYPES_TABLE(X)
#undef X
	default:
		return QUERY_TYPE_OTHER;
	}
}

void query_count(struct query *q, uint16_t qtype, bool dnssec_ok)
{
	struct query_stats *s = q->stats;

	counter_add(&s->by_type[type_slot(qtype)], 1);
	counter_add(&s->answers, 1);
	if (dnssec_ok)
		counter_add(&s->dnssec_ok, 1);
	if (q->cookie_good)
		counter_add(&s->cookies_good, 1);
	if (q->answer.zone != NULL && q->answer.zone->rcode_n != NULL)
		counter_add(
		    &q->answer.zone->rcode_n[q->worker * ZONE_RCODES + zone_rcode(q->answer.rcode)],
		    1);
	switch (q->answer.rcode) {
	case RCODE_NOERROR:
		counter_add(&s->noerror, 1);
		break;
	case RCODE_NXDOMAIN:
		counter_add(&s->nxdomain, 1);
		break;
	case RCODE_FORMERR:
		counter_add(&s->formerr, 1);
		break;
	case RCODE_SERVFAIL:
		counter_add(&s->servfail, 1);
		break;
	case RCODE_REFUSED:
		counter_add(&s->refused, 1);
		break;
	default:
		counter_add(&s->other_rcode, 1);
		break;
	}
}

/* What only a question that is not plain can have. */
static void count_whole(struct query *q)
{
	struct query_stats *s = q->stats;

	if (q->answer.edns.pad)
		counter_add(&s->padded, 1);
	if (q->msg.edns.ecs)
		counter_add(&s->ecs, 1);
	if (q->answer.steered)
		counter_add(&s->steered, 1);
	query_count(q, q->msg.qtype, q->msg.edns.present && (q->msg.edns.flags & EDNS_DO));
}

enum verdict query_answer(struct query *q, struct span in, const struct query_client *from,
			  struct writer *out)
{
	const struct query_ahead *ahead = q->looked_up;

	counter_add(from->tcp ? &q->stats->tcp_requests : &q->stats->udp_requests, 1);
	q->looked_up = NULL;
	if (ahead != NULL && ahead->known) {
		enum step known = query_known(q, ahead, in, from, out);
		if (known != STEP_GO_ON)
			return known == STEP_DROPPED ? QUERY_DROP : QUERY_REPLY;
	}
	query_start(q, from);
	q->looked_up = ahead;
	enum step s = run(q, in);
	q->looked_up = NULL;
	switch (s) {
	case STEP_DROPPED:
		counter_add(&q->stats->drops, 1);
		counter_add(&q->stats->drops_why[in.n < MESSAGE_HEADER_LEN ? QUERY_DROP_SHORT
									   : QUERY_DROP_RESPONSE],
			    1);
		return QUERY_DROP;
	case STEP_WAIT:
		return QUERY_WAIT;
	case STEP_HANDOFF:
		counter_add(&q->stats->handed_on, 1);
		return QUERY_HANDOFF;
	case STEP_GO_ON:
	case STEP_ANSWERED:
		break;
	}
	if (query_limit(q) == STEP_DROPPED)
		return QUERY_DROP;
	query_render(q, out);
	count_whole(q);
	if (s == STEP_GO_ON && ahead != NULL)
		query_keep(q, ahead, out);
	return QUERY_REPLY;
}

enum verdict query_give_up(struct query *q, struct span in, const struct query_client *from,
			   struct writer *out)
{
	query_start(q, from);
	if (query_request(q, in) == STEP_DROPPED)
		return QUERY_DROP;
	answer_settle(q, RCODE_SERVFAIL, EDE_NOT_READY);
	counter_add(&q->stats->sig_given_up, 1);
	query_render(q, out);
	count_whole(q);
	return QUERY_REPLY;
}

enum step answer_settle(struct query *q, uint16_t rcode, int ede)
{
	q->need_n = 0;
	q->answer.rrset_n = 0;
	q->answer.aa = false;
	q->answer.rcode = rcode;
	if (ede >= 0) {
		q->answer.edns.ede = true;
		q->answer.edns.ede_code = (uint16_t)ede;
	}
	return STEP_ANSWERED;
}

struct answer_rrset *answer_add(struct query *q, enum section section, const struct zone_view *zv,
				const struct rrset *rrset, const uint8_t *owner)
{
	struct answer *a = &q->answer;

	if (a->rrset_n == ANSWER_RRSETS_MAX) {
		a->overflow = true;
		return NULL;
	}
	struct answer_rrset *r = &a->rrset[a->rrset_n++];
	*r = (struct answer_rrset){
		.rrset = rrset,
		.owner = owner,
		.signed_owner = owner,
		.zv = zv,
		.ttl = rrset->ttl,
		.section = (uint8_t)section,
	};
	return r;
}

bool query_wants_dnssec(const struct query *q, const struct zone_view *zv)
{
	return (zv->keys != NULL || zone_is_given(zv->zone)) && q->msg.edns.present &&
	       (q->msg.edns.flags & EDNS_DO);
}
