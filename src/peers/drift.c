// SPDX-License-Identifier: Apache-2.0
/* What lasts longer than the way of a change to all servers is said once, and its end too. */
#include <stdio.h>

#include "base/log.h"
#include "base/siphash.h"
#include "dns/rrtype.h"
#include "peers/internal.h"

#define ROUNDS 2 /* that find the same */

static void list_facets(uint32_t differs, char *out, size_t cap)
{
	size_t n = 0;

	out[0] = 0;
	for (int f = 0; f < CROSS_FACETS; f++)
		if (differs >> f & 1)
			n += (size_t)snprintf(out + n, cap - n, "%s%s", n > 0 ? ", " : "",
					      cross_facet_text((enum cross_facet)f));
}

static void name_of(const struct observed *z, const struct cross_server *s, char *out, size_t cap)
{
	char at[REMOTE_TEXT_MAX];

	snprintf(out, cap, "%.64s (%s)", z->signer[s->signer].name,
		 remote_to_text(&z->signer[s->signer].server[s->server], at));
}

static void tell_fault(const struct observed *z, const struct cross_result *r)
{
	const struct cross_fault *f = &r->fault[0];
	char of[REMOTE_TEXT_MAX + 80], under[REMOTE_TEXT_MAX + 80], type[RR_TYPE_TEXT_MAX];

	name_of(z, &r->server[f->of], of, sizeof of);
	name_of(z, &r->server[f->under], under, sizeof under);
	log_error(z->text,
		  "peer: what %s answers for %s does not validate under the DNSKEY set of %s (%s), "
		  "and %zu more pairs: resolvers that hold both see a bogus answer",
		  of, rr_type_to_text(f->type, type), under, proof_text(f->verdict),
		  r->fault_n - 1);
}

static uint64_t digest(const struct cross_result *r)
{
	static const struct siphash_key KEY = { 0, 0 };
	uint64_t parts[4] = { r->differs, r->fault_n > 0, r->fault_n > 0 ? r->fault[0].of : 0,
			      r->fault_n > 0 ? r->fault[0].under : 0 };

	return r->differs == 0 && r->fault_n == 0 ? 0 : siphash(&KEY, parts, sizeof parts) | 1;
}

void drift_tell(struct observed *z, const struct cross_result *r)
{
	uint64_t now = digest(r);
	char facets[200];

	if (r->n == 0)
		return; /* nobody was seen: nothing is known */
	if (now != z->drift) {
		if (now == 0 && z->drift_told)
			log_notice(z->text, "peer: all servers agree again");
		z->drift_told = z->drift_told && now != 0;
		z->drift = now;
		z->drift_n = 0;
	}
	if (now == 0 || ++z->drift_n != ROUNDS)
		return;
	z->drift_told = true;
	if (r->fault_n > 0)
		tell_fault(z, r);
	if (r->differs == 0)
		return;
	list_facets(r->differs, facets, sizeof facets);
	log_warning(z->text, "peer: the signers differ in %s, in more than one round", facets);
}
