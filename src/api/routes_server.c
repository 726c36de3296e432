// SPDX-License-Identifier: Apache-2.0
/* The server as a whole: status, counters, reload, explain, the audit log, events, the
 * documentation. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "control/audit.h"

#define AUDIT_SHOWN 200

static struct response get_index(struct api *a, struct request *r)
{
	(void)a;
	(void)r;
	return response_json(routes_index());
}

static struct response get_status(struct api *a, struct request *r)
{
	(void)r;
	return response_json(control_status(a->options.control));
}

static struct response get_stats(struct api *a, struct request *r)
{
	json_t *j = a->options.stats(a->options.stats_context);

	(void)r;
	json_object_set_new(j, "caches", control_cache_stats(a->options.control));
	json_object_set_new(j, "made_names", control_made_stats(a->options.control));
	return response_json(j);
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

static void on_reloaded(void *context, const struct control_result *result, const struct diag *d)
{
	struct response out;

	if (result->err) {
		out = response_problem(409, "%s", result->detail);
		json_object_set_new(out.json, "errors", findings(d));
	} else {
		out = response_json(json_pack("{s:b, s:o}", "ok", 1, "findings", findings(d)));
	}
	later_answer(context, out);
}

static struct response post_reload(struct api *a, struct request *r)
{
	/* The configuration that the caller's rights stand in goes. */
	r->principal.access = NULL;
	control_reload(a->options.control, on_reloaded, r);
	return later_response(r);
}

static struct response get_explain(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j =
	    control_explain(a->options.control, request_argument(r, "name"),
			    request_argument(r, "type"), request_argument(r, "client"), &result);

	return response_of(j, &result);
}

static struct response get_policy(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j = control_policy_show(a->options.control, request_argument(r, "name"),
					request_argument(r, "type"), &result);

	return response_of(j, &result);
}

static struct response get_audit(struct api *a, struct request *r)
{
	const char *max = request_argument(r, "max");
	unsigned long n = max != NULL ? strtoul(max, NULL, 10) : AUDIT_SHOWN;

	return response_json(
	    control_audit_list(a->options.control, n > 0 && n <= AUDIT_MAX ? n : AUDIT_SHOWN));
}

static struct response get_events(struct api *a, struct request *r)
{
	(void)a;
	(void)r;
	return (struct response){ .status = 200, .is_stream = true };
}

const struct route ROUTES_SERVER[] = {
	{ "GET", "/v1", API_READ, get_index, "the routes that there are" },
	{ "GET", "/v1/status", API_READ, get_status, "the daemon: version, view, addresses" },
	{ "GET", "/v1/stats", API_READ, get_stats, "counters of the data plane" },
	{ "POST", "/v1/reload", API_OPERATE, post_reload, "read everything again" },
	{ "GET", "/v1/explain", API_READ, get_explain, "why a client gets its answer" },
	{ "GET", "/v1/policy", API_READ, get_policy, "which clients each rule has" },
	{ "GET", "/v1/audit", API_OPERATE, get_audit, "who changed what" },
	{ "GET", "/v1/events", API_READ, get_events, "what happens, as it happens" },
	{ "GET", "/metrics", API_READ, get_metrics, "counters for Prometheus" },
	{ 0 },
};
