// SPDX-License-Identifier: Apache-2.0
/* `zone export` and `zone diff`: a zone's records as text, from the daemon to where they are
 * wanted. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "control/zone_compare.h"
#include "ctl/answer.h"
#include "ctl/ctl.h"

static int download(const struct ctl *c, const char *zone, const char *rest, FILE *to)
{
	char *escaped = client_escape(zone), *path = NULL;
	int code = CTL_FAILED;

	if (escaped != NULL && asprintf(&path, "/v1/zones/%s%s", escaped, rest) >= 0)
		code = client_download(c, path, to);
	free(path);
	free(escaped);
	return code;
}

/* ---- export ---- */

/* Beside its place, synced, then renamed: who reads the file sees all of it or the one before. */
static int export_to(const struct ctl *c, const char *zone, const char *rest)
{
	char *beside = NULL;
	int fd = asprintf(&beside, "%s.XXXXXX", c->file) < 0 ? -1 : mkstemp(beside);
	FILE *to = fd >= 0 ? fdopen(fd, "w") : NULL;
	mode_t mask = umask(0);
	int code = CTL_FAILED;

	umask(mask);
	if (to != NULL)
		code = download(c, zone, rest, to);
	if (to != NULL && code == CTL_OK &&
	    (fchmod(fd, 0666 & ~mask) < 0 || fflush(to) != 0 || fsync(fd) < 0 ||
	     rename(beside, c->file) < 0))
		to = (fclose(to), NULL);
	if (to == NULL) {
		fprintf(stderr, "concordctl: %s: %s\n", c->file, strerror(errno));
		code = CTL_FAILED;
	} else {
		fclose(to);
	}
	if (code != CTL_OK && fd >= 0)
		unlink(beside);
	free(beside);
	return code;
}

int zone_export_verb(const struct ctl *c, char **args, int n)
{
	const char *rest = c->is_signed ? "/export?signed=yes" : "/export";

	(void)n;
	if (c->file != NULL)
		return export_to(c, args[0], rest);
	int code = download(c, args[0], rest, stdout);
	if (code == CTL_OK && fflush(stdout) != 0) {
		fprintf(stderr, "concordctl: %s\n", strerror(errno));
		return CTL_FAILED;
	}
	return code;
}

/* ---- diff ---- */

/* The lines of a difference as they are, or as JSON. */
static void print_changes(const struct ctl *c, FILE *from)
{
	json_t *notes = json_array(), *removed = json_array(), *added = json_array();
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	rewind(from);
	while ((n = getline(&line, &cap, from)) > 0) {
		if (!c->json) {
			fputs(line, stdout);
			continue;
		}
		line[n - 1] = 0;
		json_array_append_new(line[0] == '-'   ? removed
				      : line[0] == '+' ? added
						       : notes,
				      json_string(n > 2 ? line + 2 : ""));
	}
	free(line);
	json_t *j =
	    json_pack("{s:o, s:o, s:o}", "notes", notes, "removed", removed, "added", added);
	if (c->json)
		print_json(j);
	json_decref(j);
}

/* What is steered comes from elsewhere: a zone file does not have it. */
static bool drop_steered(FILE *from, FILE *to)
{
	static const char MARK[] = " ; steered\n";
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	rewind(from);
	while ((n = getline(&line, &cap, from)) > 0)
		if ((size_t)n < sizeof MARK || strcmp(line + n - (sizeof MARK - 1), MARK) != 0)
			fputs(line, to);
	free(line);
	return fflush(to) == 0 && !ferror(from);
}

static int compare(const struct ctl *c, const char *zone, const char *file, FILE *updates)
{
	char path[] = "/tmp/concordctl.XXXXXX";
	struct diag d = { 0 };
	FILE *whole = tmpfile(), *out = tmpfile();
	int fd = mkstemp(path);
	FILE *served = fd >= 0 ? fdopen(fd, "w") : NULL;
	json_t *status = NULL;
	char *escaped = client_escape(zone), *route = NULL;
	int code = CTL_FAILED;

	if (escaped != NULL && asprintf(&route, "/v1/zones/%s", escaped) >= 0)
		code = client_call(c, "GET", route, NULL, &status);
	if (code == CTL_OK && (whole == NULL || out == NULL || served == NULL))
		code = CTL_FAILED;
	if (code == CTL_OK)
		code = download(c, zone, "/export", whole);
	if (code == CTL_OK && !drop_steered(whole, served))
		code = CTL_FAILED;
	if (code == CTL_OK) {
		struct zone_comparison x = { .zone = text(status, "name"),
					     .served = path,
					     .file = file,
					     .updates = updates,
					     .signed_here =
						 json_object_get(status, "keys") != NULL };
		log_set_level(LOG_LEVEL_ERROR);
		enum err e = zone_compare(&x, out, &d);
		diag_print(&d, stderr);
		if (e)
			fprintf(stderr, "concordctl: %s would not load: %s\n", file, err_text(e));
		else
			print_changes(c, out);
		code = e ? CTL_FAILED : CTL_OK;
	}
	if (fd >= 0)
		unlink(path);
	for (int i = 0; i < 3; i++) {
		FILE *f = i == 0 ? whole : i == 1 ? out : served;
		if (f != NULL)
			fclose(f);
	}
	diag_free(&d);
	json_decref(status);
	free(route);
	free(escaped);
	return code;
}

int zone_diff_verb(const struct ctl *c, char **args, int n)
{
	FILE *updates = tmpfile();

	if (updates == NULL) {
		fprintf(stderr, "concordctl: %s\n", strerror(errno));
		return CTL_FAILED;
	}
	int code = download(c, args[0], "/changes", updates);
	if (code == CTL_OK && n == 1)
		print_changes(c, updates);
	else if (code == CTL_OK)
		code = compare(c, args[0], args[1], updates);
	fclose(updates);
	return code;
}
