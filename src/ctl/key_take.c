// SPDX-License-Identifier: Apache-2.0
/* Private keys into the daemon: of a zone that another server signed, and single ones. The daemon
 * reads the files: their paths are made absolute here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/ctl.h"

#define LISTING_LINE_MAX 2000
#define KNOT_ID_MAX      64

/* A path, or with a role in front, which a URI needs: "ksk=pkcs11:token=zones;object=a". */
static json_t *entry(const char *argument)
{
	bool has_role = strlen(argument) > 4 && argument[3] == '=' &&
			(memcmp(argument, "ksk", 3) == 0 || memcmp(argument, "zsk", 3) == 0 ||
			 memcmp(argument, "csk", 3) == 0);
	const char *path = has_role ? argument + 4 : argument;
	char *full = realpath(path, NULL);
	json_t *j = json_pack("{s:s}", "file", full != NULL ? full : path);

	if (has_role)
		json_object_set_new(j, "role", json_stringn(argument, 3));
	free(full);
	return j;
}

/* ---- Knot DNS: "<id> <tag> <KSK|ZSK|CSK> <algorithm>[/bits] <time>=<seconds>..." ---- */

/* The seconds of a timer in the rest of a line; 0: not set, or not yet. */
static long long timer(const char *rest, const char *name)
{
	size_t n = strlen(name);
	long long now = (long long)time(NULL);

	for (const char *p = rest; (p = strstr(p, name)) != NULL; p += n) {
		if ((p == rest || p[-1] == ' ') && p[n] == '=') {
			long long at = strtoll(p + n + 1, NULL, 10);
			return at <= now ? at : 0;
		}
	}
	return 0;
}

/* NULL: Knot has removed it. */
static const char *state_of(const char *rest)
{
	static const struct {
		const char *timer, *state;
	} LATEST_FIRST[] = {
		{ "remove", NULL },
		{ "retire", "retired" },
		{ "retire-active", "retired" },
		{ "active", "active" },
		{ "ready", "ready" },
		{ "publish", "published" },
		{ "pre-active", "presigning" },
	};

	for (size_t i = 0; i < sizeof LATEST_FIRST / sizeof *LATEST_FIRST; i++)
		if (timer(rest, LATEST_FIRST[i].timer) != 0)
			return LATEST_FIRST[i].state;
	return "standby";
}

static bool add_knot_key(json_t *files, const char *dir, const char *line)
{
	char id[KNOT_ID_MAX + 1], role[8], algorithm[40], path[4200];
	unsigned tag;
	int used = 0;

	if (sscanf(line, "%64[0-9a-f] %u %7[A-Z] %39[A-Z0-9]%n", id, &tag, role, algorithm,
		   &used) != 4)
		return false;
	const char *rest = line + used + strcspn(line + used, " ");
	const char *state = state_of(rest);
	snprintf(path, sizeof path, "%s/%s.pem", dir, id);
	if (state == NULL)
		return true;
	json_t *j = entry(path);
	json_object_set_new(j, "role", json_string(role));
	json_object_set_new(j, "algorithm", json_string(algorithm));
	json_object_set_new(j, "state", json_string(state));
	json_object_set_new(j, "tag", json_integer(tag));
	return json_array_append_new(files, j) == 0;
}

static json_t *read_knot_listing(const char *listing, const char *dir)
{
	char line[LISTING_LINE_MAX];
	FILE *f = strcmp(listing, "-") == 0 ? stdin : fopen(listing, "re");
	json_t *files = json_array();
	int number = 0;

	if (f == NULL) {
		fprintf(stderr, "concordctl: %s: %s\n", listing, strerror(errno));
		json_decref(files);
		return NULL;
	}
	while (fgets(line, sizeof line, f) != NULL && files != NULL) {
		number++;
		if (line[strspn(line, " \t\r\n")] == 0 || add_knot_key(files, dir, line))
			continue;
		fprintf(stderr, "concordctl: %s:%d: not a line of `keymgr ZONE list unix`: %.60s\n",
			listing, number, line);
		json_decref(files);
		files = NULL;
	}
	if (f != stdin)
		fclose(f);
	return files;
}

/* ---- verbs ---- */

int adopt_verb(const struct ctl *c, char **args, int n)
{
	json_t *files =
	    c->knot != NULL ? n == 2 ? read_knot_listing(args[1], c->knot) : NULL : json_array();

	if (files == NULL) {
		if (n != 2)
			fputs("concordctl: with --knot one file is named, the listing\n", stderr);
		return CTL_USAGE;
	}
	for (int i = 1; i < n && c->knot == NULL; i++)
		json_array_append_new(files, entry(args[i]));
	json_t *body = json_pack("{s:o}", "files", files);
	if (c->served_ttl != NULL) {
		char *end;
		long long ttl = strtoll(c->served_ttl, &end, 10);
		json_object_set_new(body, "served_ttl",
				    *end == 0 && end != c->served_ttl ? json_integer(ttl)
								      : json_string("no number"));
	}
	return keys_post(c, args[0], "/adopt", body);
}

int key_take_verb(const struct ctl *c, char **args, int n)
{
	json_t *files = json_array();

	for (int i = 1; i < n; i++) {
		json_t *j = entry(args[i]);
		if (c->role != NULL)
			json_object_set_new(j, "role", json_string(c->role));
		if (c->algorithm != NULL)
			json_object_set_new(j, "algorithm", json_string(c->algorithm));
		json_array_append_new(files, j);
	}
	return keys_post(
	    c, args[0], "/adopt",
	    json_pack("{s:o, s:s}", "files", files, "as", c->state != NULL ? c->state : "standby"));
}

int key_retire_verb(const struct ctl *c, char **args, int n)
{
	(void)n;
	return keys_post(c, args[0], "/rollover", json_pack("{s:s}", "retire", args[1]));
}
