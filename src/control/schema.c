// SPDX-License-Identifier: Apache-2.0
#include "control/schema.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CHOICES_MAX 32

enum err schema_expected(struct schema *s, const struct yaml_node *at, const char *expected)
{
	if (at->kind == YAML_SCALAR)
		yaml_finding(s->yaml, at, s->diag, DIAG_ERROR, NULL, "'%.80s' is not %s", at->text,
			     expected);
	else
		yaml_finding(s->yaml, at, s->diag, DIAG_ERROR, NULL, "expected %s, found a %s",
			     expected, at->kind == YAML_LIST ? "list" : "map");
	return ERR_INVALID;
}

const char *schema_text(struct schema *s, const struct yaml_node *value, const char *expected)
{
	if (value->kind == YAML_SCALAR && value->text[0] != 0)
		return value->text;
	schema_expected(s, value, expected);
	return NULL;
}

bool schema_u32(const char *text, uint32_t *out)
{
	uint64_t v = 0;

	if (text[0] == 0)
		return false;
	for (const char *p = text; *p != 0; p++) {
		if (*p < '0' || *p > '9')
			return false;
		v = v * 10 + (uint64_t)(*p - '0');
		if (v > UINT32_MAX)
			return false;
	}
	*out = (uint32_t)v;
	return true;
}

bool schema_duration(const char *text, uint32_t *out)
{
	static const struct {
		char unit;
		uint32_t seconds;
	} UNITS[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 } };
	char digits[12];
	size_t n = strspn(text, "0123456789");
	uint32_t v;

	if (n == 0 || n >= sizeof digits)
		return false;
	memcpy(digits, text, n);
	digits[n] = 0;
	if (!schema_u32(digits, &v))
		return false;
	if (text[n] == 0) {
		*out = v;
		return true;
	}
	for (size_t i = 0; i < sizeof UNITS / sizeof *UNITS; i++) {
		if (text[n] != UNITS[i].unit || text[n + 1] != 0)
			continue;
		uint64_t seconds = (uint64_t)v * UNITS[i].seconds;
		*out = (uint32_t)seconds;
		return seconds <= UINT32_MAX;
	}
	return false;
}

const char *schema_path(struct schema *s, const char *text)
{
	if (text[0] == '/' || s->dir == NULL)
		return arena_strdup(s->arena, text);
	return arena_printf(s->arena, "%s/%s", s->dir, text);
}

static bool read_bool(const char *text, bool *out)
{
	static const char *const YES[] = { "yes", "true", "on" }, *const NO[] = { "no", "false",
										  "off" };

	for (size_t i = 0; i < 3; i++) {
		if (strcasecmp(text, YES[i]) == 0 || strcasecmp(text, NO[i]) == 0) {
			*out = strcasecmp(text, YES[i]) == 0;
			return true;
		}
	}
	return false;
}

static enum err out_of_range(struct schema *s, const struct schema_row *row,
			     const struct yaml_node *value)
{
	yaml_finding(s->yaml, value, s->diag, DIAG_ERROR, NULL, "%s must be %u to %u%s", row->key,
		     row->min, row->max, row->kind == SCHEMA_DURATION ? " seconds" : "");
	return ERR_INVALID;
}

static enum err read_number(struct schema *s, const struct schema_row *row,
			    const struct yaml_node *value, const char *text, uint8_t *at)
{
	uint32_t v = 0;

	if (row->kind == SCHEMA_COUNT_OR_AUTO && strcmp(text, "auto") == 0) {
		*(unsigned *)(void *)at = 0;
		return ERR_OK;
	}
	if (row->kind == SCHEMA_DURATION ? !schema_duration(text, &v) : !schema_u32(text, &v))
		return schema_expected(s, value,
				       row->kind == SCHEMA_DURATION
					   ? "a duration (such as 30s, 10m, 1h, 14d)"
					   : "a number");
	if (v < row->min || v > row->max)
		return out_of_range(s, row, value);
	if (row->kind == SCHEMA_U16)
		*(uint16_t *)(void *)at = (uint16_t)v;
	else
		*(uint32_t *)(void *)at = v;
	return ERR_OK;
}

static enum err read_choice(struct schema *s, const struct schema_row *row,
			    const struct yaml_node *value, const char *text, uint8_t *at)
{
	char all[300] = "";
	size_t n = 0;

	for (; row->choices[n] != NULL && n < CHOICES_MAX; n++) {
		if (strcasecmp(row->choices[n], text) == 0) {
			*(unsigned *)(void *)at = (unsigned)n;
			return ERR_OK;
		}
		size_t used = strlen(all);
		snprintf(all + used, sizeof all - used, "%s%s", n > 0 ? ", " : "one of ",
			 row->choices[n]);
	}
	const char *near = diag_nearest(text, row->choices, n);
	char hint[120];
	snprintf(hint, sizeof hint, "did you mean '%s'?", near != NULL ? near : "");
	yaml_finding(s->yaml, value, s->diag, DIAG_ERROR, near != NULL ? hint : all,
		     "'%.80s' is not a value of %s", text, row->key);
	return ERR_INVALID;
}

static enum err read_text(struct schema *s, const struct schema_row *row,
			  const struct yaml_node *value, const char *text, uint8_t *at)
{
	if (row->max > 0 && strlen(text) > row->max) {
		yaml_finding(s->yaml, value, s->diag, DIAG_ERROR, NULL,
			     "%s is longer than %u octets", row->key, row->max);
		return ERR_INVALID;
	}
	const char *copy =
	    row->kind == SCHEMA_PATH ? schema_path(s, text) : arena_strdup(s->arena, text);
	if (copy == NULL)
		return ERR_NOMEM;
	*(const char **)(void *)at = copy;
	return ERR_OK;
}

static enum err read_row(struct schema *s, const struct schema_row *row,
			 const struct yaml_node *value, void *into)
{
	uint8_t *at = (uint8_t *)into + row->offset;

	if (row->kind == SCHEMA_CUSTOM)
		return row->custom(s, value, into);
	if (row->kind == SCHEMA_IGNORED)
		return ERR_OK;
	const char *text = schema_text(s, value, "a value");
	if (text == NULL)
		return ERR_INVALID;
	switch (row->kind) {
	case SCHEMA_TEXT:
	case SCHEMA_PATH:
		return read_text(s, row, value, text, at);
	case SCHEMA_BOOL:
		return read_bool(text, (bool *)at) ? ERR_OK
						   : schema_expected(s, value, "yes or no");
	case SCHEMA_U16:
	case SCHEMA_U32:
	case SCHEMA_COUNT_OR_AUTO:
	case SCHEMA_DURATION:
		return read_number(s, row, value, text, at);
	case SCHEMA_CHOICE:
		return read_choice(s, row, value, text, at);
	case SCHEMA_CUSTOM:
	case SCHEMA_IGNORED:
		break;
	}
	return ERR_OK;
}

static enum err unknown_key(struct schema *s, const struct yaml_node *key,
			    const struct schema_row *rows)
{
	const char *names[64];
	char hint[120], all[600] = "known keys: ";
	size_t n = 0;

	for (; rows[n].key != NULL && n < 64; n++) {
		size_t used = strlen(all);
		names[n] = rows[n].key;
		snprintf(all + used, sizeof all - used, "%s%s", n > 0 ? ", " : "", rows[n].key);
	}
	const char *near = diag_nearest(key->text, names, n);
	snprintf(hint, sizeof hint, "did you mean '%s'?", near != NULL ? near : "");
	yaml_finding(s->yaml, key, s->diag, DIAG_ERROR, near != NULL ? hint : all,
		     "unknown key '%.80s'", key->text);
	return ERR_INVALID;
}

static const struct schema_row *row_of(const struct schema_row *rows, const char *key)
{
	for (; rows->key != NULL; rows++)
		if (strcmp(rows->key, key) == 0)
			return rows;
	return NULL;
}

enum err schema_read(struct schema *s, const struct yaml_node *map, const struct schema_row *rows,
		     void *into)
{
	enum err result = ERR_OK;

	if (map->kind != YAML_MAP)
		return schema_expected(s, map, "a map of keys and values");
	for (size_t i = 0; i < map->n; i++) {
		const struct schema_row *row = row_of(rows, map->key[i]->text);
		enum err e = row == NULL ? unknown_key(s, map->key[i], rows)
					 : read_row(s, row, map->item[i], into);
		if (e == ERR_NOMEM)
			return e;
		if (e)
			result = e;
	}
	for (; rows->key != NULL; rows++) {
		if (!rows->required || yaml_get(map, rows->key) != NULL)
			continue;
		yaml_finding(s->yaml, map, s->diag, DIAG_ERROR, NULL, "'%s' is missing", rows->key);
		result = ERR_INVALID;
	}
	return result;
}
