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
	uint32_t variant, weight;  /* the variant that is this value alone */
	const health_word *health; /* NULL: always up */
	uint16_t shed_low, shed_high;
	const struct policy_window *drains;
	size_t drain_n;
	struct span rdata; /* canonical */
	const char *text;
};

/* Answers of several values: a set of k values with the places i1 < i2 < ... has the number
 * C(i1, 1) + C(i2, 2) + ... among those of its size. */
struct steer_sets {
	uint32_t *variant; /* by number, sizes one after another */
	uint32_t
	    start[POLICY_ANSWERS_MAX + 1]; /* where a size begins; UINT32_MAX: it never comes */
	uint32_t *binomial;                /* [k * n + i]: C(i, k + 1) */
};

struct steer_pool {
	const char *name;
	const struct steer_value *values; /* those that may be usable */
	uint32_t n;                       /* of them */
	uint32_t value_n;                 /* of all */
	uint32_t fallback;                /* POOL_NONE: the default values */
	uint32_t answers;                 /* values in one answer, at most; 1 or more, at most n */
	bool sheds;                       /* which values are usable may depend on the client */
	const struct policy_window *drains;
	size_t drain_n;
	const struct steer_sets *sets; /* with more than one value in an answer */
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
	uint32_t number;       /* as written */
	const uint32_t *chain; /* pools in the order in which they are tried */
	uint32_t chain_n;
	const char *pool_name, *match;
};

struct steer_variant {
	const struct span *rdata;
	size_t n;
	uint32_t ttl;
};

struct steer_policy {
	const struct partition *partition;
	struct span message; /* owner in canonical form, type: what every draw starts with */
	const struct steer_pool *pools;
	const struct steer_outcome *outcomes; /* by class */
	const struct steer_rule *rules;       /* by class */
	const struct steer_variant *variants;
	uint32_t pool_n, rule_n, class_n, variant_n;
	enum policy_fail fail;
	uint32_t fail_pool;
	bool unsticky;
};

/* A class beyond those of the rules as they are written: a rule whose pools stand in another order
 * for those who are there. */
struct steer_order {
	uint32_t rule;
	uint16_t pool_n;
	uint16_t pool[POLICY_NEAREST_MAX]; /* places in the rule's list */
};

struct steer_partition {
	struct partition *partition;
	struct steer_order *orders; /* class number of rules + i */
	size_t order_n;
};

/* One of a store (partition_store.h), counted by the sets that go by it. */
struct shared_partition {
	struct shared_partition *next;
	uint64_t hash;
	size_t refs, bytes;
	char *matchers;
	struct steer_partition made;
};

struct steer_set {
	struct arena *arena;
	struct siphash_key key;
	struct steer_policy *policies;
	size_t policy_n;
	struct partition_store *store, *own_store; /* own: of this set alone; else NULL */
	struct shared_partition **partitions; /* while compiling one a policy; then each once */
	size_t partition_n;
	struct steer_health health;
	const health_word **words; /* to be given back */
	size_t word_n, word_cap;
};

/* compile_sets.c: all answers that a policy can give, each once. */
struct variants {
	struct arena *arena;
	struct steer_variant *all;
	uint32_t n, cap;
	uint32_t *slots; /* numbers by hash, UINT32_MAX: free */
	size_t slot_n;
};
bool variants_start(struct variants *v, struct arena *a, size_t most);
void variants_end(struct variants *v);
/* The number of the answer with these values (in any order) and TTL, which is added if new. */
bool variants_add(struct variants *v, const struct span *rdata, size_t n, uint32_t ttl,
		  uint32_t *out);
/* The sets of a pool whose values are compiled; `original` has their RDATA as given. */
bool compile_sets(struct arena *a, struct variants *v, struct steer_pool *pool,
		  const struct span *original, uint32_t ttl, bool varies);

/* partition_build.c: the partition of a policy's rules. */
enum err steer_build_partition(struct steer_partition *out, const struct policy *p,
			       const struct location_db *db);
void steer_partition_end(struct steer_partition *p);

/* Whether any rule goes by the location database. */
bool steer_reads_places(const struct policy *p);

/* compile_partitions.c: the partition for a policy, shared by all whose rules match alike; given
 * back once for each time it was taken. ERR_NOMEM, ERR_REFUSED (more than the store may hold),
 * ERR_TOO_LONG (too many orders by distance). */
enum err steer_take_partition(struct partition_store *s, const struct policy *p,
			      const struct location_db *db, struct shared_partition **out);
void steer_give_partition(struct partition_store *s, struct shared_partition *e);

/* nearest.c: the order of a rule's pools by distance from a place whose coordinates are known. */
void nearest_order(const struct policy *p, uint32_t rule, const struct place *from,
		   struct steer_order *out);

#endif
