// SPDX-License-Identifier: Apache-2.0
#include "control/steering_lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/health.h"
#include "dns/name.h"
#include "dns/rrtype.h"
#include "health/check.h"

static void finding(struct diag *d, enum diag_severity severity, const struct policy *p,
		    struct policy_place at, const char *hint, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

static void finding(struct diag *d, enum diag_severity severity, const struct policy *p,
		    struct policy_place at, const char *hint, const char *format, ...)
{
	char text[600];
	va_list ap;
	char *source = diag_line_of(p->source, at.line);
	struct diag_place place = { p->file, at.line, at.column, source };

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	diag_add(d, severity, &place, hint, "%s", text);
	free(source);
}

static void lint_rules(const struct policy *p, const struct steer_set *set, uint32_t number,
		       struct diag *d)
{
	for (uint32_t i = 0; i < p->rule_n; i++)
		if (!steer_rule_is_reached(set, number, i))
			finding(d, DIAG_WARNING, p, p->rules[i].at,
				"earlier rules have all of its clients, or the location database "
				"knows no such place",
				"no client comes to this rule");
}

/* Whether anything but an operator's hand can take the value out. */
static bool can_fail(const struct policy *p, const struct policy_value *v)
{
	return v->status == POLICY_DOWN || v->drain_n > 0 || v->shed_high > 0 ||
	       (v->status == POLICY_OBEY && p->healthcheck != NULL);
}

static bool pool_can_fail(const struct policy *p, const struct policy_pool *pool)
{
	if (pool->drain_n > 0)
		return true;
	for (size_t i = 0; i < pool->value_n; i++)
		if (!can_fail(p, &pool->values[i]))
			return false;
	return true;
}

static const char *why_never(const struct policy *p)
{
	return p->healthcheck != NULL ? "its values have `status: up`, so no check takes them out"
				      : "add a `healthcheck` to the record";
}

/* Pools of lists but their last ones, too, have something to fall back to. */
static const struct policy_pool *listed_for_nothing(const struct policy *p,
						    const struct policy_rule *r, size_t *place)
{
	if (r->nearest > 0)
		return NULL; /* each is the first for somebody */
	for (size_t k = 0; k + 1 < r->pool_n; k++)
		for (size_t i = 0; i < p->pool_n; i++)
			if (strcmp(p->pools[i].name, r->pools[k].text) == 0 &&
			    !pool_can_fail(p, &p->pools[i])) {
				*place = k + 1;
				return &p->pools[i];
			}
	return NULL;
}

static void lint_fallbacks(const struct policy *p, struct diag *d)
{
	size_t place = 0;

	for (size_t i = 0; i < p->pool_n; i++) {
		const struct policy_pool *pool = &p->pools[i];
		if (pool->fallback != NULL && !pool_can_fail(p, pool))
			finding(d, DIAG_WARNING, p, pool->fallback_at, why_never(p),
				"nothing ever brings this fallback into use: a value of pool "
				"'%.80s' cannot fail",
				pool->name);
	}
	for (size_t i = 0; i < p->rule_n; i++) {
		const struct policy_rule *r = &p->rules[i];
		const struct policy_pool *pool = listed_for_nothing(p, r, &place);
		if (pool != NULL)
			finding(d, DIAG_WARNING, p, r->pools[place].at, why_never(p),
				"nothing ever brings this pool into use here: a value of pool "
				"'%.80s' cannot fail",
				pool->name);
	}
}

void steering_lint(const struct steering *s, const struct steer_set *set, struct diag *d)
{
	for (uint32_t i = 0; i < s->n; i++) {
		lint_rules(s->policies[i], set, i, d);
		lint_fallbacks(s->policies[i], d);
	}
}

static uint32_t longest_ttl(const struct policy *p)
{
	uint32_t ttl = 0;

	for (size_t i = 0; i < p->pool_n; i++) {
		uint32_t own = p->pools[i].has_ttl ? p->pools[i].ttl : p->ttl;
		ttl = own > ttl ? own : ttl;
	}
	return ttl;
}

uint64_t steering_failover_ms(const struct policy *p)
{
	struct check_spec s = health_check_numbers(p->healthcheck);

	return (uint64_t)s.fall * s.interval_ms + s.timeout_ms + longest_ttl(p) * UINT64_C(1000);
}

void steering_lint_failover(const struct steering *s, size_t most, struct diag *d)
{
	char name[NAME_TEXT_MAX], type[RR_TYPE_TEXT_MAX];

	for (size_t i = 0; i < s->n && most > 0; i++) {
		const struct policy *p = s->policies[i];
		if (p->healthcheck == NULL || p->healthcheck->protocol == POLICY_FEED)
			continue;
		struct check_spec c = health_check_numbers(p->healthcheck);
		most--;
		finding(d, DIAG_NOTICE, p, p->at, NULL,
			"%.255s %s: resolvers have forgotten a value that dies after at most %.1f "
			"s (%u checks %.1f s apart, %.1f s for the last one, TTL %u)",
			name_to_text(p->owner, name), rr_type_to_text(p->type, type),
			(double)steering_failover_ms(p) / 1000, c.fall,
			(double)c.interval_ms / 1000, (double)c.timeout_ms / 1000, longest_ttl(p));
	}
}
