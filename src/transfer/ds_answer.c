// SPDX-License-Identifier: Apache-2.0
#include "transfer/ds_answer.h"

#include <string.h>

#include "dns/rrtype.h"
#include "transfer/answer.h"

#define UDP_SIZE 1232

_Static_assert(MESSAGE_QUERY_MAX <= DS_QUESTION_MAX, "a question fits");

size_t ds_question_write(uint8_t room[DS_QUESTION_MAX], const uint8_t *zone)
{
	return query_write(room, zone, TYPE_DS, 0, UDP_SIZE, false);
}

static bool take(struct ds_answer *out, const struct record *r)
{
	if (r->rdata.n < 5 || r->rdata.n > DS_ANSWER_RDATA_MAX)
		return true; /* of no digest that we make */
	if (out->n == DS_ANSWER_MAX)
		return false;
	memcpy(out->ds[out->n].rdata, r->rdata.p, r->rdata.n);
	out->ds[out->n++].len = r->rdata.n;
	if (r->ttl > out->ttl)
		out->ttl = r->ttl;
	return true;
}

bool ds_answer_read(struct span message, const uint8_t *zone, struct ds_answer *out,
		    const char **why)
{
	struct answer a;
	struct record r;
	uint8_t room[512];

	memset(out, 0, sizeof *out);
	*why = "it does not answer for the parent";
	if (!answer_open(message, &a) || a.rcode != 0 ||
	    (a.flags & (FLAG_QR | FLAG_AA | FLAG_TC)) != (FLAG_QR | FLAG_AA))
		return false;
	*why = "its answer is damaged or too long";
	for (unsigned i = 0; i < a.count[1]; i++) {
		/* CNAME and signatures beside DS are gone past */
		struct reader at = a.r;
		if (!record_skip(&a.r))
			return false;
		if (!record_read(&at, &r, room, sizeof room))
			continue;
		if (r.type == TYPE_DS && r.rclass == 1 && name_equal(r.owner.wire, zone) &&
		    !take(out, &r))
			return false;
	}
	*why = "";
	return true;
}
