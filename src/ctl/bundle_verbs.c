// SPDX-License-Identifier: Apache-2.0
/* Verbs for key sets that are signed ahead of time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

#define FILE_MAX (192u << 10) /* what the daemon takes in one request, with room for JSON */

static char *path_of(const char *zone, const char *rest)
{
	char *escaped = client_escape(zone), *path = NULL;

	if (escaped != NULL && asprintf(&path, "/v1/zones/%s/bundles%s", escaped, rest) < 0)
		path = NULL;
	free(escaped);
	return path;
}

/* To be freed; NULL after saying why. */
static char *read_file(const char *name)
{
	FILE *f = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
	char *text = malloc(FILE_MAX + 1);
	size_t n = 0;

	if (f != NULL && text != NULL)
		n = fread(text, 1, FILE_MAX + 1, f);
	bool failed = f == NULL || ferror(f);
	if (failed || text == NULL || n > FILE_MAX) {
		fprintf(stderr, "concordctl: %s: %s\n", name,
			failed ? strerror(errno) : "the file is too large");
		free(text);
		text = NULL;
	} else {
		text[n] = 0;
	}
	if (f != NULL && f != stdin)
		fclose(f);
	return text;
}

static void print_text(json_t *j, const char *field)
{
	const char *text = json_string_value(json_object_get(j, field));

	fputs(text != NULL ? text : "", stdout);
}

static void print_ksr(const struct ctl *c, json_t *j)
{
	(void)c;
	print_text(j, "ksr");
}

static void print_skr(const struct ctl *c, json_t *j)
{
	(void)c;
	print_text(j, "skr");
}

static void print_bundles(const struct ctl *c, json_t *j)
{
	json_t *all = json_object_get(j, "bundles");
	const char *end = json_string_value(json_object_get(j, "end"));

	(void)c;
	for (size_t i = 0; i < json_array_size(all); i++) {
		json_t *b = json_array_get(all, i), *tags = json_object_get(b, "tags");
		printf("%s %s  until %s  keys",
		       json_is_true(json_object_get(b, "in_force")) ? "*" : " ",
		       json_string_value(json_object_get(b, "from")),
		       json_string_value(json_object_get(b, "expires")));
		for (size_t t = 0; t < json_array_size(tags); t++)
			printf(" %lld", (long long)json_integer_value(json_array_get(tags, t)));
		puts(json_is_true(json_object_get(b, "cds")) ? "  CDS" : "");
	}
	printf("%zu signed key sets%s%s\n", json_array_size(all),
	       end != NULL && end[0] != 0 ? ", good until " : "; none is valid now",
	       end != NULL ? end : "");
}

static json_t *body_of(const struct ctl *c)
{
	json_t *body = json_object();

	if (c->days != NULL)
		json_object_set_new(body, "days", json_integer(atoll(c->days)));
	if (c->form != NULL)
		json_object_set_new(body, "form", json_string(c->form));
	return body;
}

int bundle_list(const struct ctl *c, char **args, int n)
{
	(void)n;
	return client_run(c, "GET", path_of(args[0], ""), NULL, print_bundles);
}

int bundle_show(const struct ctl *c, char **args, int n)
{
	(void)n;
	return client_run(
	    c, "GET",
	    path_of(args[0], c->form != NULL && strcmp(c->form, "bind") == 0 ? "?form=bind" : ""),
	    NULL, print_skr);
}

int bundle_request(const struct ctl *c, char **args, int n)
{
	(void)n;
	return client_run(c, "POST", path_of(args[0], "/request"), body_of(c), print_ksr);
}

int bundle_sign(const struct ctl *c, char **args, int n)
{
	json_t *body = body_of(c), *requests = json_array();

	for (int i = 1; i < n; i++) {
		char *text = read_file(args[i]);
		if (text == NULL) {
			json_decref(requests);
			json_decref(body);
			return CTL_FAILED;
		}
		json_array_append_new(requests, json_string(text));
		free(text);
	}
	json_object_set_new(body, "requests", requests);
	return client_run(c, "POST", path_of(args[0], "/sign"), body, print_skr);
}

int bundle_load(const struct ctl *c, char **args, int n)
{
	char *text = read_file(args[1]);

	(void)n;
	if (text == NULL)
		return CTL_FAILED;
	json_t *body = json_pack("{s:s}", "skr", text);
	free(text);
	return client_run(c, "PUT", path_of(args[0], c->force ? "?force=yes" : ""), body,
			  print_bundles);
}
