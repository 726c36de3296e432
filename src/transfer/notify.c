// SPDX-License-Identifier: Apache-2.0
#include "transfer/notify.h"

#include "dns/rrtype.h"
#include "transfer/answer.h"

_Static_assert(NOTIFY_MAX >= MESSAGE_QUERY_MAX, "room for the question");

size_t notify_write(uint8_t room[NOTIFY_MAX], const uint8_t *zone, struct span soa)
{
	size_t n = query_write(room, zone, TYPE_SOA, OPCODE_NOTIFY << 11 | FLAG_AA, 0, false);

	store_u16(room + 6, 1);
	room[n++] = 0xc0; /* the owner is the question's name */
	room[n++] = MESSAGE_HEADER_LEN;
	memcpy(room + n, soa.p, soa.n);
	return n + soa.n;
}

bool notify_answer(struct span message, const char **why)
{
	static const char *const NAMES[] = {
		[RCODE_FORMERR] = "FORMERR", [RCODE_SERVFAIL] = "SERVFAIL",
		[RCODE_NOTIMP] = "NOTIMP",   [RCODE_REFUSED] = "REFUSED",
		[RCODE_NOTAUTH] = "NOTAUTH",
	};
	struct answer a;

	if (!answer_open(message, &a)) {
		*why = "it answers with something damaged";
		return false;
	}
	if (a.rcode == RCODE_NOERROR)
		return true;
	const char *name = a.rcode < sizeof NAMES / sizeof *NAMES ? NAMES[a.rcode] : NULL;
	*why = name != NULL ? name : "it answers with an error";
	return false;
}
