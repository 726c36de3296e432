// SPDX-License-Identifier: Apache-2.0
/* SVCB and HTTPS records in files of the octoDNS model whose hints follow their target. */
#include <stdlib.h>

#include "control/octodns_rdata.h"
#include "control/steering_internal.h"

#define VALUES_MAX 64

struct hints_fields {
	struct steering_hints hints;
	const struct yaml_node *values;
	unsigned follow;
};

static enum err keep_values(struct schema *s, const struct yaml_node *value, void *into)
{
	struct hints_fields *f = into;

	return octodns_keep_values(s, value, &f->values);
}

static enum err not_steered(struct schema *s, const struct yaml_node *value, void *into)
{
	(void)into;
	yaml_finding(s->yaml, value, s->diag, DIAG_ERROR, "steer A and AAAA of its target",
		     "a record whose hints follow has no policy of its own");
	return ERR_INVALID;
}

static enum err read_values(struct reading *r, struct hints_fields *f)
{
	const struct yaml_node *const *item =
	    f->values->kind == YAML_LIST ? f->values->item : &f->values;
	size_t n = f->values->kind == YAML_LIST ? f->values->n : 1;
	enum err result = ERR_OK;

	if (n == 0 || n > VALUES_MAX)
		return schema_expected(&r->schema, f->values, "1 to 64 values");
	struct span *rdata = arena_alloc(r->schema.arena, n * sizeof *rdata);
	if (rdata == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		enum err e = octodns_rdata(&r->schema, r->type, item[i], &rdata[i]);
		result = e ? e : result;
	}
	f->hints.values = rdata;
	f->hints.n = n;
	return result;
}

static enum err keep(struct reading *r, const struct steering_hints *h)
{
	if (r->hints_n == r->hints_cap) {
		size_t cap = r->hints_cap * 2 + 16;
		struct steering_hints *more = realloc(r->hints, cap * sizeof *more);
		if (more == NULL)
			return ERR_NOMEM;
		r->hints = more;
		r->hints_cap = cap;
	}
	r->hints[r->hints_n++] = *h;
	return ERR_OK;
}

enum err hints_record_read(struct reading *r, const uint8_t *owner, const struct yaml_node *record)
{
	static const char *const FOLLOW[] = { "follow", NULL };
	static const struct schema_row ROWS[] = {
		{ .key = "type", .kind = SCHEMA_IGNORED },
		{ .key = "ttl",
		  .kind = SCHEMA_U32,
		  .offset = offsetof(struct hints_fields, hints.ttl),
		  .max = OCTODNS_TTL_MAX },
		{ .key = "value", .kind = SCHEMA_CUSTOM, .custom = keep_values },
		{ .key = "values", .kind = SCHEMA_CUSTOM, .custom = keep_values },
		{ .key = "hints",
		  .kind = SCHEMA_CHOICE,
		  .offset = offsetof(struct hints_fields, follow),
		  .choices = FOLLOW },
		{ .key = "dynamic", .kind = SCHEMA_CUSTOM, .custom = not_steered },
		{ .key = "octodns", .kind = SCHEMA_IGNORED },
		{ .key = "lenient", .kind = SCHEMA_IGNORED },
		{ 0 },
	};
	struct hints_fields f = {
		.hints = { .owner = owner,
			   .type = r->type,
			   .ttl = OCTODNS_TTL_DEFAULT,
			   .file = record->source->path,
			   .at = policy_place_of(record) },
	};
	enum err e = schema_read(&r->schema, record, ROWS, &f);

	if (!e && f.values == NULL) {
		yaml_finding(r->schema.yaml, record, r->schema.diag, DIAG_ERROR, NULL,
			     "'value' or 'values' is missing");
		e = ERR_INVALID;
	}
	if (!e)
		e = read_values(r, &f);
	return e ? e : keep(r, &f.hints);
}
