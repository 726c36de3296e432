// SPDX-License-Identifier: Apache-2.0
#include "histogram.h"

/* Three bits behind the leading one. */
static unsigned bucket_of(uint64_t ns)
{
	if (ns < 8)
		return (unsigned)ns;
	unsigned top = 63u - (unsigned)__builtin_clzll(ns);
	unsigned b = (top - 2) * 8 + (unsigned)(ns >> (top - 3) & 7);
	return b < HISTOGRAM_N ? b : HISTOGRAM_N - 1;
}

static double upper_end(unsigned b)
{
	if (b < 8)
		return b + 1;
	unsigned top = b / 8 + 2;
	return (double)((uint64_t)(8 + b % 8 + 1) << (top - 3));
}

void histogram_add(struct histogram *h, uint64_t ns)
{
	h->count[bucket_of(ns)]++;
	h->total++;
	if (ns > h->largest_ns)
		h->largest_ns = ns;
}

double histogram_percentile_us(const struct histogram *h, double p)
{
	uint64_t seen = 0, wanted = (uint64_t)(p * (double)h->total);

	for (unsigned b = 0; b < HISTOGRAM_N; b++) {
		seen += h->count[b];
		if (seen > wanted)
			return upper_end(b) / 1000.0;
	}
	return (double)h->largest_ns / 1000.0;
}
