// SPDX-License-Identifier: Apache-2.0
/*
 * tsig.h -- transaction signatures with shared keys (RFC 8945): made and checked, on one message or
 * on a sequence of them.
 *
 * Purpose.   Requests, answers, and every message of a transfer. A struct tsig is one transaction:
 * it remembers the MAC that the next message's covers. Server: tsig_accept() with the request, then
 * tsig_sign() for each message of the answer. Client: tsig_start(), tsig_sign() the request, then
 * tsig_check() for each message of the answer and tsig_is_complete() at the end. Invariant. A MAC
 * is compared in constant time, and what the time says is looked at only after the MAC was found
 * right (RFC 8945 §5.2). Nothing in a request is believed before. Threads.   A struct tsig is one
 * thread's at a time; keys are only read. Memory.    Keys are borrowed until the transaction's end.
 * tsig_end() gives back what a transaction holds. Nothing here logs; no secret leaves.
 */
#ifndef DNS_TSIG_H
#define DNS_TSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "dns/message.h"
#include "dns/name.h"

#define TSIG_SECRET_MAX 256
#define TSIG_MAC_MAX    64
#define TSIG_FUDGE_S    300
/* Octets that tsig_sign() may add: two names, the fixed fields, MAC and other data. */
#define TSIG_ROOM (2 * NAME_MAX_LEN + 26 + TSIG_MAC_MAX + 6)

enum tsig_algorithm {
	TSIG_HMAC_SHA1,
	TSIG_HMAC_SHA224,
	TSIG_HMAC_SHA256,
	TSIG_HMAC_SHA384,
	TSIG_HMAC_SHA512,
	TSIG_ALGORITHMS
};

/* RFC 8945 §3 */
enum tsig_error {
	TSIG_NO_ERROR = 0,
	TSIG_BADSIG = 16,
	TSIG_BADKEY = 17,
	TSIG_BADTIME = 18,
	TSIG_BADTRUNC = 22,
};

struct tsig_key {
	uint8_t name[NAME_MAX_LEN]; /* lower case */
	enum tsig_algorithm algorithm;
	uint8_t mac_len; /* octets of a MAC that we send, and the fewest that we take: the whole
			    hash, or what "hmac-sha256-128" asks for */
	uint16_t secret_len;
	uint8_t secret[TSIG_SECRET_MAX];
};

/* "hmac-sha256", or truncated to so many bits, "hmac-sha256-128"; also BIND's full names with a
 * final dot. False: not known, or fewer bits than RFC 8945 §5.2.2.1 permits. */
bool tsig_algorithm_from_text(const char *text, enum tsig_algorithm *out, uint8_t *mac_len);
/* "hmac-sha256"; static. */
const char *tsig_algorithm_text(enum tsig_algorithm a);
/* Octets of the whole hash. */
uint8_t tsig_algorithm_mac_len(enum tsig_algorithm a);

/* Keys sorted by name (tsig_keys_sort()). */
struct tsig_keys {
	struct tsig_key *key;
	size_t n;
};
void tsig_keys_sort(struct tsig_keys *all);
const struct tsig_key *tsig_keys_find(const struct tsig_keys *all, const uint8_t *name);
/* Overwrites secrets that are about to be freed. */
void tsig_keys_wipe(struct tsig_keys *all);

/* One transaction. */
struct tsig {
	const struct tsig_key *key;       /* NULL: nothing is signed */
	uint8_t error_name[NAME_MAX_LEN]; /* as the request had them, for an answer that cannot be
					     signed */
	uint8_t error_algorithm[NAME_MAX_LEN];
	uint16_t error;        /* enum tsig_error of the answer */
	uint64_t request_time; /* as signed by the client */
	uint16_t fudge;
	uint8_t mac[TSIG_MAC_MAX]; /* of the message before */
	uint8_t mac_len;
	bool answering;      /* a server's: the next message answers mac */
	unsigned message_n;  /* of the answer so far */
	unsigned unsigned_n; /* since the last that was signed */
	void *running;       /* digest over messages that were not signed */
};

enum tsig_verdict {
	TSIG_GOOD,
	TSIG_FORMERR, /* the record is not one, or its MAC has an impossible length */
	TSIG_NOTAUTH, /* t->error says why; tsig_sign() writes the right body under the answer */
	TSIG_BAD,     /* tsig_check(): not to be believed */
};

/* Server: checks a request whose TSIG record starts at `at` (message.tsig_at). Fills *t in any
 * case; t->key is set where the answer is to be signed. */
enum tsig_verdict tsig_accept(struct tsig *t, const struct tsig_keys *keys, struct span message,
			      size_t at, int64_t now);

/* Client: begins a transaction with a key. */
void tsig_start(struct tsig *t, const struct tsig_key *key);

/* Appends a TSIG record to a whole message of *len octets with room for cap, which must be
 * TSIG_ROOM more, and counts it in the header. Does nothing where the transaction has no key and no
 * error. False: no room, or the library failed. */
bool tsig_sign(struct tsig *t, uint8_t *message, size_t *len, size_t cap, int64_t now);

/* Client: checks the next message of the answer. Unsigned ones in between are taken, at most 99 in
 * a row (RFC 8945 §5.3.1), and counted as checked only once a signed one follows. */
enum tsig_verdict tsig_check(struct tsig *t, struct span message, int64_t now);
/* Client: whether the answer could end here: its last message was signed. */
bool tsig_is_complete(const struct tsig *t);
void tsig_end(struct tsig *t);

/* Where the TSIG record of a whole message starts; 0: it has none. False: the message is damaged,
 * or its TSIG is not the last record. */
bool tsig_find(struct span message, size_t *at);

#endif
