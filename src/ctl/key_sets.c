// SPDX-License-Identifier: Apache-2.0
/* A peer's keys as a whole. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

#define LINE_MAX_LEN 8192

static char *path_of(const char *zone, const char *peer, const char *rest)
{
	char *z = client_escape(zone), *p = client_escape(peer), *path = NULL;

	if (z != NULL && p != NULL &&
	    asprintf(&path, "/v1/zones/%s/peers%s%s%s", z, peer[0] != 0 ? "/" : "", p, rest) < 0)
		path = NULL;
	free(z);
	free(p);
	return path;
}

static void print_set(const struct ctl *c, json_t *j)
{
	print_keys(c, json_object_get(j, "keys"));
}

static void print_sets(const struct ctl *c, json_t *j)
{
	json_t *all = json_array(), *sets = json_object_get(j, "sets");

	for (size_t i = 0; i < json_array_size(sets); i++)
		json_array_extend(all, json_object_get(json_array_get(sets, i), "keys"));
	print_keys(c, all);
	json_decref(all);
}

/* DNSKEY records, one a line. */
static json_t *read_records(FILE *f)
{
	char line[LINE_MAX_LEN];
	json_t *records = json_array();

	while (fgets(line, sizeof line, f) != NULL) {
		line[strcspn(line, "\r\n")] = 0;
		if (line[strspn(line, " \t")] != 0 && line[0] != ';')
			json_array_append_new(records, json_string(line));
	}
	return records;
}

int key_sets(const struct ctl *c, char **args, int n)
{
	(void)n;
	return client_run(c, "GET", path_of(args[0], "", ""), NULL, print_sets);
}

int key_set(const struct ctl *c, char **args, int n)
{
	FILE *f = strcmp(args[2], "-") == 0 ? stdin : fopen(args[2], "re");

	(void)n;
	if (f == NULL) {
		fprintf(stderr, "concordctl: %s: %s\n", args[2], strerror(errno));
		return CTL_FAILED;
	}
	json_t *body = json_pack("{s:o}", "keys", read_records(f));
	if (f != stdin)
		fclose(f);
	return client_run(c, "PUT",
			  path_of(args[0], args[1], c->force ? "/keys?force=yes" : "/keys"), body,
			  print_set);
}
