// SPDX-License-Identifier: Apache-2.0
/*
 * access.h -- who may transfer a zone, update it, or tell us of changes: lists of rules.
 *
 * Purpose.   A rule names conditions, and all that it names must hold: an address within one of its
 * prefixes, a TSIG key that signed the request, TLS, a client certificate. A list permits what one
 * of its rules permits; an empty list permits nobody. A grant is a rule for updates, with the names
 * and types that it covers.
 * Invariant. A request that was signed is measured by its key only after the signature was checked.
 * A rule without a key permits signed requests too.
 * Memory.    Rules borrow; they live as long as the configuration. Threads.   Pure.
 */
#ifndef TRANSFER_ACCESS_H
#define TRANSFER_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"

#define CERTIFICATE_PIN_LEN 32 /* SHA-256 of the SubjectPublicKeyInfo (RFC 7858 §4.2) */

/* The one who asks, as far as it was proved. */
struct access_client {
	struct ip_addr addr;
	const uint8_t *key; /* name of the TSIG key that signed; NULL: none */
	bool tls;
	const uint8_t *certificate; /* CERTIFICATE_PIN_LEN octets; NULL: showed none */
};

struct access_rule {
	const struct ip_prefix *from;
	size_t from_n; /* 0: from anywhere */
	const uint8_t *const *keys;
	size_t key_n; /* 0: signed or not */
	bool tls;     /* over TLS alone */
	const uint8_t (*certificates)[CERTIFICATE_PIN_LEN];
	size_t certificate_n; /* 0: with or without; else TLS is implied */
};

bool access_rule_permits(const struct access_rule *r, const struct access_client *who);

/* Who may transfer. */
struct transfer_rule {
	struct access_rule who;
	bool signed_copy; /* gets the zone with our signatures; else as it came to us */
};
/* The first rule that permits, or NULL. */
const struct transfer_rule *transfer_permitted(const struct transfer_rule *rules, size_t n,
					       const struct access_client *who);

struct update_name {
	const uint8_t *name;
	bool below; /* the names below it ("*.name"), else itself */
};

/* Who may change what (as BIND's update-policy). */
struct update_grant {
	struct access_rule who;
	const struct update_name *names;
	size_t name_n; /* 0: all of the zone */
	const uint16_t *types;
	size_t type_n;    /* 0: all but SOA, the apex' NS, and what the signer makes */
	const char *peer; /* a signer of the group: its own key records at the apex and nothing
			     else; NULL: no peer */
};

/* Whether one of the grants permits anything at all to this client. */
bool update_permits_some(const struct update_grant *grants, size_t n,
			 const struct access_client *who);
/* Whether one of them permits changing this name and type; type 255 (ANY) needs a grant for all
 * types. `apex`: the zone. */
bool update_permitted(const struct update_grant *grants, size_t n, const struct access_client *who,
		      const uint8_t *apex, const uint8_t *name, uint16_t type);
/* The grant by which this client is a peer, or NULL. */
const struct update_grant *update_peer(const struct update_grant *grants, size_t n,
				       const struct access_client *who);

#endif
