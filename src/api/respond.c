// SPDX-License-Identifier: Apache-2.0
/* What handlers share: reading a request, making an answer. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/internal.h"

struct response response_json(json_t *j)
{
	return (struct response){ .status = 200, .json = j };
}

/* Older than RFC 9110 in the library. */
static const char *title_of(unsigned status)
{
	return status == 413   ? "Content Too Large"
	       : status == 422 ? "Unprocessable Content"
			       : MHD_get_reason_phrase_for(status);
}

struct response response_problem(unsigned status, const char *format, ...)
{
	char detail[700];
	va_list ap;

	va_start(ap, format);
	vsnprintf(detail, sizeof detail, format, ap);
	va_end(ap);
	json_t *j = json_pack("{s:s, s:i, s:s+}", "title", title_of(status), "status", (int)status,
			      "detail", detail, "");
	if (j == NULL) /* not UTF-8: what the caller sent is not repeated */
		j = json_pack("{s:s, s:i, s:s}", "title", title_of(status), "status", (int)status,
			      "detail", "the request holds text that is not UTF-8");
	return (struct response){ .status = status, .json = j };
}

static unsigned status_of(enum err e)
{
	switch ((int)e) {
	case ERR_SYNTAX:
	case ERR_RANGE:
	case ERR_TOO_LONG:
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

struct response response_of(json_t *json, const struct control_result *r)
{
	if (json != NULL)
		return response_json(json);
	return response_problem(status_of(r->err), "%s",
				r->detail[0] != 0 ? r->detail : err_text(r->err));
}

const char *request_argument(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *request_header(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

const char *request_field(const struct request *r, const char *name)
{
	return json_string_value(json_object_get(r->json, name));
}

void response_set_revision(struct response *out, int64_t revision)
{
	snprintf(out->etag, sizeof out->etag, "\"%" PRId64 "\"", revision);
}

bool etag_is_listed(const char *header, const char *etag)
{
	size_t n = strlen(etag);

	for (const char *p = header; *p != 0;) {
		p += strspn(p, " \t,");
		if (*p == '*')
			return true;
		const char *start = p;
		if (*p == 'W' && p[1] == '/')
			p += 2;
		size_t len = *p == '"' ? strcspn(p + 1, "\"") + 2 : 0;
		if (len < 2 || strlen(p) < len)
			return false;
		/* If-Match compares strongly: a weak tag never fits. */
		if (p == start && len == n && memcmp(p, etag, n) == 0)
			return true;
		p += len;
	}
	return false;
}

bool request_may_change(const struct request *r, int64_t revision, struct response *out)
{
	const char *match = request_header(r, "If-Match"),
		   *none = request_header(r, "If-None-Match");
	struct response tag = { 0 };

	response_set_revision(&tag, revision);
	if (match != NULL && (revision == 0 || !etag_is_listed(match, tag.etag)))
		*out = response_problem(412,
					"the resource has changed since it was read: its "
					"present ETag is %s",
					revision == 0 ? "none" : tag.etag);
	else if (none != NULL && revision != 0 && etag_is_listed(none, tag.etag))
		*out = response_problem(412, "the resource exists: its ETag is %s", tag.etag);
	else if (match == NULL && none == NULL && !r->principal.local)
		*out = response_problem(428, "say which version is meant: If-Match with the ETag "
					     "of the last GET, or If-None-Match: * for a new one");
	else
		return true;
	if (revision != 0)
		memcpy(out->etag, tag.etag, sizeof tag.etag);
	return false;
}

bool request_may_force(struct request *r, bool *force, struct response *out)
{
	const char *text = request_argument(r, "force");

	*force = text != NULL && strcmp(text, "yes") == 0;
	if (*force && r->principal.access != NULL && !(r->principal.access->scopes & API_OPERATE)) {
		*out = response_problem(403, "force needs the scope 'operate'");
		return false;
	}
	r->forced = *force;
	return true;
}
