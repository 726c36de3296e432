// SPDX-License-Identifier: Apache-2.0
/* From an alias to the addresses of its target. */
#include "control/alias_answer.h"
#include "control/aliases.h"
#include "dns/rrtype.h"

/* The deepest zone of ours that has the name and data. */
static struct zone_entry *entry_of(struct control *c, const uint8_t *name)
{
	for (const uint8_t *at = name;; at = name_parent(at)) {
		struct zone_entry *e = control_entry_at(c, at);
		if (e != NULL)
			return e->served != NULL ? e : NULL;
		if (*at == 0)
			return NULL;
	}
}

static struct zone_find find(const struct zone_entry *e, const uint8_t *name)
{
	struct name full;

	name_from_wire(&full, name);
	return zone_find(e->served->zone, &full);
}

static bool is_answered_here(const struct zone_find *f)
{
	return f->match == ZONE_EXACT || f->match == ZONE_WILDCARD || f->match == ZONE_NXDOMAIN;
}

bool alias_is_ours(struct control *c, const uint8_t *name)
{
	struct zone_entry *e = entry_of(c, name);

	if (e == NULL)
		return false;
	struct zone_find f = find(e, name);
	return is_answered_here(&f);
}

/* ---- one way ---- */

struct way {
	struct control *c;
	enum alias_type type;
	const uint8_t *at; /* lies in a zone, an alias or what is known of a target */
	struct alias_end *out;
	bool ended;
};

static void end(struct way *w, enum address_outcome outcome, const char *why)
{
	w->out->outcome = outcome;
	w->out->why = why;
	w->ended = true;
}

static void go_on(struct way *w, const uint8_t *to, uint32_t ttl)
{
	w->at = to;
	if (ttl < w->out->ttl)
		w->out->ttl = ttl;
}

static void take_own(struct way *w, const struct served *s, const struct rrset *r)
{
	const struct rrset_steering *st = r->steering;

	w->out->own = r;
	if (r->ttl < w->out->ttl)
		w->out->ttl = r->ttl;
	if (rrset_is_steered(r))
		w->out->by = st->set > 0 ? s->borrowed->steered[st->set - 1] : s->steered;
	end(w, ADDRESS_THERE, NULL);
}

/* One step within our zones. */
static void step_here(struct way *w, const struct zone_entry *e, const struct zone_find *f)
{
	const struct served *s = e->served;

	if (f->match == ZONE_NXDOMAIN) {
		end(w, ADDRESS_NO_NAME, NULL);
		return;
	}
	const struct zone_alias *alias = alias_set_find(s->aliases, f->node->name);
	const struct rrset *cname = node_rrset(f->node, TYPE_CNAME);
	const struct rrset *r = node_rrset(f->node, alias_rr_type(w->type));
	if (alias != NULL)
		go_on(w, alias->target, alias->ttl);
	else if (cname != NULL)
		go_on(w, cname->wire + RR_FIXED_LEN, cname->ttl);
	else if (r != NULL)
		take_own(w, s, r);
	else
		end(w, ADDRESS_NONE, NULL);
}

/* What is known of a name outside. */
static void step_outside(struct way *w)
{
	const struct alias_known *k = aliases_know(w->c->aliases, w->at, w->type);
	struct alias_times times = aliases_times(w->c->aliases);

	if (k == NULL || k->outcome == ADDRESS_FAILED) {
		end(w, ADDRESS_FAILED, "it is not resolved yet");
		return;
	}
	uint32_t ttl = k->ttl < times.ttl_min_s   ? times.ttl_min_s
		       : k->ttl > times.ttl_max_s ? times.ttl_max_s
						  : k->ttl;
	w->out->known = k;
	go_on(w, k->outcome == ADDRESS_ONWARD ? k->next : w->at, ttl);
	if (!alias_known_is_good(k, &times, control_now()))
		end(w, ADDRESS_FAILED, "it could not be resolved for too long");
	else if (k->outcome != ADDRESS_ONWARD)
		end(w, k->outcome, NULL);
}

static void walk(struct control *c, const struct zone_alias *a, enum alias_type type,
		 struct alias_end *out)
{
	struct way w = { .c = c, .type = type, .at = a->target, .out = out };

	*out = (struct alias_end){ .ttl = a->ttl };
	for (unsigned hop = 0; !w.ended && hop <= ALIAS_HOPS_MAX; hop++) {
		struct zone_entry *e = entry_of(c, w.at);
		struct zone_find f = { 0 };
		out->name = w.at;
		if (e != NULL)
			f = find(e, w.at);
		if (e != NULL && is_answered_here(&f))
			step_here(&w, e, &f);
		else
			step_outside(&w);
	}
	if (!w.ended)
		end(&w, ADDRESS_FAILED, "the way to it is a loop, or longer than 16 names");
}

static bool is_empty(const struct alias_end *e)
{
	return e->outcome == ADDRESS_NONE || e->outcome == ADDRESS_NO_NAME;
}

void alias_walk(struct control *c, const struct zone_alias *a, struct alias_end out[ALIAS_TYPES])
{
	for (int t = 0; t < ALIAS_TYPES; t++)
		walk(c, a, (enum alias_type)t, &out[t]);
	if (!is_empty(&out[ALIAS_A]) || !is_empty(&out[ALIAS_AAAA]))
		return;
	for (int t = 0; t < ALIAS_TYPES; t++) {
		out[t].why = out[t].outcome == ADDRESS_NO_NAME ? "the target does not exist"
							       : "the target has no address";
		out[t].outcome = ADDRESS_FAILED;
	}
}
