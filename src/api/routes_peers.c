// SPDX-License-Identifier: Apache-2.0
/* The key sets of peers, each as a whole. */
#include <string.h>

#include "api/internal.h"
#include "control/key_sets.h"

static struct response get_sets(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j = control_key_sets(a->options.control, r->segment[0], &result);

	return response_of(j, &result);
}

static struct response get_set(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	int64_t revision;
	json_t *j =
	    control_key_set(a->options.control, r->segment[0], r->segment[1], &revision, &result);
	struct response out = response_of(j, &result);

	if (j != NULL)
		response_set_revision(&out, revision);
	return out;
}

static struct response change(struct api *a, struct request *r, const json_t *records)
{
	struct control_result result = { 0 };
	struct control *c = a->options.control;
	int64_t revision = 0;
	bool force;
	struct response out = { 0 };

	json_decref(control_key_set(c, r->segment[0], r->segment[1], &revision, &result));
	if (result.err && result.err != ERR_NOT_FOUND)
		return response_of(NULL, &result);
	result = (struct control_result){ 0 };
	if (!request_may_force(r, &force, &out) || !request_may_change(r, revision, &out))
		return out;
	json_t *j = control_key_set_put(c, r->segment[0], r->segment[1], records, force, &revision,
					&result);
	out = response_of(j, &result);
	if (j != NULL)
		response_set_revision(&out, revision);
	return out;
}

static struct response put_set(struct api *a, struct request *r)
{
	return change(a, r, json_object_get(r->json, "keys"));
}

static struct response delete_set(struct api *a, struct request *r)
{
	json_t *none = json_array();
	struct response out = change(a, r, none);

	json_decref(none);
	return out;
}

const struct route ROUTES_PEERS[] = {
	{ "GET", "/v1/zones/{zone}/peers", API_READ, get_sets, "key sets of all peers" },
	{ "GET", "/v1/zones/{zone}/peers/{peer}/keys", API_READ, get_set, "a peer's key set" },
	{ "PUT", "/v1/zones/{zone}/peers/{peer}/keys", API_KEYS, put_set,
	  "replace a peer's key set whole" },
	{ "DELETE", "/v1/zones/{zone}/peers/{peer}/keys", API_KEYS, delete_set,
	  "empty a peer's key set" },
	{ 0 },
};
