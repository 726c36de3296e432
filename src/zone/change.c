// SPDX-License-Identifier: Apache-2.0
#include "zone/change.h"

#include <stdlib.h>
#include <string.h>

#include "dns/rdata.h"
#include "dns/rrtype.h"

#define ENTRY_FIXED (1 + RR_FIXED_LEN - 2) /* operation, TYPE, TTL, RDLENGTH */

/* ---- writing ---- */

enum err change_add(struct change_set *c, const struct change_record *r)
{
	size_t need = c->n + ENTRY_FIXED + name_len(r->owner) + r->rdata.n;

	if (need > c->cap) {
		size_t cap = need + need / 2 + 256;
		uint8_t *more = realloc(c->bytes, cap);
		if (more == NULL)
			return ERR_NOMEM;
		c->bytes = more;
		c->cap = cap;
	}
	struct writer w = writer_of(c->bytes + c->n, c->cap - c->n);
	write_u8(&w, (uint8_t)r->op);
	write_bytes(&w, r->owner, name_len(r->owner));
	write_u16(&w, r->type);
	write_u32(&w, r->ttl);
	write_u16(&w, (uint16_t)r->rdata.n);
	write_bytes(&w, r->rdata.p, r->rdata.n);
	c->n = need;
	if (r->op == CHANGE_REMOVE)
		c->removed_n++;
	else
		c->added_n++;
	return ERR_OK;
}

void change_free(struct change_set *c)
{
	free(c->bytes);
	*c = (struct change_set){ 0 };
}

/* ---- reading ---- */

bool change_next(struct span *rest, struct change_record *out)
{
	struct reader r = reader_of(rest->p, rest->n);
	struct name owner;
	uint8_t op = read_u8(&r);

	out->owner = r.p;
	name_read_plain(&r, &owner);
	out->op = (enum change_op)op;
	out->type = read_u16(&r);
	out->ttl = read_u32(&r);
	out->rdata.n = read_u16(&r);
	out->rdata.p = read_bytes(&r, out->rdata.n);
	if (r.bad || (op != CHANGE_REMOVE && op != CHANGE_ADD))
		return false;
	*rest = (struct span){ r.p, reader_left(&r) };
	return true;
}

/* The serial stands 20 octets before the end of an SOA's RDATA. */
static bool soa_serial(struct span rdata, uint32_t *out)
{
	if (!rdata_is_valid(TYPE_SOA, rdata))
		return false;
	*out = load_u32(rdata.p + rdata.n - 20);
	return true;
}

bool change_serials(struct span set, uint32_t *from, uint32_t *to)
{
	struct change_record r;
	bool old = false, new = false;

	while (!(old && new) && change_next(&set, &r)) {
		if (r.type != TYPE_SOA)
			continue;
		if (r.op == CHANGE_REMOVE && !old)
			old = soa_serial(r.rdata, from);
		else if (r.op == CHANGE_ADD && !new)
			new = soa_serial(r.rdata, to);
	}
	return old && new;
}

/* ---- using ---- */

static enum err apply_one(struct zone_builder *b, const struct change_record *c, struct diag *d)
{
	const struct rrset *there = zone_build_rrset(b, c->owner, c->type);
	struct zone_record r = {
		.owner = c->owner,
		.type = c->type,
		.ttl = c->ttl,
		.rdata = c->rdata,
	};

	if (there != NULL && there->steering != NULL)
		return ERR_OK;
	return c->op == CHANGE_ADD ? zone_build_add(b, &r, d) : zone_build_remove_record(b, &r);
}

enum err change_apply(struct span set, struct zone_builder *b, struct diag *d)
{
	struct change_record r;
	enum err e = ERR_OK;

	while (!e && change_next(&set, &r))
		e = apply_one(b, &r, d);
	return !e && set.n > 0 ? ERR_CORRUPT : e;
}

/* ---- between two versions ---- */

struct between {
	const struct zone *other;
	const uint16_t *skip;
	size_t skip_n;
	enum change_op op;
	struct change_set *out;
	uint8_t *room; /* canonical forms of two RDATA */
	enum err err;
};

static bool is_skipped(const struct between *w, uint16_t type)
{
	const struct rr_type_info *info = rr_type_info(type);

	for (size_t i = 0; i < w->skip_n; i++)
		if (w->skip[i] == type)
			return true;
	return info != NULL && (info->flags & RR_DENIAL);
}

static bool same_rdata(struct between *w, uint16_t type, struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	if (a.n == 0 || memcmp(a.p, b.p, a.n) == 0)
		return true;
	rdata_canonicalize(type, a, w->room);
	rdata_canonicalize(type, b, w->room + RDATA_MAX);
	return memcmp(w->room, w->room + RDATA_MAX, a.n) == 0;
}

static bool has_record(struct between *w, const struct rrset *r, struct span rdata)
{
	const uint8_t *p = r->wire;

	for (unsigned i = 0; i < r->rr_n; i++) {
		size_t n = load_u16(p + RR_FIXED_LEN - 2);
		if (same_rdata(w, r->type, rdata, (struct span){ p + RR_FIXED_LEN, n }))
			return true;
		p += RR_FIXED_LEN + n;
	}
	return false;
}

/* The records of `mine` that the other version has not, or not with this TTL. */
static void compare_rrset(struct between *w, const uint8_t *owner, const struct rrset *mine,
			  const struct rrset *other)
{
	const uint8_t *p = mine->wire;

	if (other != NULL && other->ttl == mine->ttl && other->wire_len == mine->wire_len &&
	    memcmp(other->wire, mine->wire, mine->wire_len) == 0)
		return;
	for (unsigned i = 0; i < mine->rr_n && !w->err; i++) {
		size_t n = load_u16(p + RR_FIXED_LEN - 2);
		struct span rdata = { p + RR_FIXED_LEN, n };
		struct change_record r = { w->op, owner, mine->type, mine->ttl, rdata };
		if (other == NULL || other->ttl != mine->ttl || !has_record(w, other, rdata))
			w->err = change_add(w->out, &r);
		p += RR_FIXED_LEN + n;
	}
}

static bool compare_node(const struct node *n, void *context)
{
	struct between *w = context;
	const struct node *other = zone_node(w->other, n->name);

	if (other == n)
		return true; /* shared by both versions */
	for (unsigned i = 0; i < n->rrset_n && !w->err; i++) {
		const struct rrset *r = n->rrset[i];
		if (r->type == TYPE_SOA || is_skipped(w, r->type))
			continue;
		compare_rrset(w, n->name, r, other != NULL ? node_rrset(other, r->type) : NULL);
	}
	return !w->err;
}

static void compare_side(struct between *w, const struct zone *mine, const struct zone *other,
			 enum change_op op)
{
	const struct rrset *a = zone_soa(mine), *b = zone_soa(other);
	struct change_record soa = {
		op,
		zone_name(mine),
		TYPE_SOA,
		a->ttl,
		{ a->wire + RR_FIXED_LEN, a->wire_len - RR_FIXED_LEN },
	};

	w->op = op;
	w->other = other;
	if (a->wire_len != b->wire_len || memcmp(a->wire, b->wire, a->wire_len) != 0)
		w->err = change_add(w->out, &soa);
	if (!w->err)
		zone_walk(mine, compare_node, w);
}

enum err change_between(const struct zone *from, const struct zone *to, const uint16_t *skip,
			size_t skip_n, struct change_set *out)
{
	struct between w = { .skip = skip, .skip_n = skip_n, .out = out };

	w.room = malloc(2 * RDATA_MAX);
	if (w.room == NULL)
		return ERR_NOMEM;
	compare_side(&w, from, to, CHANGE_REMOVE);
	if (!w.err)
		compare_side(&w, to, from, CHANGE_ADD);
	free(w.room);
	return w.err;
}

/* ---- many into one ---- */

struct entry {
	struct change_record r;
	struct span canonical;
	size_t order;
};

static int by_record(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = (x->r.type != TYPE_SOA) - (y->r.type != TYPE_SOA); /* SOA first */

	if (c == 0)
		c = name_compare(x->r.owner, y->r.owner);
	if (c == 0)
		c = (x->r.type > y->r.type) - (x->r.type < y->r.type);
	if (c == 0)
		c = (x->r.ttl > y->r.ttl) - (x->r.ttl < y->r.ttl);
	if (c == 0)
		c = rdata_compare(x->canonical, y->canonical);
	return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}

static bool same_record(const struct entry *x, const struct entry *y)
{
	return x->r.type == y->r.type && x->r.ttl == y->r.ttl &&
	       name_equal(x->r.owner, y->r.owner) && span_equal(x->canonical, y->canonical);
}

static enum err count_entries(const struct span *sets, size_t n, size_t *entry_n, size_t *octets)
{
	struct change_record r;

	*entry_n = *octets = 0;
	for (size_t i = 0; i < n; i++) {
		struct span rest = sets[i];
		for (; change_next(&rest, &r); (*entry_n)++)
			*octets += r.rdata.n;
		if (rest.n > 0)
			return ERR_CORRUPT;
	}
	return ERR_OK;
}

static void read_entries(const struct span *sets, size_t n, struct entry *all, uint8_t *room)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		struct span rest = sets[i];
		while (change_next(&rest, &all[at].r)) {
			struct entry *x = &all[at];
			x->order = at++;
			rdata_canonicalize(x->r.type, x->r.rdata, room);
			x->canonical = (struct span){ room, x->r.rdata.n };
			room += x->r.rdata.n;
		}
	}
}

/* Of each record only what it comes to: the first operation on it says whether it was there, the
 * last whether it is. */
static enum err write_net(const struct entry *all, size_t n, enum change_op op,
			  struct change_set *out)
{
	enum err e = ERR_OK;

	for (size_t i = 0, end; i < n && !e; i = end) {
		for (end = i + 1; end < n && same_record(&all[end], &all[i]); end++)
			;
		if (all[i].r.op == all[end - 1].r.op && all[i].r.op == op)
			e = change_add(out, &all[end - 1].r);
	}
	return e;
}

enum err change_condense(const struct span *sets, size_t n, struct change_set *out)
{
	size_t entry_n, octets;
	enum err e = count_entries(sets, n, &entry_n, &octets);

	if (e)
		return e;
	struct entry *all = malloc((entry_n + 1) * sizeof *all);
	uint8_t *room = malloc(octets + 1);
	if (all == NULL || room == NULL) {
		e = ERR_NOMEM;
	} else {
		read_entries(sets, n, all, room);
		qsort(all, entry_n, sizeof *all, by_record);
		e = write_net(all, entry_n, CHANGE_REMOVE, out);
		if (!e)
			e = write_net(all, entry_n, CHANGE_ADD, out);
	}
	free(all);
	free(room);
	return e;
}
