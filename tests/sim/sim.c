// SPDX-License-Identifier: Apache-2.0
/*
 * sim [--from N] [--histories N] [--trace] [--coverage] [--without GUARD]
 *
 * Plays random histories of groups; exits with 1 when in one of them a resolver could have held
 * something that does not validate, and names it: `sim --from N --histories 1 --trace` tells it
 * again. With --without a guard is switched off, and something must be bogus then.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "multisigner/guards.h"
#include "multisigner/membership.h"
#include "world.h"

struct order {
	uint64_t from, histories;
	bool trace, coverage;
	const char *without; /* a guard's name, or NULL */
};

static bool parse(struct order *o, int argc, char **argv)
{
	*o = (struct order){ .histories = 1000 };
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--trace") == 0)
			o->trace = true;
		else if (strcmp(argv[i], "--without") == 0 && i + 1 < argc)
			o->without = argv[++i];
		else if (strcmp(argv[i], "--coverage") == 0)
			o->coverage = true;
		else if (strcmp(argv[i], "--from") == 0 && i + 1 < argc)
			o->from = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--histories") == 0 && i + 1 < argc)
			o->histories = strtoull(argv[++i], NULL, 10);
		else
			return false;
	}
	return true;
}

/* Cells of the table that change something must have been reached. */
static unsigned unreached(const struct world *w)
{
	unsigned n = 0;

	for (int s = 0; s < MEMBER_STATES; s++) {
		for (int e = 0; e < MEMBER_EVENTS; e++) {
			struct member_step step =
			    member_step((enum member_state)s, (enum member_event)e);
			if ((step.next == (enum member_state)s && step.effect == DO_NOTHING) ||
			    w->reached[s][e] > 0)
				continue;
			printf("not reached: %s, %s\n", member_state_text((enum member_state)s),
			       member_event_text((enum member_event)e));
			n++;
		}
	}
	return n;
}

/* What resolvers may hold in the end. */
static void tell_served(const struct world *w)
{
	for (unsigned i = 0; i < w->oracle.served_n; i++) {
		const struct served_version *v = &w->oracle.served[i];
		printf("served by %u.%u from %" PRId64 " to %" PRId64 ": DNSKEY %" PRIx64
		       " by %" PRIx64 ", zone by %" PRIx64 ", CDS %" PRIx64
		       ", NS %x; TTLs %u %u %u\n",
		       v->signer, v->server, v->start, v->end == INT64_MAX ? 0 : v->end,
		       v->what.dnskey, v->what.key_signing, v->what.zone_signing, v->what.cds,
		       v->what.ns, v->what.dnskey_ttl, v->what.zone_ttl, v->what.ns_ttl);
	}
	for (unsigned i = 0; i < w->oracle.delegated_n; i++) {
		const struct delegation_version *d = &w->oracle.delegated[i];
		printf("parent %u from %" PRId64 " to %" PRId64 ": DS %" PRIx64
		       ", NS %x; TTLs %u %u\n",
		       d->server, d->start, d->end == INT64_MAX ? 0 : d->end, d->what.ds,
		       d->what.ns, d->what.ds_ttl, d->what.ns_ttl);
	}
}

static int play_all(struct world *w, const struct order *o)
{
	uint64_t checks = 0;

	for (uint64_t h = o->from; h < o->from + o->histories; h++) {
		if (!world_play(w, h)) {
			if (o->trace)
				tell_served(w);
			printf("history %" PRIu64 ": %s\n", h, w->oracle.verdict);
			return 1;
		}
		checks += w->oracle.checks;
	}
	printf("%" PRIu64 " histories, %" PRIu64
	       " pairs judged, %u joined, %u left, %u keys rolled, %u went over to another "
	       "algorithm: nothing bogus\n",
	       o->histories, checks, w->joined, w->left, w->rolled, w->changed);
	if (o->coverage && w->changed == 0)
		printf("not reached: an algorithm roll's end\n");
	return o->coverage && (unreached(w) > 0 || w->changed == 0) ? 1 : 0;
}

/* The oracle must miss the guard. */
static int play_without(struct world *w, const struct order *o)
{
	enum group_guard guard;
	uint64_t h = o->from;

	if (!guard_from_name(o->without, &guard)) {
		fprintf(stderr, "sim: there is no guard of the name '%s'\n", o->without);
		return 2;
	}
	w->waived = 1u << guard;
	while (h < o->from + o->histories && world_play(w, h))
		h++;
	if (h == o->from + o->histories) {
		printf("without %s nothing was bogus in %" PRIu64 " histories\n", o->without,
		       o->histories);
		return 1;
	}
	printf("without %s: history %" PRIu64 ": %s\n", o->without, h, w->oracle.verdict);
	return 0;
}

int main(int argc, char **argv)
{
	struct order o;

	if (!parse(&o, argc, argv)) {
		fputs("usage: sim [--from N] [--histories N] [--trace] [--coverage] [--without "
		      "GUARD]\n",
		      stderr);
		return 2;
	}
	struct world *w = world_new();
	w->trace = o.trace;
	int status = o.without != NULL ? play_without(w, &o) : play_all(w, &o);
	world_free(w);
	return status;
}
