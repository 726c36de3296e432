// SPDX-License-Identifier: Apache-2.0
/*
 * internal.h -- the observer's parts to one another; private to this folder.
 */
#ifndef PEERS_INTERNAL_H
#define PEERS_INTERNAL_H

#include "peers/observer.h"
#include "transfer/asker.h"

struct round;

struct servers {
	char *name;
	struct remote *server;
	uint64_t *fault; /* digest of why each one failed last; 0: it did not */
	size_t n;
};

struct observed {
	struct observer *observer;
	struct observer_handler handler;
	uint8_t name[NAME_MAX_LEN];
	char *text;
	struct servers parent, signer[GROUP_SIGNERS_MAX];
	size_t signer_n;
	struct interview_sample sample[INTERVIEW_SAMPLES_MAX]; /* names owned */
	size_t sample_n;
	uint32_t interval_s;
	uint64_t next_ms;
	size_t heap_at; /* while no round is under way */
	struct round *round;
	bool again; /* another round as soon as this one is over */
};

struct observer {
	uv_loop_t *loop;
	uv_timer_t timer;
	struct observer_limits limits;
	struct asker *asker;
	struct interview_tools tools;
	struct round *idle;     /* memory of a round that is over; NULL: none */
	struct observed **heap; /* by next_ms */
	size_t heap_n, heap_cap, zone_n, round_n;
	struct observer_counts count; /* what has been; the rest is counted when asked */
};

/* round.c: one round. round_over() is called at its end, from the loop. ERR_NOMEM. */
enum err round_start(struct observed *z);
void round_cancel(struct round *r);

/* observer.c */
void round_over(struct observed *z);

#endif
