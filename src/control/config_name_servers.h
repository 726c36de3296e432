// SPDX-License-Identifier: Apache-2.0
/*
 * config_name_servers.h -- the name servers of a zone, where its octoDNS file leaves them to
 * providers.
 *
 * Memory.    In the configuration's arena.
 */
#ifndef CONTROL_CONFIG_NAME_SERVERS_H
#define CONTROL_CONFIG_NAME_SERVERS_H

#include <stddef.h>
#include <stdint.h>

#include "control/schema.h"

struct config_name_servers {
	const uint8_t *const *name; /* wire */
	size_t n;
};

#define CONFIG_NAME_SERVERS_MAX 32

/* Of a zone: `name-servers`, one absolute name or a list of them. */
enum err config_read_name_servers(struct schema *s, const struct yaml_node *value,
				  struct config_name_servers *into);

#endif
