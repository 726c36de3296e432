// SPDX-License-Identifier: Apache-2.0
#include "control/config_groups.h"

#include <stdio.h>
#include <string.h>

#include "control/config.h"
#include "dns/name.h"
#include "multisigner/group.h"

#define ROW(type, field, name, k, ...)                                                             \
	{                                                                                          \
		.key = (name), .kind = (k), .offset = offsetof(type, field), __VA_ARGS__           \
	}

/* What is wrong with one thing that has a name. */
static enum err finding(struct schema *s, const struct yaml_node *at, const char *hint,
			const char *which, const char *what)
{
	yaml_finding(s->yaml, at, s->diag, DIAG_ERROR, hint, "'%.60s' %s", which, what);
	return ERR_INVALID;
}

/* ---- servers ---- */

static enum err read_host(struct schema *s, const struct yaml_node *value, void *into)
{
	struct config_group_server *v = into;
	const char *text = schema_text(s, value, "the name of a name server");
	struct name name;

	if (text == NULL)
		return ERR_INVALID;
	if (name_from_text(text, NULL, &name))
		return schema_expected(s, value, "a domain name, as it stands in NS records");
	size_t n = name_len(name.wire);
	uint8_t *host = arena_alloc(s->arena, n);
	if (host == NULL)
		return ERR_NOMEM;
	name_lower(name.wire, host);
	v->host = host;
	return ERR_OK;
}

static enum err read_address(struct schema *s, const struct yaml_node *value, void *into)
{
	struct config_group_server *v = into;
	struct config_address *a;
	size_t n;
	enum err e = config_read_addresses(s, value, 53, &a, &n);

	if (!e && n != 1)
		return schema_expected(s, value, "one address; another one is another server");
	v->address = a;
	return e;
}

static const struct schema_row SERVER_ROWS[] = {
	{ .key = "name", .kind = SCHEMA_CUSTOM, .custom = read_host, .required = true },
	{ .key = "address", .kind = SCHEMA_CUSTOM, .custom = read_address, .required = true },
	{ 0 },
};

static enum err read_servers(struct schema *s, const struct yaml_node *value, void *into)
{
	struct config_signer *g = into;
	enum err result = ERR_OK;

	if (value->kind != YAML_LIST || value->n == 0 || value->n > GROUP_SERVERS_MAX)
		return schema_expected(s, value, "a list of one to six servers ({name, address})");
	struct config_group_server *out = arena_alloc(s->arena, value->n * sizeof *out);
	if (out == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < value->n; i++) {
		enum err e = schema_read(s, value->item[i], SERVER_ROWS, &out[i]);
		result = result ? result : e;
	}
	g->servers = out;
	g->server_n = value->n;
	return result;
}

/* ---- signers ---- */

static const struct schema_row SIGNER_ROWS[] = {
	ROW(struct config_signer, name, "name", SCHEMA_TEXT, .max = 63, .required = true),
	{ .key = "servers", .kind = SCHEMA_CUSTOM, .custom = read_servers, .required = true },
	{ 0 },
};

struct group_fields {
	struct config_group group;
	const char *self;
};

static bool is_word(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				 "-_.")] == 0 &&
	       strcmp(text, "own") != 0;
}

/* A name of a server is one signer's alone: NS records say by it whose answers may come. */
static bool has_host(const struct config_signer *all, size_t n, const uint8_t *host)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < all[i].server_n; k++)
			if (name_equal(all[i].servers[k].host, host))
				return true;
	return false;
}

static enum err check_signer(struct schema *s, const struct yaml_node *at,
			     const struct config_signer *all, size_t n)
{
	const struct config_signer *g = &all[n];

	if (!is_word(g->name))
		return finding(s, at, "letters, digits, '-', '_' and '.'; not 'own'", g->name,
			       "cannot be the name of a signer");
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].name, g->name) == 0)
			return finding(s, at, NULL, g->name, "is given twice as a signer");
	for (size_t k = 0; k < g->server_n; k++) {
		if (has_host(all, n, g->servers[k].host))
			return finding(s, at, "each name server belongs to one signer", g->name,
				       "has a server that is another's already");
	}
	return ERR_OK;
}

static enum err read_signers(struct schema *s, const struct yaml_node *value, void *into)
{
	struct group_fields *f = into;
	enum err result = ERR_OK;

	if (value->kind != YAML_LIST || value->n == 0 || value->n > GROUP_SIGNERS_MAX)
		return schema_expected(s, value, "a list of one to eight signers");
	struct config_signer *out = arena_alloc(s->arena, value->n * sizeof *out);
	if (out == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < value->n; i++) {
		enum err e = schema_read(s, value->item[i], SIGNER_ROWS, &out[i]);
		if (!e)
			e = check_signer(s, value->item[i], out, i);
		if (e)
			return e;
	}
	f->group.signers = out;
	f->group.signer_n = value->n;
	return result;
}

/* ---- groups ---- */

static const struct schema_row GROUP_ROWS[] = {
	ROW(struct group_fields, group.id, "id", SCHEMA_TEXT, .max = 64, .required = true),
	ROW(struct group_fields, self, "signer", SCHEMA_TEXT, .max = 63, .required = true),
	{ .key = "signers", .kind = SCHEMA_CUSTOM, .custom = read_signers, .required = true },
	ROW(struct group_fields, group.carry_ksk, "carry-ksk", SCHEMA_BOOL, .min = 0),
	ROW(struct group_fields, group.poll_s, "poll", SCHEMA_DURATION, .min = 1, .max = 86400),
	ROW(struct group_fields, group.propagation_s, "propagation", SCHEMA_DURATION, .min = 0,
	    .max = 7 * 86400),
	ROW(struct group_fields, group.fresh_s, "fresh", SCHEMA_DURATION, .min = 2,
	    .max = 7 * 86400),
	ROW(struct group_fields, group.hold_s, "hold-at-start", SCHEMA_DURATION, .min = 0,
	    .max = 86400),
	{ 0 },
};

/* Longer than a poll, or nothing would ever be evidence. */
static enum err settle_fresh(struct schema *s, const struct yaml_node *at, struct config_group *g)
{
	if (g->fresh_s == 0)
		g->fresh_s = 5 * g->poll_s + 10;
	if (g->fresh_s >= 2 * g->poll_s)
		return ERR_OK;
	return finding(s, at, "at least twice `poll`", g->id,
		       "forgets what it saw before it looks again");
}

static enum err read_group(struct schema *s, const struct yaml_node *item,
			   const struct config_groups *before, struct config_group *out)
{
	struct group_fields f = {
		.group = { .carry_ksk = true, .poll_s = 60, .propagation_s = 300, .hold_s = 60 }
	};
	enum err e = schema_read(s, item, GROUP_ROWS, &f);

	if (e)
		return e;
	if (config_group_find(before, f.group.id) != NULL)
		return finding(s, item, NULL, f.group.id, "is given twice as a group");
	const struct config_signer *self = config_signer_find(&f.group, f.self);
	if (self == NULL)
		return finding(s, item, "`signer` names us, as one of `signers`", f.self,
			       "is not one of the group's signers");
	f.group.self = (size_t)(self - f.group.signers);
	*out = f.group;
	return settle_fresh(s, item, out);
}

enum err config_read_groups(struct schema *s, const struct yaml_node *list,
			    struct config_groups *out)
{
	enum err result = ERR_OK;

	*out = (struct config_groups){ 0 };
	if (list == NULL)
		return ERR_OK;
	if (list->kind != YAML_LIST)
		return schema_expected(s, list, "a list of groups ({id, signer, signers})");
	struct config_group *item = arena_alloc(s->arena, (list->n + 1) * sizeof *item);
	if (item == NULL)
		return ERR_NOMEM;
	out->item = item;
	for (size_t i = 0; i < list->n; i++) {
		enum err e = read_group(s, list->item[i], out, &item[out->n]);
		if (!e)
			out->n++;
		result = result ? result : e;
	}
	return result;
}

const struct config_group *config_group_find(const struct config_groups *all, const char *id)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->item[i].id, id) == 0)
			return &all->item[i];
	return NULL;
}

const struct config_signer *config_signer_find(const struct config_group *g, const char *name)
{
	for (size_t i = 0; i < g->signer_n; i++)
		if (strcmp(g->signers[i].name, name) == 0)
			return &g->signers[i];
	return NULL;
}
