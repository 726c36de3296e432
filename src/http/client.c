// SPDX-License-Identifier: Apache-2.0
#include "http/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/curl_loop.h"

#define CONNECTIONS_KEPT 16
#define CONNECT_MS       10000L

struct http_client {
	struct curl_loop *curl;
};

struct http_call {
	struct curl_job job; /* first */
	struct http_client *client;
	CURL *easy;
	struct curl_slist *headers;
	char *sent;
	http_done done;
	void *context;
	char *body;
	size_t body_n, body_cap;
	bool too_long;
	char etag[HTTP_ETAG_MAX];
	char error[CURL_ERROR_SIZE];
};

static void release(struct http_call *h)
{
	curl_loop_remove(h->client->curl, h->easy);
	curl_easy_cleanup(h->easy);
	for (struct curl_slist *s = h->headers; s != NULL; s = s->next)
		explicit_bzero(s->data, strlen(s->data));
	curl_slist_free_all(h->headers);
	free(h->sent);
	free(h->body);
	free(h);
}

void http_cancel(struct http_call *h)
{
	if (h != NULL)
		release(h);
}

/* ---- the end ---- */

static enum err error_of(const struct http_call *h, CURLcode code)
{
	static const struct {
		CURLcode code;
		enum err err;
	} ROWS[] = {
		{ CURLE_OK, ERR_OK },
		{ CURLE_OPERATION_TIMEDOUT, ERR_TIMEOUT },
		{ CURLE_PEER_FAILED_VERIFICATION, ERR_UNTRUSTED },
		{ CURLE_SSL_CONNECT_ERROR, ERR_UNTRUSTED },
		{ CURLE_SSL_CERTPROBLEM, ERR_UNTRUSTED },
		{ CURLE_SSL_CACERT_BADFILE, ERR_UNTRUSTED },
		{ CURLE_SSL_ISSUER_ERROR, ERR_UNTRUSTED },
		{ CURLE_UNSUPPORTED_PROTOCOL, ERR_SYNTAX },
		{ CURLE_WEIRD_SERVER_REPLY, ERR_SYNTAX },
		{ CURLE_OUT_OF_MEMORY, ERR_NOMEM },
	};

	if (h->too_long)
		return ERR_TOO_LONG;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
		if (ROWS[i].code == code)
			return ROWS[i].err;
	return ERR_IO;
}

static void on_done(struct curl_job *job, CURLcode code)
{
	struct http_call *h = (struct http_call *)job;
	struct http_result r = { .err = error_of(h, code), .etag = h->etag };

	r.body = h->body != NULL ? h->body : "";
	r.body_n = h->body_n;
	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &r.status);
	if (r.err)
		r.why = h->too_long        ? "its answer is longer than we allow"
			: h->error[0] != 0 ? h->error
					   : curl_easy_strerror(code);
	h->done(&r, h->context);
	release(h);
}

static size_t on_body(char *data, size_t size, size_t n, void *context)
{
	struct http_call *h = context;
	size_t len = size * n;

	if (len > HTTP_BODY_MAX - h->body_n) {
		h->too_long = true;
		return 0;
	}
	if (h->body_n + len + 1 > h->body_cap) {
		size_t cap = 2 * (h->body_n + len + 1);
		char *more = realloc(h->body, cap);
		if (more == NULL)
			return 0;
		h->body = more;
		h->body_cap = cap;
	}
	memcpy(h->body + h->body_n, data, len);
	h->body_n += len;
	h->body[h->body_n] = 0;
	return len;
}

static size_t on_header(char *data, size_t size, size_t n, void *context)
{
	struct http_call *h = context;
	size_t len = size * n, at = 5;

	if (len < 6 || strncasecmp(data, "ETag:", 5) != 0)
		return len;
	while (at < len && data[at] == ' ')
		at++;
	while (len > at && (data[len - 1] == '\r' || data[len - 1] == '\n'))
		len--;
	if (len - at < sizeof h->etag) {
		memcpy(h->etag, data + at, len - at);
		h->etag[len - at] = 0;
	}
	return size * n;
}

/* ---- the beginning ---- */

static bool set_limits(CURL *e, const struct http_request *r)
{
	long ms = r->timeout_ms != 0 ? (long)r->timeout_ms : HTTP_TIMEOUT_MS;

	return curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, ms) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, ms < CONNECT_MS ? ms : CONNECT_MS) ==
		   CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_USERAGENT, "concord") == CURLE_OK;
}

static bool set_trust(CURL *e, const struct http_request *r)
{
	bool good =
	    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
	    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;

	if (good && r->ca_file != NULL)
		good = curl_easy_setopt(e, CURLOPT_CAINFO, r->ca_file) == CURLE_OK &&
		       curl_easy_setopt(e, CURLOPT_CAPATH, NULL) == CURLE_OK;
	if (good && r->certificate != NULL)
		good = curl_easy_setopt(e, CURLOPT_SSLCERT, r->certificate) == CURLE_OK &&
		       curl_easy_setopt(e, CURLOPT_SSLKEY, r->key) == CURLE_OK;
	return good;
}

static bool add_header(struct http_call *h, const char *text)
{
	struct curl_slist *more = curl_slist_append(h->headers, text);

	if (more == NULL)
		return false;
	h->headers = more;
	return true;
}

static bool set_request(struct http_call *h, const struct http_request *r)
{
	CURL *e = h->easy;
	bool good = curl_easy_setopt(e, CURLOPT_URL, r->url) == CURLE_OK &&
		    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method) == CURLE_OK &&
		    add_header(h, "Expect:");

	for (size_t i = 0; good && i < HTTP_HEADERS_MAX && r->header[i] != NULL; i++)
		good = add_header(h, r->header[i]);
	if (good && r->body != NULL) {
		h->sent = malloc(r->body_n + 1);
		if (h->sent == NULL)
			return false;
		memcpy(h->sent, r->body, r->body_n);
		good = curl_easy_setopt(e, CURLOPT_POSTFIELDS, h->sent) == CURLE_OK &&
		       curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)r->body_n) == CURLE_OK;
	}
	return good && curl_easy_setopt(e, CURLOPT_HTTPHEADER, h->headers) == CURLE_OK;
}

static bool set_answer(struct http_call *h)
{
	CURL *e = h->easy;

	return curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->error) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_WRITEDATA, h) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_HEADERDATA, h) == CURLE_OK;
}

enum err http_ask(struct http_call **out, struct http_client *c, const struct http_request *r,
		  http_done done, void *context)
{
	struct http_call *h = calloc(1, sizeof *h);

	if (h == NULL)
		return ERR_NOMEM;
	*h = (struct http_call){
		.job.done = on_done, .client = c, .done = done, .context = context
	};
	h->easy = curl_easy_init();
	if (h->easy == NULL) {
		free(h);
		return ERR_NOMEM;
	}
	if (!set_limits(h->easy, r) || !set_trust(h->easy, r) || !set_request(h, r) ||
	    !set_answer(h) || !curl_loop_add(c->curl, h->easy, &h->job)) {
		release(h);
		return ERR_NOMEM;
	}
	*out = h;
	return ERR_OK;
}

enum err http_client_new(struct http_client **out, uv_loop_t *loop)
{
	struct http_client *c = calloc(1, sizeof *c);

	if (c == NULL)
		return ERR_NOMEM;
	enum err e = curl_loop_new(&c->curl, loop, CONNECTIONS_KEPT);
	if (e) {
		free(c);
		return e;
	}
	*out = c;
	return ERR_OK;
}

void http_client_close(struct http_client *c)
{
	if (c == NULL)
		return;
	curl_loop_close(c->curl);
	free(c);
}
