// SPDX-License-Identifier: Apache-2.0
/*
 * oracle.h -- what resolvers may hold at each moment, and whether it validates.
 *
 * Purpose.   Knows nothing of the machine that it judges: it is told what each server serves, and
 * keeps for each what may still be in a cache. At every change it asks whether each answer that a
 * resolver may hold validates under each DNSKEY set that it may hold, and that set under each DS
 * set that it may hold. The algorithms of the DS set are asked of DNSKEY sets and answers alike, as
 * a validator does that hardens against downgrades (stricter than RFC 6840 §5.11). Reach.     Only
 * servers that a resolver may know count: the parent delegated to them, or the NS set of a server
 * that it may know named them, within the TTL of what it was told then.
 */
#ifndef TESTS_SIM_ORACLE_H
#define TESTS_SIM_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#define ORACLE_SIGNERS  8
#define ORACLE_SERVERS  2
#define ORACLE_VERSIONS 160
#define ORACLE_KEYS     64

/* All that a server of a signer serves. Sets of keys and of signers are bit sets. */
struct served {
	uint64_t dnskey, key_signing, zone_signing, cds;
	uint16_t ns;
	bool csync, has_cds;
	uint32_t dnskey_ttl, zone_ttl, ns_ttl;
};

struct delegation {
	uint64_t ds;
	uint16_t ns;
	uint32_t ds_ttl, ns_ttl;
};

struct served_version {
	uint8_t signer, server;
	struct served what;
	int64_t start, end; /* end INT64_MAX: served now */
};

struct delegation_version {
	uint8_t server;
	struct delegation what;
	int64_t start, end;
};

struct oracle {
	uint8_t algorithm[ORACLE_KEYS];
	struct served_version served[ORACLE_VERSIONS];
	unsigned served_n;
	struct delegation_version delegated[ORACLE_VERSIONS];
	unsigned delegated_n;
	int64_t reach_from[ORACLE_SIGNERS], reach_until[ORACLE_SIGNERS];
	int64_t settled_at;
	uint64_t checks;
	unsigned changes; /* told so far */
	bool bogus;
	char verdict[400];
};

void oracle_serves(struct oracle *o, unsigned signer, unsigned server, const struct served *what,
		   int64_t now);
/* Its servers answer nothing from now on. */
void oracle_silences(struct oracle *o, unsigned signer, int64_t now);
void oracle_delegates(struct oracle *o, unsigned server, const struct delegation *what,
		      int64_t now);
/* Judges the world as it is from `now` on. Call it when all that changes at `now` was told. */
void oracle_judge(struct oracle *o, int64_t now);

#endif
