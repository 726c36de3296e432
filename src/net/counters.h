// SPDX-License-Identifier: Apache-2.0
/*
 * counters.h -- what the data plane has counted, for the API and for Prometheus.
 *
 * Threads.   The control thread; workers go on counting meanwhile, so the numbers of one report may
 * be of slightly different moments.
 */
#ifndef NET_COUNTERS_H
#define NET_COUNTERS_H

#include <jansson.h>

#include "base/text.h"
#include "net/net.h"

/* One member a counter; the caller owns it. NULL: no memory. */
json_t *counters_json(const struct net *n);
void counters_metrics(const struct net *n, struct text *out);

#endif
