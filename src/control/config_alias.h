// SPDX-License-Identifier: Apache-2.0
/*
 * config_alias.h -- the section `alias`: who resolves the targets of ALIAS records, and for how
 * long answers hold.
 *
 * Memory.    In the configuration's arena; borrows its remotes.
 */
#ifndef CONTROL_CONFIG_ALIAS_H
#define CONTROL_CONFIG_ALIAS_H

#include "control/config_notify.h"

struct config_alias {
	struct config_notify resolvers; /* asked in turn; none: targets must be ours */
	uint32_t ttl_min_s, ttl_max_s;
	uint32_t stale_max_s; /* for how long what was known last answers when it has run out */
	uint32_t max_rate;    /* targets that begin to be resolved in a second */
};

extern const struct config_alias CONFIG_ALIAS_DEFAULT;

/* NULL: the defaults. */
enum err config_read_alias(struct schema *s, const struct yaml_node *map,
			   const struct config_remotes *all, struct config_alias *into);

#endif
