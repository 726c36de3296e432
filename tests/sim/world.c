// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof *w);

	if (w != NULL)
		w->events = calloc(WORLD_EVENTS, sizeof *w->events);
	if (w == NULL || w->events == NULL)
		abort();
	return w;
}

void world_free(struct world *w)
{
	free(w->events);
	free(w);
}

static void command_anybody(struct world *w, const struct event *e)
{
	struct signer *s = &w->signer[e->who];

	switch ((enum command_kind)e->command) {
	case COMMAND_TTL:
		if (!s->plain && !s->i.up)
			return;
		s->dnskey_ttl = (uint32_t)e->value;
		s->zone_ttl = (uint32_t)e->value + 40;
		rollover_serve_ttls(&s->i.own.facts, s->zone_ttl, s->dnskey_ttl, w->now);
		s->i.own_disk = s->i.own;
		signer_serve(w, e->who);
		return;
	case COMMAND_OUTAGE:
		s->i.blind |= GROUP_BIT(e->whom);
		world_post(w, w->now + e->value, EVENT_OUTAGE_ENDS, e->who);
		return;
	case COMMAND_BREAK:
		s->dead = true;
		s->i.up = false;
		signer_falls_silent(w, e->who);
		return;
	case COMMAND_AWAY:
		if (!s->i.up)
			return;
		s->i.up = false;
		signer_falls_silent(w, e->who);
		world_post(w, w->now + e->value, EVENT_RESTART, e->who);
		return;
	case COMMAND_STUBBORN:
		w->stubborn_until = w->now + e->value;
		return;
	case COMMAND_ROLL_ZSK:
	case COMMAND_ROLL_KSK:
		if (s->plain)
			plain_roll(w, e);
		else
			concord_command(w, e);
		return;
	case COMMAND_JOIN:
	case COMMAND_LEAVE:
	case COMMAND_CANCEL:
	case COMMAND_EJECT:
	case COMMAND_ROLL_ALGORITHM:
		if (!s->plain)
			concord_command(w, e);
		return;
	}
}

static void happen(struct world *w, const struct event *e)
{
	switch ((enum event_kind)e->kind) {
	case EVENT_TICK:
		concord_tick(w, e->who);
		return;
	case EVENT_SIGNER_LOOK:
		concord_signer_look(w, e);
		return;
	case EVENT_PARENT_LOOK:
		concord_parent_look(w, e);
		return;
	case EVENT_SERVER:
		if (e->life != w->signer[e->who].life ||
		    e->order < w->signer[e->who].caught_up[e->server])
			return;
		w->signer[e->who].caught_up[e->server] = e->order;
		w->signer[e->who].on[e->server] = e->served;
		oracle_serves(&w->oracle, e->who, e->server, &e->served, w->now);
		return;
	case EVENT_SCAN:
		parent_scan(w);
		return;
	case EVENT_PARENT_SERVER:
		parent_server(w, e);
		return;
	case EVENT_PUSH:
		plain_push(w, e);
		return;
	case EVENT_PLAIN:
		plain_roll(w, e);
		return;
	case EVENT_COMMAND:
		command_anybody(w, e);
		return;
	case EVENT_RESTART:
		concord_restart(w, e->who);
		return;
	case EVENT_OUTAGE_ENDS:
		w->signer[e->who].i.blind = 0;
		return;
	}
}

static void reset(struct world *w, uint64_t history)
{
	struct world fresh = {
		.events = w->events, .trace = w->trace, .waived = w->waived, .now = 1000000
	};

	memcpy(fresh.reached, w->reached, sizeof fresh.reached);
	fresh.joined = w->joined;
	fresh.left = w->left;
	fresh.rolled = w->rolled;
	fresh.changed = w->changed;
	*w = fresh;
	w->lots.state = history * UINT64_C(0xd1342543de82ef95) + 1;
	w->rare.state = ~w->lots.state;
	w->oracle.settled_at = w->now;
	w->lax = history % 8 == 6;
	w->stranger = history % 8 == 4;
	w->absences = history % 8 == 1;
}

bool world_play(struct world *w, uint64_t history)
{
	struct event e;

	reset(w, history);
	script_write(w);
	while (world_next(w, &e) && e.at <= w->ends_at) {
		w->now = e.at;
		unsigned before = w->oracle.changes;
		happen(w, &e);
		if (w->oracle.changes != before)
			oracle_judge(&w->oracle, w->now);
		if (w->oracle.bogus)
			return false;
	}
	return !w->oracle.bogus;
}
