// SPDX-License-Identifier: Apache-2.0
/* Groups of signers: what there is, and processes. */
#include <string.h>

#include "api/internal.h"
#include "control/group_commands.h"

static struct response get_groups(struct api *a, struct request *r)
{
	json_t *all = control_group_list(a->options.control), *mine = json_array();
	const json_t *zones = json_object_get(all, "zones");

	for (size_t i = 0; i < json_array_size(zones); i++) {
		json_t *z = json_array_get(zones, i);
		if (access_zone_is_open(&r->principal,
					json_string_value(json_object_get(z, "zone"))))
			json_array_append(mine, z);
	}
	json_decref(all);
	return response_json(json_pack("{s:o}", "zones", mine));
}

static struct response get_group(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j = control_group_status(a->options.control, r->segment[0], &result);

	return response_of(j, &result);
}

static struct response get_history(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j = control_group_history(a->options.control, r->segment[0], &result);

	return response_of(j, &result);
}

static struct response get_doctor(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j = control_group_doctor(a->options.control, r->segment[0], &result);

	return response_of(j, &result);
}

static struct response get_plan(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j =
	    control_group_plan(a->options.control, r->segment[0], request_argument(r, "process"),
			       request_argument(r, "signer"), &result);

	return response_of(j, &result);
}

/* {"start": PROCESS} or one of cancel, eject, pause, resume with true, or {"force": GUARD}; and
 * "signer". */
static struct response post_group(struct api *a, struct request *r)
{
	static const char *const WHAT[] = { "cancel", "eject", "pause", "resume" };
	struct control *c = a->options.control;
	struct control_result result = { 0 };
	const char *start = request_field(r, "start"), *force = request_field(r, "force"),
		   *signer = request_field(r, "signer");

	if (start != NULL)
		return response_of(control_group_start(c, r->segment[0], start, signer, &result),
				   &result);
	if (force != NULL) {
		r->forced = true;
		return response_of(control_group_force(c, r->segment[0], signer, force, &result),
				   &result);
	}
	for (size_t i = 0; i < sizeof WHAT / sizeof *WHAT; i++)
		if (json_is_true(json_object_get(r->json, WHAT[i])))
			return response_of(
			    control_group_signer(c, r->segment[0], WHAT[i], signer, &result),
			    &result);
	return response_problem(400,
				"the body must have 'start' (a process), 'force' (a guard), or "
				"one of 'cancel', 'eject', 'pause' and 'resume' with true");
}

const struct route ROUTES_GROUPS[] = {
	{ "GET", "/v1/groups", API_READ, get_groups, "zones of groups, one sentence each" },
	{ "GET", "/v1/zones/{zone}/group", API_READ, get_group,
	  "the zone's group: signers, keys, servers, what happens next" },
	{ "POST", "/v1/zones/{zone}/group", API_OPERATE, post_group,
	  "start, pause, resume, cancel, eject, force" },
	{ "GET", "/v1/zones/{zone}/group/history", API_READ, get_history,
	  "what happened in the zone's group" },
	{ "GET", "/v1/zones/{zone}/group/plan", API_READ, get_plan,
	  "what a process would do, and when at the earliest" },
	{ "GET", "/v1/zones/{zone}/group/doctor", API_READ, get_doctor,
	  "what would make the group suffer" },
	{ 0 },
};
