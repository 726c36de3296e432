// SPDX-License-Identifier: Apache-2.0
/* ALIAS and ANAME in files of the octoDNS model: one absolute name, whose addresses answer. */
#include <stdlib.h>
#include <string.h>

#include "control/steering_internal.h"
#include "dns/name.h"

struct alias_fields {
	struct steering_alias alias;
	const uint8_t *zone;
};

static enum err read_target(struct schema *s, const struct yaml_node *value, void *into)
{
	static const char EXPECTED[] = "an absolute name, with its final dot";
	struct alias_fields *f = into;
	const struct yaml_node *at = value;
	struct name name;

	if (f->alias.target != NULL) {
		yaml_finding(s->yaml, value, s->diag, DIAG_ERROR, NULL,
			     "both 'value' and 'values' are given");
		return ERR_INVALID;
	}
	if (value->kind == YAML_LIST) {
		if (value->n != 1)
			return schema_expected(s, value, "one name: an alias has one target");
		at = value->item[0];
	}
	const char *text = schema_text(s, at, EXPECTED);
	if (text == NULL)
		return ERR_INVALID;
	if (text[0] == 0 || text[strlen(text) - 1] != '.' || text[1] == 0 ||
	    name_from_text(text, f->zone, &name))
		return schema_expected(s, at, EXPECTED);
	f->alias.target = arena_copy(s->arena, name.wire, name.len);
	return f->alias.target != NULL ? ERR_OK : ERR_NOMEM;
}

static enum err not_steered(struct schema *s, const struct yaml_node *value, void *into)
{
	(void)into;
	yaml_finding(s->yaml, value, s->diag, DIAG_ERROR, "steer its target, where that is ours",
		     "an alias has no policy of its own: it follows its target");
	return ERR_INVALID;
}

static enum err keep(struct reading *r, const struct steering_alias *a)
{
	if (r->alias_n == r->alias_cap) {
		size_t cap = r->alias_cap * 2 + 16;
		struct steering_alias *more = realloc(r->aliases, cap * sizeof *more);
		if (more == NULL)
			return ERR_NOMEM;
		r->aliases = more;
		r->alias_cap = cap;
	}
	r->aliases[r->alias_n++] = *a;
	return ERR_OK;
}

enum err alias_record_read(struct reading *r, const uint8_t *owner, const struct yaml_node *record)
{
	static const struct schema_row ROWS[] = {
		{ .key = "type", .kind = SCHEMA_IGNORED },
		{ .key = "ttl",
		  .kind = SCHEMA_U32,
		  .offset = offsetof(struct alias_fields, alias.ttl),
		  .max = OCTODNS_TTL_MAX },
		{ .key = "value", .kind = SCHEMA_CUSTOM, .custom = read_target },
		{ .key = "values", .kind = SCHEMA_CUSTOM, .custom = read_target },
		{ .key = "dynamic", .kind = SCHEMA_CUSTOM, .custom = not_steered },
		{ .key = "octodns", .kind = SCHEMA_IGNORED },
		{ .key = "lenient", .kind = SCHEMA_IGNORED },
		{ 0 },
	};
	struct alias_fields f = {
		.alias = { .owner = owner,
			   .ttl = OCTODNS_TTL_DEFAULT,
			   .file = record->source->path,
			   .at = policy_place_of(record) },
		.zone = r->zone,
	};
	enum err e = schema_read(&r->schema, record, ROWS, &f);

	if (e)
		return e;
	if (f.alias.target == NULL) {
		yaml_finding(r->schema.yaml, record, r->schema.diag, DIAG_ERROR, NULL,
			     "'value' is missing");
		return ERR_INVALID;
	}
	return keep(r, &f.alias);
}
