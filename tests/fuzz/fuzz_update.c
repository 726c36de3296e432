// SPDX-License-Identifier: Apache-2.0
// links: transfer zone dns base
/* Any message as a dynamic update: an rcode, or a change set that can be applied and sealed. */
#include "fuzz.h"

#include <stdlib.h>

#include "dns/rrtype.h"
#include "transfer/update.h"

static const uint8_t APEX[] = "\7example";

static void add(struct zone_builder *b, const uint8_t *owner, uint16_t type, const void *rdata,
		size_t n, struct diag *d)
{
	struct zone_record r = { .owner = owner, .type = type, .ttl = 1, .rdata = { rdata, n } };

	if (zone_build_add(b, &r, d))
		abort();
}

static struct zone *start(void)
{
	struct zone_build_options o = { .denial = ZONE_NSEC };
	struct zone_builder *b = NULL;
	struct diag d = { 0 };
	struct zone *z = NULL;

	if (zone_build_start(&b, APEX, NULL, &o))
		abort();
	add(b, APEX, TYPE_SOA, (uint8_t[22]){ 0 }, 22, &d);
	add(b, APEX, TYPE_NS, "\2ns\7example", 12, &d);
	add(b, (const uint8_t *)"\3www\7example", TYPE_A, "\1\2\3\4", 4, &d);
	add(b, (const uint8_t *)"\1c\7example", TYPE_CNAME, "\3www\7example", 13, &d);
	if (zone_build_seal(b, &z, &d))
		abort();
	diag_free(&d);
	return z;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct update_grant ALL = { 0 };
	struct message m;
	struct span in = { data, size };
	struct change_set set = { 0 };
	struct zone_builder *b = NULL;
	struct diag d = { 0 };
	struct zone *z, *made = NULL;

	if (size > MESSAGE_MAX || message_parse(in, &m) != MESSAGE_OK || m.opcode != OPCODE_UPDATE)
		return 0;
	z = start();
	if (zone_build_change(&b, z))
		abort();
	struct update u = { .message = in,
			    .parsed = &m,
			    .apex = APEX,
			    .signed_here = true,
			    .grants = &ALL,
			    .grant_n = 1 };
	if (update_evaluate(&u, b, &set) == RCODE_NOERROR) {
		if (change_apply(change_span(&set), b, &d))
			abort();
		(void)zone_build_seal(b, &made, &d); /* a check of the zone may refuse it */
	} else {
		zone_build_abort(b);
	}
	change_free(&set);
	zone_free(z);
	zone_free(made);
	diag_free(&d);
	return 0;
}
