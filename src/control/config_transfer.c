// SPDX-License-Identifier: Apache-2.0
#include "control/config_transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/tsig_file.h"
#include "dns/rrtype.h"
#include "dnssec/base64.h"

#define ROW(type, field, name, k, ...)                                                             \
	{                                                                                          \
		.key = (name), .kind = (k), .offset = offsetof(type, field), __VA_ARGS__           \
	}

/* ---- shared keys ---- */

struct key_fields {
	struct tsig_key key;
	const char *name, *algorithm, *secret, *file;
};

static const struct schema_row KEY_ROWS[] = {
	ROW(struct key_fields, name, "name", SCHEMA_TEXT, .max = NAME_TEXT_MAX - 1),
	ROW(struct key_fields, algorithm, "algorithm", SCHEMA_TEXT, .max = 40),
	ROW(struct key_fields, secret, "secret", SCHEMA_TEXT, .max = 2 * TSIG_SECRET_MAX),
	ROW(struct key_fields, file, "file", SCHEMA_PATH, .max = 1000),
	{ 0 },
};

/* About a key: its line is not shown. */
static enum err key_finding(struct schema *s, const struct yaml_node *at, const char *hint,
			    const char *what)
{
	struct diag_place place = { yaml_path(s->yaml), at->line, at->column, NULL };

	diag_add(s->diag, DIAG_ERROR, &place, hint, "%s", what);
	return ERR_INVALID;
}

static enum err add_key(struct schema *s, const struct yaml_node *at, const struct tsig_key *key,
			struct tsig_keys *all)
{
	struct tsig_key *more = arena_alloc(s->arena, (all->n + 1) * sizeof *more);

	if (more == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < all->n; i++)
		if (name_equal(all->key[i].name, key->name))
			return key_finding(s, at, NULL, "a TSIG key of this name is given twice");
	if (all->n > 0)
		memcpy(more, all->key, all->n * sizeof *more);
	tsig_keys_wipe(all);
	more[all->n++] = *key;
	all->key = more;
	return ERR_OK;
}

static enum err read_key_fields(struct schema *s, const struct yaml_node *at,
				const struct key_fields *f, struct tsig_keys *all)
{
	const char *why = NULL;
	struct tsig_key key = { 0 };

	if (f->name == NULL || f->secret == NULL)
		return key_finding(s, at, "or `file`, as tsig-keygen makes it",
				   "a TSIG key needs `name` and `secret`");
	if (tsig_file_is_open(yaml_path(s->yaml)))
		return key_finding(s, at, "chmod o-r the configuration, or use `file`",
				   "a secret stands in a file that everybody may read");
	if (!tsig_key_from_text(&key, f->name, f->algorithm != NULL ? f->algorithm : "hmac-sha256",
				f->secret, &why))
		return key_finding(s, at, NULL, why);
	return add_key(s, at, &key, all);
}

static enum err read_key_file(struct schema *s, const struct yaml_node *at,
			      const struct key_fields *f, struct tsig_keys *all)
{
	struct tsig_key read[TSIG_FILE_KEYS_MAX];
	size_t n = 0;

	if (f->name != NULL || f->secret != NULL || f->algorithm != NULL)
		return key_finding(s, at, NULL, "`file` stands alone: it has name and secret");
	enum err e = tsig_file_read(f->file, read, &n, s->diag);
	for (size_t i = 0; i < n && !e; i++)
		e = add_key(s, at, &read[i], all);
	tsig_keys_wipe(&(struct tsig_keys){ read, n });
	return e;
}

enum err config_read_tsig_keys(struct schema *s, const struct yaml_node *list,
			       struct tsig_keys *out)
{
	enum err result = ERR_OK;

	*out = (struct tsig_keys){ 0 };
	if (list == NULL)
		return ERR_OK;
	if (list->kind != YAML_LIST)
		return schema_expected(s, list,
				       "a list of keys ({name, algorithm, secret} or {file})");
	for (size_t i = 0; i < list->n; i++) {
		struct key_fields f = { 0 };
		enum err e = schema_read(s, list->item[i], KEY_ROWS, &f);
		if (!e)
			e = f.file != NULL ? read_key_file(s, list->item[i], &f, out)
					   : read_key_fields(s, list->item[i], &f, out);
		if (e == ERR_NOMEM)
			return e;
		result = e ? e : result;
	}
	tsig_keys_sort(out);
	return result;
}

/* ---- rules ---- */

/* A list, or one item that stands for a list of one. */
struct items {
	const struct yaml_node *const *item;
	size_t n;
};

static struct items items_of(const struct yaml_node *const *value)
{
	return (*value)->kind == YAML_LIST ? (struct items){ (*value)->item, (*value)->n }
					   : (struct items){ value, 1 };
}

static enum err read_from(struct schema *s, const struct yaml_node *value, void *into)
{
	struct access_rule *r = into;
	struct items all = items_of(&value);
	struct ip_prefix *out = arena_alloc(s->arena, (all.n + 1) * sizeof *out);

	if (out == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < all.n; i++) {
		bool stray = false;
		const char *text = schema_text(s, all.item[i], "an address or prefix");
		if (text == NULL)
			return ERR_INVALID;
		if (!ip_prefix_from_text(text, &out[i], &stray) || stray)
			return schema_expected(s, all.item[i],
					       "an address or prefix (192.0.2.0/24)");
	}
	if (all.n == 0)
		return schema_expected(s, value, "at least one address or prefix");
	r->from = out;
	r->from_n = all.n;
	return ERR_OK;
}

static enum err unknown_key(struct schema *s, const struct yaml_node *at, const char *text)
{
	yaml_finding(s->yaml, at, s->diag, DIAG_ERROR, "name it under `tsig-keys`",
		     "no TSIG key has the name '%.100s'", text);
	return ERR_INVALID;
}

static enum err read_keys(struct schema *s, const struct yaml_node *value, void *into)
{
	struct access_rule *r = into;
	struct items all = items_of(&value);
	const uint8_t **out = arena_alloc(s->arena, (all.n + 1) * sizeof *out);

	if (out == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < all.n; i++) {
		struct name name;
		const char *text = schema_text(s, all.item[i], "the name of a TSIG key");
		if (text == NULL)
			return ERR_INVALID;
		const struct tsig_key *key = name_from_text(text, NULL, &name)
						 ? NULL
						 : tsig_keys_find(s->context, name.wire);
		if (key == NULL)
			return unknown_key(s, all.item[i], text);
		out[i] = key->name;
	}
	if (all.n == 0)
		return schema_expected(s, value, "at least one TSIG key");
	r->keys = out;
	r->key_n = all.n;
	return ERR_OK;
}

static enum err read_certificates(struct schema *s, const struct yaml_node *value, void *into)
{
	struct access_rule *r = into;
	struct items all = items_of(&value);
	uint8_t(*out)[CERTIFICATE_PIN_LEN] = arena_alloc(s->arena, (all.n + 1) * sizeof *out);

	if (out == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < all.n; i++) {
		size_t n = 0;
		const char *text = schema_text(s, all.item[i], "a pin");
		if (text == NULL)
			return ERR_INVALID;
		if (!base64_decode(text, strlen(text), out[i], CERTIFICATE_PIN_LEN, &n) ||
		    n != CERTIFICATE_PIN_LEN)
			return schema_expected(s, all.item[i],
					       "the SHA-256 of a public key in base64");
	}
	if (all.n == 0)
		return schema_expected(s, value, "at least one pin");
	r->certificates = (const uint8_t(*)[CERTIFICATE_PIN_LEN])out;
	r->certificate_n = all.n;
	return ERR_OK;
}

/* What a rule of any kind may say about the client; `who` stands first in each. */
#define WHO_ROWS                                                                                   \
	{ .key = "from", .kind = SCHEMA_CUSTOM, .custom = read_from },                             \
	    { .key = "key", .kind = SCHEMA_CUSTOM, .custom = read_keys },                          \
	    { .key = "client-certificate", .kind = SCHEMA_CUSTOM, .custom = read_certificates },   \
	    ROW(struct access_rule, tls, "tls", SCHEMA_BOOL, .min = 0)

static enum err check_who(struct schema *s, const struct yaml_node *at, const struct access_rule *r)
{
	if (r->from_n > 0 || r->key_n > 0 || r->certificate_n > 0)
		return ERR_OK;
	yaml_finding(s->yaml, at, s->diag, DIAG_ERROR, "everybody is `from: [0.0.0.0/0, \"::/0\"]`",
		     "a rule needs `from`, `key` or `client-certificate`");
	return ERR_INVALID;
}

enum err config_read_allow_transfer(struct schema *s, const struct yaml_node *value,
				    struct config_transfer *into)
{
	static const struct schema_row RULE_ROWS[] = {
		WHO_ROWS,
		ROW(struct transfer_rule, signed_copy, "signed", SCHEMA_BOOL, .min = 0),
		{ 0 },
	};
	struct items all = items_of(&value);
	enum err result = ERR_OK;
	struct transfer_rule *rules = arena_alloc(s->arena, (all.n + 1) * sizeof *rules);

	if (rules == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < all.n; i++) {
		rules[i] = (struct transfer_rule){ 0 };
		enum err e = schema_read(s, all.item[i], RULE_ROWS, &rules[i]);
		if (!e)
			e = check_who(s, all.item[i], &rules[i].who);
		result = e ? e : result;
	}
	into->out = rules;
	into->out_n = all.n;
	return result;
}

static enum err read_update_names(struct schema *s, const struct yaml_node *value, void *into)
{
	struct update_grant *g = into;
	struct items all = items_of(&value);
	struct update_name *out = arena_alloc(s->arena, (all.n + 1) * sizeof *out);

	if (out == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < all.n; i++) {
		struct name name;
		const char *text = schema_text(s, all.item[i], "a domain name");
		if (text == NULL)
			return ERR_INVALID;
		out[i].below = strncmp(text, "*.", 2) == 0;
		if (name_from_text(out[i].below ? text + 2 : text, NULL, &name))
			return schema_expected(s, all.item[i],
					       "a whole domain name (or *.name for those below)");
		out[i].name = arena_copy(s->arena, name.wire, name.len);
		if (out[i].name == NULL)
			return ERR_NOMEM;
	}
	g->names = out;
	g->name_n = all.n;
	return ERR_OK;
}

static enum err read_update_types(struct schema *s, const struct yaml_node *value, void *into)
{
	struct update_grant *g = into;
	struct items all = items_of(&value);
	uint16_t *out = arena_alloc(s->arena, (all.n + 1) * sizeof *out);

	if (out == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < all.n; i++) {
		const char *text = schema_text(s, all.item[i], "a type");
		if (text == NULL)
			return ERR_INVALID;
		if (!rr_type_from_text(text, &out[i]))
			return schema_expected(s, all.item[i], "a record type");
	}
	g->types = out;
	g->type_n = all.n;
	return ERR_OK;
}

static enum err check_peer(struct schema *s, const struct yaml_node *at,
			   const struct update_grant *g)
{
	if (g->peer == NULL ||
	    (g->name_n == 0 && g->type_n == 0 && g->who.key_n > 0 && strcmp(g->peer, "own") != 0))
		return ERR_OK;
	yaml_finding(
	    s->yaml, at, s->diag, DIAG_ERROR, "{key: signer2., peer: signer2}",
	    "a rule with `peer` needs a `key` and has neither `names` nor `types`: it covers "
	    "that signer's own DNSKEY, CDS, CDNSKEY and CSYNC");
	return ERR_INVALID;
}

enum err config_read_allow_update(struct schema *s, const struct yaml_node *value,
				  struct config_transfer *into)
{
	static const struct schema_row GRANT_ROWS[] = {
		WHO_ROWS,
		{ .key = "names", .kind = SCHEMA_CUSTOM, .custom = read_update_names },
		{ .key = "types", .kind = SCHEMA_CUSTOM, .custom = read_update_types },
		ROW(struct update_grant, peer, "peer", SCHEMA_TEXT, .max = 63),
		{ 0 },
	};
	struct items all = items_of(&value);
	enum err result = ERR_OK;
	struct update_grant *grants = arena_alloc(s->arena, (all.n + 1) * sizeof *grants);

	if (grants == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < all.n; i++) {
		grants[i] = (struct update_grant){ 0 };
		enum err e = schema_read(s, all.item[i], GRANT_ROWS, &grants[i]);
		if (!e)
			e = check_who(s, all.item[i], &grants[i].who);
		if (!e)
			e = check_peer(s, all.item[i], &grants[i]);
		result = e ? e : result;
	}
	into->updates = grants;
	into->update_n = all.n;
	return result;
}

enum err config_check_transfer(struct schema *s, const struct yaml_node *zone, const uint8_t *name,
			       const struct config_transfer *t)
{
	for (size_t i = 0; i < t->update_n; i++) {
		for (size_t k = 0; k < t->updates[i].name_n; k++) {
			char text[NAME_TEXT_MAX];
			if (name_is_within(t->updates[i].names[k].name, name))
				continue;
			yaml_finding(s->yaml, zone, s->diag, DIAG_ERROR, NULL,
				     "allow-update names %.200s, which is outside of the zone",
				     name_to_text(t->updates[i].names[k].name, text));
			return ERR_INVALID;
		}
	}
	return ERR_OK;
}

enum err config_check_signed_transfer(struct schema *s, const struct yaml_node *zone,
				      const struct config_transfer *t, bool has_keys,
				      bool has_chain)
{
	bool wanted = false;

	for (size_t i = 0; i < t->out_n; i++)
		wanted = wanted || t->out[i].signed_copy;
	if (!wanted || (has_keys && has_chain))
		return ERR_OK;
	yaml_finding(s->yaml, zone, s->diag, DIAG_ERROR,
		     has_keys ? "a signing policy with denial nsec or nsec3" : NULL,
		     has_keys ? "allow-transfer gives the zone out signed, but with compact denial "
				"only this server can prove what is not there"
			      : "allow-transfer gives the zone out signed, but it is not signed");
	return ERR_INVALID;
}

/* ---- serial and journal ---- */

enum err config_read_serial(struct schema *s, const struct yaml_node *value,
			    struct config_transfer *into)
{
	static const char *const POLICIES[] = { "increment", "unixtime", "date", "keep", NULL };
	const char *text = schema_text(s, value, "increment, unixtime, date or keep");

	for (unsigned i = 0; text != NULL && POLICIES[i] != NULL; i++) {
		if (strcmp(POLICIES[i], text) != 0)
			continue;
		into->serial = (enum serial_policy)i;
		into->has_serial = true;
		return ERR_OK;
	}
	return text == NULL ? ERR_INVALID
			    : schema_expected(s, value, "increment, unixtime, date or keep");
}

enum err config_read_journal(struct schema *s, const struct yaml_node *value,
			     struct config_transfer *into)
{
	static const struct schema_row JOURNAL_ROWS[] = {
		ROW(struct config_transfer, journal_sets, "changes", SCHEMA_U32, .min = 1,
		    .max = 10000000),
		ROW(struct config_transfer, journal_octets, "octets", SCHEMA_U32, .min = 1024,
		    .max = UINT32_MAX),
		{ 0 },
	};

	return schema_read(s, value, JOURNAL_ROWS, into);
}

bool config_transfer_asks_clients(const struct config_transfer *t)
{
	for (size_t i = 0; i < t->out_n; i++)
		if (t->out[i].who.certificate_n > 0)
			return true;
	for (size_t i = 0; i < t->update_n; i++)
		if (t->updates[i].who.certificate_n > 0)
			return true;
	return false;
}
