// SPDX-License-Identifier: Apache-2.0
/*
 * config_notify.h -- the part of the configuration that says which servers hear of changes of a
 * zone.
 *
 * Memory.    In the configuration's arena; borrows its remotes.
 */
#ifndef CONTROL_CONFIG_NOTIFY_H
#define CONTROL_CONFIG_NOTIFY_H

#include <stddef.h>

#include "control/config_remotes.h"

struct config_notify {
	const struct config_remote *const *to;
	size_t to_n;
};

#define CONFIG_NOTIFY_MAX 64 /* remotes and addresses of a zone */

/* Of a zone: `notify`, a list of ids of remotes, and of addresses that need neither key nor TLS. */
enum err config_read_notify(struct schema *s, const struct yaml_node *value,
			    const struct config_remotes *all, struct config_notify *into);

#endif
