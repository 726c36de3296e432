// SPDX-License-Identifier: Apache-2.0
/* What a signer serves, by its own decision, and how that comes to its servers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

int world_make_key(struct world *w, unsigned owner, uint8_t algorithm, bool sep)
{
	if (w->key_n == WORLD_KEYS) {
		fputs("more keys than a world holds\n", stderr);
		abort();
	}
	w->key[w->key_n].owner = (uint8_t)owner;
	w->key[w->key_n].algorithm = algorithm;
	w->key[w->key_n].sep = sep;
	w->oracle.algorithm[w->key_n] = algorithm;
	return (int)w->key_n++;
}

static uint64_t to_world(const struct instance *i, uint64_t local)
{
	uint64_t set = 0;

	for (; local != 0; local &= local - 1)
		set |= GROUP_BIT(i->known.world_of[__builtin_ctzll(local)]);
	return set;
}

static uint16_t signers_to_world(const struct instance *i, uint16_t local)
{
	unsigned set = 0;

	for (unsigned n = 0; n < GROUP_SIGNERS_MAX; n++)
		if (local >> n & 1)
			set |= 1u << i->signer_of[n];
	return (uint16_t)set;
}

static void concord_fill(const struct world *w, unsigned s, struct served *out)
{
	const struct instance *i = &w->signer[s].i;
	const struct own_keys *own = &i->own;

	for (size_t k = 0; k < own->facts.n; k++) {
		const struct rollover_key *key = &own->facts.keys[k];
		uint64_t bit = GROUP_BIT(own->key[k]);
		if (rollover_is_published(key))
			out->dnskey |= bit;
		if (rollover_signs_dnskey(key))
			out->key_signing |= bit;
		if (key->signs)
			out->zone_signing |= bit;
		if (rollover_wants_ds(&own->facts, key))
			out->cds |= bit;
	}
	out->ns = (uint16_t)(1u << s);
	if (w->stranger && !i->running)
		out->cds = 0; /* its operator knows of another DS, and sets CDS by hand */
	if (i->running && i->known.group.sets.decided) {
		out->dnskey |= to_world(i, i->known.group.sets.dnskey);
		out->cds = to_world(i, i->known.group.sets.cds);
		out->ns = signers_to_world(i, i->known.group.sets.ns);
		out->csync = i->known.group.sets.csync;
	}
	out->has_cds = out->cds != 0;
}

/* A process that dies answers nothing until it starts again, and then with what it wrote down. */
void signer_falls_silent(struct world *w, unsigned s)
{
	w->signer[s].life++;
	oracle_silences(&w->oracle, s, w->now);
}

void signer_speaks_again(struct world *w, unsigned s)
{
	struct signer *g = &w->signer[s];

	memset(&g->now, 0, sizeof g->now);
	signer_serve(w, s);
	for (unsigned v = 1; v < g->server_n; v++) {
		g->on[v] = g->now;
		oracle_serves(&w->oracle, s, v, &g->now, w->now);
	}
	g->life++;
}

/* The first server has it at once, the others after a while. */
void signer_serve(struct world *w, unsigned s)
{
	struct signer *g = &w->signer[s];
	struct served what;

	if (g->dead || g->i.holds)
		return;
	memset(&what, 0, sizeof what); /* compared as bytes */
	what.dnskey_ttl = g->dnskey_ttl;
	what.zone_ttl = g->zone_ttl;
	what.ns_ttl = g->ns_ttl;
	if (g->plain)
		plain_fill(w, s, &what);
	else
		concord_fill(w, s, &what);
	if (memcmp(&what, &g->now, sizeof what) == 0)
		return;
	g->now = g->on[0] = what;
	oracle_serves(&w->oracle, s, 0, &what, w->now);
	for (unsigned v = 1; v < g->server_n; v++) {
		struct event *e =
		    world_post(w, w->now + 1 + lots_below(&w->lots, w->lag_s), EVENT_SERVER, s);
		e->server = (uint8_t)v;
		e->served = what;
		e->life = g->life;
	}
}
