// SPDX-License-Identifier: Apache-2.0
/* From the answer to bytes: whole RRsets in their sections, names compressed, truncated where the
 * client's limit says so, OPT at the end. */
#include "query/stages.h"

#define QNAME_POINTER (0xC000 | MESSAGE_HEADER_LEN)

size_t render_limit(const struct query *q, uint16_t udp_size, const struct writer *out)
{
	size_t room = (size_t)(out->end - out->start);
	size_t limit = MESSAGE_MAX;

	if (!q->client.tcp)
		limit = udp_size < q->view->udp_size ? udp_size : q->view->udp_size;
	return limit < room ? limit : room;
}

static size_t limit_of(const struct query *q, const struct writer *out)
{
	return render_limit(q, q->msg.edns.present ? q->msg.edns.udp_size : 512, out);
}

static void write_name(struct query *q, struct writer *w, const uint8_t *name)
{
	if (!q->compress_started) {
		compress_start(&q->compress, q->asked);
		q->compress_started = true;
	}
	compress_write(&q->compress, w, name);
}

/* Where the zone's name stands in the question; 0: it does not, or it is the root. */
static uint16_t apex_in_question(const struct query *q, const struct zone_view *zv)
{
	unsigned label_n;

	if (q->look == NULL || q->look->zv != zv || zv->zone == NULL)
		return 0;
	label_n = zone_apex(zv->zone)->label_n;
	return label_n == 0
		   ? 0
		   : (uint16_t)(MESSAGE_HEADER_LEN + q->asked->offset[q->asked->label_n - label_n]);
}

/* The owners that negative answers have: the apex, and a hash below it. False: another one. */
static bool write_owner_by_apex(struct query *q, struct writer *w, const struct answer_rrset *r)
{
	uint16_t apex = apex_in_question(q, r->zv);
	bool hashed = r->rrset->type == TYPE_NSEC3 && r->owner == nsec3_owner(r->rrset);
	size_t at = hashed ? writer_len(w) : apex;

	if (apex == 0 || at >= 0x4000 || (!hashed && r->owner != zone_apex(r->zv->zone)->name))
		return false;
	if (hashed)
		write_bytes(w, r->owner, 1u + r->owner[0]);
	write_u16(w, (uint16_t)(0xC000 | apex));
	q->last_owner = r->owner;
	q->last_owner_at = (uint16_t)(0xC000 | at);
	return true;
}

/* Most owners are the name asked for, or that of the record before: these need no table. */
static void write_owner(struct query *q, struct writer *w, const struct answer_rrset *r)
{
	const uint8_t *owner = r->owner;

	if (owner == q->msg.qname.wire) {
		write_u16(w, QNAME_POINTER);
	} else if (owner == q->last_owner) {
		write_u16(w, q->last_owner_at);
	} else if (!write_owner_by_apex(q, w, r)) {
		size_t at = writer_len(w);
		write_name(q, w, owner);
		bool pointer = !w->full && writer_len(w) == at + 2;
		q->last_owner = at < 0x4000 || pointer ? owner : NULL;
		q->last_owner_at = pointer ? load_u16(w->p - 2) : (uint16_t)(0xC000 | at);
	}
}

/* RDATA whose names may be compressed (RFC 3597 §4): piecewise, then the length is set. */
static void write_rdata_compressed(struct query *q, struct writer *w, const struct rrset *set,
				   struct span rdata)
{
	uint8_t *length_at = w->p;
	size_t at = set->name_at;

	write_u16(w, 0);
	write_bytes(w, rdata.p, at);
	for (unsigned i = 0; i < set->compressible; i++) {
		write_name(q, w, rdata.p + at);
		at += name_len(rdata.p + at);
	}
	write_bytes(w, rdata.p + at, rdata.n - at);
	if (!w->full)
		store_u16(length_at, (uint16_t)(w->p - length_at - 2));
}

/* One RRset's records: owner, then the stored bytes; the TTL may be lower than stored. */
static void write_records(struct query *q, struct writer *w, const struct answer_rrset *r,
			  struct span wire, unsigned rr_n, bool compress)
{
	const uint8_t *rr = wire.p;

	for (unsigned i = 0; i < rr_n && !w->full; i++) {
		size_t rdata_len = load_u16(rr + RR_FIXED_LEN - 2);
		write_owner(q, w, r);
		uint8_t *fixed = w->p;
		if (compress) {
			write_bytes(w, rr, RR_FIXED_LEN - 2);
			write_rdata_compressed(q, w, r->rrset,
					       (struct span){ rr + RR_FIXED_LEN, rdata_len });
		} else {
			write_bytes(w, rr, RR_FIXED_LEN + rdata_len);
		}
		if (!w->full && r->ttl != r->rrset->ttl)
			store_u32(fixed + 4, r->ttl);
		rr += RR_FIXED_LEN + rdata_len;
	}
}

/* The signatures of one RRset among all of its owner (RFC 4034 §3.1.1). */
static uint16_t write_given(struct query *q, struct writer *w, const struct answer_rrset *r)
{
	const uint8_t *rr = r->given->wire;
	uint16_t n = 0;

	for (unsigned i = 0; i < r->given->rr_n && !w->full; i++) {
		size_t len = RR_FIXED_LEN + load_u16(rr + RR_FIXED_LEN - 2);
		if (load_u16(rr + RR_FIXED_LEN) == r->rrset->type) {
			write_owner(q, w, r);
			uint8_t *fixed = w->p;
			write_bytes(w, rr, len);
			if (!w->full)
				store_u32(fixed + 4, r->ttl);
			n++;
		}
		rr += len;
	}
	return n;
}

/* False, with nothing written, where it does not fit. */
static bool write_rrset(struct query *q, struct writer *w, const struct answer_rrset *r,
			uint16_t *rr_n)
{
	uint8_t *before = w->p;
	const struct rrset *set = r->rrset;
	bool records = q->msg.qtype != TYPE_RRSIG || r->section != SECTION_ANSWER;
	uint16_t n = 0;

	if (records) {
		write_records(q, w, r, (struct span){ set->wire, set->wire_len }, set->rr_n,
			      set->compressible);
		n = (uint16_t)(n + set->rr_n);
	}
	if (r->sig != NULL) {
		write_records(q, w, r, (struct span){ r->sig->wire, r->sig->wire_len },
			      r->sig->rr_n, false);
		n = (uint16_t)(n + r->sig->rr_n);
	}
	if (r->given != NULL)
		n = (uint16_t)(n + write_given(q, w, r));
	if (w->full) {
		w->p = before;
		w->full = false;
		if (q->compress_started)
			compress_rewind(&q->compress, (uint16_t)(before - w->start));
		q->last_owner = NULL;
		q->answer.left_out = true;
		return false;
	}
	*rr_n = (uint16_t)(*rr_n + n);
	return true;
}

/* False where an RRset that must not be left out did not fit (RFC 2181 §9: whole RRsets only). */
static bool write_section(struct query *q, struct writer *w, unsigned section, uint16_t *rr_n)
{
	const struct answer *a = &q->answer;

	for (unsigned i = 0; i < a->rrset_n; i++)
		if (a->rrset[i].section == section && !write_rrset(q, w, &a->rrset[i], rr_n) &&
		    !a->rrset[i].optional)
			return false;
	return true;
}

/* Header and question as asked. */
static void write_start(const struct query *q, struct writer *w)
{
	const struct message *m = &q->msg;
	bool question = m->question_end > MESSAGE_HEADER_LEN;

	write_u16(w, m->id);
	write_u16(w, 0);
	write_u16(w, question ? 1 : 0);
	write_u16(w, 0);
	write_u32(w, 0);
	if (question) {
		write_bytes(w, m->qname.wire, m->qname.len);
		write_u16(w, m->qtype);
		write_u16(w, m->qclass);
	}
}

/* The length of our OPT. Beside the longest names not all that we might say fits into 512 octets:
 * what only informs is left out first. */
static size_t fit_options(struct query *q, size_t limit)
{
	struct edns_answer *e = &q->answer.edns;
	struct span *droppable[] = { &e->report_agent, &e->nsid };

	for (size_t i = 0; i < sizeof droppable / sizeof *droppable; i++)
		if (q->msg.question_end + edns_len(e) > limit) {
			*droppable[i] = (struct span){ 0 };
			q->answer.left_out = true;
		}
	return edns_len(e);
}

void query_render(struct query *q, struct writer *out)
{
	struct answer *a = &q->answer;
	bool opt = q->msg.edns.present;
	uint16_t count[3] = { 0, 0, 0 };
	bool truncated = a->slipped;

	a->edns.extended_rcode = (uint8_t)(a->rcode >> 4);
	if (opt && a->zone != NULL)
		a->edns.report_agent = a->zone->report_agent;
	size_t limit = limit_of(q, out);
	size_t opt_len = opt ? fit_options(q, limit) : 0;
	struct writer w = writer_of(out->start, limit - opt_len);
	q->compress_started = false;
	q->last_owner = NULL;
	write_start(q, &w);
	for (unsigned s = SECTION_ANSWER; s <= SECTION_ADDITIONAL && !truncated; s++)
		truncated = !write_section(q, &w, s, &count[s]);
	truncated = truncated || a->overflow;
	w.end = out->start + limit;
	if (opt)
		edns_write(&w, &a->edns);

	uint16_t flags =
	    (uint16_t)(FLAG_QR | (q->msg.flags & (0x7800 | FLAG_RD)) | (a->aa ? FLAG_AA : 0) |
		       (truncated ? FLAG_TC : 0) | (a->rcode & 0xf));
	store_u16(out->start + 2, flags);
	for (int i = 0; i < 3; i++)
		store_u16(out->start + 6 + 2 * i, (uint16_t)(count[i] + (i == 2 && opt ? 1 : 0)));
	out->p = w.p;
	out->full = w.full;
	if (truncated)
		counter_add(&q->stats->truncated, 1);
}
