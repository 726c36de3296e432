// SPDX-License-Identifier: Apache-2.0
#include "control/config_geo.h"

#include <stdio.h>
#include <string.h>

#include "control/schema.h"

#define NAMES_MAX 64

struct geo_fields {
	struct config_geo geo;
	unsigned format;
};

#define FIELD(name, field, k, ...)                                                                 \
	{                                                                                          \
		.key = (name), .kind = (k), .offset = offsetof(struct geo_fields, field),          \
		__VA_ARGS__                                                                        \
	}

static enum err read_paths(struct schema *s, const struct yaml_node *value, void *into)
{
	static const struct schema_row ROWS[] = {
		FIELD("country", geo.paths.country, SCHEMA_TEXT, .max = 190),
		FIELD("continent", geo.paths.continent, SCHEMA_TEXT, .max = 190),
		FIELD("subdivision", geo.paths.subdivision, SCHEMA_TEXT, .max = 190),
		FIELD("asn", geo.paths.asn, SCHEMA_TEXT, .max = 190),
		FIELD("latitude", geo.paths.latitude, SCHEMA_TEXT, .max = 190),
		FIELD("longitude", geo.paths.longitude, SCHEMA_TEXT, .max = 190),
		{ 0 },
	};

	return schema_read(s, value, ROWS, into);
}

static const char *const FORMATS[] = { "mmdb", "tor", "networks", NULL };

static const struct schema_row ROWS[] = {
	FIELD("id", geo.id, SCHEMA_TEXT, .max = 64, .required = true),
	FIELD("format", format, SCHEMA_CHOICE, .choices = FORMATS, .required = true),
	FIELD("file", geo.file, SCHEMA_PATH, .max = 1000, .required = true),
	FIELD("file6", geo.file6, SCHEMA_PATH, .max = 1000),
	FIELD("coordinates", geo.paths.coordinates, SCHEMA_BOOL),
	FIELD("watch", geo.watch, SCHEMA_BOOL),
	{ .key = "paths", .kind = SCHEMA_CUSTOM, .custom = read_paths },
	{ 0 },
};

/* Keys that say nothing to a format would be believed to do something. */
static enum err check_keys(struct schema *s, const struct yaml_node *map, unsigned format)
{
	static const struct {
		const char *key;
		enum config_geo_format format;
	} OF[] = { { "file6", CONFIG_GEO_TOR },
		   { "paths", CONFIG_GEO_MMDB },
		   { "coordinates", CONFIG_GEO_MMDB } };
	enum err result = ERR_OK;

	for (size_t i = 0; i < sizeof OF / sizeof *OF; i++) {
		const struct yaml_node *at = yaml_get(map, OF[i].key);
		if (at == NULL || OF[i].format == (enum config_geo_format)format)
			continue;
		yaml_finding(s->yaml, at, s->diag, DIAG_ERROR, NULL,
			     "'%s' has a meaning for format %s only", OF[i].key,
			     FORMATS[OF[i].format]);
		result = ERR_INVALID;
	}
	return result;
}

enum err config_geo_read(struct schema *s, const struct yaml_node *list,
			 const struct config_geo **out, size_t *n)
{
	enum err result = ERR_OK;

	if (list->kind != YAML_LIST)
		return schema_expected(s, list, "a list of databases");
	struct config_geo *geo = arena_alloc(s->arena, (list->n + 1) * sizeof *geo);
	if (geo == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < list->n; i++) {
		struct geo_fields f = { .geo.watch = true };
		enum err e = schema_read(s, list->item[i], ROWS, &f);
		if (!e)
			e = check_keys(s, list->item[i], f.format);
		result = e ? e : result;
		geo[i] = f.geo;
		geo[i].format = (enum config_geo_format)f.format;
		for (size_t j = 0; j < i && geo[i].id != NULL; j++) {
			if (geo[j].id == NULL || strcmp(geo[j].id, geo[i].id) != 0)
				continue;
			yaml_finding(s->yaml, list->item[i], s->diag, DIAG_ERROR, NULL,
				     "the database '%.60s' is given twice", geo[i].id);
			result = ERR_INVALID;
		}
	}
	*out = geo;
	*n = list->n;
	return result;
}

static enum err not_found(struct schema *s, const struct yaml_node *at, const char *id,
			  const struct config_geo *all, size_t n)
{
	const char *names[NAMES_MAX];
	char hint[120];
	size_t name_n = 0;

	for (size_t i = 0; i < n && name_n < NAMES_MAX; i++)
		if (all[i].id != NULL)
			names[name_n++] = all[i].id;
	const char *near = diag_nearest(id, names, name_n);
	snprintf(hint, sizeof hint, "did you mean '%s'?", near != NULL ? near : "");
	yaml_finding(s->yaml, at, s->diag, DIAG_ERROR, near != NULL ? hint : NULL,
		     "no database of geo has the id '%.60s'", id);
	return ERR_INVALID;
}

static enum err add_part(struct schema *s, const struct yaml_node *at, const struct config_geo *all,
			 size_t n, struct config_zone_geo *out)
{
	const char *id = schema_text(s, at, "the id of a location database");

	if (id == NULL)
		return ERR_INVALID;
	for (size_t i = 0; i < n; i++) {
		if (all[i].id == NULL || strcmp(all[i].id, id) != 0)
			continue;
		for (size_t k = 0; k < out->n; k++)
			if (out->part[k] == &all[i])
				return schema_expected(s, at, "each database once");
		out->part[out->n++] = &all[i];
		return ERR_OK;
	}
	return not_found(s, at, id, all, n);
}

enum err config_geo_resolve(struct schema *s, const struct yaml_node *value,
			    const struct config_geo *all, size_t n,
			    const struct config_zone_geo **out)
{
	struct config_zone_geo geo = { .n = 0 };
	const struct yaml_node *const *items = value->kind == YAML_LIST ? value->item : &value;
	size_t item_n = value->kind == YAML_LIST ? value->n : 1;
	enum err result = ERR_OK;

	if (value->kind == YAML_MAP || item_n == 0 || item_n > CONFIG_GEO_PARTS_MAX)
		return schema_expected(s, value,
				       "the id of a location database, or a list of up to 8");
	for (size_t i = 0; i < item_n; i++) {
		enum err e = add_part(s, items[i], all, n, &geo);
		result = e ? e : result;
	}
	if (result)
		return result;
	*out = arena_copy(s->arena, &geo, sizeof geo);
	return *out != NULL ? ERR_OK : ERR_NOMEM;
}
