// SPDX-License-Identifier: Apache-2.0
/*
 * incoming.h -- a zone transfer as it comes in, message by message: AXFR (RFC 5936) and IXFR (RFC
 * 1995).
 *
 * Purpose.   Says what each record is: of the whole zone, removed or added by a difference
 * sequence. Knows no socket, clock or zone.
 * Invariant. INCOMING_DONE comes only after the final SOA, and nothing after it; what was handed
 * out before is worth nothing until then. Serials lead from ours to the first SOA's, each newer
 * than the one before (RFC 1982). Records lie within the zone and have RDATA of their type. Failure
 * is sticky, and counted limits bound all that a primary can send. Memory.    A value of the
 * caller; records are borrowed for the call of the sink. Threads.   One at a time.
 */
#ifndef TRANSFER_INCOMING_H
#define TRANSFER_INCOMING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "dns/rdata.h"
#include "dns/record.h"

enum incoming_part {
	INCOMING_WHOLE,   /* a record of the whole zone; its SOA is the first */
	INCOMING_REMOVED, /* by the present difference sequence; its old SOA is the first */
	INCOMING_ADDED,   /* by the present difference sequence; its new SOA is the first */
};

struct incoming_limits {
	uint64_t records; /* 0: none */
	uint64_t octets;  /* of messages; 0: none */
};

struct incoming_sink {
	/* What it returns other than ERR_OK ends the transfer. */
	enum err (*record)(enum incoming_part part, const struct record *r, void *context);
	void *context;
};

enum incoming_verdict {
	INCOMING_MORE,
	INCOMING_DONE,     /* whole zone, or all differences: in.kind tells */
	INCOMING_CURRENT,  /* the primary has no newer serial than ours */
	INCOMING_FALLBACK, /* the primary does not do IXFR: ask for AXFR */
	INCOMING_FAILED,   /* in.err and in.why say why */
};

enum incoming_kind { INCOMING_UNKNOWN, INCOMING_AXFR, INCOMING_IXFR };

struct incoming {
	const uint8_t *zone; /* borrowed */
	uint16_t id;
	bool incremental; /* asked for IXFR from serial `from` */
	uint32_t from;
	struct incoming_limits limits;
	struct incoming_sink sink;

	enum incoming_kind kind;
	uint32_t serial; /* of the first SOA: where the transfer leads */
	uint32_t at;     /* IXFR: serial of the present sequence's last SOA */
	uint8_t state;
	uint64_t record_n, octet_n, message_n;
	unsigned empty_n; /* messages without records, in a row */
	enum incoming_verdict verdict;
	enum err err;
	char why[160];
	uint8_t room[RDATA_MAX];
};

/* `id`: of the request. Without `incremental` AXFR was asked for. */
void incoming_start(struct incoming *in, const uint8_t *zone, uint16_t id, bool incremental,
		    uint32_t from, const struct incoming_limits *limits,
		    const struct incoming_sink *sink);
/* The next message; after anything but INCOMING_MORE it only repeats that. */
enum incoming_verdict incoming_message(struct incoming *in, struct span message);

/* The serial in SOA RDATA; false where it is not one. */
bool soa_serial(struct span rdata, uint32_t *out);

#endif
