// SPDX-License-Identifier: Apache-2.0
/* Response rate limiting, where the answer is known and not yet written. */
#include "query/stages.h"

enum rate_class query_rate_class(const struct answer *a)
{
	if (a->no_name)
		return RATE_NXDOMAIN;
	if (a->rcode != RCODE_NOERROR)
		return RATE_ERROR;
	if (a->referral)
		return RATE_REFERRAL;
	return a->rrset_n > 0 && a->rrset[0].section == SECTION_ANSWER ? RATE_POSITIVE
								       : RATE_NODATA;
}

enum step query_limit_class(struct query *q, enum rate_class class)
{
	const struct rate_limit *l = &q->view->rate_limit;
	const struct zone_view *zv = q->answer.zone;

	if (l->per_second == 0 || q->rates == NULL || q->client.tcp || q->cookie_good)
		return STEP_GO_ON;
	if (zv != NULL && !zv->rate_limited)
		return STEP_GO_ON;
	/* Zones are told apart by where their name lies, which one view keeps. */
	uint64_t zone = zv != NULL ? (uint64_t)(uintptr_t)zone_name(zv->zone) : 0;
	switch (rate_check(q->rates, l, &q->client.addr, class, zone, q->now)) {
	case RATE_SEND:
		break;
	case RATE_SLIP:
		q->answer.rrset_n = 0;
		q->answer.slipped = true;
		counter_add(&q->stats->rate_slipped, 1);
		break;
	case RATE_DROP:
		counter_add(&q->stats->rate_dropped, 1);
		return STEP_DROPPED;
	}
	return STEP_GO_ON;
}

enum step query_limit(struct query *q)
{
	return query_limit_class(q, query_rate_class(&q->answer));
}
