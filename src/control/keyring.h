// SPDX-License-Identifier: Apache-2.0
/*
 * keyring.h -- the keys of one zone as control keeps them: own keys with role and state, foreign
 * keys with their owners.
 *
 * Purpose.   Joins files, configuration, store and the rollover machine: what is in the merged
 * DNSKEY RRset, what signs, which CDS and CDNSKEY are published. Store.
 * zones/<zone>/own/<alg>-<tag>      role, state, times and file of a key that we made or took over
 * (key_documents.c) zones/<zone>/rollover             TTLs that were served, requests, hold
 *            zones/<zone>/foreign/<alg>-<tag>  {"dnskey", "owner", "since"}
 *            zones/<zone>/cds                  {"since"}: published by hand
 * Invariant. The store is written before a keyring changes, all documents of one step in one
 * transaction; a key file is written before its document. own[i] and facts.keys[i] are one key.
 * Threads.   The control thread.
 * Errors.    Findings; ERR_STORE, ERR_IO, ERR_CRYPTO, and what key_read() gives.
 */
#ifndef CONTROL_KEYRING_H
#define CONTROL_KEYRING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"
#include "control/clock_watch.h"
#include "control/config.h"
#include "dnssec/keyset.h"
#include "multisigner/admission.h"
#include "multisigner/rollover.h"
#include "store/store.h"
#include "zone/builder.h"

struct file_batch;

struct own_key {
	struct key *key;
	char *file; /* owned */
};

struct foreign_key {
	struct dnskey key;
	char owner[64];
	int64_t since;
	bool ds; /* its owner asked for it at the parent (foreign_records.h) */
};

#define FOREIGN_CSYNC_MAX 64
struct foreign_csync {
	char owner[64];
	uint8_t rdata[FOREIGN_CSYNC_MAX];
	size_t n; /* 0: there is none */
	bool was; /* one was served since the start */
};

struct keyring {
	const char *zone_text; /* borrowed from the zone's entry */
	const uint8_t *zone;
	uint8_t algorithm;
	struct own_key own[KEYSET_KEYS_MAX];
	size_t own_n;
	struct rollover_facts facts; /* of own[]; facts.hold points to hold */
	struct rollover_outlook outlook[KEYSET_KEYS_MAX];
	char hold[200];
	struct clock_base clock; /* by which the times of facts are */
	int64_t wake_at;         /* when keyring_advance() may have something to do */
	struct foreign_key foreign[FOREIGN_KEYS_MAX];
	size_t foreign_n;
	struct foreign_csync csync;
	bool cds;
	enum config_keys duty;
	struct key_bundles *bundles;    /* owned; NULL where the key sets are signed here */
	const struct group_zone *group; /* group_records.h; NULL: we sign the zone alone */
};

#define KEYRING_MEMBERS_MAX (KEYSET_KEYS_MAX + FOREIGN_KEYS_MAX)

/* What changes of keys need beside the keyring. */
struct keyring_context {
	const struct config_signing *policy;
	const char *state_dir;
	struct store *store;
	int64_t now;
	bool steady;              /* steps may be taken: the clock is not in doubt */
	struct file_batch *files; /* key files come to their places with these; NULL: at once */
};

/* Reads, and makes what is missing (once, on first start). The zone's text and name must outlive
 * it; of the context, its policy is the zone's. */
enum err keyring_load(struct keyring **out, const struct config_zone *z,
		      const struct keyring_context *c, struct diag *d);
void keyring_free(struct keyring *k);

/* Takes the steps of the rollover machine that are due, each persisted before it counts, and tells
 * them in the log. *changed: the zone must be served anew; until it has been (keyring_is_served())
 * no further step is taken. An error leaves the rest for another try a minute later. */
enum err keyring_advance(struct keyring *k, const struct keyring_context *c, bool *changed);
/* The zone is about to be served with this greatest TTL: higher ones are kept before. */
enum err keyring_will_serve(struct keyring *k, const struct keyring_context *c, uint32_t zone_ttl);
/* It is served with it, and all steps so far are. Where that cannot be kept they count from the
 * next start anew. */
enum err keyring_is_served(struct keyring *k, const struct keyring_context *c, uint32_t zone_ttl);
/* The clock stands on another base now. In memory: what the store has says by which clock it is. */
void keyring_clock_moved(struct keyring *k, const struct clock_base *now);
/* Persists the facts after a change of evidence, requests or hold. ERR_STORE: nothing is changed in
 * the store. */
enum err keyring_save(struct keyring *k, struct store *store);
/* keyring_save(), and keys whose state is KEY_REMOVED go. */
enum err keyring_settle(struct keyring *k, struct store *store);
void keyring_set_hold(struct keyring *k, const char *why);
struct rollover_policy keyring_policy(const struct config_signing *p);

/* Whether it goes on under a policy with these keys; else it is read anew. */
bool keyring_has_duty(const struct keyring *k, enum config_keys keys);
/* Whether a key is used only when all signers are known to publish it. */
bool keyring_is_group(const struct keyring *k);
/* All keys of the merged set, own ones first. Borrowed. Returns how many. */
size_t keyring_members(const struct keyring *k, struct key_member out[KEYRING_MEMBERS_MAX]);
enum err keyring_keyset(const struct keyring *k, const struct config_signing *policy,
			struct keyset **out);
/* DNSKEY, and CDS and CDNSKEY where they are published, into a zone. */
enum err keyring_add_records(const struct keyring *k, struct zone_builder *b,
			     const struct config_signing *policy, struct diag *d);
/* Whether a peer has keys here. */
bool keyring_has_foreign_of(const struct keyring *k, const char *owner);
/* CDS and CDNSKEY of one key. */
enum err keyring_add_cds_of(const struct keyring *k, const struct dnskey *key,
			    struct zone_builder *b, const struct config_signing *p, struct diag *d);
bool keyring_publishes_cds(const struct keyring *k, const struct config_signing *policy);
/* Whether the parent should have the key's DS now; before the first key is known to caches, whether
 * it will. */
bool keyring_is_entry(const struct keyring *k, size_t own);

/* A new own key that waits to be used by a roll. */
enum err keyring_generate(struct keyring *k, enum key_role role, const struct keyring_context *c,
			  size_t *made);
/* Takes a key from a file (BIND pair or PEM), copying it into the state directory, in that state.
 * ERR_CONFLICT: a key with its tag is there; ERR_TOO_LONG: too many. */
enum err keyring_adopt(struct keyring *k, const char *file, const struct key_traits *traits,
		       enum key_state state, const struct keyring_context *c, size_t *taken,
		       struct diag *d);
/* ERR_REFUSED with *why set where admission refuses. */
enum err keyring_import(struct keyring *k, const struct dnskey *key, const char *owner,
			struct store *store, int64_t now, enum admission *why);
/* Removes a foreign key, or an own one that does not sign. ERR_NOT_FOUND, ERR_REFUSED (it signs),
 * ERR_CONFLICT (algorithm 0 and the tag is ambiguous). */
enum err keyring_remove(struct keyring *k, uint16_t tag, uint8_t algorithm, struct store *store,
			bool *foreign);
enum err keyring_set_cds(struct keyring *k, bool publish, struct store *store, int64_t now);

#endif
