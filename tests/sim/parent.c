// SPDX-License-Identifier: Apache-2.0
/* A parent that scans: it takes a CDS set that every server of the delegation shows and that does
 * not break the zone (RFC 7344 §4.1, draft-ietf-dnsop-cds-consistency), and NS by CSYNC likewise.
 */
#include <string.h>

#include "world.h"

static const struct served *first_of(const struct world *w)
{
	for (unsigned s = 0; s < w->signer_n; s++)
		if ((w->parent.ns >> s & 1) && !w->signer[s].dead)
			return &w->signer[s].on[0];
	return NULL;
}

/* A server that never answers again is passed over in the end. */
static bool asks(const struct world *w, unsigned s)
{
	return (w->parent.ns >> s & 1) && !w->signer[s].dead;
}

static uint64_t algorithms(const struct world *w, uint64_t keys)
{
	uint64_t set = 0;

	for (unsigned k = 0; k < w->key_n; k++)
		if (keys >> k & 1)
			set |= UINT64_C(1) << w->key[k].algorithm;
	return set;
}

/* For another algorithm no signer needs to have agreed. Nothing keeps such a parent from trouble
 * where operators contradict one another over who comes and goes. */
static bool is_content_with_one(const struct world *w, uint64_t ds)
{
	return w->lax && algorithms(w, ds) != algorithms(w, w->parent.ds);
}

static bool all_show(const struct world *w, const struct served *as,
		     bool (*same)(const struct served *a, const struct served *b))
{
	for (unsigned s = 0; s < w->signer_n; s++)
		for (unsigned v = 0; asks(w, s) && v < w->signer[s].server_n; v++)
			if (!same(as, &w->signer[s].on[v]))
				return false;
	return true;
}

static bool same_cds(const struct served *a, const struct served *b)
{
	return a->has_cds && b->has_cds && a->cds == b->cds;
}

static bool same_ns(const struct served *a, const struct served *b)
{
	return a->csync && b->csync && a->ns == b->ns && a->ns != 0;
}

/* RFC 7344 §4.1: the new set must not break the delegation as it is. */
static bool keeps_valid(const struct world *w, uint64_t ds)
{
	for (unsigned s = 0; s < w->signer_n; s++)
		for (unsigned v = 0; asks(w, s) && v < w->signer[s].server_n; v++)
			if ((ds & w->signer[s].on[v].key_signing) == 0)
				return false;
	return true;
}

void parent_scan(struct world *w)
{
	const struct served *as = first_of(w);
	struct delegation next = w->parent;

	/* Seldomer than signers look: two changes in a row do not go unseen. */
	world_post(w, w->now + 4 * w->poll_s + lots_below(&w->lots, 60), EVENT_SCAN, 0);
	if (as == NULL || w->now < w->stubborn_until)
		return;
	if ((all_show(w, as, same_cds) || (as->has_cds && is_content_with_one(w, as->cds))) &&
	    keeps_valid(w, as->cds))
		next.ds = as->cds;
	if (all_show(w, as, same_ns))
		next.ns = as->ns;
	if (memcmp(&next, &w->parent, sizeof next) == 0)
		return;
	w->parent = next;
	for (unsigned v = 0; v < w->server_n; v++) {
		struct event *e = world_post(w, w->now + 1 + v * lots_below(&w->lots, 60),
					     EVENT_PARENT_SERVER, 0);
		e->server = (uint8_t)v;
		e->delegation = next;
	}
}

void parent_server(struct world *w, const struct event *e)
{
	if (e->order < w->parent_caught_up[e->server])
		return;
	w->parent_caught_up[e->server] = e->order;
	w->parent_on[e->server] = e->delegation;
	oracle_delegates(&w->oracle, e->server, &e->delegation, w->now);
}
