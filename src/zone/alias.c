// SPDX-License-Identifier: Apache-2.0
/* Aliases of addresses: what stands at their owners, and how it changes. */
#include <stdlib.h>

#include "dns/rdata.h"
#include "dns/rrtype.h"
#include "zone/internal.h"

#define ALIASES_MAX 100000u /* of one zone */

/* ---- as they are given ---- */

/* RDATA of an alias: one name, whole and uncompressed. */
static bool is_target(struct span rdata)
{
	struct reader r = reader_of(rdata.p, rdata.n);
	struct name target;

	name_read_plain(&r, &target);
	return !r.bad && reader_left(&r) == 0 && target.len > 1;
}

enum err alias_add(struct zone_builder *b, const struct zone_record *r, struct diag *d)
{
	const char *fault = NULL;

	if (!is_target(r->rdata))
		fault = "RDATA is not the name of a target";
	else if (b->change)
		fault = "an alias comes with the zone, not with a change of it";
	else if (b->aliases.n == ALIASES_MAX)
		fault = "the zone has more aliases than 100000";
	if (fault != NULL) {
		builder_record_finding(b, d, DIAG_ERROR, r, fault);
		return ERR_OK;
	}
	size_t owner_n = name_len(r->owner);
	struct zone_alias *a = malloc(sizeof *a + owner_n + r->rdata.n);
	if (a == NULL)
		return ERR_NOMEM;
	uint8_t *names = (uint8_t *)(a + 1);
	memcpy(names, r->owner, owner_n);
	memcpy(names + owner_n, r->rdata.p, r->rdata.n);
	*a = (struct zone_alias){ names, names + owner_n, r->ttl, r->file, r->line };
	if (list_add(&b->aliases, a))
		return ERR_OK;
	free(a);
	return ERR_NOMEM;
}

size_t zone_build_alias_n(const struct zone_builder *b)
{
	return b->aliases.n;
}

const struct zone_alias *zone_build_alias_at(const struct zone_builder *b, size_t i)
{
	return b->aliases.item[i];
}

/* ---- as they answer ---- */

static void mark(struct rrset *s, const struct zone_alias_answer *a)
{
	s->steering->alias = true;
	s->steering->failed = a->failed;
	s->steering->set = a->set;
}

static struct rrset *make(const struct zone_record *at, const struct zone_alias_answer *a)
{
	const struct zone_variant none = { .ttl = at->ttl };
	struct rrset *s = a->variant_n > 0
			      ? rrset_of_variants(at, a->policy, a->variants, a->variant_n)
			      : rrset_of_variants(at, 0, &none, 1);

	if (s != NULL)
		mark(s, a);
	return s;
}

enum err zone_build_alias(struct zone_builder *b, const struct zone_record *at, struct diag *d)
{
	static const struct zone_alias_answer UNKNOWN = { .failed = true };
	const struct rrset *there = zone_build_rrset(b, at->owner, at->type);

	if (!name_is_within(at->owner, b->made->name)) {
		builder_record_finding(b, d, DIAG_ERROR, at, "lies outside the zone");
		return ERR_OK;
	}
	if (there != NULL && there->steering != NULL && there->steering->alias) {
		builder_record_finding(b, d, DIAG_ERROR, at, "a second alias of this name");
		return ERR_OK;
	}
	if (there != NULL) {
		builder_finding(b, d, DIAG_ERROR, there,
				"the name is an alias, which has the addresses of its target: "
				"remove these records or the alias");
		return ERR_OK;
	}
	struct rrset *s = make(at, &UNKNOWN);
	return s != NULL ? builder_put_rrset(b, at->owner, s) : ERR_NOMEM;
}

enum err zone_build_alias_answer(struct zone_builder *b, const struct zone_record *at,
				 const struct zone_alias_answer *a)
{
	bool none = a->variant_n == 0 && !a->failed;
	struct rrset *s = none ? NULL : make(at, a);

	if (s == NULL && !none)
		return ERR_NOMEM;
	/* The new one first: the name does not go for want of data. */
	const struct node *n = zone_build_node(b, at->owner);
	const struct rrset *old = n != NULL ? node_find(n, at->type) : NULL;
	if (none)
		return zone_build_remove(b, at->owner, at->type);
	if (old == NULL)
		return builder_put_rrset(b, at->owner, s);
	struct node *mine = NULL;
	enum err e = builder_node(b, at->owner, n->rrset_n, &mine);
	if (e) {
		rrset_free(s);
		return e;
	}
	struct rrset **place = node_place(mine, at->type), *before = *place;
	b->made->rr_n += s->rr_n;
	b->made->rr_n -= before->rr_n;
	*place = s;
	return builder_drop(b, before);
}
