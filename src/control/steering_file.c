// SPDX-License-Identifier: Apache-2.0
/* Files of the octoDNS model: names, their records, and what must hold between them. */
#include "control/steering_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "control/octodns_zone.h"
#include "control/steering_internal.h"
#include "dns/name.h"
#include "dns/rrtype.h"

static enum err type_of(struct reading *r, const struct yaml_node *record)
{
	const struct yaml_node *at = yaml_get(record, "type");

	if (at == NULL) {
		yaml_finding(r->schema.yaml, record, r->schema.diag, DIAG_ERROR, NULL,
			     "'type' is missing");
		return ERR_INVALID;
	}
	const char *text = schema_text(&r->schema, at, "a type");
	if (text == NULL)
		return ERR_INVALID;
	/* Names of what has no number of its own (control/alias_set.h). */
	if (strcmp(text, "ALIAS") == 0 || strcmp(text, "ANAME") == 0) {
		r->type = TYPE_ALIAS;
		return ERR_OK;
	}
	return rr_type_from_text(text, &r->type)
		   ? ERR_OK
		   : schema_expected(&r->schema, at, "a type of records");
}

/* Records that octoDNS leaves out, for everybody or for a provider of our name. */
static bool is_skipped(const struct yaml_node *record)
{
	static const char PROVIDER[] = "concord";
	const struct yaml_node *o = yaml_get(record, "octodns");
	const struct yaml_node *ignored = o != NULL ? yaml_get(o, "ignored") : NULL;
	const struct yaml_node *lists[] = { o != NULL ? yaml_get(o, "included") : NULL,
					    o != NULL ? yaml_get(o, "excluded") : NULL };

	if (ignored != NULL && ignored->kind == YAML_SCALAR &&
	    strcasecmp(ignored->text, "true") == 0)
		return true;
	for (size_t i = 0; i < 2; i++) {
		bool named = false;
		if (lists[i] == NULL || lists[i]->kind != YAML_LIST)
			continue;
		for (size_t k = 0; k < lists[i]->n; k++)
			named = named || (lists[i]->item[k]->kind == YAML_SCALAR &&
					  strcmp(lists[i]->item[k]->text, PROVIDER) == 0);
		if (named == (i == 1))
			return true;
	}
	return false;
}

static enum err read_record(struct reading *r, const uint8_t *owner, const struct yaml_node *record)
{
	if (record->kind != YAML_MAP)
		return schema_expected(&r->schema, record,
				       "a record (a map with type, values, dynamic)");
	if (is_skipped(record))
		return ERR_OK;
	enum err e = type_of(r, record);
	if (e)
		return e;
	if (r->type == TYPE_ALIAS)
		return alias_record_read(r, owner, record);
	if ((r->type == TYPE_SVCB || r->type == TYPE_HTTPS) && yaml_get(record, "hints") != NULL)
		return hints_record_read(r, owner, record);
	if (r->data != NULL && yaml_get(record, "dynamic") == NULL)
		return octodns_record_read(r, owner, record);
	if (r->type == TYPE_A || r->type == TYPE_AAAA || r->type == TYPE_CNAME)
		return steering_record_read(r, owner, record);
	return schema_expected(
	    &r->schema, yaml_get(record, "type"),
	    "a type that can be steered (A, AAAA, CNAME), ALIAS, or HTTPS and SVCB with 'hints'");
}

static enum err read_owner(struct reading *r, const struct yaml_node *key,
			   const struct yaml_node *value)
{
	struct name name;
	enum err result = ERR_OK;
	const char *text = key->text[0] == 0 ? "@" : key->text;

	if (name_from_text(text, r->zone, &name) || !name_is_within(name.wire, r->zone)) {
		yaml_finding(r->schema.yaml, key, r->schema.diag, DIAG_ERROR,
			     "names are relative to the zone; '' is the zone itself",
			     "'%.80s' is not a name in the zone", key->text);
		return ERR_INVALID;
	}
	const uint8_t *owner = arena_copy(r->schema.arena, name.wire, name.len);
	if (owner == NULL)
		return ERR_NOMEM;
	if (value->kind != YAML_LIST)
		return read_record(r, owner, value);
	for (size_t i = 0; i < value->n; i++) {
		enum err e = read_record(r, owner, value->item[i]);
		if (e)
			result = e;
	}
	return result;
}

struct sorted_policy {
	const struct policy *policy;
	const struct yaml_node *at;
};

static int by_owner(const void *a, const void *b)
{
	const struct sorted_policy *x = a, *y = b;
	int c = name_compare(x->policy->owner, y->policy->owner);

	if (c == 0)
		c = (int)x->policy->type - (int)y->policy->type;
	return c != 0 ? c : (int)(x->at->line > y->at->line) - (int)(x->at->line < y->at->line);
}

/* One owner: each type once, and CNAME alone (RFC 1034 §3.6.2). */
static enum err check_pairs(struct reading *r, const struct sorted_policy *sorted)
{
	enum err result = ERR_OK;

	for (size_t i = 1; i < r->n; i++) {
		const struct policy *a = sorted[i - 1].policy, *b = sorted[i].policy;
		if (!name_equal(a->owner, b->owner))
			continue;
		if (a->type != b->type && a->type != TYPE_CNAME && b->type != TYPE_CNAME)
			continue;
		char hint[64];
		snprintf(hint, sizeof hint, "the other one is in line %u", sorted[i - 1].at->line);
		yaml_finding(r->schema.yaml, sorted[i].at, r->schema.diag, DIAG_ERROR, hint, "%s",
			     a->type == b->type ? "a second record of this name and type"
						: "CNAME and another type at one name");
		result = ERR_INVALID;
	}
	return result;
}

static enum err check_owners(struct reading *r)
{
	struct sorted_policy *sorted = malloc((r->n + 1) * sizeof *sorted);

	if (sorted == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < r->n; i++)
		sorted[i] = (struct sorted_policy){ r->policies[i], r->at[i] };
	qsort(sorted, r->n, sizeof *sorted, by_owner);
	enum err e = check_pairs(r, sorted);
	free(sorted);
	return e;
}

static enum err read_file(struct reading *r, const struct yaml_node *root)
{
	enum err result = ERR_OK;

	if (root == NULL)
		return ERR_OK;
	if (root->kind != YAML_MAP)
		return schema_expected(&r->schema, root, "a map of names");
	for (size_t i = 0; i < root->n; i++) {
		enum err e = read_owner(r, root->key[i], root->item[i]);
		if (e == ERR_NOMEM)
			return e;
		if (e)
			result = e;
	}
	if (!result)
		result = check_owners(r);
	return result;
}

/* struct steering as the caller sees it, and what it lives in. */
struct steering_file {
	struct steering steering;
	struct yaml *yaml;
};

/* NULL where the path has none: then paths in it are relative to where the daemon runs. */
static const char *directory_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? arena_printf(a, "%.*s", (int)(slash - path), path) : NULL;
}

static enum err finish(struct reading *r, struct yaml *y, struct steering **out)
{
	struct steering_file *f = arena_alloc(yaml_arena(y), sizeof *f);
	const struct policy **policies =
	    arena_copy(yaml_arena(y), r->policies, r->n * sizeof *policies);

	const struct steering_alias *aliases =
	    arena_copy(yaml_arena(y), r->aliases, r->alias_n * sizeof *aliases);

	const struct steering_hints *hints =
	    arena_copy(yaml_arena(y), r->hints, r->hints_n * sizeof *hints);

	if (f == NULL || (hints == NULL && r->hints_n > 0) || (policies == NULL && r->n > 0) ||
	    (aliases == NULL && r->alias_n > 0))
		return ERR_NOMEM;
	f->steering.aliases = aliases;
	f->steering.alias_n = r->alias_n;
	f->steering.hints = hints;
	f->steering.hints_n = r->hints_n;
	f->steering.policies = policies;
	f->steering.n = r->n;
	f->yaml = y;
	*out = &f->steering;
	return ERR_OK;
}

static enum err read_path(struct steering **out, const char *path, const uint8_t *zone,
			  struct octodns_zone *data, struct diag *d)
{
	struct yaml *y = NULL;
	struct reading r = { .zone = zone, .data = data };
	enum err e = yaml_read_included(&y, path, d);

	if (e)
		return e;
	r.schema = (struct schema){
		.yaml = y,
		.arena = yaml_arena(y),
		.diag = d,
		.dir = directory_of(yaml_arena(y), path),
		.context = &r,
	};
	e = read_file(&r, yaml_root(y));
	/* A file that is included has changed too. */
	if (data != NULL && (uint32_t)yaml_changed_at(y) > data->serial)
		data->serial = (uint32_t)yaml_changed_at(y);
	if (!e && data != NULL)
		e = octodns_zone_finish(data, &r.schema);
	if (!e)
		e = finish(&r, y, out);
	free(r.policies);
	free(r.at);
	free(r.aliases);
	free(r.hints);
	if (e)
		yaml_free(y);
	return e;
}

enum err steering_read(struct steering **out, const char *path, const uint8_t *zone, struct diag *d)
{
	return read_path(out, path, zone, NULL, d);
}

enum err octodns_zone_read(struct steering **out, struct octodns_zone *data, const char *path,
			   struct diag *d)
{
	data->file = zone_build_file(data->builder, path);
	return read_path(out, path, data->apex, data, d);
}

void steering_free(struct steering *s)
{
	if (s != NULL)
		yaml_free(((struct steering_file *)(void *)s)->yaml);
}
