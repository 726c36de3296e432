// SPDX-License-Identifier: Apache-2.0
/* The steps that services are made of: one HTTP request, one DNS request, and what their failures
 * are. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "peers/push_call.h"

#define DETAIL_MAX 200

/* ---- HTTP ---- */

void push_url(const struct push_call *c, const char *path, const char *a, const char *b,
	      char out[PUSH_URL_MAX])
{
	static const char PLAIN[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	const char *texts[2] = { a, b };
	size_t n = (size_t)snprintf(out, PUSH_URL_MAX, "%.1000s", c->peer->url), next = 0;

	for (const char *p = path; *p != 0 && n + 4 < PUSH_URL_MAX; p++) {
		if (p[0] != '%' || p[1] != 's' || next == 2) {
			out[n++] = *p;
			continue;
		}
		p++;
		for (const char *t = texts[next++]; *t != 0 && n + 4 < PUSH_URL_MAX; t++) {
			if (strchr(PLAIN, *t) != NULL)
				out[n++] = *t;
			else
				n += (size_t)snprintf(out + n, 4, "%%%02X", (unsigned char)*t);
		}
	}
	out[n] = 0;
}

/* What the service says of a refusal: problem details (RFC 9457), or PowerDNS's {"error"}. */
static void read_detail(const struct http_result *r, char out[DETAIL_MAX])
{
	json_t *j = json_loadb(r->body, r->body_n, 0, NULL);
	const char *text = json_string_value(json_object_get(j, "detail"));

	if (text == NULL)
		text = json_string_value(json_object_get(j, "error"));
	snprintf(out, DETAIL_MAX, "%s%.*s", text != NULL ? ": " : "", DETAIL_MAX - 3,
		 text != NULL ? text : "");
	json_decref(j);
}

static enum err error_of_status(long status)
{
	switch (status) {
	case 401:
	case 403:
		return ERR_PERMISSION;
	case 404:
		return ERR_NOT_FOUND;
	case 409:
	case 400:
	case 422:
		return ERR_REFUSED;
	case 412:
	case 428:
		return ERR_CONFLICT;
	case 429:
		return ERR_TIMEOUT;
	default:
		return status >= 500 ? ERR_IO : ERR_REFUSED;
	}
}

static void on_http(const struct http_result *r, void *context)
{
	struct push_call *c = context;
	char detail[DETAIL_MAX];

	c->http_call = NULL;
	if (r->err) {
		push_finish(c, r->err, false, "its interface cannot be used: %.200s", r->why);
		return;
	}
	if ((r->status >= 200 && r->status < 300) || r->status == 404) {
		c->on_http(c, r);
		return;
	}
	if (r->status >= 300 && r->status < 400) {
		push_finish(c, ERR_REFUSED, false,
			    "its interface redirects (status %ld), which is not followed: "
			    "correct the url",
			    r->status);
		return;
	}
	read_detail(r, detail);
	push_finish(c, error_of_status(r->status), false, "its interface answers with status %ld%s",
		    r->status, detail);
}

static const char *authorization(const struct peer *p, char *out, size_t cap)
{
	if (p->token == NULL)
		return NULL;
	snprintf(out, cap, "%s%s",
		 p->provider == &PROVIDER_POWERDNS ? "X-API-Key: " : "Authorization: Bearer ",
		 p->token);
	return out;
}

void push_http(struct push_call *c, const char *method, const char *url, const char *body,
	       const char *match, void (*handler)(struct push_call *c, const struct http_result *r))
{
	char secret[600];
	const struct peer *p = c->peer;
	struct http_request r = { .method = method,
				  .url = url,
				  .body = body,
				  .body_n = body != NULL ? strlen(body) : 0,
				  .ca_file = p->ca_file,
				  .certificate = p->certificate,
				  .key = p->key,
				  .timeout_ms = p->timeout_ms };
	size_t n = 0;

	if (authorization(p, secret, sizeof secret) != NULL)
		r.header[n++] = secret;
	r.header[n++] = "Accept: application/json";
	if (body != NULL)
		r.header[n++] = "Content-Type: application/json";
	if (match != NULL)
		r.header[n++] = match;
	c->on_http = handler;
	enum err e = http_ask(&c->http_call, c->http, &r, on_http, c);
	explicit_bzero(secret, sizeof secret);
	if (e)
		push_finish(c, e, false, "it could not begin: %s", err_text(e));
}

/* ---- DNS ---- */

static void on_dns(const struct exchange_result *r, void *context)
{
	struct push_call *c = context;

	c->exchange = NULL;
	if (r->err)
		push_finish(c, r->err, false, "its server cannot be used: %.200s", r->why);
	else
		c->on_dns(c, r->message);
}

void push_dns(struct push_call *c, struct span request,
	      void (*handler)(struct push_call *c, struct span message))
{
	struct exchange_options options = {
		.try_ms = c->peer->timeout_ms, .tries = 1, .done = on_dns, .context = c
	};

	c->on_dns = handler;
	enum err e = exchange_start(&c->exchange, c->loop, &c->peer->remote, request, &options);
	if (e)
		push_finish(c, e, false, "its server cannot be asked: %s",
			    e == ERR_IO ? strerror(errno) : err_text(e));
}
