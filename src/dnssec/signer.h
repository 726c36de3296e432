// SPDX-License-Identifier: Apache-2.0
/*
 * signer.h -- makes RRSIG records.
 *
 * Purpose.   From an RRset's bytes, a keyset and the time to RRSIG records in the form that is sent
 * (TYPE CLASS TTL RDLENGTH RDATA, no owner), as struct sig. Contexts.  OpenSSL's contexts and
 * fetched digests are kept per signer and key: a new context for each signature costs a third of
 * the rate. A signer keeps at most SIGNER_CONTEXTS_MAX, least recently used out. Threads.   One
 * signer belongs to one thread. Memory.    signer_sign() allocates the struct sig it returns (a
 * miss is the one place where the data plane may); signer_sign_into() does not. Scratch is in the
 * signer. RFCs.      4034 §3.1 (RDATA), §3.1.8.1 (what is signed), §6 (canonical form); 4035 §2.2;
 * 5702; 6605; 8080; wildcard owners: 4035 §2.2 (labels does not count "*").
 */
#ifndef DNSSEC_SIGNER_H
#define DNSSEC_SIGNER_H

#include <stdint.h>

#include "base/err.h"
#include "base/rcu.h"
#include "base/span.h"
#include "dnssec/keyset.h"

struct signer;

#define SIGNER_CONTEXTS_MAX 256
/* No signature is handed out with less than this left. */
#define SIG_MIN_LEFT_S 60

/* An RRSIG RRset ready to send. Immutable. */
struct sig {
	struct rcu_node rcu;
	uint64_t keyset_id;
	int64_t inception, refresh_at, expire_at; /* seconds since 1970 */
	uint16_t rr_n;                            /* one per signing key */
	uint16_t wire_len;
	uint8_t wire[];
};

struct sign_input {
	const uint8_t *owner; /* as in the zone: "*.example." for a wildcard */
	uint16_t type;
	uint32_t ttl;
	uint16_t rr_n;
	struct span wire; /* zone/rrset.h: TYPE CLASS TTL RDLENGTH RDATA..., canonical order */
};

enum err signer_new(struct signer **out);
void signer_free(struct signer *s);

/* Signs with the keys whose duty it is (DNSKEY, CDS, CDNSKEY: key-signing keys), or gives what was
 * given. `now` in seconds since 1970. ERR_NOKEY: nobody has that duty, or what was given is not
 * valid now; ERR_CRYPTO, ERR_NOMEM, ERR_TOO_LONG (an RRset above 256 KiB). The caller owns *out:
 * sig_free(), or sigcache_publish() takes it. */
enum err signer_sign(struct signer *s, const struct keyset *keys, const struct sign_input *in,
		     int64_t now, struct sig **out);
/* As signer_sign(), into the caller's memory whose wire has room for `room` octets. ERR_TOO_LONG
 * where it has not. */
enum err signer_sign_into(struct signer *s, const struct keyset *keys, const struct sign_input *in,
			  int64_t now, struct sig *out, size_t room);
/* One of several that are signed together. */
struct sign_job {
	struct sig *out; /* the caller's memory, whose wire has room for `room` octets */
	size_t room;
	enum err err; /* result: as of signer_sign_into() */
};
/* Adds one; *job stays the caller's until signer_finish(), `in` and what it points to only until
 * this returns. P-256 signatures made together cost half of what they cost one by one
 * (dnssec/ecdsa_batch.h); others cost the same. */
void signer_add(struct signer *s, const struct keyset *keys, const struct sign_input *in,
		int64_t now, struct sign_job *job);
/* All that were added are signed now, or have an error. */
void signer_finish(struct signer *s);

/* Octets of wire that a type's signatures take. */
size_t signer_wire_len(const struct keyset *keys, uint16_t type);

/* Memory for a signature of so many octets of wire; NULL. */
struct sig *sig_new(size_t wire_len);
void sig_free(struct sig *g);

#endif
