// SPDX-License-Identifier: Apache-2.0
/* Health checks: what they found, what an operator or a feed says instead. */
#include "api/internal.h"

static struct response get_health(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j = control_health_list(a->options.control, request_argument(r, "value"), &result);

	return response_of(j, &result);
}

static struct response put_override(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j =
	    control_health_set(a->options.control, r->segment[0], request_field(r, "to"), &result);

	return response_of(j, &result);
}

static struct response put_feed(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_int_t load = json_integer_value(json_object_get(r->json, "load"));

	if (load < 0 || load > UINT32_MAX)
		return response_problem(400, "load is a number from 0");
	json_t *j =
	    control_health_feed(a->options.control, r->segment[0], request_field(r, "state"),
				(uint32_t)load, request_field(r, "reason"), &result);
	return response_of(j, &result);
}

const struct route ROUTES_HEALTH[] = {
	{ "GET", "/v1/health", API_READ, get_health, "health checks and overrides" },
	{ "PUT", "/v1/health/{value}/override", API_OPERATE, put_override,
	  "hold a value up or down, or let it obey" },
	{ "PUT", "/v1/health/{value}/feed", API_OPERATE, put_feed,
	  "a result from outside, for checks with protocol FEED" },
	{ 0 },
};
