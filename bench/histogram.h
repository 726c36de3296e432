// SPDX-License-Identifier: Apache-2.0
/*
 * histogram.h -- latencies in buckets that grow by an eighth: a percentile is right within 6 %.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_N 400

struct histogram {
	uint64_t count[HISTOGRAM_N], total, largest_ns;
};

void histogram_add(struct histogram *h, uint64_t ns);
/* Microseconds below which the part `p` (0..1) lies. */
double histogram_percentile_us(const struct histogram *h, double p);

#endif
