// SPDX-License-Identifier: Apache-2.0
/* The configuration's tables: one a section; sections refer to one another by id, in any order. */
#include "control/config.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "control/config_holder.h"
#include "control/config_store.h"
#include "control/schema.h"
#include "dns/name.h"
#include "dnssec/algorithm.h"
#include "multisigner/group.h"

#define ROW(type, field, name, k, ...)                                                             \
	{                                                                                          \
		.key = (name), .kind = (k), .offset = offsetof(type, field), __VA_ARGS__           \
	}

/* ---- server ---- */

bool config_parse_address(const char *text, uint32_t port, struct config_address *out)
{
	char addr[64];
	const char *at = strrchr(text, '@');
	size_t n = at != NULL ? (size_t)(at - text) : strlen(text);

	if (n >= sizeof addr)
		return false;
	memcpy(addr, text, n);
	addr[n] = 0;
	if (at != NULL && (!schema_u32(at + 1, &port) || port == 0 || port > 65535))
		return false;
	out->port = (uint16_t)port;
	return ip_from_text(addr, &out->addr);
}

enum err config_read_addresses(struct schema *s, const struct yaml_node *value, uint16_t port,
			       struct config_address **out, size_t *out_n)
{
	const struct yaml_node *const *items = value->kind == YAML_LIST ? value->item : &value;
	size_t n = value->kind == YAML_LIST ? value->n : 1;

	if (value->kind == YAML_MAP || n == 0)
		return schema_expected(s, value, "a list of addresses (address@port)");
	struct config_address *all = arena_alloc(s->arena, n * sizeof *all);
	if (all == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		const char *text = schema_text(s, items[i], "an address (address@port)");
		if (text == NULL)
			return ERR_INVALID;
		if (!config_parse_address(text, port, &all[i]))
			return schema_expected(s, items[i],
					       "an IP address with a port (127.0.0.1@53)");
	}
	*out = all;
	*out_n = n;
	return ERR_OK;
}

static enum err read_listen(struct schema *s, const struct yaml_node *value, void *into)
{
	struct config_server *server = into;

	return config_read_addresses(s, value, 53, &server->listen, &server->listen_n);
}

static enum err read_listen_tls(struct schema *s, const struct yaml_node *value, void *into)
{
	struct config_server *server = into;

	return config_read_addresses(s, value, 853, &server->listen_tls, &server->listen_tls_n);
}

static enum err read_metrics_listen(struct schema *s, const struct yaml_node *value, void *into)
{
	struct config_server *server = into;

	if (value->kind != YAML_SCALAR)
		return schema_expected(s, value, "one address (127.0.0.1@9553)");
	return config_read_addresses(s, value, 9553, &server->metrics_listen,
				     &server->metrics_listen_n);
}

static enum err read_tls(struct schema *s, const struct yaml_node *value, void *into)
{
	static const struct schema_row TLS_ROWS[] = {
		ROW(struct config_server, tls_certificate, "certificate", SCHEMA_PATH, .max = 1000,
		    .required = true),
		ROW(struct config_server, tls_key, "key", SCHEMA_PATH, .max = 1000,
		    .required = true),
		{ 0 },
	};

	return schema_read(s, value, TLS_ROWS, into);
}

static enum err read_rate_limit(struct schema *s, const struct yaml_node *value, void *into)
{
	struct fields {
		uint32_t per_second, slip, prefix4, prefix6;
	} f = { .slip = 2, .prefix4 = 24, .prefix6 = 56 };
	static const struct schema_row RATE_ROWS[] = {
		ROW(struct fields, per_second, "responses-per-second", SCHEMA_U32, .min = 1,
		    .max = 1000000, .required = true),
		ROW(struct fields, slip, "slip", SCHEMA_U32, .min = 0, .max = 10),
		ROW(struct fields, prefix4, "ipv4-prefix", SCHEMA_U32, .min = 8, .max = 32),
		ROW(struct fields, prefix6, "ipv6-prefix", SCHEMA_U32, .min = 16, .max = 128),
		{ 0 },
	};
	struct config_server *server = into;
	enum err e = schema_read(s, value, RATE_ROWS, &f);

	server->rate_limit =
	    (struct rate_limit){ f.per_second, f.slip, (uint8_t)f.prefix4, (uint8_t)f.prefix6 };
	return e;
}

static enum err read_log(struct schema *s, const struct yaml_node *value, void *into)
{
	static const char *const LEVELS[] = { "error", "warning", "notice", "info", "debug", NULL };
	static const struct schema_row LOG_ROWS[] = {
		{ .key = "level", .kind = SCHEMA_CHOICE, .choices = LEVELS },
		{ 0 },
	};
	struct config_server *server = into;
	unsigned level = server->log_level;
	enum err e = schema_read(s, value, LOG_ROWS, &level);

	server->log_level = (enum log_level)level;
	return e;
}

static const struct schema_row SERVER_ROWS[] = {
	{ .key = "listen", .kind = SCHEMA_CUSTOM, .custom = read_listen },
	ROW(struct config_server, workers, "workers", SCHEMA_COUNT_OR_AUTO, .min = 1, .max = 64),
	ROW(struct config_server, signers, "signers", SCHEMA_COUNT_OR_AUTO, .min = 1, .max = 64),
	ROW(struct config_server, user, "user", SCHEMA_TEXT, .max = 64),
	ROW(struct config_server, group, "group", SCHEMA_TEXT, .max = 64),
	{ .key = "listen-tls", .kind = SCHEMA_CUSTOM, .custom = read_listen_tls },
	{ .key = "metrics-listen", .kind = SCHEMA_CUSTOM, .custom = read_metrics_listen },
	{ .key = "tls", .kind = SCHEMA_CUSTOM, .custom = read_tls },
	ROW(struct config_server, nsid, "nsid", SCHEMA_TEXT, .max = 128),
	ROW(struct config_server, version, "version", SCHEMA_TEXT, .max = 255),
	ROW(struct config_server, identity, "identity", SCHEMA_TEXT, .max = 255),
	ROW(struct config_server, cookies, "cookies", SCHEMA_BOOL, .min = 0),
	ROW(struct config_server, cookie_secret_file, "cookie-secret-file", SCHEMA_PATH,
	    .max = 1000),
	{ .key = "rate-limit", .kind = SCHEMA_CUSTOM, .custom = read_rate_limit },
	ROW(struct config_server, secure_heap_mib, "secure-heap-mib", SCHEMA_U32, .max = 1024),
	ROW(struct config_server, made_signatures_mib, "made-signatures-mib", SCHEMA_U32, .min = 1,
	    .max = 1u << 20),
	ROW(struct config_server, steering_mib, "steering-mib", SCHEMA_U32, .min = 1,
	    .max = 1u << 20),
	ROW(struct config_server, health_max_rate, "health-max-rate", SCHEMA_U32, .min = 1,
	    .max = 100000),
	ROW(struct config_server, health_max_running, "health-max-running", SCHEMA_U32, .min = 1,
	    .max = 10000),
	ROW(struct config_server, udp_size, "udp-size", SCHEMA_U16, .min = 512, .max = 4096),
	ROW(struct config_server, tcp_idle_s, "tcp-idle", SCHEMA_DURATION, .min = 1, .max = 3600),
	ROW(struct config_server, tcp_max_connections, "tcp-max-connections", SCHEMA_U32, .min = 1,
	    .max = 1000000),
	ROW(struct config_server, tcp_max_per_client, "tcp-max-per-client", SCHEMA_U32, .min = 1,
	    .max = 1000000),
	ROW(struct config_server, state_dir, "state-dir", SCHEMA_PATH, .max = 1000),
	ROW(struct config_server, control_socket, "control-socket", SCHEMA_PATH, .max = 100),
	{ .key = "log", .kind = SCHEMA_CUSTOM, .custom = read_log },
	{ 0 },
};

/* ---- signing ---- */

struct signing_fields {
	struct config_signing signing;
	unsigned keys, denial, rollover, cds;
};

static enum err algorithm_value(struct schema *s, const struct yaml_node *value, uint8_t *out)
{
	const char *text = schema_text(s, value, "an algorithm");

	if (text == NULL)
		return ERR_INVALID;
	const struct algorithm *a = algorithm_from_text(text);
	if (a == NULL)
		return schema_expected(s, value,
				       "an algorithm that we sign with (ecdsap256sha256, ed25519, "
				       "ecdsap384sha384, ed448, rsasha256, rsasha512)");
	*out = a->number;
	return ERR_OK;
}

static enum err read_algorithm(struct schema *s, const struct yaml_node *value, void *into)
{
	return algorithm_value(s, value, &((struct signing_fields *)into)->signing.algorithm);
}

static const char *const DENIAL_CHOICES[] = { "nsec", "nsec3", "compact", NULL };
static const enum zone_denial DENIALS[] = { ZONE_NSEC, ZONE_NSEC3, ZONE_COMPACT };
static const char *const ROLLOVER_CHOICES[] = { "automatic", "manual", NULL };
static const char *const CDS_CHOICES[] = { "rollover", "always", "never", NULL };

static enum err read_digests(struct schema *s, const struct yaml_node *value, void *into)
{
	struct signing_fields *f = into;
	const struct yaml_node *const *items = value->kind == YAML_LIST ? value->item : &value;
	size_t n = value->kind == YAML_LIST ? value->n : 1;

	f->signing.cds_digests = 0;
	for (size_t i = 0; i < n; i++) {
		const char *text = schema_text(s, items[i], "sha-256 or sha-384");
		if (text == NULL)
			return ERR_INVALID;
		if (strcmp(text, "sha-256") != 0 && strcmp(text, "sha-384") != 0)
			return schema_expected(s, items[i], "sha-256 or sha-384");
		f->signing.cds_digests |= strcmp(text, "sha-256") == 0 ? 1u << 2 : 1u << 4;
	}
	return n > 0 ? ERR_OK : schema_expected(s, value, "sha-256 or sha-384");
}

static const char *const KEY_CHOICES[] = { "ksk-zsk", "csk", "zsk", "ksk", NULL };

#define DAY_S  86400u
#define YEAR_S (366u * DAY_S)

static enum err read_ksk_store(struct schema *s, const struct yaml_node *value, void *into)
{
	return config_read_store(s, value, &((struct signing_fields *)into)->signing.ksk_store);
}

static enum err read_zsk_store(struct schema *s, const struct yaml_node *value, void *into)
{
	return config_read_store(s, value, &((struct signing_fields *)into)->signing.zsk_store);
}

static const struct schema_row SIGNING_ROWS[] = {
	ROW(struct signing_fields, signing.id, "id", SCHEMA_TEXT, .max = 64, .required = true),
	{ .key = "algorithm", .kind = SCHEMA_CUSTOM, .custom = read_algorithm },
	ROW(struct signing_fields, keys, "keys", SCHEMA_CHOICE, .choices = KEY_CHOICES),
	ROW(struct signing_fields, denial, "denial", SCHEMA_CHOICE, .choices = DENIAL_CHOICES),
	ROW(struct signing_fields, signing.prewarm, "prewarm", SCHEMA_BOOL),
	ROW(struct signing_fields, signing.validity_s, "validity", SCHEMA_DURATION, .min = 600,
	    .max = YEAR_S),
	ROW(struct signing_fields, signing.refresh_s, "refresh", SCHEMA_DURATION, .min = 120,
	    .max = YEAR_S),
	ROW(struct signing_fields, signing.inception_offset_s, "inception-offset", SCHEMA_DURATION,
	    .min = 0, .max = 7 * DAY_S),
	ROW(struct signing_fields, signing.dnskey_ttl, "dnskey-ttl", SCHEMA_DURATION, .min = 0,
	    .max = 7 * DAY_S),
	ROW(struct signing_fields, rollover, "rollover", SCHEMA_CHOICE,
	    .choices = ROLLOVER_CHOICES),
	ROW(struct signing_fields, signing.ksk_lifetime_s, "ksk-lifetime", SCHEMA_DURATION,
	    .max = 20 * YEAR_S),
	ROW(struct signing_fields, signing.zsk_lifetime_s, "zsk-lifetime", SCHEMA_DURATION,
	    .max = 20 * YEAR_S),
	ROW(struct signing_fields, signing.csk_lifetime_s, "csk-lifetime", SCHEMA_DURATION,
	    .max = 20 * YEAR_S),
	ROW(struct signing_fields, signing.propagation_s, "propagation-delay", SCHEMA_DURATION,
	    .max = 7 * DAY_S),
	ROW(struct signing_fields, signing.parent_propagation_s, "parent-propagation-delay",
	    SCHEMA_DURATION, .max = 7 * DAY_S),
	ROW(struct signing_fields, signing.safety_s, "safety-margin", SCHEMA_DURATION,
	    .max = 30 * DAY_S),
	ROW(struct signing_fields, signing.parent_ds_ttl, "parent-ds-ttl", SCHEMA_DURATION,
	    .max = 7 * DAY_S),
	ROW(struct signing_fields, signing.parent_check_s, "parent-check", SCHEMA_DURATION,
	    .min = 1, .max = DAY_S),
	ROW(struct signing_fields, cds, "cds", SCHEMA_CHOICE, .choices = CDS_CHOICES),
	{ .key = "cds-digests", .kind = SCHEMA_CUSTOM, .custom = read_digests },
	{ .key = "ksk-store", .kind = SCHEMA_CUSTOM, .custom = read_ksk_store },
	{ .key = "zsk-store", .kind = SCHEMA_CUSTOM, .custom = read_zsk_store },
	{ 0 },
};

static const struct config_signing SIGNING_DEFAULT = {
	.id = "default",
	.algorithm = ALG_ECDSAP256SHA256,
	.keys = CONFIG_KEYS_KSK_ZSK,
	.validity_s = 14 * DAY_S,
	.refresh_s = 7 * DAY_S,
	.inception_offset_s = 3600,
	.dnskey_ttl = 3600,
	.denial = ZONE_NSEC,
	.automatic = true,
	.zsk_lifetime_s = 90 * DAY_S,
	.propagation_s = 300,
	.parent_propagation_s = 3600,
	.safety_s = 3600,
	.parent_ds_ttl = DAY_S,
	.parent_check_s = 900,
	.cds = CONFIG_CDS_ROLLOVER,
	.cds_digests = 1u << 2,
};

/* ---- zones ---- */

struct zone_fields {
	struct config_zone zone;
	const char *signing, *group;
	const struct yaml_node *geo, *signing_at, *primaries, *notify;
};

static enum err read_zone_name(struct schema *s, const struct yaml_node *value, void *into)
{
	struct zone_fields *z = into;
	struct name name;
	char text[NAME_TEXT_MAX];
	const char *given = schema_text(s, value, "a zone name");

	if (given == NULL)
		return ERR_INVALID;
	if (name_from_text(given, NULL, &name))
		return schema_expected(s, value, "a domain name");
	name_lower(name.wire, name.wire);
	z->zone.name = arena_copy(s->arena, name.wire, name.len);
	z->zone.text = arena_strdup(s->arena, name_to_text(name.wire, text));
	return z->zone.name == NULL || z->zone.text == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err read_report_agent(struct schema *s, const struct yaml_node *value, void *into)
{
	struct zone_fields *z = into;
	struct name name;
	const char *given = schema_text(s, value, "a domain name");

	if (given == NULL)
		return ERR_INVALID;
	if (name_from_text(given, NULL, &name) || name.len == 1)
		return schema_expected(s, value, "the domain name of a reporting agent");
	z->zone.report_agent = arena_copy(s->arena, name.wire, name.len);
	return z->zone.report_agent == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err read_reference(struct schema *s, const struct yaml_node *value, const char **text,
			       const struct yaml_node **at)
{
	*text = schema_text(s, value, "an id");
	*at = value;
	return *text == NULL ? ERR_INVALID : ERR_OK;
}

static enum err read_zone_geo(struct schema *s, const struct yaml_node *value, void *into)
{
	(void)s;
	((struct zone_fields *)into)->geo = value; /* databases may stand below */
	return ERR_OK;
}

static enum err read_parent(struct schema *s, const struct yaml_node *value, void *into)
{
	struct zone_fields *z = into;

	if (value->kind == YAML_LIST && value->n > CONFIG_PARENT_MAX)
		return schema_expected(s, value, "at most 16 addresses");
	return config_read_addresses(s, value, 53, &z->zone.parent, &z->zone.parent_n);
}

static enum err read_zone_signing(struct schema *s, const struct yaml_node *value, void *into)
{
	struct zone_fields *z = into;

	return read_reference(s, value, &z->signing, &z->signing_at);
}

static enum err read_key_role(struct schema *s, const struct yaml_node *value, void *into)
{
	struct config_key *k = into;
	const char *text = schema_text(s, value, "ksk, zsk or csk");

	if (text == NULL)
		return ERR_INVALID;
	if (!key_role_from_text(text, &k->role))
		return schema_expected(s, value, "ksk, zsk or csk");
	k->has_role = true;
	return ERR_OK;
}

static enum err read_key_file(struct schema *s, const struct yaml_node *value, void *into)
{
	struct config_key *k = into;
	const char *text = schema_text(s, value, "a path");

	if (text == NULL)
		return ERR_INVALID;
	k->file = schema_path(s, text);
	return k->file != NULL ? ERR_OK : ERR_NOMEM;
}

static enum err read_key_uri(struct schema *s, const struct yaml_node *value, void *into)
{
	struct config_key *k = into;
	const char *text = schema_text(s, value, "a URI, such as pkcs11:token=zones;object=ksk");

	if (text == NULL)
		return ERR_INVALID;
	if (!key_is_uri(text))
		return schema_expected(s, value, "a URI, such as pkcs11:token=zones;object=ksk");
	k->file = arena_strdup(s->arena, text);
	return k->file != NULL ? ERR_OK : ERR_NOMEM;
}

static enum err read_key_algorithm(struct schema *s, const struct yaml_node *value, void *into)
{
	return algorithm_value(s, value, &((struct config_key *)into)->algorithm);
}

static enum err read_zone_keys(struct schema *s, const struct yaml_node *value, void *into)
{
	static const struct schema_row KEY_ROWS[] = {
		{ .key = "file", .kind = SCHEMA_CUSTOM, .custom = read_key_file },
		{ .key = "uri", .kind = SCHEMA_CUSTOM, .custom = read_key_uri },
		{ .key = "algorithm", .kind = SCHEMA_CUSTOM, .custom = read_key_algorithm },
		{ .key = "role", .kind = SCHEMA_CUSTOM, .custom = read_key_role },
		{ 0 },
	};
	struct zone_fields *z = into;
	enum err result = ERR_OK;

	if (value->kind != YAML_LIST)
		return schema_expected(s, value, "a list of keys ({file: ..., role: ...})");
	struct config_key *keys = arena_alloc(s->arena, (value->n + 1) * sizeof *keys);
	if (keys == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < value->n; i++) {
		enum err e = schema_read(s, value->item[i], KEY_ROWS, &keys[i]);
		if (!e && keys[i].file == NULL)
			e = schema_expected(s, value->item[i], "a key with its file or uri");
		if (e)
			result = e;
		keys[i].line = value->item[i]->line;
		keys[i].column = value->item[i]->column;
	}
	z->zone.keys = keys;
	z->zone.key_n = value->n;
	return result;
}

static enum err read_zone_serial(struct schema *s, const struct yaml_node *value, void *into)
{
	return config_read_serial(s, value, &((struct zone_fields *)into)->zone.transfer);
}

static enum err read_zone_transfer(struct schema *s, const struct yaml_node *value, void *into)
{
	return config_read_allow_transfer(s, value, &((struct zone_fields *)into)->zone.transfer);
}

static enum err read_zone_update(struct schema *s, const struct yaml_node *value, void *into)
{
	return config_read_allow_update(s, value, &((struct zone_fields *)into)->zone.transfer);
}

static enum err read_zone_journal(struct schema *s, const struct yaml_node *value, void *into)
{
	return config_read_journal(s, value, &((struct zone_fields *)into)->zone.transfer);
}

static enum err keep_primaries(struct schema *s, const struct yaml_node *value, void *into)
{
	(void)s;
	((struct zone_fields *)into)->primaries = value;
	return ERR_OK;
}

static enum err keep_notify(struct schema *s, const struct yaml_node *value, void *into)
{
	(void)s;
	((struct zone_fields *)into)->notify = value;
	return ERR_OK;
}

static enum err read_holder_ds(struct schema *s, const struct yaml_node *value, void *into)
{
	struct config_zone *z = &((struct zone_fields *)into)->zone;

	return config_read_holder_ds(s, value, &z->holder_ds, &z->holder_ds_n);
}

static enum err read_limits(struct schema *s, const struct yaml_node *value, void *into)
{
	return config_read_limits(s, value, &((struct zone_fields *)into)->zone.secondary.limits);
}

static enum err read_catalog(struct schema *s, const struct yaml_node *value, void *into)
{
	return config_read_catalog(s, value, &((struct zone_fields *)into)->zone.catalog);
}

static enum err read_in_catalog(struct schema *s, const struct yaml_node *value, void *into)
{
	return config_read_in_catalog(s, value, &((struct zone_fields *)into)->zone.catalog);
}

/* In the order of enum zonemd_hash and enum zone_digest_policy. */
static const char *const ZONEMD_CHOICES[] = { "no", "sha384", "sha512", NULL };
static const char *const VERIFY_CHOICES[] = { "yes", "no", "required", NULL };

static enum err read_name_servers(struct schema *s, const struct yaml_node *value, void *into)
{
	return config_read_name_servers(s, value, &((struct zone_fields *)into)->zone.name_servers);
}

static const struct schema_row ZONE_ROWS[] = {
	{ .key = "name", .kind = SCHEMA_CUSTOM, .custom = read_zone_name, .required = true },
	ROW(struct zone_fields, zone.file, "file", SCHEMA_PATH, .max = 1000),
	{ .key = "primaries", .kind = SCHEMA_CUSTOM, .custom = keep_primaries },
	{ .key = "notify", .kind = SCHEMA_CUSTOM, .custom = keep_notify },
	{ .key = "name-servers", .kind = SCHEMA_CUSTOM, .custom = read_name_servers },
	{ .key = "limits", .kind = SCHEMA_CUSTOM, .custom = read_limits },
	ROW(struct zone_fields, zone.steering, "steering", SCHEMA_PATH, .max = 1000),
	{ .key = "geo", .kind = SCHEMA_CUSTOM, .custom = read_zone_geo },
	{ .key = "signing", .kind = SCHEMA_CUSTOM, .custom = read_zone_signing },
	{ .key = "parent", .kind = SCHEMA_CUSTOM, .custom = read_parent },
	{ .key = "holder-ds", .kind = SCHEMA_CUSTOM, .custom = read_holder_ds },
	ROW(struct zone_fields, group, "group", SCHEMA_TEXT, .max = 64),
	ROW(struct zone_fields, zone.ecs, "ecs", SCHEMA_BOOL, .min = 0),
	ROW(struct zone_fields, zone.rate_limit, "rate-limit", SCHEMA_BOOL, .min = 0),
	{ .key = "report-agent", .kind = SCHEMA_CUSTOM, .custom = read_report_agent },
	ROW(struct zone_fields, zone.seed, "seed", SCHEMA_TEXT, .max = 200),
	{ .key = "keys", .kind = SCHEMA_CUSTOM, .custom = read_zone_keys },
	{ .key = "serial", .kind = SCHEMA_CUSTOM, .custom = read_zone_serial },
	{ .key = "allow-transfer", .kind = SCHEMA_CUSTOM, .custom = read_zone_transfer },
	{ .key = "allow-update", .kind = SCHEMA_CUSTOM, .custom = read_zone_update },
	{ .key = "journal", .kind = SCHEMA_CUSTOM, .custom = read_zone_journal },
	ROW(struct zone_fields, zone.zonemd, "zonemd", SCHEMA_CHOICE, .choices = ZONEMD_CHOICES),
	ROW(struct zone_fields, zone.zonemd_verify, "zonemd-verify", SCHEMA_CHOICE,
	    .choices = VERIFY_CHOICES),
	{ .key = "catalog", .kind = SCHEMA_CUSTOM, .custom = read_catalog },
	{ .key = "in-catalog", .kind = SCHEMA_CUSTOM, .custom = read_in_catalog },
	{ 0 },
};

/* ---- the file ---- */

struct reading {
	struct config *config;
	const struct yaml_node *geo, *signing, *zones, *tsig_keys, *remotes, *peers, *groups,
	    *templates, *alias;
};

/* Sections are kept and read in the order of their references. */
static enum err keep_geo(struct schema *s, const struct yaml_node *value, void *into)
{
	(void)s;
	((struct reading *)into)->geo = value;
	return ERR_OK;
}

static enum err keep_signing(struct schema *s, const struct yaml_node *value, void *into)
{
	(void)s;
	((struct reading *)into)->signing = value;
	return ERR_OK;
}

static enum err keep_tsig_keys(struct schema *s, const struct yaml_node *value, void *into)
{
	(void)s;
	((struct reading *)into)->tsig_keys = value;
	return ERR_OK;
}

static enum err keep_remotes(struct schema *s, const struct yaml_node *value, void *into)
{
	(void)s;
	((struct reading *)into)->remotes = value;
	return ERR_OK;
}

static enum err keep_peers(struct schema *s, const struct yaml_node *value, void *into)
{
	(void)s;
	((struct reading *)into)->peers = value;
	return ERR_OK;
}

static enum err keep_alias(struct schema *s, const struct yaml_node *value, void *into)
{
	(void)s;
	((struct reading *)into)->alias = value;
	return ERR_OK;
}

static enum err keep_groups(struct schema *s, const struct yaml_node *value, void *into)
{
	(void)s;
	((struct reading *)into)->groups = value;
	return ERR_OK;
}

static enum err keep_templates(struct schema *s, const struct yaml_node *value, void *into)
{
	(void)s;
	((struct reading *)into)->templates = value;
	return ERR_OK;
}

static enum err keep_zones(struct schema *s, const struct yaml_node *value, void *into)
{
	(void)s;
	((struct reading *)into)->zones = value;
	return ERR_OK;
}

static enum err read_server(struct schema *s, const struct yaml_node *value, void *into)
{
	return schema_read(s, value, SERVER_ROWS, &((struct reading *)into)->config->server);
}

static enum err read_api(struct schema *s, const struct yaml_node *value, void *into)
{
	return config_api_read(s, value, &((struct reading *)into)->config->api);
}

static const struct schema_row FILE_ROWS[] = {
	{ .key = "server", .kind = SCHEMA_CUSTOM, .custom = read_server },
	{ .key = "api", .kind = SCHEMA_CUSTOM, .custom = read_api },
	{ .key = "geo", .kind = SCHEMA_CUSTOM, .custom = keep_geo },
	{ .key = "signing", .kind = SCHEMA_CUSTOM, .custom = keep_signing },
	{ .key = "tsig-keys", .kind = SCHEMA_CUSTOM, .custom = keep_tsig_keys },
	{ .key = "remotes", .kind = SCHEMA_CUSTOM, .custom = keep_remotes },
	{ .key = "alias", .kind = SCHEMA_CUSTOM, .custom = keep_alias },
	{ .key = "peers", .kind = SCHEMA_CUSTOM, .custom = keep_peers },
	{ .key = "groups", .kind = SCHEMA_CUSTOM, .custom = keep_groups },
	{ .key = "templates", .kind = SCHEMA_CUSTOM, .custom = keep_templates },
	{ .key = "zones", .kind = SCHEMA_CUSTOM, .custom = keep_zones },
	{ 0 },
};

static enum err finding(struct schema *s, const struct yaml_node *at, const char *hint,
			const char *format, ...) __attribute__((format(printf, 4, 5)));

static enum err finding(struct schema *s, const struct yaml_node *at, const char *hint,
			const char *format, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	yaml_finding(s->yaml, at, s->diag, DIAG_ERROR, hint, "%s", text);
	return ERR_INVALID;
}

static enum err check_signing(struct schema *s, const struct yaml_node *at,
			      struct config_signing *p)
{
	if (p->refresh_s >= p->validity_s)
		return finding(s, at,
			       "refresh is how much life is left when a signature is renewed",
			       "refresh must be less than validity in policy '%.60s'", p->id);
	if ((p->ksk_store != NULL || p->zsk_store != NULL) &&
	    (p->algorithm == ALG_ED25519 || p->algorithm == ALG_ED448))
		return finding(s, at, "use ecdsap256sha256, ecdsap384sha384 or an RSA algorithm",
			       "tokens do not make keys of the algorithm of policy '%.60s'", p->id);
	/* A tenth of what lies before renewal is due: spreads renewals, and never makes one due at
	 * once. */
	p->jitter_s = (p->validity_s - p->refresh_s) / 10;
	return ERR_OK;
}

static enum err read_signing(struct schema *s, const struct yaml_node *list, struct config *c)
{
	enum err result = ERR_OK;
	size_t n = list != NULL && list->kind == YAML_LIST ? list->n : 0;
	struct config_signing *all = arena_alloc(s->arena, (n + 1) * sizeof *all);

	if (all == NULL)
		return ERR_NOMEM;
	if (list != NULL && list->kind != YAML_LIST)
		return schema_expected(s, list, "a list of signing policies");
	all[0] = SIGNING_DEFAULT;
	all[0].jitter_s = (all[0].validity_s - all[0].refresh_s) / 10;
	c->signing_n = 1;
	for (size_t i = 0; i < n; i++) {
		struct signing_fields f = { .signing = SIGNING_DEFAULT };
		enum err e = schema_read(s, list->item[i], SIGNING_ROWS, &f);
		f.signing.keys = (enum config_keys)f.keys;
		f.signing.automatic = f.rollover == 0;
		f.signing.cds = (enum config_cds)f.cds;
		f.signing.denial = DENIALS[f.denial];
		if (!e)
			e = check_signing(s, list->item[i], &f.signing);
		if (e) {
			result = e;
			continue;
		}
		size_t at = c->signing_n;
		for (size_t j = 0; j < c->signing_n; j++)
			if (strcmp(all[j].id, f.signing.id) == 0)
				at = j;
		if (at > 0 && at < c->signing_n)
			result = finding(s, list->item[i], NULL,
					 "the policy '%.60s' is given twice", f.signing.id);
		all[at] = f.signing;
		if (at == c->signing_n)
			c->signing_n++;
	}
	c->signing = all;
	return result;
}

static enum err not_found(struct schema *s, const struct yaml_node *at, const char *what,
			  const char *text, const char *const *names, size_t n)
{
	char hint[120];
	const char *near = diag_nearest(text, names, n);

	snprintf(hint, sizeof hint, "did you mean '%s'?", near != NULL ? near : "");
	yaml_finding(s->yaml, at, s->diag, DIAG_ERROR, near != NULL ? hint : NULL,
		     "no %s has the id '%.60s'", what, text);
	return ERR_INVALID;
}

static enum err resolve_signing(struct schema *s, const struct config *c, struct zone_fields *z)
{
	const char *names[64] = { "none" };
	size_t n = 1;

	if (z->signing != NULL && strcmp(z->signing, "none") == 0)
		return ERR_OK;
	for (size_t i = 0; i < c->signing_n; i++) {
		if (strcmp(c->signing[i].id, z->signing != NULL ? z->signing : "default") == 0)
			z->zone.signing = &c->signing[i];
		if (n < 64)
			names[n++] = c->signing[i].id;
	}
	return z->zone.signing != NULL
		   ? ERR_OK
		   : not_found(s, z->signing_at, "policy of signing", z->signing, names, n);
}

/* Who signs together has a parent that all look at. */
static enum err resolve_group(struct schema *s, const struct yaml_node *item,
			      const struct config *c, struct zone_fields *z)
{
	if (z->group == NULL)
		return ERR_OK;
	z->zone.group = config_group_find(&c->groups, z->group);
	if (z->zone.group == NULL)
		return finding(s, item, "groups stand in `groups`", "no group has the id '%.60s'",
			       z->group);
	if (z->zone.signing == NULL || z->zone.key_n > 0)
		return finding(s, item, "add `signing: POLICY`, without `keys`",
			       "the zone '%.200s' is of a group: it is signed here with keys that "
			       "roll",
			       z->zone.text);
	if (z->zone.parent_n == 0 || z->zone.parent_n > GROUP_SERVERS_MAX)
		return finding(s, item, "parent: [ADDRESS], all servers of the parent zone",
			       "the zone '%.200s' is of a group: it needs one to six servers of "
			       "its parent",
			       z->zone.text);
	return ERR_OK;
}

/* A zone is a file here, or comes from other servers. */
static enum err resolve_source(struct schema *s, const struct yaml_node *item,
			       const struct config *c, struct zone_fields *z)
{
	if (z->zone.catalog.generate && z->zone.file == NULL && z->primaries == NULL)
		return z->zone.signing == NULL
			   ? ERR_OK
			   : finding(s, item, "signing: none", "a catalog is not signed");
	if ((z->zone.file == NULL) == (z->primaries == NULL) || z->zone.catalog.generate)
		return finding(s, item, "file: zones/example.com.zone, or primaries: [ID]",
			       "the zone '%.200s' needs one of `file` and `primaries`",
			       z->zone.text);
	if (z->primaries == NULL)
		return ERR_OK;
	for (size_t i = 0; i < z->zone.transfer.update_n; i++)
		if (z->zone.transfer.updates[i].name_n > 0 ||
		    z->zone.transfer.updates[i].type_n > 0 ||
		    z->zone.transfer.updates[i].peer != NULL)
			return finding(
			    s, item, "say there who may change what",
			    "'%.200s' comes from primaries: its updates are forwarded, and "
			    "names, types and peers are the primary's matter",
			    z->zone.text);
	if (!z->zone.transfer.has_serial)
		z->zone.transfer.serial = SERIAL_KEEP;
	return config_read_primaries(s, z->primaries, &c->remotes, &z->zone.secondary);
}

/* By the rows of a zone, or of a template. */
static enum err read_zone(struct schema *s, const struct yaml_node *item, const struct config *c,
			  const struct schema_row *rows, struct config_zone *out)
{
	struct zone_fields z = { .zone = { .ecs = true,
					   .rate_limit = true,
					   .secondary.limits = CONFIG_LIMITS_DEFAULT,
					   .line = item->line,
					   .column = item->column } };
	enum err e = schema_read(s, item, rows, &z);

	if (!e)
		e = z.geo != NULL ? config_geo_resolve(s, z.geo, c->geo, c->geo_n, &z.zone.geo)
				  : ERR_OK;
	if (!e)
		e = resolve_signing(s, c, &z);
	if (!e)
		e = resolve_group(s, item, c, &z);
	if (!e)
		e = resolve_source(s, item, c, &z);
	if (!e)
		e = config_check_signed_transfer(s, item, &z.zone.transfer, z.zone.signing != NULL,
						 z.zone.signing != NULL &&
						     z.zone.signing->denial != ZONE_COMPACT);
	if (!e && z.zone.zonemd != 0 && z.zone.signing != NULL &&
	    z.zone.signing->denial == ZONE_COMPACT)
		e = finding(s, item, "denial: nsec or nsec3",
			    "'%.200s' has no chain that a digest could be of", z.zone.text);
	if (!e && z.notify != NULL)
		e = config_read_notify(s, z.notify, &c->remotes, &z.zone.notify);
	if (!e && z.zone.key_n > 0 && z.zone.signing == NULL)
		e = finding(s, item, NULL, "keys are given for '%.200s', which is not signed",
			    z.zone.text);
	if (!e)
		e = config_check_transfer(s, item, z.zone.name, &z.zone.transfer);
	if (!e)
		e = config_resolve_catalog(s, c->templates, c->template_n, &z.zone.catalog);
	if (z.zone.seed == NULL && rows == ZONE_ROWS)
		z.zone.seed = z.zone.text;
	*out = z.zone;
	return e;
}

static int by_zone_name(const void *a, const void *b)
{
	const struct config_zone *const *x = a, *const *y = b;
	int c = name_compare((*x)->name, (*y)->name);

	return c != 0 ? c : (int)((*x)->line > (*y)->line) - (int)((*x)->line < (*y)->line);
}

static enum err find_duplicate_zones(struct schema *s, const struct yaml_node *list,
				     const struct config_zone *zones, size_t n)
{
	enum err result = ERR_OK;
	const struct config_zone **sorted = malloc((n + 1) * sizeof *sorted);

	if (sorted == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		sorted[i] = &zones[i];
	qsort(sorted, n, sizeof *sorted, by_zone_name);
	for (size_t i = 1; i < n; i++) {
		if (!name_equal(sorted[i]->name, sorted[i - 1]->name))
			continue;
		char hint[64];
		snprintf(hint, sizeof hint, "it stands first in line %u", sorted[i - 1]->line);
		result = finding(s, list->item[sorted[i] - zones], hint,
				 "the zone '%.200s' is given twice", sorted[i]->text);
	}
	free(sorted);
	return result;
}

/* Zones without a name, and without what belongs to one zone alone. */
static enum err read_templates(struct schema *s, const struct yaml_node *list, struct config *c)
{
	static const char *const ALONE[] = { "file", "steering", "seed",
					     "keys", "catalog",  "allow-update" };
	struct schema_row rows[sizeof ZONE_ROWS / sizeof *ZONE_ROWS];
	enum err result = ERR_OK;
	size_t n = 0;

	if (list->kind != YAML_LIST)
		return schema_expected(s, list, "a list of templates ({id, primaries, ...})");
	rows[n++] = (struct schema_row)ROW(struct zone_fields, zone.text, "id", SCHEMA_TEXT,
					   .max = 64, .required = true);
	for (size_t i = 1; i < sizeof ZONE_ROWS / sizeof *ZONE_ROWS; i++) {
		bool alone = false;
		for (size_t k = 0; ZONE_ROWS[i].key != NULL && k < sizeof ALONE / sizeof *ALONE;
		     k++)
			alone = alone || strcmp(ALONE[k], ZONE_ROWS[i].key) == 0;
		if (!alone)
			rows[n++] = ZONE_ROWS[i];
	}
	struct config_zone *all = arena_alloc(s->arena, (list->n + 1) * sizeof *all);
	if (all == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < list->n; i++) {
		enum err e = read_zone(s, list->item[i], c, rows, &all[i]);
		result = e ? e : result;
	}
	c->templates = all;
	c->template_n = list->n;
	return result;
}

static enum err read_zones(struct schema *s, const struct yaml_node *list, struct config *c)
{
	enum err result = ERR_OK;

	if (list->kind != YAML_LIST)
		return schema_expected(s, list, "a list of zones");
	struct config_zone *zones = arena_alloc(s->arena, (list->n + 1) * sizeof *zones);
	if (zones == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < list->n; i++) {
		enum err e = read_zone(s, list->item[i], c, ZONE_ROWS, &zones[i]);
		if (e)
			result = e;
	}
	if (!result)
		result = find_duplicate_zones(s, list, zones, list->n);
	c->zones = zones;
	c->zone_n = list->n;
	return result;
}

static void set_defaults(struct config *c)
{
	static struct config_address both[2] = {
		{ .addr = { .family = IP_V4 }, .port = 53 },
		{ .addr = { .family = IP_V6 }, .port = 53 },
	};

	c->server = (struct config_server){
		.listen = both,
		.listen_n = 2,
		.udp_size = 1232,
		.secure_heap_mib = 4,
		.made_signatures_mib = 64,
		.steering_mib = 2048,
		.health_max_rate = 1000,
		.health_max_running = 256,
		.tcp_idle_s = 10,
		.tcp_max_connections = 1000,
		.tcp_max_per_client = 200,
		.cookies = true,
		.state_dir = "/var/lib/concord",
		.control_socket = "/run/concord/control.sock",
		.log_level = LOG_LEVEL_INFO,
	};
	c->api = CONFIG_API_DEFAULT;
}

static char *directory_of(struct arena *a, const char *path)
{
	char full[PATH_MAX];

	if (realpath(path, full) == NULL)
		return arena_strdup(a, ".");
	*strrchr(full, '/') = 0;
	return arena_strdup(a, full);
}

enum err config_read(struct config **out, const char *path, struct diag *d)
{
	struct yaml *y = NULL;
	struct arena *arena = NULL;
	enum err e = yaml_read(&y, path, d);

	if (e)
		return e;
	e = ERR_NOMEM;
	arena = arena_new(0);
	struct config *c = arena != NULL ? arena_alloc(arena, sizeof *c) : NULL;
	if (c == NULL)
		goto done;
	c->arena = arena;
	c->path = arena_strdup(arena, path);
	struct schema s = {
		.yaml = y, .arena = arena, .diag = d, .dir = directory_of(arena, path)
	};
	if (c->path == NULL || s.dir == NULL)
		goto done;
	set_defaults(c);

	struct reading r = { .config = c };
	static const struct yaml_node EMPTY = { .kind = YAML_MAP, .line = 1, .column = 1 };
	const struct yaml_node *root = yaml_root(y) != NULL ? yaml_root(y) : &EMPTY;
	e = schema_read(&s, root, FILE_ROWS, &r);
	if (!e && c->server.listen_tls_n > 0 && c->server.tls_certificate == NULL)
		e = finding(&s, root, "add `tls: {certificate: FILE, key: FILE}` to the server",
			    "server.listen-tls needs a certificate");
	enum err more = ERR_OK;
	if (r.geo != NULL)
		more = config_geo_read(&s, r.geo, &c->geo, &c->geo_n);
	if (!more)
		more = read_signing(&s, r.signing, c);
	if (!more)
		more = config_read_tsig_keys(&s, r.tsig_keys, &c->tsig_keys);
	if (!more)
		more = config_read_remotes(&s, r.remotes, &c->tsig_keys, &c->remotes);
	if (!more)
		more = config_read_alias(&s, r.alias, &c->remotes, &c->alias);
	if (!more)
		more = config_read_peers(&s, r.peers, &c->remotes, &c->peers);
	if (!more)
		more = config_read_groups(&s, r.groups, &c->groups);
	s.context = &c->tsig_keys; /* which rules of zones refer to */
	if (!more && r.templates != NULL)
		more = read_templates(&s, r.templates, c);
	if (!more && r.zones != NULL)
		more = read_zones(&s, r.zones, c);
	if (!e)
		e = more;
	if (!e) {
		*out = c;
		arena = NULL;
	}
done:
	if (e && c != NULL) {
		tsig_keys_wipe(&c->tsig_keys);
		config_peers_wipe(&c->peers);
		config_remotes_free(&c->remotes);
	}
	arena_free(arena);
	yaml_free(y);
	return e;
}

void config_free(struct config *c)
{
	if (c == NULL)
		return;
	tsig_keys_wipe(&c->tsig_keys);
	config_peers_wipe(&c->peers);
	config_remotes_free(&c->remotes);
	arena_free(c->arena);
}

bool config_asks_clients(const struct config *c)
{
	for (size_t i = 0; i < c->zone_n; i++)
		if (config_transfer_asks_clients(&c->zones[i].transfer))
			return true;
	return false;
}
