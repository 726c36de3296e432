// SPDX-License-Identifier: Apache-2.0
/*
 * request.h -- requests that the data plane handed on (query/handoff.h): checked, and given to the
 * one whose matter they are.
 *
 * Purpose.   control_take() is the hook: bounded, from any thread. In the control thread each
 * request is parsed, its TSIG checked against the configuration, and then it is an update, a
 * transfer, a notification, or a question that was signed. Invariant. Nobody is believed to have a
 * key before tsig_accept() said so; each answer to a signed request is signed.
 * Memory.    A struct request lives in the caller's stack during its dispatch; who answers later
 * copies it (request_keep()). Threads.   The control thread, but for control_take().
 */
#ifndef CONTROL_REQUEST_H
#define CONTROL_REQUEST_H

#include <stdint.h>

#include "control/control.h"
#include "dns/message.h"
#include "dns/tsig.h"
#include "query/handoff.h"
#include "transfer/access.h"

struct request {
	struct control *control;
	struct handoff *h;
	struct message msg;
	struct tsig tsig;
	struct tsig_key key; /* a copy, so that a later answer outlives a reload; tsig.key points
				here */
	struct access_client who;
	uint64_t update_id; /* of a signed update (update_memory.h), once; else 0 */
	size_t reply_max;   /* octets that an answer may have, its TSIG in them */
};

/* The zone that the question names, where it is served here; else NULL. */
struct zone_entry *request_zone(const struct request *r);

/* Header with this rcode and flags (FLAG_AA, ...) and the question, into out, which has room for
 * `cap`. Returns its length. */
size_t request_start_answer(const struct request *r, uint8_t *out, size_t cap, uint16_t rcode,
			    uint16_t flags);
/* Signs an answer of n octets in a buffer of MESSAGE_MAX and sends it as the last one; where it is
 * longer than the client takes, with TC and the question alone. */
void request_reply(struct request *r, uint8_t *answer, size_t n);
/* The same with header and question alone. */
void request_refuse(struct request *r, uint16_t rcode);
/* A copy that outlives the dispatch; to be freed with request_free() after its last answer. NULL
 * without memory. */
struct request *request_keep(const struct request *r);
void request_free(struct request *r);
/* "192.0.2.1", "192.0.2.1 key name" into out[REQUEST_TEXT_MAX]; returns it. */
#define REQUEST_TEXT_MAX (IP_TEXT_MAX + NAME_TEXT_MAX + 8)
char *request_from(const struct request *r, char *out);

/* requests.c: opened with control, before the first worker starts. */
enum err requests_open(struct control *c);
/* Gives back all that is queued; nothing is taken from then on. */
void requests_stop(struct control *c);
void requests_close(struct control *c);

#endif
