// SPDX-License-Identifier: Apache-2.0
#include "transfer/answer.h"

#include "base/random.h"
#include "dns/rrtype.h"

struct question {
	struct name name;
	uint16_t type, rclass;
};

static bool read_question(struct reader *r, struct question *out)
{
	name_read(r, &out->name);
	out->type = read_u16(r);
	out->rclass = read_u16(r);
	return !r->bad;
}

bool answer_open(struct span message, struct answer *out)
{
	struct question q;

	out->r = reader_of(message.p, message.n);
	read_u16(&out->r);
	out->flags = read_u16(&out->r);
	out->rcode = out->flags & 15;
	for (int i = 0; i < 4; i++)
		out->count[i] = read_u16(&out->r);
	for (unsigned i = 0; i < out->count[0] && !out->r.bad; i++)
		read_question(&out->r, &q);
	return !out->r.bad;
}

/* Servers that cannot read a request, or do not know its kind, may leave the question out (RFC 1035
 * §4.1.1); an answer to UPDATE may do so at any time (RFC 2136 §3.8). */
static bool may_lack_question(const struct answer *a)
{
	return a->rcode == RCODE_FORMERR || a->rcode == RCODE_NOTIMP ||
	       (a->flags >> 11 & 15) == OPCODE_UPDATE;
}

static bool same_question(struct span request, struct span message)
{
	struct reader a = reader_of(request.p, request.n), b = reader_of(message.p, message.n);
	struct question x, y;

	read_bytes(&a, MESSAGE_HEADER_LEN);
	read_bytes(&b, MESSAGE_HEADER_LEN);
	return read_question(&a, &x) && read_question(&b, &y) && x.type == y.type &&
	       x.rclass == y.rclass && name_equal(x.name.wire, y.name.wire);
}

static bool is_whole(struct answer a)
{
	unsigned n = (unsigned)a.count[1] + a.count[2] + a.count[3];

	while (n-- > 0)
		if (!record_skip(&a.r))
			return false;
	return reader_left(&a.r) == 0;
}

enum answer_verdict answer_check(struct span request, struct span message)
{
	struct answer a;

	if (request.n < MESSAGE_HEADER_LEN || message.n < MESSAGE_HEADER_LEN ||
	    load_u16(request.p) != load_u16(message.p))
		return ANSWER_WRONG;
	uint16_t asked = load_u16(request.p + 2);
	if (!answer_open(message, &a) || !(a.flags & FLAG_QR) ||
	    (a.flags >> 11 & 15) != (asked >> 11 & 15))
		return ANSWER_WRONG;
	if (a.count[0] > 1 || (a.count[0] == 0 && !may_lack_question(&a)) ||
	    (a.count[0] == 1 && !same_question(request, message)))
		return ANSWER_WRONG;
	if (a.flags & FLAG_TC)
		return ANSWER_TRUNCATED;
	return is_whole(a) ? ANSWER_OK : ANSWER_WRONG;
}

size_t query_write(uint8_t *room, const uint8_t *name, uint16_t type, uint16_t flags,
		   uint16_t udp_size, bool dnssec)
{
	struct writer w = writer_of(room, MESSAGE_QUERY_MAX);

	write_u16(&w, (uint16_t)random_u64());
	write_u16(&w, flags);
	write_u16(&w, 1);
	write_u32(&w, 0);
	write_u16(&w, udp_size > 0);
	write_bytes(&w, name, name_len(name));
	write_u16(&w, type);
	write_u16(&w, CLASS_IN);
	if (udp_size > 0) {
		write_u8(&w, 0);
		write_u16(&w, TYPE_OPT);
		write_u16(&w, udp_size);
		write_u32(&w, dnssec ? EDNS_DO : 0);
		write_u16(&w, 0);
	}
	return writer_len(&w);
}
