// SPDX-License-Identifier: Apache-2.0
/* From what the aliases of a zone answer now to the zone's next version. */
#include "control/alias_answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "control/alias_history.h"

/* One RRset of an alias, as it should be. */
struct want {
	const struct zone_alias *alias;
	uint16_t type;
	struct zone_alias_answer answer;
	struct steered *by;
	const struct rrset *now; /* as it is; NULL: there is none */
	bool differs;
};

struct renewing {
	struct control *c;
	struct zone_entry *e;
	struct arena *arena;
	struct want *want;
	size_t n;
	struct steered **by; /* each once */
	size_t by_n;
	bool rebase; /* the policies that are borrowed are others now */
	bool differs;
};

/* ---- what is wanted ---- */

static bool of_known(struct renewing *r, struct want *w, const struct alias_known *k, uint32_t ttl)
{
	size_t octets = alias_octets(w->type == alias_rr_type(ALIAS_A) ? ALIAS_A : ALIAS_AAAA);
	struct zone_variant *v = arena_alloc(r->arena, sizeof *v);
	struct span *rdata = arena_alloc(r->arena, (k->n + 1u) * sizeof *rdata);

	if (v == NULL || rdata == NULL)
		return false;
	for (unsigned i = 0; i < k->n; i++)
		rdata[i] = (struct span){ k->address + i * octets, octets };
	*v = (struct zone_variant){ rdata, k->n, ttl };
	w->answer.variants = v;
	w->answer.variant_n = 1;
	return true;
}

/* What answered last stays in the zone, for secondaries. */
static bool of_failure(struct renewing *r, struct want *w)
{
	w->answer.failed = true;
	if (w->now == NULL || w->now->rr_n == 0 || w->now->steering->set > 0)
		return true;
	return alias_variants(r->arena, w->now, UINT32_MAX, &w->answer);
}

static bool borrow(struct renewing *r, struct steered *by)
{
	for (size_t i = 0; i < r->by_n; i++)
		if (r->by[i] == by)
			return true;
	struct steered **more = realloc(r->by, (r->by_n + 1) * sizeof *more);
	if (more == NULL || r->by_n == UINT16_MAX - 1)
		return false;
	r->by = more;
	r->by[r->by_n++] = by;
	return true;
}

static bool want_end(struct renewing *r, struct want *w, const struct alias_end *end)
{
	if (end->outcome == ADDRESS_FAILED)
		return of_failure(r, w);
	if (end->outcome != ADDRESS_THERE)
		return true;
	if (end->own == NULL)
		return of_known(r, w, end->known, end->ttl);
	w->by = end->by;
	if (w->by == NULL && end->own->rr_n == 0)
		return of_failure(r, w);
	if (w->by != NULL)
		w->answer.policy = end->own->steering->policy;
	return alias_variants(r->arena, end->own, end->ttl, &w->answer) &&
	       (w->by == NULL || borrow(r, w->by));
}

static bool want_all(struct renewing *r)
{
	const struct alias_set *s = r->e->served->aliases;

	r->want = arena_alloc(r->arena, s->n * ALIAS_TYPES * sizeof *r->want);
	if (r->want == NULL)
		return false;
	for (size_t i = 0; i < s->n; i++) {
		struct alias_end end[ALIAS_TYPES];
		const struct node *n = zone_node(r->e->served->zone, s->item[i].owner);
		alias_walk(r->c, &s->item[i], end);
		for (int t = 0; t < ALIAS_TYPES; t++) {
			struct want *w = &r->want[r->n++];
			w->alias = &s->item[i];
			w->type = alias_rr_type((enum alias_type)t);
			w->now = n != NULL ? node_rrset(n, w->type) : NULL;
			if (!want_end(r, w, &end[t]))
				return false;
		}
	}
	return true;
}

/* ---- what differs ---- */

static bool same_variant(const struct zone_variant *v, const struct rrset *r)
{
	const uint8_t *p = r->wire;

	if (v->rdata_n != r->rr_n || v->ttl != r->ttl)
		return false;
	for (unsigned i = 0; i < r->rr_n; i++) {
		struct span there = { p + RR_FIXED_LEN, load_u16(p + RR_FIXED_LEN - 2) };
		if (!span_equal(there, v->rdata[i]))
			return false;
		p += RR_FIXED_LEN + there.n;
	}
	return true;
}

static bool is_same(const struct renewing *r, const struct want *w)
{
	const struct zone_alias_answer *a = &w->answer;
	const struct rrset *now = w->now;

	if (now == NULL)
		return a->variant_n == 0 && !a->failed;
	const struct rrset_steering *st = now->steering;
	struct steered *by = st->set > 0 ? r->e->served->borrowed->steered[st->set - 1] : NULL;
	if (st->failed != a->failed || by != w->by || (by != NULL && st->policy != a->policy))
		return false;
	if (a->variant_n == 0)
		return a->failed && now->rr_n == 0;
	if (st->variant_n != a->variant_n || now->rr_n == 0)
		return false;
	for (uint32_t i = 0; i < a->variant_n; i++)
		if (!same_variant(&a->variants[i], rrset_variant(now, i)))
			return false;
	return true;
}

static bool borrows_others(const struct renewing *r)
{
	const struct alias_borrowed *b = r->e->served->borrowed;
	size_t there = 0;

	for (size_t i = 0; b != NULL && i < b->n; i++)
		for (size_t k = 0; k < r->by_n; k++)
			there += b->steered[i] == r->by[k];
	return there != r->by_n || r->by_n != (b != NULL ? b->n : 0);
}

static void compare(struct renewing *r)
{
	r->rebase = borrows_others(r);
	r->differs = r->rebase;
	for (size_t i = 0; i < r->n; i++) {
		struct want *w = &r->want[i];
		bool steered = w->by != NULL || (w->now != NULL && w->now->steering->set > 0);
		w->differs = !is_same(r, w) || (r->rebase && steered);
		r->differs = r->differs || w->differs;
	}
}

/* ---- the next version ---- */

static uint16_t set_of(const struct alias_borrowed *b, const struct steered *by)
{
	for (size_t i = 0; b != NULL && by != NULL && i < b->n; i++)
		if (b->steered[i] == by)
			return (uint16_t)(i + 1);
	return 0;
}

static enum err apply(struct renewing *r, const struct alias_borrowed *b, struct zone_builder *z,
		      struct alias_history *h)
{
	enum err e = ERR_OK;

	/* Those that are there first: a name does not go because one of its types does. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < r->n && !e; i++) {
			struct want *w = &r->want[i];
			bool goes = w->answer.variant_n == 0 && !w->answer.failed;
			struct zone_record at = { .owner = w->alias->owner,
						  .type = w->type,
						  .ttl = w->alias->ttl,
						  .file = w->alias->file,
						  .line = w->alias->line };
			if (!w->differs || goes != (pass == 1))
				continue;
			w->answer.set = set_of(b, w->by);
			e = alias_history_note(h, w->alias->owner, w->type, w->now, &w->answer);
			if (!e)
				e = zone_build_alias_answer(z, &at, &w->answer);
		}
	return e;
}

static enum err make(struct renewing *r, struct served **out)
{
	struct served *base = r->e->served;
	struct zone_builder *z = NULL;
	struct alias_history h = { 0 };
	struct diag d = { 0 };
	struct alias_borrowed *b =
	    r->rebase ? alias_borrowed_new(r->by, r->by_n) : alias_borrowed_ref(base->borrowed);
	enum err e = r->rebase && b == NULL ? ERR_NOMEM : zone_build_change(&z, base->zone);

	if (!e)
		e = apply(r, b, z, &h);
	if (!e)
		e = alias_history_lift(&h, r->e, z, &d);
	if (e)
		zone_build_abort(z);
	else
		e = zone_load_change(base, z, out, &d);
	if (!e) {
		alias_borrowed_unref((*out)->borrowed);
		(*out)->borrowed = b;
		b = NULL;
		e = alias_history_keep(&h, r->c, r->e);
	}
	if (e == ERR_INVALID)
		log_diag(r->e->text, &d);
	alias_borrowed_unref(b);
	alias_history_end(&h);
	diag_free(&d);
	return e;
}

/* A version that nobody saw goes with what is shown now, not before it. */
static void replace(struct control *c, struct zone_entry *e, struct served *made)
{
	if (e->shown != NULL && e->shown->served == e->served)
		served_unref(e->served);
	else
		view_zones_leave(c, e->served);
	e->served = made;
}

enum err alias_renew_zone(struct control *c, struct zone_entry *e, bool *changed)
{
	struct renewing r = { .c = c, .e = e, .arena = arena_new(0) };
	struct served *made = NULL;
	enum err err = r.arena != NULL && want_all(&r) ? ERR_OK : ERR_NOMEM;

	*changed = false;
	if (!err)
		compare(&r);
	if (!err && r.differs) {
		err = make(&r, &made);
		if (made != NULL) /* in any case: it is made from the other */
			replace(c, e, made);
		*changed = made != NULL;
	}
	if (err)
		log_error(e->text, "alias: what its targets have now cannot be served: %s",
			  err_text(err));
	arena_free(r.arena);
	free(r.by);
	return err;
}
