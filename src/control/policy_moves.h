// SPDX-License-Identifier: Apache-2.0
/*
 * policy_moves.h -- how much of the world goes from one pool to another.
 *
 * Purpose.   Sums the pieces of a sweep (geo/sweep.h) and the lines of a query log by what answers
 * before and after. Memory.    The owner calls policy_moves_free(); texts are borrowed from the
 * compiled sets.
 */
#ifndef CONTROL_POLICY_MOVES_H
#define CONTROL_POLICY_MOVES_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "geo/sweep.h"

struct policy_move;

struct policy_moves {
	struct policy_move *at;
	size_t n, cap;
	const struct location_db *db; /* NULL: no places */
	uint64_t queries, queries_moved, queries_revalued;
};

/* What answers: the name of a pool, or in parentheses what is none. */
const char *policy_outcome(const struct sweep_side *side, const struct steer_trace *t,
			   struct steer_choice choice);

/* ERR_NOMEM. */
enum err policy_moves_sweep(struct policy_moves *m, struct sweep *w);
/* One query of a log: decided on both sides. */
enum err policy_moves_query(struct policy_moves *m, const struct sweep_side side[SWEEP_SIDES],
			    const struct ip_addr *client);
/* Whether anybody gets an answer from another pool. */
bool policy_moves_any(const struct policy_moves *m);
/* What moves, largest first, with the countries it concerns most. */
json_t *policy_moves_json(struct policy_moves *m);
void policy_moves_free(struct policy_moves *m);

#endif
