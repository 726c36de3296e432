// SPDX-License-Identifier: Apache-2.0
/*
 * query.h -- one question in, one answer out: the stages of the data plane in their order.
 *
 * Purpose.   A function from bytes, client and time to bytes and a verdict. No socket, clock, lock
 * or malloc here; OpenSSL and the new signature allocate on a signature miss only. Stages. request
 * (bytes -> message), lookup (message -> answer), steer (node and client -> variant and scope;
 * called where lookup meets a steered RRset), sign (RRsets -> RRSIGs; with DO in a signed zone),
 * limit (what a flood would be given too much of), render (answer -> bytes). Invariant. Every
 * verdict is reached in bounded work. An answer with DO from a signed zone is signed whole or it is
 * SERVFAIL: never unsigned, never unsteered. Threads. One struct query per worker, touched by that
 * worker alone. The thread is registered with base/rcu.h. Memory.    Everything lies in struct
 * query and the caller's buffers.
 */
#ifndef QUERY_QUERY_H
#define QUERY_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/prefix.h"
#include "base/span.h"
#include "dns/compress.h"
#include "dns/message.h"
#include "dns/name_probe.h"
#include "dns/wire.h"
#include "dnssec/nsec3.h"
#include "query/memo.h"
#include "query/need.h"
#include "query/stats.h"
#include "query/view.h"

enum verdict {
	QUERY_REPLY,   /* `out` holds the answer */
	QUERY_DROP,    /* never answered, or rate limited */
	QUERY_HANDOFF, /* the control plane's matter (query/handoff.h); only where query.hands_on */
	QUERY_WAIT,    /* signatures are missing and cannot be made now: see query.need; ask
			  again when they are there */
};

struct query_client {
	struct ip_addr addr;
	bool tcp;
	bool encrypted; /* DNS over TLS: answers are padded */
};

#define ANSWER_RRSETS_MAX      48
#define ANSWER_SYNTHESIZED_MAX 4                      /* CNAMEs made from DNAMEs in one answer */
#define ANSWER_CHAIN_MAX       12                     /* CNAME records followed in one answer */
#define ANSWER_MADE_MAX        (ANSWER_CHAIN_MAX + 1) /* RRsets under names made at query time */

enum section { SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL };

/* One RRset of the answer. */
struct answer_rrset {
	const struct rrset *rrset; /* the variant chosen */
	const uint8_t *owner;      /* wire name to send as owner */
	const uint8_t
	    *signed_owner;        /* the name it is signed under: the wildcard's for a wildcard */
	const struct rrset *like; /* of a made NSEC: query/need.h */
	const struct zone_view *zv;
	const struct sig *sig;     /* RRSIGs to go with it, or NULL */
	const struct rrset *given; /* ... or among these, of a zone that was signed elsewhere */
	uint32_t ttl;              /* sent instead of the RRset's own, at most that */
	uint8_t section;           /* enum section */
	uint8_t made;              /* enum need_made */
	bool optional;             /* may be left out where it does not fit, without TC */
};

/* A CNAME made at query time for a name below a DNAME (RFC 6672 §3.1); never signed. */
struct answer_synthesized {
	_Alignas(struct rrset) uint8_t bytes[sizeof(struct rrset) + RR_FIXED_LEN + NAME_MAX_LEN];
};

/* A wildcard answered `name`; the proof that nothing closer exists goes into the authority section.
 */
struct answer_no_closer {
	const struct zone_view *zv;
	const uint8_t *name;
	const uint8_t *encloser; /* closest encloser, lies in the zone */
};

struct answer {
	uint16_t rcode;
	bool aa;
	unsigned rrset_n;
	struct answer_rrset rrset[ANSWER_RRSETS_MAX];
	struct edns_answer edns;
	bool steered;
	bool steer_failed; /* a policy has nothing to answer with and wants SERVFAIL */
	bool alias_failed; /* the addresses of an alias are not known */
	bool overflow;     /* an RRset found no row */
	bool referral;
	bool no_name;                 /* the name does not exist, whatever the rcode says */
	bool slipped;                 /* rate limited: sent empty, with TC */
	bool left_out;                /* something found no room: another client may get more */
	const struct zone_view *zone; /* the zone of the name asked; NULL: none of ours */
};

#define QUERY_NEEDS_MAX ANSWER_RRSETS_MAX

/* A question's look-up, made before its turn. */
struct query_ahead {
	bool done;
	bool known; /* likely in the memo: then nothing else is done ahead */
	uint16_t qtype;
	struct memo_question memo;
	const struct zone_view *zv; /* NULL: none of our zones */
	struct zone_find found;
	struct name_probe asked;
	/* At a cut: its first server within the zone, as its NS has it, and the node of that. */
	const uint8_t *server;
	const struct node *server_node;
	/* Of a name that does not exist in a zone with NSEC3: what covers its next closer name. */
	const struct rrset *cover;
	/* Of a steered name; set NULL: not looked for. */
	struct steer_found steered;
};

/* What proves a closest encloser in a zone with NSEC3, and that it has no wildcard. */
struct known_proof {
	uint64_t view_id;
	const struct node *encloser; /* NULL: nothing is known */
	const struct rrset *match;
	const struct rrset *wildcard; /* NULL: not looked for yet */
};

#define KNOWN_PROOFS 64

/* Questions that are looked up side by side. */
#define QUERY_AHEAD_MAX 32

struct query {
	/* Set by the owner for life. */
	struct signer *signer;
	struct query_stats *stats;
	struct nsec3_hasher *hasher;
	struct rate_table *rates; /* NULL: answers are not limited */
	struct memo *memo;        /* NULL: no answers are kept */
	bool hands_on;            /* transfers, updates and signed requests are handed on */
	unsigned worker;          /* whose row of zone counters is counted in */
	/* Set by the owner for each batch. */
	struct view *view;
	int64_t now; /* seconds since 1970 */
	unsigned
	    sign_budget; /* signatures that may still be made in this loop turn; counted down */
	/* Set by the owner for one question, and used up by it: its own look-up in `ahead`, or
	 * NULL. */
	const struct query_ahead *looked_up;
	/* Results besides the bytes. */
	struct query_need need[QUERY_NEEDS_MAX]; /* with QUERY_WAIT: all that is missing; with
						    QUERY_REPLY: renewals that are due */
	unsigned need_n;
	/* Trace for `explain`; NULL when serving. */
	struct steer_trace *trace;
	const struct rrset *traced;        /* the steered RRset that the trace is of */
	const struct zone_view *traced_zv; /* ... and its zone */
	uint64_t
	    steer_n; /* counts choices: another number for each, where policies are not sticky */
	/* Scratch of one question. */
	struct message msg;
	struct answer answer;
	struct query_client client;
	struct answer_synthesized synthesized[ANSWER_SYNTHESIZED_MAX];
	unsigned synthesized_n;
	struct need_nsec nsec; /* of a name made at query time */
	struct keyed_sig made_sig[ANSWER_MADE_MAX];
	struct answer_no_closer no_closer[ANSWER_CHAIN_MAX];
	unsigned no_closer_n;
	const struct name_probe *asked; /* the name asked, for compression */
	const struct query_ahead *look; /* ... and its look-up; NULL before */
	struct query_ahead own;         /* where nobody looked ahead */
	struct compress compress;
	bool compress_started;
	const uint8_t *last_owner; /* the owner written last, and where it stands */
	uint16_t last_owner_at;
	struct known_proof proof[KNOWN_PROOFS];
	bool cookie_good; /* the client has shown that it is where it says */
	struct query_ahead ahead[QUERY_AHEAD_MAX];
	struct name_probe servers[QUERY_AHEAD_MAX]; /* of referrals, while they are looked up */
};

/* Requests that are about to be answered, at most QUERY_AHEAD_MAX, all in this view: looks their
 * names up side by side, so that the waits for memory overlap; request i's is ahead[i]. `from` is
 * where each came from. Trusts nothing in them. */
void query_look_ahead(struct query *q, const struct span *in, const struct ip_addr *from,
		      unsigned n);

/* The choice among an RRset's variants for a client, by the code that serves; for `explain`. */
struct steer_choice query_choose(const struct steer_set *set, const struct rrset_steering *st,
				 const struct ip_addr *client, const struct steer_moment *moment,
				 const struct steer_found *found, struct steer_trace *trace);

/* Answers one request into `out`, whose room is the most that may be sent: 65535 for TCP; for UDP
 * the buffer (at least the view's udp_size); the client's limit is applied here. Needs a view. */
enum verdict query_answer(struct query *q, struct span in, const struct query_client *from,
			  struct writer *out);

/* The answer when a QUERY_WAIT cannot be waited for: SERVFAIL with an extended error (RFC 8914).
 * Same arguments. */
enum verdict query_give_up(struct query *q, struct span in, const struct query_client *from,
			   struct writer *out);

#endif
