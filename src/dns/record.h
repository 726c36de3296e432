// SPDX-License-Identifier: Apache-2.0
/*
 * record.h -- one resource record of a message that came from the network (RFC 1035 §4.1.3).
 *
 * Purpose.   Answers, transfers and updates are read record by record; names come out uncompressed.
 * Invariant. Bounded and allocation-free; a record that does not fit its frame turns the reader
 * bad, and all later reads with it. RDATA is not checked against its type here (rdata_is_valid()).
 * Memory.    record->rdata lies in the message, or in the room of the caller where it was expanded.
 * Threads.   Pure.
 */
#ifndef DNS_RECORD_H
#define DNS_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "dns/name.h"
#include "dns/wire.h"

struct record {
	size_t at; /* offset in the message */
	struct name owner;
	uint16_t type, rclass;
	uint32_t ttl;
	struct span rdata;
};

/* Reads the record at a reader that spans the whole message. `room` takes expanded RDATA, at most
 * `cap` octets (RDATA_MAX holds all). False when the reader is bad. */
bool record_read(struct reader *r, struct record *out, uint8_t *room, size_t cap);
/* Goes past one record, looking at its frame only. */
bool record_skip(struct reader *r);

#endif
