// SPDX-License-Identifier: Apache-2.0
/*
 * key_bodies.h -- the JSON bodies in which services say what stands at a zone's apex.
 *
 * Bounds.    At most BODY_RECORDS_MAX records; what has more, or is of another shape, is refused.
 * Memory.    The struct holds copies.
 * Threads.   Pure.
 */
#ifndef PEERS_KEY_BODIES_H
#define PEERS_KEY_BODIES_H

#include <stdbool.h>

#include "base/span.h"
#include "peers/record_text.h"

#define BODY_RECORDS_MAX 128

struct body_records {
	uint16_t type;
	uint32_t ttl;
	bool disabled; /* one of them is switched off there: such a set is not ours to write */
	size_t n;
	struct span rdata[BODY_RECORDS_MAX];
	uint8_t room[BODY_RECORDS_MAX][RECORD_RDATA_MAX];
};

/* Concord's key set: {"keys": [{"dnskey": "example. 3600 IN DNSKEY ..."}]}. */
bool body_read_key_set(const char *body, size_t n, struct body_records *out);
/* PowerDNS's zone with its RRsets of one type and name; `out->type` is given. */
bool body_read_rrsets(const char *body, size_t n, const char *zone, struct body_records *out);
/* PowerDNS's setting: {"name": ..., "value": ...} or a list of them. False: it is not "yes". */
bool body_setting_is_on(const char *body, size_t n, const char *name);

#endif
