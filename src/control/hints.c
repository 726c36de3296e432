// SPDX-License-Identifier: Apache-2.0
#include "control/hints.h"

#include <stdlib.h>

#include "base/arena.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/rrtype.h"
#include "dns/svcb.h"

/* One family that is followed, or not. */
struct followed {
	const struct policy *policy; /* NULL: not */
	uint32_t number;             /* of the policy */
	uint32_t n;                  /* of its answers; one more where it may give none */
};

struct making {
	struct zone_builder *b;
	const struct steer_set *set;
	const struct steering_hints *record;
	const uint8_t *target;
	struct followed family[2];
	struct arena *arena;
	struct diag *diag;
};

static void finding(const struct making *m, const char *hint, const char *what)
{
	const struct steering_hints *h = m->record;
	char owner[NAME_TEXT_MAX], type[RR_TYPE_TEXT_MAX];
	struct diag_place at = { .file = h->file, .line = h->at.line, .column = h->at.column };

	diag_add(m->diag, DIAG_ERROR, &at, hint, "%s %s: %s", name_to_text(h->owner, owner),
		 rr_type_to_text(h->type, type), what);
}

/* ---- what is followed ---- */

static struct followed policy_of(const struct making *m, const struct steering *s, uint16_t type)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct policy *p = s->policies[i];
		if (p->type != type || !name_equal(p->owner, m->target))
			continue;
		uint32_t n = (uint32_t)steer_variant_n(m->set, (uint32_t)i);
		return (struct followed){ p, (uint32_t)i, n + (p->fail == POLICY_FAIL_SERVFAIL) };
	}
	return (struct followed){ .n = 1 };
}

/* One family's hint in a value as it is written. */
static bool hint_is_free(const struct making *m, struct span rdata, int family)
{
	uint16_t key = family == 0 ? SVCB_IPV4HINT : SVCB_IPV6HINT;

	if (m->family[family].policy == NULL)
		return true;
	if (svcb_demands(rdata, key))
		finding(m, NULL, "a hint that follows cannot be mandatory: it may be left out");
	else if (svcb_has(rdata, key))
		finding(m, "take the hint out of svcparams", "a hint is given and is to follow");
	else
		return true;
	return false;
}

static bool value_is_sound(const struct making *m, struct span rdata)
{
	if (svcb_priority(rdata) == 0)
		finding(m, NULL, "AliasMode (svcpriority 0) has no hints");
	else if (!name_equal(svcb_target(rdata, m->record->owner), m->target))
		finding(m, "put the others under a name of their own",
			"with `hints: follow` all values have one target");
	else
		return hint_is_free(m, rdata, 0) && hint_is_free(m, rdata, 1);
	return false;
}

static bool is_sound(const struct making *m)
{
	if (m->family[0].policy == NULL && m->family[1].policy == NULL) {
		finding(m, "hints follow steered names of this file",
			"the target is not steered for A or AAAA");
		return false;
	}
	for (size_t i = 0; i < m->record->n; i++)
		if (!value_is_sound(m, m->record->values[i]))
			return false;
	if ((uint64_t)m->family[0].n * m->family[1].n > POLICY_VARIANTS_MAX) {
		finding(m, "fewer values, or fewer in one answer",
			"A and AAAA of the target have more than 4096 pairs of answers");
		return false;
	}
	return true;
}

/* ---- what is answered ---- */

/* Hints of one family for its answer number v: none past the last. */
static struct svcb_hints hints_of(const struct making *m, int family, uint32_t v, uint32_t *ttl)
{
	const struct followed *f = &m->family[family];
	struct svcb_hints h = { .key = family == 0 ? SVCB_IPV4HINT : SVCB_IPV6HINT };

	if (f->policy == NULL || v >= steer_variant_n(m->set, f->number))
		return h;
	h.n = steer_variant(m->set, f->number, v, &h.address);
	uint32_t mine = steer_variant_ttl(m->set, f->number, v);
	if (mine < *ttl)
		*ttl = mine;
	return h;
}

static bool make_variant(const struct making *m, uint32_t v4, uint32_t v6, struct zone_variant *out)
{
	const struct steering_hints *r = m->record;
	struct span *rdata = arena_alloc(m->arena, r->n * sizeof *rdata);
	uint32_t ttl = r->ttl;
	const struct svcb_hints hints[2] = { hints_of(m, 0, v4, &ttl), hints_of(m, 1, v6, &ttl) };

	for (size_t i = 0; rdata != NULL && i < r->n; i++) {
		size_t n = svcb_hinted_len(r->values[i], hints);
		uint8_t *bytes = n <= RDATA_MAX ? arena_alloc(m->arena, n) : NULL;
		if (bytes == NULL)
			return false;
		svcb_put_hints(r->values[i], hints, bytes);
		rdata[i] = (struct span){ bytes, n };
	}
	*out = (struct zone_variant){ rdata, r->n, ttl };
	return rdata != NULL;
}

static enum err make_all(const struct making *m)
{
	const struct steering_hints *r = m->record;
	uint32_t n4 = m->family[0].n, n6 = m->family[1].n;
	struct zone_variant *all = arena_alloc(m->arena, (size_t)n4 * n6 * sizeof *all);
	struct zone_record at = { .owner = r->owner,
				  .type = r->type,
				  .ttl = r->ttl,
				  .file = zone_build_file(m->b, r->file),
				  .line = r->at.line };
	struct zone_followed how = { .other_n = n6 };

	for (int i = 0; i < 2; i++)
		how.policy[i] = m->family[i].policy != NULL ? m->family[i].number : RRSET_NO_POLICY;
	if (all == NULL)
		return ERR_NOMEM;
	for (uint32_t v4 = 0; v4 < n4; v4++)
		for (uint32_t v6 = 0; v6 < n6; v6++)
			if (!make_variant(m, v4, v6, &all[(size_t)v4 * n6 + v6]))
				return ERR_NOMEM;
	return zone_build_hints(m->b, &at, &how, all, (size_t)n4 * n6, m->diag);
}

static enum err add_one(struct zone_builder *b, const struct steering *s,
			const struct steer_set *set, const struct steering_hints *r, struct diag *d)
{
	struct making m = { .b = b, .set = set, .record = r, .diag = d };

	m.target = svcb_target(r->values[0], r->owner);
	m.family[0] = policy_of(&m, s, TYPE_A);
	m.family[1] = policy_of(&m, s, TYPE_AAAA);
	if (!is_sound(&m))
		return ERR_OK;
	m.arena = arena_new(0);
	enum err e = m.arena != NULL ? make_all(&m) : ERR_NOMEM;
	arena_free(m.arena);
	return e;
}

enum err hints_add(struct zone_builder *b, const struct steering *s, const struct steer_set *set,
		   struct diag *d)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < s->hints_n && !e; i++)
		e = add_one(b, s, set, &s->hints[i], d);
	return e;
}
