// SPDX-License-Identifier: Apache-2.0
/* Distances on the sphere (haversine), while compiling only. */
#include <math.h>
#include <string.h>

#include "geo/steer_internal.h"

static double radians(int32_t units)
{
	return units * PLACE_UNIT * (M_PI / 180);
}

/* The angle between two points, 0 to pi. */
static double angle(int32_t lat1, int32_t lon1, int32_t lat2, int32_t lon2)
{
	double u = sin((radians(lat2) - radians(lat1)) / 2),
	       v = sin((radians(lon2) - radians(lon1)) / 2);
	double h = u * u + cos(radians(lat1)) * cos(radians(lat2)) * v * v;

	return 2 * asin(sqrt(h < 1 ? h : 1));
}

/* A bias of 50 halves the distance, one of -50 doubles it. */
static double distance(const struct policy_pool *pool, const struct place *from)
{
	double d = angle(from->latitude, from->longitude, pool->latitude, pool->longitude);
	double bias = pool->bias / 100.0;

	return bias >= 0 ? d * (1 - bias) : d / (1 + bias);
}

static const struct policy_pool *pool_of(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->pool_n; i++)
		if (strcmp(p->pools[i].name, name) == 0)
			return &p->pools[i];
	return NULL;
}

void nearest_order(const struct policy *p, uint32_t rule, const struct place *from,
		   struct steer_order *out)
{
	const struct policy_rule *r = &p->rules[rule];
	double best[POLICY_NEAREST_MAX];
	uint16_t n = 0;

	memset(out, 0, sizeof *out); /* compared as octets */
	out->rule = rule;
	for (uint16_t i = 0; i < r->pool_n; i++) {
		double d = distance(pool_of(p, r->pools[i].text), from);
		uint16_t k = n < r->nearest ? n++ : (uint16_t)r->nearest;
		/* Of equals the first in the list. */
		for (; k > 0 && d < best[k - 1]; k--) {
			if (k == r->nearest)
				continue;
			best[k] = best[k - 1];
			out->pool[k] = out->pool[k - 1];
		}
		if (k == r->nearest)
			continue;
		best[k] = d;
		out->pool[k] = i;
	}
	out->pool_n = n;
	for (uint16_t k = n; k < POLICY_NEAREST_MAX; k++)
		out->pool[k] = 0;
}
