// SPDX-License-Identifier: Apache-2.0
#include "transfer/outgoing.h"

#include <stdlib.h>
#include <string.h>

#include "dns/compress.h"
#include "dns/message.h"
#include "dns/rrtype.h"
#include "dns/tsig.h"
#include "transfer/spool.h"

/* Messages are closed past this: large enough that headers do not count, small enough that offsets
 * of compression reach all of it. */
#define MESSAGE_GOOD (16u << 10)
#define MESSAGE_ROOM (MESSAGE_MAX - TSIG_ROOM)

struct render {
	struct outgoing *out;
	struct span request;
	size_t question_end;
	const uint8_t *zone;
	struct span soa; /* TYPE to the end of RDATA */
	bool signed_here;
	struct writer w; /* the message being written */
	struct compress names;
	uint16_t record_n; /* in it */
	bool first;
	enum err err;
	uint8_t room[MESSAGE_ROOM];
	uint8_t record[RR_FIXED_LEN + MESSAGE_MAX]; /* the one that is put */
	uint8_t soa_room[RR_FIXED_LEN + 2 * NAME_MAX_LEN + 20];
};

static void start_message(struct render *r)
{
	size_t n = r->first ? r->question_end : MESSAGE_HEADER_LEN;

	r->w = writer_of(r->room, sizeof r->room);
	write_bytes(&r->w, r->request.p, n);
	store_u16(r->room + 2, FLAG_QR | FLAG_AA);
	store_u16(r->room + 4, r->first ? 1 : 0);
	memset(r->room + 6, 0, 6);
	compress_start(&r->names, NULL);
	r->record_n = 0;
	r->first = false;
}

static void end_message(struct render *r)
{
	struct outgoing *o = r->out;
	size_t n = writer_len(&r->w), need = o->n + 2 + n;

	store_u16(r->room + 6, r->record_n);
	if (need > o->cap) {
		size_t cap = need + need / 2;
		uint8_t *more = realloc(o->bytes, cap);
		if (more == NULL) {
			r->err = ERR_NOMEM;
			return;
		}
		o->bytes = more;
		o->cap = cap;
	}
	store_u16(o->bytes + o->n, (uint16_t)n);
	memcpy(o->bytes + o->n + 2, r->room, n);
	o->n = need;
}

/* `wire`: TYPE to the end of RDATA. */
static void put(struct render *r, const uint8_t *owner, const uint8_t *wire, size_t n)
{
	if (r->err)
		return;
	if (r->record_n > 0 && writer_len(&r->w) + name_len(owner) + n > MESSAGE_GOOD) {
		end_message(r);
		start_message(r);
	}
	compress_write(&r->names, &r->w, owner);
	write_bytes(&r->w, wire, n);
	if (r->w.full && !r->err)
		r->err = ERR_TOO_LONG;
	r->record_n++;
	r->out->record_n++;
}

static void put_rrset(struct render *r, const uint8_t *owner, const struct rrset *s)
{
	const uint8_t *p = s->wire;

	for (unsigned i = 0; i < s->rr_n && !r->err; i++) {
		size_t n = RR_FIXED_LEN + load_u16(p + RR_FIXED_LEN - 2);
		put(r, owner, p, n);
		p += n;
	}
}

static void put_soa(struct render *r)
{
	put(r, r->zone, r->soa.p, r->soa.n);
}

bool outgoing_is_made_here(const struct node *n, uint16_t type)
{
	const struct rr_type_info *info = rr_type_info(type);

	if (info != NULL && (info->flags & RR_DENIAL))
		return true;
	return (n->flags & NODE_APEX) && (type == TYPE_DNSKEY || type == TYPE_CDS ||
					  type == TYPE_CDNSKEY || type == TYPE_ZONEMD);
}

static bool put_node(const struct node *n, void *context)
{
	struct render *r = context;

	for (unsigned i = 0; i < n->rrset_n && !r->err; i++) {
		const struct rrset *s = n->rrset[i];
		if (s->type == TYPE_SOA || (r->signed_here && outgoing_is_made_here(n, s->type)))
			continue;
		r->out->steered_n += rrset_is_steered(s);
		put_rrset(r, n->name, s);
	}
	return !r->err;
}

/* NSEC3 and their signatures, where the zone came with them. */
static bool put_nsec3(const struct rrset *s, void *context)
{
	struct render *r = context;

	put_rrset(r, nsec3_owner(s), s);
	return !r->err;
}

static void put_record(struct render *r, const uint8_t *owner, uint16_t type, uint32_t ttl,
		       struct span rdata)
{
	uint8_t *wire = r->record;

	store_u16(wire, type);
	store_u16(wire + 2, CLASS_IN);
	store_u32(wire + 4, ttl);
	store_u16(wire + 8, (uint16_t)rdata.n);
	if (rdata.n > 0)
		memcpy(wire + RR_FIXED_LEN, rdata.p, rdata.n);
	put(r, owner, wire, RR_FIXED_LEN + rdata.n);
}

static void put_change(struct render *r, struct span change)
{
	struct change_record c;

	while (!r->err && change_next(&change, &c))
		put_record(r, c.owner, c.type, c.ttl, c.rdata);
	if (!r->err && change.n > 0)
		r->err = ERR_CORRUPT;
}

/* The first one is the SOA, which goes out at both ends. */
static enum err put_kept(const struct spool_record *k, void *context)
{
	struct render *r = context;

	if (k->type == 0)
		return ERR_OK;
	put_record(r, k->owner, k->type, k->ttl, k->rdata);
	if (r->soa.n == 0) {
		r->soa.n = RR_FIXED_LEN + k->rdata.n;
		if (k->type != TYPE_SOA || r->soa.n > sizeof r->soa_room)
			return ERR_CORRUPT;
		r->soa.p = memcpy(r->soa_room, r->record, r->soa.n);
	}
	return r->err;
}

static struct render *begin(struct outgoing *out, struct span request, size_t question_end,
			    const uint8_t *zone, struct span soa)
{
	struct render *r = calloc(1, sizeof *r);

	*out = (struct outgoing){ 0 };
	if (r == NULL)
		return NULL;
	r->out = out;
	r->request = request;
	r->question_end = question_end;
	r->zone = zone;
	r->soa = soa;
	r->first = true;
	start_message(r);
	if (soa.n > 0)
		put_soa(r);
	return r;
}

static enum err finish(struct render *r)
{
	if (!r->err)
		end_message(r);
	enum err e = r->err;
	if (e)
		outgoing_free(r->out);
	free(r);
	return e;
}

enum err outgoing_axfr(struct outgoing *out, struct span request, size_t question_end,
		       const struct zone *z, bool signed_here)
{
	const struct rrset *soa = zone_soa(z);
	struct render *r = begin(out, request, question_end, zone_name(z),
				 (struct span){ soa->wire, soa->wire_len });

	if (r == NULL)
		return ERR_NOMEM;
	r->signed_here = signed_here;
	zone_walk(z, put_node, r);
	if (!signed_here)
		zone_walk_nsec3(z, put_nsec3, r);
	put_soa(r);
	return finish(r);
}

enum err outgoing_axfr_file(struct outgoing *out, struct span request, size_t question_end,
			    const uint8_t *zone, const char *path)
{
	struct render *r = begin(out, request, question_end, zone, (struct span){ 0 });

	if (r == NULL)
		return ERR_NOMEM;
	enum err e = spool_read(path, zone, put_kept, r);
	if (!r->err)
		r->err = e ? e : r->soa.n == 0 ? ERR_CORRUPT : ERR_OK;
	put_soa(r);
	return finish(r);
}

enum err outgoing_ixfr(struct outgoing *out, struct span request, size_t question_end,
		       const uint8_t *zone, struct span soa, struct span change)
{
	struct render *r = begin(out, request, question_end, zone, soa);

	if (r == NULL)
		return ERR_NOMEM;
	put_change(r, change);
	put_soa(r);
	return finish(r);
}

enum err outgoing_soa(struct outgoing *out, struct span request, size_t question_end,
		      const uint8_t *zone, struct span soa)
{
	struct render *r = begin(out, request, question_end, zone, soa);

	return r == NULL ? ERR_NOMEM : finish(r);
}

void outgoing_free(struct outgoing *o)
{
	free(o->bytes);
	*o = (struct outgoing){ 0 };
}
