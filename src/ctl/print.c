// SPDX-License-Identifier: Apache-2.0
/* Answers for a person: aligned columns, colour on a terminal. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/answer.h"
#include "ctl/ctl.h"

static bool flag(json_t *j, const char *key)
{
	return json_is_true(json_object_get(j, key));
}

static const char *paint(const struct ctl *c, const char *colour)
{
	return c->colour ? colour : "";
}

#define BOLD(c)   paint((c), "\033[1m")
#define GREEN(c)  paint((c), "\033[32m")
#define YELLOW(c) paint((c), "\033[33m")
#define RED(c)    paint((c), "\033[31m")
#define PLAIN(c)  paint((c), "\033[0m")

void print_json(json_t *j)
{
	json_dumpf(j, stdout, JSON_INDENT(2));
	putchar('\n');
}

void print_lines(json_t *array)
{
	size_t n = json_array_size(array);

	for (size_t i = 0; i < n; i++)
		puts(json_string_value(json_array_get(array, i)));
}

void print_status(const struct ctl *c, json_t *j)
{
	json_t *listen = json_object_get(j, "listen"), *geo = json_object_get(j, "geo");
	const char *id;
	json_t *described;

	printf("%sconcordd %s%s, process %lld, up %lld s, since %s\n", BOLD(c), text(j, "version"),
	       PLAIN(c), number(j, "pid"), number(j, "uptime_s"), text(j, "started"));
	printf("view %lld, %lld zones, last (re)load %s: %s%s%s\n", number(j, "view"),
	       number(j, "zones"), text(j, "reloaded"),
	       flag(j, "reload_failed") ? RED(c) : GREEN(c),
	       flag(j, "reload_failed") ? "failed, what failed goes on as it was" : "ok", PLAIN(c));
	printf("listens on");
	for (size_t i = 0; i < json_array_size(listen); i++)
		printf(" %s", json_string_value(json_array_get(listen, i)));
	putchar('\n');
	json_object_foreach(geo, id, described)
	{
		bool refused = flag(described, "refused");
		printf("geo %s: %s%s%s%s\n", id, text(described, "contents"), refused ? RED(c) : "",
		       refused ? "; the file that is there now is refused" : "",
		       refused ? PLAIN(c) : "");
	}
}

void print_stats(const struct ctl *c, json_t *j)
{
	const char *name;
	json_t *value;

	(void)c;
	json_object_foreach(j, name, value) if (json_is_integer(value))
	    printf("%-24s %lld\n", name, (long long)json_integer_value(value));
	json_object_foreach(json_object_get(j, "caches"), name, value) printf(
	    "signatures of %s: %lld, %lld bytes, earliest expiry %s\n", name,
	    number(value, "signatures"), number(value, "bytes"), text(value, "earliest_expiry"));
	json_object_foreach(json_object_get(j, "signing"), name, value)
	    printf("signatures by %s: %lld made, %lld us each, half of them within %lld us, 99 of "
		   "100 within %lld us\n",
		   name, number(value, "made"), number(value, "mean_us"), number(value, "p50_us"),
		   number(value, "p99_us"));
	json_t *made = json_object_get(j, "made_names");
	if (json_object_size(made) > 0)
		printf(
		    "signatures of made names: %lld, %lld of %lld bytes, %lld made, %lld evicted\n",
		    number(made, "signatures"), number(made, "bytes"), number(made, "bytes_max"),
		    number(made, "made"), number(made, "evicted"));
}

void print_zones(const struct ctl *c, json_t *j)
{
	json_t *zones = json_object_get(j, "zones");

	printf("%s%-32s %-11s %9s %8s  %s%s\n", BOLD(c), "ZONE", "SERIAL", "RECORDS", "STEERED",
	       "STATE", PLAIN(c));
	for (size_t i = 0; i < json_array_size(zones); i++) {
		json_t *z = json_array_get(zones, i);
		printf("%-32s %-11lld %9lld %8lld  %s%s%s%s%s\n", text(z, "name"),
		       number(z, "serial"), number(z, "records"), number(z, "steered"),
		       flag(z, "stale") ? YELLOW(c) : GREEN(c),
		       json_object_get(z, "state") != NULL ? text(z, "state")
		       : flag(z, "signed")                 ? "signed"
							   : "unsigned",
		       json_object_get(z, "since") != NULL ? ", since " : "",
		       json_object_get(z, "since") != NULL ? text(z, "since")
		       : flag(z, "stale")                  ? ", last load failed"
							   : "",
		       PLAIN(c));
	}
}

void print_keys(const struct ctl *c, json_t *keys)
{
	printf("%s%-7s %-16s %-4s %5s %6s %-18s %s%s\n", BOLD(c), "ORIGIN", "OWNER", "ROLE",
	       "FLAGS", "TAG", "ALGORITHM", "STATE", PLAIN(c));
	for (size_t i = 0; i < json_array_size(keys); i++) {
		json_t *k = json_array_get(keys, i);
		printf("%-7s %-16s %-4s %5lld %6lld %-18s %s%s%s\n", text(k, "origin"),
		       text(k, "owner"), text(k, "role"), number(k, "flags"), number(k, "tag"),
		       text(k, "algorithm_name"),
		       strcmp(text(k, "state"), "active") == 0 ? GREEN(c) : "", text(k, "state"),
		       PLAIN(c));
		if (text(k, "outlook")[0] != 0)
			printf("        since %s; %s\n", text(k, "since"), text(k, "outlook"));
	}
}

static void print_parent(json_t *j)
{
	json_t *all = json_object_get(j, "parent");

	for (size_t i = 0; i < json_array_size(all); i++) {
		json_t *p = json_array_get(all, i);
		printf("parent's server %s: %s\n", text(p, "server"),
		       flag(p, "ok") ? "asked" : text(p, "problem"));
	}
}

void print_transfer(json_t *t)
{
	printf("from primaries: %s; asks %s in %lld s; %s", text(t, "state"), text(t, "primary"),
	       number(t, "next_s"), text(t, "last"));
	if (number(t, "expires_s") > 0)
		printf("; expires in %lld s", number(t, "expires_s"));
	putchar('\n');
}

void print_notify(const struct ctl *c, json_t *all)
{
	size_t i;
	json_t *n;

	json_array_foreach(all, i, n)
	{
		printf("notify %s: ", text(n, "server"));
		if (json_object_get(n, "serial") != NULL)
			printf("serial %lld known since %lld s", number(n, "serial"),
			       number(n, "answered_s"));
		else
			printf("nothing known yet");
		if (strcmp(text(n, "state"), "idle") != 0)
			printf(", %s", text(n, "state"));
		if (text(n, "last_error")[0] != 0)
			printf("; %s%lld times in vain: %s%s", YELLOW(c), number(n, "tries"),
			       text(n, "last_error"), PLAIN(c));
		putchar('\n');
	}
}

void print_zone(const struct ctl *c, json_t *j)
{
	json_t *cache = json_object_get(j, "cache");

	if (json_object_get(j, "serial") == NULL) {
		printf("%s%s%s ", BOLD(c), text(j, "name"), PLAIN(c));
		print_transfer(json_object_get(j, "transfer"));
		return;
	}

	printf("%s%s%s serial %lld, %lld names, %lld records, %lld steered, loaded %s%s%s%s\n",
	       BOLD(c), text(j, "name"), PLAIN(c), number(j, "serial"), number(j, "names"),
	       number(j, "records"), number(j, "steered"), text(j, "loaded"),
	       flag(j, "stale") ? RED(c) : "",
	       flag(j, "stale") ? "; the last load failed, this version goes on" : "", PLAIN(c));
	if (json_object_get(j, "transfer") != NULL)
		print_transfer(json_object_get(j, "transfer"));
	else
		printf("file %s\n", text(j, "file"));
	print_notify(c, json_object_get(j, "notify"));
	printf("%lld KiB of memory\n", number(j, "memory_bytes") / 1024);
	if (!flag(j, "signed")) {
		puts("not signed");
		return;
	}
	printf("%lld of %lld signatures held%s, earliest expiry %s; CDS and CDNSKEY %s\n",
	       number(cache, "signatures"), number(cache, "of"),
	       flag(cache, "prewarming") ? ", the others are being made" : "",
	       text(cache, "earliest_expiry"),
	       flag(j, "cds_published") ? "published" : "not published");
	if (text(j, "hold")[0] != 0)
		printf("%skey rolls are held: %s%s\n", YELLOW(c), text(j, "hold"), PLAIN(c));
	print_keys(c, json_object_get(j, "keys"));
	print_parent(j);
	puts("for the parent:");
	print_lines(json_object_get(j, "ds"));
}

static void print_location(json_t *place)
{
	printf("location   %s %s %s", text(place, "continent"), text(place, "country"),
	       text(place, "subdivision"));
	if (json_object_get(place, "asn") != NULL)
		printf(" AS%lld", number(place, "asn"));
	if (json_object_get(place, "network") != NULL)
		printf(" network %s", text(place, "network"));
	if (json_object_get(place, "latitude") != NULL)
		printf(" at %.4f %.4f", json_real_value(json_object_get(place, "latitude")),
		       json_real_value(json_object_get(place, "longitude")));
	printf(" (%s, range %s)\n", text(place, "database"), text(place, "range"));
	if (json_object_get(place, "located_as") != NULL)
		printf("           located as %s, which the %s address carries\n",
		       text(place, "located_as"), text(place, "form"));
}

void print_explain(const struct ctl *c, json_t *j)
{
	json_t *place = json_object_get(j, "location"), *rule = json_object_get(j, "rule"),
	       *chain = json_object_get(j, "chain"), *draw = json_object_get(j, "draw");

	printf("%s%s %s%s for %s: %s\n", BOLD(c), text(j, "name"), text(j, "type"), PLAIN(c),
	       text(j, "client"), text(j, "rcode"));
	if (!flag(j, "steered")) {
		puts(text(j, "why"));
		return;
	}
	if (place != NULL)
		print_location(place);
	printf("rule       %lld of %lld: %s -> pool %s\n", number(rule, "number"),
	       number(rule, "of"), text(rule, "match"), text(rule, "pool"));
	for (size_t i = 0; i < json_array_size(chain); i++) {
		json_t *p = json_array_get(chain, i);
		printf("pool       %s: %lld of %lld values usable\n", text(p, "pool"),
		       number(p, "usable"), number(p, "values"));
	}
	if (draw != NULL)
		printf("draw       by %s, weight %lld of %lld\n", text(draw, "client_key"),
		       number(draw, "weight"), number(draw, "weight_sum"));
	printf("value      %s%s%s, TTL %lld\n", GREEN(c),
	       flag(j, "defaulted") ? "the default values" : text(j, "value"), PLAIN(c),
	       number(j, "ttl"));
	printf("scope      /%lld (the rule is the same in the whole /%lld)\n", number(j, "scope"),
	       number(j, "partition_prefix"));
	if (text(j, "signature")[0] != 0)
		printf("signature  %s\n", text(j, "signature"));
	printf("why        %s\n", text(j, "why"));
}

void print_audit(const struct ctl *c, json_t *j)
{
	json_t *all = json_object_get(j, "entries");

	for (size_t i = json_array_size(all); i-- > 0;) {
		json_t *e = json_array_get(all, i);
		time_t at = (time_t)number(e, "at");
		struct tm tm;
		char when[32];
		strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &tm));
		printf("%s %s%s%s: %s: %s%lld%s%s%s%s\n", when, text(e, "who"),
		       text(e, "from")[0] != 0 ? " from " : "", text(e, "from"), text(e, "what"),
		       number(e, "status") >= 400 ? YELLOW(c) : GREEN(c), number(e, "status"),
		       PLAIN(c), flag(e, "forced") ? ", forced" : "",
		       text(e, "detail")[0] != 0 ? ": " : "", text(e, "detail"));
	}
}
