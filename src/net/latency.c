// SPDX-License-Identifier: Apache-2.0
/* How long answers and signatures take: two clock readings a batch, no more. */
#include <time.h>

#include "dnssec/algorithm.h"
#include "net/internal.h"

const struct net_sign_algorithm NET_SIGN_ALGORITHM[NET_SIGN_ALGORITHMS] = {
	{ ALG_RSASHA256, "RSASHA256" },
	{ ALG_RSASHA512, "RSASHA512" },
	{ ALG_ECDSAP256SHA256, "ECDSAP256SHA256" },
	{ ALG_ECDSAP384SHA384, "ECDSAP384SHA384" },
	{ ALG_ED25519, "ED25519" },
	{ ALG_ED448, "ED448" },
	{ 0, "several" },
};

uint64_t latency_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The first bucket whose end is not below. */
static unsigned bucket_of(uint64_t us, unsigned buckets)
{
	unsigned b = 0;

	while (b < buckets - 1 && us > (uint64_t)1 << b)
		b++;
	return b;
}

void latency_add(struct latency *l, uint64_t since_ns, unsigned queries)
{
	uint64_t us = (latency_now_ns() - since_ns) / 1000;

	counter_add(&l->bucket[bucket_of(us, NET_LATENCY_BUCKETS)], queries);
	counter_add(&l->sum_us, us * queries);
}

static struct sign_time *time_of(struct sign_stats *s, uint8_t algorithm)
{
	unsigned i = 0;

	while (i < NET_SIGN_ALGORITHMS - 1 && NET_SIGN_ALGORITHM[i].number != algorithm)
		i++;
	return &s->by[i];
}

uint64_t sign_stats_add(struct sign_stats *s, uint8_t algorithm, uint64_t since_ns, unsigned made)
{
	uint64_t now_ns = latency_now_ns(), ns = now_ns - since_ns;
	struct sign_time *t = time_of(s, algorithm);

	if (made == 0)
		return now_ns;
	counter_add(&t->made, made);
	counter_add(&t->ns, ns);
	counter_add(&t->bucket[bucket_of(ns / made / 1000, NET_SIGN_BUCKETS)], made);
	return now_ns;
}
