// SPDX-License-Identifier: Apache-2.0
/* What each verb asks of the daemon. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

#define KEY_FILE_MAX 8192

/* "/v1/zones/ZONE" + rest; to be freed. */
static char *zone_path(const char *zone, const char *rest)
{
	char *escaped = client_escape(zone), *path = NULL;

	if (escaped != NULL && asprintf(&path, "/v1/zones/%s%s", escaped, rest) < 0)
		path = NULL;
	free(escaped);
	return path;
}

static int status(const struct ctl *c, char **args, int n)
{
	(void)args;
	(void)n;
	return client_run(c, "GET", strdup("/v1/status"), NULL, print_status);
}

static int stats(const struct ctl *c, char **args, int n)
{
	(void)args;
	(void)n;
	return client_run(c, "GET", strdup("/v1/stats"), NULL, print_stats);
}

static void print_reload(const struct ctl *c, json_t *j)
{
	(void)c;
	print_lines(json_object_get(j, "findings"));
	puts("reloaded");
}

/* A configuration that is refused is a failure, not a conflict. */
static int reload(const struct ctl *c, char **args, int n)
{
	int code = client_run(c, "POST", strdup("/v1/reload"), NULL, print_reload);

	(void)args;
	(void)n;
	return code == CTL_REFUSED ? CTL_FAILED : code;
}

static int zone_list(const struct ctl *c, char **args, int n)
{
	(void)args;
	(void)n;
	return client_run(c, "GET", strdup("/v1/zones"), NULL, print_zones);
}

static int zone_status(const struct ctl *c, char **args, int n)
{
	(void)n;
	return client_run(c, "GET", zone_path(args[0], ""), NULL, print_zone);
}

static void print_ds(const struct ctl *c, json_t *j)
{
	(void)c;
	print_lines(json_object_get(j, "ds"));
}

static int zone_ds(const struct ctl *c, char **args, int n)
{
	(void)n;
	return client_run(c, "GET", zone_path(args[0], ""), NULL, print_ds);
}

static void print_key_list(const struct ctl *c, json_t *j)
{
	print_keys(c, json_object_get(j, "keys"));
}

static int key_list(const struct ctl *c, char **args, int n)
{
	(void)n;
	return client_run(c, "GET", zone_path(args[0], "/keys"), NULL, print_key_list);
}

static void print_one_key(const struct ctl *c, json_t *j)
{
	json_t *one = json_pack("[O]", j);

	print_keys(c, one);
	json_decref(one);
}

static int key_generate(const struct ctl *c, char **args, int n)
{
	(void)n;
	if (c->role == NULL) {
		fputs("concordctl: key generate needs --role ksk|zsk|csk\n", stderr);
		return CTL_USAGE;
	}
	return client_run(c, "POST", zone_path(args[0], "/keys"),
			  json_pack("{s:s}", "generate", c->role), print_one_key);
}

static int import_one(const struct ctl *c, const char *zone, const char *record)
{
	json_t *body = json_pack("{s:s}", "dnskey", record);

	if (c->owner != NULL)
		json_object_set_new(body, "owner", json_string(c->owner));
	return client_run(c, "POST", zone_path(zone, "/keys"), body, print_one_key);
}

/* A file of DNSKEY records, one a line, as `key export`, dig and dnssec-keygen write them. */
static int import_file(const struct ctl *c, const char *zone, FILE *f)
{
	char line[KEY_FILE_MAX];
	int code = CTL_OK, records = 0;

	while (fgets(line, sizeof line, f) != NULL) {
		line[strcspn(line, "\r\n")] = 0;
		if (line[strspn(line, " \t")] == 0 || line[0] == ';')
			continue;
		int one = import_one(c, zone, line);
		records++;
		code = code != CTL_OK ? code : one;
	}
	if (records == 0) {
		fputs("concordctl: the file has no DNSKEY record\n", stderr);
		return CTL_FAILED;
	}
	return code;
}

/* FILE, "-" for standard input, or the record itself in one or several arguments. */
static int key_import(const struct ctl *c, char **args, int n)
{
	char record[KEY_FILE_MAX] = "";
	FILE *f = n == 2 ? strcmp(args[1], "-") == 0 ? stdin : fopen(args[1], "re") : NULL;

	if (f != NULL) {
		int code = import_file(c, args[0], f);
		if (f != stdin)
			fclose(f);
		return code;
	}
	for (int i = 1; i < n; i++) {
		size_t used = strlen(record);
		if (snprintf(record + used, sizeof record - used, "%s%s", used > 0 ? " " : "",
			     args[i]) >= (int)(sizeof record - used)) {
			fputs("concordctl: the record is too long\n", stderr);
			return CTL_USAGE;
		}
	}
	if (n == 2 && strchr(record, ' ') == NULL) {
		fprintf(stderr, "concordctl: %s: %s\n", args[1], strerror(errno));
		return CTL_FAILED;
	}
	return import_one(c, args[0], record);
}

static int key_remove(const struct ctl *c, char **args, int n)
{
	char rest[80];
	const char *slash = strchr(args[1], '/');
	int tag_len = (int)(slash != NULL ? (size_t)(slash - args[1]) : strlen(args[1]));

	(void)n;
	snprintf(rest, sizeof rest, "/keys/%.*s%s%.8s%s", tag_len < 10 ? tag_len : 10, args[1],
		 slash != NULL ? "-" : "", slash != NULL ? slash + 1 : "",
		 c->force ? "?force=yes" : "");
	return client_run(c, "DELETE", zone_path(args[0], rest), NULL, NULL);
}

static void print_export(const struct ctl *c, json_t *j)
{
	(void)c;
	print_lines(json_object_get(j, "dnskey"));
}

static int key_export(const struct ctl *c, char **args, int n)
{
	char rest[64] = "/dnskey";

	(void)n;
	if (c->role != NULL)
		snprintf(rest, sizeof rest, "/dnskey?role=%.20s", c->role);
	return client_run(c, "GET", zone_path(args[0], rest), NULL, print_export);
}

static int cds_publish(const struct ctl *c, char **args, int n)
{
	(void)n;
	return client_run(c, "PUT", zone_path(args[0], "/cds"), NULL, NULL);
}

static int cds_withdraw(const struct ctl *c, char **args, int n)
{
	(void)n;
	return client_run(c, "DELETE", zone_path(args[0], "/cds"), NULL, NULL);
}

static int explain(const struct ctl *c, char **args, int n)
{
	char *path = NULL;

	(void)n;
	if (c->client == NULL) {
		fputs("concordctl: explain needs --client ADDR[/LEN]\n", stderr);
		return CTL_USAGE;
	}
	char *name = client_escape(args[0]), *type = client_escape(args[1]),
	     *client = client_escape(c->client);
	if (name != NULL && type != NULL && client != NULL &&
	    asprintf(&path, "/v1/explain?name=%s&type=%s&client=%s", name, type, client) < 0)
		path = NULL;
	free(name);
	free(type);
	free(client);
	return client_run(c, "GET", path, NULL, print_explain);
}

static int audit(const struct ctl *c, char **args, int n)
{
	(void)args;
	(void)n;
	return client_run(c, "GET", strdup("/v1/audit"), NULL, print_audit);
}

#define ANY_ARGS 16

static void print_asked(const struct ctl *c, json_t *j)
{
	(void)c;
	print_transfer(json_object_get(j, "transfer"));
}

static int zone_refresh(const struct ctl *c, char **args, int n)
{
	(void)n;
	return client_run(c, "POST", zone_path(args[0], "/refresh"), NULL, print_asked);
}

static int zone_retransfer(const struct ctl *c, char **args, int n)
{
	(void)n;
	return client_run(c, "POST", zone_path(args[0], "/retransfer"), NULL, print_asked);
}

static void print_notified(const struct ctl *c, json_t *j)
{
	print_notify(c, json_object_get(j, "notify"));
}

static int zone_notify(const struct ctl *c, char **args, int n)
{
	(void)n;
	return client_run(c, "POST", zone_path(args[0], "/notify"), NULL, print_notified);
}

const struct ctl_verb CTL_VERBS[] = {
	{ "status", NULL, 0, 0, "", "the daemon: version, view, listening addresses", status },
	{ "stats", NULL, 0, 0, "", "its counters", stats },
	{ "reload", NULL, 0, 0, "", "read configuration, zones, steering and databases again",
	  reload },
	{ "zone", "list", 0, 0, "", "zones that are served", zone_list },
	{ "zone", "status", 1, 1, "ZONE", "one zone: serial, keys, signatures, DS", zone_status },
	{ "zone", "ds", 1, 1, "ZONE", "DS records for the parent", zone_ds },
	{ "zone", "refresh", 1, 1, "ZONE", "ask the zone's primaries now", zone_refresh },
	{ "zone", "retransfer", 1, 1, "ZONE", "fetch all of the zone, whatever its serial",
	  zone_retransfer },
	{ "zone", "notify", 1, 1, "ZONE", "tell its secondaries of the serial once more",
	  zone_notify },
	{ "zone", "export", 1, 1, "ZONE [--signed] [--file FILE]",
	  "the zone with its updates, as a master file", zone_export_verb },
	{ "zone", "diff", 1, 2, "ZONE [FILE]",
	  "what updates changed beside the file; what loading FILE would change", zone_diff_verb },
	{ "key", "list", 1, 1, "ZONE", "keys of the merged DNSKEY set", key_list },
	{ "key", "generate", 1, 1, "ZONE --role ksk|zsk|csk", "make a key for the next roll to use",
	  key_generate },
	{ "key", "import", 2, ANY_ARGS, "ZONE FILE|RR [--owner LABEL]", "add a peer's public key",
	  key_import },
	{ "key", "take", 2, ANY_ARGS, "ZONE FILE... [--state standby|published]",
	  "take private keys (BIND, PEM) as own ones", key_take_verb },
	{ "key", "retire", 2, 2, "ZONE TAG[/ALG]", "replace an own key as soon as it is safe",
	  key_retire_verb },
	{ "key", "set", 3, 3, "ZONE PEER FILE [--force]",
	  "replace a peer's keys, whole or not at all", key_set },
	{ "key", "sets", 1, 1, "ZONE", "keys of all peers", key_sets },
	{ "key", "remove", 2, 2, "ZONE TAG[/ALG] [--force]",
	  "remove a peer's key, or an own one not in use", key_remove },
	{ "key", "export", 1, 1, "ZONE [--role ROLE]", "own public keys as DNSKEY records",
	  key_export },
	{ "key", "roll", 1, 1, "ZONE [--role ROLE|all|algorithm] [--emergency]",
	  "begin a roll as soon as it is safe", roll_verb },
	{ "key", "hold", 1, 2, "ZONE [REASON]", "take no step of any roll", hold_verb },
	{ "key", "release", 1, 1, "ZONE", "end the hold", release_verb },
	{ "key", "ds-seen", 2, 2, "ZONE TAG[/ALG]", "the parent shows the key's DS, everywhere",
	  ds_seen_verb },
	{ "key", "ds-gone", 2, 2, "ZONE TAG[/ALG]", "no server of the parent shows it any more",
	  ds_gone_verb },
	{ "key", "seen", 2, 2, "ZONE TAG[/ALG]", "all signers publish the key", seen_verb },
	{ "zone", "adopt", 2, ANY_ARGS, "ZONE FILE... | LISTING --knot DIR [--served-ttl SECONDS]",
	  "take a signed zone over, with the keys that sign it", adopt_verb },
	{ "cds", "publish", 1, 1, "ZONE", "publish CDS and CDNSKEY for own key-signing keys",
	  cds_publish },
	{ "cds", "withdraw", 1, 1, "ZONE", "take them back", cds_withdraw },
	{ "bundle", "list", 1, 1, "ZONE", "signed key sets, and until when they last",
	  bundle_list },
	{ "bundle", "request", 1, 1, "ZONE [--days N] [--form knot|bind]",
	  "which of our keys the holder of the KSK must sign, and when", bundle_request },
	{ "bundle", "sign", 1, ANY_ARGS, "ZONE REQUEST... [--days N] [--form knot|bind]",
	  "sign key sets for the signers who made requests", bundle_sign },
	{ "bundle", "load", 2, 2, "ZONE FILE [--force]", "take signed key sets, all or none",
	  bundle_load },
	{ "bundle", "show", 1, 1, "ZONE [--form knot|bind]", "signed key sets as text",
	  bundle_show },
	{ "group", "status", 0, 1, "[ZONE]", "who acts next, what, until when and why",
	  group_status },
	{ "group", "history", 1, 1, "ZONE", "what happened in the zone's group", group_history },
	{ "group", "doctor", 1, 1, "ZONE", "what would make the group suffer", group_doctor },
	{ "group", "plan", 2, 3, "ZONE PROCESS [SIGNER]",
	  "what it would do, and when at the earliest", group_plan },
	{ "group", "start", 2, 3, "ZONE PROCESS [SIGNER]",
	  "begin a join, a leave, or a roll of our keys", group_start },
	{ "group", "cancel", 2, 2, "ZONE SIGNER", "turn back a signer on its way in or out",
	  group_cancel },
	{ "group", "eject", 2, 2, "ZONE SIGNER", "go on without a signer that is broken",
	  group_eject },
	{ "group", "pause", 2, 2, "ZONE SIGNER", "take no step of its way in or out", group_pause },
	{ "group", "resume", 2, 2, "ZONE SIGNER", "go on with it", group_resume },
	{ "group", "force", 3, 3, "ZONE SIGNER GUARD", "waive a guard for it; is written down",
	  group_force },
	{ "explain", NULL, 2, 2, "NAME TYPE --client ADDR[/LEN]", "why a client gets its answer",
	  explain },
	{ "policy", "show", 1, 2, "NAME [TYPE]", "which clients each rule of a record has",
	  policy_show_verb },
	{ "policy", "diff", 2, 2, "OLD NEW --zone ZONE [...]",
	  "who would get another answer; asks no daemon", policy_diff_verb },
	{ "token", "new", 1, 1, "ID [--scopes LIST] [--zone LIST] [--peer ID] [--file FILE]",
	  "make a token for the HTTP interface", token_new },
	{ "audit", NULL, 0, 0, "", "who changed what, newest last", audit },
	{ "health", "list", 0, 1, "[VALUE]", "what health checks found", health_show },
	{ "health", "set", 2, 2, "VALUE up|down|obey", "hold a value up or down, or let it obey",
	  health_set },
	{ "health", "feed", 2, 3, "VALUE up|down [LOAD]",
	  "a result from outside, for checks with protocol FEED", health_feed },
	{ NULL, NULL, 0, 0, NULL, NULL, NULL },
};
