// SPDX-License-Identifier: Apache-2.0
/*
 * exchange.h -- one DNS request to one server, and its answer.
 *
 * Purpose.   SOA checks, NOTIFY, UPDATE, questions to parents and peers: whoever asks another
 * server something does it here.
 * Use.       exchange_start() sends; `done` is called once, later, from the loop. Until then
 * exchange_cancel() ends it without a call. After either the pointer is gone.
 * Invariant. What `done` gets with ERR_OK came from that address and port, has the request's id,
 * opcode and question, is whole (transfer/answer.h), and signed with the remote's TSIG key where it
 * has one (RFC 8945 §5.3). Over UDP each try has its own socket with
 * a random port and its own random id (RFC 5452 §9.2); what does not match is ignored, and where
 * too much of it comes the rest is done over TCP. A truncated answer is asked for again over TCP.
 * Memory.    Request and TSIG key are copied; the answer is borrowed for the call, its TSIG record
 * still in it.
 * Errors.    ERR_TIMEOUT, ERR_IO (nobody there, connection closed), ERR_UNTRUSTED (TLS,
 * TSIG), ERR_SYNTAX (over a stream: not an answer to this); `why` is a few words.
 * Threads.   The loop's.
 */
#ifndef TRANSFER_EXCHANGE_H
#define TRANSFER_EXCHANGE_H

#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "base/span.h"
#include "transfer/remote.h"

struct exchange;

struct exchange_result {
	enum err err;
	const char *why;     /* NULL with ERR_OK */
	struct span message; /* with ERR_OK; its rcode is the caller's matter */
};

struct exchange_options {
	uint32_t try_ms; /* for one try; 0: 2000. Over TCP and TLS connecting and answering have
			    this each */
	unsigned tries;  /* over UDP; 0: 3 */
	void (*done)(const struct exchange_result *result, void *context);
	void *context;
};

/* `request`: a whole message whose id is written anew. Errors: ERR_NOMEM, ERR_IO (no socket; with
 * errno), ERR_SYNTAX (no message): `done` is then not called. */
enum err exchange_start(struct exchange **out, uv_loop_t *loop, const struct remote *to,
			struct span request, const struct exchange_options *options);
/* Accepts NULL. */
void exchange_cancel(struct exchange *x);

#endif
