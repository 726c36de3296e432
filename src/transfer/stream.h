// SPDX-License-Identifier: Apache-2.0
/*
 * stream.h -- a connection to another server that carries DNS messages (RFC 7766 §8), TCP or TLS.
 *
 * Purpose.   What exchanges and transfers share: connecting, the handshake, framing, and limits in
 * time.
 * Invariant. A whole message is handed up or nothing. Connecting (with the handshake) and each
 * message have their time; a server that sends an octet now and then does not win any.
 * Memory.    stream_open() to stream_close(); the server can make it grow no further than one
 * message. Messages are borrowed for the call.
 * Threads.   The loop's.
 */
#ifndef TRANSFER_STREAM_H
#define TRANSFER_STREAM_H

#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "base/span.h"
#include "transfer/remote.h"

struct stream;

struct stream_handler {
	void (*message)(struct span message, void *context);
	/* Nothing more will come; at most once. `why` is a few words for a person. */
	void (*failed)(enum err e, const char *why, void *context);
	void *context;
};

struct stream_times {
	uint32_t connect_ms; /* until a message can be sent */
	uint32_t message_ms; /* from a request, or the last message, to the next whole message */
};

/* `to->transport` other than REMOTE_TLS means TCP. Errors: ERR_IO (with errno), ERR_NOMEM. */
enum err stream_open(struct stream **out, uv_loop_t *loop, const struct remote *to,
		     const struct stream_times *times, const struct stream_handler *handler);
/* Sends a message once connected; copies it. ERR_NOMEM, ERR_TOO_LONG. */
enum err stream_send(struct stream *s, struct span message);
/* At any time, from the handler too; nothing is called after. Accepts NULL. */
void stream_close(struct stream *s);

#endif
