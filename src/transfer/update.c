// SPDX-License-Identifier: Apache-2.0
#include "transfer/update.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "dns/rdata.h"
#include "dns/record.h"
#include "dns/rrtype.h"

/* What the RRsets of one request may take. */
#define WORK_OCTETS_MAX (64u << 20)

/* A record that an RRset has, or had before. */
struct value {
	struct span rdata;     /* as it is stored or was given */
	struct span canonical; /* to compare */
	uint32_t ttl;
	bool before, after;
	uint32_t ttl_before;
	struct value *next;
};

/* An RRset that the request is about, as it becomes. */
struct work {
	const uint8_t *owner;
	uint16_t type;
	bool steered;
	struct value *values;
	struct work *next;
};

struct state {
	const struct update *u;
	const struct zone_builder *b;
	struct arena *arena;
	struct work *work;
	uint16_t rcode;
	uint8_t room[RDATA_MAX];
};

static bool fail(struct state *s, uint16_t rcode)
{
	s->rcode = rcode;
	return false;
}

/* ---- the working set ---- */

static struct span canonical_of(struct state *s, uint16_t type, struct span rdata)
{
	uint8_t *form = arena_alloc(s->arena, rdata.n + 1);

	if (form == NULL)
		return (struct span){ 0 };
	rdata_canonicalize(type, rdata, form);
	return (struct span){ form, rdata.n };
}

static struct value *add_value(struct state *s, struct work *w, struct span rdata, uint32_t ttl)
{
	struct value *v = arena_alloc(s->arena, sizeof *v);

	if (v == NULL)
		return NULL;
	v->rdata = rdata;
	v->canonical = canonical_of(s, w->type, rdata);
	v->ttl = v->ttl_before = ttl;
	if (v->canonical.p == NULL)
		return NULL;
	v->next = w->values;
	w->values = v;
	return v;
}

static bool load_values(struct state *s, struct work *w)
{
	const struct rrset *r = zone_build_rrset(s->b, w->owner, w->type);
	const uint8_t *p = r != NULL ? r->wire : NULL;

	w->steered = r != NULL && r->steering != NULL;
	for (unsigned i = 0; r != NULL && i < r->rr_n; i++) {
		size_t n = load_u16(p + RR_FIXED_LEN - 2);
		struct value *v = add_value(s, w, (struct span){ p + RR_FIXED_LEN, n }, r->ttl);
		if (v == NULL)
			return false;
		v->before = v->after = true;
		p += RR_FIXED_LEN + n;
	}
	return true;
}

/* The RRset's working copy, made when it is first asked for. NULL without memory. */
static struct work *work_on(struct state *s, const uint8_t *owner, uint16_t type)
{
	for (struct work *w = s->work; w != NULL; w = w->next)
		if (w->type == type && name_equal(w->owner, owner))
			return w;
	struct work *w = arena_alloc(s->arena, sizeof *w);
	if (w == NULL)
		return NULL;
	w->owner = arena_copy(s->arena, owner, name_len(owner));
	w->type = type;
	if (w->owner == NULL || !load_values(s, w))
		return NULL;
	w->next = s->work;
	s->work = w;
	return w;
}

static unsigned count_after(const struct work *w)
{
	unsigned n = 0;

	for (const struct value *v = w->values; v != NULL; v = v->next)
		n += v->after;
	return n;
}

static struct value *find_value(struct state *s, const struct work *w, struct span rdata)
{
	rdata_canonicalize(w->type, rdata, s->room);
	for (struct value *v = w->values; v != NULL; v = v->next)
		if (v->canonical.n == rdata.n &&
		    (rdata.n == 0 || memcmp(v->canonical.p, s->room, rdata.n) == 0))
			return v;
	return NULL;
}

/* ---- prerequisites (RFC 2136 §3.2) ---- */

static bool name_is_used(const struct state *s, const uint8_t *name)
{
	const struct node *n = zone_build_node(s->b, name);

	return n != NULL && n->rrset_n > 0;
}

static bool check_existence(struct state *s, const struct record *r)
{
	bool any = r->type == TYPE_ANY, none = r->rclass == CLASS_NONE;
	bool there = any ? name_is_used(s, r->owner.wire)
			 : zone_build_rrset(s->b, r->owner.wire, r->type) != NULL;

	if (r->rdata.n != 0)
		return fail(s, RCODE_FORMERR);
	if (there != none)
		return true;
	if (none)
		return fail(s, any ? RCODE_YXDOMAIN : RCODE_YXRRSET);
	return fail(s, any ? RCODE_NXDOMAIN : RCODE_NXRRSET);
}

/* An RRset that must be there as it is given, record by record: kept until all are read. */
static bool want_record(struct state *s, struct state *wanted, const struct record *r)
{
	struct work *w = NULL;

	for (w = wanted->work; w != NULL; w = w->next)
		if (w->type == r->type && name_equal(w->owner, r->owner.wire))
			break;
	if (w == NULL) {
		w = arena_alloc(s->arena, sizeof *w);
		if (w == NULL)
			return fail(s, RCODE_SERVFAIL);
		w->owner = arena_copy(s->arena, r->owner.wire, r->owner.len);
		w->type = r->type;
		w->next = wanted->work;
		wanted->work = w;
	}
	struct span rdata = { arena_copy(s->arena, r->rdata.p, r->rdata.n + (r->rdata.n == 0)),
			      r->rdata.n };
	if (w->owner == NULL || rdata.p == NULL)
		return fail(s, RCODE_SERVFAIL);
	if (find_value(s, w, rdata) != NULL)
		return true;
	return add_value(s, w, rdata, 0) != NULL || fail(s, RCODE_SERVFAIL);
}

static bool check_wanted(struct state *s, const struct work *wanted)
{
	for (const struct work *w = wanted; w != NULL; w = w->next) {
		const struct rrset *r = zone_build_rrset(s->b, w->owner, w->type);
		const uint8_t *p = r != NULL ? r->wire : NULL;
		unsigned n = 0;
		for (const struct value *v = w->values; v != NULL; v = v->next)
			n++;
		if (r == NULL || r->rr_n != n)
			return fail(s, RCODE_NXRRSET);
		for (unsigned i = 0; i < r->rr_n; i++) {
			size_t len = load_u16(p + RR_FIXED_LEN - 2);
			if (find_value(s, w, (struct span){ p + RR_FIXED_LEN, len }) == NULL)
				return fail(s, RCODE_NXRRSET);
			p += RR_FIXED_LEN + len;
		}
	}
	return true;
}

static bool is_meta(uint16_t type)
{
	const struct rr_type_info *info = rr_type_info(type);

	return type == 0 || (info != NULL && (info->flags & RR_META)) ||
	       (info == NULL && type >= 128 && type <= 255);
}

static bool check_prerequisites(struct state *s, struct reader *r, uint8_t *room)
{
	struct record rec;
	struct state *wanted = calloc(1, sizeof *wanted);
	bool ok = wanted != NULL || fail(s, RCODE_SERVFAIL);

	for (unsigned i = 0; ok && i < s->u->parsed->count[1]; i++) {
		if (!record_read(r, &rec, room, RDATA_MAX) || rec.ttl != 0)
			ok = fail(s, RCODE_FORMERR);
		else if (!name_is_within(rec.owner.wire, s->u->apex))
			ok = fail(s, RCODE_NOTZONE);
		else if (rec.rclass == CLASS_ANY || rec.rclass == CLASS_NONE)
			ok = check_existence(s, &rec);
		else if (rec.rclass != CLASS_IN || is_meta(rec.type))
			ok = fail(s, RCODE_FORMERR);
		else
			ok = want_record(s, wanted, &rec);
	}
	ok = ok && check_wanted(s, wanted->work);
	free(wanted);
	return ok;
}

/* ---- pre-scan and permissions (RFC 2136 §3.3, §3.4.1) ---- */

static bool is_key_record(uint16_t type)
{
	return type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY;
}

/* What the signer makes is not changed by an update. */
static bool is_made_here(const struct update *u, const uint8_t *owner, uint16_t type)
{
	const struct rr_type_info *info = rr_type_info(type);

	if (type == TYPE_ALIAS || (info != NULL && (info->flags & RR_DENIAL)))
		return true;
	if ((type == TYPE_A || type == TYPE_AAAA) && u->is_alias != NULL &&
	    u->is_alias(owner, u->alias_context))
		return true;
	if (u->zonemd_here && type == TYPE_ZONEMD && name_equal(owner, u->apex))
		return true;
	return u->signed_here && is_key_record(type) && name_equal(owner, u->apex);
}

static bool scan_record(struct state *s, const struct record *r)
{
	const struct update *u = s->u;
	bool ok;

	if (!name_is_within(r->owner.wire, u->apex))
		return fail(s, RCODE_NOTZONE);
	if (r->rclass == CLASS_IN)
		ok = !is_meta(r->type) && rdata_is_valid(r->type, r->rdata);
	else if (r->rclass == CLASS_ANY)
		ok = r->ttl == 0 && r->rdata.n == 0 && (r->type == TYPE_ANY || !is_meta(r->type));
	else
		ok = r->rclass == CLASS_NONE && r->ttl == 0 && !is_meta(r->type);
	if (!ok)
		return fail(s, RCODE_FORMERR);
	const struct rrset *there = zone_build_rrset(s->b, r->owner.wire, r->type);
	if (!update_permitted(u->grants, u->grant_n, &u->who, u->apex, r->owner.wire, r->type) ||
	    is_made_here(u, r->owner.wire, r->type) || (there != NULL && there->steering != NULL))
		return fail(s, RCODE_REFUSED);
	return true;
}

static bool scan(struct state *s, struct reader r, uint8_t *room)
{
	struct record rec;

	for (unsigned i = 0; i < s->u->parsed->count[2]; i++) {
		if (!record_read(&r, &rec, room, RDATA_MAX))
			return fail(s, RCODE_FORMERR);
		if (!scan_record(s, &rec))
			return false;
	}
	return true;
}

/* ---- the update section (RFC 2136 §3.4.2) ---- */

/* Whether the name has data of another type, as the request has changed it so far. */
static bool has_other(struct state *s, const uint8_t *owner, bool cname)
{
	const struct node *n = zone_build_node(s->b, owner);

	for (unsigned i = 0; n != NULL && i < n->rrset_n; i++) {
		uint16_t type = n->rrset[i]->type;
		if ((type == TYPE_CNAME) == cname && work_on(s, owner, type) == NULL)
			return fail(s, RCODE_SERVFAIL);
	}
	for (const struct work *w = s->work; w != NULL; w = w->next)
		if ((w->type == TYPE_CNAME) == cname && count_after(w) > 0 &&
		    name_equal(w->owner, owner))
			return true;
	return false;
}

static bool add_record(struct state *s, const struct record *r)
{
	const uint8_t *owner = r->owner.wire;

	if (r->type == TYPE_SOA)
		return true; /* the serial is ours */
	if (has_other(s, owner, r->type != TYPE_CNAME))
		return true; /* CNAME and other data: silently not (§3.4.2.2) */
	struct work *w = s->rcode ? NULL : work_on(s, owner, r->type);
	if (w == NULL)
		return fail(s, RCODE_SERVFAIL);
	struct value *v = find_value(s, w, r->rdata);
	if (v == NULL) {
		struct span rdata = { arena_copy(s->arena, r->rdata.p, r->rdata.n), r->rdata.n };
		v = rdata.p != NULL ? add_value(s, w, rdata, r->ttl) : NULL;
	}
	if (v == NULL)
		return fail(s, RCODE_SERVFAIL);
	for (struct value *o = w->values; o != NULL; o = o->next) {
		if (o != v && (r->type == TYPE_CNAME || r->type == TYPE_DNAME))
			o->after = false; /* single ones are replaced */
		if (o->after)
			o->ttl = r->ttl; /* one TTL an RRset (RFC 2181 §5.2) */
	}
	v->after = true;
	v->ttl = r->ttl;
	return true;
}

/* SOA and NS at the apex stay, and what the signer makes. */
static bool is_kept(const struct state *s, const uint8_t *owner, uint16_t type)
{
	return name_equal(owner, s->u->apex) &&
	       (type == TYPE_SOA || type == TYPE_NS || is_made_here(s->u, owner, type));
}

static bool remove_rrset(struct state *s, const uint8_t *owner, uint16_t type)
{
	if (is_kept(s, owner, type) || is_made_here(s->u, owner, type))
		return true;
	struct work *w = work_on(s, owner, type);
	if (w == NULL)
		return fail(s, RCODE_SERVFAIL);
	for (struct value *v = w->values; v != NULL && !w->steered; v = v->next)
		v->after = false;
	return true;
}

static bool remove_name(struct state *s, const uint8_t *owner)
{
	const struct node *n = zone_build_node(s->b, owner);

	for (unsigned i = 0; n != NULL && i < n->rrset_n; i++)
		if (!remove_rrset(s, owner, n->rrset[i]->type))
			return false;
	for (struct work *w = s->work; w != NULL; w = w->next)
		if (name_equal(w->owner, owner) && !remove_rrset(s, owner, w->type))
			return false;
	return true;
}

static bool remove_one(struct state *s, const struct record *r)
{
	if (r->type == TYPE_SOA)
		return true;
	struct work *w = work_on(s, r->owner.wire, r->type);
	if (w == NULL)
		return fail(s, RCODE_SERVFAIL);
	struct value *v = find_value(s, w, r->rdata);
	bool last = v != NULL && v->after && count_after(w) == 1;
	if (v != NULL && !(last && r->type == TYPE_NS && name_equal(w->owner, s->u->apex)))
		v->after = false;
	return true;
}

static bool change(struct state *s, struct reader r, uint8_t *room)
{
	struct record rec;
	bool ok = true;

	for (unsigned i = 0; ok && i < s->u->parsed->count[2]; i++) {
		if (!record_read(&r, &rec, room, RDATA_MAX))
			return fail(s, RCODE_FORMERR);
		if (rec.rclass == CLASS_IN)
			ok = add_record(s, &rec);
		else if (rec.rclass == CLASS_NONE)
			ok = remove_one(s, &rec);
		else if (rec.type == TYPE_ANY)
			ok = remove_name(s, rec.owner.wire);
		else
			ok = remove_rrset(s, rec.owner.wire, rec.type);
	}
	return ok;
}

/* ---- what it comes to ---- */

static bool write_side(struct state *s, enum change_op op, struct change_set *out)
{
	for (const struct work *w = s->work; w != NULL; w = w->next) {
		for (const struct value *v = w->values; v != NULL; v = v->next) {
			bool was = v->before, is = v->after;
			bool moved = was && is && v->ttl != v->ttl_before;
			bool mine =
			    op == CHANGE_REMOVE ? was && (!is || moved) : is && (!was || moved);
			struct change_record r = { op, w->owner, w->type,
						   op == CHANGE_REMOVE ? v->ttl_before : v->ttl,
						   v->rdata };
			if (mine && change_add(out, &r))
				return fail(s, RCODE_SERVFAIL);
		}
	}
	return true;
}

uint16_t update_evaluate(const struct update *u, const struct zone_builder *b,
			 struct change_set *out)
{
	struct state *s = calloc(1, sizeof *s);
	uint8_t *room = malloc(RDATA_MAX);
	struct reader r = reader_of(u->message.p, u->message.n);
	uint16_t rcode = RCODE_SERVFAIL;

	r.p += u->parsed->question_end;
	if (s != NULL && room != NULL && (s->arena = arena_new(WORK_OCTETS_MAX)) != NULL) {
		s->u = u;
		s->b = b;
		if (check_prerequisites(s, &r, room) && scan(s, r, room) && change(s, r, room) &&
		    write_side(s, CHANGE_REMOVE, out))
			write_side(s, CHANGE_ADD, out);
		rcode = s->rcode;
		arena_free(s->arena);
	}
	free(room);
	free(s);
	return rcode;
}
