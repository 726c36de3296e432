// SPDX-License-Identifier: Apache-2.0
#include "control/octodns_svcb.h"

#include <string.h>

#define VISIBLE_MIN '!'
#define VISIBLE_MAX '~'

static const struct param {
	const char *key;
	bool list, empty;
	const char *allowed; /* NULL: anything visible */
} PARAMS[] = {
	{ "mandatory", true, false, "abcdefghijklmnopqrstuvwxyz0123456789-" },
	{ "alpn", true, false, NULL },
	{ "no-default-alpn", false, true, NULL },
	{ "port", false, false, "0123456789" },
	{ "ipv4hint", true, false, "0123456789." },
	{ "ech", false, false, NULL },
	{ "ipv6hint", true, false, "0123456789abcdefABCDEF:." },
	{ "dohpath", false, false, NULL },
	{ "ohttp", false, true, NULL },
};

#define PARAM_N (sizeof PARAMS / sizeof *PARAMS)

static const struct param *param_named(const char *key)
{
	static const struct param NUMBERED = { "key", false, false, NULL };

	for (size_t i = 0; i < PARAM_N; i++)
		if (strcmp(PARAMS[i].key, key) == 0)
			return &PARAMS[i];
	uint32_t n;
	return strncmp(key, "key", 3) == 0 && schema_u32(key + 3, &n) && n <= 65535 ? &NUMBERED
										    : NULL;
}

/* Quotes, commas and backslashes would end a value or split it. */
static bool is_plain(const char *text, const char *allowed)
{
	if (text[0] == 0)
		return false;
	if (allowed != NULL)
		return text[strspn(text, allowed)] == 0;
	for (const char *c = text; *c != 0; c++)
		if (*c < VISIBLE_MIN || *c > VISIBLE_MAX || strchr("\",\\", *c) != NULL)
			return false;
	return true;
}

static enum err put_one(struct schema *s, const struct param *p, const struct yaml_node *at,
			FILE *out)
{
	const char *text = schema_text(s, at, "a value");

	if (text == NULL)
		return ERR_INVALID;
	if (!is_plain(text, p->allowed))
		return schema_expected(s, at, "a value of this parameter");
	fputs(text, out);
	return ERR_OK;
}

static enum err put_param(struct schema *s, const struct yaml_node *key,
			  const struct yaml_node *value, FILE *out)
{
	const struct param *p = param_named(key->text);
	enum err result = ERR_OK;

	if (p == NULL) {
		const char *names[PARAM_N];
		char hint[100];
		for (size_t i = 0; i < PARAM_N; i++)
			names[i] = PARAMS[i].key;
		const char *near = diag_nearest(key->text, names, PARAM_N);
		snprintf(hint, sizeof hint, "did you mean '%s'?", near != NULL ? near : "");
		yaml_finding(s->yaml, key, s->diag, DIAG_ERROR, near != NULL ? hint : NULL,
			     "unknown SvcParam '%.60s'", key->text);
		return ERR_INVALID;
	}
	fprintf(out, " %s", key->text);
	if (yaml_is_null(value))
		return p->empty || p->key[0] == 'k'
			   ? ERR_OK
			   : schema_expected(s, value, "a value of this parameter");
	if (p->empty)
		return schema_expected(s, value, "empty: this parameter has no value");
	fputc('=', out);
	if (!p->list || value->kind == YAML_SCALAR)
		return put_one(s, p, value, out);
	if (value->kind != YAML_LIST || value->n == 0)
		return schema_expected(s, value, "a list");
	for (size_t i = 0; i < value->n; i++) {
		if (i > 0)
			fputc(',', out);
		enum err e = put_one(s, p, value->item[i], out);
		result = e ? e : result;
	}
	return result;
}

enum err octodns_put_svcparams(struct schema *s, const struct yaml_node *map, FILE *out)
{
	enum err result = ERR_OK;

	if (yaml_is_null(map))
		return ERR_OK;
	if (map->kind != YAML_MAP)
		return schema_expected(s, map, "a map of parameters");
	for (size_t i = 0; i < map->n; i++) {
		enum err e = put_param(s, map->key[i], map->item[i], out);
		result = e ? e : result;
	}
	return result;
}
