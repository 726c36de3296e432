// SPDX-License-Identifier: Apache-2.0
/*
 * policy.h -- a steering policy as its author wrote it: the octoDNS dynamic record.
 *
 * Purpose.   The model between the YAML reader (control) and the compiler; checks of the model as
 * octoDNS makes them. Invariant. What policy_check() passed, policy compilation cannot refuse but
 * for memory. Memory.    Everything lies in the arena of whoever read it; pointers are borrowed
 * from there.
 */
#ifndef GEO_POLICY_H
#define GEO_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/prefix.h"
#include "base/span.h"

/* Where in its file something stood. */
struct policy_place {
	unsigned line, column;
};

enum policy_status { POLICY_OBEY, POLICY_UP, POLICY_DOWN };

enum policy_protocol {
	POLICY_HTTPS,
	POLICY_HTTP,
	POLICY_TCP,
	POLICY_ICMP,
	POLICY_FEED, /* nobody is asked: the state is fed through the API */
};

/* How the values of a record are checked (octodns: healthcheck). Texts are NULL and numbers 0 where
 * the file leaves them out: the checker's defaults. Values of one pool share it; the address that
 * is checked is the value's. */
struct policy_healthcheck {
	enum policy_protocol protocol;
	uint16_t port;      /* never 0 but for ICMP and FEED */
	const char *host;   /* Host, SNI and certificate; the record's name by default */
	const char *path;   /* of HTTP and HTTPS */
	const char *target; /* what is checked instead of the value */
	const char *expect; /* a text that the body has */
	const char *ca;     /* PEM file with the authorities that are trusted */
	uint16_t status_min, status_max; /* of HTTP */
	bool insecure;                   /* the certificate is not looked at */
	uint32_t interval_ms, timeout_ms, stale_ms;
	uint16_t rise, fall; /* equal results in a row that change the state */
	struct policy_place at;
};

/* From `from` (included) to `until` (not included) nothing new is sent there; seconds since 1970.
 */
struct policy_window {
	int64_t from, until;
};

struct policy_value {
	const char *text;
	struct span rdata; /* wire */
	uint32_t weight;   /* 1..100 */
	enum policy_status status;
	/* Load shedding: from `low` on ever more clients go elsewhere, from `high` on all; high 0:
	 * none. */
	uint16_t shed_low, shed_high;
	const struct policy_window *drains;
	size_t drain_n;
	struct policy_place at;
};

struct policy_pool {
	const char *name;
	const char *fallback; /* NULL: the default values */
	const struct policy_value *values;
	size_t value_n;
	uint32_t answers; /* values in one answer, at most; 0 is 1 */
	uint32_t ttl;     /* of its answers; with has_ttl */
	bool has_ttl;
	const struct policy_window *drains; /* of all its values */
	size_t drain_n;
	/* Where it stands, for rules by distance: units of 1e-4 degrees; with has_point. Bias makes
	 * distances to it shorter (1 to 99) or longer (-99 to -1). */
	bool has_point;
	int32_t latitude, longitude;
	int32_t bias;
	struct policy_place at, fallback_at, answers_at;
};

struct policy_asn {
	uint32_t number;
	struct policy_place at;
};

struct policy_geo {
	const char *code; /* "EU", "NA-US", "NA-US-KY" as written */
	struct policy_place at;
};

struct policy_subnet {
	const char *text;
	struct ip_prefix prefix;
	struct policy_place at;
};

/* The name of a pool where a rule has it. */
struct policy_name {
	const char *text;
	struct policy_place at;
};

struct policy_rule {
	const struct policy_geo *geos;
	size_t geo_n;
	const struct policy_subnet *subnets;
	size_t subnet_n;
	const struct policy_asn *asns;
	size_t asn_n;
	const struct policy_name *networks; /* names of the location database */
	size_t network_n;
	/* The target: a pool, or a list of pools that are tried in their order. After the last one
	 * come its fallbacks. */
	const struct policy_name *pools;
	size_t pool_n;
	bool listed; /* written as a list */
	/* 0: as listed; else the so many pools that are the nearest to the client, the nearest
	 * first. */
	uint32_t nearest;
	struct policy_place at, pool_at;
};

/* What answers when no pool of a chain has a usable value. */
enum policy_fail {
	POLICY_FAIL_VALUES,   /* the default values (octoDNS) */
	POLICY_FAIL_OPEN,     /* the first pool, as if all that is not `down` were up */
	POLICY_FAIL_SERVFAIL, /* nothing */
	POLICY_FAIL_POOL,     /* a pool of its own, in the same way */
};

struct policy {
	const char *file;     /* for findings */
	const char *source;   /* the text of that file, for the line and caret; NULL: not shown */
	const uint8_t *owner; /* wire, absolute */
	uint16_t type;        /* A, AAAA or CNAME */
	uint32_t ttl;
	const struct policy_value *defaults;
	size_t default_n;
	const struct policy_pool *pools;
	size_t pool_n;
	const struct policy_rule *rules;
	size_t rule_n;
	enum policy_fail fail;
	const char *fail_pool;
	unsigned unsticky; /* 1: a draw for each question instead of for each client */
	const struct policy_healthcheck *healthcheck; /* NULL: values with status obey are up */
	struct policy_place at, fail_at;
};

#define POLICY_POOLS_MAX   1000
#define POLICY_RULES_MAX   1000
#define POLICY_VALUES_MAX  1000 /* distinct values of one policy */
#define POLICY_ANSWERS_MAX 16
#define POLICY_NEAREST_MAX 16
#define POLICY_ORDERS_MAX  65536 /* different orders of pools by distance */
/* Different answers of one policy: each is an RRset that is made and signed for itself. */
#define POLICY_VARIANTS_MAX 4096

/* Checks as octoDNS does: type is A/AAAA/CNAME; defaults given (one for CNAME); rules end with
 * exactly one catch-all; order subnet-only, subnet+geo, geo-only, catch-all; pools named in rules
 * and fallbacks exist (with the nearest name as hint); unused pools; fallback loops ("loop in pool
 * fallbacks: one -> three -> two"); a pool is the target of one rule only, but the catch-all may
 * reuse one; weights 1..100; a single value must have weight 1; geo codes exist (nearest as hint)
 * and stand under the right continent; the same or a nested geo or subnet in an earlier rule.
 * Of what octoDNS does not have: lists of pools name each once; the number of different answers
 * is bounded. Returns ERR_INVALID if it added an error. */
enum err policy_check(const struct policy *p, struct diag *d);

/* How many different sets of values a pool can answer with, as its health and clients change; above
 * POLICY_VARIANTS_MAX just more than that. */
size_t policy_pool_sets(const struct policy_pool *pool, bool checked);

#endif
