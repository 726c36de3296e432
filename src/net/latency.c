// SPDX-License-Identifier: Apache-2.0
/* How long answers take: two clock readings a batch, no more. */
#include <time.h>

#include "net/internal.h"

uint64_t latency_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void latency_add(struct net_stats *s, uint64_t since_ns, unsigned queries)
{
	uint64_t us = (latency_now_ns() - since_ns) / 1000;
	unsigned bucket = 0;

	while (bucket < NET_LATENCY_BUCKETS - 1 && us > (uint64_t)1 << bucket)
		bucket++;
	counter_add(&s->latency[bucket], queries);
	counter_add(&s->latency_sum_us, us * queries);
}

void sign_stats_add(struct sign_stats *s, uint64_t since_ns, unsigned made)
{
	counter_add(&s->made, made);
	counter_add(&s->ns, latency_now_ns() - since_ns);
}
