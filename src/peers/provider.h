// SPDX-License-Identifier: Apache-2.0
/*
 * provider.h -- putting records into another signer's copy of a zone, whatever it is.
 *
 * Purpose.   A service is one file: a struct provider. What should stand there is given as records
 * that are wanted and records that are to go; what is in neither list (the other signer's own keys
 * above all) is never touched. CSYNC is one record: an unwanted one without RDATA means any.
 * Invariant. Idempotent: what stands there already is not sent, and saying the same twice changes
 * nothing. A fault leaves the other side as it was, or between the two, and the next try mends it.
 * Use.       pusher_push() begins; `done` is called once, later, from the loop. Until then
 * push_cancel() ends it without a call. After either the pointer is gone. At most PUSHES_MAX are
 * under way, the rest waits in its order.
 * Secrets.   Tokens and keys come from files of mode 0600 and are never part of a text.
 * Threads.   The loop's.
 * Errors.    ERR_TIMEOUT, ERR_IO, ERR_UNTRUSTED (TLS, TSIG), ERR_PERMISSION (it does not accept our
 * credentials), ERR_REFUSED (it said no, or took it and did not do it), ERR_NOT_FOUND (it has no
 * such zone), ERR_CONFLICT (changed meanwhile; try again), ERR_TOO_LONG, ERR_SYNTAX (what it said
 * is not what it should be).
 */
#ifndef PEERS_PROVIDER_H
#define PEERS_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "base/span.h"

#define PUSH_RECORDS_MAX 256
#define PUSH_WHY_MAX     300
#define PUSHES_MAX       32

struct push_record {
	uint16_t type;     /* DNSKEY, CDS, CDNSKEY, NS, CSYNC */
	struct span rdata; /* names in it uncompressed */
	bool wanted;       /* false: it should not stand there any more */
	bool ours;         /* ours, not a third signer's */
};

struct push {
	const uint8_t *zone;
	const char *text; /* absolute, final dot */
	uint32_t ttl;     /* where the RRset is not there yet */
	const struct push_record *record;
	size_t n;
};

struct push_result {
	enum err err;
	bool changed;    /* something was sent, and taken */
	const char *why; /* one sentence for a person: what was done, or what is wrong */
};

struct peer; /* one configured peer (peers/peer.h) */
struct push_call;
typedef void (*push_done)(const struct push_result *r, void *context);

/* What a service takes: bits. */
enum push_part { PUSH_DNSKEY = 1, PUSH_CDS = 2, PUSH_NS = 4, PUSH_CSYNC = 8 };

struct provider {
	const char *name; /* as in the configuration */
	unsigned takes;   /* enum push_part */
	/* Begins, or does all of it and calls push_finish(). */
	enum err (*start)(struct push_call *c);
	/* Gives back what start() made, at the end and when cancelled. */
	void (*end)(struct push_call *c);
};

/* NULL: there is none of that name. */
const struct provider *provider_find(const char *name);
/* Ends with NULL. */
extern const struct provider *const PROVIDERS[];

struct pusher;
enum err pusher_new(struct pusher **out, uv_loop_t *loop);
/* No push may be under way. Its handles close with the next turns of the loop, then it frees
 * itself. Accepts NULL. */
void pusher_close(struct pusher *p);

/* Copies `what`; `to` must live until the end. ERR_TOO_LONG: more records than PUSH_RECORDS_MAX. */
enum err pusher_push(struct push_call **out, struct pusher *p, const struct peer *to,
		     const struct push *what, push_done done, void *context);
/* Accepts NULL. */
void push_cancel(struct push_call *c);

#endif
