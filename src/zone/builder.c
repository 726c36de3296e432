// SPDX-License-Identifier: Apache-2.0
/* Takes records in, one by one. What they make of one another is derived when the version is sealed
 * (seal.c). */
#include "zone/builder.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "dns/rdata.h"
#include "dns/rrtype.h"
#include "zone/internal.h"

/* Records between two questions whether to go on: some tenth of a millisecond. */
#define ADDED_MOST 64

/* ---- start and end ---- */

static struct zone *zone_new(const uint8_t *apex, const struct zone_build_options *options)
{
	struct zone *z = calloc(1, sizeof *z);

	if (z != NULL) {
		z->options = *options;
		name_lower(apex, z->name);
	}
	return z;
}

enum err zone_build_start(struct zone_builder **out, const uint8_t *apex, struct zone *like,
			  const struct zone_build_options *options)
{
	struct zone_builder *b = calloc(1, sizeof *b);

	if (b == NULL)
		return ERR_NOMEM;
	b->base = like;
	b->made = zone_new(apex, options);
	b->start = trie_new();
	b->start_hashes = trie_new();
	if (b->made != NULL) {
		b->made->ids = like != NULL ? ids_ref(like->ids) : ids_new();
		b->made->names = b->start != NULL ? trie_edit(b->start) : NULL;
		b->made->hashes = b->start_hashes != NULL ? trie_edit(b->start_hashes) : NULL;
	}
	if (b->made == NULL || b->made->ids == NULL || b->made->names == NULL ||
	    b->made->hashes == NULL) {
		zone_build_abort(b);
		return ERR_NOMEM;
	}
	*out = b;
	return ERR_OK;
}

static bool copy_files(struct zone *z, const struct zone *from)
{
	z->files = calloc(from->file_n + 1u, sizeof *z->files);
	if (z->files == NULL)
		return false;
	for (; z->file_n < from->file_n; z->file_n++) {
		z->files[z->file_n] = strdup(from->files[z->file_n]);
		if (z->files[z->file_n] == NULL)
			return false;
	}
	return true;
}

enum err zone_build_change(struct zone_builder **out, struct zone *base)
{
	if (base->newer != NULL)
		return ERR_CONFLICT;
	struct zone_builder *b = calloc(1, sizeof *b);
	if (b == NULL)
		return ERR_NOMEM;
	b->base = base;
	b->change = true;
	b->made = zone_new(base->name, &base->options);
	if (b->made != NULL) {
		struct zone *z = b->made;
		z->ids = ids_ref(base->ids);
		z->rr_n = base->rr_n;
		z->data_bytes = base->data_bytes;
		z->max_ttl = base->max_ttl;
		z->names = copy_files(z, base) ? trie_edit(base->names) : NULL;
		z->hashes = trie_edit(base->hashes);
	}
	if (b->made == NULL || b->made->names == NULL || b->made->hashes == NULL) {
		zone_build_abort(b);
		return ERR_NOMEM;
	}
	*out = b;
	return ERR_OK;
}

static bool free_building(struct span key, void *value, void *context)
{
	struct node *n = value;

	(void)key;
	(void)context;
	if (!(n->flags & NODE_BUILDING))
		return true;
	for (unsigned i = 0; i < n->rrset_n; i++)
		if (n->rrset[i]->building)
			rrset_free(n->rrset[i]);
	if (n->nsec != NULL && n->nsec->building)
		rrset_free(n->nsec);
	free(n);
	return true;
}

static bool free_building_nsec3(struct span key, void *value, void *context)
{
	struct rrset *r = value;

	(void)key;
	(void)context;
	if (r->building)
		rrset_free(r);
	return true;
}

void zone_build_abort(struct zone_builder *b)
{
	if (b == NULL)
		return;
	struct zone *z = b->made;
	if (z != NULL) {
		if (z->names != NULL) {
			trie_walk(z->names, free_building, NULL);
			trie_abort(z->names);
		}
		if (z->hashes != NULL) {
			trie_walk(z->hashes, free_building_nsec3, NULL);
			trie_abort(z->hashes);
		}
		ids_unref(z->ids);
		for (uint16_t i = 0; i < z->file_n; i++)
			free(z->files[i]);
		free(z->files);
		list_free(&z->dropped_nodes);
		list_free(&z->dropped_rrsets);
		free(z);
	}
	trie_free(b->start);
	trie_free(b->start_hashes);
	for (size_t i = 0; i < b->touched_hashes.n; i++)
		free(b->touched_hashes.item[i]);
	list_free(&b->touched_hashes);
	for (size_t i = 0; i < b->aliases.n; i++)
		free(b->aliases.item[i]);
	list_free(&b->aliases);
	for (size_t i = 0; i < b->touched_given.n; i++)
		free(b->touched_given.item[i]);
	list_free(&b->touched_given);
	for (size_t i = 0; i < b->touched.n; i++)
		free(b->touched.item[i]);
	list_free(&b->touched);
	free(b);
}

void zone_build_take(struct zone_builder *b, struct zone_builder *from)
{
	struct zone_builder was = *b;
	struct zone kept = *b->made, *into = b->made, *given = from->made;

	into->names = given->names;
	into->hashes = given->hashes;
	into->files = given->files;
	into->file_n = given->file_n;
	into->rr_n = given->rr_n;
	b->start = from->start;
	b->start_hashes = from->start_hashes;
	b->has_apex = from->has_apex;
	b->growing = from->growing;
	b->growing_cap = from->growing_cap;
	b->faults = from->faults;
	b->aliases = from->aliases;
	from->aliases = was.aliases;
	given->names = kept.names;
	given->hashes = kept.hashes;
	given->files = kept.files;
	given->file_n = kept.file_n;
	from->start = was.start;
	from->start_hashes = was.start_hashes;
	zone_build_abort(from);
}

uint16_t zone_build_file(struct zone_builder *b, const char *path)
{
	struct zone *z = b->made;

	for (uint16_t i = 0; i < z->file_n; i++)
		if (strcmp(z->files[i], path) == 0)
			return i;
	if (z->file_n == UINT16_MAX - 1)
		return 0;
	char **more = realloc(z->files, (z->file_n + 1u) * sizeof *more);
	if (more == NULL)
		return 0;
	z->files = more;
	z->files[z->file_n] = strdup(path);
	return z->files[z->file_n] != NULL ? z->file_n++ : 0;
}

const char *zone_build_file_path(const struct zone_builder *b, uint16_t file)
{
	return zone_file(b->made, file);
}

/* ---- findings ---- */

void builder_finding(struct zone_builder *b, struct diag *d, enum diag_severity severity,
		     const struct rrset *at, const char *format, ...)
{
	char text[NAME_TEXT_MAX + 200];
	va_list ap;
	struct diag_place place = { 0 };

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (at != NULL && at->line > 0) {
		place.file = zone_file(b->made, at->file);
		place.line = at->line;
	}
	b->faults += severity == DIAG_ERROR;
	diag_add(d, severity, place.file != NULL ? &place : NULL, NULL, "%s", text);
}

void builder_record_finding(struct zone_builder *b, struct diag *d, enum diag_severity severity,
			    const struct zone_record *r, const char *what)
{
	char name[NAME_TEXT_MAX], type[RR_TYPE_TEXT_MAX];
	struct rrset at = { .line = r->line, .file = r->file };

	builder_finding(b, d, severity, &at, "%s %s: %s", name_to_text(r->owner, name),
			rr_type_to_text(r->type, type), what);
}

/* ---- nodes ---- */

static enum err touch(struct zone_builder *b, const uint8_t *name)
{
	if (!b->change)
		return ERR_OK;
	size_t n = name_len(name);
	uint8_t *copy = malloc(n);
	if (copy == NULL)
		return ERR_NOMEM;
	memcpy(copy, name, n);
	if (list_add(&b->touched, copy))
		return ERR_OK;
	free(copy);
	return ERR_NOMEM;
}

enum err builder_replace(struct zone_builder *b, struct node *old, struct node *with)
{
	uint8_t key[NAME_KEY_MAX];
	size_t n = name_key(with->name, key);
	bool fresh = old == NULL || !(old->flags & NODE_BUILDING);
	enum err e = fresh ? touch(b, with->name) : ERR_OK;

	if (!e && old != NULL && fresh && !list_add(&b->made->dropped_nodes, old))
		e = ERR_NOMEM;
	if (!e)
		e = trie_set(b->made->names, (struct span){ key, n }, with, NULL);
	if (e)
		return e;
	b->last = with;
	b->has_apex = b->has_apex || name_equal(with->name, b->made->name);
	if (old != NULL && !fresh)
		free(old);
	return ERR_OK;
}

static struct node *lookup(const struct zone_builder *b, const uint8_t *name)
{
	uint8_t key[NAME_KEY_MAX];

	if (b->last != NULL && name_equal(b->last->name, name))
		return b->last;
	size_t n = name_key(name, key);
	return trie_get(b->made->names, (struct span){ key, n });
}

/* The names between the apex and a new name become nodes too (RFC 4592 §2.2.2). */
static enum err make_ancestors(struct zone_builder *b, const uint8_t *name)
{
	for (const uint8_t *up = name_parent(name);
	     name_label_n(up) >= name_label_n(b->made->name) &&
	     !(b->has_apex && name_equal(up, b->made->name)) && lookup(b, up) == NULL;
	     up = name_parent(up)) {
		struct node *n = node_new(up, 0);
		if (n == NULL)
			return ERR_NOMEM;
		enum err e = builder_replace(b, NULL, n);
		if (e) {
			free(n);
			return e;
		}
		if (*up == 0)
			break;
	}
	return ERR_OK;
}

/* Most names have two types, and come with one after the other: the second finds its place. */
#define ROOM_FIRST 2u

/* builder_node() where the node that is there is known. */
static enum err node_for(struct zone_builder *b, const uint8_t *name, struct node *old,
			 unsigned room, struct node **out)
{
	if (old != NULL && (old->flags & NODE_BUILDING) && room <= node_room(old)) {
		*out = old;
		return ERR_OK;
	}
	struct node *n = old != NULL ? node_copy(old, room > old->rrset_n ? room : old->rrset_n)
				     : node_new(name, room > ROOM_FIRST ? room : ROOM_FIRST);
	if (n == NULL)
		return ERR_NOMEM;
	enum err e = builder_replace(b, old, n);
	if (!e && old == NULL && !name_equal(name, b->made->name))
		e = make_ancestors(b, name);
	if (e && lookup(b, name) != n)
		free(n);
	*out = n;
	return e;
}

enum err builder_node(struct zone_builder *b, const uint8_t *name, unsigned room, struct node **out)
{
	return node_for(b, name, lookup(b, name), room, out);
}

/* ---- records ---- */

static void write_rr(uint8_t *at, uint16_t type, uint32_t ttl, struct span rdata)
{
	store_u16(at, type);
	store_u16(at + 2, CLASS_IN);
	store_u32(at + 4, ttl);
	store_u16(at + 8, (uint16_t)rdata.n);
	if (rdata.n > 0)
		memcpy(at + RR_FIXED_LEN, rdata.p, rdata.n);
}

/* Where the names are that may be compressed: at the start, or behind a number (MX). */
static void find_compressible(struct rrset *s)
{
	const struct rr_type_info *info = rr_type_info(s->type);
	size_t i = info != NULL && info->pieces[0] == RDATA_U16 ? 1 : 0;

	for (; info != NULL && i < RDATA_PIECES_MAX && info->pieces[i] == RDATA_NAME; i++)
		s->compressible++;
	if (s->compressible > 0 && info->pieces[0] == RDATA_U16)
		s->name_at = 2;
}

static bool draws_additional(uint16_t type)
{
	const struct rr_type_info *info = rr_type_info(type);

	return info != NULL && (info->flags & RR_ADDITIONAL);
}

struct rrset *rrset_of_one(const struct zone_record *r)
{
	struct rrset *s = malloc(sizeof *s + RR_FIXED_LEN + r->rdata.n);

	if (s == NULL)
		return NULL;
	*s = (struct rrset){
		.type = r->type,
		.rr_n = 1,
		.ttl = r->ttl,
		.wire_len = (uint32_t)(RR_FIXED_LEN + r->rdata.n),
		.line = r->line,
		.file = r->file,
		.additional = draws_additional(r->type),
		.building = 1,
	};
	find_compressible(s);
	write_rr(s->wire, r->type, r->ttl, r->rdata);
	return s;
}

struct rrset *rrset_of_values(const struct zone_record *at, const struct zone_variant *v)
{
	size_t len = 0;

	for (size_t i = 0; i < v->rdata_n; i++)
		len += RR_FIXED_LEN + v->rdata[i].n;
	struct rrset *s = malloc(sizeof *s + len);
	if (s == NULL)
		return NULL;
	*s = (struct rrset){
		.type = at->type,
		.rr_n = (uint16_t)v->rdata_n,
		.ttl = v->ttl,
		.line = at->line,
		.file = at->file,
		.additional = draws_additional(at->type),
		.building = 1,
	};
	find_compressible(s);
	for (size_t i = 0; i < v->rdata_n; i++) {
		write_rr(s->wire + s->wire_len, at->type, v->ttl, v->rdata[i]);
		s->wire_len += (uint32_t)(RR_FIXED_LEN + v->rdata[i].n);
	}
	return s;
}

enum err builder_drop(struct zone_builder *b, struct rrset *r)
{
	if (r == NULL)
		return ERR_OK;
	if (r->building) {
		if (b->growing == r)
			b->growing = NULL;
		rrset_free(r);
		return ERR_OK;
	}
	return list_add(&b->made->dropped_rrsets, r) ? ERR_OK : ERR_NOMEM;
}

/* `r` with one record more; the builder remembers its spare room while records of one RRset follow
 * one another. */
static struct rrset *append(struct zone_builder *b, struct rrset *r, const struct zone_record *rec)
{
	size_t need = r->wire_len + RR_FIXED_LEN + rec->rdata.n;
	bool own = r->building;

	if (!own || b->growing != r || need > b->growing_cap) {
		size_t cap = need + (r->rr_n >= 4 ? need / 2 : 0);
		struct rrset *more = own ? realloc(r, sizeof *r + cap) : malloc(sizeof *r + cap);
		if (more == NULL)
			return NULL;
		if (!own) {
			memcpy(more, r, sizeof *r + r->wire_len);
			more->building = 1;
			more->sig_id = 0;
			more->steering = NULL;
		}
		r = more;
		b->growing = more;
		b->growing_cap = cap;
	}
	if (rec->ttl < r->ttl)
		r->ttl = rec->ttl;
	write_rr(r->wire + r->wire_len, r->type, rec->ttl, rec->rdata);
	r->wire_len = (uint32_t)need;
	r->rr_n++;
	return r;
}

static enum err add_to(struct zone_builder *b, struct node *n, struct rrset *old,
		       const struct zone_record *r, struct diag *d)
{
	if (old->steering != NULL) {
		builder_record_finding(
		    b, d, DIAG_ERROR, r,
		    "the name is steered for this type; its values belong into the steering file");
		return ERR_OK;
	}
	if (old->ttl != r->ttl && r->type != TYPE_RRSIG) /* which has that of what it covers */
		builder_record_finding(
		    b, d, DIAG_WARNING, r,
		    "TTL differs from the other records of the set; the lowest is used "
		    "(RFC 2181 section 5.2)");
	if (old->rr_n == UINT16_MAX) {
		builder_record_finding(b, d, DIAG_ERROR, r, "more than 65535 records in one set");
		return ERR_OK;
	}
	bool replaced = !old->building;
	struct rrset **place = node_place(n, r->type); /* appending may move the RRset */
	struct rrset *more = append(b, old, r);
	if (more == NULL)
		return ERR_NOMEM;
	*place = more;
	return replaced ? builder_drop(b, old) : ERR_OK;
}

bool builder_accepts(struct zone_builder *b, const struct zone_record *r, struct diag *d)
{
	const struct rr_type_info *info = rr_type_info(r->type);
	const char *fault = NULL;

	if (!name_is_within(r->owner, b->made->name))
		fault = "lies outside the zone";
	else if (r->type == 0 || (info != NULL && (info->flags & RR_META)) ||
		 (info == NULL && r->type >= 128 && r->type <= 255))
		fault = "is not a type of data (RFC 6895 section 3.1)";
	else if (b->made->options.denial && info != NULL && (info->flags & RR_DENIAL))
		fault = "is made by the signer and cannot be given";
	else if (!b->made->options.given && given_stands_beside(r->type, r->rdata))
		fault = "has no place in a zone that is not signed";
	else if (!rdata_is_valid(r->type, r->rdata))
		fault = "RDATA is not of this type";
	if (fault != NULL)
		builder_record_finding(b, d, DIAG_ERROR, r, fault);
	return fault == NULL;
}

enum err zone_build_add(struct zone_builder *b, const struct zone_record *r, struct diag *d)
{
	const struct zone_build_options *o = &b->made->options;
	struct node *n = NULL;

	if (o->go_on != NULL && ++b->added_n % ADDED_MOST == 0 && !o->go_on(o->go_on_context))
		return ERR_CANCELED;
	if (!builder_accepts(b, r, d))
		return ERR_OK;
	if (b->made->options.max_records != 0 && b->made->rr_n >= b->made->options.max_records) {
		builder_record_finding(b, d, DIAG_ERROR, r,
				       "the zone has more records than its limit");
		return ERR_TOO_LONG;
	}
	if (r->type == TYPE_ALIAS)
		return alias_add(b, r, d);
	if (given_stands_beside(r->type, r->rdata))
		return given_add(b, r, d);
	struct node *there = lookup(b, r->owner);
	struct rrset *old = there != NULL ? node_find(there, r->type) : NULL;
	unsigned room = there != NULL ? there->rrset_n + (old == NULL ? 1u : 0u) : 1u;
	enum err e = node_for(b, r->owner, there, room, &n);
	if (e)
		return e;
	b->made->rr_n++;
	if (old != NULL)
		return add_to(b, n, old, r, d);
	struct rrset *s = rrset_of_one(r);
	if (s == NULL)
		return ERR_NOMEM;
	node_put(n, s);
	return ERR_OK;
}

/* Whether names lie below one. */
static bool has_children(const struct zone_builder *b, const struct node *n)
{
	uint8_t key[NAME_KEY_MAX];
	size_t len = name_key(n->name, key);
	const struct node *next = trie_next(b->made->names, (struct span){ key, len });

	return next != NULL && name_is_within(next->name, n->name);
}

/* A name without data goes, and with it the empty non-terminals that only it needed. */
static enum err prune(struct zone_builder *b, struct node *n)
{
	uint8_t key[NAME_KEY_MAX], parent[NAME_MAX_LEN];

	while (n != NULL && n->rrset_n == 0 && !name_equal(n->name, b->made->name) &&
	       !has_children(b, n)) {
		enum err e;
		const uint8_t *up = name_parent(n->name);
		memcpy(parent, up, name_len(up));
		size_t len = name_key(n->name, key);
		if (!(n->flags & NODE_BUILDING)) {
			e = touch(b, n->name);
			if (!e && !list_add(&b->made->dropped_nodes, n))
				e = ERR_NOMEM;
			if (e)
				return e;
		}
		b->last = NULL;
		trie_remove(b->made->names, (struct span){ key, len }, &e);
		if (e)
			return e;
		if (n->nsec != NULL) {
			e = builder_drop(b, n->nsec);
			if (e)
				return e;
		}
		if (n->flags & NODE_BUILDING)
			free(n);
		n = lookup(b, parent);
	}
	return ERR_OK;
}

enum err zone_build_remove(struct zone_builder *b, const uint8_t *owner, uint16_t type)
{
	struct node *n = lookup(b, owner);
	struct rrset *r = n != NULL ? node_find(n, type) : NULL;

	if (r == NULL)
		return ERR_OK;
	enum err e = builder_node(b, owner, n->rrset_n, &n);
	if (e)
		return e;
	b->made->rr_n -= r->rr_n;
	node_take(n, type);
	e = builder_drop(b, r);
	return e ? e : prune(b, n);
}

const struct node *zone_build_node(const struct zone_builder *b, const uint8_t *owner)
{
	return lookup(b, owner);
}

const struct rrset *zone_build_rrset(const struct zone_builder *b, const uint8_t *owner,
				     uint16_t type)
{
	const struct node *n = lookup(b, owner);

	return n != NULL ? node_find(n, type) : NULL;
}

/* Where the record with that RDATA starts in an RRset; `form` is canonical, `room` takes others'.
 * The RRset's length: it is not there. */
static size_t find_record(const struct rrset *r, struct span form, uint8_t *room)
{
	size_t at = 0;

	for (unsigned i = 0; i < r->rr_n; i++) {
		size_t n = load_u16(r->wire + at + RR_FIXED_LEN - 2);
		struct span rdata = { r->wire + at + RR_FIXED_LEN, n };
		if (n == form.n) {
			rdata_canonicalize(r->type, rdata, room);
			if (n == 0 || memcmp(room, form.p, n) == 0)
				return at;
		}
		at += RR_FIXED_LEN + n;
	}
	return r->wire_len;
}

enum err rrset_find(const struct rrset *there, struct span rdata, size_t *out)
{
	uint8_t *forms = malloc(2 * rdata.n + 1);

	if (forms == NULL)
		return ERR_NOMEM;
	rdata_canonicalize(there->type, rdata, forms);
	*out = find_record(there, (struct span){ forms, rdata.n }, forms + rdata.n);
	free(forms);
	return ERR_OK;
}

enum err zone_build_has(const struct zone_builder *b, const struct zone_record *r, bool *out)
{
	const struct rrset *there = zone_build_rrset(b, r->owner, r->type);
	size_t at = 0;

	if (given_stands_beside(r->type, r->rdata))
		return given_has(b, r, out);
	*out = false;
	if (there == NULL)
		return ERR_OK;
	enum err e = rrset_find(there, r->rdata, &at);
	*out = !e && at < there->wire_len;
	return e;
}

/* A copy without the record that starts at `at`. */
static struct rrset *rrset_without(const struct rrset *r, size_t at)
{
	size_t n = RR_FIXED_LEN + load_u16(r->wire + at + RR_FIXED_LEN - 2);
	struct rrset *copy = malloc(sizeof *copy + r->wire_len - n);

	if (copy == NULL)
		return NULL;
	memcpy(copy, r, sizeof *copy);
	memcpy(copy->wire, r->wire, at);
	memcpy(copy->wire + at, r->wire + at + n, r->wire_len - at - n);
	copy->wire_len -= (uint32_t)n;
	copy->rr_n--;
	copy->sig_id = 0;
	copy->building = 1;
	return copy;
}

enum err zone_build_remove_record(struct zone_builder *b, const struct zone_record *r)
{
	const struct rrset *there = zone_build_rrset(b, r->owner, r->type);
	struct node *n = NULL;

	if (given_stands_beside(r->type, r->rdata))
		return given_remove(b, r);
	if (there == NULL || there->steering != NULL)
		return ERR_OK;
	size_t at = 0;
	enum err e = rrset_find(there, r->rdata, &at);
	if (e || at == there->wire_len)
		return e;
	if (there->rr_n == 1)
		return zone_build_remove(b, r->owner, r->type);
	struct rrset *copy = rrset_without(there, at);
	if (copy == NULL)
		return ERR_NOMEM;
	e = builder_node(b, r->owner, zone_build_node(b, r->owner)->rrset_n, &n);
	if (e) {
		free(copy);
		return e;
	}
	struct rrset *old = *node_place(n, r->type);
	*node_place(n, r->type) = copy;
	b->made->rr_n--;
	return builder_drop(b, old);
}
