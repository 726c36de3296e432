// SPDX-License-Identifier: Apache-2.0
#include "control/steering_match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX      10000u
#define NEAREST_LIMIT 3u /* of a rule that does not say */
#define NAMES_MAX     256u

static struct policy_place place_of(const struct yaml_node *n)
{
	return (struct policy_place){ n->line, n->column };
}

/* 64500 or AS64500. */
enum err steering_read_asns(struct schema *s, const struct yaml_node *list, void *into)
{
	struct policy_rule *rule = into;

	if (list->kind != YAML_LIST || list->n > LIST_MAX)
		return schema_expected(s, list, "a list of AS numbers");
	struct policy_asn *asns = arena_alloc(s->arena, (list->n + 1) * sizeof *asns);
	if (asns == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < list->n; i++) {
		const char *text = schema_text(s, list->item[i], "an AS number (64500)");
		if (text == NULL)
			return ERR_INVALID;
		if (strncmp(text, "AS", 2) == 0)
			text += 2;
		asns[i].at = place_of(list->item[i]);
		if (!schema_u32(text, &asns[i].number) || asns[i].number == 0)
			return schema_expected(s, list->item[i], "an AS number (64500)");
	}
	rule->asns = asns;
	rule->asn_n = list->n;
	return ERR_OK;
}

enum err steering_read_networks(struct schema *s, const struct yaml_node *list, void *into)
{
	struct policy_rule *rule = into;

	if (list->kind != YAML_LIST || list->n > LIST_MAX)
		return schema_expected(s, list, "a list of names of networks");
	struct policy_name *names = arena_alloc(s->arena, (list->n + 1) * sizeof *names);
	if (names == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < list->n; i++) {
		const char *text = schema_text(s, list->item[i], "the name of a network");
		if (text == NULL)
			return ERR_INVALID;
		names[i].text = arena_strdup(s->arena, text);
		names[i].at = place_of(list->item[i]);
		if (names[i].text == NULL)
			return ERR_NOMEM;
	}
	rule->networks = names;
	rule->network_n = list->n;
	return ERR_OK;
}

enum err steering_read_limit(struct schema *s, const struct yaml_node *value, void *into)
{
	struct policy_rule *rule = into;
	const char *text = schema_text(s, value, "a number of pools, 1 to 16");

	if (text == NULL)
		return ERR_INVALID;
	return schema_u32(text, &rule->nearest) && rule->nearest >= 1 &&
		       rule->nearest <= POLICY_NEAREST_MAX
		   ? ERR_OK
		   : schema_expected(s, value, "a number of pools, 1 to 16");
}

enum err steering_finish_rule(struct schema *s, const struct yaml_node *map,
			      struct policy_rule *rule)
{
	const struct yaml_node *nearest = yaml_get(map, "nearest");

	if (nearest == NULL && rule->nearest > 0) {
		yaml_finding(s->yaml, map, s->diag, DIAG_ERROR, NULL,
			     "'limit' has a meaning beside 'nearest' only");
		return ERR_INVALID;
	}
	if (nearest != NULL && rule->nearest == 0)
		rule->nearest = NEAREST_LIMIT;
	return ERR_OK;
}

/* ---- pools ---- */

static enum err read_degrees(struct schema *s, const struct yaml_node *value, double limit,
			     int32_t *out)
{
	const char *text = schema_text(s, value, "degrees");
	char *end = NULL;

	if (text == NULL)
		return ERR_INVALID;
	double v = strtod(text, &end);
	if (text[strspn(text, "+-.0123456789")] != 0 || end == text || *end != 0 || v < -limit ||
	    v > limit)
		return schema_expected(s, value,
				       limit > 90 ? "degrees of longitude (-180 to 180)"
						  : "degrees of latitude (-90 to 90)");
	*out = (int32_t)(v / PLACE_UNIT + (v < 0 ? -0.5 : 0.5));
	return ERR_OK;
}

enum err steering_read_latitude(struct schema *s, const struct yaml_node *value, void *into)
{
	return read_degrees(s, value, 90, &((struct policy_pool *)into)->latitude);
}

enum err steering_read_longitude(struct schema *s, const struct yaml_node *value, void *into)
{
	return read_degrees(s, value, 180, &((struct policy_pool *)into)->longitude);
}

enum err steering_read_bias(struct schema *s, const struct yaml_node *value, void *into)
{
	struct policy_pool *pool = into;
	const char *text = schema_text(s, value, "a bias");
	uint32_t n = 0;

	if (text == NULL)
		return ERR_INVALID;
	bool minus = text[0] == '-';
	if (!schema_u32(text + minus, &n) || n > 99)
		return schema_expected(s, value, "a bias from -99 to 99");
	pool->bias = minus ? -(int32_t)n : (int32_t)n;
	return ERR_OK;
}

enum err steering_finish_pool(struct schema *s, const struct yaml_node *map,
			      struct policy_pool *pool)
{
	bool latitude = yaml_get(map, "latitude") != NULL,
	     longitude = yaml_get(map, "longitude") != NULL;

	pool->has_point = latitude && longitude;
	if (latitude == longitude && (pool->has_point || yaml_get(map, "bias") == NULL))
		return ERR_OK;
	yaml_finding(s->yaml, map, s->diag, DIAG_ERROR, NULL,
		     "a place has both 'latitude' and 'longitude'");
	return ERR_INVALID;
}

/* ---- what the database must have ---- */

static enum err refuse(const struct policy *p, struct policy_place at, struct diag *d,
		       const char *hint, const char *what)
{
	struct diag_place place = { p->file, at.line, at.column, NULL };

	diag_add(d, DIAG_ERROR, &place, hint, "%s", what);
	return ERR_INVALID;
}

static enum err check_network(const struct policy *p, const struct policy_name *name,
			      const struct location_db *db, struct diag *d)
{
	const char *names[NAMES_MAX];
	char what[160], hint[120];
	size_t n = 0;

	if (location_network_named(db, name->text) != 0)
		return ERR_OK;
	for (; n < location_network_n(db) && n < NAMES_MAX; n++)
		names[n] = location_network(db, (uint16_t)(n + 1));
	const char *near = diag_nearest(name->text, names, n);
	snprintf(what, sizeof what, "no location database of the zone names a network '%.63s'",
		 name->text);
	snprintf(hint, sizeof hint, "did you mean '%s'?", near != NULL ? near : "");
	return refuse(p, name->at, d, near != NULL ? hint : NULL, what);
}

static enum err check_rule(const struct policy *p, const struct policy_rule *r,
			   const struct location_db *db, struct diag *d)
{
	enum err result = ERR_OK;

	if (r->asn_n > 0 && !location_has_asns(db))
		result = refuse(p, r->asns[0].at, d,
				"add a database with AS numbers to the zone's `geo`",
				"no location database of the zone has AS numbers");
	if (r->nearest > 0 && !location_has_coordinates(db))
		result =
		    refuse(p, r->pool_at, d, "add `coordinates: yes` to an MMDB file that has them",
			   "no location database of the zone has coordinates");
	for (size_t i = 0; i < r->network_n; i++) {
		enum err e = check_network(p, &r->networks[i], db, d);
		result = e ? e : result;
	}
	return result;
}

static bool looks_for_places(const struct policy_rule *r)
{
	return r->geo_n + r->asn_n + r->network_n + r->nearest > 0;
}

bool steering_looks_for_places(const struct policy *p)
{
	for (size_t i = 0; i < p->rule_n; i++)
		if (looks_for_places(&p->rules[i]))
			return true;
	return false;
}

enum err steering_check_places(const struct policy *p, const struct location_db *db,
			       bool configured, struct diag *d)
{
	enum err result = ERR_OK;

	for (size_t i = 0; i < p->rule_n; i++) {
		const struct policy_rule *r = &p->rules[i];
		if (!looks_for_places(r))
			continue;
		if (db == NULL)
			return refuse(
			    p, p->at, d, "add `geo: ID` to the zone's configuration",
			    configured
				? "the rules look for places, but the zone's location database "
				  "cannot be read"
				: "the rules have geos, but the zone has no location database");
		enum err e = check_rule(p, r, db, d);
		result = e ? e : result;
	}
	return result;
}
