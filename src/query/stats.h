// SPDX-License-Identifier: Apache-2.0
/*
 * stats.h -- what a worker counts while it answers.
 *
 * Threads.   One writer (the worker); control reads without locks (base/counter.h).
 */
#ifndef QUERY_STATS_H
#define QUERY_STATS_H

#include "base/counter.h"

/* One row a counter: field, name in the API, what it says. */
#define QUERY_STATS_TABLE(X)                                                                       \
	X(udp_requests, "datagrams received over UDP")                                             \
	X(tcp_requests, "messages received over TCP")                                              \
	X(answers, "answers sent")                                                                 \
	X(drops, "requests that were never answered")                                              \
	X(truncated, "answers sent with TC")                                                       \
	X(noerror, "answers with rcode NOERROR")                                                   \
	X(nxdomain, "answers with rcode NXDOMAIN")                                                 \
	X(formerr, "answers with rcode FORMERR")                                                   \
	X(servfail, "answers with rcode SERVFAIL")                                                 \
	X(refused, "answers with rcode REFUSED")                                                   \
	X(other_rcode, "answers with another rcode")                                               \
	X(rate_dropped, "answers left out by rate limiting")                                       \
	X(rate_slipped, "answers cut to TC by rate limiting")                                      \
	X(handed_on, "requests handed to the control plane")                                       \
	X(cookies_good, "requests with a good cookie")                                             \
	X(padded, "answers padded over encrypted transport")                                       \
	X(dnssec_ok, "requests with DO")                                                           \
	X(ecs, "requests with a client subnet")                                                    \
	X(steered, "answers with a steered RRset")                                                 \
	X(sig_hits, "signatures taken from the cache")                                             \
	X(sig_misses, "signatures that were not in the cache")                                     \
	X(sig_made, "signatures made in a worker")                                                 \
	X(sig_waits, "requests that waited for a signature")                                       \
	X(sig_given_up, "requests that could not wait and got SERVFAIL")

/* Types that are counted apart; all others together are the last. */
#define QUERY_TYPES_TABLE(X)                                                                       \
	X(A)                                                                                       \
	X(NS)                                                                                      \
	X(CNAME)                                                                                   \
	X(SOA)                                                                                     \
	X(PTR)                                                                                     \
	X(MX)                                                                                      \
	X(TXT)                                                                                     \
	X(AAAA)                                                                                    \
	X(SRV)                                                                                     \
	X(DS)                                                                                      \
	X(DNSKEY)                                                                                  \
	X(HTTPS)                                                                                   \
	X(ANY)

enum query_type_slot {
#define X(type) QUERY_TYPE_##type,
	QUERY_TYPES_TABLE(X)
#undef X
	    QUERY_TYPE_OTHER,
	QUERY_TYPE_SLOTS
};

/* Why requests are never answered. Rate limiting is counted apart. */
#define QUERY_DROPS_TABLE(X)                                                                       \
	X(SHORT, "short")         /* fewer octets than a header */                                 \
	X(RESPONSE, "response")   /* an answer to an answer would go on for ever */                \
	X(OVERSIZED, "oversized") /* more octets than any query over UDP has */

enum query_drop {
#define X(code, text) QUERY_DROP_##code,
	QUERY_DROPS_TABLE(X)
#undef X
	    QUERY_DROPS
};

struct query_stats {
#define X(field, says) struct counter field;
	QUERY_STATS_TABLE(X)
#undef X
	struct counter by_type[QUERY_TYPE_SLOTS]; /* answers by type asked for */
	struct counter drops_why[QUERY_DROPS];
};

#endif
