// SPDX-License-Identifier: Apache-2.0
#include "dns/message.h"

#include "dns/rrtype.h"

enum { QD, AN, NS, AR };

/* The fixed part of one record, and where its RDATA lies. */
struct record {
	const uint8_t *start;
	bool root_owner;
	uint16_t type, class;
	uint32_t ttl;
	struct span rdata;
};

static void read_record(struct reader *r, struct record *out)
{
	struct name owner;

	out->start = r->p;
	/* OPT, the one record that most queries have, is owned by the root. */
	if (reader_left(r) > 0 && *r->p == 0) {
		r->p++;
		out->root_owner = true;
	} else {
		name_read(r, &owner);
		out->root_owner = owner.len == 1;
	}
	out->type = read_u16(r);
	out->class = read_u16(r);
	out->ttl = read_u32(r);
	out->rdata.n = read_u16(r);
	out->rdata.p = read_bytes(r, out->rdata.n);
}

static bool read_question(struct reader *r, struct message *m)
{
	name_read(r, &m->qname);
	m->qtype = read_u16(r);
	m->qclass = read_u16(r);
	if (r->bad)
		return false;
	m->question_end = reader_at(r);
	return true;
}

/* Additional section: one OPT (RFC 6891 §6.1.1), TSIG last (RFC 8945 §5.1), whatever else. */
static bool read_additional(struct reader *r, struct message *m)
{
	struct record rec;

	for (unsigned i = 0; i < m->count[AR]; i++) {
		read_record(r, &rec);
		if (r->bad)
			return false;
		if (rec.type == TYPE_OPT) {
			if (m->edns.present || !rec.root_owner ||
			    !edns_parse(rec.class, rec.ttl, rec.rdata, &m->edns))
				return false;
		} else if (rec.type == TYPE_TSIG) {
			if (i + 1u != m->count[AR])
				return false;
			m->tsig = (struct span){ rec.start, (size_t)(r->p - rec.start) };
			m->tsig_at = (size_t)(rec.start - r->start);
		}
	}
	return true;
}

/* What the sections may hold, by opcode; a query has no records but an IXFR's SOA (RFC 1995 §3). */
static bool counts_fit(const struct message *m)
{
	if (m->count[QD] != 1)
		return false; /* RFC 9619 §4; UPDATE: RFC 2136 §2.3; NOTIFY: RFC 1996 §3.7 */
	if (m->opcode != OPCODE_QUERY)
		return true;
	return m->count[AN] == 0 && m->count[NS] <= 1;
}

/* No question, but an OPT that may ask for a server cookie (RFC 7873 §5.4). */
static bool is_cookie_request(const struct message *m)
{
	return m->opcode == OPCODE_QUERY && m->count[QD] == 0 && m->count[AN] == 0 &&
	       m->count[NS] == 0 && m->count[AR] == 1;
}

enum message_verdict message_parse(struct span in, struct message *m)
{
	struct reader r = reader_of(in.p, in.n);
	struct record rec;

	if (in.n < MESSAGE_HEADER_LEN)
		return MESSAGE_DROP;
	m->id = read_u16(&r);
	m->flags = read_u16(&r);
	if (m->flags & FLAG_QR)
		return MESSAGE_DROP;
	m->opcode = (m->flags >> 11) & 0xf;
	for (int i = 0; i < 4; i++)
		m->count[i] = read_u16(&r);
	m->question_end = MESSAGE_HEADER_LEN;
	m->edns.present = false;
	m->edns.ecs = false;
	m->edns.cookie = false;
	m->edns.flags = 0;
	m->edns.version = 0;
	m->tsig = (struct span){ 0 };
	m->qtype = 0;
	m->qclass = 0;
	m->qname.len = 1; /* the root, where nothing is asked */
	m->qname.label_n = 0;
	m->qname.offset[0] = 0;
	m->qname.wire[0] = 0;
	if (m->opcode != OPCODE_QUERY && m->opcode != OPCODE_NOTIFY && m->opcode != OPCODE_UPDATE)
		return MESSAGE_NOTIMP;
	if (is_cookie_request(m))
		return read_additional(&r, m) && r.p == r.end && m->edns.present && m->edns.cookie
			   ? m->edns.version > 0 ? MESSAGE_BADVERS : MESSAGE_OK
			   : MESSAGE_FORMERR;
	if (m->count[QD] != 1 || !read_question(&r, m))
		return MESSAGE_FORMERR;
	if (!counts_fit(m) ||
	    (m->opcode == OPCODE_QUERY && m->count[NS] == 1 && m->qtype != TYPE_IXFR))
		return MESSAGE_FORMERR;
	for (unsigned i = 0; i < (unsigned)m->count[AN] + m->count[NS] && !r.bad; i++)
		read_record(&r, &rec);
	if (r.bad || !read_additional(&r, m) || r.p != r.end)
		return MESSAGE_FORMERR;
	return m->edns.present && m->edns.version > 0 ? MESSAGE_BADVERS : MESSAGE_OK;
}
