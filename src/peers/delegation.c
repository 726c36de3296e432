// SPDX-License-Identifier: Apache-2.0
#include "peers/delegation.h"

#include "dns/rdata.h"
#include "dns/rrtype.h"
#include "transfer/answer.h"

static bool take(struct seen_names *out, const struct record *r)
{
	if (out->n == SEEN_NS_MAX || !rdata_is_valid(TYPE_NS, r->rdata))
		return false;
	name_lower(r->rdata.p, out->name[out->n++]);
	return true;
}

bool delegation_read(struct span message, const uint8_t *zone, struct seen_names *out,
		     uint32_t *ttl, const char **why)
{
	struct answer a;
	struct record r;
	uint8_t room[NAME_MAX_LEN];

	out->n = 0;
	*ttl = 0;
	*why = "NS: it does not answer for the parent";
	if (!answer_open(message, &a) || a.rcode != 0)
		return false;
	*why = "NS: its answer is damaged or too long";
	for (unsigned i = 0; i < (unsigned)a.count[1] + a.count[2]; i++) {
		struct reader at = a.r;
		if (!record_skip(&a.r))
			return false;
		if (!record_read(&at, &r, room, sizeof room) || r.type != TYPE_NS ||
		    r.rclass != CLASS_IN || !name_equal(r.owner.wire, zone))
			continue;
		if (!take(out, &r))
			return false;
		*ttl = r.ttl > *ttl ? r.ttl : *ttl;
	}
	*why = "NS: it does not delegate the zone";
	return out->n > 0;
}
