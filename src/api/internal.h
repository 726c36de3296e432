// SPDX-License-Identifier: Apache-2.0
/*
 * internal.h -- between the listeners, the HTTP library, and the routes; private to this folder.
 *
 *   listener.c, tls.c   accept connections; TLS is taken off here
 *   http.c              libmicrohttpd on our loop: a request with its body, and back
 *   access.c            who asks, and whether the host and origin are right
 *   routes.c            the frame: rate, authentication, the table, authorization, the audit log
 *   routes_*.c          the handlers, one noun a file, each with its part of the table
 *   event_stream.c      a response that goes on
 *   later.c             a response that is not there yet
 */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <uv.h>

#include "api/api.h"
#include "api/buckets.h"
#include "base/prefix.h"

#define BODY_MAX        (256u << 10)
#define BODY_READ_MAX   (4 * BODY_MAX)
#define CONNECTIONS_MAX 32 /* of the control socket and of metrics-listen */
#define IDLE_S          10
#define SEGMENTS_MAX    4
#define ETAG_MAX        40

/* ---- one HTTP server on the loop ---- */

enum http_door { HTTP_LOCAL /* the control socket */, HTTP_OUTSIDE /* HTTPS, metrics */ };

struct http {
	struct api *api;
	enum http_door door;
	struct MHD_Daemon *daemon;
	uv_poll_t poll; /* the library's epoll descriptor */
	uv_timer_t timer;
};

/* http.c */
bool http_start(struct http *h, struct api *a, enum http_door door, unsigned connections);
/* Lets it work; after anything that may have given it something to do. */
void http_run(struct http *h);
/* The same from within it, or from anywhere: with the next turn of the loop. */
void http_run_soon(struct http *h);
/* Takes `fd`. `stream`: the id of the TLS stream behind it, 0: none. */
void http_add(struct http *h, int fd, const struct sockaddr *from, socklen_t from_len,
	      uint64_t stream);

/* ---- TLS ---- */

struct tls_doors;
struct tls_stream;

/* tls.c */
enum err tls_doors_open(struct tls_doors **out, struct api *a, const struct config_api *c,
			struct diag *d);
/* The certificate again, and the authority of clients. What cannot be read leaves what was. */
enum err tls_doors_reload(struct tls_doors *t, const struct config_api *c, struct diag *d);
/* Its handles close with the next turns; `closed` then. */
void tls_doors_close(struct tls_doors *t, void (*closed)(struct api *a));
/* NULL: gone. */
struct tls_stream *tls_stream_find(struct tls_doors *t, uint64_t id);
/* Whether the client showed a certificate (checked by OpenSSL) with this name. */
bool tls_stream_has_name(const struct tls_stream *s, const char *name);
/* A request was answered: the next one gets its own time. `lasting`: the answer goes on. */
void tls_stream_restart_clock(struct tls_stream *s, bool lasting);

/* ---- requests ---- */

/* Who asks. Borrows from the configuration and the tokens: good for the request. */
struct principal {
	char who[80]; /* "token bind", "certificate a.example", "uid 0", "nobody" */
	char from[IP_TEXT_MAX];
	const struct api_access *access; /* NULL: everything is allowed (the control socket) */
	bool local;
};

struct response {
	unsigned status;
	json_t *json; /* taken */
	char *text;   /* instead: text, taken */
	const char *content_type;
	char etag[ETAG_MAX];
	unsigned retry_after_s;
	bool is_file; /* instead: text in `fd` (taken), file_n octets from its start */
	int fd;
	uint64_t file_n;
	bool is_stream; /* of events; the rest is not looked at */
	bool is_later;  /* later.c; the rest is not looked at */
};

struct request {
	const char *method, *path;
	struct MHD_Connection *connection;
	char *body;
	size_t body_n;
	bool too_long;
	json_t *json;                      /* of the body; NULL: none, or not JSON */
	const char *segment[SEGMENTS_MAX]; /* what stands for {...} in the pattern, decoded */
	struct principal principal;
	bool forced; /* the handler overruled a guard: for the audit log */
	/* later.c */
	struct http *http;
	struct request *next_asleep;
	bool asleep, answered;
	struct response answer;
};

struct route {
	const char *method, *path; /* "{zone}" and "{peer}" bind callers, see access_allows() */
	unsigned scope;            /* enum api_scope */
	struct response (*handle)(struct api *a, struct request *r);
	const char *says; /* one line, for the index and the documentation */
};

/* The table's parts: each ends with a row whose method is NULL. */
extern const struct route ROUTES_SERVER[], ROUTES_ZONES[], ROUTES_KEYS[], ROUTES_HEALTH[],
    ROUTES_PEERS[], ROUTES_BUNDLES[], ROUTES_GROUPS[], ROUTES_OPENAPI[];

/* routes.c */
struct response routes_handle(struct api *a, struct request *r, enum http_door door,
			      uint64_t stream, const struct sockaddr *from);
json_t *routes_index(void);
/* The audit log's entry of a request that was answered later. */
void routes_write_down(struct api *a, const struct request *r, const struct response *out);

/* respond.c */
struct response response_json(json_t *j);
/* What control gave, or why it gave nothing. */
struct response response_of(json_t *json, const struct control_result *r);
__attribute__((format(printf, 2, 3))) struct response response_problem(unsigned status,
								       const char *format, ...);
/* A parameter behind "?", NULL: none. */
const char *request_argument(const struct request *r, const char *name);
const char *request_header(const struct request *r, const char *name);
/* A text of the body, NULL: none. */
const char *request_field(const struct request *r, const char *name);
/* "\"<revision>\"" */
void response_set_revision(struct response *out, int64_t revision);
/* RFC 9110 §13.1.1: whether a change of a resource that is at `revision` (0: does not exist) may go
 * on. From outside If-Match is required (RFC 6585 §3), so that no caller overwrites what it has not
 * seen, and a replayed call does nothing. True: go on; false: *out says why not. */
bool request_may_change(const struct request *r, int64_t revision, struct response *out);
/* "?force=yes": overruling a guard is for operators. False: *out says so. */
bool request_may_force(struct request *r, bool *force, struct response *out);
bool etag_is_listed(const char *header, const char *etag);

/* access.c */
enum access_verdict { ACCESS_OK, ACCESS_NOBODY, ACCESS_BAD_CREDENTIALS };
enum access_verdict access_identify(struct api *a, struct request *r, uint64_t stream);
/* NULL: allowed; else why not. */
const char *access_allows(const struct principal *p, const struct route *route,
			  const struct request *r);
bool access_zone_is_open(const struct principal *p, const char *zone);
/* NULL: right; else what is wrong with Host or Origin. */
const char *access_check_host(const struct api *a, const struct request *r);

/* later.c */
/* A handler starts something that ends with later_answer(), maybe at once, and returns this. */
struct response later_response(struct request *r);
/* From the loop. Takes `out`. */
void later_answer(struct request *r, struct response out);
/* The connection sleeps until then. */
void later_sleep(struct api *a, struct request *r);
/* The end: who still waits is told so. */
void later_end(struct api *a);

/* event_stream.c */
struct MHD_Response *event_stream_new(struct api *a, struct request *r, uint64_t stream);
void event_streams_wake(void *api);
void event_streams_beat(struct api *a);
/* All of them: who may watch has changed. */
void event_streams_end(struct api *a);
#define EVENT_STREAMS_MAX 16

/* listener.c */
enum err listener_open(const char *path, int *fd, struct diag *d);
enum err listener_open_tcp(const struct config_address *at, const char *what, int *fd,
			   struct diag *d);

struct api {
	struct api_options options;
	uv_loop_t *loop;
	struct http local, outside;
	uv_poll_t listen_poll, metrics_poll;
	int listen_fd, metrics_fd; /* -1: none */
	struct tls_doors *tls;     /* NULL: none */
	struct api_tokens *tokens; /* NULL: none */
	struct buckets rates;
	struct event_stream *streams;
	struct request *asleep; /* later.c */
	unsigned stream_n;
	uv_timer_t heartbeat;
	unsigned open_handles; /* while closing */
	char *socket_path;
};

#endif
