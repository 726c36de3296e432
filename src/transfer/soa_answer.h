// SPDX-License-Identifier: Apache-2.0
/*
 * soa_answer.h -- the question for a zone's SOA, and the serial in its answer or in a NOTIFY.
 *
 * Threads.   Pure.
 */
#ifndef TRANSFER_SOA_ANSWER_H
#define TRANSFER_SOA_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define SOA_QUESTION_MAX 300

/* Into room[SOA_QUESTION_MAX]; returns the length. */
size_t soa_question_write(uint8_t *room, const uint8_t *zone);
/* The serial that an authoritative answer gives; false with *why set (a few words). */
bool soa_answer_serial(struct span message, const uint8_t *zone, uint32_t *out, const char **why);
/* The SOA in the answer section of a NOTIFY: a hint that anybody can forge (RFC 1996 §3.7). */
bool soa_notify_serial(struct span message, const uint8_t *zone, uint32_t *out);

#endif
