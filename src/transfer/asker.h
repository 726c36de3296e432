// SPDX-License-Identifier: Apache-2.0
/*
 * asker.h -- many questions to many servers over few sockets.
 *
 * Purpose.   Thousands of zones are looked at without a socket, or a burst, for each: at most so
 * many questions are under way, the rest waits in its order. What needs a stream (a truncated
 * answer, TSIG, TLS, a source address of its own) is an exchange (transfer/exchange.h) under the
 * same limit.
 * Invariant. As an exchange's: what `done` gets with ERR_OK came from the server's address and
 * port, has the question's id and question, and is whole. Over UDP each try has a random id and one
 * of several sockets with random ports, which are replaced after some use (RFC 5452 §9.2), and a
 * client cookie (RFC 7873): an answer with another cookie is ignored. With `sure` an answer without
 * a cookie is not enough, and the question is asked again over TCP.
 * Use.       `done` is called once, later, from the loop. Until then asked_cancel() ends it without
 * a call. After either the pointer is gone.
 * Memory.    asker_new() to asker_close(), before which every question must have ended. Questions
 * are copied; answers are borrowed for the call.
 * Threads.   The loop's.
 */
#ifndef TRANSFER_ASKER_H
#define TRANSFER_ASKER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "base/span.h"
#include "transfer/exchange.h"
#include "transfer/remote.h"

struct asker;
struct asked;

struct asker_options {
	uint32_t under_way_max; /* 0: 256 */
	uint32_t try_ms;        /* 0: 2000 */
	unsigned tries;         /* over UDP; 0: 3 */
};

enum err asker_new(struct asker **out, uv_loop_t *loop, const struct asker_options *options);
void asker_close(struct asker *a);

/* `question`: as query_write() writes it; `to` must live until `done`. ERR_NOMEM, ERR_SYNTAX. */
enum err asker_ask(struct asked **out, struct asker *a, const struct remote *to,
		   struct span question, bool sure,
		   void (*done)(const struct exchange_result *result, void *context),
		   void *context);
/* Accepts NULL. */
void asked_cancel(struct asked *q);

/* Questions that are under way, and that wait for it. */
uint32_t asker_under_way(const struct asker *a);
uint32_t asker_waiting(const struct asker *a);

#endif
