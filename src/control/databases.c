// SPDX-License-Identifier: Apache-2.0
/* Location databases: read at start and at reload. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/internal.h"

static enum err open_one(const struct config_geo *g, struct location_db **out, struct diag *d)
{
	struct location_paths paths = { g->country_path, g->continent_path, g->subdivision_path };

	return g->format == CONFIG_GEO_MMDB ? location_open_mmdb(out, g->file, &paths, d)
					    : location_open_tor(out, g->file, g->file6, d);
}

/* Takes the old contents over, so that steering goes on while the file is being mended. */
static struct location_db *take_old(const char *id, struct database *before, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (before[i].id == NULL || strcmp(before[i].id, id) != 0)
			continue;
		struct location_db *db = before[i].db;
		before[i].db = NULL;
		return db;
	}
	return NULL;
}

enum err databases_read(struct database **out, size_t *n, const struct config *c,
			struct database *before, size_t before_n, struct diag *d)
{
	enum err result = ERR_OK;
	struct database *all = calloc(c->geo_n + 1, sizeof *all);

	if (all == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < c->geo_n; i++) {
		const struct config_geo *g = &c->geo[i];
		all[i].id = strdup(g->id);
		enum err e = all[i].id != NULL ? open_one(g, &all[i].db, d) : ERR_NOMEM;
		if (!e)
			log_info(NULL, "geo %s: %s", g->id, location_describe(all[i].db));
		if (e && all[i].id != NULL)
			all[i].db = take_old(g->id, before, before_n);
		if (e)
			result = e;
	}
	*out = all;
	*n = c->geo_n;
	return result;
}

void databases_free(struct database *all, size_t n)
{
	for (size_t i = 0; all != NULL && i < n; i++) {
		free(all[i].id);
		location_free(all[i].db);
	}
	free(all);
}

const struct location_db *database_of(const struct database *all, size_t n,
				      const struct config_geo *g)
{
	for (size_t i = 0; g != NULL && i < n; i++)
		if (strcmp(all[i].id, g->id) == 0)
			return all[i].db;
	return NULL;
}
