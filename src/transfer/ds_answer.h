// SPDX-License-Identifier: Apache-2.0
/*
 * ds_answer.h -- what a parent's server says of a child's DS (RFC 4034 §5).
 *
 * Invariant. Only an authoritative NOERROR answer counts; no DS in it is an answer too. Digests are
 * copied as they are, not judged. Threads.   Pure.
 */
#ifndef TRANSFER_DS_ANSWER_H
#define TRANSFER_DS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define DS_ANSWER_MAX       32
#define DS_ANSWER_RDATA_MAX 68 /* SHA-512, were there one */

struct ds_answer {
	struct {
		uint8_t rdata[DS_ANSWER_RDATA_MAX];
		size_t len;
	} ds[DS_ANSWER_MAX];
	size_t n;
	uint32_t ttl; /* greatest; 0 where there is none */
};

/* The question for it; returns its length. */
#define DS_QUESTION_MAX 300
size_t ds_question_write(uint8_t room[DS_QUESTION_MAX], const uint8_t *zone);
/* False with *why set: not an answer of the parent, damaged, or with more DS than anybody needs. */
bool ds_answer_read(struct span message, const uint8_t *zone, struct ds_answer *out,
		    const char **why);

#endif
