// SPDX-License-Identifier: Apache-2.0
/* Key sets that are signed ahead of time by who holds the key-signing key. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "control/bundle_commands.h"

#define DAYS_DEFAULT 90
#define DAYS_MAX     3650

static struct response get_bundles(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	int64_t revision;
	json_t *j = control_bundles(a->options.control, r->segment[0], request_argument(r, "form"),
				    &revision, &result);
	struct response out = response_of(j, &result);

	if (j != NULL && revision != 0)
		response_set_revision(&out, revision);
	return out;
}

/* Overruling a guard is for operators. */
static bool read_force(struct request *r, struct response *out)
{
	const char *text = request_argument(r, "force");

	r->forced = text != NULL && strcmp(text, "yes") == 0;
	if (!r->forced || r->principal.access == NULL ||
	    (r->principal.access->scopes & API_OPERATE))
		return true;
	*out = response_problem(403, "force needs the scope 'operate'");
	return false;
}

static struct response put_bundles(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	const char *skr = request_field(r, "skr");
	struct response out = { 0 };

	if (skr == NULL)
		return response_problem(
		    400,
		    "the body must have 'skr': signed key responses, or a signed DNSKEY RRset");
	int64_t revision = control_bundles_revision(a->options.control, r->segment[0], &result);
	if (result.err)
		return response_of(NULL, &result);
	if (!read_force(r, &out) || !request_may_change(r, revision, &out))
		return out;
	json_t *j = control_bundles_put(a->options.control, r->segment[0], skr, r->forced,
					&revision, &result);
	out = response_of(j, &result);
	if (j != NULL)
		response_set_revision(&out, revision);
	return out;
}

static bool read_days(const struct request *r, uint32_t *out)
{
	const json_t *j = json_object_get(r->json, "days");
	json_int_t n = j != NULL ? json_integer_value(j) : DAYS_DEFAULT;

	*out = (uint32_t)n;
	return n > 0 && n <= DAYS_MAX;
}

static struct response post_request(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	uint32_t days;

	if (!read_days(r, &days))
		return response_problem(400, "'days' is a number from 1 to %d", DAYS_MAX);
	json_t *j = control_bundles_request(a->options.control, r->segment[0], days,
					    request_field(r, "form"), &result);
	return response_of(j, &result);
}

static struct response post_sign(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	const json_t *requests = json_object_get(r->json, "requests");
	uint32_t days;

	if (!read_days(r, &days))
		return response_problem(400, "'days' is a number from 1 to %d", DAYS_MAX);
	if (requests != NULL && !json_is_array(requests))
		return response_problem(400, "'requests' is a list of key signing requests");
	json_t *j = control_bundles_sign(a->options.control, r->segment[0], requests, days,
					 request_field(r, "form"), &result);
	return response_of(j, &result);
}

const struct route ROUTES_BUNDLES[] = {
	{ "GET", "/v1/zones/{zone}/bundles", API_READ, get_bundles,
	  "key sets that were signed ahead of time" },
	{ "PUT", "/v1/zones/{zone}/bundles", API_KEYS, put_bundles,
	  "load signed key sets, all or none" },
	{ "POST", "/v1/zones/{zone}/bundles/request", API_KEYS, post_request,
	  "a key signing request" },
	{ "POST", "/v1/zones/{zone}/bundles/sign", API_OPERATE, post_sign,
	  "sign key sets for a span of time" },
	{ 0 },
};
