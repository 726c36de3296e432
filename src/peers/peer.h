// SPDX-License-Identifier: Apache-2.0
/*
 * peer.h -- how one peer is reached: what the section `peers` of the configuration says.
 *
 * Memory.    In the configuration's arena; the token is wiped by who owns the arena
 * (control/config_peers.h).
 */
#ifndef PEERS_PEER_H
#define PEERS_PEER_H

#include "peers/provider.h"
#include "transfer/remote.h"

struct peer {
	const char *id;
	const struct provider *provider;
	unsigned takes;                          /* enum push_part: of what the service takes */
	const char *url;                         /* concord, powerdns: without a slash at its end */
	char *token;                             /* secret; NULL: none */
	const char *ca_file, *certificate, *key; /* TLS of the url */
	const char *as;                          /* concord: what the peer calls us */
	const char *server;                      /* powerdns: "localhost" */
	struct remote remote;                    /* update */
	const char *directory;                   /* file: where notes are written */
	uint32_t timeout_ms;
};

#endif
