// SPDX-License-Identifier: Apache-2.0
/* What happens in a history: drawn once, at its beginning. */
#include <string.h>

#include "world.h"

#define ALGORITHM 13

static uint32_t between(struct world *w, uint32_t low, uint32_t high)
{
	return low + lots_below(&w->lots, high - low + 1);
}

/* Lots are drawn one statement each: the order within an expression is the compiler's, and a
 * history's number must mean the same to all. */
static struct event *command(struct world *w, int64_t after, unsigned who, enum command_kind c)
{
	struct event *e = world_post(w, w->now + after, EVENT_COMMAND, who);

	e->command = (uint8_t)c;
	return e;
}

static void make_signers(struct world *w)
{
	w->signer_n = between(w, 2, WORLD_SIGNERS);
	for (unsigned s = 0; s < w->signer_n; s++) {
		struct signer *g = &w->signer[s];
		/* The first one runs the machine; of the others about a third does not. */
		g->plain = s > 0 && !w->algorithm_rolls && lots_hit(&w->lots, 350);
		w->plain = w->plain || g->plain;
		w->plain_n += g->plain;
		g->server_n = (uint8_t)between(w, 1, 2);
		g->dnskey_ttl = between(w, 30, 300);
		g->zone_ttl = between(w, 30, 600);
		g->ns_ttl = between(w, 30, 400);
	}
	for (unsigned s = 0; s < w->signer_n; s++) {
		if (w->signer[s].plain)
			plain_start(w, s, ALGORITHM);
		else
			concord_start(w, s, ALGORITHM);
		signer_serve(w, s);
		if (!w->signer[s].plain)
			world_post(w, w->now + lots_below(&w->lots, w->poll_s), EVENT_TICK, s);
	}
}

static void make_parent(struct world *w)
{
	w->server_n = (uint8_t)between(w, 1, 2);
	w->parent = (struct delegation){ .ds = w->signer[0].now.key_signing, .ns = 1 };
	if (w->stranger)
		w->parent.ds |= GROUP_BIT(world_make_key(w, WORLD_NOBODY, ALGORITHM, true));
	w->parent.ds_ttl = between(w, 30, 300);
	w->parent.ns_ttl = between(w, 30, 400);
	for (unsigned v = 0; v < w->server_n; v++) {
		w->parent_on[v] = w->parent;
		oracle_delegates(&w->oracle, v, &w->parent, w->now);
	}
	world_post(w, w->now + lots_below(&w->lots, 60), EVENT_SCAN, 0);
}

/* Everybody in the group is told; who is told late only delays. */
static void tell_all(struct world *w, int64_t after, unsigned whom, enum command_kind c)
{
	for (unsigned s = 0; s < w->signer_n; s++) {
		if (w->signer[s].plain || (!(w->members >> s & 1) && s != whom))
			continue;
		int64_t late = lots_hit(&w->lots, 200) ? between(w, 0, 900) : between(w, 0, 20);
		command(w, after + late, s, c)->whom = (uint8_t)whom;
	}
}

static unsigned somebody(struct world *w)
{
	return lots_below(&w->lots, w->signer_n);
}

static void write_joins(struct world *w)
{
	int64_t at = between(w, 30, 300);

	w->members = 1;
	for (unsigned s = 1; s < w->signer_n; s++) {
		tell_all(w, at, s, COMMAND_JOIN);
		w->members |= (uint16_t)(1u << s);
		/* Sometimes together, sometimes one after the other. */
		at += lots_hit(&w->lots, 400) ? between(w, 0, 200) : between(w, 300, 1800);
		if (lots_hit(&w->lots, 150)) { /* one alone changes its mind */
			unsigned who = somebody(w);
			int64_t when = at - between(w, 0, 200);
			command(w, when, who, COMMAND_CANCEL)->whom = (uint8_t)s;
		}
	}
	w->ends_at = w->now + at;
}

static void write_leaves(struct world *w)
{
	int64_t last = w->ends_at - w->now;

	for (unsigned s = 0; s < w->signer_n; s++) {
		if (!lots_hit(&w->lots, 300))
			continue;
		int64_t at = between(w, 1500, (uint32_t)last + 4000);
		tell_all(w, at, s, COMMAND_LEAVE);
		if (lots_hit(&w->lots, 150)) {
			unsigned who = somebody(w);
			int64_t when = at + between(w, 10, 1500);
			command(w, when, who, COMMAND_CANCEL)->whom = (uint8_t)s;
		} else if (lots_hit(&w->lots, 200)) {
			tell_all(w, at + between(w, 1500, 4000), s, COMMAND_JOIN);
		}
	}
}

static void write_rolls(struct world *w)
{
	unsigned n = between(w, 0, 5);

	for (unsigned i = 0; i < n; i++) {
		bool zsk = lots_hit(&w->lots, 500);
		unsigned who = somebody(w);
		command(w, between(w, 60, 9000), who, zsk ? COMMAND_ROLL_ZSK : COMMAND_ROLL_KSK);
	}
	for (unsigned s = 0; w->algorithm_rolls && s < w->signer_n; s++)
		command(w, (w->ends_at - w->now) + between(w, 2500, 4500), s,
			COMMAND_ROLL_ALGORITHM);
}

/* A signer breaks for good, and the others go on without it. */
static void write_eject(struct world *w)
{
	unsigned whom = lots_below(&w->lots, w->signer_n);
	int64_t at = between(w, 1000, 9000);

	if (!lots_hit(&w->lots, 60) || w->signer_n < 3 || whom == 0)
		return;
	command(w, at, whom, COMMAND_BREAK);
	for (unsigned s = 0; s < w->signer_n; s++)
		if (!w->signer[s].plain && s != whom)
			command(w, at + between(w, 60, 1500), s, COMMAND_EJECT)->whom =
			    (uint8_t)whom;
}

static void write_trouble(struct world *w)
{
	if (lots_hit(&w->lots, 300)) {
		int64_t lasts = between(w, 300, 3000);
		command(w, between(w, 300, 6000), 0, COMMAND_STUBBORN)->value = lasts;
	}
	/* Plain signers roll whether or not they are seen: only among those who wait for each other
	 * may looks fail for long. */
	bool plain = w->plain;
	for (unsigned i = 0; !plain && i < 3; i++) {
		if (!lots_hit(&w->lots, 300))
			continue;
		unsigned who = somebody(w);
		struct event *e = command(w, between(w, 300, 8000), who, COMMAND_OUTAGE);
		e->whom = (uint8_t)somebody(w);
		e->value = between(w, 100, 2500);
	}
	/* Nor may TTLs change under one whose margins were set by hand. */
	for (unsigned s = 0; !plain && s < w->signer_n; s++) {
		if (!lots_hit(&w->lots, 150))
			continue;
		int64_t ttl = between(w, 20, 500);
		command(w, between(w, 300, 8000), s, COMMAND_TTL)->value = ttl;
	}
}

/* Of lots of their own: what was drawn before does not change. Two plain signers get each other's
 * keys from nobody while it is away. */
static void write_absence(struct world *w)
{
	unsigned plain = 1;

	if (w->plain_n != 1 || !w->absences)
		return;
	while (!w->signer[plain].plain)
		plain++;
	int64_t at = 4500 + lots_below(&w->rare, 3000);
	command(w, at, plain, COMMAND_ROLL_ZSK);
	command(w, at - 20, 0, COMMAND_AWAY)->value = 1800 + lots_below(&w->rare, 2000);
}

void script_write(struct world *w)
{
	w->poll_s = between(w, 15, 30);
	w->lag_s = between(w, 1, 10);
	w->loss = lots_hit(&w->lots, 500) ? 0 : between(w, 5, 30);
	w->crash = lots_hit(&w->lots, 500) ? 0 : between(w, 10, 100);
	w->algorithm_rolls = lots_hit(&w->lots, 150);
	make_signers(w);
	make_parent(w);
	write_joins(w);
	write_leaves(w);
	write_rolls(w);
	write_eject(w);
	write_trouble(w);
	write_absence(w);
	w->ends_at = w->now + 12000;
}
