// SPDX-License-Identifier: Apache-2.0
#include "control/config_api.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/arena.h"
#include "control/config.h"
#include "control/schema.h"
#include "dns/name.h"

#define ROW(type, field, name, k, ...)                                                             \
	{                                                                                          \
		.key = (name), .kind = (k), .offset = offsetof(type, field), __VA_ARGS__           \
	}

const struct config_api CONFIG_API_DEFAULT = { .requests_per_minute = 600, .connections = 64 };

/* ---- what a caller may do ---- */

static enum err read_scope(struct schema *s, const struct yaml_node *item, unsigned *scopes)
{
	static const struct {
		const char *text;
		unsigned scope;
	} SCOPES[] = { { "read", API_READ }, { "keys", API_KEYS }, { "operate", API_OPERATE } };
	const char *text = schema_text(s, item, "read, keys or operate");

	for (size_t i = 0; text != NULL && i < sizeof SCOPES / sizeof *SCOPES; i++) {
		if (strcmp(text, SCOPES[i].text) == 0) {
			*scopes |= SCOPES[i].scope;
			return ERR_OK;
		}
	}
	return text == NULL ? ERR_INVALID : schema_expected(s, item, "read, keys or operate");
}

static enum err read_scopes(struct schema *s, const struct yaml_node *value, void *into)
{
	struct api_access *a = into;
	enum err result = ERR_OK;

	if (value->kind != YAML_LIST || value->n == 0)
		return schema_expected(s, value, "a list of scopes ([read, keys, operate])");
	for (size_t i = 0; i < value->n; i++) {
		enum err e = read_scope(s, value->item[i], &a->scopes);
		result = result ? result : e;
	}
	return result;
}

static enum err read_zone(struct schema *s, const struct yaml_node *item, const char **out)
{
	struct name name;
	char text[NAME_TEXT_MAX];
	const char *given = schema_text(s, item, "a zone name");

	if (given == NULL)
		return ERR_INVALID;
	if (name_from_text(given, NULL, &name))
		return schema_expected(s, item, "a domain name");
	name_lower(name.wire, name.wire);
	*out = arena_strdup(s->arena, name_to_text(name.wire, text));
	return *out != NULL ? ERR_OK : ERR_NOMEM;
}

static enum err read_access_zones(struct schema *s, const struct yaml_node *value, void *into)
{
	struct api_access *a = into;
	enum err result = ERR_OK;

	if (value->kind != YAML_LIST || value->n == 0)
		return schema_expected(s, value, "a list of zone names");
	const char **zones = arena_alloc(s->arena, value->n * sizeof *zones);
	if (zones == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < value->n; i++) {
		enum err e = read_zone(s, value->item[i], &zones[i]);
		result = result ? result : e;
	}
	a->zones = zones;
	a->zone_n = value->n;
	return result;
}

/* ---- the section ---- */

static enum err read_listen(struct schema *s, const struct yaml_node *value, void *into)
{
	struct config_api *a = into;

	return config_read_addresses(s, value, 8443, &a->listen, &a->listen_n);
}

static enum err read_tls(struct schema *s, const struct yaml_node *value, void *into)
{
	static const struct schema_row ROWS[] = {
		ROW(struct config_api, certificate, "certificate", SCHEMA_PATH, .max = 1000,
		    .required = true),
		ROW(struct config_api, key, "key", SCHEMA_PATH, .max = 1000, .required = true),
		ROW(struct config_api, client_ca, "client-ca", SCHEMA_PATH, .max = 1000),
		{ 0 },
	};

	return schema_read(s, value, ROWS, into);
}

static enum err read_hosts(struct schema *s, const struct yaml_node *value, void *into)
{
	struct config_api *a = into;

	if (value->kind != YAML_LIST)
		return schema_expected(s, value, "a list of host names");
	const char **hosts = arena_alloc(s->arena, (value->n + 1) * sizeof *hosts);
	if (hosts == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < value->n; i++) {
		const char *text = schema_text(s, value->item[i], "a host name");
		if (text == NULL)
			return ERR_INVALID;
		if (strcspn(text, "/ @") != strlen(text))
			return schema_expected(s, value->item[i], "a host name");
		hosts[i] = arena_strdup(s->arena, text);
		if (hosts[i] == NULL)
			return ERR_NOMEM;
	}
	a->hosts = hosts;
	a->host_n = value->n;
	return ERR_OK;
}

static enum err read_clients(struct schema *s, const struct yaml_node *value, void *into)
{
	static const struct schema_row ROWS[] = {
		ROW(struct api_access, name, "name", SCHEMA_TEXT, .max = 253, .required = true),
		{ .key = "scopes", .kind = SCHEMA_CUSTOM, .custom = read_scopes, .required = true },
		{ .key = "zones", .kind = SCHEMA_CUSTOM, .custom = read_access_zones },
		ROW(struct api_access, peer, "peer", SCHEMA_TEXT, .max = 63),
		{ 0 },
	};
	struct config_api *a = into;
	enum err result = ERR_OK;

	if (value->kind != YAML_LIST)
		return schema_expected(s, value, "a list of clients ({name: ..., scopes: [...]})");
	struct api_access *all = arena_alloc(s->arena, (value->n + 1) * sizeof *all);
	if (all == NULL)
		return ERR_NOMEM;
	memset(all, 0, (value->n + 1) * sizeof *all);
	for (size_t i = 0; i < value->n; i++) {
		enum err e = schema_read(s, value->item[i], ROWS, &all[i]);
		result = result ? result : e;
	}
	a->clients = all;
	a->client_n = value->n;
	return result;
}

static const struct schema_row API_ROWS[] = {
	{ .key = "listen", .kind = SCHEMA_CUSTOM, .custom = read_listen },
	{ .key = "tls", .kind = SCHEMA_CUSTOM, .custom = read_tls },
	ROW(struct config_api, token_file, "tokens", SCHEMA_PATH, .max = 1000),
	{ .key = "hosts", .kind = SCHEMA_CUSTOM, .custom = read_hosts },
	{ .key = "clients", .kind = SCHEMA_CUSTOM, .custom = read_clients },
	ROW(struct config_api, requests_per_minute, "requests-per-minute", SCHEMA_U32, .min = 1,
	    .max = 1000000),
	ROW(struct config_api, connections, "connections", SCHEMA_U32, .min = 4, .max = 10000),
	{ 0 },
};

static enum err complain(struct schema *s, const struct yaml_node *at, const char *what,
			 const char *hint)
{
	yaml_finding(s->yaml, at, s->diag, DIAG_ERROR, hint, "%s", what);
	return ERR_INVALID;
}

enum err config_api_read(struct schema *s, const struct yaml_node *value, struct config_api *out)
{
	*out = CONFIG_API_DEFAULT;
	enum err e = schema_read(s, value, API_ROWS, out);

	if (e || out->listen_n == 0)
		return e;
	if (out->certificate == NULL)
		return complain(s, value, "api.listen needs a certificate",
				"add `tls: {certificate: FILE, key: FILE}` to api");
	if (out->client_n > 0 && out->client_ca == NULL)
		return complain(s, value,
				"api.clients needs the authority that issued their "
				"certificates",
				"add client-ca to api.tls");
	if (out->client_n == 0 && out->token_file == NULL)
		return complain(s, value,
				"nobody could use api.listen: there are no tokens and no "
				"clients",
				"add `tokens: FILE` (made by `concordctl token new`) or clients");
	return ERR_OK;
}

/* ---- the file of tokens ---- */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What stands there may be the token itself, put there by mistake: it is not shown. */
static enum err read_hash(struct schema *s, const struct yaml_node *value, void *into)
{
	struct api_token *t = into;
	const char *text = value->kind == YAML_SCALAR ? value->text : "";

	for (size_t i = 0; i < API_TOKEN_HASH_LEN; i++) {
		int high = digit(text[2 * i]), low = high >= 0 ? digit(text[2 * i + 1]) : -1;
		if (low < 0)
			goto bad;
		t->sha256[i] = (uint8_t)(high << 4 | low);
	}
	if (text[2 * API_TOKEN_HASH_LEN] == 0)
		return ERR_OK;
bad:;
	struct diag_place at = { .file = yaml_path(s->yaml), .line = value->line };
	diag_add(s->diag, DIAG_ERROR, &at, "`concordctl token new` prints it",
		 "sha256 must be 64 hexadecimal digits");
	return ERR_INVALID;
}

static enum err read_expiry(struct schema *s, const struct yaml_node *value, void *into)
{
	struct api_token *t = into;
	struct tm tm = { 0 };
	const char *text = schema_text(s, value, "a date");

	if (text == NULL)
		return ERR_INVALID;
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	if (end == NULL || *end != 0)
		return schema_expected(s, value, "a date (2027-12-31)");
	t->expires_at = timegm(&tm) + 24 * 3600; /* the whole day is good */
	return ERR_OK;
}

static enum err read_tokens(struct schema *s, const struct yaml_node *value, void *into)
{
	static const struct schema_row ROWS[] = {
		ROW(struct api_token, access.name, "id", SCHEMA_TEXT, .max = 63, .required = true),
		{ .key = "sha256", .kind = SCHEMA_CUSTOM, .custom = read_hash, .required = true },
		{ .key = "scopes", .kind = SCHEMA_CUSTOM, .custom = read_scopes, .required = true },
		{ .key = "zones", .kind = SCHEMA_CUSTOM, .custom = read_access_zones },
		ROW(struct api_token, access.peer, "peer", SCHEMA_TEXT, .max = 63),
		{ .key = "expires", .kind = SCHEMA_CUSTOM, .custom = read_expiry },
		{ 0 },
	};
	struct api_tokens *t = into;
	enum err result = ERR_OK;

	/* read_scopes() and read_access_zones() take the access: it stands first. */
	_Static_assert(offsetof(struct api_token, access) == 0, "access stands first");
	if (value->kind != YAML_LIST || value->n > API_TOKENS_MAX)
		return schema_expected(s, value, "a list of at most 1000 tokens");
	t->all = arena_alloc(s->arena, (value->n + 1) * sizeof *t->all);
	if (t->all == NULL)
		return ERR_NOMEM;
	memset(t->all, 0, (value->n + 1) * sizeof *t->all);
	t->n = value->n;
	for (size_t i = 0; i < value->n; i++) {
		enum err e = schema_read(s, value->item[i], ROWS, &t->all[i]);
		/* One that could not be read has no id. */
		for (size_t k = 0; !e && k < i; k++)
			if (t->all[k].access.name != NULL &&
			    strcmp(t->all[k].access.name, t->all[i].access.name) == 0)
				e = complain(s, value->item[i], "the token's id is given twice",
					     NULL);
		result = result ? result : e;
	}
	return result;
}

static enum err check_mode(const char *path, struct diag *d)
{
	struct stat st;
	struct diag_place at = { .file = path };

	if (stat(path, &st) < 0 || (st.st_mode & 022) == 0)
		return ERR_OK; /* reading it says why it cannot be read */
	diag_add(d, DIAG_ERROR, &at, "chmod go-w",
		 "others than its owner may write to the file of tokens");
	return ERR_PERMISSION;
}

enum err api_tokens_read(struct api_tokens **out, const char *path, struct diag *d)
{
	static const struct schema_row ROWS[] = {
		{ .key = "tokens", .kind = SCHEMA_CUSTOM, .custom = read_tokens, .required = true },
		{ 0 },
	};
	struct yaml *y = NULL;
	enum err e = check_mode(path, d);

	if (!e)
		e = yaml_read(&y, path, d);
	if (e)
		return e;
	struct arena *arena = arena_new(0);
	struct api_tokens *t = arena != NULL ? arena_alloc(arena, sizeof *t) : NULL;
	struct schema s = { .yaml = y, .arena = arena, .diag = d };
	e = t != NULL ? ERR_OK : ERR_NOMEM;
	if (!e) {
		*t = (struct api_tokens){ .arena = arena };
		if (yaml_root(y) != NULL)
			e = schema_read(&s, yaml_root(y), ROWS, t);
	}
	yaml_free(y);
	if (e) {
		arena_free(arena);
		return e;
	}
	*out = t;
	return ERR_OK;
}

void api_tokens_free(struct api_tokens *t)
{
	if (t != NULL)
		arena_free(t->arena);
}
