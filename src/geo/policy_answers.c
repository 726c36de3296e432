// SPDX-License-Identifier: Apache-2.0
/* How many different answers a policy can give: each set of values that may stand in one answer is
 * an RRset of the zone, so that its signature can be made once and kept. */
#include "dns/rrtype.h"
#include "geo/policy_internal.h"

static size_t usable_at_best(const struct policy_pool *pool)
{
	size_t n = 0;

	for (size_t i = 0; i < pool->value_n; i++)
		n += pool->values[i].status != POLICY_DOWN;
	return n;
}

/* Whether values of the pool may be unusable at times. */
static bool varies(const struct policy_pool *pool, bool checked)
{
	for (size_t i = 0; i < pool->value_n; i++) {
		const struct policy_value *v = &pool->values[i];
		if (v->status == POLICY_DOWN)
			continue;
		if (v->shed_high > 0 || v->drain_n > 0 || (checked && v->status == POLICY_OBEY))
			return true;
	}
	return false;
}

/* n over k, or just more than the limit. */
static size_t choose(size_t n, size_t k)
{
	size_t c = 1;

	for (size_t i = 1; i <= k; i++) {
		c = c * (n - k + i) / i;
		if (c > POLICY_VARIANTS_MAX)
			return POLICY_VARIANTS_MAX + 1;
	}
	return c;
}

size_t policy_pool_sets(const struct policy_pool *pool, bool checked)
{
	size_t n = usable_at_best(pool), answers = pool->answers > 1 ? pool->answers : 1, all = 0;

	if (answers > n)
		answers = n;
	for (size_t k = varies(pool, checked) ? 1 : answers; k > 0 && k <= answers; k++) {
		all += choose(n, k);
		if (all > POLICY_VARIANTS_MAX)
			return POLICY_VARIANTS_MAX + 1;
	}
	return all;
}

void policy_check_answers(const struct policy_check *c)
{
	const struct policy *p = c->p;
	size_t all = 1;

	for (size_t i = 0; i < p->pool_n; i++) {
		const struct policy_pool *pool = &p->pools[i];
		if (p->type == TYPE_CNAME && pool->answers > 1)
			policy_finding(c, pool->answers_at, NULL, "a CNAME has one value");
		if (pool->answers <= 1)
			continue;
		size_t sets = policy_pool_sets(pool, p->healthcheck != NULL);
		all += sets;
		if (sets <= POLICY_VARIANTS_MAX && all > POLICY_VARIANTS_MAX)
			policy_finding(c, pool->answers_at,
				       "give fewer values or answers, or take several names",
				       "the pools can give more than %d different answers together",
				       POLICY_VARIANTS_MAX);
		if (sets > POLICY_VARIANTS_MAX)
			policy_finding(
			    c, pool->answers_at,
			    "give fewer values or answers: each set of values is signed for itself",
			    "%u of the %zu values of pool '%.80s' make more than %d different "
			    "answers",
			    pool->answers, usable_at_best(pool), pool->name, POLICY_VARIANTS_MAX);
		if (all > POLICY_VARIANTS_MAX)
			return;
	}
}
