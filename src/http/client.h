// SPDX-License-Identifier: Apache-2.0
/*
 * client.h -- one HTTP request to a service that we do not trust with more than an answer.
 *
 * Invariant. No redirect is followed, no proxy of the environment used, no cookie kept; the server
 * is proved by its name in a certificate of a trusted authority (TLS 1.2 or newer). The answer has
 * a limit in octets and the whole exchange one in time: whoever sends without end gets neither.
 * Use.       `done` is called once, later, from the loop. Until then http_cancel() ends it without
 * a call. After either the pointer is gone. Secrets.   Headers go to the server and nowhere else;
 * no text that comes out of here has them. Memory.    The request is copied; the answer is borrowed
 * for the call. Errors.    ERR_TIMEOUT, ERR_IO (no connection, cut off), ERR_UNTRUSTED (TLS),
 * ERR_TOO_LONG, ERR_SYNTAX (not HTTP). A status is no error: it is the caller's matter. Threads.
 * The loop's.
 */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"

struct http_client;
struct http_call;

#define HTTP_BODY_MAX    (1u << 20)
#define HTTP_HEADERS_MAX 8
#define HTTP_ETAG_MAX    128
#define HTTP_TIMEOUT_MS  30000

struct http_request {
	const char *method, *url;
	const char *header[HTTP_HEADERS_MAX]; /* "Name: value"; ends with NULL or is full */
	const char *body;                     /* NULL: none */
	size_t body_n;
	const char *ca_file;           /* PEM; NULL: the system's authorities */
	const char *certificate, *key; /* our own, PEM; NULL: none */
	uint32_t timeout_ms;           /* 0: HTTP_TIMEOUT_MS */
};

struct http_result {
	enum err err;
	const char *why; /* a few words; NULL with ERR_OK */
	long status;
	const char *body; /* ends with a NUL that does not count */
	size_t body_n;
	const char *etag; /* "" where there is none */
};

typedef void (*http_done)(const struct http_result *r, void *context);

enum err http_client_new(struct http_client **out, uv_loop_t *loop);
/* No call may be under way. Accepts NULL. */
void http_client_close(struct http_client *c);

enum err http_ask(struct http_call **out, struct http_client *c, const struct http_request *r,
		  http_done done, void *context);
/* Accepts NULL. */
void http_cancel(struct http_call *h);

#endif
