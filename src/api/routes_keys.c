// SPDX-License-Identifier: Apache-2.0
/* Keys of a zone, one at a time; whole sets of peers are in routes_peers.c. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "control/signed_rrset.h"

static struct response get_keys(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j = control_key_list(a->options.control, r->segment[0], &result);

	return response_of(j, &result);
}

static struct response post_keys(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	struct control *c = a->options.control;
	const char *generate = request_field(r, "generate"), *dnskey = request_field(r, "dnskey");
	json_t *j = NULL;

	if (!json_is_object(r->json))
		return response_problem(
		    400, "the body must be a JSON object with 'dnskey' or 'generate'");
	if (generate != NULL)
		j = control_key_generate(c, r->segment[0], generate, &result);
	else if (dnskey != NULL)
		j = control_key_import(c, r->segment[0], dnskey, request_field(r, "owner"),
				       &result);
	else
		return response_problem(
		    400, "the body must have 'dnskey' (a record) or 'generate' (a role)");
	return response_of(j, &result);
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
	bool force;
	struct response out = { 0 };
	if (!request_may_force(r, &force, &out))
		return out;
	json_t *j =
	    control_key_remove(a->options.control, r->segment[0], tag, algorithm, force, &result);
	return response_of(j, &result);
}

static struct response get_dnskey(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j = control_key_export(a->options.control, r->segment[0],
				       request_argument(r, "role"), &result);

	return response_of(j, &result);
}

static struct response get_signed(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j = control_signed_rrset(a->options.control, r->segment[0], r->segment[1], &result);

	return response_of(j, &result);
}

static struct response put_cds(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j = control_cds_set(a->options.control, r->segment[0], true, &result);

	return response_of(j, &result);
}

static struct response delete_cds(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	json_t *j = control_cds_set(a->options.control, r->segment[0], false, &result);

	return response_of(j, &result);
}

/* ---- rolls ---- */

static struct response post_rollover(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	struct control *c = a->options.control;
	json_t *j = NULL;
	const char *roll = request_field(r, "roll"), *hold = request_field(r, "hold");
	const char *retire = request_field(r, "retire");
	uint16_t tag;
	uint8_t algorithm;

	if (roll != NULL)
		j = control_key_roll(c, r->segment[0], roll,
				     json_is_true(json_object_get(r->json, "emergency")), &result);
	else if (hold != NULL)
		j = control_key_hold(c, r->segment[0], hold, &result);
	else if (retire != NULL && read_tag(retire, &tag, &algorithm))
		j = control_key_retire(c, r->segment[0], tag, algorithm, &result);
	else if (json_is_true(json_object_get(r->json, "release")))
		j = control_key_hold(c, r->segment[0], NULL, &result);
	else
		return response_problem(
		    400, "the body must have 'roll' (ksk, zsk, csk, all, algorithm), 'hold' (why), "
			 "'retire' (TAG or TAG-ALGORITHM) or 'release' (true)");
	return response_of(j, &result);
}

static struct response post_evidence(struct api *a, struct request *r)
{
	struct control_result result = { 0 };
	uint16_t tag;
	uint8_t algorithm;
	const char *what = request_field(r, "what");

	if (!read_tag(r->segment[1], &tag, &algorithm) || what == NULL)
		return response_problem(400, "a key is named by TAG or TAG-ALGORITHM, and the body "
					     "must have 'what' (ds-seen, ds-gone, seen)");
	json_t *j =
	    control_key_evidence(a->options.control, r->segment[0], tag, algorithm, what, &result);
	return response_of(j, &result);
}

static struct response post_adopt(struct api *a, struct request *r)
{
	struct control_result result = { 0 };

	/* The files are named on our host: no caller from outside chooses what is read there. */
	if (!r->principal.local)
		return response_problem(403, "keys are taken over on the control socket alone");
	const json_t *files = json_object_get(r->json, "files");
	const char *as = request_field(r, "as");
	json_t *j = as != NULL
			? control_key_take(a->options.control, r->segment[0], files, as, &result)
			: control_zone_adopt(a->options.control, r->segment[0], r->json, &result);

	return response_of(j, &result);
}

const struct route ROUTES_KEYS[] = {
	{ "GET", "/v1/zones/{zone}/keys", API_READ, get_keys, "keys of the merged set" },
	{ "POST", "/v1/zones/{zone}/keys", API_KEYS, post_keys, "make or import a key" },
	{ "DELETE", "/v1/zones/{zone}/keys/{key}", API_KEYS, delete_key, "remove a key" },
	{ "GET", "/v1/zones/{zone}/dnskey", API_READ, get_dnskey, "own public keys as records" },
	{ "GET", "/v1/zones/{zone}/signed/{type}", API_READ, get_signed,
	  "DNSKEY, CDS or CDNSKEY with signatures" },
	{ "PUT", "/v1/zones/{zone}/cds", API_KEYS, put_cds, "publish CDS and CDNSKEY" },
	{ "DELETE", "/v1/zones/{zone}/cds", API_KEYS, delete_cds, "withdraw CDS and CDNSKEY" },
	{ "POST", "/v1/zones/{zone}/rollover", API_KEYS, post_rollover,
	  "begin, hold or release rolls" },
	{ "POST", "/v1/zones/{zone}/keys/{key}/evidence", API_KEYS, post_evidence,
	  "what the parent or the peers have" },
	{ "POST", "/v1/zones/{zone}/adopt", API_KEYS, post_adopt, "take a signed zone over" },
	{ 0 },
};
