// SPDX-License-Identifier: Apache-2.0
/* Zones. */
#include <string.h>

#include "api/internal.h"
#include "control/zone_export.h"

static struct response get_zones(struct api *a, struct request *r)
{
	json_t *j = control_zone_list(a->options.control), *zones = json_object_get(j, "zones");

	for (size_t i = json_array_size(zones); i-- > 0;) {
		const char *name =
		    json_string_value(json_object_get(json_array_get(zones, i), "name"));
		if (name != NULL && !access_zone_is_open(&r->principal, name))
			json_array_remove(zones, i);
	}
	return response_json(j);
}

static struct response get_zone(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j = control_zone_status(a->options.control, r->segment[0], &result);

	return response_of(j, &result);
}

static struct response ask_primaries(struct api *a, struct request *r, bool whole)
{
	struct control_result result = { 0 };
	json_t *j = control_zone_refresh(a->options.control, r->segment[0], whole, &result);

	return response_of(j, &result);
}

static struct response post_refresh(struct api *a, struct request *r)
{
	return ask_primaries(a, r, false);
}

static struct response post_retransfer(struct api *a, struct request *r)
{
	return ask_primaries(a, r, true);
}

static struct response post_notify(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j = control_zone_notify(a->options.control, r->segment[0], &result);

	return response_of(j, &result);
}

static void on_exported(void *context, const struct control_result *result, int fd, uint64_t octets)
{
	struct response out = { .status = 200,
				.content_type = "text/dns",
				.is_file = true,
				.fd = fd,
				.file_n = octets };

	later_answer(context, fd >= 0 ? out : response_of(NULL, result));
}

static struct response export_as(struct api *a, struct request *r, enum zone_export_kind kind)
{
	zone_export_start(a->options.control, r->segment[0], kind, on_exported, r);
	return later_response(r);
}

static struct response get_export(struct api *a, struct request *r)
{
	const char *which = request_argument(r, "signed");

	return export_as(a, r,
			 which != NULL && strcmp(which, "yes") == 0 ? EXPORT_SIGNED : EXPORT_ZONE);
}

static struct response get_changes(struct api *a, struct request *r)
{
	return export_as(a, r, EXPORT_CHANGES);
}

const struct route ROUTES_ZONES[] = {
	{ "GET", "/v1/zones", API_READ, get_zones, "zones that are served" },
	{ "GET", "/v1/zones/{zone}", API_READ, get_zone, "one zone: serial, keys, DS" },
	{ "POST", "/v1/zones/{zone}/refresh", API_OPERATE, post_refresh,
	  "ask a transferred zone's primaries now" },
	{ "POST", "/v1/zones/{zone}/retransfer", API_OPERATE, post_retransfer,
	  "fetch all of a transferred zone, whatever its serial" },
	{ "POST", "/v1/zones/{zone}/notify", API_OPERATE, post_notify,
	  "tell the servers of a zone's serial once more" },
	{ "GET", "/v1/zones/{zone}/export", API_OPERATE, get_export,
	  "a zone with its updates, as a master file" },
	{ "GET", "/v1/zones/{zone}/changes", API_OPERATE, get_changes,
	  "what updates changed beside a zone's file" },
	{ 0 },
};
