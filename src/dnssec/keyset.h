// SPDX-License-Identifier: Apache-2.0
/*
 * keyset.h -- the keys of one zone at one time: own keys with their duties, foreign keys by number
 * only.
 *
 * Purpose.   Says which keys stand in the merged DNSKEY RRset and which of ours sign what (RFC 8901
 * §2.1.2, Model 2): key-signing keys sign DNSKEY, CDS and CDNSKEY; zone-signing keys the rest.
 * Invariant. Immutable. The id of a duty changes whenever its signing keys or the signing
 * parameters change, so a signature made under another id is not used; a roll of the key-signing
 * key leaves the zone's signatures alone. For each algorithm in use every signature is made with
 * each active key. Threads.   Any number of readers. Reference-counted, any thread.
 */
#ifndef DNSSEC_KEYSET_H
#define DNSSEC_KEYSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "dnssec/key.h"

#define KEYSET_KEYS_MAX   16 /* own */
#define KEYSET_ACTIVE_MAX 4  /* signing one RRset at a time */

struct sign_policy {
	uint32_t validity_s;
	uint32_t refresh_s; /* renewed when less than this is left */
	uint32_t inception_offset_s;
	uint32_t jitter_s; /* quantum of the times: signing starts up to this much in the past, on
			      a grid shifted by a hash of owner and type */
};

/* Types that key-signing keys sign: DNSKEY, CDS, CDNSKEY. */
#define KEYSET_GIVEN 3

struct sig;

struct keyset {
	uint64_t ksk_id, zsk_id; /* keyset_id() */
	uint8_t zone[255];       /* signer's name, lower case wire */
	uint8_t zone_len;
	struct sign_policy policy;
	size_t ksk_n, zsk_n; /* active ones; a CSK is in both lists */
	struct key *ksk[KEYSET_ACTIVE_MAX];
	struct key *zsk[KEYSET_ACTIVE_MAX];
	bool ksk_quick, zsk_quick;
	struct sig *given[KEYSET_GIVEN]; /* made elsewhere, served as they are; NULL: none */
};

struct keyset_member {
	struct key *key; /* referenced by the keyset, not taken */
	enum key_role role;
	bool active;
};

/* ERR_NOKEY: no active key for one of the two duties; the two kinds of keysets below may lack one.
 * ERR_RANGE: more than KEYSET_ACTIVE_MAX. */
enum err keyset_new(struct keyset **out, const uint8_t *zone, const struct sign_policy *policy,
		    const struct keyset_member *members, size_t n);
/* The same for a signer that has no key-signing key (RFC 8901 §2.1.1, Model 1): what those keys
 * sign comes signed from elsewhere. given[] are the signatures over DNSKEY, CDS and CDNSKEY; NULL:
 * there is none, and it cannot be made. Copies them. */
enum err keyset_new_given(struct keyset **out, const uint8_t *zone,
			  const struct sign_policy *policy, const struct keyset_member *members,
			  size_t n, const struct sig *const given[KEYSET_GIVEN]);
/* The signature over a type that is given, as keyset_new_given() got it; NULL. */
const struct sig *keyset_given(const struct keyset *s, uint16_t type);
/* The same for who has nothing but key-signing keys, and answers nothing that others sign. */
enum err keyset_new_entry(struct keyset **out, const uint8_t *zone,
			  const struct sign_policy *policy, const struct keyset_member *members,
			  size_t n);
/* Whose duty a type is (RFC 8901 §2.1.2): the key-signing keys'. */
bool keyset_signs_with_ksk(uint16_t type);
/* What signatures of that type were made with: keys and parameters, as one number. */
uint64_t keyset_id(const struct keyset *s, uint16_t type);
/* Whether a signature of that type takes tens of microseconds (P-256, Ed25519); RSA, P-384 and
 * Ed448 take hundreds and more. */
bool keyset_is_quick(const struct keyset *s, uint16_t type);
/* The algorithm of the keys that sign a type; 0: several, or no key. */
uint8_t keyset_algorithm(const struct keyset *s, uint16_t type);
struct keyset *keyset_ref(struct keyset *s);
void keyset_free(struct keyset *s);

#endif
