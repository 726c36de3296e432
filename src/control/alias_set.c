// SPDX-License-Identifier: Apache-2.0
#include "control/alias_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "control/alias_target.h"
#include "control/config.h"
#include "control/internal.h"
#include "control/steering_file.h"
#include "dns/rrtype.h"

static struct zone_record record_of(const struct zone_alias *a, uint16_t type)
{
	return (struct zone_record){
		.owner = a->owner, .type = type, .ttl = a->ttl, .file = a->file, .line = a->line
	};
}

/* ---- what must hold ---- */

static void finding(const struct zone_builder *b, const struct zone_alias *a, struct diag *d,
		    const char *hint, const char *what, const uint8_t *target)
{
	char owner[NAME_TEXT_MAX], to[NAME_TEXT_MAX];
	struct diag_place at = { .file = zone_build_file_path(b, a->file), .line = a->line };

	diag_add(d, DIAG_ERROR, a->line > 0 ? &at : NULL, hint, "%s ALIAS %s: %s",
		 name_to_text(a->owner, owner), name_to_text(target, to), what);
}

/* Follows aliases of this zone alone: what leads through others ends after so many hops. */
static bool leads_back(const struct alias_set *s, const struct zone_alias *a)
{
	const struct zone_alias *at = a;

	for (unsigned hop = 0; hop <= ALIAS_HOPS_MAX; hop++) {
		at = alias_set_find(s, at->target);
		if (at == NULL)
			return false;
	}
	return true;
}

static bool is_configured(const struct config *c, const uint8_t *name)
{
	for (size_t i = 0; i < c->zone_n; i++)
		if (name_is_within(name, c->zones[i].name))
			return true;
	return false;
}

static void check(const struct alias_set *s, const struct zone_load *l,
		  const struct zone_builder *b, struct diag *d)
{
	bool resolves = l->all != NULL && l->all->alias.resolvers.to_n > 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct zone_alias *a = &s->item[i];
		if (leads_back(s, a))
			finding(b, a, d, NULL, "leads back to itself, or over more than 16 others",
				a->target);
		if (!resolves && !name_is_within(a->target, l->config->name) && l->all != NULL &&
		    !is_configured(l->all, a->target))
			finding(b, a, d, "alias: {resolvers: [127.0.0.1]} in concord.yaml",
				"nobody is configured who resolves names outside of our zones",
				a->target);
	}
}

/* ---- taking ---- */

static int by_owner(const void *a, const void *b)
{
	const struct zone_alias *x = a, *y = b;

	return name_compare(x->owner, y->owner);
}

const struct zone_alias *alias_set_find(const struct alias_set *s, const uint8_t *owner)
{
	struct zone_alias key = { .owner = owner };

	return s != NULL && s->n > 0 ? bsearch(&key, s->item, s->n, sizeof key, by_owner) : NULL;
}

static enum err add_from_steering(const struct steering *s, struct zone_builder *b, struct diag *d)
{
	enum err e = ERR_OK;

	for (size_t i = 0; s != NULL && i < s->alias_n && !e; i++) {
		const struct steering_alias *a = &s->aliases[i];
		struct zone_record r = { .owner = a->owner,
					 .type = TYPE_ALIAS,
					 .ttl = a->ttl,
					 .rdata = { a->target, name_len(a->target) },
					 .file = zone_build_file(b, a->file),
					 .line = a->at.line };
		e = zone_build_add(b, &r, d);
	}
	return e;
}

static enum err collect(struct alias_set *s, const struct zone_builder *b)
{
	s->item = arena_alloc(s->arena, zone_build_alias_n(b) * sizeof *s->item);
	if (s->item == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < zone_build_alias_n(b); i++) {
		struct zone_alias *a = &s->item[s->n++];
		*a = *zone_build_alias_at(b, i);
		a->owner = arena_copy(s->arena, a->owner, name_len(a->owner));
		a->target = arena_copy(s->arena, a->target, name_len(a->target));
		if (a->owner == NULL || a->target == NULL)
			return ERR_NOMEM;
	}
	qsort(s->item, s->n, sizeof *s->item, by_owner);
	return ERR_OK;
}

static enum err place(const struct alias_set *s, struct zone_builder *b, struct diag *d)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < s->n && !e; i++) {
		size_t errors = d->error_n;
		/* What is wrong with one type is wrong with both. */
		for (int t = 0; t < ALIAS_TYPES && !e && d->error_n == errors; t++) {
			struct zone_record at =
			    record_of(&s->item[i], alias_rr_type((enum alias_type)t));
			e = zone_build_alias(b, &at, d);
		}
	}
	return e;
}

enum err alias_set_take(struct alias_set **out, const struct zone_load *l,
			const struct steering *steering, struct zone_builder *b, struct diag *d)
{
	enum err e = add_from_steering(steering, b, d);

	*out = NULL;
	if (e || zone_build_alias_n(b) == 0)
		return e;
	struct alias_set *s = calloc(1, sizeof *s);
	if (s == NULL)
		return ERR_NOMEM;
	s->refs = 1;
	s->arena = arena_new(0);
	e = s->arena != NULL ? collect(s, b) : ERR_NOMEM;
	if (!e)
		e = place(s, b, d);
	if (e) {
		alias_set_unref(s);
		return e;
	}
	check(s, l, b, d);
	*out = s;
	return ERR_OK;
}

struct alias_set *alias_set_ref(struct alias_set *s)
{
	if (s != NULL)
		s->refs++;
	return s;
}

void alias_set_unref(struct alias_set *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	arena_free(s->arena);
	free(s);
}

/* ---- borrowed policies ---- */

struct alias_borrowed *alias_borrowed_new(struct steered *const *steered, size_t n)
{
	struct alias_borrowed *b = calloc(1, sizeof *b + n * sizeof b->set[0]);
	struct steered **list = calloc(n + 1, sizeof *list);

	if (b == NULL || list == NULL) {
		free(b);
		free(list);
		return NULL;
	}
	b->refs = 1;
	b->n = n;
	b->steered = list;
	for (size_t i = 0; i < n; i++) {
		list[i] = steered[i];
		list[i]->refs++;
		b->set[i] = list[i]->set;
	}
	return b;
}

struct alias_borrowed *alias_borrowed_ref(struct alias_borrowed *b)
{
	if (b != NULL)
		b->refs++;
	return b;
}

void alias_borrowed_unref(struct alias_borrowed *b)
{
	if (b == NULL || --b->refs > 0)
		return;
	for (size_t i = 0; i < b->n; i++)
		steered_unref(b->steered[i]);
	free(b->steered);
	free(b);
}

/* ---- from one version to the next ---- */

static bool one_variant(struct arena *a, const struct rrset *r, uint32_t ttl_most,
			struct zone_variant *out)
{
	struct span *rdata = arena_alloc(a, (r->rr_n + 1u) * sizeof *rdata);
	const uint8_t *p = r->wire;

	if (rdata == NULL)
		return false;
	for (unsigned i = 0; i < r->rr_n; i++) {
		rdata[i] = (struct span){ p + RR_FIXED_LEN, load_u16(p + RR_FIXED_LEN - 2) };
		p += RR_FIXED_LEN + rdata[i].n;
	}
	*out = (struct zone_variant){ rdata, r->rr_n, r->ttl < ttl_most ? r->ttl : ttl_most };
	return true;
}

bool alias_variants(struct arena *a, const struct rrset *r, uint32_t ttl_most,
		    struct zone_alias_answer *out)
{
	uint32_t n = r->steering != NULL ? r->steering->variant_n : 1;
	struct zone_variant *all = arena_alloc(a, n * sizeof *all);

	if (all == NULL)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (!one_variant(a, rrset_variant(r, i), ttl_most, &all[i]))
			return false;
	out->variants = all;
	out->variant_n = r->rr_n > 0 ? n : 0;
	return true;
}

static enum err keep_type(struct zone_builder *b, const struct zone_alias *a, uint16_t type,
			  const struct rrset *r, struct arena *room)
{
	struct zone_record at = record_of(a, type);
	struct zone_alias_answer answer = { 0 };

	if (r != NULL) {
		if (!alias_variants(room, r, UINT32_MAX, &answer))
			return ERR_NOMEM;
		answer.failed = r->steering->failed;
		answer.set = r->steering->set;
		answer.policy = r->steering->policy;
	}
	return zone_build_alias_answer(b, &at, &answer);
}

static enum err keep_one(struct zone_builder *b, const struct zone_alias *a,
			 const struct served *before)
{
	const struct zone_alias *was = alias_set_find(before->aliases, a->owner);
	const struct node *n = zone_node(before->zone, a->owner);
	enum err e = ERR_OK;

	if (was == NULL || was->ttl != a->ttl || !name_equal(was->target, a->target) || n == NULL)
		return ERR_OK;
	struct arena *room = arena_new(0);
	for (int t = 0; t < ALIAS_TYPES && !e; t++) {
		uint16_t type = alias_rr_type((enum alias_type)t);
		e = room != NULL ? keep_type(b, a, type, node_rrset(n, type), room) : ERR_NOMEM;
	}
	arena_free(room);
	return e;
}

enum err alias_set_keep(struct served *s, const struct served *before, struct zone_builder *b)
{
	enum err e = ERR_OK;

	if (s->aliases == NULL || before == NULL || before->aliases == NULL)
		return ERR_OK;
	for (size_t i = 0; i < s->aliases->n && !e; i++)
		e = keep_one(b, &s->aliases->item[i], before);
	s->borrowed = alias_borrowed_ref(before->borrowed);
	return e;
}
