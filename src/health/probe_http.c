// SPDX-License-Identifier: Apache-2.0
/* HTTP, HTTPS and TCP through libcurl's multi interface, driven by our loop. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/internal.h"
#include "http/curl_loop.h"

#define IDLE_HANDLES_MAX 64

struct http_prober {
	struct curl_loop *curl;
	CURL *idle[IDLE_HANDLES_MAX]; /* a new handle costs more than the request */
	unsigned idle_n;
};

struct http_probe {
	struct probe base;
	struct curl_job job;
	struct http_prober *prober;
	CURL *easy;
	struct curl_slist *connect_to;
	char error[CURL_ERROR_SIZE];
	char reason[PROBE_REASON_MAX];
	char *body; /* only where a text is looked for */
	size_t body_n;
	bool body_full;
};

/* ---- results ---- */

static bool has_text(const struct http_probe *b)
{
	const char *text = b->base.spec->expect;

	return text == NULL ||
	       memmem(b->body != NULL ? b->body : "", b->body_n, text, strlen(text)) != NULL;
}

static bool judge_answer(struct http_probe *b)
{
	const struct check_spec *s = b->base.spec;
	long status = 0;

	curl_easy_getinfo(b->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < s->status_min || status > s->status_max) {
		snprintf(b->reason, sizeof b->reason, "status %ld, not %u to %u", status,
			 s->status_min, s->status_max);
		return false;
	}
	if (!has_text(b)) {
		snprintf(b->reason, sizeof b->reason,
			 "status %ld, but the expected text is not in the body", status);
		return false;
	}
	snprintf(b->reason, sizeof b->reason, "status %ld", status);
	return true;
}

/* libcurl's words, but where it keeps the system's to itself. */
static void say_why(struct http_probe *b, CURLcode code)
{
	long number = 0;

	curl_easy_getinfo(b->easy, CURLINFO_OS_ERRNO, &number);
	if (code == CURLE_COULDNT_CONNECT && number != 0)
		snprintf(b->reason, sizeof b->reason, "cannot connect: %s", strerror((int)number));
	else if (code == CURLE_OPERATION_TIMEDOUT)
		snprintf(b->reason, sizeof b->reason, "not done within %u ms",
			 b->base.spec->timeout_ms);
	else
		snprintf(b->reason, sizeof b->reason, "%.150s",
			 b->error[0] != 0 ? b->error : curl_easy_strerror(code));
}

static bool judge(struct http_probe *b, CURLcode code)
{
	if (code == CURLE_WRITE_ERROR && b->body_full)
		code = CURLE_OK;
	if (code != CURLE_OK) {
		say_why(b, code);
		return false;
	}
	if (b->base.spec->protocol == CHECK_TCP) {
		snprintf(b->reason, sizeof b->reason, "connected");
		return true;
	}
	return judge_answer(b);
}

static void probe_free(struct http_probe *b)
{
	struct http_prober *p = b->prober;

	curl_loop_remove(p->curl, b->easy);
	/* A handle that only connected keeps its connection: it is not used again. */
	if (p->idle_n < IDLE_HANDLES_MAX && b->base.spec->protocol != CHECK_TCP)
		p->idle[p->idle_n++] = b->easy;
	else
		curl_easy_cleanup(b->easy);
	curl_slist_free_all(b->connect_to);
	free(b->body);
	free(b);
}

static void finish(struct curl_job *job, CURLcode code)
{
	struct http_probe *b =
	    (struct http_probe *)((char *)job - offsetof(struct http_probe, job));
	struct probe_result r = { .ok = judge(b, code), .took_us = probe_took_us(&b->base) };

	r.reason = b->reason;
	b->base.done(&r, b->base.context);
	probe_free(b);
}

/* ---- starting ---- */

static size_t on_body(char *data, size_t size, size_t n, void *context)
{
	struct http_probe *b = context;
	size_t len = size * n;

	if (b->body == NULL) { /* the status is all that counts */
		b->body_full = true;
		return 0;
	}
	if (len > CHECK_BODY_MAX - b->body_n) {
		len = CHECK_BODY_MAX - b->body_n;
		b->body_full = true;
	}
	memcpy(b->body + b->body_n, data, len);
	b->body_n += len;
	return b->body_full ? 0 : size * n;
}

static CURL *take_handle(struct http_prober *p)
{
	if (p->idle_n == 0)
		return curl_easy_init();
	CURL *easy = p->idle[--p->idle_n];
	curl_easy_reset(easy);
	return easy;
}

/* An IPv6 address stands in brackets in a URL. */
static void bracket(const char *host, char *out, size_t cap)
{
	snprintf(out, cap, strchr(host, ':') != NULL ? "[%s]" : "%s", host);
}

static bool set_where(struct http_probe *b)
{
	const struct check_spec *s = b->base.spec;
	const char *target = s->target != NULL ? s->target : s->value;
	char at[300], host[300], url[1600], connect[700];
	bool http = s->protocol != CHECK_TCP;

	bracket(target, at, sizeof at);
	bracket(http && s->host != NULL ? s->host : target, host, sizeof host);
	snprintf(url, sizeof url, "%s://%s:%u%s", s->protocol == CHECK_HTTPS ? "https" : "http",
		 host, s->port, http ? s->path : "/");
	snprintf(connect, sizeof connect, "::%s:%u", at, s->port);
	b->connect_to = curl_slist_append(NULL, connect);
	return b->connect_to != NULL && curl_easy_setopt(b->easy, CURLOPT_URL, url) == CURLE_OK &&
	       curl_easy_setopt(b->easy, CURLOPT_CONNECT_TO, b->connect_to) == CURLE_OK;
}

static void set_how(struct http_probe *b)
{
	const struct check_spec *s = b->base.spec;
	CURL *e = b->easy;

	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, b->error);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROXY, ""); /* whatever the environment says */
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)s->timeout_ms);
	curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE,
			 0L); /* a resumed session shows no certificate */
	/* The end of a probe does not wait for a resolver that hangs. */
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "concord/" CONCORD_VERSION);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, b);
	if (s->protocol == CHECK_TCP)
		curl_easy_setopt(e, CURLOPT_CONNECT_ONLY, 1L);
	if (s->insecure) {
		curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (s->ca != NULL)
		curl_easy_setopt(e, CURLOPT_CAINFO, s->ca);
}

enum err http_probe_start(struct http_prober *p, const struct probe *as, struct probe **out)
{
	struct http_probe *b = calloc(1, sizeof *b);

	if (b == NULL)
		return ERR_NOMEM;
	b->base = *as;
	b->prober = p;
	b->easy = take_handle(p);
	if (as->spec->expect != NULL)
		b->body = malloc(CHECK_BODY_MAX);
	if (b->easy == NULL || (as->spec->expect != NULL && b->body == NULL) || !set_where(b))
		goto fail;
	set_how(b);
	b->job.done = finish;
	if (!curl_loop_add(p->curl, b->easy, &b->job))
		goto fail;
	*out = &b->base;
	return ERR_OK;
fail:
	curl_easy_cleanup(b->easy);
	curl_slist_free_all(b->connect_to);
	free(b->body);
	free(b);
	return ERR_NOMEM;
}

void http_probe_cancel(struct probe *base)
{
	probe_free((struct http_probe *)base);
}

/* ---- begin and end ---- */

enum err http_prober_new(struct http_prober **out, uv_loop_t *loop)
{
	struct http_prober *p = calloc(1, sizeof *p);

	if (p == NULL)
		return ERR_NOMEM;
	enum err e = curl_loop_new(&p->curl, loop, 1); /* none is kept */
	if (e) {
		free(p);
		return e;
	}
	*out = p;
	return ERR_OK;
}

void http_prober_close(struct http_prober *p)
{
	if (p == NULL)
		return;
	while (p->idle_n > 0)
		curl_easy_cleanup(p->idle[--p->idle_n]);
	curl_loop_close(p->curl);
	free(p);
}
