// SPDX-License-Identifier: Apache-2.0
/*
 * ctl.h -- concordctl: one table of verbs over the daemon's HTTP interface.
 *
 * Purpose.   Each verb builds one request and prints its answer, for a person or as JSON.
 * Exit.      enum ctl_exit; documented in concordctl(1).
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_UNREACHABLE = 3,
	CTL_NOT_FOUND = 4,
	CTL_REFUSED = 5
};

#define CTL_DOWN_MAX 64 /* options --down */

struct ctl {
	const char *socket;
	bool json, colour;
	const char *role, *owner, *client; /* options of verbs; NULL: not given */
	const char *scopes, *zone, *peer, *file;
	const char *config, *mmdb, *queries;
	const char *down[CTL_DOWN_MAX];
	size_t down_n;
	const char *days, *form;
	const char *algorithm, *state, *knot, *served_ttl; /* of keys that are taken */
	bool force;
	bool emergency;
	bool is_signed;
};

struct ctl_verb {
	const char *noun, *verb; /* verb NULL: the noun alone */
	int min_args, max_args;
	const char *arguments, *says;
	int (*run)(const struct ctl *c, char **args, int n);
};

extern const struct ctl_verb CTL_VERBS[]; /* ends with noun NULL */

/* client.c: one request. *out gets the JSON of the answer (owned by the caller), or NULL. Says on
 * standard error what went wrong, and returns the exit code. */
int client_call(const struct ctl *c, const char *method, const char *path, json_t *body,
		json_t **out);
/* Calls, and prints the answer with `print` or as JSON. Takes `path` and `body`. */
int client_run(const struct ctl *c, const char *method, char *path, json_t *body,
	       void (*print)(const struct ctl *c, json_t *j));
/* GET of a text, which goes to `to` as it comes. Says what went wrong, as above. */
int client_download(const struct ctl *c, const char *path, FILE *to);
/* A part of a path or query, percent-encoded; to be freed. */
char *client_escape(const char *text);

/* token.c */
int token_new(const struct ctl *c, char **args, int n);

/* key_sets.c */
int key_sets(const struct ctl *c, char **args, int n);
int key_set(const struct ctl *c, char **args, int n);

/* zone_data.c */
int zone_export_verb(const struct ctl *c, char **args, int n);
int zone_diff_verb(const struct ctl *c, char **args, int n);

/* policy.c */
int policy_show_verb(const struct ctl *c, char **args, int n);
int policy_diff_verb(const struct ctl *c, char **args, int n);
/* bundle_verbs.c */
int bundle_list(const struct ctl *c, char **args, int n);
int bundle_show(const struct ctl *c, char **args, int n);
int bundle_request(const struct ctl *c, char **args, int n);
int bundle_sign(const struct ctl *c, char **args, int n);
int bundle_load(const struct ctl *c, char **args, int n);

/* health.c */
int health_show(const struct ctl *c, char **args, int n);
int health_set(const struct ctl *c, char **args, int n);
int health_feed(const struct ctl *c, char **args, int n);

/* group.c */
int group_status(const struct ctl *c, char **args, int n);
int group_history(const struct ctl *c, char **args, int n);
int group_doctor(const struct ctl *c, char **args, int n);
int group_plan(const struct ctl *c, char **args, int n);
int group_start(const struct ctl *c, char **args, int n);
int group_cancel(const struct ctl *c, char **args, int n);
int group_eject(const struct ctl *c, char **args, int n);
int group_pause(const struct ctl *c, char **args, int n);
int group_resume(const struct ctl *c, char **args, int n);
int group_force(const struct ctl *c, char **args, int n);

/* print.c */
void print_json(json_t *j);
void print_status(const struct ctl *c, json_t *j);
void print_stats(const struct ctl *c, json_t *j);
void print_zones(const struct ctl *c, json_t *j);
/* Where a transferred zone stands. */
void print_transfer(json_t *t);
void print_notify(const struct ctl *c, json_t *all);
void print_zone(const struct ctl *c, json_t *j);
void print_keys(const struct ctl *c, json_t *keys);
void print_lines(json_t *array);
void print_audit(const struct ctl *c, json_t *j);
void print_explain(const struct ctl *c, json_t *j);

/* roll_verbs.c */
int roll_verb(const struct ctl *c, char **args, int n);
int hold_verb(const struct ctl *c, char **args, int n);
int release_verb(const struct ctl *c, char **args, int n);
int ds_seen_verb(const struct ctl *c, char **args, int n);
int ds_gone_verb(const struct ctl *c, char **args, int n);
int seen_verb(const struct ctl *c, char **args, int n);
/* Posts `body` (taken) for a zone, and prints its keys. */
int keys_post(const struct ctl *c, const char *zone, const char *rest, json_t *body);

/* key_take.c */
int adopt_verb(const struct ctl *c, char **args, int n);
int key_take_verb(const struct ctl *c, char **args, int n);
int key_retire_verb(const struct ctl *c, char **args, int n);

#endif
