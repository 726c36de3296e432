// SPDX-License-Identifier: Apache-2.0
#include "control/config_remotes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "dnssec/base64.h"
#include "transfer/tls_client.h"

#define ROW(type, field, name, k, ...)                                                             \
	{                                                                                          \
		.key = (name), .kind = (k), .offset = offsetof(type, field), __VA_ARGS__           \
	}

#define PINS_MAX 8
/* Below what BIND gives at a time where nothing else is said (transfers-out 10). */
#define TRANSFERS_DEFAULT 8u
#define DAY_S             86400u

const struct config_limits CONFIG_LIMITS_DEFAULT = {
	.records = 100000000,
	.octets = UINT64_C(16) << 30,
	.transfer_time_s = 7200,
	.shrink = 90,
};

/* ---- remotes ---- */

struct remote_fields {
	struct config_remote remote;
	const char *server_name, *ca_file, *certificate, *tls_key;
	uint8_t pins[PINS_MAX][TLS_PIN_LEN];
	size_t pin_n;
	unsigned transport;
	const struct yaml_node *key_at, *tls_at;
	const char *key;
};

static struct span_of_nodes {
	const struct yaml_node *const *item;
	size_t n;
} items_of(const struct yaml_node *const *value)
{
	return (*value)->kind == YAML_LIST ? (struct span_of_nodes){ (*value)->item, (*value)->n }
					   : (struct span_of_nodes){ value, 1 };
}

static enum err read_remote_addresses(struct schema *s, const struct yaml_node *value, void *into)
{
	struct remote_fields *f = into;
	struct span_of_nodes all = items_of(&value);
	struct config_address *out = arena_alloc(s->arena, (all.n + 1) * sizeof *out);

	if (out == NULL)
		return ERR_NOMEM;
	if (all.n == 0)
		return schema_expected(s, value, "at least one address (192.0.2.1@53)");
	for (size_t i = 0; i < all.n; i++) {
		const char *text = schema_text(s, all.item[i], "an address (192.0.2.1@53)");
		if (text == NULL)
			return ERR_INVALID;
		if (!config_parse_address(text, 0, &out[i]))
			return schema_expected(s, all.item[i],
					       "an IP address, with a port where it is not the "
					       "usual one (192.0.2.1@5353)");
	}
	f->remote.addresses = out;
	f->remote.address_n = all.n;
	return ERR_OK;
}

static enum err read_source(struct schema *s, const struct yaml_node *value, void *into)
{
	struct remote_fields *f = into;
	struct span_of_nodes all = items_of(&value);

	for (size_t i = 0; i < all.n; i++) {
		struct ip_addr a;
		const char *text = schema_text(s, all.item[i], "an IP address of ours");
		if (text == NULL)
			return ERR_INVALID;
		if (!ip_from_text(text, &a))
			return schema_expected(s, all.item[i], "an IP address of ours");
		*(a.family == IP_V4 ? &f->remote.source4 : &f->remote.source6) = a;
	}
	return ERR_OK;
}

static enum err read_remote_key(struct schema *s, const struct yaml_node *value, void *into)
{
	struct remote_fields *f = into;

	f->key = schema_text(s, value, "the name of a TSIG key");
	f->key_at = value;
	return f->key == NULL ? ERR_INVALID : ERR_OK;
}

static enum err read_pins(struct schema *s, const struct yaml_node *value, void *into)
{
	struct remote_fields *f = into;
	struct span_of_nodes all = items_of(&value);

	for (size_t i = 0; i < all.n; i++) {
		uint8_t pin[TLS_PIN_LEN + 4];
		size_t n = 0;
		const char *text = schema_text(s, all.item[i], "a pin");
		if (text == NULL)
			return ERR_INVALID;
		if (i == PINS_MAX)
			return schema_expected(s, value, "at most 8 pins");
		if (!base64_decode(text, strlen(text), pin, sizeof pin, &n) || n != TLS_PIN_LEN)
			return schema_expected(s, all.item[i],
					       "SHA-256 of a public key in base64 (44 characters)");
		memcpy(f->pins[f->pin_n++], pin, TLS_PIN_LEN);
	}
	return ERR_OK;
}

static enum err read_remote_tls(struct schema *s, const struct yaml_node *value, void *into)
{
	static const struct schema_row TLS_ROWS[] = {
		ROW(struct remote_fields, server_name, "server-name", SCHEMA_TEXT, .max = 255),
		ROW(struct remote_fields, ca_file, "ca-file", SCHEMA_PATH, .max = 1000),
		{ .key = "pins", .kind = SCHEMA_CUSTOM, .custom = read_pins },
		ROW(struct remote_fields, certificate, "certificate", SCHEMA_PATH, .max = 1000),
		ROW(struct remote_fields, tls_key, "key", SCHEMA_PATH, .max = 1000),
		{ 0 },
	};
	struct remote_fields *f = into;

	f->tls_at = value;
	return schema_read(s, value, TLS_ROWS, into);
}

static const char *const TRANSPORTS[] = { "udp", "tcp", "tls", NULL };

static const struct schema_row REMOTE_ROWS[] = {
	ROW(struct remote_fields, remote.id, "id", SCHEMA_TEXT, .max = 64, .required = true),
	{ .key = "address",
	  .kind = SCHEMA_CUSTOM,
	  .custom = read_remote_addresses,
	  .required = true },
	ROW(struct remote_fields, transport, "transport", SCHEMA_CHOICE, .choices = TRANSPORTS),
	{ .key = "key", .kind = SCHEMA_CUSTOM, .custom = read_remote_key },
	{ .key = "source", .kind = SCHEMA_CUSTOM, .custom = read_source },
	ROW(struct remote_fields, remote.transfers, "transfers", SCHEMA_U32, .min = 1, .max = 1000),
	{ .key = "tls", .kind = SCHEMA_CUSTOM, .custom = read_remote_tls },
	{ 0 },
};

static enum err finding(struct schema *s, const struct yaml_node *at, const char *hint,
			const char *what)
{
	yaml_finding(s->yaml, at, s->diag, DIAG_ERROR, hint, "%s", what);
	return ERR_INVALID;
}

static enum err resolve_key(struct schema *s, struct remote_fields *f, const struct tsig_keys *keys)
{
	struct name name;
	char what[160];

	if (f->key == NULL)
		return ERR_OK;
	if (name_from_text(f->key, NULL, &name) == ERR_OK) {
		name_lower(name.wire, name.wire);
		f->remote.key = tsig_keys_find(keys, name.wire);
	}
	if (f->remote.key != NULL)
		return ERR_OK;
	snprintf(what, sizeof what, "no TSIG key has the name '%.60s'", f->key);
	return finding(s, f->key_at, "keys stand in `tsig-keys`", what);
}

static enum err make_tls(struct schema *s, const struct yaml_node *at, struct remote_fields *f)
{
	struct tls_client_settings t = {
		f->server_name, f->ca_file,     (const uint8_t(*)[TLS_PIN_LEN])f->pins,
		f->pin_n,       f->certificate, f->tls_key
	};

	if (f->remote.transport != REMOTE_TLS)
		return f->tls_at == NULL ? ERR_OK
					 : finding(s, f->tls_at, "add `transport: tls`",
						   "`tls` is given, but the transport is another");
	if (f->server_name == NULL && f->pin_n == 0)
		return finding(s, f->tls_at != NULL ? f->tls_at : at,
			       "tls: {server-name: NAME} or tls: {pins: [PIN]}",
			       "transport tls needs the server's name or a pin of its key");
	if ((f->certificate == NULL) != (f->tls_key == NULL))
		return finding(s, f->tls_at, NULL, "`certificate` and `key` need one another");
	return tls_client_new(&f->remote.tls, &t, s->diag);
}

static enum err read_remote(struct schema *s, const struct yaml_node *item,
			    const struct tsig_keys *keys, struct config_remotes *out)
{
	struct remote_fields f = { .remote.transfers = TRANSFERS_DEFAULT };
	enum err e = schema_read(s, item, REMOTE_ROWS, &f);
	char what[120];

	f.remote.transport = (enum remote_transport)f.transport;
	if (!e)
		e = resolve_key(s, &f, keys);
	if (!e && config_remote_find(out, f.remote.id) != NULL) {
		snprintf(what, sizeof what, "the remote '%.60s' is given twice", f.remote.id);
		e = finding(s, item, NULL, what);
	}
	if (!e)
		e = make_tls(s, item, &f);
	if (!e)
		out->item[out->n++] = f.remote;
	return e;
}

enum err config_read_remotes(struct schema *s, const struct yaml_node *list,
			     const struct tsig_keys *keys, struct config_remotes *out)
{
	enum err result = ERR_OK;

	*out = (struct config_remotes){ 0 };
	if (list == NULL)
		return ERR_OK;
	if (list->kind != YAML_LIST)
		return schema_expected(s, list, "a list of other servers ({id, address, ...})");
	out->item = arena_alloc(s->arena, (list->n + 1) * sizeof *out->item);
	if (out->item == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < list->n; i++) {
		enum err e = read_remote(s, list->item[i], keys, out);
		result = e ? e : result;
	}
	return result;
}

void config_remotes_free(struct config_remotes *r)
{
	for (size_t i = 0; i < r->n; i++)
		tls_client_unref(r->item[i].tls);
	r->n = 0;
}

const struct config_remote *config_remote_find(const struct config_remotes *all, const char *id)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->item[i].id, id) == 0)
			return &all->item[i];
	return NULL;
}

struct remote config_remote_at(const struct config_remote *r, size_t address, bool stream)
{
	const struct config_address *a = &r->addresses[address];
	uint16_t usual = r->transport == REMOTE_TLS ? 853 : 53;

	return (struct remote){
		.address = a->addr,
		.port = a->port != 0 ? a->port : usual,
		.transport = r->transport == REMOTE_UDP && stream ? REMOTE_TCP : r->transport,
		.source = a->addr.family == IP_V4 ? r->source4 : r->source6,
		.tls = r->tls,
		.key = r->key,
	};
}

/* ---- zones ---- */

static enum err not_a_remote(struct schema *s, const struct yaml_node *at, const char *id,
			     const struct config_remotes *all)
{
	const char *names[64];
	size_t n = 0;
	char hint[120], what[120];

	for (; n < all->n && n < 64; n++)
		names[n] = all->item[n].id;
	const char *near = diag_nearest(id, names, n);
	snprintf(hint, sizeof hint, "did you mean '%s'?", near != NULL ? near : "");
	snprintf(what, sizeof what, "no remote has the id '%.60s'", id);
	return finding(s, at, near != NULL ? hint : "other servers stand in `remotes`", what);
}

enum err config_read_primaries(struct schema *s, const struct yaml_node *value,
			       const struct config_remotes *all, struct config_secondary *into)
{
	struct span_of_nodes ids = items_of(&value);
	const struct config_remote **out = arena_alloc(s->arena, (ids.n + 1) * sizeof *out);
	enum err result = ERR_OK;

	if (out == NULL)
		return ERR_NOMEM;
	if (ids.n == 0)
		return schema_expected(s, value, "at least one id of a remote");
	for (size_t i = 0; i < ids.n; i++) {
		const char *id = schema_text(s, ids.item[i], "the id of a remote");
		if (id == NULL)
			return ERR_INVALID;
		out[i] = config_remote_find(all, id);
		if (out[i] == NULL)
			result = not_a_remote(s, ids.item[i], id, all);
	}
	into->primaries = out;
	into->primary_n = ids.n;
	return result;
}

/* Octets: 4096, 10M, 2G. */
static enum err read_size(struct schema *s, const struct yaml_node *value, void *into)
{
	static const struct {
		char unit;
		unsigned shift;
	} UNITS[] = { { 'k', 10 }, { 'K', 10 }, { 'M', 20 }, { 'G', 30 }, { 0, 0 } };
	struct config_limits *l = into;
	char *end;
	const char *text = schema_text(s, value, "a size (500M)");

	if (text == NULL)
		return ERR_INVALID;
	unsigned long n = strtoul(text, &end, 10);
	for (size_t i = 0; i < sizeof UNITS / sizeof *UNITS; i++)
		if (end != text && *text != '-' && *end == UNITS[i].unit &&
		    (*end == 0 || end[1] == 0) && n < 1ul << 32) {
			l->octets = (uint64_t)n << UNITS[i].shift;
			return ERR_OK;
		}
	return schema_expected(s, value, "a size (4096, 500M, 2G)");
}

static enum err read_records(struct schema *s, const struct yaml_node *value, void *into)
{
	struct config_limits *l = into;
	uint32_t n;
	const char *text = schema_text(s, value, "a number of records");

	if (text == NULL)
		return ERR_INVALID;
	if (!schema_u32(text, &n))
		return schema_expected(s, value, "a number of records");
	l->records = n;
	return ERR_OK;
}

enum err config_read_limits(struct schema *s, const struct yaml_node *value,
			    struct config_limits *into)
{
	static const struct schema_row ROWS[] = {
		{ .key = "records", .kind = SCHEMA_CUSTOM, .custom = read_records },
		{ .key = "size", .kind = SCHEMA_CUSTOM, .custom = read_size },
		ROW(struct config_limits, transfer_time_s, "transfer-time", SCHEMA_DURATION,
		    .min = 1, .max = 7 * DAY_S),
		ROW(struct config_limits, shrink, "shrink", SCHEMA_U32, .min = 1, .max = 100),
		ROW(struct config_limits, changes_per_second, "changes-per-second", SCHEMA_U32,
		    .min = 1, .max = 1000000),
		{ 0 },
	};

	return schema_read(s, value, ROWS, into);
}
