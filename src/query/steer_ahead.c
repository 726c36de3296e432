// SPDX-License-Identifier: Apache-2.0
/* What steered answers of a batch will read, asked for side by side (geo/steer_look.h): the choice,
 * the RRset that it falls on, and that one's signature. */
#include "query/stages.h"

#include "geo/steer_look.h"

_Static_assert(QUERY_AHEAD_MAX <= STEER_LOOKS_MAX, "a batch is looked at whole");

#define LINE 64
/* OPT as clients write it: root, type, class, TTL, RDLENGTH. */
#define OPT_LEN 11

/* The address of a client subnet option (RFC 7871 §6); false where it is not written plainly, or
 * asks not to be located. */
static bool read_subnet(const uint8_t *p, size_t n, struct ip_addr *out)
{
	if (n < 4)
		return false;
	uint16_t family = load_u16(p);
	size_t octets = n - 4;
	if ((family != 1 && family != 2) || p[2] == 0 || octets > (family == 1 ? 4 : 16))
		return false;
	*out = (struct ip_addr){ .family = family == 1 ? IP_V4 : IP_V6 };
	memcpy(out->bytes, p + 4, octets);
	return true;
}

/* Behind the question, which is `at` octets long with the header, stands an OPT with a subnet. */
static bool find_subnet(struct span in, size_t at, struct ip_addr *out)
{
	if (in.n < at + OPT_LEN || in.p[at] != 0 || load_u16(in.p + at + 1) != TYPE_OPT)
		return false;
	const uint8_t *p = in.p + at + OPT_LEN;
	size_t left = in.n - at - OPT_LEN;
	while (left >= 4) {
		size_t n = load_u16(p + 2);
		if (n > left - 4)
			return false;
		if (load_u16(p) == EDNS_ECS)
			return read_subnet(p + 4, n, out);
		p += 4 + n;
		left -= 4 + n;
	}
	return false;
}

static const struct rrset *steered_rrset(const struct query_ahead *a)
{
	const struct node *n = a->found.node;

	if ((a->zv->steer == NULL && a->zv->borrowed == NULL) || n == NULL ||
	    (a->found.match != ZONE_EXACT && a->found.match != ZONE_WILDCARD))
		return NULL;
	const struct rrset *r = node_rrset(n, a->qtype);
	if (r == NULL)
		r = node_rrset(n, TYPE_CNAME);
	return r != NULL && r->steering != NULL ? r : NULL;
}

/* A steered question of the batch. */
struct ahead {
	struct query_ahead *of;
	const struct rrset *rrset; /* then the variant of it */
};

static void ask_for_variants(struct ahead *all, const struct steer_look *looks, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (looks[i].variant < all[i].rrset->steering->variant_n)
			__builtin_prefetch(&all[i].rrset->steering->variant[looks[i].variant]);
	for (unsigned i = 0; i < n; i++) {
		if (looks[i].variant >= all[i].rrset->steering->variant_n)
			continue;
		all[i].rrset = rrset_variant(all[i].rrset, looks[i].variant);
		__builtin_prefetch(all[i].rrset);
		__builtin_prefetch((const uint8_t *)all[i].rrset + LINE - 1);
	}
	for (unsigned i = 0; i < n; i++)
		if (all[i].of->zv->keys != NULL && all[i].rrset->sig_id != 0)
			sigcache_prefetch(all[i].of->zv->sigs, all[i].rrset->sig_id);
}

/* The choices; aliases that nobody resolved have none, and hints two, which are not looked for. */
static void look_at(struct ahead *all, unsigned n)
{
	struct steer_look looks[QUERY_AHEAD_MAX];
	unsigned used = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct rrset_steering *steering = all[i].rrset->steering;
		struct steer_found *found = &all[i].of->steered;
		found->set = zone_view_steer(all[i].of->zv, steering);
		found->policy = steering->policy;
		if (found->set == NULL || steering->failed || steering->hints) {
			found->set = NULL;
			continue;
		}
		all[used] = all[i];
		looks[used++].found = found;
	}
	steer_look_many(looks, used);
	ask_for_variants(all, looks, used);
}

void query_steer_ahead(const struct span *in, const struct ip_addr *from, struct query_ahead *ahead,
		       unsigned n)
{
	struct ahead all[QUERY_AHEAD_MAX];
	unsigned used = 0;

	for (unsigned i = 0; i < n; i++) {
		struct query_ahead *a = &ahead[i];
		a->steered.set = NULL;
		const struct rrset *r =
		    a->done && a->zv != NULL && a->zv->zone != NULL ? steered_rrset(a) : NULL;
		if (r == NULL)
			continue;
		__builtin_prefetch(r->steering);
		all[used] = (struct ahead){ a, r };
		if (!a->zv->ecs ||
		    !find_subnet(in[i], MESSAGE_HEADER_LEN + a->asked.len + 4u, &a->steered.client))
			a->steered.client = from[i];
		used++;
	}
	look_at(all, used);
}
