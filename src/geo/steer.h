// SPDX-License-Identifier: Apache-2.0
/*
 * steer.h -- the choice: from a client's address to a variant and an ECS scope.
 *
 * Purpose.   Policies of one zone are compiled against one location database. Each policy owns (or
 * shares with policies whose rules match alike) a partition of the address space: sorted intervals
 * with the number of the rule that matches, equal neighbours merged. One look-up gives the rule;
 * the pool chain of the rule gives the value. Scope.     The length of the largest prefix around
 * the client that lies within one merged interval: for every address in it the rule is the same,
 * and the next shorter prefix has an address with another rule. Where any pool in the rule's chain
 * has more than one usable value the choice also depends on the client key, and the scope is at
 * least that key's length (/24, /56). Health, weights and time never change the scope: a value that
 * may be usable counts whether it is up or not. Scope 0
 * means: the same for everyone of that family. Draw.      Weighted rendezvous hashing over the
 * usable values of the pool (geo/draw.h), message = owner in canonical wire form || type (2 octets)
 * || family octet (4 or 6) || the address cut to /24 (3 octets) or /56 (7 octets) || canonical
 * RDATA of the value; key from the zone's seed. Sticky, equal on every node, and a weight change
 * moves only its share. Invariant. Immutable once compiled. Variant numbers agree with what
 * steer_variants() gives, which is what the zone was built with. Threads.   Any number of readers.
 * Data plane: steer_choose() does not allocate, lock, or read a clock. Memory.    The compiled set
 * owns everything it needs; policies and location database may be freed after compiling.
 */
#ifndef GEO_STEER_H
#define GEO_STEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/prefix.h"
#include "base/span.h"
#include "geo/health_word.h"
#include "geo/location.h"
#include "geo/policy.h"

struct steer_set;
struct partition_store; /* partition_store.h */

#define STEER_KEY_V4 24
#define STEER_KEY_V6 56

/* Where the health of values comes from. `word` is called while compiling for each value with
 * status obey of a record with a health check, and gives the one word of (value, check), however
 * many pools and policies ask; NULL without memory. Each is given back once by steer_free(), when
 * no reader is left. */
struct steer_health {
	const health_word *(*word)(void *context, const struct policy *record,
				   const struct policy_value *value);
	void (*release)(void *context, const health_word *word);
	void *context;
};

struct steer_options {
	const char *seed; /* copied */
	size_t max_bytes; /* of partitions without `store`, 0: none; more fails with ERR_REFUSED */
	const struct steer_health
	    *health; /* copied; NULL: no value is checked, all that obey are up */
	struct partition_store
	    *store; /* outlives the set; NULL: partitions are shared with no other set */
	const struct policy **refused; /* gets the policy that could not be compiled; may be NULL */
};

/* Compiles policies that passed policy_check(); the number of a policy is its place in the array.
 * `db` may be NULL when no rule has geos. */
enum err steer_compile(struct steer_set **out, const struct policy *const *policies, size_t n,
		       const struct location_db *db, const struct steer_options *options);
void steer_free(struct steer_set *s);

/* The distinct answers a policy can give: variant 0 is the default values; the others are one value
 * each, or a set of values that one answer may hold. Returns how many; rdata arrays are borrowed
 * from the set. */
size_t steer_variant_n(const struct steer_set *s, uint32_t policy);
uint32_t steer_variant_ttl(const struct steer_set *s, uint32_t policy, uint32_t variant);
size_t steer_variant(const struct steer_set *s, uint32_t policy, uint32_t variant,
		     const struct span **rdata);

/* What a trace records, for `explain`: the same code fills it that serves. */
#define STEER_TRACE_POOLS  16
#define STEER_TRACE_VALUES 64

/* Why a value of a pool that was tried may answer, or not. */
enum steer_use { STEER_USABLE, STEER_IS_DOWN, STEER_IS_DRAINED, STEER_IS_SHED, STEER_UNCHECKED };

struct steer_trace {
	uint32_t rule;    /* index */
	uint8_t leaf_len; /* scope before the client key's length was applied */
	struct {
		const char *pool;
		uint32_t usable_n, value_n;
	} chain[STEER_TRACE_POOLS]; /* pools tried in order */
	uint32_t chain_n;
	struct {
		uint32_t chain; /* in which of them */
		const char *text;
		const health_word *health; /* NULL: not checked */
		uint32_t word;             /* as it was read */
		enum steer_use use;
	} values[STEER_TRACE_VALUES]; /* of those pools, without the ones that are always down */
	uint32_t values_n;
	bool failed;    /* no pool had a usable value: what the policy says for that answers */
	bool defaulted; /* ... and that is the default values */
	bool drawn;     /* more usable values than one answer holds */
	struct ip_prefix client_key;
	const char *value; /* text of the value chosen; NULL for the defaults */
	uint32_t weight, weight_sum;
};

struct steer_choice {
	uint32_t variant;
	uint8_t scope;
};

/* The variant of a choice that is no answer: the policy wants SERVFAIL. */
#define STEER_SERVFAIL (UINT32_MAX - 1)

/* What else a choice may depend on. Neither changes the scope. */
struct steer_moment {
	int64_t now;    /* seconds since 1970, for drains */
	uint64_t nonce; /* another one for each question, for policies that are not sticky */
};

/* Where a policy's partition has an address: what a choice begins with. */
struct steer_found {
	const struct steer_set *set;
	uint32_t policy;
	struct ip_addr client;
	uint32_t class;
	uint8_t scope;
};

/* `client` is the ECS address (bits past its source length zero) or the source address. `moment`
 * may be NULL: then nothing is drained. `trace` is NULL when serving. `found` is where the client
 * was found before (steer_look.h), or NULL; one of another client or policy is not used. */
struct steer_choice steer_choose_at(const struct steer_set *s, uint32_t policy,
				    const struct ip_addr *client, const struct steer_moment *moment,
				    const struct steer_found *found, struct steer_trace *trace);
static inline struct steer_choice steer_choose(const struct steer_set *s, uint32_t policy,
					       const struct ip_addr *client,
					       struct steer_trace *trace)
{
	return steer_choose_at(s, policy, client, NULL, NULL, trace);
}

/* For explain and status: texts are borrowed from the set. */
struct steer_rule_info {
	const char *pool;
	const char *match; /* "geos EU, NA-US; subnets 10.0.0.0/8", or "everyone else" */
};
size_t steer_rule_n(const struct steer_set *s, uint32_t policy);
struct steer_rule_info steer_rule(const struct steer_set *s, uint32_t policy, uint32_t rule);
/* Whether any client comes to the rule. */
bool steer_rule_is_reached(const struct steer_set *s, uint32_t policy, uint32_t rule);
size_t steer_policy_n(const struct steer_set *s);
size_t steer_partition_n(const struct steer_set *s);
size_t steer_bytes(const struct steer_set *s);

#endif
