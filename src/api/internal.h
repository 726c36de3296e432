// SPDX-License-Identifier: Apache-2.0
/*
 * internal.h -- between the listener, the HTTP library and the routes; private to this folder.
 */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <uv.h>

#include "api/api.h"

#define BODY_MAX        (64u << 10)
#define CONNECTIONS_MAX 32
#define IDLE_S          10

struct api {
	struct api_options options;
	uv_loop_t *loop;
	struct MHD_Daemon *http;
	uv_poll_t http_poll; /* the library's epoll descriptor */
	uv_poll_t listen_poll;
	uv_timer_t timer; /* the library's time-outs */
	int listen_fd;
	int metrics_fd; /* -1: none */
	uv_poll_t metrics_poll;
	int open_handles; /* while closing */
	char *socket_path;
};

/* One request, its body collected. */
struct request {
	const char *method, *path;
	struct MHD_Connection *connection;
	char *body;
	size_t body_n;
	bool too_long;
	json_t *json;           /* of the body; NULL where there is none or it is not JSON */
	const char *segment[4]; /* the parts of the path that the route leaves open, decoded */
};

struct response {
	unsigned status;
	json_t *json; /* taken */
	char *text;   /* instead: plain text, taken */
};

/* routes.c */
/* `open`: the request came in where everybody may ask, and sees /metrics alone. */
struct response routes_handle(struct api *a, struct request *r, bool open);
struct response response_problem(unsigned status, const char *detail);

/* listener.c */
enum err listener_open(const char *path, int *fd, struct diag *d);
enum err listener_open_tcp(const struct config_address *at, int *fd, struct diag *d);

#endif
