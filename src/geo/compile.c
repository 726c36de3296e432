// SPDX-License-Identifier: Apache-2.0
/* From policies as written to what steer_choose() reads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/wire.h"
#include "geo/draw.h"
#include "geo/steer_internal.h"

struct compile {
	struct steer_set *set;
	const struct location_db *db;
	size_t max_bytes, partition_bytes;
};

/* ---- variants ---- */

/* A copy of a value's RDATA; a CNAME's name keeps its case here, and gets canonical form for the
 * draw. */
static bool copy_span(struct arena *a, struct span from, struct span *out)
{
	out->p = arena_copy(a, from.p, from.n);
	out->n = from.n;
	return out->p != NULL;
}

struct variants {
	struct steer_variant *all;
	uint32_t n;
};

static bool add_defaults(struct arena *a, const struct policy *p, struct variants *v)
{
	struct span *all = arena_alloc(a, p->default_n * sizeof *all);

	for (size_t i = 0; all != NULL && i < p->default_n; i++)
		if (!copy_span(a, p->defaults[i].rdata, &all[i]))
			return false;
	v->all[0] = (struct steer_variant){ all, p->default_n };
	v->n = 1;
	return all != NULL;
}

/* The variant that is just this value; the defaults where they are. */
static bool variant_of(struct arena *a, struct variants *v, struct span rdata, uint32_t *out)
{
	for (uint32_t i = 0; i < v->n; i++) {
		if (v->all[i].n == 1 && span_equal(v->all[i].rdata[0], rdata)) {
			*out = i;
			return true;
		}
	}
	struct span *one = arena_alloc(a, sizeof *one);
	if (one == NULL || !copy_span(a, rdata, one))
		return false;
	v->all[v->n] = (struct steer_variant){ one, 1 };
	*out = v->n++;
	return true;
}

/* ---- pools ---- */

static uint32_t pool_number(const struct policy *p, const char *name)
{
	for (uint32_t i = 0; name != NULL && i < p->pool_n; i++)
		if (strcmp(p->pools[i].name, name) == 0)
			return i;
	return POOL_NONE;
}

static bool keep_word(struct steer_set *s, const health_word *word)
{
	if (s->word_n == s->word_cap) {
		size_t cap = s->word_cap == 0 ? 64 : s->word_cap * 2;
		const health_word **more = realloc(s->words, cap * sizeof *more);
		if (more == NULL)
			return false;
		s->words = more;
		s->word_cap = cap;
	}
	s->words[s->word_n++] = word;
	return true;
}

/* NULL in *out: nobody checks this value. */
static bool word_of(struct steer_set *s, const struct policy *p, const struct policy_value *value,
		    const health_word **out)
{
	*out = NULL;
	if (s->health.word == NULL || p->healthcheck == NULL || value->status != POLICY_OBEY)
		return true;
	const health_word *word = s->health.word(s->health.context, p, value);
	if (word == NULL)
		return false;
	if (!keep_word(s, word)) {
		s->health.release(s->health.context, word);
		return false;
	}
	*out = word;
	return true;
}

static bool compile_value(struct steer_set *s, const struct policy *p,
			  const struct policy_value *from, struct variants *v,
			  struct steer_value *to)
{
	uint8_t *canonical = arena_copy(s->arena, from->rdata.p, from->rdata.n);

	if (canonical == NULL || !variant_of(s->arena, v, from->rdata, &to->variant))
		return false;
	rdata_canonicalize(p->type, from->rdata, canonical);
	to->rdata = (struct span){ canonical, from->rdata.n };
	to->weight = from->weight;
	to->text = arena_strdup(s->arena, from->text);
	return to->text != NULL && word_of(s, p, from, &to->health);
}

static bool compile_pool(struct steer_set *s, const struct policy *p,
			 const struct policy_pool *from, struct variants *v, struct steer_pool *to)
{
	struct steer_value *values = arena_alloc(s->arena, (from->value_n + 1) * sizeof *values);

	if (values == NULL)
		return false;
	*to = (struct steer_pool){
		.name = arena_strdup(s->arena, from->name),
		.values = values,
		.value_n = (uint32_t)from->value_n,
		.fallback = pool_number(p, from->fallback),
	};
	for (size_t i = 0; i < from->value_n; i++)
		if (from->values[i].status != POLICY_DOWN &&
		    !compile_value(s, p, &from->values[i], v, &values[to->n++]))
			return false;
	return to->name != NULL;
}

/* ---- rules ---- */

static char *describe(struct arena *a, const struct policy_rule *r)
{
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);

	if (f == NULL)
		return NULL;
	for (size_t i = 0; i < r->geo_n; i++)
		fprintf(f, "%s%s", i == 0 ? "geos " : ", ", r->geos[i].code);
	for (size_t i = 0; i < r->subnet_n; i++)
		fprintf(f, "%s%s",
			i > 0          ? ", "
			: r->geo_n > 0 ? "; subnets "
				       : "subnets ",
			r->subnets[i].text);
	if (r->geo_n + r->subnet_n == 0)
		fputs("everyone else", f);
	bool ok = fclose(f) == 0;
	char *copy = ok ? arena_strdup(a, out) : NULL;
	free(out);
	return copy;
}

/* Whether the choice may depend on the client beyond the rule: several values that may be usable in
 * any pool that may come to answer. */
static bool chain_draws(const struct steer_pool *pools, uint32_t pool)
{
	for (; pool != POOL_NONE; pool = pools[pool].fallback)
		if (pools[pool].n > 1)
			return true;
	return false;
}

/* The answer of a chain whose first pool with any values has just one, and what its health is. */
static struct steer_outcome outcome_of(const struct steer_pool *pools, uint32_t pool)
{
	struct steer_outcome o = { .keyed = chain_draws(pools, pool) };

	while (pool != POOL_NONE && pools[pool].n == 0)
		pool = pools[pool].fallback;
	if (pool == POOL_NONE)
		return o; /* the default values */
	o.variant = pools[pool].n == 1 ? pools[pool].values[0].variant : DRAW;
	o.health = pools[pool].n == 1 ? pools[pool].values[0].health : NULL;
	return o;
}

/* ---- partitions, shared by policies whose rules match alike ---- */

static char *matchers_of(const struct policy *p)
{
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);
	char text[IP_TEXT_MAX];

	if (f == NULL)
		return NULL;
	for (size_t i = 0; i < p->rule_n; i++) {
		for (size_t j = 0; j < p->rules[i].geo_n; j++)
			fprintf(f, "%s ", p->rules[i].geos[j].code);
		for (size_t j = 0; j < p->rules[i].subnet_n; j++)
			fprintf(f, "%s ", ip_prefix_to_text(&p->rules[i].subnets[j].prefix, text));
		fputs("|", f);
	}
	if (fclose(f) != 0) {
		free(out);
		return NULL;
	}
	return out;
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

static enum err intern(struct compile *c, const struct policy *p, const char *matchers,
		       const struct partition **out)
{
	static const struct siphash_key KEY = { 2, 0 };
	struct steer_set *s = c->set;
	uint64_t hash = siphash(&KEY, matchers, strlen(matchers));

	for (size_t i = 0; i < s->partition_n; i++) {
		if (s->partitions[i].hash == hash &&
		    strcmp(s->partitions[i].matchers, matchers) == 0) {
			*out = s->partitions[i].partition;
			return ERR_OK;
		}
	}
	struct interned *in = more_partitions(s) ? &s->partitions[s->partition_n] : NULL;
	if (in == NULL)
		return ERR_NOMEM;
	*in = (struct interned){ .hash = hash, .matchers = arena_strdup(s->arena, matchers) };
	if (in->matchers == NULL)
		return ERR_NOMEM;
	enum err e = steer_build_partition(&in->partition, p, c->db);
	if (e)
		return e;
	s->partition_n++;
	c->partition_bytes += partition_bytes(in->partition);
	*out = in->partition;
	return c->max_bytes != 0 && c->partition_bytes > c->max_bytes ? ERR_TOO_LONG : ERR_OK;
}

static enum err compile_rules(struct compile *c, const struct policy *p, struct steer_policy *to)
{
	struct steer_rule *rules = arena_alloc(c->set->arena, p->rule_n * sizeof *rules);
	struct steer_outcome *outcomes = arena_alloc(c->set->arena, p->rule_n * sizeof *outcomes);
	char *matchers = matchers_of(p);
	enum err e = rules == NULL || outcomes == NULL || matchers == NULL ? ERR_NOMEM : ERR_OK;

	for (size_t i = 0; !e && i < p->rule_n; i++) {
		rules[i].pool = pool_number(p, p->rules[i].pool);
		outcomes[i] = outcome_of(to->pools, rules[i].pool);
		rules[i].pool_name = to->pools[rules[i].pool].name;
		rules[i].match = describe(c->set->arena, &p->rules[i]);
		if (rules[i].match == NULL)
			e = ERR_NOMEM;
	}
	to->rules = rules;
	to->outcomes = outcomes;
	to->rule_n = (uint32_t)p->rule_n;
	if (!e)
		e = intern(c, p, matchers, &to->partition);
	free(matchers);
	return e;
}

static bool compile_message(struct arena *a, const struct policy *p, struct steer_policy *to)
{
	uint8_t message[NAME_MAX_LEN + 2];
	size_t n = name_lower(p->owner, message);

	store_u16(message + n, p->type);
	to->message = (struct span){ arena_copy(a, message, n + 2), n + 2 };
	return to->message.p != NULL;
}

static enum err compile_policy(struct compile *c, const struct policy *p, struct steer_policy *to)
{
	struct arena *a = c->set->arena;
	size_t values = 1;

	for (size_t i = 0; i < p->pool_n; i++)
		values += p->pools[i].value_n;
	struct variants v = { .all = arena_alloc(a, values * sizeof *v.all) };
	struct steer_pool *pools = arena_alloc(a, p->pool_n * sizeof *pools);
	if (v.all == NULL || pools == NULL || !compile_message(a, p, to) || !add_defaults(a, p, &v))
		return ERR_NOMEM;
	for (size_t i = 0; i < p->pool_n; i++)
		if (!compile_pool(c->set, p, &p->pools[i], &v, &pools[i]))
			return ERR_NOMEM;
	to->pools = pools;
	to->pool_n = (uint32_t)p->pool_n;
	to->variants = v.all;
	to->variant_n = v.n;
	return compile_rules(c, p, to);
}

enum err steer_compile(struct steer_set **out, const struct policy *const *policies, size_t n,
		       const struct location_db *db, const struct steer_options *options)
{
	enum err e = ERR_NOMEM;
	struct steer_set *s = calloc(1, sizeof *s);

	if (s == NULL)
		return ERR_NOMEM;
	struct compile c = { .set = s, .db = db, .max_bytes = options->max_bytes };
	s->key = draw_key(options->seed);
	if (options->health != NULL)
		s->health = *options->health;
	s->arena = arena_new(0);
	if (s->arena == NULL)
		goto failed;
	s->policies = arena_alloc(s->arena, (n + 1) * sizeof *s->policies);
	if (s->policies == NULL)
		goto failed;
	for (; s->policy_n < n; s->policy_n++) {
		e = compile_policy(&c, policies[s->policy_n], &s->policies[s->policy_n]);
		if (e)
			goto failed;
	}
	arena_seal(s->arena);
	*out = s;
	return ERR_OK;
failed:
	steer_free(s);
	return e;
}

void steer_free(struct steer_set *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->partition_n; i++)
		partition_free(s->partitions[i].partition);
	for (size_t i = 0; i < s->word_n; i++)
		s->health.release(s->health.context, s->words[i]);
	free(s->words);
	free(s->partitions);
	arena_free(s->arena);
	free(s);
}
