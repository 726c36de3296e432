// SPDX-License-Identifier: Apache-2.0
/*
 * steering_memory.h -- what all zones' policies have made of the address space, and how much of it
 * there may be.
 *
 * Purpose.   Partitions belong to the server as a whole (geo/partition_store.h): zones share them,
 * a reload keeps those whose rules and location database are the same, and steering-mib bounds
 * them. Threads.   The control thread; steering_memory_refuse() any.
 */
#ifndef CONTROL_STEERING_MEMORY_H
#define CONTROL_STEERING_MEMORY_H

#include <jansson.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/text.h"
#include "control/config.h"
#include "geo/partition_store.h"
#include "geo/policy.h"

struct control;

enum err steering_memory_open(struct control *c);
/* As this configuration has the limit, from now on; what is held already stays. */
struct partition_store *steering_memory_for(struct control *c, const struct config *config);

/* The finding for a policy that could not be compiled. */
void steering_memory_refuse(struct partition_store *s, const struct policy *p, enum err e,
			    struct diag *d);

json_t *steering_memory_status(const struct control *c);
void steering_memory_metrics(const struct control *c, struct text *out);

#endif
