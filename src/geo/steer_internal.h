// SPDX-License-Identifier: Apache-2.0
/*
 * steer_internal.h -- compiled policies; private to this folder.
 */
#ifndef GEO_STEER_INTERNAL_H
#define GEO_STEER_INTERNAL_H

#include "base/arena.h"
#include "base/siphash.h"
#include "geo/partition.h"
#include "geo/steer.h"

#define POOL_NONE UINT32_MAX

struct steer_value {
	uint32_t variant, weight;
	const health_word *health; /* NULL: always up */
	struct span rdata;         /* canonical */
	const char *text;
};

struct steer_pool {
	const char *name;
	const struct steer_value *values; /* those that may be usable */
	uint32_t n;                       /* of them */
	uint32_t value_n;                 /* of all */
	uint32_t fallback;                /* POOL_NONE: the default values */
};

#define DRAW UINT32_MAX

/* What nearly every choice ends with, small and side by side; the rest of a rule is for draws and
 * for people. */
struct steer_outcome {
	uint32_t variant; /* the one answer of the rule; DRAW: several values may be usable */
	bool keyed;       /* some pool of its chain has several values that may be usable */
	const health_word *health; /* that answer's; where it is down the chain goes on */
};

struct steer_rule {
	uint32_t pool;
	const char *pool_name, *match;
};

struct steer_variant {
	const struct span *rdata;
	size_t n;
};

struct steer_policy {
	const struct partition *partition;
	struct span message; /* owner in canonical form, type: what every draw starts with */
	const struct steer_pool *pools;
	const struct steer_outcome *outcomes; /* by rule */
	const struct steer_rule *rules;
	const struct steer_variant *variants;
	uint32_t pool_n, rule_n, variant_n;
};

struct interned {
	uint64_t hash;
	const char *matchers;
	struct partition *partition;
};

struct steer_set {
	struct arena *arena;
	struct siphash_key key;
	struct steer_policy *policies;
	size_t policy_n;
	struct interned *partitions;
	size_t partition_n, partition_cap;
	struct steer_health health;
	const health_word **words; /* to be given back */
	size_t word_n, word_cap;
};

/* partition_build.c: the partition of a policy's rules. */
enum err steer_build_partition(struct partition **out, const struct policy *p,
			       const struct location_db *db);

#endif
