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

static const struct steer_value *draw(const struct steer_set *s, const struct steer_policy *p,
				      const struct steer_pool *pool, const struct ip_addr *a)
{
	uint8_t message[MESSAGE_MAX];
	size_t n = start_message(p, a, message);
	const struct steer_value *best = &pool->usable[0];
	uint32_t best_cost = 0;

	for (uint32_t i = 0; i < pool->usable_n; i++) {
		const struct steer_value *v = &pool->usable[i];
		memcpy(message + n, v->rdata.p, v->rdata.n);
		uint32_t cost = draw_cost(siphash(&s->key, message, n + v->rdata.n));
		if (i == 0 || draw_less(cost, v->weight, best_cost, best->weight)) {
			best = v;
			best_cost = cost;
		}
	}
	return best;
}

static void trace_pool(struct steer_trace *t, const struct steer_pool *pool)
{
	if (t == NULL || t->chain_n == STEER_TRACE_POOLS)
		return;
	t->chain[t->chain_n].pool = pool->name;
	t->chain[t->chain_n].usable_n = pool->usable_n;
	t->chain[t->chain_n].value_n = pool->value_n;
	t->chain_n++;
}

static void trace_value(struct steer_trace *t, const struct steer_pool *pool,
			const struct steer_value *v, const struct ip_addr *a)
{
	if (t == NULL)
		return;
	t->drawn = pool->usable_n > 1;
	t->client_key.len = key_len(a->family);
	t->client_key.addr = ip_cut(a, t->client_key.len);
	t->value = v->text;
	t->weight = v->weight;
	for (uint32_t i = 0; i < pool->usable_n; i++)
		t->weight_sum += pool->usable[i].weight;
}

/* The first pool of the chain with a usable value; the chain has no loops. */
static const struct steer_pool *pool_of(const struct steer_policy *p, const struct steer_rule *rule,
					struct steer_trace *t)
{
	for (uint32_t i = rule->pool; i != POOL_NONE; i = p->pools[i].fallback) {
		trace_pool(t, &p->pools[i]);
		if (p->pools[i].usable_n > 0)
			return &p->pools[i];
	}
	return NULL;
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
	if (trace == NULL && o->variant != DRAW)
		return c;
	const struct steer_rule *rule = &p->rules[hit.class];
	if (trace != NULL) {
		trace->rule = hit.class;
		trace->leaf_len = hit.scope;
	}
	const struct steer_pool *pool = pool_of(p, rule, trace);
	if (pool == NULL) { /* the default values: variant 0 already */
		trace->defaulted = true;
		return c;
	}
	const struct steer_value *v = pool->usable_n == 1 ? &pool->usable[0] : draw(s, p, pool, &a);
	trace_value(trace, pool, v, &a);
	c.variant = v->variant;
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
