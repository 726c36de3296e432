// SPDX-License-Identifier: Apache-2.0
/*
 * address_answer.h -- what a resolver says of the addresses of a name, aliases followed.
 *
 * Invariant. Only records on the way from the name asked count: CNAMEs from it, at most
 * ADDRESS_HOPS_MAX, and addresses of the type asked at their end; all else is gone past. That there
 * are none counts with the SOA that proves it (RFC 2308 §2) alone. The work is bounded, whatever
 * the message.
 * Threads.   Pure.
 */
#ifndef TRANSFER_ADDRESS_ANSWER_H
#define TRANSFER_ADDRESS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "dns/name.h"

#define ADDRESSES_MAX    64
#define ADDRESS_HOPS_MAX 16

enum address_outcome {
	ADDRESS_FAILED, /* it is not known: see `why` */
	ADDRESS_THERE,
	ADDRESS_NONE,    /* the name has no such records */
	ADDRESS_NO_NAME, /* it does not exist */
	ADDRESS_ONWARD,  /* an alias leads to a name that is answered for here */
};

struct address_answer {
	enum address_outcome outcome;
	const char *why;
	uint32_t ttl; /* least of all that led here */
	uint16_t n;
	uint8_t address[ADDRESSES_MAX][16]; /* ascending, each once; IPv4 in the first 4 octets */
	uint8_t next[NAME_MAX_LEN];         /* ADDRESS_ONWARD */
};

/* The question for `type` (A or AAAA) at `name`, to a resolver; returns its length. */
#define ADDRESS_QUESTION_MAX 300
size_t address_question_write(uint8_t room[ADDRESS_QUESTION_MAX], const uint8_t *name,
			      uint16_t type);

/* `message` answers the question for `type` (A or AAAA) at `name`. `is_ours` says of a name on the
 * way whether it is answered for here. */
void address_answer_read(struct span message, const uint8_t *name, uint16_t type,
			 bool (*is_ours)(const uint8_t *name, void *context), void *context,
			 struct address_answer *out);

#endif
