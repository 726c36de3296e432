// SPDX-License-Identifier: Apache-2.0
/*
 * keyring.h -- the keys of one zone as control keeps them: own keys with role and state, foreign
 * keys with their owners.
 *
 * Purpose.   Joins files, configuration and store: what is in the merged DNSKEY RRset, what signs,
 * whether CDS and CDNSKEY are published. Store.     zones/<zone>/own/<alg>-<tag>      {"role",
 * "state", "file", "since"}   keys that we made; their files are below <state-dir>/keys/<zone>
 *            zones/<zone>/foreign/<alg>-<tag>  {"dnskey", "owner", "since"}
 *            zones/<zone>/cds                  {"since"}                            published on
 * demand Invariant. The store is written before a keyring changes; a key file is written before its
 * document. Threads.   The control thread. Errors.    Findings; ERR_STORE, ERR_IO, ERR_CRYPTO, and
 * what key_read() gives.
 */
#ifndef CONTROL_KEYRING_H
#define CONTROL_KEYRING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"
#include "control/config.h"
#include "dnssec/keyset.h"
#include "multisigner/admission.h"
#include "store/store.h"
#include "zone/builder.h"

struct own_key {
	struct key *key;
	enum key_role role;
	bool active;     /* signs; else only published */
	bool configured; /* named in the configuration */
	char file[1000];
	int64_t since;
};

struct foreign_key {
	struct dnskey key;
	char owner[64];
	int64_t since;
};

struct keyring {
	const char *zone_text; /* borrowed from the zone's entry */
	const uint8_t *zone;
	uint8_t algorithm;
	struct own_key own[KEYSET_KEYS_MAX];
	size_t own_n;
	struct foreign_key foreign[FOREIGN_KEYS_MAX];
	size_t foreign_n;
	bool cds;
};

#define KEYRING_MEMBERS_MAX (KEYSET_KEYS_MAX + FOREIGN_KEYS_MAX)

/* Reads, and makes what is missing (once, on first start). `zone_text` and `zone` must outlive it.
 */
enum err keyring_load(struct keyring **out, const struct config_zone *z, const char *state_dir,
		      struct store *store, int64_t now, struct diag *d);
void keyring_free(struct keyring *k);

/* All keys of the merged set, own ones first. Borrowed. Returns how many. */
size_t keyring_members(const struct keyring *k, struct key_member out[KEYRING_MEMBERS_MAX]);
enum err keyring_keyset(const struct keyring *k, const struct config_signing *policy,
			struct keyset **out);
/* DNSKEY, and CDS and CDNSKEY where they are published, into a zone. */
enum err keyring_add_records(const struct keyring *k, struct zone_builder *b, uint32_t ttl,
			     struct diag *d);

/* A new own key that is published but does not sign yet. */
enum err keyring_generate(struct keyring *k, enum key_role role, const char *state_dir,
			  struct store *store, int64_t now, const struct own_key **out);
/* ERR_REFUSED with *why set where admission refuses. */
enum err keyring_import(struct keyring *k, const struct dnskey *key, const char *owner,
			struct store *store, int64_t now, enum admission *why);
/* Removes a foreign key, or an own one that does not sign. ERR_NOT_FOUND, ERR_REFUSED (it signs),
 * ERR_CONFLICT (algorithm 0 and the tag is ambiguous). */
enum err keyring_remove(struct keyring *k, uint16_t tag, uint8_t algorithm, struct store *store,
			bool *foreign);
enum err keyring_set_cds(struct keyring *k, bool publish, struct store *store, int64_t now);

#endif
