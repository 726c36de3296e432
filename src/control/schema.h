// SPDX-License-Identifier: Apache-2.0
/*
 * schema.h -- maps of a YAML file into structs, by one table a map.
 *
 * Purpose.   A key is a row: name, kind, where the value goes, its bounds. One loop reads any map;
 * unknown keys get the nearest row as hint. Kinds.     SCHEMA_CUSTOM rows call a function of their
 * own for what a row cannot say. Memory.    Texts go into the arena of the caller.
 */
#ifndef CONTROL_SCHEMA_H
#define CONTROL_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/err.h"
#include "control/yaml.h"

enum schema_kind {
	SCHEMA_TEXT,          /* const char *: not empty, at most max octets */
	SCHEMA_PATH,          /* const char *: made absolute by schema.dir */
	SCHEMA_BOOL,          /* bool: yes/no/true/false/on/off */
	SCHEMA_U16,           /* uint16_t in min..max */
	SCHEMA_U32,           /* uint32_t in min..max */
	SCHEMA_COUNT_OR_AUTO, /* unsigned in min..max; "auto" is 0 */
	SCHEMA_DURATION,      /* uint32_t seconds in min..max: 30, 30s, 10m, 1h, 14d, 2w */
	SCHEMA_CHOICE,        /* unsigned: index in `choices` */
	SCHEMA_CUSTOM,
	SCHEMA_IGNORED, /* accepted and not looked at */
};

struct schema;

struct schema_row {
	const char *key;
	enum schema_kind kind;
	size_t offset;
	uint32_t min, max;
	bool required;
	const char *const *choices; /* ends with NULL */
	enum err (*custom)(struct schema *s, const struct yaml_node *value, void *into);
};

/* What one file's reading shares. */
struct schema {
	const struct yaml *yaml;
	struct arena *arena;
	struct diag *diag;
	const char *dir; /* for SCHEMA_PATH */
	void *context;   /* of custom rows */
};

/* Reads `map` into *into by `rows` (ends with a row whose key is NULL). Every fault is a finding;
 * ERR_INVALID where there was one, ERR_NOMEM. */
enum err schema_read(struct schema *s, const struct yaml_node *map, const struct schema_row *rows,
		     void *into);

/* For custom rows: a finding that the value should have been `expected`. */
enum err schema_expected(struct schema *s, const struct yaml_node *at, const char *expected);
/* A scalar's text, or NULL after a finding. */
const char *schema_text(struct schema *s, const struct yaml_node *value, const char *expected);
bool schema_u32(const char *text, uint32_t *out);
bool schema_duration(const char *text, uint32_t *out);
const char *schema_path(struct schema *s, const char *text);

#endif
