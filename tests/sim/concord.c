// SPDX-License-Identifier: Apache-2.0
/* A signer that runs the machine: looks, steps, writes down, serves, and may die between any two of
 * these. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "multisigner/guards.h"
#include "multisigner/membership.h"
#include "multisigner/merge.h"
#include "multisigner/observe.h"
#include "multisigner/overlap.h"
#include "multisigner/waits.h"
#include "world.h"

#define SAFETY_S   2
#define HOLD_POLLS 10

static void trace(const struct world *w, unsigned s, const char *what)
{
	if (w->trace)
		printf("%8" PRId64 " signer %u: %s\n", w->now, s, what);
}

/* ---- numbers ---- */

static int local_key(struct world *w, struct instance *i, unsigned key)
{
	int n = i->known.local_of[key];

	if (n >= 0)
		return n;
	bool nobody = w->key[key].owner == WORLD_NOBODY;
	struct group_key k = { .known = !nobody,
			       .owner = nobody ? GROUP_NOBODY : i->number_of[w->key[key].owner],
			       .algorithm = w->key[key].algorithm,
			       .tag = (uint16_t)key,
			       .sep = w->key[key].sep };
	n = group_add_key(&i->known.group, &k);
	if (n < 0)
		return -1;
	i->known.local_of[key] = (int8_t)n;
	i->known.world_of[n] = (int8_t)key;
	return n;
}

static uint64_t to_local(struct world *w, struct instance *i, uint64_t keys)
{
	uint64_t set = 0;

	for (; keys != 0; keys &= keys - 1) {
		int n = local_key(w, i, (unsigned)__builtin_ctzll(keys));
		if (n >= 0)
			set |= GROUP_BIT(n);
	}
	return set;
}

static uint64_t from_local(const struct instance *i, uint64_t local)
{
	uint64_t set = 0;

	for (; local != 0; local &= local - 1)
		set |= GROUP_BIT(i->known.world_of[__builtin_ctzll(local)]);
	return set;
}

static uint16_t signers_to_local(const struct world *w, const struct instance *i, uint16_t set)
{
	unsigned local = 0;

	for (unsigned s = 0; s < w->signer_n; s++)
		if ((set >> s & 1) && i->number_of[s] >= 0)
			local |= 1u << i->number_of[s];
	return (uint16_t)local;
}

static uint16_t signers_from_local(const struct instance *i, uint16_t local)
{
	unsigned set = 0;

	for (unsigned n = 0; n < GROUP_SIGNERS_MAX; n++)
		if (local >> n & 1)
			set |= 1u << i->signer_of[n];
	return (uint16_t)set;
}

/* ---- own keys ---- */

static void make_own(struct world *w, unsigned s, enum key_role role, uint8_t algorithm,
		     bool active)
{
	struct own_keys *o = &w->signer[s].i.own;
	unsigned key = (unsigned)world_make_key(w, s, algorithm, role != KEY_ZSK);
	int64_t before = w->now - 100000;

	o->key[o->facts.n] = (uint8_t)key;
	o->facts.keys[o->facts.n++] = (struct rollover_key){
		.tag = (uint16_t)key,
		.algorithm = algorithm,
		.role = role,
		.state = active ? KEY_ACTIVE : KEY_PUBLISHED,
		.signs = active && role != KEY_KSK,
		.since = before,
		.created_at = before,
		.published_at = before,
		.signs_at = role != KEY_KSK ? before : 0,
		.seen_everywhere_at = before,
		.ds_seen_at = role != KEY_ZSK ? before : 0,
		.signed_ttl = { .ttl = w->signer[s].zone_ttl },
	};
}

void concord_start(struct world *w, unsigned s, uint8_t algorithm)
{
	struct instance *i = &w->signer[s].i;

	i->up = true;
	memset(i->known.local_of, -1, sizeof i->known.local_of);
	memset(i->number_of, -1, sizeof i->number_of);
	i->own.policy = (struct rollover_policy){ .algorithm = algorithm,
						  .propagation_s = w->lag_s,
						  .parent_propagation_s = 1,
						  .safety_s = SAFETY_S };
	i->own.facts.dnskey_ttl.ttl = w->signer[s].dnskey_ttl;
	i->own.facts.zone_ttl.ttl = w->signer[s].zone_ttl;
	i->own.facts.ds_ttl.ttl = w->parent.ds_ttl;
	if (lots_hit(&w->lots, 300)) {
		make_own(w, s, KEY_CSK, algorithm, true);
	} else {
		make_own(w, s, KEY_KSK, algorithm, true);
		make_own(w, s, KEY_ZSK, algorithm, true);
	}
	i->own.policy.csk = i->own.facts.n == 1;
	i->disk = i->known;
	i->own_disk = i->own;
}

/* ---- being written down, and dying ---- */

static bool dies(struct world *w, unsigned s)
{
	struct instance *i = &w->signer[s].i;

	if (!lots_hit(&w->lots, w->crash))
		return false;
	trace(w, s, "dies");
	i->up = false;
	signer_falls_silent(w, s);
	/* Now and then so long that what was decided before is no longer so. Several plain signers
	 * get each other's keys from nobody then. */
	uint32_t polls = w->plain_n < 2 && lots_hit(&w->rare, 100) ? 60 : 3;
	world_post(w, w->now + 1 + lots_below(&w->lots, polls * w->poll_s), EVENT_RESTART, s);
	return true;
}

void concord_restart(struct world *w, unsigned s)
{
	struct instance *i = &w->signer[s].i;

	if (w->signer[s].dead)
		return;
	i->up = true;
	i->known = i->disk;
	i->own = i->own_disk;
	if (i->running && !(w->waived >> GUARD_UNSERVED & 1))
		group_resume(&i->known.group, w->now);
	i->started_at = w->now;
	i->holds = i->running && group_was_away(&i->known.group, i->looked_at, w->now);
	trace(w, s, i->holds ? "starts again, and looks around first" : "starts again");
	if (!i->holds)
		signer_speaks_again(w, s);
}

/* Others that were away as well answer nothing either: not for ever. False: it goes on. */
static bool ends_hold(struct world *w, unsigned s)
{
	struct instance *i = &w->signer[s].i;

	if (group_unseen_since(&i->known.group, i->started_at) != GROUP_NOBODY &&
	    w->now < i->started_at + HOLD_POLLS * (int64_t)w->poll_s)
		return false;
	i->holds = false;
	trace(w, s, "answers again");
	return true;
}

/* ---- steps ---- */

/* Signatures by keys that do not stand in the DNSKEY set prove nothing. */
static uint64_t algorithms_of(const struct world *w, const struct served *o)
{
	uint64_t entry = 0, zone = 0;

	for (unsigned k = 0; k < w->key_n; k++) {
		if (group_has(o->dnskey & o->key_signing, k))
			entry |= GROUP_BIT(w->key[k].algorithm);
		if (group_has(o->dnskey & o->zone_signing, k))
			zone |= GROUP_BIT(w->key[k].algorithm);
	}
	return entry & zone;
}

static void look_at_self(struct world *w, unsigned s)
{
	struct instance *i = &w->signer[s].i;
	const struct signer *g = &w->signer[s];
	uint64_t wanted = 0;

	for (size_t k = 0; k < i->own.facts.n; k++)
		if (rollover_wants_ds(&i->own.facts, &i->own.facts.keys[k]))
			wanted |= GROUP_BIT(i->own.key[k]);
	i->known.group.own_ds = to_local(w, i, wanted);
	i->known.group.zone_ttl = i->own.facts.zone_ttl;
	for (unsigned v = 0; v < g->server_n; v++) {
		const struct served *o = &g->on[v];
		struct signer_look l = {
			.asked_at = w->now,
			.at = w->now,
			.dnskey = to_local(w, i, o->dnskey),
			.cds = to_local(w, i, o->cds),
			.key_signing = to_local(w, i, o->key_signing),
			.zone_signing = to_local(w, i, o->zone_signing & o->dnskey),
			.algorithms = algorithms_of(w, o),
			.ns_all = signers_to_local(w, i, o->ns),
			.ns_any = signers_to_local(w, i, o->ns),
			.has_cds = o->has_cds,
			.dnskey_ttl = o->dnskey_ttl,
			.ns_ttl = o->ns_ttl,
			.zone_ttl = o->zone_ttl,
		};
		observe_signer(&i->known.group, GROUP_SELF, v, &l);
	}
}

static void note(struct world *w, unsigned s, const struct group_step *step)
{
	const struct instance *i = &w->signer[s].i;

	for (size_t n = 0; n < step->change_n; n++) {
		const struct member_change *c = &step->changes[n];
		w->reached[c->from][c->event]++;
		w->joined += c->to == MEMBER_FULL;
		w->left += c->to == MEMBER_GONE;
		if (w->trace)
			printf("%8" PRId64 " signer %u: signer %u: %s -> %s\n", w->now, s,
			       i->signer_of[c->signer], member_state_text(c->from),
			       member_state_text(c->to));
	}
}

static void forget_keys(struct world *w, unsigned s)
{
	struct instance *i = &w->signer[s].i;
	uint64_t gone = group_forget_keys(&i->known.group, w->now);

	for (; gone != 0; gone &= gone - 1)
		i->known.local_of[i->known.world_of[__builtin_ctzll(gone)]] = -1;
}

/* False: died. */
static bool step_group(struct world *w, unsigned s)
{
	struct instance *i = &w->signer[s].i;
	struct group_step step;

	look_at_self(w, s);
	group_advance(&i->known.group, w->now, &step);
	if (!step.changed) {
		i->disk = i->known; /* looks are written down now and then */
		i->looked_at = w->now;
		return true;
	}
	note(w, s, &step);
	if (dies(w, s))
		return false;
	i->disk = i->known;
	i->looked_at = w->now;
	if (dies(w, s))
		return false;
	signer_serve(w, s);
	if (dies(w, s))
		return false;
	if (group_served(&i->known.group))
		i->disk = i->known;
	forget_keys(w, s);
	return !dies(w, s);
}

static void give_evidence(struct world *w, unsigned s)
{
	struct instance *i = &w->signer[s].i;
	struct rollover_facts *f = &i->own.facts;

	f->group = i->running;
	f->hold = NULL;
	if (!i->running) {
		f->ds_ttl.ttl = w->parent.ds_ttl;
		for (size_t k = 0; k < f->n; k++) {
			uint64_t bit = GROUP_BIT(i->own.key[k]);
			bool all = true, any = false;
			for (unsigned v = 0; v < w->server_n; v++) {
				all = all && (w->parent_on[v].ds & bit) != 0;
				any = any || (w->parent_on[v].ds & bit) != 0;
			}
			f->keys[k].ds_seen_at = !all                    ? 0
						: f->keys[k].ds_seen_at ? f->keys[k].ds_seen_at
									: w->now;
			f->keys[k].ds_gone_at = any                     ? 0
						: f->keys[k].ds_gone_at ? f->keys[k].ds_gone_at
									: w->now;
		}
		return;
	}
	for (size_t k = 0; k < f->n; k++) {
		int n = local_key(w, i, i->own.key[k]);
		if (n < 0)
			continue;
		struct group_evidence e = group_evidence(&i->known.group, (unsigned)n, w->now);
		f->keys[k].seen_everywhere_at = e.seen_everywhere_at;
		f->keys[k].ds_seen_at = e.ds_seen_at;
		f->keys[k].ds_gone_at = e.ds_gone_at;
		if (e.hold != NULL)
			f->hold = e.hold;
	}
	f->dnskey_ttl = wait_dnskey_mark(&i->known.group);
	f->ds_ttl = i->known.group.parent.ds_ttl;
}

/* Removed keys leave the list. */
static void compact(struct own_keys *o)
{
	size_t kept = 0;

	for (size_t k = 0; k < o->facts.n; k++) {
		if (o->facts.keys[k].state == KEY_REMOVED)
			continue;
		o->facts.keys[kept] = o->facts.keys[k];
		o->key[kept++] = o->key[k];
	}
	o->facts.n = kept;
}

static void note_removal(struct world *w, unsigned s, const struct rollover_plan *p, size_t n)
{
	const struct rollover_key *k = &p->after.keys[p->steps[n].key];

	if (p->steps[n].to != KEY_REMOVED)
		return;
	w->rolled++;
	if (k->algorithm != w->signer[s].i.own.policy.algorithm && k->role != KEY_ZSK)
		w->changed++;
}

static void step_own(struct world *w, unsigned s)
{
	struct instance *i = &w->signer[s].i;
	struct rollover_plan plan;

	give_evidence(w, s);
	rollover_plan(&i->own.facts, &i->own.policy, w->now, &plan);
	if (!plan.changed && plan.wanted_n == 0)
		return;
	if (dies(w, s))
		return;
	i->own.facts = plan.after;
	for (size_t n = 0; n < plan.wanted_n && i->own.facts.n < ROLLOVER_KEYS_MAX; n++) {
		const struct rollover_wanted *wanted = &plan.wanted[n];
		int key = world_make_key(w, s, wanted->algorithm, wanted->role != KEY_ZSK);
		i->own.key[i->own.facts.n] = (uint8_t)key;
		i->own.facts.keys[i->own.facts.n] =
		    rollover_made(wanted, (uint16_t)key, &i->own.facts, w->now);
		i->own.facts.n++;
	}
	for (size_t n = 0; n < plan.step_n; n++)
		note_removal(w, s, &plan, n);
	if (w->trace)
		for (size_t n = 0; n < plan.step_n; n++)
			printf("%8" PRId64 " signer %u: key %u: %s -> %s\n", w->now, s,
			       i->own.facts.keys[plan.steps[n].key].tag,
			       key_state_text(plan.steps[n].from),
			       key_state_text(plan.steps[n].to));
	compact(&i->own);
	i->own_disk = i->own;
	if (!dies(w, s))
		signer_serve(w, s);
}

/* What a plain signer of the group should have, as far as we know. It may come late or never. */
static void push(struct world *w, unsigned s)
{
	struct instance *i = &w->signer[s].i;

	for (unsigned n = 1; n < GROUP_SIGNERS_MAX; n++) {
		unsigned whom = i->signer_of[n];
		if (!(group_awaited(&i->known.group) >> n & 1) || !w->signer[whom].plain)
			continue;
		if (lots_below(&w->lots, 100) < w->loss && i->losses[whom]++ < 4)
			continue;
		i->losses[whom] = 0;
		uint64_t dnskey = from_local(i, group_set_for(&i->known.group, n));
		struct event *e =
		    world_post(w, w->now + 1 + lots_below(&w->lots, 3), EVENT_PUSH, s);
		e->whom = (uint8_t)whom;
		e->push.dnskey = dnskey;
		/* Who is on its way in does not yet speak to the parent through others. */
		e->push.keys_only =
		    i->known.group.signer[GROUP_SELF].state < MEMBER_FULL &&
		    !(observed_delegation(&i->known.group.parent) >> GROUP_SELF & 1);
		e->push.cds = from_local(i, i->known.group.sets.cds);
		e->push.ns = signers_from_local(i, i->known.group.sets.ns);
		e->push.csync = i->known.group.sets.csync;
	}
}

static void step(struct world *w, unsigned s)
{
	struct instance *i = &w->signer[s].i;

	if (!i->up)
		return;
	bool ends = i->holds;
	if (i->holds && !ends_hold(w, s))
		return;
	if (i->running && !step_group(w, s))
		return;
	if (ends)
		signer_speaks_again(w, s);
	step_own(w, s);
}

/* ---- looking ---- */

static void ask_signer(struct world *w, unsigned s, unsigned whom, unsigned server)
{
	struct instance *i = &w->signer[s].i;
	int64_t there = w->now + lots_below(&w->lots, 2), back = there + lots_below(&w->lots, 3);

	if ((i->blind >> whom & 1) != 0 || w->signer[whom].dead ||
	    (!w->signer[whom].plain && (!w->signer[whom].i.up || w->signer[whom].i.holds)))
		return;
	if (lots_below(&w->lots, 100) < w->loss && i->losses[whom]++ < 4)
		return;
	i->losses[whom] = 0;
	/* What it serves now: the way there is part of the delay. */
	for (unsigned copies = lots_hit(&w->lots, 50) ? 2 : 1; copies > 0; copies--) {
		struct event *e = world_post(w, back, EVENT_SIGNER_LOOK, s);
		e->whom = (uint8_t)whom;
		e->server = (uint8_t)server;
		e->look.what = w->signer[whom].on[server];
		e->look.asked_at = w->now;
		back += 1 + lots_below(&w->lots, 90); /* a double comes late */
	}
}

static void ask_parent(struct world *w, unsigned s, unsigned server)
{
	struct instance *i = &w->signer[s].i;

	if (lots_below(&w->lots, 100) < w->loss && i->losses[WORLD_SIGNERS]++ < 4)
		return;
	i->losses[WORLD_SIGNERS] = 0;
	struct event *e = world_post(w, w->now + lots_below(&w->lots, 4), EVENT_PARENT_LOOK, s);
	e->server = (uint8_t)server;
	e->parent.what = w->parent_on[server];
	e->parent.asked_at = w->now;
}

void concord_tick(struct world *w, unsigned s)
{
	struct instance *i = &w->signer[s].i;

	world_post(w, w->now + w->poll_s - 2 + lots_below(&w->lots, 5), EVENT_TICK, s);
	if (!i->up)
		return;
	step(w, s);
	if (!i->running || !i->up)
		return;
	if (!i->holds)
		push(w, s);
	for (unsigned n = 1; n < GROUP_SIGNERS_MAX; n++)
		for (unsigned v = 0;
		     i->known.group.signer[n].used && v < i->known.group.signer[n].server_n; v++)
			ask_signer(w, s, i->signer_of[n], v);
	for (unsigned v = 0; v < w->server_n; v++)
		ask_parent(w, s, v);
}

void concord_signer_look(struct world *w, const struct event *e)
{
	struct instance *i = &w->signer[e->who].i;
	const struct served *o = &e->look.what;

	if (!i->up || !i->running || i->number_of[e->whom] < 0)
		return;
	struct signer_look l = {
		.asked_at = e->look.asked_at,
		.at = w->now,
		.dnskey = to_local(w, i, o->dnskey),
		.cds = to_local(w, i, o->cds),
		.key_signing = to_local(w, i, o->key_signing),
		.zone_signing = to_local(w, i, o->zone_signing & o->dnskey),
		.algorithms = algorithms_of(w, o),
		.ns_all = signers_to_local(w, i, o->ns),
		.ns_any = signers_to_local(w, i, o->ns),
		.has_cds = o->has_cds,
		.has_csync = o->csync,
		.dnskey_ttl = o->dnskey_ttl,
		.ns_ttl = o->ns_ttl,
		.zone_ttl = o->zone_ttl,
	};
	observe_signer(&i->known.group, (unsigned)i->number_of[e->whom], e->server, &l);
}

void concord_parent_look(struct world *w, const struct event *e)
{
	struct instance *i = &w->signer[e->who].i;
	const struct delegation *d = &e->parent.what;

	if (!i->up || !i->running)
		return;
	struct parent_look l = {
		.asked_at = e->parent.asked_at,
		.at = w->now,
		.ds = to_local(w, i, d->ds),
		.ns_all = signers_to_local(w, i, d->ns),
		.ns_any = signers_to_local(w, i, d->ns),
		.ds_ttl = d->ds_ttl,
		.ns_ttl = d->ns_ttl,
	};
	observe_parent(&i->known.group, e->server, &l);
}

/* ---- operators ---- */

static void run_group(struct world *w, unsigned s)
{
	struct instance *i = &w->signer[s].i;
	struct group_policy policy = { .propagation_s = w->lag_s + 2,
				       .fresh_s = 5 * w->poll_s,
				       .gap_s = 3 * w->poll_s,
				       .away_s = 3 * w->poll_s,
				       .carry_ksk = true };

	group_init(&i->known.group, &policy, w->now);
	i->known.group.waived = w->waived;
	i->known.group.parent.server_n = w->server_n;
	group_add_signer(&i->known.group, w->signer[s].server_n, w->now);
	i->known.group.signer[GROUP_SELF].dnskey_ttl = i->own.facts.dnskey_ttl;
	i->signer_of[0] = (uint8_t)s;
	i->number_of[s] = 0;
	for (unsigned o = 0; o < w->signer_n && o < WORLD_SIGNERS; o++) {
		if (o == s)
			continue;
		int n = group_add_signer(&i->known.group, w->signer[o].server_n, w->now);
		i->signer_of[n] = (uint8_t)o;
		i->number_of[o] = (int8_t)n;
	}
	i->running = true;
	i->looked_at = w->now;
	look_at_self(w, s);
}

static void tell(struct world *w, unsigned s, unsigned whom, enum member_event event)
{
	struct instance *i = &w->signer[s].i;
	struct member_change change;
	const char *why;

	if (membership_command(&i->known.group, (unsigned)i->number_of[whom], event, w->now,
			       &change, &why)) {
		struct group_step step = { .changes = { change }, .change_n = 1 };
		note(w, s, &step);
	}
}

static void command_membership(struct world *w, const struct event *e)
{
	static const enum member_event EVENT_OF[] = { [COMMAND_JOIN] = EVENT_JOIN,
						      [COMMAND_LEAVE] = EVENT_LEAVE,
						      [COMMAND_CANCEL] = EVENT_CANCEL,
						      [COMMAND_EJECT] = EVENT_EJECT };
	struct instance *i = &w->signer[e->who].i;
	bool fresh = !i->running;

	if (fresh) {
		run_group(w, e->who);
		/* It is told of everybody who is there already. */
		for (unsigned o = 0; o < w->signer_n; o++)
			if (w->members >> o & 1)
				tell(w, e->who, o, EVENT_JOIN);
	}
	tell(w, e->who, e->whom, EVENT_OF[e->command]);
	i->disk = i->known;
}

static void command_roll(struct world *w, const struct event *e)
{
	struct instance *i = &w->signer[e->who].i;
	enum group_process p = e->command == COMMAND_ROLL_ZSK   ? PROCESS_ZSK
			       : e->command == COMMAND_ROLL_KSK ? PROCESS_KSK
								: PROCESS_ALGORITHM;

	if (i->running && overlap_holds_roll(&i->known.group, p) != NULL) {
		if (e->value < 3) { /* it waits */
			struct event again = *e;
			struct event *n = world_post(w, w->now + 600, EVENT_COMMAND, e->who);
			n->command = again.command;
			n->value = again.value + 1;
		}
		return;
	}
	if (e->command == COMMAND_ROLL_ALGORITHM) {
		i->own.policy.algorithm = 15;
		i->own.facts.request.algorithm = true;
	} else if (e->command == COMMAND_ROLL_ZSK) {
		i->own.facts.request.zsk = true;
	} else {
		i->own.facts.request.ksk = true;
	}
	i->own_disk = i->own;
}

void concord_command(struct world *w, const struct event *e)
{
	struct instance *i = &w->signer[e->who].i;

	if (w->signer[e->who].dead)
		return;
	if (!i->up) { /* the operator tries again */
		struct event again = *e,
			     *n = world_post(w, w->now + w->poll_s, EVENT_COMMAND, e->who);
		n->whom = again.whom;
		n->command = again.command;
		n->value = again.value;
		return;
	}
	if (e->command <= COMMAND_EJECT)
		command_membership(w, e);
	else
		command_roll(w, e);
}
