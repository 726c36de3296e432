// SPDX-License-Identifier: Apache-2.0
/*
 * message.h -- the header and the question of a DNS message.
 *
 * Purpose.   Numbers of RFC 1035 §4.1.1 and their successors, and the parser of a request: header,
 * one question, OPT, with nothing trusted. Invariant. message_parse() reads each byte at most a
 * bounded number of times and allocates nothing.
 */
#ifndef DNS_MESSAGE_H
#define DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "dns/edns.h"
#include "dns/name.h"

#define MESSAGE_HEADER_LEN 12
#define MESSAGE_MAX        65535

enum opcode {
	OPCODE_QUERY = 0,
	OPCODE_IQUERY = 1,
	OPCODE_STATUS = 2,
	OPCODE_NOTIFY = 4,
	OPCODE_UPDATE = 5,
	OPCODE_DSO = 6
};

enum rcode {
	RCODE_NOERROR = 0,
	RCODE_FORMERR = 1,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5,
	RCODE_YXDOMAIN = 6,
	RCODE_YXRRSET = 7,
	RCODE_NXRRSET = 8,
	RCODE_NOTAUTH = 9,
	RCODE_NOTZONE = 10,
	RCODE_BADVERS = 16,
	RCODE_BADCOOKIE = 23,
};

enum message_flag {
	FLAG_QR = 0x8000,
	FLAG_AA = 0x0400,
	FLAG_TC = 0x0200,
	FLAG_RD = 0x0100,
	FLAG_RA = 0x0080,
	FLAG_AD = 0x0020,
	FLAG_CD = 0x0010
};

/* A request as asked. */
struct message {
	uint16_t id;
	uint16_t flags; /* the whole second word, opcode and rcode in it */
	uint8_t opcode;
	uint16_t count[4]; /* as the header says */
	struct name qname; /* case as asked */
	uint16_t qtype, qclass;
	size_t question_end; /* offset after the question */
	struct edns edns;    /* edns.present tells */
	struct span tsig;    /* the TSIG record whole, when it is the last record; else empty */
	size_t tsig_at;      /* its offset */
};

enum message_verdict {
	MESSAGE_OK,
	MESSAGE_DROP,    /* shorter than a header, or a response (QR): never answered */
	MESSAGE_FORMERR, /* header (and the question where it was readable: question_end > 12) may
			    be echoed */
	MESSAGE_BADVERS, /* EDNS version above 0 (RFC 6891 §6.1.3) */
	MESSAGE_NOTIMP,  /* an opcode that we do not know; the question was not read */
};

/* Parses a request. For QUERY exactly one question is needed (RFC 9619), or none beside a COOKIE
 * option alone (RFC 7873 §5.4; question_end is then 12); records in answer/authority sections of
 * NOTIFY and UPDATE are skipped over structurally. Bytes after the last counted record are FORMERR.
 */
enum message_verdict message_parse(struct span in, struct message *out);

#endif
