// SPDX-License-Identifier: Apache-2.0
/*
 * key_bundles.h -- the signed key sets of a zone whose key-signing key somebody else holds (RFC
 * 8901 §2.1.1, Model 1).
 *
 * Purpose.   They are served byte for byte, each from its time on, swapped together with the
 * records that they cover. When a key of ours stands in the set that is in force, that is the
 * evidence for the rollover machine that all signers publish it. Invariant. A set that lacks a key
 * whose signatures resolvers hold is never put into force: the one before goes on, and the log says
 * so. An expired one is not served: answers are SERVFAIL, so that a resolver asks another signer.
 * Store.     zones/<zone>/bundles/<from>  {"skr": text}; zones/<zone>/bundle-set {"since", "n"}:
 * its revision is that of the whole. Threads.   The control thread.
 */
#ifndef CONTROL_KEY_BUNDLES_H
#define CONTROL_KEY_BUNDLES_H

#include "control/keyring.h"
#include "multisigner/bundle.h"

struct key_bundles {
	struct bundles *row;         /* NULL: none were given yet */
	const struct bundle *served; /* of row; NULL: none fits */
	int64_t served_since;
	int64_t refused_from; /* of the one that should be in force and lacks a key; 0: none */
	int64_t told_at;
};

/* ERR_STORE, ERR_CORRUPT. */
enum err key_bundles_load(struct keyring *k, struct store *store, struct diag *d);
void key_bundles_free(struct key_bundles *b);
/* A new row in place of the old one, taken; both in the store in one transaction. *revision: in,
 * the one that was seen, or STORE_ANY_REVISION; out, the new one. */
enum err key_bundles_replace(struct keyring *k, struct bundles *row, struct store *store,
			     int64_t now, int64_t *revision);

/* Puts into force what is due, and warns who must act. True: the zone must be served anew. */
bool key_bundles_advance(struct keyring *k, const struct keyring_context *c);
int64_t key_bundles_wake_at(const struct keyring *k, const struct keyring_context *c);

/* All of these: also where the key sets are signed here. */
const struct bundle *key_bundles_served(const struct keyring *k);
uint32_t key_bundles_ttl(const struct keyring *k, uint32_t dnskey_ttl);
/* Whether a set has every own key that signs, or whose signatures may be cached. */
bool key_bundles_cover(const struct keyring *k, const struct bundle *b);

enum err key_bundles_keyset(const struct keyring *k, const struct sign_policy *policy,
			    const struct keyset_member *members, struct keyset **out);
enum err key_bundles_add_records(const struct keyring *k, struct zone_builder *b, struct diag *d);

/* What holders and signers keep of a row: `kind` is "bundles" or "signed". */
enum err bundle_store_write(struct store *store, const char *zone, const char *kind,
			    const struct bundles *row, int64_t now, int64_t *revision);
/* *out NULL: nothing is kept. */
enum err bundle_store_read(struct store *store, const char *zone, const char *kind,
			   struct bundles **out, int64_t *revision, struct diag *d);

#endif
