// SPDX-License-Identifier: Apache-2.0
/* `policy show` asks the daemon; `policy diff` compares files by itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/policy_diff.h"
#include "ctl/answer.h"
#include "ctl/ctl.h"

static double percent(json_t *j, const char *key)
{
	return 100 * json_real_value(json_object_get(j, key));
}

/* ---- show ---- */

#define PREFIXES_PRINTED 6

static void print_prefixes(json_t *rule)
{
	json_t *all = json_object_get(rule, "prefixes");
	long long n = number(rule, "prefix_n");

	for (size_t i = 0; i < json_array_size(all) && i < PREFIXES_PRINTED; i++)
		printf("%s%s", i > 0 ? ", " : "    ", json_string_value(json_array_get(all, i)));
	if (n > PREFIXES_PRINTED)
		printf(", and %lld more", n - PREFIXES_PRINTED);
	puts("");
}

static void print_policy(const struct ctl *c, json_t *j)
{
	json_t *rules = json_object_get(j, "rules");

	(void)c;
	printf("%s %s in zone %s: %lld different answers\n", text(j, "name"), text(j, "type"),
	       text(j, "zone"), number(j, "answers_n"));
	for (size_t i = 0; i < json_array_size(rules); i++) {
		json_t *r = json_array_get(rules, i);
		printf("rule %lld (%s) -> pool %s\n", number(r, "number"), text(r, "match"),
		       text(r, "pool"));
		if (!json_is_true(json_object_get(r, "reachable"))) {
			puts("    nobody: earlier rules have all of its clients");
			continue;
		}
		printf("    %.4g %% of IPv4, %.4g %% of IPv6; now answers: %s\n",
		       percent(r, "ipv4_share"), percent(r, "ipv6_share"), text(r, "answers"));
		print_prefixes(r);
	}
}

int policy_show_verb(const struct ctl *c, char **args, int n)
{
	char *path = NULL, *name = client_escape(args[0]),
	     *type = client_escape(n > 1 ? args[1] : "A");

	if (name != NULL && type != NULL &&
	    asprintf(&path, "/v1/policy?name=%s&type=%s", name, type) < 0)
		path = NULL;
	free(name);
	free(type);
	return client_run(c, "GET", path, NULL, print_policy);
}

/* ---- diff ---- */

static void print_countries(json_t *move)
{
	json_t *all = json_object_get(move, "countries");

	for (size_t i = 0; i < json_array_size(all); i++) {
		json_t *country = json_array_get(all, i);
		printf("%s%s %.3g %%", i > 0 ? ", " : "      of that: ", text(country, "country"),
		       percent(country, "share_of_move"));
	}
	if (json_array_size(all) > 0)
		puts("");
}

static void print_record(json_t *record, bool has_log)
{
	json_t *moves = json_object_get(record, "moves"),
	       *queries = json_object_get(record, "queries");

	printf("%s %s: %s\n", text(record, "name"), text(record, "type"), text(record, "change"));
	for (size_t i = 0; i < json_array_size(moves); i++) {
		json_t *m = json_array_get(moves, i);
		printf("  %s -> %s: %.4g %% of IPv4, %.4g %% of IPv6", text(m, "from"),
		       text(m, "to"), percent(m, "ipv4_share"), percent(m, "ipv6_share"));
		if (has_log)
			printf(", %lld queries", number(m, "queries"));
		puts("");
		print_countries(m);
	}
	if (has_log && number(queries, "other_value") > 0)
		printf("  %lld queries get another value of the same pool\n",
		       number(queries, "other_value"));
}

static void print_diff(json_t *j)
{
	json_t *records = json_object_get(j, "records"), *queries = json_object_get(j, "queries");
	size_t same_n = 0;

	for (size_t i = 0; i < json_array_size(records); i++) {
		json_t *r = json_array_get(records, i);
		if (strcmp(text(r, "change"), "same pools") == 0 &&
		    number(json_object_get(r, "queries"), "other_value") == 0)
			same_n++;
		else
			print_record(r, queries != NULL);
	}
	if (same_n > 0)
		printf("%zu of %zu records answer everybody from the same pools as before\n",
		       same_n, json_array_size(records));
	if (queries != NULL)
		printf("%lld lines of the log (%lld about names that are not steered): %lld "
		       "answers from another pool, %lld with another value\n",
		       number(queries, "lines"), number(queries, "not_steered"),
		       number(queries, "other_pool"), number(queries, "other_value"));
}

int policy_diff_verb(const struct ctl *c, char **args, int n)
{
	struct policy_diff_options o = {
		.old_file = args[0],
		.new_file = args[1],
		.zone = c->zone,
		.config = c->config,
		.mmdb = c->mmdb,
		.queries = c->queries,
		.down = c->down,
		.down_n = c->down_n,
	};
	struct diag d = { 0 };

	(void)n;
	if (c->zone == NULL) {
		fputs("concordctl: policy diff needs --zone ZONE\n", stderr);
		return CTL_USAGE;
	}
	log_set_level(LOG_LEVEL_ERROR);
	json_t *j = policy_diff(&o, &d);
	diag_print(&d, stderr);
	diag_free(&d);
	if (j == NULL)
		return CTL_FAILED;
	if (c->json)
		print_json(j);
	else
		print_diff(j);
	json_decref(j);
	return CTL_OK;
}
