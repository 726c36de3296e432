// SPDX-License-Identifier: Apache-2.0
#include "transfer/soa_answer.h"

#include "dns/rdata.h"
#include "dns/rrtype.h"
#include "transfer/answer.h"
#include "transfer/incoming.h"

_Static_assert(SOA_QUESTION_MAX >= MESSAGE_QUERY_MAX, "room for the longest name");

#define SOA_UDP_SIZE     1232
#define SOA_RDATA_ROOM   (2 * NAME_MAX_LEN + 20)
#define NOTIFY_LOOKED_AT 1

size_t soa_question_write(uint8_t *room, const uint8_t *zone)
{
	return query_write(room, zone, TYPE_SOA, 0, SOA_UDP_SIZE, false);
}

/* In the first n records of the answer section. */
static bool find_soa(struct answer *a, unsigned n, const uint8_t *zone, uint32_t *out)
{
	struct record r;
	uint8_t room[SOA_RDATA_ROOM];

	for (unsigned i = 0; i < n && i < a->count[1]; i++) {
		if (!record_read(&a->r, &r, room, sizeof room))
			return false;
		if (r.type == TYPE_SOA && r.rclass == CLASS_IN && name_equal(r.owner.wire, zone) &&
		    rdata_is_valid(TYPE_SOA, r.rdata) && soa_serial(r.rdata, out))
			return true;
	}
	return false;
}

bool soa_answer_serial(struct span message, const uint8_t *zone, uint32_t *out, const char **why)
{
	struct answer a;

	if (!answer_open(message, &a) || a.rcode != RCODE_NOERROR) {
		*why = a.rcode == RCODE_REFUSED    ? "it refuses"
		       : a.rcode == RCODE_NOTAUTH  ? "it says NOTAUTH"
		       : a.rcode == RCODE_SERVFAIL ? "it says SERVFAIL"
						   : "it answers with an error";
		return false;
	}
	if (!(a.flags & FLAG_AA)) {
		*why = "it has no authority for the zone";
		return false;
	}
	*why = "it gives no SOA";
	return find_soa(&a, a.count[1], zone, out);
}

bool soa_notify_serial(struct span message, const uint8_t *zone, uint32_t *out)
{
	struct answer a;

	return answer_open(message, &a) && find_soa(&a, NOTIFY_LOOKED_AT, zone, out);
}
