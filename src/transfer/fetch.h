// SPDX-License-Identifier: Apache-2.0
/*
 * fetch.h -- one transfer of a zone from one primary, over TCP or TLS.
 *
 * Purpose.   Sends the request, checks each message (TSIG where the remote has a key, RFC 8945
 * §5.3.1), feeds it to transfer/incoming, and puts a whole zone into a spool file, differences into
 * change sets. What comes out is not in service yet and nothing was changed.
 * Limits.    Records and octets by incoming; the whole by a time; each message by a time; a primary
 * that sends next to nothing fails early.
 * Use.       As transfer/exchange.h: one call of `done`, or fetch_cancel().
 * Memory.    Remote's key and zone's name are copied. The result's contents go to the one who is
 * called, who takes or frees them (fetch_result_free()).
 * Threads.   The loop's.
 */
#ifndef TRANSFER_FETCH_H
#define TRANSFER_FETCH_H

#include <stdint.h>
#include <uv.h>

#include "transfer/incoming.h"
#include "transfer/remote.h"
#include "transfer/spool.h"
#include "zone/change.h"

struct fetch;

enum fetch_kind {
	FETCH_FAILED,
	FETCH_CURRENT, /* nothing newer there */
	FETCH_WHOLE,   /* `spool`, ended and synced (in a thread of the pool) */
	FETCH_CHANGES, /* `changes`, one a difference sequence, oldest first */
};

struct fetch_result {
	enum fetch_kind kind;
	enum err err; /* FETCH_FAILED */
	const char *why;
	bool incremental; /* what failed was an IXFR: the whole zone may do better */
	uint32_t serial;
	uint64_t record_n, octet_n, message_n;
	uint64_t took_ms;
	bool has_zonemd; /* a record of that type came with it (transfer/zonemd.h) */
	bool has_keys;   /* DNSKEY, CDS, CDNSKEY or CSYNC of the zone did */
	struct spool *spool;
	struct change_set *changes;
	size_t change_n;
};

/* What it holds: the spool is given up. */
void fetch_result_free(struct fetch_result *r);

struct fetch_options {
	const uint8_t *zone;
	const char *spool_path;
	bool incremental; /* IXFR from `serial` */
	uint32_t serial;
	struct span soa; /* incremental: RDATA of our SOA */
	struct incoming_limits limits;
	uint32_t connect_ms, message_ms, whole_ms;
	void (*done)(const struct fetch_result *result, void *context);
	void *context;
};

enum err fetch_start(struct fetch **out, uv_loop_t *loop, const struct remote *from,
		     const struct fetch_options *options);
/* Accepts NULL. */
void fetch_cancel(struct fetch *f);

#endif
