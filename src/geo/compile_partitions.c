// SPDX-License-Identifier: Apache-2.0
/* Policies whose rules match alike share a partition: found by a hash of all that matters to it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "geo/steer_internal.h"

#define SLOTS_FIRST 64u /* power of two */

static void put_points(FILE *f, const struct policy *p, const struct policy_rule *r)
{
	fprintf(f, "nearest %u", r->nearest);
	for (size_t i = 0; i < r->pool_n; i++)
		for (size_t k = 0; k < p->pool_n; k++)
			if (strcmp(p->pools[k].name, r->pools[i].text) == 0)
				fprintf(f, " %d,%d,%d", p->pools[k].latitude, p->pools[k].longitude,
					p->pools[k].bias);
}

static char *matchers_of(const struct policy *p)
{
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);
	char text[IP_TEXT_MAX];

	if (f == NULL)
		return NULL;
	for (size_t i = 0; i < p->rule_n; i++) {
		const struct policy_rule *r = &p->rules[i];
		for (size_t j = 0; j < r->geo_n; j++)
			fprintf(f, "%s ", r->geos[j].code);
		for (size_t j = 0; j < r->subnet_n; j++)
			fprintf(f, "%s ", ip_prefix_to_text(&r->subnets[j].prefix, text));
		for (size_t j = 0; j < r->asn_n; j++)
			fprintf(f, "AS%u ", r->asns[j].number);
		for (size_t j = 0; j < r->network_n; j++)
			fprintf(f, "=%s ", r->networks[j].text);
		if (r->nearest > 0)
			put_points(f, p, r);
		fputs("|", f);
	}
	if (fclose(f) != 0) {
		free(out);
		return NULL;
	}
	return out;
}

/* The slot that has these matchers, or the free one where they belong. */
static uint32_t *slot_of(const struct steer_set *s, uint32_t *slots, size_t slot_n, uint64_t hash,
			 const char *matchers)
{
	size_t i = hash & (slot_n - 1);

	for (; slots[i] != 0; i = (i + 1) & (slot_n - 1)) {
		const struct interned *in = &s->partitions[slots[i] - 1];
		if (in->hash == hash && strcmp(in->matchers, matchers) == 0)
			break;
	}
	return &slots[i];
}

static bool more_slots(struct steer_set *s)
{
	size_t n = s->partition_slot_n == 0 ? SLOTS_FIRST : s->partition_slot_n * 2;

	if (s->partition_n * 2 < s->partition_slot_n)
		return true;
	uint32_t *slots = calloc(n, sizeof *slots);
	if (slots == NULL)
		return false;
	for (uint32_t i = 0; i < s->partition_n; i++)
		*slot_of(s, slots, n, s->partitions[i].hash, s->partitions[i].matchers) = i + 1;
	free(s->partition_slots);
	s->partition_slots = slots;
	s->partition_slot_n = n;
	return true;
}

static bool more_partitions(struct steer_set *s)
{
	if (s->partition_n < s->partition_cap)
		return true;
	size_t cap = s->partition_cap == 0 ? 8 : s->partition_cap * 2;
	struct interned *more = realloc(s->partitions, cap * sizeof *more);
	if (more == NULL)
		return false;
	s->partitions = more;
	s->partition_cap = cap;
	return true;
}

static enum err intern(struct steer_set *s, const struct policy *p, const struct location_db *db,
		       const char *matchers, const struct steer_partition **out)
{
	static const struct siphash_key KEY = { 2, 0 };
	uint64_t hash = siphash(&KEY, matchers, strlen(matchers));

	if (!more_slots(s) || !more_partitions(s))
		return ERR_NOMEM;
	uint32_t *slot = slot_of(s, s->partition_slots, s->partition_slot_n, hash, matchers);
	if (*slot == 0) {
		struct interned *in = &s->partitions[s->partition_n];
		*in =
		    (struct interned){ .hash = hash, .matchers = arena_strdup(s->arena, matchers) };
		if (in->matchers == NULL)
			return ERR_NOMEM;
		enum err e = steer_build_partition(&in->made, p, db);
		if (e)
			return e;
		*slot = (uint32_t)++s->partition_n;
	}
	*out = &s->partitions[*slot - 1].made;
	return ERR_OK;
}

enum err steer_intern_partition(struct steer_set *s, const struct policy *p,
				const struct location_db *db, const struct steer_partition **out)
{
	char *matchers = matchers_of(p);
	enum err e = matchers != NULL ? intern(s, p, db, matchers, out) : ERR_NOMEM;

	free(matchers);
	return e;
}
