// SPDX-License-Identifier: Apache-2.0
/*
 * config_peers.h -- the section `peers`: other signers, and how each is reached.
 *
 * Purpose.   Service, address, credentials of each peer, checked as a whole: what a service does
 * not use is a finding, and what it needs and lacks too. A token stands in a file of its own, which
 * only its owner may read; plain HTTP is for this machine alone. Memory.    In the configuration's
 * arena; config_peers_wipe() before it goes. Errors.    Findings at file:line:column; a secret is
 * never part of one.
 */
#ifndef CONTROL_CONFIG_PEERS_H
#define CONTROL_CONFIG_PEERS_H

#include "control/config_remotes.h"
#include "control/schema.h"
#include "peers/peer.h"

struct config_peers {
	struct peer *item;
	size_t n;
};

/* `list` NULL: none. */
enum err config_read_peers(struct schema *s, const struct yaml_node *list,
			   const struct config_remotes *remotes, struct config_peers *out);
void config_peers_wipe(struct config_peers *p);
/* NULL: there is none. */
const struct peer *config_peer_find(const struct config_peers *all, const char *id);

#endif
