// SPDX-License-Identifier: Apache-2.0
#include "control/config_catalog.h"

#include <stdio.h>
#include <string.h>

#include "control/config.h"

#define ROW(type, field, name, k, ...)                                                             \
	{                                                                                          \
		.key = (name), .kind = (k), .offset = offsetof(type, field), __VA_ARGS__           \
	}

static enum err read_groups(struct schema *s, const struct yaml_node *value, void *into)
{
	struct config_catalog *c = into;
	struct config_catalog_group *groups;

	if (value->kind != YAML_MAP)
		return schema_expected(s, value, "groups with a template each ({gold: ID})");
	groups = arena_alloc(s->arena, (value->n + 1) * sizeof *groups);
	if (groups == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < value->n; i++) {
		const char *id = schema_text(s, value->item[i], "the id of a template");
		if (id == NULL)
			return ERR_INVALID;
		groups[i] =
		    (struct config_catalog_group){ arena_strdup(s->arena, value->key[i]->text),
						   arena_strdup(s->arena, id), NULL };
		if (groups[i].name == NULL || groups[i].template_id == NULL)
			return ERR_NOMEM;
	}
	c->groups = groups;
	c->group_n = value->n;
	return ERR_OK;
}

enum err config_read_catalog(struct schema *s, const struct yaml_node *value,
			     struct config_catalog *into)
{
	static const struct schema_row ROWS[] = {
		ROW(struct config_catalog, generate, "generate", SCHEMA_BOOL, .min = 0),
		ROW(struct config_catalog, template_id, "template", SCHEMA_TEXT, .max = 64),
		{ .key = "groups", .kind = SCHEMA_CUSTOM, .custom = read_groups },
		{ 0 },
	};
	enum err e = schema_read(s, value, ROWS, into);

	into->at = value;
	if (!e && into->generate == (into->template_id != NULL))
		return schema_expected(s, value,
				       "`template` (what the catalog lists is served here) or "
				       "`generate: yes` (it lists zones of ours)");
	return e;
}

static enum err read_in(struct schema *s, const struct yaml_node *value, void *into)
{
	struct config_catalog *c = into;
	struct name name;
	const char *text = schema_text(s, value, "the name of a catalog zone of ours");

	if (text == NULL)
		return ERR_INVALID;
	if (name_from_text(text, NULL, &name))
		return schema_expected(s, value, "the name of a catalog zone of ours");
	name_lower(name.wire, name.wire);
	c->in = arena_copy(s->arena, name.wire, name.len);
	return c->in == NULL ? ERR_NOMEM : ERR_OK;
}

enum err config_read_in_catalog(struct schema *s, const struct yaml_node *value,
				struct config_catalog *into)
{
	static const struct schema_row ROWS[] = {
		{ .key = "name", .kind = SCHEMA_CUSTOM, .custom = read_in, .required = true },
		ROW(struct config_catalog, group, "group", SCHEMA_TEXT, .max = 255),
		{ 0 },
	};

	return value->kind == YAML_MAP ? schema_read(s, value, ROWS, into)
				       : read_in(s, value, into);
}

static enum err find_template(struct schema *s, const struct yaml_node *at,
			      const struct config_zone *templates, size_t n, const char *id,
			      const struct config_zone **out)
{
	for (size_t i = 0; i < n; i++) {
		if (templates[i].text != NULL && strcmp(templates[i].text, id) == 0) {
			*out = &templates[i];
			return ERR_OK;
		}
	}
	yaml_finding(s->yaml, at, s->diag, DIAG_ERROR, "templates stand in `templates`",
		     "no template has the id '%.60s'", id);
	return ERR_INVALID;
}

enum err config_resolve_catalog(struct schema *s, const struct config_zone *templates, size_t n,
				struct config_catalog *c)
{
	struct config_catalog_group *groups = NULL;
	enum err e = ERR_OK;

	if (c->template_id != NULL)
		e = find_template(s, c->at, templates, n, c->template_id, &c->template);
	if (c->group_n > 0)
		groups = arena_copy(s->arena, c->groups, c->group_n * sizeof *groups);
	if (c->group_n > 0 && groups == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < c->group_n && !e; i++)
		e = find_template(s, c->at, templates, n, groups[i].template_id,
				  &groups[i].template);
	c->groups = groups;
	return e;
}

const struct config_zone *config_catalog_template(const struct config_catalog *c, const char *group)
{
	for (size_t i = 0; i < c->group_n; i++)
		if (strcmp(c->groups[i].name, group) == 0)
			return c->groups[i].template;
	return c->template;
}
