// SPDX-License-Identifier: Apache-2.0
/*
 * config_groups.h -- the section `groups`: who signs a zone together (RFC 8901), and by which
 * servers each of them answers.
 *
 * Invariant. A group that was read has us among its signers, each name and each server once, and no
 * more than the group machine holds (multisigner/group.h).
 * Memory.    In the configuration's arena.
 */
#ifndef CONTROL_CONFIG_GROUPS_H
#define CONTROL_CONFIG_GROUPS_H

#include "control/schema.h"

struct config;
struct config_address;

/* One address of a name server. */
struct config_group_server {
	const uint8_t *host; /* as it stands in NS records, lower case */
	const struct config_address *address;
};

struct config_signer {
	const char *name;
	const struct config_group_server *servers;
	size_t server_n;
};

struct config_group {
	const char *id;
	size_t self; /* which of `signers` we are */
	const struct config_signer *signers;
	size_t signer_n;
	bool carry_ksk;
	uint32_t poll_s, propagation_s;
	uint32_t fresh_s; /* what was seen longer ago is no evidence */
	uint32_t hold_s;  /* at the start, after a long absence */
};

struct config_groups {
	const struct config_group *item;
	size_t n;
};

enum err config_read_groups(struct schema *s, const struct yaml_node *list,
			    struct config_groups *out);
const struct config_group *config_group_find(const struct config_groups *all, const char *id);
const struct config_signer *config_signer_find(const struct config_group *g, const char *name);

#endif
