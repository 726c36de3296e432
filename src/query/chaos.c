// SPDX-License-Identifier: Apache-2.0
/* version.bind, version.server, hostname.bind and id.server, TXT in class CHAOS (RFC 4892 §2). */
#include "query/stages.h"

static const struct rrset *find(const struct query *q, bool *known)
{
	static const struct {
		const uint8_t *name;
		bool version;
	} NAMES[] = {
		{ (const uint8_t *)"\7version\4bind", true },
		{ (const uint8_t *)"\7version\6server", true },
		{ (const uint8_t *)"\10hostname\4bind", false },
		{ (const uint8_t *)"\2id\6server", false },
	};

	*known = false;
	for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
		if (!name_equal(q->msg.qname.wire, NAMES[i].name))
			continue;
		*known = true;
		return NAMES[i].version ? q->view->version : q->view->identity;
	}
	return NULL;
}

enum step query_chaos(struct query *q)
{
	bool known;
	const struct rrset *r = find(q, &known);

	if (r == NULL)
		return answer_settle(q, RCODE_REFUSED, known ? EDE_PROHIBITED : -1);
	q->answer.aa = true;
	if (q->msg.qtype == TYPE_TXT || q->msg.qtype == TYPE_ANY)
		answer_add(q, SECTION_ANSWER, NULL, r, q->msg.qname.wire);
	return STEP_ANSWERED;
}
