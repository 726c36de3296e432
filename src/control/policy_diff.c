// SPDX-License-Identifier: Apache-2.0
#include "control/policy_diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/policy_files.h"
#include "control/policy_moves.h"
#include "dns/name.h"
#include "dns/rrtype.h"

#define LINE_MAX_LEN 1024
#define SEPARATORS   " \t,;\r\n"

/* A record that one side has, or both. */
struct pair {
	const uint8_t *owner;
	uint16_t type;
	struct sweep_side side[SWEEP_SIDES];
	struct policy_moves moves;
};

struct comparison {
	const struct policy_diff_options *o;
	struct diag *diag;
	struct policy_world world[SWEEP_SIDES];
	struct policy_file file[SWEEP_SIDES];
	const struct location_db *db; /* whose countries are named */
	struct pair *pairs;
	size_t n;
	uint64_t queries, strangers; /* lines of the log; those about names that no side steers */
};

static enum err open_sides(struct comparison *c)
{
	const struct policy_diff_options *o = c->o;
	enum err e = policy_world_open(&c->world[0], o->zone, o->config,
				       o->config == NULL ? o->mmdb : NULL, c->diag);

	if (!e)
		e = policy_world_open(&c->world[1], o->zone, o->config, o->mmdb, c->diag);
	if (!e)
		e = policy_file_open(&c->file[0], o->old_file, &c->world[0], NULL, 0, c->diag);
	if (!e)
		e = policy_file_open(&c->file[1], o->new_file, &c->world[1], o->down, o->down_n,
				     c->diag);
	c->db = c->world[1].db;
	return e;
}

static int by_owner(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int order = name_compare(x->owner, y->owner);

	return order != 0 ? order : (int)x->type - (int)y->type;
}

static struct pair *find_pair(struct comparison *c, const uint8_t *owner, uint16_t type)
{
	const struct pair key = { .owner = owner, .type = type };

	return bsearch(&key, c->pairs, c->n, sizeof *c->pairs, by_owner);
}

/* Sides sorted alike meet; a side alone is a record that came or went. */
static void merge_pairs(struct comparison *c)
{
	size_t n = 0;

	qsort(c->pairs, c->n, sizeof *c->pairs, by_owner);
	for (size_t i = 0; i < c->n; i++) {
		if (n > 0 && by_owner(&c->pairs[n - 1], &c->pairs[i]) == 0) {
			int k = c->pairs[i].side[1].set != NULL;
			c->pairs[n - 1].side[k] = c->pairs[i].side[k];
			continue;
		}
		c->pairs[n++] = c->pairs[i];
	}
	c->n = n;
}

static enum err pair_up(struct comparison *c)
{
	c->pairs = calloc(c->file[0].n + c->file[1].n + 1, sizeof *c->pairs);
	if (c->pairs == NULL)
		return ERR_NOMEM;
	for (int k = 0; k < SWEEP_SIDES; k++) {
		for (uint32_t i = 0; i < c->file[k].n; i++) {
			const struct policy *p = c->file[k].policies[i];
			struct pair *pair = &c->pairs[c->n++];
			pair->owner = p->owner;
			pair->type = p->type;
			pair->side[k] = (struct sweep_side){ c->file[k].set, i };
			pair->moves.db = c->db;
		}
	}
	merge_pairs(c);
	return ERR_OK;
}

static enum err sweep_pairs(struct comparison *c)
{
	for (size_t i = 0; i < c->n; i++) {
		struct pair *p = &c->pairs[i];
		struct sweep w = { .side = { p->side[0], p->side[1] }, .db = c->db };
		enum err e = policy_moves_sweep(&p->moves, &w);
		if (e)
			return e;
	}
	return ERR_OK;
}

/* ---- the log ---- */

static enum err bad_line(struct comparison *c, unsigned line, const char *what, const char *given)
{
	diag_add(c->diag, DIAG_ERROR, &(struct diag_place){ .file = c->o->queries, .line = line },
		 "a line is ADDRESS[/LENGTH], or that with a name, or with a name and a type",
		 "'%.80s' is not %s", given, what);
	return ERR_INVALID;
}

static enum err ask_line(struct comparison *c, char *text, unsigned line)
{
	char *rest = NULL, *client_text = strtok_r(text, SEPARATORS, &rest),
	     *name_text = strtok_r(NULL, SEPARATORS, &rest),
	     *type_text = strtok_r(NULL, SEPARATORS, &rest);
	struct ip_prefix client;
	struct name name;
	uint16_t type = TYPE_A;
	enum err e = ERR_OK;

	if (client_text == NULL || client_text[0] == '#')
		return ERR_OK;
	if (!ip_prefix_from_text(client_text, &client, NULL))
		return bad_line(c, line, "an address or a prefix", client_text);
	c->queries++;
	for (size_t i = 0; name_text == NULL && !e && i < c->n; i++)
		e = policy_moves_query(&c->pairs[i].moves, c->pairs[i].side, &client.addr);
	if (name_text == NULL || e)
		return e;
	if (name_from_text(name_text, NULL, &name))
		return bad_line(c, line, "a domain name", name_text);
	name_lower(name.wire, name.wire);
	if (type_text != NULL && !rr_type_from_text(type_text, &type))
		return bad_line(c, line, "a type of records", type_text);
	struct pair *p = find_pair(c, name.wire, type);
	if (p == NULL)
		c->strangers++;
	return p != NULL ? policy_moves_query(&p->moves, p->side, &client.addr) : ERR_OK;
}

static enum err read_queries(struct comparison *c)
{
	char text[LINE_MAX_LEN];
	enum err e = ERR_OK;
	FILE *f = c->o->queries != NULL ? fopen(c->o->queries, "re") : NULL;

	if (c->o->queries == NULL)
		return ERR_OK;
	if (f == NULL) {
		diag_add(c->diag, DIAG_ERROR, &(struct diag_place){ .file = c->o->queries }, NULL,
			 "cannot be read: %m");
		return ERR_IO;
	}
	for (unsigned line = 1; !e && fgets(text, sizeof text, f) != NULL; line++) {
		if (strchr(text, '\n') == NULL && !feof(f))
			e = bad_line(c, line, "a line of fewer than 1024 octets", "it");
		else
			e = ask_line(c, text, line);
	}
	fclose(f);
	return e;
}

/* ---- what comes out ---- */

static const char *change_of(const struct pair *p)
{
	if (p->side[0].set == NULL)
		return "added";
	if (p->side[1].set == NULL)
		return "removed";
	return policy_moves_any(&p->moves) ? "moved" : "same pools";
}

static json_t *pair_json(struct pair *p)
{
	char name[NAME_TEXT_MAX], type[RR_TYPE_TEXT_MAX];

	return json_pack("{s:s, s:s, s:s, s:o, s:{s:I, s:I, s:I}}", "name",
			 name_to_text(p->owner, name), "type", rr_type_to_text(p->type, type),
			 "change", change_of(p), "moves", policy_moves_json(&p->moves), "queries",
			 "asked", (json_int_t)p->moves.queries, "other_pool",
			 (json_int_t)p->moves.queries_moved, "other_value",
			 (json_int_t)p->moves.queries_revalued);
}

static json_t *result_of(struct comparison *c)
{
	json_t *records = json_array();
	uint64_t moved = 0, revalued = 0;

	for (size_t i = 0; i < c->n; i++) {
		json_array_append_new(records, pair_json(&c->pairs[i]));
		moved += c->pairs[i].moves.queries_moved;
		revalued += c->pairs[i].moves.queries_revalued;
	}
	json_t *j = json_pack("{s:s, s:s, s:s, s:o}", "zone", c->o->zone, "old", c->o->old_file,
			      "new", c->o->new_file, "records", records);
	if (c->o->queries != NULL)
		json_object_set_new(
		    j, "queries",
		    json_pack("{s:I, s:I, s:I, s:I}", "lines", (json_int_t)c->queries,
			      "not_steered", (json_int_t)c->strangers, "other_pool",
			      (json_int_t)moved, "other_value", (json_int_t)revalued));
	return j;
}

json_t *policy_diff(const struct policy_diff_options *o, struct diag *d)
{
	struct comparison c = { .o = o, .diag = d };
	json_t *out = NULL;
	enum err e = open_sides(&c);

	if (!e)
		e = pair_up(&c);
	if (!e)
		e = sweep_pairs(&c);
	if (!e)
		e = read_queries(&c);
	if (!e)
		out = result_of(&c);
	if (e == ERR_NOMEM)
		diag_add(d, DIAG_ERROR, NULL, NULL, "no memory");
	for (size_t i = 0; i < c.n; i++)
		policy_moves_free(&c.pairs[i].moves);
	free(c.pairs);
	for (int k = 0; k < SWEEP_SIDES; k++) {
		policy_file_close(&c.file[k]);
		policy_world_close(&c.world[k]);
	}
	return out;
}
