// SPDX-License-Identifier: Apache-2.0
/* What the signers' answers come to beside one another: said once when it begins, and when it is
 * over. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "control/group_zone.h"
#include "dns/rrtype.h"
#include "multisigner/observe.h"

#define ROUNDS 2 /* a change is under way to all servers for one of them */

/* Whether resolvers may be led to both: a signer on its way in has nothing to prove yet. */
static const struct cross_fault *first_fault(const struct group_zone *z,
					     const struct cross_result *r)
{
	unsigned named = z->group.sets.ns | observed_delegation(&z->group.parent);

	for (size_t i = 0; group_is_running(z) && i < r->fault_n && i < CROSS_FAULTS_MAX; i++) {
		unsigned of = r->server[r->fault[i].of].signer,
			 under = r->server[r->fault[i].under].signer;
		if ((named >> of & 1) && (named >> under & 1))
			return &r->fault[i];
	}
	return NULL;
}

static void describe(const struct group_zone *z, const struct cross_result *r,
		     const struct cross_fault *f, struct group_drift *d)
{
	const struct cross_server *of = &r->server[f->of], *under = &r->server[f->under];
	char type[RR_TYPE_TEXT_MAX];

	snprintf(d->fault, sizeof d->fault,
		 "what %s (server %u) answers for %s does not validate under the DNSKEY set of %s "
		 "(server %u): %s",
		 z->signer[of->signer], of->server + 1u, rr_type_to_text(f->type, type),
		 z->signer[under->signer], under->server + 1u, proof_text(f->verdict));
}

static void tell_faults(struct group_zone *z, const struct group_drift *d)
{
	if (d->fault_n > 0 && z->drift.fault_n == 0) {
		log_error(z->entry->text,
			  "group: %s, and %zu more pairs: resolvers that hold both see a bogus "
			  "answer",
			  d->fault, d->fault_n - 1);
		control_event(z->control, z->entry->text, "group", "{\"bogus_pairs\":%zu}",
			      d->fault_n);
	}
	if (d->fault_n == 0 && z->drift.fault_n > 0)
		log_notice(
		    z->entry->text,
		    "group: each signer's answers validate under each one's DNSKEY set again");
}

/* Who comes or goes differs from the rest by and by. */
static bool is_settled(const struct group_zone *z)
{
	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		enum member_state s = z->group.signer[i].state;
		if (z->group.signer[i].used && s != MEMBER_NONE && s != MEMBER_FULL &&
		    s != MEMBER_GONE)
			return false;
	}
	return group_is_in(z);
}

static void list_facets(uint32_t differs, char *out, size_t cap)
{
	size_t n = 0;

	out[0] = 0;
	for (int f = 0; f < CROSS_FACETS; f++)
		if (differs >> f & 1)
			n += (size_t)snprintf(out + n, cap - n, "%s%s", n > 0 ? ", " : "",
					      cross_facet_text((enum cross_facet)f));
}

static void tell_differences(struct group_zone *z, struct group_drift *d)
{
	uint32_t differs = is_settled(z) ? d->differs : 0;
	char facets[200];

	d->told = z->drift.told;
	d->differs_before = differs;
	d->round_n = differs == z->drift.differs_before ? z->drift.round_n + 1 : 1;
	if (d->round_n < ROUNDS || differs == d->told)
		return;
	d->told = differs;
	list_facets(differs, facets, sizeof facets);
	if (differs != 0)
		log_warning(z->entry->text,
			    "group: the signers differ in %s, in more than one round", facets);
	else
		log_notice(z->entry->text, "group: the signers are alike again");
}

void group_drift_take(struct group_zone *z, const struct cross_result *r)
{
	const struct cross_fault *f = first_fault(z, r);
	struct group_drift d = { .known = true,
				 .differs = r->differs,
				 .pair_n = r->pair_n,
				 .fault_n = f != NULL ? r->fault_n : 0 };

	if (r->n == 0)
		return; /* nobody was seen: nothing is known */
	if (f != NULL)
		describe(z, r, f, &d);
	tell_faults(z, &d);
	tell_differences(z, &d);
	z->drift = d;
}
