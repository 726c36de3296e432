// SPDX-License-Identifier: Apache-2.0
/*
 * cross.h -- what all servers of a zone serve, compared: drift, and each one's answers under each
 * one's DNSKEY set.
 *
 * Purpose.   A resolver may hold the DNSKEY RRset of one signer and an answer of another: every
 * pair must validate (RFC 8901 §2.1.2). And signers of one zone should say the same. Use.       For
 * each server cross_keep() each answer, then cross_add() (or cross_drop()); at the end
 * cross_judge(), and *result. Memory.    cross_new() to cross_free(). Holds copies, at most
 * CROSS_KEPT_MAX octets a server. Threads.   Pure, but for the memo.
 */
#ifndef PEERS_CROSS_H
#define PEERS_CROSS_H

#include "multisigner/group.h"
#include "peers/interview.h"

#define CROSS_SERVERS_MAX (GROUP_SIGNERS_MAX * GROUP_SERVERS_MAX)
#define CROSS_FAULTS_MAX  16
#define CROSS_ANSWERS_MAX (6 + INTERVIEW_SAMPLES_MAX)
#define CROSS_KEPT_MAX    16384

/* Facets in which signers should not differ. */
#define CROSS_FACET_TABLE(X)                                                                       \
	X(CROSS_NS, "NS")                                                                          \
	X(CROSS_DNSKEY, "DNSKEY") /* keys without the SEP flag: others need not be carried */      \
	X(CROSS_CDS, "CDS")                                                                        \
	X(CROSS_CDNSKEY, "CDNSKEY")                                                                \
	X(CROSS_DENIAL, "denial of existence")                                                     \
	X(CROSS_SAMPLES, "sampled answers")

enum cross_facet {
#define X(code, text) code,
	CROSS_FACET_TABLE(X)
#undef X
	    CROSS_FACETS
};

struct cross_server {
	uint8_t signer, server;
	uint64_t facet[CROSS_FACETS]; /* digests */
	uint64_t keys;                /* digest of the whole DNSKEY RRset */
};

/* An answer of one server does not validate under the DNSKEY RRset of another. */
struct cross_fault {
	uint8_t of, under; /* by server[] */
	uint16_t type;     /* of the question */
	enum proof_verdict verdict;
};

struct cross_result {
	struct cross_server server[CROSS_SERVERS_MAX];
	size_t n;
	uint32_t differs; /* bits by facet */
	struct cross_fault fault[CROSS_FAULTS_MAX];
	size_t fault_n; /* of all; those past CROSS_FAULTS_MAX are counted alone */
	size_t pair_n;  /* (answer, other DNSKEY RRset) that were judged */
};

struct cross;

struct cross *cross_new(void);
void cross_free(struct cross *c);
void cross_keep(struct cross *c, const struct interview_sample *question, struct span message);
void cross_drop(struct cross *c);
void cross_add(struct cross *c, unsigned signer, unsigned server, const struct signer_seen *seen);
const struct cross_result *cross_judge(struct cross *c, const uint8_t *zone,
				       struct interview_tools *tools, int64_t now);

/* Static text; never NULL. */
const char *cross_facet_text(enum cross_facet f);

#endif
