// SPDX-License-Identifier: Apache-2.0
/* What must hold of a policy's pools and values; its rules are checked in policy_rules.c. */
#include "geo/policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/rrtype.h"
#include "geo/policy_internal.h"

void policy_finding(const struct policy_check *c, struct policy_place at, const char *hint,
		    const char *format, ...)
{
	char text[400];
	va_list ap;
	char *source = diag_line_of(c->p->source, at.line);
	struct diag_place place = { c->p->file, at.line, at.column, source };

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	diag_add(c->d, DIAG_ERROR, &place, hint, "%s", text);
	free(source);
}

const struct policy_pool *policy_pool_named(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->pool_n; i++)
		if (strcmp(p->pools[i].name, name) == 0)
			return &p->pools[i];
	return NULL;
}

void policy_unknown_pool(const struct policy_check *c, struct policy_place at, const char *name)
{
	const char **names = malloc((c->p->pool_n + 1) * sizeof *names);
	char hint[120];
	const char *near = NULL;

	for (size_t i = 0; names != NULL && i < c->p->pool_n; i++)
		names[i] = c->p->pools[i].name;
	if (names != NULL)
		near = diag_nearest(name, names, c->p->pool_n);
	snprintf(hint, sizeof hint, "did you mean '%.80s'?", near != NULL ? near : "");
	policy_finding(c, at, near != NULL ? hint : NULL, "undefined pool '%.80s'", name);
	free(names);
}

static void check_defaults(const struct policy_check *c)
{
	const struct policy *p = c->p;

	if (p->type != TYPE_A && p->type != TYPE_AAAA && p->type != TYPE_CNAME)
		policy_finding(c, p->at, NULL, "only A, AAAA and CNAME records can be steered");
	if (p->default_n == 0)
		policy_finding(c, p->at, "they answer when no pool has a usable value",
			       "missing default values ('value' or 'values')");
	if (p->type == TYPE_CNAME && p->default_n > 1)
		policy_finding(c, p->defaults[1].at, NULL, "a CNAME has one value");
	for (size_t i = 0; i < p->default_n; i++)
		for (size_t j = 0; j < i; j++)
			if (span_equal(p->defaults[i].rdata, p->defaults[j].rdata)) {
				policy_finding(c, p->defaults[i].at, NULL,
					       "the value '%.80s' is given twice",
					       p->defaults[i].text);
				break;
			}
}

static void check_values(const struct policy_check *c, const struct policy_pool *pool)
{
	if (pool->value_n == 0)
		policy_finding(c, pool->at, NULL, "pool '%.80s' is missing values", pool->name);
	for (size_t i = 0; i < pool->value_n; i++) {
		const struct policy_value *v = &pool->values[i];
		if (v->weight < 1 || v->weight > 100)
			policy_finding(c, v->at,
				       v->weight == 0 ? "use `status: down` to take a value out"
						      : NULL,
				       "invalid weight %u of '%.80s' in pool '%.80s' (1 to 100)",
				       v->weight, v->text, pool->name);
		/* Twice the same would draw as the heavier of the two, not as their sum. */
		for (size_t j = 0; j < i; j++)
			if (span_equal(v->rdata, pool->values[j].rdata)) {
				policy_finding(c, v->at,
					       "give it once, with the sum of the weights",
					       "the value '%.80s' stands twice in pool '%.80s'",
					       v->text, pool->name);
				break;
			}
	}
	if (pool->value_n == 1 && pool->values[0].weight != 1)
		policy_finding(c, pool->values[0].at, NULL,
			       "pool '%.80s' has a single value, whose weight must be 1",
			       pool->name);
}

/* Each loop is reported once: at the first of its pools in the file. */
static void check_loop(const struct policy_check *c, const struct policy_pool *start)
{
	char path[300];
	int n = snprintf(path, sizeof path, "%.60s", start->name);
	const struct policy_pool *pool = start;

	for (size_t steps = 0; steps <= c->p->pool_n && pool->fallback != NULL; steps++) {
		pool = policy_pool_named(c->p, pool->fallback);
		if (pool == NULL || pool < start)
			return;
		if (n < (int)sizeof path)
			n += snprintf(path + n, sizeof path - (size_t)n, " -> %.60s", pool->name);
		if (pool == start) {
			policy_finding(c, start->fallback_at, NULL, "loop in pool fallbacks: %s",
				       path);
			return;
		}
	}
}

static void check_pool(const struct policy_check *c, const struct policy_pool *pool)
{
	check_values(c, pool);
	if (pool->fallback != NULL && policy_pool_named(c->p, pool->fallback) == NULL)
		policy_unknown_pool(c, pool->fallback_at, pool->fallback);
	check_loop(c, pool);
}

static int by_rdata(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	int c = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return c != 0 ? c : (x->n > y->n) - (x->n < y->n);
}

/* How many different values the pools have together; each becomes an answer that is kept. */
static size_t distinct_values(const struct policy *p)
{
	size_t n = 0, distinct = 0;

	for (size_t i = 0; i < p->pool_n; i++)
		n += p->pools[i].value_n;
	struct span *all = malloc((n + 1) * sizeof *all);
	if (all == NULL)
		return n;
	n = 0;
	for (size_t i = 0; i < p->pool_n; i++)
		for (size_t j = 0; j < p->pools[i].value_n; j++)
			all[n++] = p->pools[i].values[j].rdata;
	qsort(all, n, sizeof *all, by_rdata);
	for (size_t i = 0; i < n; i++)
		distinct += i == 0 || !span_equal(all[i - 1], all[i]);
	free(all);
	return distinct;
}

/* Beyond these the other checks would take long themselves. */
static bool within_limits(const struct policy_check *c)
{
	const struct policy *p = c->p;
	size_t before = c->d->error_n;

	if (p->pool_n > POLICY_POOLS_MAX)
		policy_finding(c, p->at, NULL, "%zu pools are more than the limit of %d", p->pool_n,
			       POLICY_POOLS_MAX);
	if (p->rule_n > POLICY_RULES_MAX)
		policy_finding(c, p->at, NULL, "%zu rules are more than the limit of %d", p->rule_n,
			       POLICY_RULES_MAX);
	if (p->default_n > POLICY_VALUES_MAX || distinct_values(p) > POLICY_VALUES_MAX)
		policy_finding(c, p->at, NULL, "more than %d different values", POLICY_VALUES_MAX);
	return c->d->error_n == before;
}

static bool is_used(const struct policy *p, const struct policy_pool *pool)
{
	for (size_t i = 0; i < p->rule_n; i++)
		for (size_t k = 0; k < p->rules[i].pool_n; k++)
			if (strcmp(p->rules[i].pools[k].text, pool->name) == 0)
				return true;
	if (p->fail == POLICY_FAIL_POOL && strcmp(p->fail_pool, pool->name) == 0)
		return true;
	for (size_t i = 0; i < p->pool_n; i++)
		if (p->pools[i].fallback != NULL && strcmp(p->pools[i].fallback, pool->name) == 0)
			return true;
	return false;
}

enum err policy_check(const struct policy *p, struct diag *d)
{
	struct policy_check c = { p, d };
	size_t before = d->error_n;

	if (!within_limits(&c))
		return ERR_INVALID;
	check_defaults(&c);
	if (p->pool_n == 0)
		policy_finding(&c, p->at, NULL, "missing pools");
	for (size_t i = 0; i < p->pool_n; i++)
		check_pool(&c, &p->pools[i]);
	if (p->fail == POLICY_FAIL_POOL && policy_pool_named(p, p->fail_pool) == NULL)
		policy_unknown_pool(&c, p->fail_at, p->fail_pool);
	policy_check_answers(&c);
	policy_check_rules(&c);
	for (size_t i = 0; i < p->pool_n; i++)
		if (!is_used(p, &p->pools[i]))
			policy_finding(&c, p->pools[i].at, NULL, "unused pool '%.80s'",
				       p->pools[i].name);
	return d->error_n > before ? ERR_INVALID : ERR_OK;
}
