// SPDX-License-Identifier: Apache-2.0
/*
 * edns.h -- EDNS(0): the OPT record and its options (RFC 6891), read from requests and written into
 * answers.
 *
 * Purpose.   A table of options; each is parsed inside its own bounds. Unknown options are ignored
 * (RFC 6891 §6.1.2). Invariant. A malformed OPT or option makes the request FORMERR as its RFC says
 * (RFC 7871 §7.1.2, RFC 7873 §5.2.2).
 */
#ifndef DNS_EDNS_H
#define DNS_EDNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"
#include "base/span.h"
#include "dns/wire.h"

enum edns_option {
	EDNS_NSID = 3,
	EDNS_ECS = 8,
	EDNS_EXPIRE = 9,
	EDNS_COOKIE = 10,
	EDNS_KEEPALIVE = 11,
	EDNS_PADDING = 12,
	EDNS_EDE = 15,
	EDNS_REPORT_CHANNEL = 18
};

enum edns_flag { EDNS_DO = 0x8000, EDNS_CO = 0x4000 };

/* RFC 8914 §4 */
enum ede {
	EDE_OTHER = 0,
	EDE_DNSKEY_MISSING = 9,
	EDE_NOT_READY = 14,
	EDE_PROHIBITED = 18,
	EDE_NOT_AUTHORITATIVE = 20,
	EDE_NOT_SUPPORTED = 21,
	EDE_NO_REACHABLE_AUTHORITY = 22,
	EDE_NETWORK_ERROR = 23,
	EDE_INVALID_DATA = 24,
	EDE_TOO_EARLY = 26,
	EDE_INVALID_QTYPE = 30
};

struct edns {
	bool present;
	uint8_t version;
	uint16_t udp_size; /* as asked; below 512 counts as 512 (RFC 6891 §6.2.3) */
	uint16_t flags;
	bool nsid;                   /* asked for (RFC 5001) */
	bool ecs;                    /* present */
	struct ip_prefix ecs_prefix; /* family IP_NONE when the client sent family 0 */
	bool cookie;
	uint8_t cookie_bytes[40];
	uint8_t cookie_len; /* 8, or 16..40 */
	bool keepalive;
	bool padding;
};

/* Parses an OPT record's class, TTL and RDATA as they stood in the message. False: FORMERR. A
 * version above 0 is not an error here: options are then not read. */
bool edns_parse(uint16_t udp_class, uint32_t ttl, struct span options, struct edns *out);

/* What goes into the OPT of an answer. */
struct edns_answer {
	uint16_t udp_size;      /* ours */
	uint16_t flags;         /* EDNS_DO echoed (RFC 3225 §3) */
	uint8_t extended_rcode; /* upper 8 bits */
	bool ecs;               /* echo ecs_prefix with this scope (RFC 7871 §7.2.1) */
	struct ip_prefix ecs_prefix;
	uint8_t ecs_scope;
	struct span nsid; /* empty: none */
	bool ede;
	uint16_t ede_code;
	bool keepalive; /* RFC 7828 */
	uint16_t keepalive_100ms;
	uint8_t cookie_len; /* client's and server's cookie (RFC 7873 §5.2); 0: none */
	uint8_t cookie[24];
	struct span report_agent; /* wire name of the reporting agent (RFC 9567); empty: none */
	bool pad;                 /* fill the message up to a block (RFC 7830, RFC 8467 §4.1) */
};

/* Answers over encrypted transport are padded to multiples of this (RFC 8467 §4.1). */
#define EDNS_PADDING_BLOCK 468

/* Octets that edns_write() will take. */
size_t edns_len(const struct edns_answer *a);
/* Writes the whole OPT record, which must be the message's last; padding counts from w->start. */
void edns_write(struct writer *w, const struct edns_answer *a);

#endif
