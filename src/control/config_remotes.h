// SPDX-License-Identifier: Apache-2.0
/*
 * config_remotes.h -- the parts of the configuration that say which other servers there are, and
 * from which of them a zone is transferred.
 *
 * Memory.    In the configuration's arena, but for the TLS settings that OpenSSL made of files:
 * config_remotes_free() before the arena goes.
 */
#ifndef CONTROL_CONFIG_REMOTES_H
#define CONTROL_CONFIG_REMOTES_H

#include <stddef.h>
#include <stdint.h>

#include "control/schema.h"
#include "dns/tsig.h"
#include "transfer/remote.h"

struct config_address;

struct config_remote {
	const char *id;
	const struct config_address *addresses;
	size_t address_n;
	enum remote_transport transport;
	const struct tsig_key *key; /* NULL: none */
	struct ip_addr source4, source6;
	uint32_t transfers;     /* from it, at a time */
	struct tls_client *tls; /* owned */
};

struct config_remotes {
	struct config_remote *item;
	size_t n;
};

/* What transfers into a zone may bring, and updates change; 0: no limit. */
struct config_limits {
	uint64_t records;
	uint64_t octets;
	uint32_t transfer_time_s;
	uint32_t shrink;             /* percent of the records that a transfer may take away */
	uint32_t changes_per_second; /* by updates (update_rate.h) */
};

/* A zone that comes from other servers. */
struct config_secondary {
	const struct config_remote *const *primaries;
	size_t primary_n; /* 0: the zone is a file */
	struct config_limits limits;
};

extern const struct config_limits CONFIG_LIMITS_DEFAULT;

/* The section `remotes`; NULL: none. */
enum err config_read_remotes(struct schema *s, const struct yaml_node *list,
			     const struct tsig_keys *keys, struct config_remotes *out);
void config_remotes_free(struct config_remotes *r);
const struct config_remote *config_remote_find(const struct config_remotes *all, const char *id);

/* Of a zone: `primaries`, a list of ids, and `limits`. */
enum err config_read_primaries(struct schema *s, const struct yaml_node *value,
			       const struct config_remotes *all, struct config_secondary *into);
enum err config_read_limits(struct schema *s, const struct yaml_node *value,
			    struct config_limits *into);

/* The remote as one of its addresses; `transport` of the remote unless it is UDP, which stands for
 * "UDP, and TCP where it must be": then `stream` chooses. */
struct remote config_remote_at(const struct config_remote *r, size_t address, bool stream);

#endif
