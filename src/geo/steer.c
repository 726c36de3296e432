// SPDX-License-Identifier: Apache-2.0
/* The choice at query time. */
#include "geo/steer.h"

#include <string.h>

#include "geo/draw.h"
#include "geo/steer_internal.h"

#define CACHE_LINE  64
#define MESSAGE_MAX (257 + 8 + 256) /* owner and type, client key, RDATA */

static uint8_t key_len(enum ip_family family)
{
	return family == IP_V4 ? STEER_KEY_V4 : STEER_KEY_V6;
}

/* Message: owner, type, family octet, address cut to the key's length. Returns its length. */
static size_t start_message(const struct steer_policy *p, const struct ip_addr *a,
			    uint8_t out[MESSAGE_MAX])
{
	size_t n = p->message.n, octets = key_len(a->family) / 8u;

	memcpy(out, p->message.p, n);
	out[n++] = a->family;
	memcpy(out + n, a->bytes, octets);
	return n + octets;
}

/* The values of a pool that may answer now. Words change while we look: each is read once. */
struct usable {
	const struct steer_pool *pool;
	uint32_t n;
	uint16_t at[POLICY_VALUES_MAX];
};

static void trace_pool(struct steer_trace *t, const struct steer_pool *pool)
{
	if (t == NULL || t->chain_n == STEER_TRACE_POOLS)
		return;
	t->chain[t->chain_n].pool = pool->name;
	t->chain[t->chain_n].value_n = pool->value_n;
	t->chain_n++;
}

static void trace_health(struct steer_trace *t, const struct steer_value *v, uint32_t word,
			 bool usable)
{
	if (t == NULL)
		return;
	t->chain[t->chain_n - 1].usable_n += usable;
	if (t->values_n == STEER_TRACE_VALUES)
		return;
	t->values[t->values_n].chain = t->chain_n - 1;
	t->values[t->values_n].text = v->text;
	t->values[t->values_n].health = v->health;
	t->values[t->values_n].word = word;
	t->values[t->values_n].usable = usable;
	t->values_n++;
}

static void find_usable(const struct steer_pool *pool, struct usable *u, struct steer_trace *t)
{
	trace_pool(t, pool);
	u->pool = pool;
	u->n = 0;
	for (uint32_t i = 0; i < pool->n; i++) {
		const struct steer_value *v = &pool->values[i];
		uint32_t word = v->health != NULL ? health_word_load(v->health) : 0;
		bool usable = health_word_is_up(word);
		if (usable)
			u->at[u->n++] = (uint16_t)i;
		trace_health(t, v, word, usable);
	}
}

static const struct steer_value *draw(const struct steer_set *s, const struct steer_policy *p,
				      const struct usable *u, const struct ip_addr *a)
{
	uint8_t message[MESSAGE_MAX];
	size_t n = start_message(p, a, message);
	const struct steer_value *best = NULL;
	uint32_t best_cost = 0;

	for (uint32_t i = 0; i < u->n; i++) {
		const struct steer_value *v = &u->pool->values[u->at[i]];
		memcpy(message + n, v->rdata.p, v->rdata.n);
		uint32_t cost = draw_cost(siphash(&s->key, message, n + v->rdata.n));
		if (best == NULL || draw_less(cost, v->weight, best_cost, best->weight)) {
			best = v;
			best_cost = cost;
		}
	}
	return best;
}

static void trace_value(struct steer_trace *t, const struct usable *u, const struct steer_value *v,
			const struct ip_addr *a)
{
	if (t == NULL)
		return;
	t->drawn = u->n > 1;
	t->client_key.len = key_len(a->family);
	t->client_key.addr = ip_cut(a, t->client_key.len);
	t->value = v->text;
	t->weight = v->weight;
	for (uint32_t i = 0; i < u->n; i++)
		t->weight_sum += u->pool->values[u->at[i]].weight;
}

/* The first pool of the chain with a usable value answers; the chain has no loops. At its end stand
 * the default values, which nobody checks: variant 0. */
static uint32_t walk_chain(const struct steer_set *s, const struct steer_policy *p,
			   const struct steer_rule *rule, const struct ip_addr *a,
			   struct steer_trace *t)
{
	struct usable u;

	for (uint32_t i = rule->pool; i != POOL_NONE; i = p->pools[i].fallback) {
		find_usable(&p->pools[i], &u, t);
		if (u.n == 0)
			continue;
		const struct steer_value *v =
		    u.n == 1 ? &u.pool->values[u.at[0]] : draw(s, p, &u, a);
		trace_value(t, &u, v, a);
		return v->variant;
	}
	if (t != NULL)
		t->defaulted = true;
	return 0;
}

/* What a rule ends with where no pool needs to be looked into. */
static bool is_settled(const struct steer_outcome *o)
{
	return o->variant != DRAW &&
	       (o->health == NULL || health_word_is_up(health_word_load(o->health)));
}

struct steer_choice steer_choose(const struct steer_set *s, uint32_t policy,
				 const struct ip_addr *client, struct steer_trace *trace)
{
	const struct steer_policy *p = &s->policies[policy];
	uint8_t shift;
	struct ip_addr a = address_located(client, &shift);

	if (trace != NULL)
		*trace = (struct steer_trace){ 0 };
	/* With thousands of policies these are rarely in the cache: fetched while the partition is
	 * searched. */
	__builtin_prefetch(p->outcomes);
	__builtin_prefetch((const char *)p->outcomes + CACHE_LINE);
	struct partition_hit hit = partition_find(p->partition, &a);
	const struct steer_outcome *o = &p->outcomes[hit.class];
	struct steer_choice c = { .variant = o->variant, .scope = hit.scope };
	if (o->keyed && c.scope < key_len(a.family))
		c.scope = key_len(a.family);
	if (c.scope > 0 || shift > 0)
		c.scope = (uint8_t)(c.scope + shift);
	if (trace == NULL && is_settled(o))
		return c;
	if (trace != NULL) {
		trace->rule = hit.class;
		trace->leaf_len = hit.scope;
	}
	c.variant = walk_chain(s, p, &p->rules[hit.class], &a, trace);
	return c;
}

/* ---- what explain and status ask ---- */

size_t steer_variant_n(const struct steer_set *s, uint32_t policy)
{
	return s->policies[policy].variant_n;
}

size_t steer_variant(const struct steer_set *s, uint32_t policy, uint32_t variant,
		     const struct span **rdata)
{
	const struct steer_variant *v = &s->policies[policy].variants[variant];

	*rdata = v->rdata;
	return v->n;
}

size_t steer_rule_n(const struct steer_set *s, uint32_t policy)
{
	return s->policies[policy].rule_n;
}

struct steer_rule_info steer_rule(const struct steer_set *s, uint32_t policy, uint32_t rule)
{
	const struct steer_rule *r = &s->policies[policy].rules[rule];

	return (struct steer_rule_info){ r->pool_name, r->match };
}

size_t steer_policy_n(const struct steer_set *s)
{
	return s->policy_n;
}

size_t steer_partition_n(const struct steer_set *s)
{
	return s->partition_n;
}

size_t steer_bytes(const struct steer_set *s)
{
	size_t n = arena_used(s->arena);

	for (size_t i = 0; i < s->partition_n; i++)
		n += partition_bytes(s->partitions[i].partition);
	return n;
}
