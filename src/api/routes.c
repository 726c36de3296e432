// SPDX-License-Identifier: Apache-2.0
/* The table of routes: method, path, handler. "*" stands for one part of the path. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/log.h"

static const char *title_of(unsigned status)
{
	switch (status) {
	case 400:
		return "Bad Request";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 409:
		return "Conflict";
	case 413:
		return "Content Too Large";
	default:
		return "Internal Server Error";
	}
}

struct response response_problem(unsigned status, const char *detail)
{
	return (struct response){ .status = status,
				  .json = json_pack("{s:s, s:i, s:s}", "title", title_of(status),
						    "status", (int)status, "detail", detail) };
}

static unsigned status_of(enum err e)
{
	switch ((int)e) {
	case ERR_SYNTAX:
	case ERR_RANGE:
		return 400;
	case ERR_NOT_FOUND:
		return 404;
	case ERR_REFUSED:
	case ERR_CONFLICT:
	case ERR_EXISTS:
		return 409;
	default:
		return 500;
	}
}

/* What control gave, or why it gave nothing. */
static struct response respond(json_t *json, const struct control_result *r)
{
	if (json != NULL)
		return (struct response){ .status = 200, .json = json };
	return response_problem(status_of(r->err),
				r->detail[0] != 0 ? r->detail : err_text(r->err));
}

static const char *argument(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
}

static const char *field(const struct request *r, const char *name)
{
	return json_string_value(json_object_get(r->json, name));
}

/* ---- handlers ---- */

static struct response get_status(struct api *a, struct request *r)
{
	(void)r;
	return (struct response){ .status = 200, .json = control_status(a->options.control) };
}

static struct response get_stats(struct api *a, struct request *r)
{
	json_t *j = a->options.stats(a->options.stats_context);

	(void)r;
	json_object_set_new(j, "caches", control_cache_stats(a->options.control));
	json_object_set_new(j, "made_names", control_made_stats(a->options.control));
	return (struct response){ .status = 200, .json = j };
}

static struct response get_metrics(struct api *a, struct request *r)
{
	struct text out = { 0 };

	(void)r;
	a->options.metrics(a->options.stats_context, &out);
	control_metrics(a->options.control, &out);
	if (out.bad || out.p == NULL) {
		free(out.p);
		return response_problem(500, "no memory");
	}
	return (struct response){ .status = 200, .text = out.p };
}

static json_t *findings(const struct diag *d)
{
	json_t *all = json_array();

	for (size_t i = 0; i < d->n; i++)
		json_array_append_new(all, json_string(d->findings[i].text));
	return all;
}

static struct response post_reload(struct api *a, struct request *r)
{
	struct diag d = { 0 };
	struct control_result result = control_reload(a->options.control, &d);
	struct response out;

	(void)r;
	if (result.err) {
		out = response_problem(409, result.detail);
		json_object_set_new(out.json, "errors", findings(&d));
	} else {
		out = (struct response){ .status = 200,
					 .json = json_pack("{s:b, s:o}", "ok", 1, "findings",
							   findings(&d)) };
	}
	diag_free(&d);
	return out;
}

static struct response get_zones(struct api *a, struct request *r)
{
	(void)r;
	return (struct response){ .status = 200, .json = control_zone_list(a->options.control) };
}

static struct response get_zone(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j = control_zone_status(a->options.control, r->segment[0], &result);

	return respond(j, &result);
}

static struct response get_keys(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j = control_key_list(a->options.control, r->segment[0], &result);

	return respond(j, &result);
}

static struct response post_keys(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j = NULL;

	if (!json_is_object(r->json))
		return response_problem(
		    400, "the body must be a JSON object with 'dnskey' or 'generate'");
	if (field(r, "generate") != NULL)
		j = control_key_generate(a->options.control, r->segment[0], field(r, "generate"),
					 &result);
	else if (field(r, "dnskey") != NULL)
		j = control_key_import(a->options.control, r->segment[0], field(r, "dnskey"),
				       field(r, "owner"), &result);
	else
		return response_problem(
		    400, "the body must have 'dnskey' (a record) or 'generate' (a role)");
	return respond(j, &result);
}

/* "12345-13" or "12345". */
static bool read_tag(const char *text, uint16_t *tag, uint8_t *algorithm)
{
	char *end;
	unsigned long t = strtoul(text, &end, 10), alg = 0;

	if (end == text || t > 65535)
		return false;
	if (*end == '-') {
		const char *second = end + 1;
		alg = strtoul(second, &end, 10);
		if (end == second || alg == 0 || alg > 255)
			return false;
	}
	*tag = (uint16_t)t;
	*algorithm = (uint8_t)alg;
	return *end == 0;
}

static struct response delete_key(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	uint16_t tag;
	uint8_t algorithm;

	if (!read_tag(r->segment[1], &tag, &algorithm))
		return response_problem(400, "a key is named by TAG or TAG-ALGORITHM");
	json_t *j = control_key_remove(a->options.control, r->segment[0], tag, algorithm, &result);
	return respond(j, &result);
}

static struct response get_dnskey(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j =
	    control_key_export(a->options.control, r->segment[0], argument(r, "role"), &result);

	return respond(j, &result);
}

static struct response put_cds(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j = control_cds_set(a->options.control, r->segment[0], true, &result);

	return respond(j, &result);
}

static struct response delete_cds(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j = control_cds_set(a->options.control, r->segment[0], false, &result);

	return respond(j, &result);
}

static struct response get_explain(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j = control_explain(a->options.control, argument(r, "name"), argument(r, "type"),
				    argument(r, "client"), &result);

	return respond(j, &result);
}

/* ---- the table ---- */

static const struct route {
	const char *method, *path;
	struct response (*handle)(struct api *a, struct request *r);
} ROUTES[] = {
	{ "GET", "/v1/status", get_status },         { "GET", "/v1/stats", get_stats },
	{ "POST", "/v1/reload", post_reload },       { "GET", "/v1/zones", get_zones },
	{ "GET", "/v1/zones/*", get_zone },          { "GET", "/v1/zones/*/keys", get_keys },
	{ "POST", "/v1/zones/*/keys", post_keys },   { "DELETE", "/v1/zones/*/keys/*", delete_key },
	{ "GET", "/v1/zones/*/dnskey", get_dnskey }, { "PUT", "/v1/zones/*/cds", put_cds },
	{ "DELETE", "/v1/zones/*/cds", delete_cds }, { "GET", "/v1/explain", get_explain },
	{ "GET", "/metrics", get_metrics },
};

#define PATH_MAX_LEN 2000

/* Fits `path` to a pattern, cutting the open parts out of `copy`. */
static bool fits(const char *pattern, char *copy, const char *segment[4])
{
	size_t n = 0;

	while (*pattern != 0) {
		if (*pattern == '*') {
			size_t len = strcspn(copy, "/");
			if (len == 0 || n == 4)
				return false;
			segment[n++] = copy;
			copy += len;
			pattern++;
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

struct response routes_handle(struct api *a, struct request *r, bool open)
{
	bool known = false;

	if (open && strcmp(r->path, "/metrics") != 0)
		return response_problem(404, "no such resource; metrics are at /metrics");
	if (strlen(r->path) > PATH_MAX_LEN)
		return response_problem(404, "no such resource");
	for (size_t i = 0; i < sizeof ROUTES / sizeof *ROUTES; i++) {
		char copy[PATH_MAX_LEN + 1];
		strcpy(copy, r->path);
		if (!fits(ROUTES[i].path, copy, r->segment))
			continue;
		known = true;
		if (strcmp(ROUTES[i].method, r->method) == 0)
			return ROUTES[i].handle(a, r);
	}
	return known ? response_problem(405, "the resource does not know this method")
		     : response_problem(404, "no such resource");
}
