// SPDX-License-Identifier: Apache-2.0
/*
 * api.h -- the HTTP interface: a table of routes over control, on a Unix socket and over HTTPS.
 *
 * Purpose.   concordctl, other providers, controllers, and whatever speaks HTTP and JSON.
 * libmicrohttpd parses; our own listeners hand it connections on the control loop, TLS taken off.
 * Limits.    Connections (in all and by address), header and body sizes, idle time, time of a
 * request and requests a minute are bounded; a request that goes past them gets its HTTP error.
 * Threads.   The control thread.
 * Access.    The socket's file mode (0660, owner and group of the daemon); outside tokens or client
 * certificates with scopes (control/config_api.h). An old socket file that nobody listens on is
 * replaced.
 * Errors.    application/problem+json (RFC 9457): title, status, detail.
 */
#ifndef API_API_H
#define API_API_H

#include <uv.h>

#include "base/diag.h"
#include "base/err.h"
#include "control/control.h"

struct api;

struct api_options {
	const char *socket_path;
	struct control *control; /* borrowed */
	json_t *(*stats)(
	    void *context); /* counters of the data plane; the caller of it owns the value */
	void *stats_context;
	void (*metrics)(
	    void *context,
	    struct text *out); /* Prometheus text of the data plane; with stats_context */
	const struct config_address *metrics_listen; /* HTTP, /metrics alone; NULL: none */
};

enum err api_start(struct api **out, uv_loop_t *loop, const struct api_options *options,
		   struct diag *d);
/* Tokens, certificate and authority of clients from the configuration now in use. What cannot be
 * read leaves what was. */
enum err api_reload(struct api *a, const struct config *config, struct diag *d);
/* Its handles close with the next turns of the loop. */
void api_stop(struct api *a);

#endif
