// SPDX-License-Identifier: Apache-2.0
/*
 * config.h -- the configuration of the daemon: YAML into structs by one schema table
 * (control/config.c; the table is also what man concord.yaml(5) describes).
 *
 * Invariant. A config that config_read() returned is complete: defaults filled in, references
 * resolved, values in range. Unknown keys, bad values and duplicates are findings at
 *            file:line:column with the nearest key as hint.
 * Paths.     Relative paths are relative to the directory of the configuration file and are made
 * absolute here. Memory.    One arena; config_free() frees all.
 */
#ifndef CONTROL_CONFIG_H
#define CONTROL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/log.h"
#include "base/prefix.h"
#include "control/config_alias.h"
#include "control/config_api.h"
#include "control/config_catalog.h"
#include "control/config_geo.h"
#include "control/config_groups.h"
#include "control/config_name_servers.h"
#include "control/config_notify.h"
#include "control/config_peers.h"
#include "control/config_remotes.h"
#include "control/config_transfer.h"
#include "dnssec/key.h"
#include "query/rate_limit.h"
#include "zone/zone.h"

#define CONFIG_PARENT_MAX 16 /* servers */
#define CONFIG_ZONES_MAX  1000000u

struct config_address {
	struct ip_addr addr;
	uint16_t port;
};

struct config_server {
	struct config_address *listen;
	size_t listen_n;
	unsigned workers;         /* 0: auto */
	unsigned signers;         /* 0: auto */
	const char *user, *group; /* NULL: stay */
	struct config_address *listen_tls;
	size_t listen_tls_n;
	struct config_address *metrics_listen; /* HTTP with /metrics alone */
	size_t metrics_listen_n;
	const char *tls_certificate, *tls_key; /* PEM files; NULL: none */
	const char *nsid;                      /* NULL: none */
	const char *version, *identity;        /* what CHAOS questions get; NULL: nothing */
	bool cookies;
	const char *cookie_secret_file; /* NULL: made at start */
	struct rate_limit rate_limit;   /* of the whole server */
	uint16_t udp_size;
	uint32_t secure_heap_mib;     /* for private keys; 0: the ordinary heap */
	uint32_t made_signatures_mib; /* of names made at query time */
	uint32_t steering_mib;        /* of all that policies make of the address space */
	uint32_t tcp_idle_s;
	uint32_t tcp_max_connections;
	uint32_t tcp_max_per_client; /* of one /24 or /56 */
	uint32_t health_max_rate;    /* probes started in a second */
	uint32_t health_max_running; /* ... at once */
	const char *state_dir;
	const char *control_socket;
	enum log_level log_level;
};

/* ZSK: the key sets come signed from who holds the KSK; KSK: it signs key sets for others (RFC
 * 8901, Model 1). */
enum config_keys { CONFIG_KEYS_KSK_ZSK, CONFIG_KEYS_CSK, CONFIG_KEYS_ZSK, CONFIG_KEYS_KSK };
/* When CDS and CDNSKEY stand in the zone: while the parent has something to do, or always. */
enum config_cds { CONFIG_CDS_ROLLOVER, CONFIG_CDS_ALWAYS, CONFIG_CDS_NEVER };

struct config_signing {
	const char *id;
	uint8_t algorithm;
	enum config_keys keys;
	uint32_t validity_s, refresh_s, inception_offset_s, jitter_s;
	uint32_t dnskey_ttl;
	enum zone_denial denial;
	bool prewarm;                                            /* signed ahead, not when asked */
	bool automatic;                                          /* rolls start by themselves */
	uint32_t ksk_lifetime_s, zsk_lifetime_s, csk_lifetime_s; /* 0: unlimited */
	uint32_t propagation_s, parent_propagation_s, safety_s;
	uint32_t parent_ds_ttl; /* until the parent was asked */
	uint32_t parent_check_s;
	enum config_cds cds;
	uint32_t cds_digests;              /* bits by digest type */
	const char *ksk_store, *zsk_store; /* URIs of tokens that make and keep keys (KSKs and
					      CSKs, ZSKs); NULL: the state directory */
};

struct config_key {
	const char *file; /* or URI */
	bool has_role;
	enum key_role role;
	uint8_t algorithm; /* 0: what the key is */
	unsigned line, column;
};

struct config_zone {
	const char *text;     /* absolute, final dot, lower case: for logs and the API */
	const uint8_t *name;  /* wire, lower case */
	const char *file;     /* NULL: it comes from primaries */
	const char *steering; /* NULL: none */
	const struct config_zone_geo *geo;    /* NULL: none */
	const struct config_signing *signing; /* NULL: unsigned */
	bool ecs;
	bool rate_limit;
	const uint8_t *report_agent; /* wire; NULL: none (RFC 9567) */
	const char *seed;
	const struct config_key *keys;
	size_t key_n;
	struct span *holder_ds; /* RDATA of DS of who holds the KSK; none: keys known from before */
	size_t holder_ds_n;
	struct config_address *parent; /* its servers, asked for DS */
	size_t parent_n;
	const struct config_group *group; /* NULL: we sign it alone */
	struct config_transfer transfer;  /* who may transfer and update */
	unsigned zonemd;                  /* enum zonemd_hash: made with it; 0: not made */
	unsigned zonemd_verify;           /* enum zone_digest_policy (zone_digest.h) */
	struct config_secondary secondary;
	struct config_notify notify;
	struct config_name_servers name_servers; /* of an octoDNS file that has none */
	struct config_catalog catalog;
	unsigned line, column;
};

struct config {
	const char *path;
	struct config_server server;
	struct tsig_keys tsig_keys; /* sorted; wiped by config_free() */
	struct config_remotes remotes;
	struct config_alias alias;
	struct config_peers peers;
	struct config_groups groups;
	const struct config_geo *geo;
	size_t geo_n;
	const struct config_signing *signing; /* "default" is always among them */
	size_t signing_n;
	const struct config_zone *templates; /* of members of catalogs; `text` is the id */
	size_t template_n;
	const struct config_zone *zones;
	size_t zone_n;
	struct config_api api;
	struct arena *arena;
};

/* "192.0.2.1@5353"; without a port `port`. */
bool config_parse_address(const char *text, uint32_t port, struct config_address *out);

enum err config_read(struct config **out, const char *path, struct diag *d);
void config_free(struct config *c);
/* Whether a rule of a zone names client certificates. */
bool config_asks_clients(const struct config *c);

/* For the files of this folder that read a section: one address or a list of them. */
struct schema;
struct yaml_node;
enum err config_read_addresses(struct schema *s, const struct yaml_node *value, uint16_t port,
			       struct config_address **out, size_t *out_n);

#endif
