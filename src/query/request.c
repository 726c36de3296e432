// SPDX-License-Identifier: Apache-2.0
/* From bytes to a question for zone data; what is no such question gets its rcode here. */
#include "query/stages.h"

/* Types that name no data of a zone: transfers, updates' and signatures' helpers (RFC 6895 §3.1).
 */
static enum step meta_type(struct query *q)
{
	switch (q->msg.qtype) {
	case TYPE_AXFR:
	case TYPE_IXFR:
		return answer_settle(q, RCODE_REFUSED, EDE_PROHIBITED);
	case TYPE_NXNAME: /* RFC 9824 §3.5: a bitmap's mark only */
		return answer_settle(q, RCODE_FORMERR, EDE_INVALID_QTYPE);
	case TYPE_OPT:
	case TYPE_TSIG:
		return answer_settle(q, RCODE_FORMERR, -1);
	case TYPE_TKEY:
	case TYPE_MAILA:
	case TYPE_MAILB:
		return answer_settle(q, RCODE_NOTIMP, -1);
	default:
		return STEP_GO_ON;
	}
}

static void prepare_edns(struct query *q)
{
	const struct edns *asked = &q->msg.edns;
	struct edns_answer *a = &q->answer.edns;

	a->flags = asked->flags & EDNS_DO; /* RFC 3225 §3 */
	if (asked->nsid)
		a->nsid = q->view->nsid;
	if (asked->cookie && q->view->cookies.n > 0) {
		q->cookie_good = cookie_is_good(&q->view->cookies, asked->cookie_bytes,
						asked->cookie_len, &q->client.addr, q->now);
		cookie_make(&q->view->cookies, asked->cookie_bytes, asked->cookie_len,
			    &q->client.addr, q->now, q->cookie_good, a->cookie);
		a->cookie_len = COOKIE_LEN;
	}
	if (asked->keepalive && q->client.tcp) { /* RFC 7828 §3.3.2 */
		a->keepalive = true;
		a->keepalive_100ms = q->view->keepalive_100ms;
	}
	a->pad = asked->padding && q->client.encrypted; /* RFC 7830 §4 */
	if (asked->ecs) {
		/* Echoed with scope 0 until a steered RRset says otherwise (RFC 7871 §7.2.1). */
		a->ecs = true;
		a->ecs_prefix = asked->ecs_prefix;
	}
}

/* Updates and notifications of the zones' class, transfers (over UDP only incremental ones, RFC
 * 1995 §2; RFC 5936 §4.2), and all that is signed. */
static bool is_handed_on(const struct query *q)
{
	const struct message *m = &q->msg;

	if (!q->hands_on || m->question_end == MESSAGE_HEADER_LEN)
		return false;
	if (m->opcode != OPCODE_QUERY)
		return m->qclass == CLASS_IN;
	if (m->tsig.n > 0)
		return true;
	return m->qclass == CLASS_IN &&
	       (m->qtype == TYPE_IXFR || (m->qtype == TYPE_AXFR && q->client.tcp));
}

enum step query_request(struct query *q, struct span in)
{
	switch (message_parse(in, &q->msg)) {
	case MESSAGE_DROP:
		return STEP_DROPPED;
	case MESSAGE_FORMERR:
		return answer_settle(q, RCODE_FORMERR, -1);
	case MESSAGE_BADVERS:
		return answer_settle(q, RCODE_BADVERS, -1);
	case MESSAGE_NOTIMP:
		return answer_settle(q, RCODE_NOTIMP, -1);
	case MESSAGE_OK:
		break;
	}
	if (q->msg.edns.present)
		prepare_edns(q);
	if (is_handed_on(q))
		return STEP_HANDOFF;
	if (q->msg.opcode != OPCODE_QUERY)
		return answer_settle(q, q->hands_on ? RCODE_REFUSED : RCODE_NOTIMP, -1);
	if (q->msg.question_end == MESSAGE_HEADER_LEN) /* a cookie was all that was asked for */
		return answer_settle(q, RCODE_NOERROR, -1);
	if (q->msg.qclass == CLASS_CH)
		return query_chaos(q);
	if (q->msg.qclass != CLASS_IN)
		return answer_settle(q, RCODE_REFUSED, -1);
	if (q->msg.tsig.n > 0)
		return answer_settle(q, RCODE_NOTAUTH,
				     -1); /* no key is shared with anyone (RFC 8945 §5.2.1) */
	return meta_type(q);
}
