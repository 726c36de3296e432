// SPDX-License-Identifier: Apache-2.0
/* Verbs of a zone's group, and how it is shown. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/answer.h"
#include "ctl/ctl.h"

static char *group_path(const char *zone, const char *rest)
{
	char *escaped = client_escape(zone), *path = NULL;

	if (escaped != NULL && asprintf(&path, "/v1/zones/%s/group%s", escaped, rest) < 0)
		path = NULL;
	free(escaped);
	return path;
}

static void print_time(const json_t *j, const char *name)
{
	time_t t = (time_t)json_integer_value(json_object_get(j, name));
	char text[32];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	fputs(text, stdout);
}

/* ---- status ---- */

static void print_all(const struct ctl *c, json_t *j)
{
	const json_t *zones = json_object_get(j, "zones");

	(void)c;
	for (size_t i = 0; i < json_array_size(zones); i++) {
		const json_t *z = json_array_get(zones, i);
		printf("%-30s %s\n", text(z, "zone"), text(z, "sentence"));
	}
}

static void print_servers(const json_t *servers)
{
	for (size_t i = 0; i < json_array_size(servers); i++) {
		const json_t *s = json_array_get(servers, i);
		printf("    %s: ", text(s, "server"));
		if (json_object_get(s, "last_seen") != NULL) {
			fputs("seen ", stdout);
			print_time(s, "last_seen");
		} else {
			fputs("never seen", stdout);
		}
		if (!json_is_true(json_object_get(s, "ok")))
			printf("; fails: %s", text(s, "problem"));
		putchar('\n');
	}
}

static void print_signers(const json_t *signers)
{
	for (size_t i = 0; i < json_array_size(signers); i++) {
		const json_t *s = json_array_get(signers, i);
		printf("  %s%s: %s%s%s\n", text(s, "name"),
		       json_is_true(json_object_get(s, "self")) ? " (we)" : "", text(s, "state"),
		       json_is_true(json_object_get(s, "paused")) ? ", paused" : "",
		       json_is_true(json_object_get(s, "ejected")) ? ", ejected" : "");
		if (text(s, "waits_for")[0] != 0)
			printf("    %s\n", text(s, "waits_for"));
		print_servers(json_object_get(s, "servers"));
	}
}

static void print_cell(const json_t *cell)
{
	const char *served = text(cell, "served");
	char text[24];

	snprintf(text, sizeof text, "%s%s%s",
		 strcmp(served, "all") == 0    ? "served"
		 : strcmp(served, "some") == 0 ? "partly"
					       : "-",
		 json_is_true(json_object_get(cell, "signs")) ? "+signs" : "",
		 json_is_true(json_object_get(cell, "cds")) ? "+cds" : "");
	printf(" %-18s", text);
}

static void print_matrix(json_t *j)
{
	json_t *keys = json_object_get(j, "keys"), *signers = json_object_get(j, "signers");

	printf("  %-12s %-12s %-6s", "key", "owner", "DS");
	for (size_t i = 0; i < json_array_size(signers); i++)
		printf(" %-18s", text(json_array_get(signers, i), "name"));
	putchar('\n');
	for (size_t k = 0; k < json_array_size(keys); k++) {
		const json_t *key = json_array_get(keys, k);
		char name[16];
		snprintf(name, sizeof name, "%d/%d%s",
			 (int)json_integer_value(json_object_get(key, "tag")),
			 (int)json_integer_value(json_object_get(key, "algorithm")),
			 json_is_true(json_object_get(key, "sep")) ? " sep" : "");
		printf("  %-12s %-12s %-6s", name, text(key, "owner"), text(key, "ds"));
		for (size_t i = 0; i < json_array_size(signers); i++)
			print_cell(json_object_get(json_object_get(key, "at"),
						   text(json_array_get(signers, i), "name")));
		putchar('\n');
	}
}

static void print_group(const struct ctl *c, json_t *j)
{
	const json_t *drift = json_object_get(j, "drift"),
		     *differs = json_object_get(drift, "differs");

	(void)c;
	printf("%s, group %s\n%s\n", text(j, "zone"), text(j, "group"), text(j, "sentence"));
	print_signers(json_object_get(j, "signers"));
	puts("  parent");
	print_servers(json_object_get(j, "parent"));
	print_matrix(j);
	if (json_array_size(differs) > 0) {
		fputs("  servers differ in:", stdout);
		for (size_t i = 0; i < json_array_size(differs); i++)
			printf("%s %s", i > 0 ? "," : "",
			       json_string_value(json_array_get(differs, i)));
		putchar('\n');
	}
	for (size_t i = 0; i < json_array_size(json_object_get(j, "parent_should_have")); i++)
		printf(
		    "%s  %s\n", i == 0 ? "  the parent should have:\n" : "",
		    json_string_value(json_array_get(json_object_get(j, "parent_should_have"), i)));
	if (text(drift, "fault")[0] != 0)
		printf("  bogus: %s\n", text(drift, "fault"));
}

int group_status(const struct ctl *c, char **args, int n)
{
	if (n == 0)
		return client_run(c, "GET", strdup("/v1/groups"), NULL, print_all);
	return client_run(c, "GET", group_path(args[0], ""), NULL, print_group);
}

static void print_history(const struct ctl *c, json_t *j)
{
	const json_t *all = json_object_get(j, "history");

	(void)c;
	for (size_t i = 0; i < json_array_size(all); i++) {
		print_time(json_array_get(all, i), "at");
		printf("  %s\n", text(json_array_get(all, i), "what"));
	}
}

int group_history(const struct ctl *c, char **args, int n)
{
	(void)n;
	return client_run(c, "GET", group_path(args[0], "/history"), NULL, print_history);
}

static void print_doctor(const struct ctl *c, json_t *j)
{
	const json_t *all = json_object_get(j, "checks");

	(void)c;
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *one = json_array_get(all, i);
		printf("%-5s %-14s %s\n",
		       json_is_true(json_object_get(one, "ok")) ? "good" : "look",
		       text(one, "check"), text(one, "says"));
	}
}

int group_doctor(const struct ctl *c, char **args, int n)
{
	(void)n;
	return client_run(c, "GET", group_path(args[0], "/doctor"), NULL, print_doctor);
}

static void print_plan(const struct ctl *c, json_t *j)
{
	const json_t *steps = json_object_get(j, "steps");

	(void)c;
	if (text(j, "held")[0] != 0)
		printf("it would wait: %s\n", text(j, "held"));
	for (size_t i = 0; i < json_array_size(steps); i++) {
		const json_t *s = json_array_get(steps, i), *needs = json_object_get(s, "needs");
		printf("%zu. not before ", i + 1);
		print_time(s, "earliest");
		printf(": %s\n", text(s, "step"));
		for (size_t k = 0; k < json_array_size(needs); k++)
			printf("     when %s\n", text(json_array_get(needs, k), "text"));
	}
}

int group_plan(const struct ctl *c, char **args, int n)
{
	char rest[200];
	char *process = client_escape(args[1]), *signer = n > 2 ? client_escape(args[2]) : NULL;

	snprintf(rest, sizeof rest, "/plan?process=%.60s%s%.63s", process != NULL ? process : "",
		 signer != NULL ? "&signer=" : "", signer != NULL ? signer : "");
	free(process);
	free(signer);
	return client_run(c, "GET", group_path(args[0], rest), NULL, print_plan);
}

/* ---- to do ---- */

static void print_done(const struct ctl *c, json_t *j)
{
	(void)c;
	puts(text(j, "sentence"));
}

static int post(const struct ctl *c, const char *zone, json_t *body, const char *signer)
{
	if (signer != NULL)
		json_object_set_new(body, "signer", json_string(signer));
	return client_run(c, "POST", group_path(zone, ""), body, print_done);
}

int group_start(const struct ctl *c, char **args, int n)
{
	return post(c, args[0], json_pack("{s:s}", "start", args[1]), n > 2 ? args[2] : NULL);
}

int group_cancel(const struct ctl *c, char **args, int n)
{
	(void)n;
	return post(c, args[0], json_pack("{s:b}", "cancel", 1), args[1]);
}

int group_eject(const struct ctl *c, char **args, int n)
{
	(void)n;
	return post(c, args[0], json_pack("{s:b}", "eject", 1), args[1]);
}

int group_pause(const struct ctl *c, char **args, int n)
{
	(void)n;
	return post(c, args[0], json_pack("{s:b}", "pause", 1), args[1]);
}

int group_resume(const struct ctl *c, char **args, int n)
{
	(void)n;
	return post(c, args[0], json_pack("{s:b}", "resume", 1), args[1]);
}

int group_force(const struct ctl *c, char **args, int n)
{
	(void)n;
	return post(c, args[0], json_pack("{s:s}", "force", args[2]), args[1]);
}
