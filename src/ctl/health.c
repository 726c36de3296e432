// SPDX-License-Identifier: Apache-2.0
/* concordctl health: checks of endpoints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/answer.h"
#include "ctl/ctl.h"

static void print_time(json_t *j)
{
	time_t at = (time_t)json_integer_value(j);
	struct tm tm;
	char text[32] = "-";

	if (j != NULL && gmtime_r(&at, &tm) != NULL)
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	printf("%-20s ", text);
}

static void print_check(json_t *check)
{
	bool held = strcmp(text(check, "override"), "obey") != 0;

	printf("%-20s %-7s ", text(check, "value"),
	       held ? text(check, "override") : text(check, "state"));
	print_time(json_object_get(check, "since"));
	printf("%s  (%s)%s\n", text(check, "reason"), text(check, "check"),
	       held ? "  held by hand" : "");
}

static void print_health(const struct ctl *c, json_t *j)
{
	json_t *checks = json_object_get(j, "checks"), *check, *to;
	const char *value;
	size_t i;

	(void)c;
	if (json_array_size(checks) > 0)
		printf("%-20s %-7s %-20s %s\n", "VALUE", "STATE", "SINCE", "LAST RESULT");
	json_array_foreach(checks, i, check) print_check(check);
	json_object_foreach(json_object_get(j, "overrides"), value, to)
	    printf("%s is held %s by hand: concordctl health set %s obey\n", value,
		   json_string_value(to), value);
}

int health_show(const struct ctl *c, char **args, int n)
{
	char *value = n > 0 ? client_escape(args[0]) : NULL, *path = NULL;

	if (asprintf(&path, "/v1/health%s%s", value != NULL ? "?value=" : "",
		     value != NULL ? value : "") < 0)
		path = NULL;
	free(value);
	return client_run(c, "GET", path, NULL, print_health);
}

static char *value_path(const char *value, const char *rest)
{
	char *escaped = client_escape(value), *path = NULL;

	if (escaped != NULL && asprintf(&path, "/v1/health/%s/%s", escaped, rest) < 0)
		path = NULL;
	free(escaped);
	return path;
}

int health_set(const struct ctl *c, char **args, int n)
{
	(void)n;
	return client_run(c, "PUT", value_path(args[0], "override"),
			  json_pack("{s:s}", "to", args[1]), NULL);
}

int health_feed(const struct ctl *c, char **args, int n)
{
	json_t *body = json_pack("{s:s}", "state", args[1]);
	char *end = NULL;
	long load = n > 2 ? strtol(args[2], &end, 10) : 0;

	if (n > 2 && (*end != 0 || end == args[2] || load < 0)) {
		fputs("concordctl: LOAD is a number from 0\n", stderr);
		json_decref(body);
		return CTL_USAGE;
	}
	json_object_set_new(body, "load", json_integer(load));
	return client_run(c, "PUT", value_path(args[0], "feed"), body, NULL);
}
