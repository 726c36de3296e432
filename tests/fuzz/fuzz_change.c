// SPDX-License-Identifier: Apache-2.0
// links: zone dns base
/* Octets as a change set: read, condensed, applied; what was condensed reads whole. */
#include "fuzz.h"

#include <stdlib.h>

#include "dns/rrtype.h"
#include "zone/change.h"

static struct zone *start(void)
{
	static const uint8_t APEX[] = "\1x", SOA[22] = { 0 };
	struct zone_build_options o = { .denial = ZONE_NSEC, .max_records = 1000 };
	struct zone_record soa = {
		.owner = APEX, .type = TYPE_SOA, .ttl = 1, .rdata = { SOA, 22 }
	};
	struct zone_record ns = { .owner = APEX, .type = TYPE_NS, .ttl = 1, .rdata = { APEX, 3 } };
	struct zone_builder *b = NULL;
	struct diag d = { 0 };
	struct zone *z = NULL;

	if (zone_build_start(&b, APEX, NULL, &o) || zone_build_add(b, &soa, &d) ||
	    zone_build_add(b, &ns, &d) || zone_build_seal(b, &z, &d))
		abort();
	diag_free(&d);
	return z;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span set = { data, size };
	struct change_set net = { 0 };
	struct zone_builder *b = NULL;
	struct diag d = { 0 };
	struct zone *z = start(), *made = NULL;
	uint32_t from, to;

	change_serials(set, &from, &to);
	if (change_condense(&set, 1, &net) == ERR_OK) {
		struct change_record r;
		struct span rest = change_span(&net);
		size_t n = 0;
		while (change_next(&rest, &r))
			n++;
		if (rest.n > 0 || n != net.removed_n + net.added_n)
			abort();
	}
	change_free(&net);
	if (zone_build_change(&b, z))
		abort();
	if (change_apply(set, b, &d) || zone_build_seal(b, &made, &d) == ERR_OK)
		b = made == NULL ? b : NULL;
	else
		b = NULL; /* sealing took it */
	zone_build_abort(b);
	zone_free(z);
	zone_free(made);
	diag_free(&d);
	return 0;
}
