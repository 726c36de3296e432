// SPDX-License-Identifier: Apache-2.0
/* The frame around every handler: where the request comes from, who asks, how often, the table,
 * what the caller may do, and the audit log. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/log.h"
#include "control/audit.h"

static const struct route *const TABLES[] = { ROUTES_SERVER, ROUTES_ZONES,  ROUTES_KEYS,
					      ROUTES_HEALTH, ROUTES_PEERS,  ROUTES_BUNDLES,
					      ROUTES_GROUPS, ROUTES_OPENAPI };

#define PATH_MAX_LEN      2000
#define FAILURES_A_MINUTE 20 /* wrong credentials of one address */
/* An address may be a proxy of several callers. */
#define ADDRESS_FACTOR 4

/* ---- the table ---- */

/* Fits `path` to a pattern, cutting the open parts out of `copy`. */
static bool fits(const char *pattern, char *copy, const char *segment[SEGMENTS_MAX])
{
	size_t n = 0;

	while (*pattern != 0) {
		if (*pattern == '{') {
			size_t len = strcspn(copy, "/");
			if (len == 0 || n == SEGMENTS_MAX)
				return false;
			segment[n++] = copy;
			copy += len;
			pattern = strchr(pattern, '}') + 1;
			if (*pattern == '/' && *copy == '/') {
				*copy++ = 0;
				pattern++;
			} else if (*pattern != *copy) {
				return false;
			}
		} else if (*pattern++ != *copy++) {
			return false;
		}
	}
	return *copy == 0;
}

/* Calls `visit` for each row until it returns false. */
static void each_route(bool (*visit)(const struct route *row, void *context), void *context)
{
	for (size_t t = 0; t < sizeof TABLES / sizeof *TABLES; t++)
		for (const struct route *row = TABLES[t]; row->method != NULL; row++)
			if (!visit(row, context))
				return;
}

struct search {
	struct request *r;
	char copy[PATH_MAX_LEN + 1];
	bool known;
	const struct route *found;
};

static bool try_route(const struct route *row, void *context)
{
	struct search *s = context;
	const char *method = strcmp(s->r->method, "HEAD") == 0 ? "GET" : s->r->method;

	strcpy(s->copy, s->r->path);
	if (!fits(row->path, s->copy, s->r->segment))
		return true;
	s->known = true;
	if (strcmp(row->method, method) != 0)
		return true;
	s->found = row;
	return false;
}

static bool add_to_index(const struct route *row, void *context)
{
	json_array_append_new(context, json_pack("{s:s, s:s, s:s, s:s}", "method", row->method,
						 "path", row->path, "scope",
						 row->scope == API_READ   ? "read"
						 : row->scope == API_KEYS ? "keys"
									  : "operate",
						 "says", row->says));
	return true;
}

json_t *routes_index(void)
{
	json_t *all = json_array();

	each_route(add_to_index, all);
	return json_pack("{s:s, s:o}", "version", CONCORD_VERSION, "routes", all);
}

/* ---- how often ---- */

static const void *address_key(const struct sockaddr *from, size_t *n)
{
	if (from != NULL && from->sa_family == AF_INET6) {
		*n = 8; /* a network is one client */
		return &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;
	}
	*n = from != NULL && from->sa_family == AF_INET ? 4 : 0;
	return *n > 0 ? (const void *)&((const struct sockaddr_in *)(const void *)from)->sin_addr
		      : "";
}

static void write_address(const struct sockaddr *from, char out[IP_TEXT_MAX])
{
	struct ip_addr a = { 0 };

	if (from != NULL && from->sa_family == AF_INET) {
		a.family = IP_V4;
		memcpy(a.bytes, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
	} else if (from != NULL && from->sa_family == AF_INET6) {
		a.family = IP_V6;
		memcpy(a.bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
	}
	out[0] = 0;
	if (a.family != IP_NONE)
		ip_to_text(&a, out);
}

static struct response too_often(unsigned wait_s)
{
	struct response out =
	    response_problem(429, "too many requests: the next one is answered in %u s", wait_s);

	out.retry_after_s = wait_s;
	return out;
}

/* ---- the frame ---- */

static int64_t now_ms(const struct api *a)
{
	return (int64_t)uv_now(a->loop);
}

/* Who asks, or the answer to one who may not. */
static bool let_in(struct api *a, struct request *r, uint64_t stream, const struct sockaddr *from,
		   struct response *out)
{
	const struct config_api *c = &control_config(a->options.control)->api;
	size_t n;
	const void *key = address_key(from, &n);
	unsigned wait =
	    bucket_take(&a->rates, 'a', key, n, c->requests_per_minute * ADDRESS_FACTOR, now_ms(a));

	if (wait == 0)
		wait = bucket_peek(&a->rates, 'f', key, n, FAILURES_A_MINUTE, now_ms(a));
	if (wait > 0) {
		*out = too_often(wait);
		return false;
	}
	const char *wrong = access_check_host(a, r);
	if (wrong != NULL) {
		*out = response_problem(403, "%s", wrong);
		return false;
	}
	enum access_verdict v = access_identify(a, r, stream);
	if (v != ACCESS_OK) {
		bucket_take(&a->rates, 'f', key, n, FAILURES_A_MINUTE, now_ms(a));
		log_notice(NULL, "api: %s from %s: %s", r->method, r->principal.from,
			   v == ACCESS_NOBODY ? "no token and no known certificate"
					      : "a token that is not known, or has expired");
		*out = response_problem(401, v == ACCESS_NOBODY
						 ? "a token (Authorization: Bearer) or a client "
						   "certificate is needed"
						 : "the token is not known, or has expired");
		return false;
	}
	wait = bucket_take(&a->rates, 'c', r->principal.who, strlen(r->principal.who),
			   c->requests_per_minute, now_ms(a));
	if (wait > 0)
		*out = too_often(wait);
	return wait == 0;
}

void routes_write_down(struct api *a, const struct request *r, const struct response *out)
{
	char what[1024];
	const struct principal *p = &r->principal;
	const char *detail =
	    out->json != NULL ? json_string_value(json_object_get(out->json, "detail")) : NULL;
	struct audit_entry e = {
		.who = p->who,
		.from = p->from,
		.what = what,
		.detail = detail,
		.status = out->status,
		.forced = r->forced,
	};

	snprintf(what, sizeof what, "%s %.1000s", r->method, r->path);
	control_audit_add(a->options.control, &e);
	log_notice(NULL, "api: %s%s%s: %s: %u%s%s%s", p->who, p->from[0] != 0 ? " from " : "",
		   p->from, what, out->status, r->forced ? ", forced" : "",
		   detail != NULL ? ": " : "", detail != NULL ? detail : "");
}

/* What is sent must be JSON, and said to be: a form of a browser's cannot do that unasked. */
static bool body_is_bad(const struct request *r, struct response *out)
{
	const char *type = request_header(r, "Content-Type");

	if (r->body_n == 0)
		return false;
	if (!r->principal.local &&
	    (type == NULL || strncmp(type, "application/json", strlen("application/json")) != 0))
		*out = response_problem(415, "the body must be application/json");
	else if (r->json == NULL)
		*out = response_problem(400, "the body is not JSON");
	else
		return false;
	return true;
}

static struct response answer(struct api *a, struct request *r)
{
	struct search s = { .r = r };
	struct response out;

	if (strlen(r->path) > PATH_MAX_LEN)
		return response_problem(404, "no such resource");
	each_route(try_route, &s);
	if (s.found == NULL)
		return s.known ? response_problem(405, "the resource does not know this method")
			       : response_problem(404, "no such resource");
	const char *why_not = access_allows(&r->principal, s.found, r);
	bool changes = strcmp(s.found->method, "GET") != 0;
	if (why_not != NULL)
		out = response_problem(403, "%s", why_not);
	else if (!body_is_bad(r, &out))
		out = s.found->handle(a, r);
	if (changes && !out.is_later)
		routes_write_down(a, r, &out);
	return out;
}

struct response routes_handle(struct api *a, struct request *r, enum http_door door,
			      uint64_t stream, const struct sockaddr *from)
{
	struct response out = { 0 };

	r->principal.local = door == HTTP_LOCAL;
	if (door == HTTP_LOCAL) {
		access_identify(a, r, 0);
		return answer(a, r);
	}
	write_address(from, r->principal.from);
	if (stream == 0) { /* metrics-listen: for everybody, and nothing else */
		if (strcmp(r->path, "/metrics") != 0 || strcmp(r->method, "GET") != 0)
			return response_problem(404, "no such resource; metrics are at /metrics");
		return answer(a, r);
	}
	return let_in(a, r, stream, from, &out) ? answer(a, r) : out;
}
