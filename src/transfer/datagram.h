// SPDX-License-Identifier: Apache-2.0
/*
 * datagram.h -- one UDP socket towards one server: a random port, and only that server's datagrams
 * come in.
 *
 * Memory.    datagram_open() to datagram_close(); what arrives is borrowed for the call.
 * Threads.   The loop's.
 */
#ifndef TRANSFER_DATAGRAM_H
#define TRANSFER_DATAGRAM_H

#include <uv.h>

#include "base/err.h"
#include "base/span.h"
#include "transfer/remote.h"

/* More than we ever say that we take; what is longer is cut and so not a whole message. */
#define DATAGRAM_MAX 4096

struct datagram;

struct datagram_handler {
	void (*received)(struct span message, void *context);
	/* The system says that nobody listens there, or that there is no way; may come again. */
	void (*failed)(const char *why, void *context);
	void *context;
};

/* ERR_IO (with errno), ERR_NOMEM. */
enum err datagram_open(struct datagram **out, uv_loop_t *loop, const struct remote *to,
		       const struct datagram_handler *handler);
/* ERR_IO (with errno). */
enum err datagram_send(struct datagram *d, struct span message);
/* At any time, from the handler too. Accepts NULL. */
void datagram_close(struct datagram *d);

#endif
