// SPDX-License-Identifier: Apache-2.0
/*
 * provider.h -- putting records into another signer's copy of a zone, whatever it is.
 *
 * Purpose.   A service is one file: a row of struct provider. What should stand there is given as
 * records that are wanted and records that are to go; what is in neither list (the other signer's
 * own keys above all) is never touched.
 * Invariant. Idempotent: what stands there already is not sent, and saying the same twice changes
 * nothing. A fault leaves the other side as it was, or between the two, and the next try mends it.
 * Use.       provider_push() starts; `done` is called once, later, from the loop. Until then
 * push_cancel() ends it without a call. After either the pointer is gone.
 * Secrets.   Tokens and keys come from files of mode 0600 and are never part of a text.
 * Threads.   The loop's.
 * Errors.    ERR_UNSUPPORTED (the service takes none of it), ERR_TIMEOUT, ERR_IO, ERR_UNTRUSTED
 * (TLS, TSIG), ERR_PERMISSION (it does not accept our credentials), ERR_REFUSED (it said no),
 * ERR_CONFLICT (changed meanwhile; try again), ERR_SYNTAX (what it said is not what it should be).
 */
#ifndef PEERS_PROVIDER_H
#define PEERS_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "base/span.h"

#define PUSH_RECORDS_MAX 256
#define PUSH_WHY_MAX     240

struct push_record {
	uint16_t type;     /* DNSKEY, CDS, CDNSKEY, NS, CSYNC */
	struct span rdata; /* names in it uncompressed */
	bool wanted;       /* false: it should not stand there any more */
	bool ours;         /* ours, not a third signer's */
};

struct push {
	const uint8_t *zone;
	const char *text; /* absolute, final dot */
	uint32_t ttl;
	const struct push_record *record; /* copied */
	size_t n;
};

struct push_result {
	enum err err;
	bool changed;    /* something was sent */
	const char *why; /* one sentence for a person: what was done, or what is wrong */
};

struct push_call;
typedef void (*push_done)(const struct push_result *r, void *context);

/* What a service takes: bits. */
enum push_part { PUSH_DNSKEY = 1, PUSH_CDS = 2, PUSH_NS = 4, PUSH_CSYNC = 8 };

struct peer; /* one configured peer (peers/peer.h) */

struct provider {
	const char *name; /* as in the configuration */
	unsigned takes;   /* enum push_part */
	/* Starts `c`, whose record list is cut to what the service takes. */
	enum err (*start)(struct push_call *c);
	/* Ends what start() began; no result. */
	void (*cancel)(struct push_call *c);
};

/* NULL: there is none of that name. */
const struct provider *provider_find(const char *name);

enum err provider_push(struct push_call **out, uv_loop_t *loop, const struct peer *to,
		       const struct push *what, push_done done, void *context);
/* Accepts NULL. */
void push_cancel(struct push_call *c);

#endif
