// SPDX-License-Identifier: Apache-2.0
/* Verbs for rolls of keys. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

int keys_post(const struct ctl *c, const char *zone, const char *rest, json_t *body)
{
	char *escaped = client_escape(zone), *path = NULL;
	json_t *j = NULL;

	if (escaped != NULL && asprintf(&path, "/v1/zones/%s%s", escaped, rest) < 0)
		path = NULL;
	int code = path != NULL ? client_call(c, "POST", path, body, &j) : CTL_FAILED;
	if (j != NULL && c->json)
		print_json(j);
	else if (j != NULL)
		print_keys(c, json_object_get(j, "keys"));
	json_decref(j);
	json_decref(body);
	free(path);
	free(escaped);
	return code;
}

int roll_verb(const struct ctl *c, char **args, int n)
{
	(void)n;
	return keys_post(c, args[0], "/rollover",
			 json_pack("{s:s, s:b}", "roll", c->role != NULL ? c->role : "all",
				   "emergency", c->emergency));
}

int hold_verb(const struct ctl *c, char **args, int n)
{
	return keys_post(c, args[0], "/rollover",
			 json_pack("{s:s}", "hold", n > 1 ? args[1] : "by hand"));
}

int release_verb(const struct ctl *c, char **args, int n)
{
	(void)n;
	return keys_post(c, args[0], "/rollover", json_pack("{s:b}", "release", 1));
}

static int evidence(const struct ctl *c, char **args, const char *what)
{
	char rest[80];
	const char *slash = strchr(args[1], '/');
	int tag_len = (int)(slash != NULL ? (size_t)(slash - args[1]) : strlen(args[1]));

	snprintf(rest, sizeof rest, "/keys/%.*s%s%.8s/evidence", tag_len < 10 ? tag_len : 10,
		 args[1], slash != NULL ? "-" : "", slash != NULL ? slash + 1 : "");
	return keys_post(c, args[0], rest, json_pack("{s:s}", "what", what));
}

int ds_seen_verb(const struct ctl *c, char **args, int n)
{
	(void)n;
	return evidence(c, args, "ds-seen");
}

int ds_gone_verb(const struct ctl *c, char **args, int n)
{
	(void)n;
	return evidence(c, args, "ds-gone");
}

int seen_verb(const struct ctl *c, char **args, int n)
{
	(void)n;
	return evidence(c, args, "seen");
}
