// SPDX-License-Identifier: Apache-2.0
#include "control/policy_files.h"

#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "control/internal.h"
#include "control/octodns_zone.h"
#include "control/steering_match.h"
#include "dns/name.h"

/* ---- the world ---- */

/* A fault of the whole file. */
#define FAULT(d, file_, ...)                                                                       \
	(diag_add(d, DIAG_ERROR, &(struct diag_place){ .file = (file_) }, NULL, __VA_ARGS__),      \
	 ERR_INVALID)

static const struct config_zone *zone_of(const struct config *c, const uint8_t *name)
{
	for (size_t i = 0; i < c->zone_n; i++)
		if (name_equal(c->zones[i].name, name))
			return &c->zones[i];
	return NULL;
}

/* What the zone goes by, of several databases too. */
static enum err take_database(struct policy_world *w, const struct config *c,
			      const struct config_zone_geo *geo, struct diag *d)
{
	struct config_geo parts[CONFIG_GEO_PARTS_MAX];
	struct config own = *c;
	struct databases *all = NULL;

	for (size_t i = 0; i < geo->n; i++)
		parts[i] = *geo->part[i];
	own.geo = parts;
	own.geo_n = geo->n;
	enum err e = databases_read(&all, &own, NULL, d);
	struct location_db *db = e ? NULL : databases_of(all, geo);
	if (db != NULL)
		w->db = location_ref(db);
	databases_free(all);
	return e ? e : db == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err take_config(struct policy_world *w, const char *file, const char *zone,
			    bool with_database, struct diag *d)
{
	struct config *c = NULL;
	enum err e = config_read(&c, file, d);

	if (e)
		return e;
	const struct config_zone *z = zone_of(c, w->zone);
	if (z == NULL)
		e = FAULT(d, file, "it has no zone %s", zone);
	else if ((w->seed = strdup(z->seed)) == NULL)
		e = ERR_NOMEM;
	else if (with_database && z->geo != NULL)
		e = take_database(w, c, z->geo, d);
	config_free(c);
	return e;
}

enum err policy_world_open(struct policy_world *w, const char *zone, const char *config,
			   const char *mmdb, struct diag *d)
{
	struct name name;
	char text[NAME_TEXT_MAX];
	enum err e = ERR_OK;

	*w = (struct policy_world){ 0 };
	if (name_from_text(zone, NULL, &name))
		return FAULT(d, NULL, "'%.200s' is not the name of a zone", zone);
	name_lower(name.wire, name.wire);
	w->zone = malloc(name.len);
	if (w->zone == NULL)
		return ERR_NOMEM;
	memcpy(w->zone, name.wire, name.len);
	if (config != NULL)
		e = take_config(w, config, zone, mmdb == NULL, d);
	else if ((w->seed = strdup(name_to_text(w->zone, text))) == NULL)
		e = ERR_NOMEM;
	if (!e && mmdb != NULL)
		e = location_open_mmdb(&w->db, mmdb, &(struct location_paths){ 0 }, d);
	if (e)
		policy_world_close(w);
	return e;
}

void policy_world_close(struct policy_world *w)
{
	free(w->zone);
	free(w->seed);
	location_unref(w->db);
	*w = (struct policy_world){ 0 };
}

/* ---- a file ---- */

static bool is_down(const char *pool, const char *const *down, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(pool, down[i]) == 0)
			return true;
	return false;
}

static enum err take_pool_down(struct arena *a, struct policy_pool *pool)
{
	struct policy_value *values =
	    arena_copy(a, pool->values, pool->value_n * sizeof *pool->values);

	if (values == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < pool->value_n; i++)
		values[i].status = POLICY_DOWN;
	pool->values = values;
	return ERR_OK;
}

/* The policy with those pools down; itself where it has none of them. NULL without memory. */
static const struct policy *with_down(struct arena *a, const struct policy *p,
				      const char *const *down, size_t n)
{
	struct policy *copy = NULL;
	struct policy_pool *pools = NULL;

	for (size_t i = 0; i < p->pool_n; i++) {
		if (!is_down(p->pools[i].name, down, n))
			continue;
		if (copy == NULL) {
			copy = arena_copy(a, p, sizeof *p);
			pools = arena_copy(a, p->pools, p->pool_n * sizeof *pools);
			if (copy == NULL || pools == NULL)
				return NULL;
			copy->pools = pools;
		}
		if (take_pool_down(a, &pools[i]))
			return NULL;
	}
	return copy != NULL ? copy : p;
}

static bool has_pool(const struct steering *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < s->policies[i]->pool_n; k++)
			if (strcmp(s->policies[i]->pools[k].name, name) == 0)
				return true;
	return false;
}

static enum err take_down(struct policy_file *f, const char *path, const char *const *down,
			  size_t down_n, struct diag *d)
{
	f->policies = arena_alloc(f->arena, (f->steering->n + 1) * sizeof *f->policies);
	if (f->policies == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < down_n; i++)
		if (!has_pool(f->steering, down[i]))
			return FAULT(d, path, "no policy has a pool '%s' that could be down",
				     down[i]);
	for (f->n = 0; f->n < f->steering->n; f->n++) {
		f->policies[f->n] = with_down(f->arena, f->steering->policies[f->n], down, down_n);
		if (f->policies[f->n] == NULL)
			return ERR_NOMEM;
	}
	return ERR_OK;
}

/* Whether all that the rules look for is in the location database. */
static enum err check_database(const struct policy_file *f, const char *path,
			       const struct policy_world *w, struct diag *d)
{
	enum err result = ERR_OK;

	for (size_t i = 0; i < f->n; i++) {
		if (w->db == NULL && steering_looks_for_places(f->policies[i])) {
			diag_add(d, DIAG_ERROR, &(struct diag_place){ .file = path },
				 "give --mmdb FILE, or --config FILE with a zone that has one",
				 "its rules have geos, so a location database is needed");
			return ERR_INVALID;
		}
		enum err e = steering_check_places(f->policies[i], w->db, true, d);
		result = e ? e : result;
	}
	return result;
}

static enum err compile(struct policy_file *f, const char *path, const struct policy_world *w,
			struct diag *d)
{
	struct steer_options options = { .seed = w->seed };

	enum err e = check_database(f, path, w, d);
	if (e)
		return e;
	e = steer_compile(&f->set, f->policies, f->n, w->db, &options);
	if (e)
		return FAULT(d, path, "cannot compile the policies: %s", err_text(e));
	return ERR_OK;
}

/* An octoDNS zone file may hold all that a steering file may: whatever else stands there goes into
 * a zone that nobody sees. */
static enum err read_policies(struct policy_file *f, const char *path, const struct policy_world *w,
			      struct diag *d)
{
	struct zone_build_options options = { 0 };
	struct octodns_zone data = { .apex = w->zone, .serial = 1 };
	enum err e = zone_build_start(&data.builder, w->zone, NULL, &options);

	if (e)
		return e;
	e = octodns_zone_read(&f->steering, &data, path, d);
	zone_build_abort(data.builder);
	return e;
}

enum err policy_file_open(struct policy_file *f, const char *path, const struct policy_world *w,
			  const char *const *down, size_t down_n, struct diag *d)
{
	*f = (struct policy_file){ .arena = arena_new(0) };
	enum err e = f->arena != NULL ? read_policies(f, path, w, d) : ERR_NOMEM;

	if (!e)
		e = take_down(f, path, down, down_n, d);
	if (!e)
		e = compile(f, path, w, d);
	if (e)
		policy_file_close(f);
	return e;
}

void policy_file_close(struct policy_file *f)
{
	steer_free(f->set);
	steering_free(f->steering);
	arena_free(f->arena);
	*f = (struct policy_file){ 0 };
}
