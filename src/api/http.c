// SPDX-License-Identifier: Apache-2.0
/* libmicrohttpd on the control loop: it parses, we accept and answer. */
#include <netinet/in.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/internal.h"

/* What the library keeps of a client's address, with the id of the TLS stream behind the
 * connection: both go the same way and cannot be told of another connection. */
struct from {
	struct sockaddr_storage addr;
};

static void put_stream(struct from *f, uint64_t stream)
{
	memcpy((char *)&f->addr + sizeof f->addr - sizeof stream, &stream, sizeof stream);
}

static uint64_t get_stream(const struct sockaddr *a)
{
	uint64_t stream;

	memcpy(&stream, (const char *)a + sizeof(struct sockaddr_storage) - sizeof stream,
	       sizeof stream);
	return stream;
}

static const struct sockaddr *address_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *i =
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	return i != NULL ? i->client_addr : NULL;
}

/* ---- the answer ---- */

static void tag_contents(struct response *r, const char *text)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (r->etag[0] != 0 || EVP_Digest(text, strlen(text), hash, &n, EVP_sha256(), NULL) != 1)
		return;
	r->etag[0] = '"';
	for (unsigned i = 0; i < 8; i++)
		snprintf(r->etag + 1 + 2 * i, 3, "%02x", hash[i]);
	strcpy(r->etag + 17, "\"");
}

static void add_headers(struct MHD_Response *m, const struct response *r, const char *type)
{
	char number[16];

	MHD_add_response_header(m, "Content-Type", type);
	MHD_add_response_header(m, "Cache-Control", "no-store");
	MHD_add_response_header(m, "X-Content-Type-Options", "nosniff");
	if (r->etag[0] != 0)
		MHD_add_response_header(m, "ETag", r->etag);
	if (r->status == 401)
		MHD_add_response_header(m, "WWW-Authenticate", "Bearer realm=\"concord\"");
	if (r->retry_after_s > 0) {
		snprintf(number, sizeof number, "%u", r->retry_after_s);
		MHD_add_response_header(m, "Retry-After", number);
	}
}

static enum MHD_Result queue(struct MHD_Connection *c, unsigned status, struct MHD_Response *m)
{
	enum MHD_Result sent = MHD_queue_response(c, status, m);

	MHD_destroy_response(m);
	return sent;
}

static enum MHD_Result send_answer(const struct request *q, struct response r)
{
	const char *type = r.content_type != NULL ? r.content_type
			   : r.text != NULL       ? "text/plain; version=0.0.4; charset=utf-8"
			   : r.status >= 400      ? "application/problem+json"
						  : "application/json";
	const char *known = request_header(q, "If-None-Match");
	char *text = r.text != NULL   ? r.text
		     : r.json != NULL ? json_dumps(r.json, JSON_INDENT(2))
				      : strdup("");

	json_decref(r.json);
	if (text == NULL)
		return MHD_NO;
	if (r.status == 200 && strcmp(q->method, "GET") == 0) {
		tag_contents(&r, text);
		if (known != NULL && etag_is_listed(known, r.etag)) {
			r.status = 304;
			text[0] = 0;
		}
	}
	struct MHD_Response *m =
	    MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (m == NULL) {
		free(text);
		return MHD_NO;
	}
	add_headers(m, &r, type);
	return queue(q->connection, r.status, m);
}

static enum MHD_Result send_file(const struct request *q, const struct response *r)
{
	struct MHD_Response *m = MHD_create_response_from_fd64(r->file_n, r->fd);

	if (m == NULL) {
		close(r->fd);
		return MHD_NO;
	}
	add_headers(m, r, r->content_type);
	return queue(q->connection, r->status, m);
}

static enum MHD_Result send_stream(struct api *a, struct request *q, uint64_t stream)
{
	struct response r = { .status = 200 };
	struct MHD_Response *m = event_stream_new(a, q, stream);

	if (m == NULL)
		return send_answer(q, response_problem(503, "as many streams are open as may be"));
	add_headers(m, &r, "text/event-stream");
	return queue(q->connection, 200, m);
}

/* ---- the request ---- */

static enum MHD_Result collect(struct request *r, const char *data, size_t *n)
{
	if (r->too_long || r->body_n + *n > BODY_MAX) {
		/* A little more is read, so that the answer is; who goes on is cut off. */
		r->too_long = true;
		r->body_n += *n;
		if (r->body_n > BODY_READ_MAX)
			return MHD_NO;
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

/* A body that says beforehand that it is too long is not waited for. */
static bool announces_too_much(const struct request *r)
{
	const char *length = request_header(r, "Content-Length");

	return length != NULL && strtoull(length, NULL, 10) > BODY_MAX;
}

static enum MHD_Result begin(struct MHD_Connection *c, const char *method, const char *url,
			     void **state)
{
	struct request *r = calloc(1, sizeof *r);

	*state = r;
	if (r == NULL)
		return MHD_NO;
	r->connection = c;
	r->method = method;
	r->path = url;
	if (announces_too_much(r))
		return send_answer(
		    r, response_problem(413, "the body is larger than %u KiB", BODY_MAX >> 10));
	return MHD_YES;
}

/* What takes its time is not cut off as a client that does is. */
static void sleep_until_answered(struct http *h, struct request *r, uint64_t stream)
{
	struct tls_stream *t =
	    h->api->tls != NULL && stream != 0 ? tls_stream_find(h->api->tls, stream) : NULL;

	if (t != NULL)
		tls_stream_restart_clock(t, true);
	later_sleep(h->api, r);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *data_n, void **state)
{
	struct http *h = context;
	struct request *r = *state;

	(void)version;
	if (r == NULL)
		return begin(c, method, url, state);
	if (r->answered) {
		r->method = method;
		r->path = url;
		struct response late = later_response(r);
		if (strcmp(method, "GET") != 0)
			routes_write_down(h->api, r, &late);
		return late.is_file ? send_file(r, &late) : send_answer(r, late);
	}
	if (*data_n > 0)
		return collect(r, data, data_n);
	r->method = method;
	r->path = url;
	if (r->too_long)
		return send_answer(
		    r, response_problem(413, "the body is larger than %u KiB", BODY_MAX >> 10));
	if (r->body != NULL)
		r->json = json_loadb(r->body, r->body_n, JSON_REJECT_DUPLICATES, NULL);
	const struct sockaddr *from = address_of(c);
	uint64_t stream = h->door == HTTP_OUTSIDE && from != NULL ? get_stream(from) : 0;
	r->http = h;
	struct response answer = routes_handle(h->api, r, h->door, stream, from);
	if (answer.is_later) {
		sleep_until_answered(h, r, stream);
		return MHD_YES;
	}
	return answer.is_stream ? send_stream(h->api, r, stream) : send_answer(r, answer);
}

static void on_completed(void *context, struct MHD_Connection *c, void **state,
			 enum MHD_RequestTerminationCode code)
{
	struct http *h = context;
	struct request *r = *state;
	const struct sockaddr *from = address_of(c);

	(void)code;
	if (h->door == HTTP_OUTSIDE && from != NULL && h->api->tls != NULL) {
		struct tls_stream *s = tls_stream_find(h->api->tls, get_stream(from));
		if (s != NULL)
			tls_stream_restart_clock(s, false);
	}
	if (r == NULL)
		return;
	if (r->answered) { /* it went before it was told */
		json_decref(r->answer.json);
		if (r->answer.is_file)
			close(r->answer.fd);
	}
	json_decref(r->json);
	free(r->body);
	free(r);
	*state = NULL;
}

/* ---- the loop ---- */

static void on_timer(uv_timer_t *t);

void http_run(struct http *h)
{
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(h->daemon);
	if (MHD_get_timeout(h->daemon, &ms) == MHD_YES)
		uv_timer_start(&h->timer, on_timer, ms, 0);
	else
		uv_timer_stop(&h->timer);
}

static void on_timer(uv_timer_t *t)
{
	http_run(t->data);
}

void http_run_soon(struct http *h)
{
	if (h->daemon != NULL && !uv_is_closing((uv_handle_t *)&h->timer))
		uv_timer_start(&h->timer, on_timer, 0, 0);
}

static void on_poll(uv_poll_t *p, int status, int events)
{
	(void)status;
	(void)events;
	http_run(p->data);
}

void http_add(struct http *h, int fd, const struct sockaddr *from, socklen_t from_len,
	      uint64_t stream)
{
	struct from f;

	memset(&f, 0, sizeof f);
	memcpy(&f.addr, from, from_len <= sizeof f.addr ? from_len : sizeof f.addr);
	put_stream(&f, stream);
	/* The library closes what it does not take. */
	if (MHD_add_connection(h->daemon, fd, (struct sockaddr *)&f.addr, sizeof f.addr) == MHD_YES)
		http_run(h);
}

bool http_start(struct http *h, struct api *a, enum http_door door, unsigned connections)
{
	h->api = a;
	h->door = door;
	h->poll.data = h->timer.data = h;
	h->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
	    on_request, h, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
	    MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (h->daemon == NULL)
		return false;
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	return info != NULL && uv_timer_init(a->loop, &h->timer) == 0 &&
	       uv_poll_init(a->loop, &h->poll, info->epoll_fd) == 0 &&
	       uv_poll_start(&h->poll, UV_READABLE, on_poll) == 0;
}
