// SPDX-License-Identifier: Apache-2.0
/* Steered RRsets: the default values with all that may be answered instead hanging on them. */
#include <stdlib.h>

#include "dns/rdata.h"
#include "zone/internal.h"

/* Variant 0 with the others hanging on it. */
struct rrset *rrset_of_variants(const struct zone_record *at, uint32_t policy,
				const struct zone_variant *variants, size_t n)
{
	struct rrset *s = rrset_of_values(at, &variants[0]);
	struct rrset_steering *st = calloc(1, sizeof *st + n * sizeof(struct rrset *));

	if (s == NULL || st == NULL) {
		free(st);
		rrset_free(s);
		return NULL;
	}
	st->policy = policy;
	st->variant_n = (uint32_t)n;
	s->steering = st;
	for (size_t i = 1; i < n; i++) {
		st->variant[i] = rrset_of_values(at, &variants[i]);
		if (st->variant[i] == NULL) {
			rrset_free(s);
			return NULL;
		}
	}
	return s;
}

static bool variants_are_valid(const struct zone_record *at, const struct zone_variant *variants,
			       size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (variants[i].rdata_n == 0 || variants[i].rdata_n > UINT16_MAX)
			return false;
		for (size_t j = 0; j < variants[i].rdata_n; j++)
			if (!rdata_is_valid(at->type, variants[i].rdata[j]))
				return false;
	}
	return n > 0;
}

enum err builder_put_rrset(struct zone_builder *b, const uint8_t *owner, struct rrset *s)
{
	const struct node *there = zone_build_node(b, owner);
	struct node *n = NULL;
	enum err e = builder_node(b, owner, there != NULL ? there->rrset_n + 1u : 1, &n);

	if (e) {
		rrset_free(s);
		return e;
	}
	b->made->rr_n += s->rr_n;
	node_put(n, s);
	return ERR_OK;
}

/* Where nothing is wrong with it; NULL in *out after a finding. */
static enum err make_steered(struct zone_builder *b, const struct zone_record *at, uint32_t policy,
			     const struct zone_variant *variants, size_t variant_n, struct diag *d,
			     struct rrset **out)
{
	struct zone_record checked = *at;

	*out = NULL;
	if (!variants_are_valid(at, variants, variant_n)) {
		builder_record_finding(b, d, DIAG_ERROR, at,
				       "a steered value is not RDATA of this type");
		return ERR_OK;
	}
	checked.rdata = variants[0].rdata[0];
	if (!builder_accepts(b, &checked, d))
		return ERR_OK;
	const struct rrset *there = zone_build_rrset(b, at->owner, at->type);
	if (there != NULL) {
		builder_finding(b, d, DIAG_ERROR, there,
				"the steering file steers this name and type: remove these records "
				"from the zone file");
		return ERR_OK;
	}
	*out = rrset_of_variants(at, policy, variants, variant_n);
	return *out != NULL ? ERR_OK : ERR_NOMEM;
}

enum err zone_build_steer(struct zone_builder *b, const struct zone_record *at, uint32_t policy,
			  const struct zone_variant *variants, size_t variant_n, struct diag *d)
{
	struct rrset *s;
	enum err e = make_steered(b, at, policy, variants, variant_n, d, &s);

	return s != NULL ? builder_put_rrset(b, at->owner, s) : e;
}

enum err zone_build_hints(struct zone_builder *b, const struct zone_record *at,
			  const struct zone_followed *how, const struct zone_variant *variants,
			  size_t variant_n, struct diag *d)
{
	struct rrset *s;
	enum err e = make_steered(b, at, how->policy[0], variants, variant_n, d, &s);

	if (s == NULL)
		return e;
	s->steering->hints = true;
	s->steering->other = how->policy[1];
	s->steering->other_n = how->other_n;
	return builder_put_rrset(b, at->owner, s);
}
