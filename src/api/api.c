// SPDX-License-Identifier: Apache-2.0
/* libmicrohttpd on the control loop: it parses, we accept and answer. */
#include "api/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/internal.h"
#include "base/log.h"

/* ---- one request ---- */

static enum MHD_Result send_json(struct MHD_Connection *connection, struct response r)
{
	char *text = r.text != NULL   ? r.text
		     : r.json != NULL ? json_dumps(r.json, JSON_INDENT(2))
				      : NULL;

	json_decref(r.json);
	if (text == NULL)
		return MHD_NO;
	struct MHD_Response *m =
	    MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (m == NULL) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(m, "Content-Type",
				r.text != NULL    ? "text/plain; version=0.0.4; charset=utf-8"
				: r.status >= 400 ? "application/problem+json"
						  : "application/json");
	MHD_add_response_header(m, "Cache-Control", "no-store");
	enum MHD_Result sent = MHD_queue_response(connection, r.status, m);
	MHD_destroy_response(m);
	return sent;
}

static enum MHD_Result collect(struct request *r, const char *data, size_t *n)
{
	if (r->body_n + *n > BODY_MAX) {
		r->too_long = true;
	} else {
		char *more = realloc(r->body, r->body_n + *n + 1);
		if (more == NULL)
			return MHD_NO;
		memcpy(more + r->body_n, data, *n);
		r->body = more;
		r->body_n += *n;
		r->body[r->body_n] = 0;
	}
	*n = 0;
	return MHD_YES;
}

/* The control socket is a Unix socket, whose mode says who may ask. */
static bool came_in_open(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *i =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	return i == NULL || i->client_addr == NULL || i->client_addr->sa_family != AF_UNIX;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *data_n, void **state)
{
	struct request *r = *state;

	(void)version;
	if (r == NULL) {
		*state = calloc(1, sizeof *r);
		return *state != NULL ? MHD_YES : MHD_NO;
	}
	if (*data_n > 0)
		return collect(r, data, data_n);
	r->method = method;
	r->path = url;
	r->connection = connection;
	if (r->too_long)
		return send_json(connection,
				 response_problem(413, "the body is larger than 64 KiB"));
	if (r->body != NULL)
		r->json = json_loads(r->body, JSON_REJECT_DUPLICATES, NULL);
	return send_json(connection, routes_handle(context, r, came_in_open(connection)));
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode code)
{
	struct request *r = *state;

	(void)context;
	(void)connection;
	(void)code;
	if (r == NULL)
		return;
	json_decref(r->json);
	free(r->body);
	free(r);
	*state = NULL;
}

/* ---- the loop ---- */

static void on_timer(uv_timer_t *t);

static void run_http(struct api *a)
{
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(a->http);
	if (MHD_get_timeout(a->http, &ms) == MHD_YES)
		uv_timer_start(&a->timer, on_timer, ms, 0);
	else
		uv_timer_stop(&a->timer);
}

static void on_timer(uv_timer_t *t)
{
	run_http(t->data);
}

static void on_http(uv_poll_t *p, int status, int events)
{
	(void)status;
	(void)events;
	run_http(p->data);
}

static void on_connection(uv_poll_t *p, int status, int events)
{
	struct api *a = p->data;
	struct sockaddr_storage peer;
	socklen_t n = sizeof peer;

	(void)status;
	(void)events;
	memset(&peer, 0, sizeof peer);
	int listen_fd = p == &a->metrics_poll ? a->metrics_fd : a->listen_fd;
	int fd = accept4(listen_fd, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	/* The library closes what it does not take. */
	if (MHD_add_connection(a->http, fd, (struct sockaddr *)&peer, n) == MHD_YES)
		run_http(a);
}

static bool start_http(struct api *a)
{
	a->http = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
				   on_request, a, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
				   MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
				   MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_END);
	if (a->http == NULL)
		return false;
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(a->http, MHD_DAEMON_INFO_EPOLL_FD);
	return info != NULL && uv_poll_init(a->loop, &a->http_poll, info->epoll_fd) == 0;
}

static bool start_polling(struct api *a)
{
	a->http_poll.data = a->listen_poll.data = a->metrics_poll.data = a->timer.data = a;
	if (a->metrics_fd >= 0 &&
	    (uv_poll_init(a->loop, &a->metrics_poll, a->metrics_fd) != 0 ||
	     uv_poll_start(&a->metrics_poll, UV_READABLE, on_connection) != 0))
		return false;
	return uv_timer_init(a->loop, &a->timer) == 0 &&
	       uv_poll_init(a->loop, &a->listen_poll, a->listen_fd) == 0 &&
	       uv_poll_start(&a->http_poll, UV_READABLE, on_http) == 0 &&
	       uv_poll_start(&a->listen_poll, UV_READABLE, on_connection) == 0;
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
	enum err e =
	    a->socket_path != NULL ? listener_open(a->socket_path, &a->listen_fd, d) : ERR_NOMEM;
	if (!e && options->metrics_listen != NULL)
		e = listener_open_tcp(options->metrics_listen, &a->metrics_fd, d);
	if (!e && (!start_http(a) || !start_polling(a))) {
		diag_add(d, DIAG_ERROR, NULL, NULL, "the HTTP server cannot be started");
		e = ERR_IO;
	}
	if (e) {
		if (a->http != NULL)
			MHD_stop_daemon(a->http);
		if (a->listen_fd >= 0)
			close(a->listen_fd);
		if (a->metrics_fd >= 0)
			close(a->metrics_fd);
		free(a->socket_path);
		free(a);
		return e;
	}
	*out = a;
	return ERR_OK;
}

static void on_closed(uv_handle_t *h)
{
	struct api *a = h->data;

	if (--a->open_handles > 0)
		return;
	MHD_stop_daemon(a->http);
	close(a->listen_fd);
	if (a->metrics_fd >= 0)
		close(a->metrics_fd);
	free(a->socket_path);
	free(a);
}

void api_stop(struct api *a)
{
	if (a == NULL)
		return;
	unlink(a->socket_path);
	a->open_handles = a->metrics_fd >= 0 ? 4 : 3;
	if (a->metrics_fd >= 0)
		uv_close((uv_handle_t *)&a->metrics_poll, on_closed);
	uv_poll_stop(&a->http_poll);
	uv_poll_stop(&a->listen_poll);
	uv_close((uv_handle_t *)&a->http_poll, on_closed);
	uv_close((uv_handle_t *)&a->listen_poll, on_closed);
	uv_close((uv_handle_t *)&a->timer, on_closed);
}
