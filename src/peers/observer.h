// SPDX-License-Identifier: Apache-2.0
/*
 * observer.h -- looks at all servers of all signers of a zone, and of its parent, again and again.
 *
 * Purpose.   One round: each of the parent's servers is asked for DS and the delegation, then each
 * server of each signer for DNSKEY, CDS, CDNSKEY, CSYNC, NS, SOA and the samples; every answer is
 * validated, and what one server serves is told as a whole or not at all.
 * Trust.     A DS counts as the parent's when every one of its servers that answered in this round
 * shows it. Where none answered, or they have none in common, no signer is believed in this round.
 * Log.       A server that begins to fail, fails for another reason, or is well again: once each.
 * Invariant. Static in failure: who fails (no answer, an error, truncated, bogus, unsigned, empty,
 * malformed) is told with the reason, and nothing of what it said.
 * Rounds.    Zones are spread over their interval with jitter and never bunch up; at most
 * `questions_max` questions are under way, so 10,000 zones are steady work and not a burst.
 * Threads.   The loop's; handlers are called from it, never from inside a call of ours.
 * Memory.    observed_add() to observed_remove(); what a handler gets is borrowed for the call.
 */
#ifndef PEERS_OBSERVER_H
#define PEERS_OBSERVER_H

#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "multisigner/group.h"
#include "peers/cross.h"
#include "peers/interview.h"
#include "peers/seen.h"
#include "transfer/remote.h"

struct observer;
struct observed;

struct observed_servers {
	const char *name; /* the signer's, for the log; of the parent: not looked at */
	const struct remote *server;
	size_t n; /* at most GROUP_SERVERS_MAX */
};

/* Copied, but for what remotes point to (TLS, TSIG keys), which must outlive the zone's watching.
 */
struct observed_zone {
	const uint8_t *name;
	const char *text; /* for the log */
	struct observed_servers parent;
	struct observed_servers signer[GROUP_SIGNERS_MAX]; /* by the group's numbers */
	size_t signer_n;
	struct interview_sample sample[INTERVIEW_SAMPLES_MAX];
	size_t sample_n;
	uint32_t interval_s;
};

struct observer_handler {
	void (*parent)(unsigned server, const struct parent_seen *seen, void *context);
	void (*signer)(unsigned signer, unsigned server, const struct signer_seen *seen,
		       void *context);
	/* signer OBSERVED_PARENT: one of the parent's. */
	void (*failed)(int signer, unsigned server, const char *why, void *context);
	/* DS records that are trusted for this signer beside the parent's: of one that the parent
	 * does not have yet, as an operator or an authenticated call has said. Returns how many
	 * stand in out[SEEN_DS_MAX]. NULL: none. */
	size_t (*anchors)(unsigned signer, struct seen_ds *out, void *context);
	/* What the servers serve, compared, and each one's answers under each one's DNSKEY set.
	 * NULL: not wanted. */
	void (*crossed)(const struct cross_result *c, void *context);
	/* All of the round was told. The zone may be removed here; in the other handlers it may
	 * not. */
	void (*over)(void *context);
	void *context;
};
#define OBSERVED_PARENT (-1)

struct observer_limits {
	uint32_t questions_max; /* under way at once; 0: 256 */
	uint32_t rounds_max;    /* zones under way at once; 0: 128 */
	uint32_t try_ms;        /* of one question; 0: 2000 */
};

/* For metrics. */
struct observer_counts {
	uint64_t round_n, look_n, failed_n; /* since the beginning; looks of parents too */
	size_t zone_n;
	size_t rounds_under_way;
	uint32_t questions_under_way, questions_waiting;
};

enum err observer_new(struct observer **out, uv_loop_t *loop, const struct observer_limits *limits);
/* All zones must have been removed. Its handles close with the next turns of the loop, then it
 * frees itself. Accepts NULL. */
void observer_close(struct observer *o);

void observer_count(const struct observer *o, struct observer_counts *out);

/* The first round comes within the interval, at a moment of the observer's choice. */
enum err observed_add(struct observed **out, struct observer *o, const struct observed_zone *zone,
		      const struct observer_handler *handler);
void observed_remove(struct observed *z);
/* The next round begins as soon as there is room. */
void observed_look_now(struct observed *z);
/* Not later than after `in_ms`; while no round is under way. */
void observed_look_soon(struct observed *z, uint64_t in_ms);

#endif
