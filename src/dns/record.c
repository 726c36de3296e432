// SPDX-License-Identifier: Apache-2.0
#include "dns/record.h"

#include "dns/rdata.h"

static uint16_t read_frame(struct reader *r, struct record *out)
{
	out->at = reader_at(r);
	name_read(r, &out->owner);
	out->type = read_u16(r);
	out->rclass = read_u16(r);
	out->ttl = read_u32(r);
	return read_u16(r);
}

bool record_read(struct reader *r, struct record *out, uint8_t *room, size_t cap)
{
	uint16_t n = read_frame(r, out);

	out->rdata = (struct span){ 0 };
	if (n == 0 || !rdata_may_be_compressed(out->type)) {
		out->rdata = (struct span){ read_bytes(r, n), n };
		return !r->bad;
	}
	struct writer w = writer_of(room, cap);
	rdata_expand(out->type, r, n, &w);
	out->rdata = (struct span){ room, writer_len(&w) };
	return !r->bad;
}

bool record_skip(struct reader *r)
{
	struct record frame;

	read_bytes(r, read_frame(r, &frame));
	return !r->bad;
}
