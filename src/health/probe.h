// SPDX-License-Identifier: Apache-2.0
/*
 * probe.h -- one look at one target: a connection, a request, an echo.
 *
 * Purpose.   HTTP, HTTPS and TCP by libcurl's multi interface on our loop, ICMP by an echo socket.
 * Each probe makes a connection of its own, never a kept one or a resumed TLS session: what is
 * checked is what a new client would meet. Redirects are not followed. Threads.   The loop's
 * thread; callbacks come from the loop, never from inside probe_start(). Names as targets are
 * resolved by libcurl's threads. Memory.    A probe is gone after its callback, or after
 * probe_cancel(), which makes no callback. The spec is borrowed until then.
 */
#ifndef HEALTH_PROBE_H
#define HEALTH_PROBE_H

#include <uv.h>

#include "base/err.h"
#include "health/check.h"

struct prober;
struct probe;

#define PROBE_REASON_MAX 160

struct probe_result {
	bool ok;
	uint32_t took_us;
	const char *
	    reason; /* one line: "status 200", "connection refused"; borrowed during the callback */
};

typedef void (*probe_done)(const struct probe_result *r, void *context);

enum err prober_new(struct prober **out, uv_loop_t *loop);
/* No probe may be under way. Its handles close with the next turns of the loop, then it frees
 * itself. Accepts NULL. */
void prober_close(struct prober *p);

/* ERR_UNSUPPORTED: ICMP, and the system does not permit it; or CHECK_FEED. ERR_NOMEM. */
enum err probe_start(struct prober *p, const struct check_spec *spec, probe_done done,
		     void *context, struct probe **out);
void probe_cancel(struct probe *b);

#endif
