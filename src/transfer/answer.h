// SPDX-License-Identifier: Apache-2.0
/*
 * answer.h -- whether a message answers the request that we sent (RFC 5452 §9.1), and reading it.
 *
 * Invariant. Id, QR, opcode and question must be the request's, and all records must lie within the
 * message, or it is not an answer. Source address and port are the socket's matter.
 * Threads.   Pure.
 */
#ifndef TRANSFER_ANSWER_H
#define TRANSFER_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "dns/message.h"
#include "dns/record.h"

enum answer_verdict {
	ANSWER_OK,
	ANSWER_TRUNCATED, /* TC: an answer, but not whole */
	ANSWER_WRONG      /* of another question, or damaged: as if it had not come */
};

enum answer_verdict answer_check(struct span request, struct span message);

/* An answer opened at its records; r stands after the question. */
struct answer {
	uint16_t flags;
	uint8_t rcode; /* of the header; extended codes are in the OPT record */
	uint16_t count[4];
	struct reader r;
};

/* False where the header or question cannot be read. */
bool answer_open(struct span message, struct answer *out);

/* Writes a question with a random id and, unless it is 0, an OPT record that offers `udp_size`.
 * `flags`: enum message_flag. Returns its length; room must be MESSAGE_QUERY_MAX. */
#define MESSAGE_QUERY_MAX (MESSAGE_HEADER_LEN + NAME_MAX_LEN + 4 + 11)
size_t query_write(uint8_t *room, const uint8_t *name, uint16_t type, uint16_t flags,
		   uint16_t udp_size, bool dnssec);

#endif
