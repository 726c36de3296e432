// SPDX-License-Identifier: Apache-2.0
/* Start, reload, end of the interface. */
#include "api/api.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/internal.h"
#include "base/log.h"
#include "control/events.h"

#define HEARTBEAT_MS 15000

static void on_connection(uv_poll_t *p, int status, int events)
{
	struct api *a = p->data;
	struct sockaddr_storage from;
	socklen_t n = sizeof from;
	bool local = p == &a->listen_poll;

	(void)status;
	(void)events;
	memset(&from, 0, sizeof from);
	int fd = accept4(local ? a->listen_fd : a->metrics_fd, (struct sockaddr *)&from, &n,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		http_add(local ? &a->local : &a->outside, fd, (struct sockaddr *)&from, n, 0);
}

static void on_heartbeat(uv_timer_t *t)
{
	event_streams_beat(t->data);
}

static bool start_polling(struct api *a)
{
	a->listen_poll.data = a->metrics_poll.data = a->heartbeat.data = a;
	if (a->metrics_fd >= 0 &&
	    (uv_poll_init(a->loop, &a->metrics_poll, a->metrics_fd) != 0 ||
	     uv_poll_start(&a->metrics_poll, UV_READABLE, on_connection) != 0))
		return false;
	uv_timer_init(a->loop, &a->heartbeat);
	uv_timer_start(&a->heartbeat, on_heartbeat, HEARTBEAT_MS, HEARTBEAT_MS);
	return uv_poll_init(a->loop, &a->listen_poll, a->listen_fd) == 0 &&
	       uv_poll_start(&a->listen_poll, UV_READABLE, on_connection) == 0;
}

static enum err read_tokens(struct api *a, const struct config_api *c, struct diag *d)
{
	struct api_tokens *read = NULL;
	enum err e = c->token_file != NULL ? api_tokens_read(&read, c->token_file, d) : ERR_OK;

	if (e)
		return e;
	api_tokens_free(a->tokens);
	a->tokens = read;
	return ERR_OK;
}

static enum err open_all(struct api *a, struct diag *d)
{
	const struct config_api *c = &control_config(a->options.control)->api;
	enum err e =
	    a->socket_path != NULL ? listener_open(a->socket_path, &a->listen_fd, d) : ERR_NOMEM;

	if (!e && a->options.metrics_listen != NULL)
		e = listener_open_tcp(a->options.metrics_listen, "metrics", &a->metrics_fd, d);
	if (!e)
		e = read_tokens(a, c, d);
	if (!e &&
	    (!buckets_init(&a->rates) || !http_start(&a->local, a, HTTP_LOCAL, CONNECTIONS_MAX) ||
	     !http_start(&a->outside, a, HTTP_OUTSIDE, c->connections + CONNECTIONS_MAX) ||
	     !start_polling(a))) {
		diag_add(d, DIAG_ERROR, NULL, NULL, "the HTTP server cannot be started");
		e = ERR_IO;
	}
	if (!e && c->listen_n > 0)
		e = tls_doors_open(&a->tls, a, c, d);
	return e;
}

enum err api_start(struct api **out, uv_loop_t *loop, const struct api_options *options,
		   struct diag *d)
{
	struct api *a = calloc(1, sizeof *a);

	if (a == NULL)
		return ERR_NOMEM;
	a->options = *options;
	a->loop = loop;
	a->listen_fd = a->metrics_fd = -1;
	a->socket_path = strdup(options->socket_path);
	*out = a; /* what was opened is closed by api_stop(), also after a failure */
	enum err e = open_all(a, d);
	if (!e)
		events_watch(control_events(options->control), event_streams_wake, a);
	return e;
}

enum err api_reload(struct api *a, const struct config *config, struct diag *d)
{
	enum err e = read_tokens(a, &config->api, d);

	if (a->tls != NULL) {
		enum err tls = tls_doors_reload(a->tls, &config->api, d);
		e = e ? e : tls;
	} else if (config->api.listen_n > 0) {
		log_notice(NULL,
			   "reload: api.listen has changed; that takes effect with a restart");
	}
	event_streams_end(a);
	return e;
}

/* ---- the end ---- */

static void free_all(struct api *a)
{
	if (a->local.daemon != NULL)
		MHD_stop_daemon(a->local.daemon);
	if (a->outside.daemon != NULL)
		MHD_stop_daemon(a->outside.daemon);
	if (a->listen_fd >= 0)
		close(a->listen_fd);
	if (a->metrics_fd >= 0)
		close(a->metrics_fd);
	api_tokens_free(a->tokens);
	buckets_free(&a->rates);
	free(a->socket_path);
	free(a);
}

static void one_closed(struct api *a)
{
	if (--a->open_handles == 0)
		free_all(a);
}

static void on_closed(uv_handle_t *h)
{
	one_closed(h->data);
}

static void close_one(struct api *a, uv_handle_t *h)
{
	if (h->type == UV_UNKNOWN_HANDLE)
		return;
	h->data = a;
	a->open_handles++;
	uv_close(h, on_closed);
}

void api_stop(struct api *a)
{
	if (a == NULL)
		return;
	events_watch(control_events(a->options.control), NULL, NULL);
	if (a->listen_fd >= 0)
		unlink(a->socket_path);
	/* The library wants nobody asleep when it ends. */
	event_streams_end(a);
	later_end(a);
	if (a->local.daemon != NULL)
		MHD_run(a->local.daemon);
	if (a->outside.daemon != NULL)
		MHD_run(a->outside.daemon);
	a->open_handles = 1; /* ours, until all are begun */
	uv_handle_t *all[] = {
		(uv_handle_t *)&a->listen_poll,   (uv_handle_t *)&a->metrics_poll,
		(uv_handle_t *)&a->heartbeat,     (uv_handle_t *)&a->local.poll,
		(uv_handle_t *)&a->local.timer,   (uv_handle_t *)&a->outside.poll,
		(uv_handle_t *)&a->outside.timer,
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		close_one(a, all[i]);
	if (a->tls != NULL) {
		a->open_handles++;
		tls_doors_close(a->tls, one_closed);
		a->tls = NULL;
	}
	one_closed(a);
}
