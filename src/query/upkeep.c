// SPDX-License-Identifier: Apache-2.0
#include "query/upkeep.h"

/* Signed together; as many as a worker does. */
#define TOGETHER 16

struct walk {
	struct upkeep_run *run;
	const struct zone_view *zv;
	uint64_t held, wanted, made;
	uint64_t added; /* to slots that had none */
	int64_t lag_s, earliest_expiry;
	bool stopped;
};

bool upkeep_is_wanted(const struct sig *held, uint64_t keyset_id, int64_t now, bool ahead)
{
	if (held == NULL)
		return ahead;
	return held->keyset_id != keyset_id || now < held->inception || now >= held->refresh_at;
}

static void set(struct counter *c, uint64_t value)
{
	atomic_store_explicit(&c->value, value, memory_order_relaxed);
}

static bool finish_batch(struct walk *w)
{
	struct upkeep_run *r = w->run;

	r->made = need_finish(r->batch);
	w->made += r->made;
	counter_add(&w->zv->upkeep->made, r->made);
	w->stopped = w->stopped || r->stop(r->context);
	return !w->stopped;
}

static void note(struct walk *w, const struct sig *held, uint64_t keys)
{
	int64_t now = w->run->now;

	w->held++;
	if (held->keyset_id == keys && now - held->refresh_at > w->lag_s)
		w->lag_s = now - held->refresh_at;
	if (w->earliest_expiry == 0 || held->expire_at < w->earliest_expiry)
		w->earliest_expiry = held->expire_at;
}

static bool look_at(struct walk *w, const struct rrset *r, const uint8_t *owner)
{
	const struct zone_view *zv = w->zv;

	if (r->sig_id == 0)
		return true;
	w->wanted++;
	const uint64_t keys = keyset_id(zv->keys, r->type);
	const struct sig *held = sigcache_peek(zv->sigs, r->sig_id);
	struct query_need n = { .zv = zv, .rrset = r, .owner = owner, .idly = true };
	if (held != NULL)
		note(w, held, keys);
	if (!upkeep_is_wanted(held, keys, w->run->now, zv->prewarm) || !need_claim(&n))
		return true;
	if (w->run->batch->n == 0 && w->run->begin != NULL)
		w->run->begin(w->run->context);
	need_add(w->run->batch, &n, w->run->now);
	w->added += held == NULL;
	/* Dear ones one by one: what waits for the claim does not wait for sixteen. */
	return w->run->batch->n < TOGETHER && need_is_quick(&n) ? true : finish_batch(w);
}

static bool look_at_all(struct walk *w, const struct rrset *r, const uint8_t *owner)
{
	uint32_t n = r->steering != NULL ? r->steering->variant_n : 1;

	for (uint32_t i = 0; i < n; i++)
		if (!look_at(w, rrset_variant(r, i), owner))
			return false;
	return true;
}

static bool visit_node(const struct node *n, void *context)
{
	struct walk *w = context;

	for (unsigned i = 0; i < n->rrset_n; i++)
		if (!look_at_all(w, n->rrset[i], n->name))
			return false;
	return n->nsec == NULL || look_at(w, n->nsec, n->name);
}

static bool visit_nsec3(const struct rrset *nsec3, void *context)
{
	return look_at(context, nsec3, nsec3_owner(nsec3));
}

bool upkeep_zone(struct upkeep_run *r, const struct zone_view *zv)
{
	struct walk w = { .run = r, .zv = zv };
	struct upkeep *u = zv->upkeep;

	zone_walk(zv->zone, visit_node, &w);
	if (!w.stopped)
		zone_walk_nsec3(zv->zone, visit_nsec3, &w);
	finish_batch(&w);
	if (w.stopped)
		return false;
	set(&u->held, w.held + (w.added < w.made ? w.added : w.made));
	set(&u->wanted, w.wanted);
	set(&u->lag_s, (uint64_t)w.lag_s);
	set(&u->earliest_expiry, (uint64_t)w.earliest_expiry);
	counter_add(&u->runs, 1);
	return true;
}
