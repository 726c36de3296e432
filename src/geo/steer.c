// SPDX-License-Identifier: Apache-2.0
/* The choice at query time. */
#include "geo/steer.h"

#include <string.h>

#include "geo/draw.h"
#include "geo/steer_internal.h"

#define MESSAGE_MAX                                                                                \
	(257 + 9 + 256) /* owner and type, client key or nonce, RDATA and what follows */
#define SHED_ALL 256u

static uint8_t key_len(enum ip_family family)
{
	return family == IP_V4 ? STEER_KEY_V4 : STEER_KEY_V6;
}

/* One choice while it is made. */
struct choosing {
	const struct steer_set *s;
	const struct steer_policy *p;
	const struct ip_addr *client;
	struct steer_moment moment;
	struct steer_trace *trace;
	size_t start_n; /* of the message, 0: not written yet */
	uint8_t message[MESSAGE_MAX];
	/* The values of a pool that may answer now. Words change while we look: each is read once.
	 */
	const struct steer_pool *pool;
	uint32_t n;
	uint16_t at[POLICY_VALUES_MAX];
};

/* Owner, type, family octet, address cut to the key's length; or instead of these two an octet 0
 * and the question's number. */
static void start_message(struct choosing *c)
{
	size_t n = c->p->message.n, octets = key_len(c->client->family) / 8u;

	if (c->start_n > 0)
		return;
	memcpy(c->message, c->p->message.p, n);
	if (c->p->unsticky) {
		c->message[n++] = 0;
		for (int shift = 56; shift >= 0; shift -= 8)
			c->message[n++] = (uint8_t)(c->moment.nonce >> shift);
		c->start_n = n;
		return;
	}
	c->message[n++] = c->client->family;
	memcpy(c->message + n, c->client->bytes, octets);
	c->start_n = n + octets;
}

/* The hash of client and value; one that ends in `more` is another. */
static uint64_t hash_value(struct choosing *c, const struct steer_value *v, const char *more)
{
	start_message(c);
	memcpy(c->message + c->start_n, v->rdata.p, v->rdata.n);
	size_t n = c->start_n + v->rdata.n;
	if (more[0] != 0)
		c->message[n++] = (uint8_t)more[0];
	return siphash(&c->s->key, c->message, n);
}

static bool is_within(const struct policy_window *w, size_t n, int64_t now)
{
	for (size_t i = 0; i < n; i++)
		if (w[i].from <= now && now < w[i].until)
			return true;
	return false;
}

/* From the low watermark on a growing share of clients is sent elsewhere; the same ones as long as
 * the load stays. */
static bool is_shed(struct choosing *c, const struct steer_value *v, uint32_t load)
{
	if (v->shed_high == 0 || load <= v->shed_low)
		return false;
	uint32_t level = load >= v->shed_high
			     ? SHED_ALL
			     : (load - v->shed_low) * SHED_ALL / (v->shed_high - v->shed_low);
	return (hash_value(c, v, "s") & (SHED_ALL - 1)) < level;
}

static enum steer_use use_of(struct choosing *c, const struct steer_value *v, uint32_t word,
			     bool unchecked)
{
	if (unchecked)
		return STEER_UNCHECKED;
	if (!health_word_is_up(word))
		return STEER_IS_DOWN;
	if (is_within(v->drains, v->drain_n, c->moment.now) ||
	    is_within(c->pool->drains, c->pool->drain_n, c->moment.now))
		return STEER_IS_DRAINED;
	return is_shed(c, v, health_word_fed(word)) ? STEER_IS_SHED : STEER_USABLE;
}

static void trace_pool(struct steer_trace *t, const struct steer_pool *pool)
{
	if (t == NULL || t->chain_n == STEER_TRACE_POOLS)
		return;
	t->chain[t->chain_n].pool = pool->name;
	t->chain[t->chain_n].value_n = pool->value_n;
	t->chain_n++;
}

static void trace_use(struct steer_trace *t, const struct steer_value *v, uint32_t word,
		      enum steer_use use)
{
	if (t == NULL)
		return;
	t->chain[t->chain_n - 1].usable_n += use == STEER_USABLE || use == STEER_UNCHECKED;
	if (t->values_n == STEER_TRACE_VALUES)
		return;
	t->values[t->values_n].chain = t->chain_n - 1;
	t->values[t->values_n].text = v->text;
	t->values[t->values_n].health = v->health;
	t->values[t->values_n].word = word;
	t->values[t->values_n].use = use;
	t->values_n++;
}

static void find_usable(struct choosing *c, const struct steer_pool *pool, bool unchecked)
{
	trace_pool(c->trace, pool);
	c->pool = pool;
	c->n = 0;
	for (uint32_t i = 0; i < pool->n; i++) {
		const struct steer_value *v = &pool->values[i];
		uint32_t word = v->health != NULL ? health_word_load(v->health) : 0;
		enum steer_use use = use_of(c, v, word, unchecked);
		if (use == STEER_USABLE || use == STEER_UNCHECKED)
			c->at[c->n++] = (uint16_t)i;
		trace_use(c->trace, v, word, use);
	}
}

/* The `want` usable values with the least cost by weight, the best first; of equals the first in
 * the file. */
static void draw(struct choosing *c, uint32_t want, uint16_t best[POLICY_ANSWERS_MAX])
{
	uint32_t cost[POLICY_ANSWERS_MAX], n = 0;

	for (uint32_t i = 0; i < c->n; i++) {
		const struct steer_value *v = &c->pool->values[c->at[i]];
		uint32_t mine = draw_cost(hash_value(c, v, ""));
		uint32_t k = n < want ? n++ : want;
		for (; k > 0 &&
		       draw_less(mine, v->weight, cost[k - 1], c->pool->values[best[k - 1]].weight);
		     k--) {
			if (k == want)
				continue;
			best[k] = best[k - 1];
			cost[k] = cost[k - 1];
		}
		if (k == want)
			continue;
		best[k] = c->at[i];
		cost[k] = mine;
	}
}

/* The number of the set among those of its size: places ascending. */
static uint32_t variant_of_set(const struct steer_pool *pool, uint16_t *at, uint32_t n)
{
	uint32_t number = pool->sets->start[n];

	for (uint32_t i = 1; i < n; i++) {
		uint16_t v = at[i];
		uint32_t k = i;
		for (; k > 0 && at[k - 1] > v; k--)
			at[k] = at[k - 1];
		at[k] = v;
	}
	for (uint32_t i = 0; i < n; i++)
		number += pool->sets->binomial[i * pool->n + at[i]];
	return pool->sets->variant[number];
}

static void trace_values(struct choosing *c, const uint16_t *chosen, bool drawn)
{
	struct steer_trace *t = c->trace;

	if (t == NULL)
		return;
	t->drawn = drawn;
	t->client_key.len = key_len(c->client->family);
	t->client_key.addr = ip_cut(c->client, t->client_key.len);
	t->value = c->pool->values[chosen[0]].text;
	t->weight = c->pool->values[chosen[0]].weight;
	for (uint32_t i = 0; i < c->n; i++)
		t->weight_sum += c->pool->values[c->at[i]].weight;
}

/* The answer of a pool that has usable values. */
static uint32_t answer_of(struct choosing *c)
{
	uint16_t chosen[POLICY_ANSWERS_MAX];
	uint32_t n = c->n < c->pool->answers ? c->n : c->pool->answers;

	if (n < c->n)
		draw(c, n, chosen);
	else
		memcpy(chosen, c->at, n * sizeof *chosen);
	trace_values(c, chosen, n < c->n);
	return n == 1 ? c->pool->values[chosen[0]].variant : variant_of_set(c->pool, chosen, n);
}

/* No pool of the chain has a usable value. */
static uint32_t fail(struct choosing *c, const struct steer_rule *rule)
{
	const struct steer_policy *p = c->p;
	const struct steer_pool *pool = NULL;

	if (c->trace != NULL)
		c->trace->failed = true;
	if (p->fail == POLICY_FAIL_SERVFAIL)
		return STEER_SERVFAIL;
	if (p->fail == POLICY_FAIL_POOL)
		pool = &p->pools[p->fail_pool];
	for (uint32_t i = 0; p->fail == POLICY_FAIL_OPEN && pool == NULL && i < rule->chain_n; i++)
		if (p->pools[rule->chain[i]].n > 0)
			pool = &p->pools[rule->chain[i]];
	if (pool != NULL && pool->n > 0) {
		find_usable(c, pool, true);
		return answer_of(c);
	}
	if (c->trace != NULL)
		c->trace->defaulted = true;
	return 0;
}

static uint32_t walk_chain(struct choosing *c, const struct steer_rule *rule)
{
	for (uint32_t i = 0; i < rule->chain_n; i++) {
		find_usable(c, &c->p->pools[rule->chain[i]], false);
		if (c->n > 0)
			return answer_of(c);
	}
	return fail(c, rule);
}

/* Apart, so that the way of most answers does not make room for it. */
static __attribute__((noinline)) uint32_t choose_slowly(
    const struct steer_set *s, const struct steer_policy *p, const struct steer_rule *rule,
    const struct ip_addr *client, const struct steer_moment *moment, struct steer_trace *trace)
{
	static const struct steer_moment NEVER = { INT64_MIN, 0 };
	struct choosing c;

	c.s = s;
	c.p = p;
	c.client = client;
	c.moment = moment != NULL ? *moment : NEVER;
	c.trace = trace;
	c.start_n = 0;
	return walk_chain(&c, rule);
}

/* The least length of a prefix whose addresses all have the client's key. */
static uint8_t keyed_scope(const struct ip_addr *client, const struct located *at, uint8_t scope)
{
	uint8_t least = key_len(at->addr.family);

	if (at->in != NULL) {
		least = (uint8_t)(least + at->in->at);
	} else if (client->family == IP_V6) {
		uint8_t apart = embedding_apart(address_of(client), STEER_KEY_V6);
		least = apart > least ? apart : least;
	}
	return scope > least ? scope : least;
}

/* What a rule ends with where no pool needs to be looked into. */
static bool is_settled(const struct steer_outcome *o)
{
	return o->variant != DRAW &&
	       (o->health == NULL || health_word_is_up(health_word_load(o->health)));
}

static bool is_of(const struct steer_found *f, const struct steer_set *s, uint32_t policy,
		  const struct ip_addr *client)
{
	return f != NULL && f->set == s && f->policy == policy && ip_equal(&f->client, client);
}

struct steer_choice steer_choose_at(const struct steer_set *s, uint32_t policy,
				    const struct ip_addr *client, const struct steer_moment *moment,
				    const struct steer_found *found, struct steer_trace *trace)
{
	const struct steer_policy *p = &s->policies[policy];
	const struct located at = embedding_locate(client);

	if (trace != NULL)
		*trace = (struct steer_trace){ 0 };
	struct partition_hit hit = is_of(found, s, policy, client)
				       ? (struct partition_hit){ found->class, found->scope }
				       : partition_find(p->partition, client, &at);
	const struct steer_outcome *o = &p->outcomes[hit.class];
	struct steer_choice c = { .variant = o->variant, .scope = hit.scope };
	if (o->keyed)
		c.scope = keyed_scope(client, &at, c.scope);
	if (trace == NULL && is_settled(o))
		return c;
	if (trace != NULL) {
		trace->rule = p->rules[hit.class].number;
		trace->leaf_len = hit.scope;
	}
	c.variant = choose_slowly(s, p, &p->rules[hit.class], &at.addr, moment, trace);
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

uint32_t steer_variant_ttl(const struct steer_set *s, uint32_t policy, uint32_t variant)
{
	return s->policies[policy].variants[variant].ttl;
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

bool steer_rule_is_reached(const struct steer_set *s, uint32_t policy, uint32_t rule)
{
	const struct steer_policy *p = &s->policies[policy];

	for (uint32_t class = 0; class < p->class_n; class ++)
		if (p->rules[class].number == rule && partition_has_class(p->partition, class))
			return true;
	return false;
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
		n += s->partitions[i]->bytes;
	return n;
}
