// SPDX-License-Identifier: Apache-2.0
#include "control/policy_moves.h"

#include <stdlib.h>
#include <string.h>

/* Countries that are named for one move. */
#define COUNTRIES_SHOWN 10

struct policy_move {
	const char *from, *to;
	double share[2];  /* of IPv4, of IPv6 */
	double *by_place; /* both, added; NULL without database */
	uint64_t queries;
};

const char *policy_outcome(const struct sweep_side *side, const struct steer_trace *t,
			   struct steer_choice choice)
{
	if (side->set == NULL)
		return "(no record)";
	if (choice.variant == STEER_SERVFAIL)
		return "(SERVFAIL)";
	if (t->defaulted || t->chain_n == 0)
		return "(default values)";
	return t->chain[t->chain_n - 1].pool;
}

static enum err find(struct policy_moves *m, const char *from, const char *to,
		     struct policy_move **out)
{
	for (size_t i = 0; i < m->n; i++) {
		struct policy_move *move = &m->at[i];
		if (strcmp(move->from, from) == 0 && strcmp(move->to, to) == 0) {
			*out = move;
			return ERR_OK;
		}
	}
	if (m->n == m->cap) {
		size_t cap = m->cap > 0 ? 2 * m->cap : 16;
		struct policy_move *more = realloc(m->at, cap * sizeof *more);
		if (more == NULL)
			return ERR_NOMEM;
		m->at = more;
		m->cap = cap;
	}
	struct policy_move *move = &m->at[m->n];
	*move = (struct policy_move){ .from = from, .to = to };
	if (m->db != NULL) {
		move->by_place = calloc(location_place_n(m->db), sizeof *move->by_place);
		if (move->by_place == NULL)
			return ERR_NOMEM;
	}
	m->n++;
	*out = move;
	return ERR_OK;
}

enum err policy_moves_sweep(struct policy_moves *m, struct sweep *w)
{
	static const enum ip_family FAMILIES[] = { IP_V4, IP_V6 };

	for (int f = 0; f < 2; f++) {
		sweep_start(w, FAMILIES[f]);
		while (sweep_next(w)) {
			struct policy_move *move = NULL;
			double share = sweep_share(&w->prefix);
			enum err e =
			    find(m, policy_outcome(&w->side[0], &w->trace[0], w->choice[0]),
				 policy_outcome(&w->side[1], &w->trace[1], w->choice[1]), &move);
			if (e)
				return e;
			move->share[f] += share;
			if (move->by_place != NULL)
				move->by_place[w->place - location_place(m->db, 0)] += share;
		}
	}
	return ERR_OK;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

enum err policy_moves_query(struct policy_moves *m, const struct sweep_side side[SWEEP_SIDES],
			    const struct ip_addr *client)
{
	const char *outcome[SWEEP_SIDES], *value[SWEEP_SIDES] = { NULL };
	struct policy_move *move = NULL;

	for (int i = 0; i < SWEEP_SIDES; i++) {
		struct steer_trace t = { 0 };
		struct steer_choice choice = { 0 };
		if (side[i].set != NULL)
			choice = steer_choose(side[i].set, side[i].policy, client, &t);
		outcome[i] = policy_outcome(&side[i], &t, choice);
		value[i] = t.value;
	}
	enum err e = find(m, outcome[0], outcome[1], &move);
	if (e)
		return e;
	move->queries++;
	m->queries++;
	if (strcmp(outcome[0], outcome[1]) != 0)
		m->queries_moved++;
	else if (!same_text(value[0], value[1]))
		m->queries_revalued++;
	return ERR_OK;
}

static bool moves(const struct policy_move *m)
{
	return strcmp(m->from, m->to) != 0;
}

bool policy_moves_any(const struct policy_moves *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (moves(&m->at[i]))
			return true;
	return false;
}

/* ---- as JSON ---- */

struct country {
	char code[3];
	double share;
};

static int by_share(const void *a, const void *b)
{
	double x = ((const struct country *)a)->share, y = ((const struct country *)b)->share;

	return (x < y) - (x > y);
}

static int by_size(const void *a, const void *b)
{
	const struct policy_move *x = a, *y = b;
	double sx = x->share[0] + x->share[1], sy = y->share[0] + y->share[1];

	if (x->queries != y->queries)
		return x->queries < y->queries ? 1 : -1;
	return (sx < sy) - (sx > sy);
}

/* The share that a country has in the move, over both families; places of one country together. */
static size_t add_up(const struct policy_moves *m, const struct policy_move *move,
		     struct country *all)
{
	size_t n = 0;

	for (uint32_t p = 0; p < location_place_n(m->db); p++) {
		const char *code = location_place(m->db, p)->country;
		size_t k = 0;
		if (move->by_place[p] <= 0)
			continue;
		while (k < n && strcmp(all[k].code, code) != 0)
			k++;
		if (k == n) {
			all[n] = (struct country){ .share = 0 };
			memcpy(all[n++].code, code, sizeof all[k].code);
		}
		all[k].share += move->by_place[p];
	}
	qsort(all, n, sizeof *all, by_share);
	return n;
}

static json_t *countries_json(const struct policy_moves *m, const struct policy_move *move)
{
	json_t *out = json_array();
	struct country *all = calloc(location_place_n(m->db), sizeof *all);
	double sum = move->share[0] + move->share[1];

	if (all == NULL)
		return out;
	size_t n = add_up(m, move, all);
	for (size_t i = 0; i < n && i < COUNTRIES_SHOWN; i++)
		json_array_append_new(out, json_pack("{s:s, s:f}", "country",
						     all[i].code[0] != 0 ? all[i].code : "unknown",
						     "share_of_move", all[i].share / sum));
	free(all);
	return out;
}

json_t *policy_moves_json(struct policy_moves *m)
{
	json_t *out = json_array();

	qsort(m->at, m->n, sizeof *m->at, by_size);
	for (size_t i = 0; i < m->n; i++) {
		const struct policy_move *move = &m->at[i];
		if (!moves(move))
			continue;
		json_t *j = json_pack("{s:s, s:s, s:f, s:f, s:I}", "from", move->from, "to",
				      move->to, "ipv4_share", move->share[0], "ipv6_share",
				      move->share[1], "queries", (json_int_t)move->queries);
		if (move->by_place != NULL && move->share[0] + move->share[1] > 0)
			json_object_set_new(j, "countries", countries_json(m, move));
		json_array_append_new(out, j);
	}
	return out;
}

void policy_moves_free(struct policy_moves *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->at[i].by_place);
	free(m->at);
	*m = (struct policy_moves){ 0 };
}
