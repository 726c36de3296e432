// SPDX-License-Identifier: Apache-2.0
/* One steered record: pools, rules and values into a policy. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "control/steering_check.h"
#include "control/steering_drain.h"
#include "control/steering_internal.h"
#include "control/steering_match.h"
#include "dns/name.h"
#include "dns/rrtype.h"
#include "geo/health_word.h"

/* ---- values ---- */

static enum err name_rdata(struct reading *r, const char *text, struct span *out)
{
	struct name name;

	/* octoDNS wants absolute names; one without its dot would silently grow the zone's. */
	if (text[0] == 0 || text[strlen(text) - 1] != '.' || name_from_text(text, r->zone, &name))
		return ERR_SYNTAX;
	uint8_t *copy = arena_copy(r->schema.arena, name.wire, name.len);
	*out = (struct span){ copy, name.len };
	return copy != NULL ? ERR_OK : ERR_NOMEM;
}

static enum err value_rdata(struct reading *r, const char *text, struct span *out)
{
	uint8_t bytes[16];
	bool v4 = r->type == TYPE_A;

	if (r->type == TYPE_CNAME)
		return name_rdata(r, text, out);
	if (inet_pton(v4 ? AF_INET : AF_INET6, text, bytes) != 1)
		return ERR_SYNTAX;
	uint8_t *copy = arena_copy(r->schema.arena, bytes, v4 ? 4 : 16);
	*out = (struct span){ copy, v4 ? 4 : 16 };
	return copy != NULL ? ERR_OK : ERR_NOMEM;
}

static enum err read_value_text(struct reading *r, const struct yaml_node *at,
				struct policy_value *v)
{
	const char *expected = r->type == TYPE_A      ? "an IPv4 address"
			       : r->type == TYPE_AAAA ? "an IPv6 address"
						      : "an absolute name, with its final dot";
	const char *text = schema_text(&r->schema, at, expected);

	if (text == NULL)
		return ERR_INVALID;
	v->at = policy_place_of(at);
	v->text = arena_strdup(r->schema.arena, text);
	if (v->text == NULL)
		return ERR_NOMEM;
	enum err e = value_rdata(r, text, &v->rdata);
	return e == ERR_SYNTAX ? schema_expected(&r->schema, at, expected) : e;
}

struct value_fields {
	struct policy_value value;
	unsigned status;
};

static enum err read_pool_value_text(struct schema *s, const struct yaml_node *at, void *into)
{
	struct value_fields *f = into;

	return read_value_text(s->context, at, &f->value);
}

static enum err read_value_drain(struct schema *s, const struct yaml_node *list, void *into)
{
	struct value_fields *f = into;

	return steering_drain_read(s, list, &f->value.drains, &f->value.drain_n);
}

static enum err read_shed(struct schema *s, const struct yaml_node *map, void *into)
{
	static const struct schema_row SHED_ROWS[] = {
		{ .key = "low",
		  .kind = SCHEMA_U16,
		  .offset = offsetof(struct value_fields, value.shed_low),
		  .max = HEALTH_WORD_LOAD_MAX,
		  .required = true },
		{ .key = "high",
		  .kind = SCHEMA_U16,
		  .offset = offsetof(struct value_fields, value.shed_high),
		  .min = 1,
		  .max = HEALTH_WORD_LOAD_MAX,
		  .required = true },
		{ 0 },
	};
	struct value_fields *f = into;
	enum err e = schema_read(s, map, SHED_ROWS, f);

	if (e || f->value.shed_low < f->value.shed_high)
		return e;
	yaml_finding(s->yaml, map, s->diag, DIAG_ERROR,
		     "between the two ever more clients are sent elsewhere",
		     "the low watermark is not below the high one");
	return ERR_INVALID;
}

static enum err read_pool_value(struct reading *r, const struct yaml_node *item,
				struct policy_value *out)
{
	static const char *const STATUSES[] = { "obey", "up", "down", NULL };
	static const struct schema_row VALUE_ROWS[] = {
		{ .key = "value",
		  .kind = SCHEMA_CUSTOM,
		  .custom = read_pool_value_text,
		  .required = true },
		{ .key = "weight",
		  .kind = SCHEMA_U32,
		  .offset = offsetof(struct value_fields, value.weight),
		  .min = 0,
		  .max = UINT32_MAX },
		{ .key = "status",
		  .kind = SCHEMA_CHOICE,
		  .offset = offsetof(struct value_fields, status),
		  .choices = STATUSES },
		{ .key = "shed", .kind = SCHEMA_CUSTOM, .custom = read_shed },
		{ .key = "drain", .kind = SCHEMA_CUSTOM, .custom = read_value_drain },
		{ 0 },
	};
	struct value_fields f = { .value = { .weight = 1 } };
	enum err e = schema_read(&r->schema, item, VALUE_ROWS, &f);

	f.value.status = (enum policy_status)f.status;
	*out = f.value;
	return e;
}

/* `values: [..]` or `value: x`; items are texts, or maps where `pool`. */
static enum err read_values(struct reading *r, const struct yaml_node *value, bool pool,
			    const struct policy_value **out, size_t *n_out)
{
	const struct yaml_node *const *items = value->kind == YAML_LIST ? value->item : &value;
	size_t n = value->kind == YAML_LIST ? value->n : 1;
	enum err result = ERR_OK;

	if (n > POLICY_VALUES_MAX)
		return schema_expected(&r->schema, value, "a list of at most 1000 values");
	struct policy_value *values = arena_alloc(r->schema.arena, (n + 1) * sizeof *values);
	if (values == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		values[i].weight = 1;
		enum err e = pool ? read_pool_value(r, items[i], &values[i])
				  : read_value_text(r, items[i], &values[i]);
		if (e)
			result = e;
	}
	*out = values;
	*n_out = n;
	return result;
}

/* ---- pools ---- */

static enum err read_pool_values(struct schema *s, const struct yaml_node *value, void *into)
{
	struct policy_pool *p = into;

	return read_values(s->context, value, true, &p->values, &p->value_n);
}

static enum err read_fallback(struct schema *s, const struct yaml_node *value, void *into)
{
	struct policy_pool *p = into;

	if (yaml_is_null(value))
		return ERR_OK;
	const char *text = schema_text(s, value, "the name of a pool");
	if (text == NULL)
		return ERR_INVALID;
	p->fallback = arena_strdup(s->arena, text);
	p->fallback_at = policy_place_of(value);
	return p->fallback != NULL ? ERR_OK : ERR_NOMEM;
}

static enum err read_pool_drain(struct schema *s, const struct yaml_node *list, void *into)
{
	struct policy_pool *p = into;

	return steering_drain_read(s, list, &p->drains, &p->drain_n);
}

static enum err read_answers(struct schema *s, const struct yaml_node *value, void *into)
{
	struct policy_pool *p = into;
	const char *text = schema_text(s, value, "a number of values, 1 to 16");

	if (text == NULL)
		return ERR_INVALID;
	p->answers_at = policy_place_of(value);
	if (!schema_u32(text, &p->answers) || p->answers < 1 || p->answers > POLICY_ANSWERS_MAX)
		return schema_expected(s, value, "a number of values, 1 to 16");
	return ERR_OK;
}

static enum err read_pool_ttl(struct schema *s, const struct yaml_node *value, void *into)
{
	struct policy_pool *p = into;
	const char *text = schema_text(s, value, "a TTL");

	if (text == NULL)
		return ERR_INVALID;
	p->has_ttl = true;
	return schema_u32(text, &p->ttl) && p->ttl <= OCTODNS_TTL_MAX
		   ? ERR_OK
		   : schema_expected(s, value, "a TTL (seconds, up to 2147483647)");
}

static enum err read_pools(struct schema *s, const struct yaml_node *map, void *into)
{
	static const struct schema_row POOL_ROWS[] = {
		{ .key = "fallback", .kind = SCHEMA_CUSTOM, .custom = read_fallback },
		{ .key = "values",
		  .kind = SCHEMA_CUSTOM,
		  .custom = read_pool_values,
		  .required = true },
		{ .key = "answers", .kind = SCHEMA_CUSTOM, .custom = read_answers },
		{ .key = "ttl", .kind = SCHEMA_CUSTOM, .custom = read_pool_ttl },
		{ .key = "drain", .kind = SCHEMA_CUSTOM, .custom = read_pool_drain },
		{ .key = "latitude", .kind = SCHEMA_CUSTOM, .custom = steering_read_latitude },
		{ .key = "longitude", .kind = SCHEMA_CUSTOM, .custom = steering_read_longitude },
		{ .key = "bias", .kind = SCHEMA_CUSTOM, .custom = steering_read_bias },
		{ 0 },
	};
	struct policy *p = into;
	enum err result = ERR_OK;

	if (map->kind != YAML_MAP || map->n == 0 || map->n > POLICY_POOLS_MAX)
		return schema_expected(s, map, "a map of pools by name (at most 1000)");
	struct policy_pool *pools = arena_alloc(s->arena, map->n * sizeof *pools);
	if (pools == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < map->n; i++) {
		pools[i].name = arena_strdup(s->arena, map->key[i]->text);
		pools[i].at = policy_place_of(map->key[i]);
		if (pools[i].name == NULL)
			return ERR_NOMEM;
		enum err e = schema_read(s, map->item[i], POOL_ROWS, &pools[i]);
		if (!e)
			e = steering_finish_pool(s, map->item[i], &pools[i]);
		if (e)
			result = e;
	}
	p->pools = pools;
	p->pool_n = map->n;
	return result;
}

/* ---- rules ---- */

static enum err read_geos(struct schema *s, const struct yaml_node *list, void *into)
{
	struct policy_rule *rule = into;

	if (list->kind != YAML_LIST)
		return schema_expected(s, list, "a list of geo codes");
	struct policy_geo *geos = arena_alloc(s->arena, (list->n + 1) * sizeof *geos);
	if (geos == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < list->n; i++) {
		const char *text =
		    schema_text(s, list->item[i], "a geo code (EU, NA-US, NA-US-KY)");
		if (text == NULL)
			return ERR_INVALID;
		geos[i].code = arena_strdup(s->arena, text);
		geos[i].at = policy_place_of(list->item[i]);
		if (geos[i].code == NULL)
			return ERR_NOMEM;
	}
	rule->geos = geos;
	rule->geo_n = list->n;
	return ERR_OK;
}

static enum err read_subnets(struct schema *s, const struct yaml_node *list, void *into)
{
	struct policy_rule *rule = into;
	enum err result = ERR_OK;

	if (list->kind != YAML_LIST)
		return schema_expected(s, list, "a list of subnets");
	struct policy_subnet *subnets = arena_alloc(s->arena, (list->n + 1) * sizeof *subnets);
	if (subnets == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < list->n; i++) {
		const char *text = schema_text(s, list->item[i], "a subnet (192.0.2.0/24)");
		bool stray = false;
		if (text == NULL)
			return ERR_INVALID;
		subnets[i].text = arena_strdup(s->arena, text);
		subnets[i].at = policy_place_of(list->item[i]);
		if (subnets[i].text == NULL)
			return ERR_NOMEM;
		if (!ip_prefix_from_text(text, &subnets[i].prefix, &stray))
			result = schema_expected(s, list->item[i], "a subnet (192.0.2.0/24)");
		else if (stray)
			result = schema_expected(s, list->item[i],
						 "a subnet: bits are set past its length");
	}
	rule->subnets = subnets;
	rule->subnet_n = list->n;
	return result;
}

static enum err add_rule_pool(struct schema *s, const struct yaml_node *value,
			      struct policy_name *out)
{
	const char *text = schema_text(s, value, "the name of a pool");

	if (text == NULL)
		return ERR_INVALID;
	out->text = arena_strdup(s->arena, text);
	out->at = policy_place_of(value);
	return out->text != NULL ? ERR_OK : ERR_NOMEM;
}

/* `pool: a`, or what octoDNS does not have: `pools: [a, b, c]`. */
static enum err read_rule_pools(struct schema *s, const struct yaml_node *value, void *into)
{
	struct policy_rule *rule = into;
	bool list = value->kind == YAML_LIST;
	size_t n = list ? value->n : 1;
	struct policy_name *names = arena_alloc(s->arena, (n + 1) * sizeof *names);

	if (names == NULL)
		return ERR_NOMEM;
	if (n == 0 || n > POLICY_POOLS_MAX)
		return schema_expected(s, value, "a list of pools");
	if (rule->pool_n > 0) {
		yaml_finding(s->yaml, value, s->diag, DIAG_ERROR, NULL,
			     "two of 'pool', 'pools' and 'nearest' are given");
		return ERR_INVALID;
	}
	for (size_t i = 0; i < n; i++) {
		enum err e = add_rule_pool(s, list ? value->item[i] : value, &names[i]);
		if (e)
			return e;
	}
	rule->pools = names;
	rule->pool_n = n;
	rule->listed = list;
	rule->pool_at = policy_place_of(value);
	return ERR_OK;
}

static enum err read_rule_pool(struct schema *s, const struct yaml_node *value, void *into)
{
	return value->kind == YAML_SCALAR ? read_rule_pools(s, value, into)
					  : schema_expected(s, value, "the name of a pool");
}

/* `nearest: [a, b, c]`: those of them that are near to the client. */
static enum err read_nearest(struct schema *s, const struct yaml_node *value, void *into)
{
	return value->kind == YAML_LIST ? read_rule_pools(s, value, into)
					: schema_expected(s, value, "a list of pools");
}

static enum err read_rules(struct schema *s, const struct yaml_node *list, void *into)
{
	static const struct schema_row RULE_ROWS[] = {
		{ .key = "geos", .kind = SCHEMA_CUSTOM, .custom = read_geos },
		{ .key = "subnets", .kind = SCHEMA_CUSTOM, .custom = read_subnets },
		{ .key = "pool", .kind = SCHEMA_CUSTOM, .custom = read_rule_pool },
		{ .key = "pools", .kind = SCHEMA_CUSTOM, .custom = read_rule_pools },
		{ .key = "asns", .kind = SCHEMA_CUSTOM, .custom = steering_read_asns },
		{ .key = "networks", .kind = SCHEMA_CUSTOM, .custom = steering_read_networks },
		{ .key = "nearest", .kind = SCHEMA_CUSTOM, .custom = read_nearest },
		{ .key = "limit", .kind = SCHEMA_CUSTOM, .custom = steering_read_limit },
		{ 0 },
	};
	struct policy *p = into;
	enum err result = ERR_OK;

	if (list->kind != YAML_LIST || list->n == 0 || list->n > POLICY_RULES_MAX)
		return schema_expected(s, list, "a list of rules (1 to 1000)");
	struct policy_rule *rules = arena_alloc(s->arena, list->n * sizeof *rules);
	if (rules == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < list->n; i++) {
		rules[i].at = policy_place_of(list->item[i]);
		enum err e = schema_read(s, list->item[i], RULE_ROWS, &rules[i]);
		if (!e)
			e = steering_finish_rule(s, list->item[i], &rules[i]);
		if (e)
			result = e;
	}
	p->rules = rules;
	p->rule_n = list->n;
	return result;
}

/* ---- records ---- */

/* values, open, servfail, or {pool: NAME}. */
static enum err read_fail(struct schema *s, const struct yaml_node *value, void *into)
{
	static const char EXPECTED[] = "one of values, open, servfail, {pool: NAME}";
	static const char *const WORDS[] = { "values", "open", "servfail" };
	struct policy *p = into;
	const struct yaml_node *pool = value->kind == YAML_MAP ? yaml_get(value, "pool") : NULL;

	if (pool != NULL && value->n == 1) {
		struct policy_name name;
		enum err e = add_rule_pool(s, pool, &name);
		p->fail = POLICY_FAIL_POOL;
		p->fail_pool = e ? NULL : name.text;
		p->fail_at = policy_place_of(pool);
		return e;
	}
	if (value->kind != YAML_SCALAR)
		return schema_expected(s, value, EXPECTED);
	for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
		if (strcmp(value->text, WORDS[i]) != 0)
			continue;
		p->fail = (enum policy_fail)i;
		return ERR_OK;
	}
	return schema_expected(s, value, EXPECTED);
}

static enum err read_dynamic(struct schema *s, const struct yaml_node *map, void *into)
{
	static const char *const YES_NO[] = { "yes", "no", NULL };
	static const struct schema_row DYNAMIC_ROWS[] = {
		{ .key = "pools", .kind = SCHEMA_CUSTOM, .custom = read_pools, .required = true },
		{ .key = "rules", .kind = SCHEMA_CUSTOM, .custom = read_rules, .required = true },
		{ .key = "on-failure", .kind = SCHEMA_CUSTOM, .custom = read_fail },
		{ .key = "sticky",
		  .kind = SCHEMA_CHOICE,
		  .offset = offsetof(struct policy, unsticky),
		  .choices = YES_NO },
		{ 0 },
	};

	return schema_read(s, map, DYNAMIC_ROWS, into);
}

static enum err read_defaults(struct schema *s, const struct yaml_node *value, void *into)
{
	struct policy *p = into;

	if (p->defaults != NULL) {
		yaml_finding(s->yaml, value, s->diag, DIAG_ERROR, NULL,
			     "both 'value' and 'values' are given");
		return ERR_INVALID;
	}
	return read_values(s->context, value, false, &p->defaults, &p->default_n);
}

/* What else octoDNS has here is for its providers and itself. */
static enum err read_octodns(struct schema *s, const struct yaml_node *map, void *into)
{
	struct policy *p = into;
	const struct yaml_node *check = yaml_get(map, "healthcheck");

	if (check == NULL || yaml_is_null(check))
		return ERR_OK;
	return steering_check_read(s, check, &p->healthcheck);
}

static enum err keep(struct reading *r, const struct policy *p, const struct yaml_node *at)
{
	if (r->n == r->cap) {
		size_t cap = r->cap == 0 ? 16 : r->cap * 2;
		struct policy **policies = realloc(r->policies, cap * sizeof *policies);
		if (policies == NULL)
			return ERR_NOMEM;
		r->policies = policies;
		const struct yaml_node **places = realloc(r->at, cap * sizeof *places);
		if (places == NULL)
			return ERR_NOMEM;
		r->at = places;
		r->cap = cap;
	}
	r->policies[r->n] = arena_copy(r->schema.arena, p, sizeof *p);
	r->at[r->n] = at;
	return r->policies[r->n++] != NULL ? ERR_OK : ERR_NOMEM;
}

enum err steering_record_read(struct reading *r, const uint8_t *owner,
			      const struct yaml_node *record)
{
	static const struct schema_row RECORD_ROWS[] = {
		{ .key = "type", .kind = SCHEMA_IGNORED },
		{ .key = "ttl",
		  .kind = SCHEMA_U32,
		  .offset = offsetof(struct policy, ttl),
		  .max = OCTODNS_TTL_MAX },
		{ .key = "values", .kind = SCHEMA_CUSTOM, .custom = read_defaults },
		{ .key = "value", .kind = SCHEMA_CUSTOM, .custom = read_defaults },
		{ .key = "dynamic",
		  .kind = SCHEMA_CUSTOM,
		  .custom = read_dynamic,
		  .required = true },
		{ .key = "octodns", .kind = SCHEMA_CUSTOM, .custom = read_octodns },
		{ .key = "lenient", .kind = SCHEMA_IGNORED },
		{ 0 },
	};
	struct policy p = {
		.file = record->source->path,
		.source = record->source->text,
		.owner = owner,
		.ttl = OCTODNS_TTL_DEFAULT,
		.at = policy_place_of(record),
	};

	p.type = r->type;
	enum err e = schema_read(&r->schema, record, RECORD_ROWS, &p);
	if (e)
		return e;
	e = policy_check(&p, r->schema.diag);
	return e ? e : keep(r, &p, record);
}
