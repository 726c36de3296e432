// SPDX-License-Identifier: Apache-2.0
/* From policies as written to what steer_choose() reads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/wire.h"
#include "geo/draw.h"
#include "geo/partition_store.h"
#include "geo/steer_internal.h"

struct compile {
	struct steer_set *set;
	const struct location_db *db;
};

/* ---- variants ---- */

static bool add_defaults(struct variants *v, const struct policy *p)
{
	struct span *all = malloc((p->default_n + 1) * sizeof *all);
	uint32_t number;

	for (size_t i = 0; all != NULL && i < p->default_n; i++)
		all[i] = p->defaults[i].rdata;
	bool ok = all != NULL && variants_add(v, all, p->default_n, p->ttl, &number);
	free(all);
	return ok;
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

static bool copy_windows(struct arena *a, const struct policy_window *from, size_t n,
			 const struct policy_window **to, size_t *to_n)
{
	*to_n = n;
	*to = n > 0 ? arena_copy(a, from, n * sizeof *from) : NULL;
	return n == 0 || *to != NULL;
}

static bool compile_value(struct steer_set *s, const struct policy *p,
			  const struct policy_value *from, uint32_t ttl, struct variants *v,
			  struct steer_value *to)
{
	uint8_t *canonical = arena_copy(s->arena, from->rdata.p, from->rdata.n);

	if (canonical == NULL || !variants_add(v, &from->rdata, 1, ttl, &to->variant) ||
	    !copy_windows(s->arena, from->drains, from->drain_n, &to->drains, &to->drain_n))
		return false;
	rdata_canonicalize(p->type, from->rdata, canonical);
	to->rdata = (struct span){ canonical, from->rdata.n };
	to->weight = from->weight;
	to->shed_low = from->shed_low;
	to->shed_high = from->shed_high;
	to->text = arena_strdup(s->arena, from->text);
	return to->text != NULL && word_of(s, p, from, &to->health);
}

/* Values of a pool into *values, and what they allow the pool to say. */
static bool compile_values(struct steer_set *s, const struct policy *p,
			   const struct policy_pool *from, struct variants *v,
			   struct steer_pool *to, struct steer_value *values)
{
	uint32_t ttl = from->has_ttl ? from->ttl : p->ttl;
	struct span *original = malloc((from->value_n + 1) * sizeof *original);
	bool varies = from->drain_n > 0, ok = original != NULL;

	for (size_t i = 0; ok && i < from->value_n; i++) {
		if (from->values[i].status == POLICY_DOWN)
			continue;
		struct steer_value *made = &values[to->n];
		original[to->n++] = from->values[i].rdata;
		ok = compile_value(s, p, &from->values[i], ttl, v, made);
		to->sheds = to->sheds || made->shed_high > 0;
		varies = varies || made->health != NULL || made->drain_n > 0;
	}
	to->answers = from->answers > 1 ? from->answers : 1;
	if (to->answers > to->n)
		to->answers = to->n > 0 ? to->n : 1; /* all of them may be down for good */
	if (ok && to->answers > 1)
		ok = compile_sets(s->arena, v, to, original, ttl, varies || to->sheds);
	free(original);
	return ok;
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
	return to->name != NULL &&
	       copy_windows(s->arena, from->drains, from->drain_n, &to->drains, &to->drain_n) &&
	       compile_values(s, p, from, v, to, values);
}

/* ---- rules ---- */

/* "geos EU, NA-US; subnets 10.0.0.0/8; AS 64500; networks office; the nearest 3 of 5 pools". */
static char *describe(struct arena *a, const struct policy_rule *r)
{
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);
	const char *between = "";

	if (f == NULL)
		return NULL;
	for (size_t i = 0; i < r->geo_n; i++)
		fprintf(f, "%s%s", i == 0 ? "geos " : ", ", r->geos[i].code);
	between = r->geo_n > 0 ? "; " : "";
	for (size_t i = 0; i < r->subnet_n; i++)
		fprintf(f, "%s%s%s", i == 0 ? between : ", ", i == 0 ? "subnets " : "",
			r->subnets[i].text);
	between = r->geo_n + r->subnet_n > 0 ? "; " : "";
	for (size_t i = 0; i < r->asn_n; i++)
		fprintf(f, "%s%s%u", i == 0 ? between : ", ", i == 0 ? "AS " : "",
			r->asns[i].number);
	between = r->geo_n + r->subnet_n + r->asn_n > 0 ? "; " : "";
	for (size_t i = 0; i < r->network_n; i++)
		fprintf(f, "%s%s%s", i == 0 ? between : ", ", i == 0 ? "networks " : "",
			r->networks[i].text);
	if (r->geo_n + r->subnet_n + r->asn_n + r->network_n == 0)
		fputs("everyone else", f);
	if (r->nearest > 0)
		fprintf(f, "; the nearest %u of %zu pools", r->nearest, r->pool_n);
	bool ok = fclose(f) == 0;
	char *copy = ok ? arena_strdup(a, out) : NULL;
	free(out);
	return copy;
}

/* Whether the answer of a pool may depend on the client beyond the rule. */
static bool pool_draws(const struct steer_pool *pool)
{
	return pool->n > pool->answers || pool->sheds;
}

/* ... or that of any pool that may come to answer. */
static bool chain_draws(const struct steer_policy *p, const struct steer_rule *rule)
{
	if (p->unsticky)
		return false;
	if (p->fail == POLICY_FAIL_POOL && pool_draws(&p->pools[p->fail_pool]))
		return true;
	for (uint32_t i = 0; i < rule->chain_n; i++)
		if (pool_draws(&p->pools[rule->chain[i]]))
			return true;
	return false;
}

/* The answer of a chain whose first pool with any values has just one, and what its health is. */
static struct steer_outcome outcome_of(const struct steer_policy *p, const struct steer_rule *rule)
{
	struct steer_outcome o = { .variant = DRAW, .keyed = chain_draws(p, rule) };
	uint32_t i = 0;

	while (i < rule->chain_n && p->pools[rule->chain[i]].n == 0)
		i++;
	if (i == rule->chain_n) {
		if (p->fail == POLICY_FAIL_VALUES || p->fail == POLICY_FAIL_OPEN)
			o.variant = 0; /* always the default values */
		return o;
	}
	const struct steer_pool *pool = &p->pools[rule->chain[i]];
	if (pool->n > 1 || pool->sheds || pool->drain_n > 0 || pool->values[0].drain_n > 0)
		return o;
	o.variant = pool->values[0].variant;
	o.health = pool->values[0].health;
	return o;
}

/* The pools of a rule in the order in which they are tried, each once: its own (as listed, or as
 * `order` has them), then the fallbacks of the last of them. */
static bool compile_chain(struct arena *a, const struct policy *p, const struct policy_rule *from,
			  const struct steer_order *order, const struct steer_pool *pools,
			  struct steer_rule *to)
{
	uint32_t *chain = malloc((p->pool_n + 1) * sizeof *chain);
	bool *seen = calloc(p->pool_n + 1, sizeof *seen);
	size_t own = order != NULL ? order->pool_n : from->pool_n;
	uint32_t pool = POOL_NONE, n = 0;

	for (size_t i = 0; chain != NULL && seen != NULL && i < own; i++) {
		pool = pool_number(p, from->pools[order != NULL ? order->pool[i] : i].text);
		chain[n++] = pool;
		seen[pool] = true;
	}
	if (chain != NULL && seen != NULL && pool != POOL_NONE)
		for (pool = pools[pool].fallback; pool != POOL_NONE; pool = pools[pool].fallback)
			if (!seen[pool])
				chain[n++] = pool;
	bool ok = chain != NULL && seen != NULL;
	to->chain = ok ? arena_copy(a, chain, n * sizeof *chain) : NULL;
	to->chain_n = n;
	to->pool_name = ok ? pools[chain[0]].name : NULL;
	free(seen);
	free(chain);
	return to->chain != NULL;
}

static enum err compile_class(struct compile *c, const struct policy *p, struct steer_policy *to,
			      struct steer_rule *rule, const struct steer_order *order)
{
	const struct policy_rule *from = &p->rules[rule->number];

	if (rule->match == NULL)
		rule->match = describe(c->set->arena, from);
	if (rule->match == NULL || !compile_chain(c->set->arena, p, from, order, to->pools, rule))
		return ERR_NOMEM;
	return ERR_OK;
}

/* Classes are the rules as they stand, then what distance makes of them. */
static enum err compile_rules(struct compile *c, const struct policy *p, struct steer_policy *to)
{
	struct shared_partition *shared = NULL;
	enum err e = steer_take_partition(c->set->store, p, c->db, &shared);

	if (e)
		return e;
	c->set->partitions[c->set->partition_n++] = shared;
	const struct steer_partition *made = &shared->made;
	size_t n = p->rule_n + made->order_n;
	struct steer_rule *rules = arena_alloc(c->set->arena, n * sizeof *rules);
	struct steer_outcome *outcomes = arena_alloc(c->set->arena, n * sizeof *outcomes);
	if (rules == NULL || outcomes == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; !e && i < n; i++) {
		const struct steer_order *order =
		    i < p->rule_n ? NULL : &made->orders[i - p->rule_n];
		rules[i].number = order == NULL ? (uint32_t)i : order->rule;
		rules[i].match = order == NULL ? NULL : rules[order->rule].match;
		e = compile_class(c, p, to, &rules[i], order);
		if (!e)
			outcomes[i] = outcome_of(to, &rules[i]);
	}
	to->partition = made->partition;
	to->rules = rules;
	to->outcomes = outcomes;
	to->rule_n = (uint32_t)p->rule_n;
	to->class_n = (uint32_t)n;
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

static size_t most_variants(const struct policy *p)
{
	size_t n = 1;

	for (size_t i = 0; i < p->pool_n; i++)
		n += p->pools[i].value_n +
		     (p->pools[i].answers > 1 ? policy_pool_sets(&p->pools[i], true) : 0);
	return n;
}

static enum err compile_policy(struct compile *c, const struct policy *p, struct steer_policy *to)
{
	struct arena *a = c->set->arena;
	struct variants v;
	enum err e = ERR_NOMEM;
	struct steer_pool *pools = arena_alloc(a, p->pool_n * sizeof *pools);

	if (!variants_start(&v, a, most_variants(p)))
		return ERR_NOMEM;
	if (pools == NULL || !compile_message(a, p, to) || !add_defaults(&v, p))
		goto done;
	for (size_t i = 0; i < p->pool_n; i++)
		if (!compile_pool(c->set, p, &p->pools[i], &v, &pools[i]))
			goto done;
	to->pools = pools;
	to->pool_n = (uint32_t)p->pool_n;
	to->fail = p->fail;
	to->fail_pool = p->fail == POLICY_FAIL_POOL ? pool_number(p, p->fail_pool) : POOL_NONE;
	to->unsticky = p->unsticky != 0;
	to->variants = arena_copy(a, v.all, v.n * sizeof *v.all);
	to->variant_n = v.n;
	e = to->variants != NULL ? compile_rules(c, p, to) : ERR_NOMEM;
done:
	variants_end(&v);
	return e;
}

/* The set has a reference for each policy: now it needs one for each partition. */
static int by_place(const void *a, const void *b)
{
	const struct shared_partition *const *x = a, *const *y = b;

	return (*x > *y) - (*x < *y);
}

static void keep_each_once(struct steer_set *s)
{
	size_t n = 0;

	if (s->partition_n > 1)
		qsort(s->partitions, s->partition_n, sizeof(struct shared_partition *), by_place);
	for (size_t i = 0; i < s->partition_n; i++) {
		if (n > 0 && s->partitions[n - 1] == s->partitions[i])
			steer_give_partition(s->store, s->partitions[i]);
		else
			s->partitions[n++] = s->partitions[i];
	}
	s->partition_n = n;
}

static enum err start(struct steer_set *s, size_t n, const struct steer_options *options)
{
	s->key = draw_key(options->seed);
	if (options->health != NULL)
		s->health = *options->health;
	if (options->store == NULL)
		s->own_store = partition_store_new(options->max_bytes);
	s->store = options->store != NULL ? options->store : s->own_store;
	s->arena = arena_new(0);
	s->partitions = calloc(n + 1, sizeof(struct shared_partition *));
	if (s->store == NULL || s->arena == NULL || s->partitions == NULL)
		return ERR_NOMEM;
	s->policies = arena_alloc(s->arena, (n + 1) * sizeof *s->policies);
	return s->policies != NULL ? ERR_OK : ERR_NOMEM;
}

enum err steer_compile(struct steer_set **out, const struct policy *const *policies, size_t n,
		       const struct location_db *db, const struct steer_options *options)
{
	struct steer_set *s = calloc(1, sizeof *s);
	struct compile c = { .set = s, .db = db };

	if (s == NULL)
		return ERR_NOMEM;
	enum err e = start(s, n, options);
	while (!e && s->policy_n < n) {
		e = compile_policy(&c, policies[s->policy_n], &s->policies[s->policy_n]);
		if (e && options->refused != NULL)
			*options->refused = policies[s->policy_n];
		s->policy_n += e == ERR_OK;
	}
	if (e) {
		steer_free(s);
		return e;
	}
	keep_each_once(s);
	arena_seal(s->arena);
	*out = s;
	return ERR_OK;
}

void steer_free(struct steer_set *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->partition_n; i++)
		steer_give_partition(s->store, s->partitions[i]);
	for (size_t i = 0; i < s->word_n; i++)
		s->health.release(s->health.context, s->words[i]);
	free(s->words);
	free(s->partitions);
	partition_store_free(s->own_store);
	arena_free(s->arena);
	free(s);
}
