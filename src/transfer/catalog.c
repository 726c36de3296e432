// SPDX-License-Identifier: Apache-2.0
#include "transfer/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/rrtype.h"

struct reading {
	struct catalog *out;
	const struct zone *z;
	unsigned depth;  /* labels of the catalog's name */
	bool has_member; /* the last member's own name was seen: its properties follow it */
	const uint8_t *member_owner;
	bool has_version;
	enum err err;
};

static enum err broken(struct reading *r, const uint8_t *owner, const char *what)
{
	char name[NAME_TEXT_MAX];

	snprintf(r->out->why, sizeof r->out->why, "%.150s: %s", name_to_text(owner, name), what);
	return ERR_INVALID;
}

static bool label_is(const uint8_t *name, const char *text)
{
	size_t n = strlen(text);

	return name[0] == n && strncasecmp((const char *)name + 1, text, n) == 0;
}

static const uint8_t *target_of(const struct rrset *ptr)
{
	return ptr->wire + RR_FIXED_LEN;
}

/* RFC 9432 §4.2.1: one TXT record with the one string "2". */
static enum err read_version(struct reading *r, const struct node *n)
{
	const struct rrset *txt = node_rrset(n, TYPE_TXT);
	const uint8_t *rr = txt != NULL ? txt->wire : NULL;

	if (txt == NULL)
		return ERR_OK;
	if (txt->rr_n != 1 || load_u16(rr + RR_FIXED_LEN - 2) != 2 ||
	    memcmp(rr + RR_FIXED_LEN, "\0012", 2) != 0)
		return broken(r, n->name, "the version is not 2 (RFC 9432 section 4.2.1)");
	r->has_version = true;
	return ERR_OK;
}

static enum err add_member(struct reading *r, const struct node *n, const struct rrset *ptr)
{
	struct catalog *c = r->out;

	if (ptr->rr_n != 1)
		return broken(r, n->name, "more than one PTR record (RFC 9432 section 4.1)");
	if (c->n == CATALOG_MEMBERS_MAX)
		return ERR_TOO_LONG;
	if (c->n == c->cap) {
		size_t cap = c->cap * 2 + 64;
		struct catalog_member *more = realloc(c->members, cap * sizeof *more);
		if (more == NULL)
			return ERR_NOMEM;
		c->members = more;
		c->cap = cap;
	}
	c->members[c->n++] = (struct catalog_member){ .zone = target_of(ptr), .id = n->name };
	r->has_member = true;
	r->member_owner = n->name;
	return ERR_OK;
}

/* Of the member whose name stands above; of none where that has no PTR. */
static enum err read_property(struct reading *r, const struct node *n)
{
	struct catalog_member *m = r->out->n > 0 ? &r->out->members[r->out->n - 1] : NULL;
	const struct rrset *ptr = node_rrset(n, TYPE_PTR);

	if (!r->has_member || !name_equal(name_parent(n->name), r->member_owner))
		return ERR_OK;
	if (label_is(n->name, "coo") && ptr != NULL) {
		if (ptr->rr_n != 1)
			return broken(r, n->name,
				      "more than one PTR record (RFC 9432 section 4.3.1)");
		m->coo = target_of(ptr);
	}
	if (label_is(n->name, "group"))
		m->groups = node_rrset(n, TYPE_TXT);
	return ERR_OK;
}

/* The label of a name that stands `above` labels over its end. */
static const uint8_t *label_at(const uint8_t *name, unsigned labels)
{
	for (unsigned n = name_label_n(name); n > labels; n--)
		name = name_parent(name);
	return name;
}

static bool read_node(const struct node *n, void *context)
{
	struct reading *r = context;
	unsigned below = n->label_n - r->depth;

	if (below == 1 && label_is(n->name, "version")) {
		r->err = read_version(r, n);
	} else if (below >= 2 && label_is(label_at(n->name, r->depth + 1), "zones")) {
		const struct rrset *ptr = node_rrset(n, TYPE_PTR);
		if (below == 2) {
			r->has_member = false;
			if (ptr != NULL)
				r->err = add_member(r, n, ptr);
		} else if (below == 3) {
			r->err = read_property(r, n);
		}
	}
	return r->err == ERR_OK;
}

static int by_zone(const void *a, const void *b)
{
	const struct catalog_member *x = a, *y = b;

	return name_compare(x->zone, y->zone);
}

enum err catalog_read(struct catalog *out, const struct zone *z)
{
	struct reading r = { .out = out, .z = z, .depth = name_label_n(zone_name(z)) };

	*out = (struct catalog){ 0 };
	zone_walk(z, read_node, &r);
	if (r.err)
		return r.err;
	if (!r.has_version)
		return broken(&r, zone_name(z), "no version (RFC 9432 section 4.2.1)");
	if (out->n > 1)
		qsort(out->members, out->n, sizeof *out->members, by_zone);
	for (size_t i = 1; i < out->n; i++)
		if (name_equal(out->members[i].zone, out->members[i - 1].zone))
			return broken(&r, out->members[i].zone,
				      "listed more than once (RFC 9432 section 4.1)");
	return ERR_OK;
}

void catalog_free(struct catalog *c)
{
	free(c->members);
	*c = (struct catalog){ 0 };
}

/* The strings of one TXT record, put together. */
static bool text_is(struct span rdata, const char *want)
{
	size_t n = strlen(want), at = 0;

	for (size_t i = 0; i < rdata.n; i += 1u + rdata.p[i]) {
		size_t len = rdata.p[i];
		if (at + len > n || memcmp(want + at, rdata.p + i + 1, len) != 0)
			return false;
		at += len;
	}
	return at == n;
}

bool catalog_has_group(const struct catalog_member *m, const char *group)
{
	const uint8_t *rr = m->groups != NULL ? m->groups->wire : NULL;

	for (unsigned i = 0; m->groups != NULL && i < m->groups->rr_n; i++) {
		struct span rdata = { rr + RR_FIXED_LEN, load_u16(rr + RR_FIXED_LEN - 2) };
		if (text_is(rdata, group))
			return true;
		rr += RR_FIXED_LEN + rdata.n;
	}
	return false;
}
