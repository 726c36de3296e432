// SPDX-License-Identifier: Apache-2.0
/* concordctl: noun verb arguments. */
#include <curl/curl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

#define SOCKET_DEFAULT "/run/concord/control.sock"

static void usage(FILE *to)
{
	fputs("usage: concordctl [--socket PATH] [--json] [--color auto|always|never] NOUN [VERB] "
	      "...\n\n",
	      to);
	for (const struct ctl_verb *v = CTL_VERBS; v->noun != NULL; v++) {
		char left[80];
		snprintf(left, sizeof left, "%s%s%s %s", v->noun, v->verb != NULL ? " " : "",
			 v->verb != NULL ? v->verb : "", v->arguments);
		fprintf(to, "  %-44s %s\n", left, v->says);
	}
	fputs("\nExit: 0 done, 1 failed, 2 usage, 3 no daemon, 4 not found, 5 refused. See "
	      "concordctl(1).\n",
	      to);
}

static bool wants_colour(const char *when)
{
	if (strcmp(when, "always") == 0)
		return true;
	if (strcmp(when, "never") == 0 || getenv("NO_COLOR") != NULL)
		return false;
	return isatty(STDOUT_FILENO) != 0;
}

enum {
	OPTION_SOCKET = 256,
	OPTION_JSON,
	OPTION_COLOUR,
	OPTION_ROLE,
	OPTION_OWNER,
	OPTION_CLIENT,
	OPTION_SCOPES,
	OPTION_ZONE,
	OPTION_PEER,
	OPTION_FILE,
	OPTION_FORCE,
	OPTION_EMERGENCY,
	OPTION_SIGNED,
	OPTION_CONFIG,
	OPTION_MMDB,
	OPTION_QUERIES,
	OPTION_DOWN,
	OPTION_DAYS,
	OPTION_FORM,
	OPTION_ALGORITHM,
	OPTION_STATE,
	OPTION_KNOT,
	OPTION_SERVED_TTL,
	OPTION_VERSION
};

/* Options that are a text and nothing more. */
static bool set_text(struct ctl *c, int option)
{
	const struct {
		int option;
		const char **text;
	} TEXTS[] = {
		{ OPTION_ROLE, &c->role },
		{ OPTION_OWNER, &c->owner },
		{ OPTION_CLIENT, &c->client },
		{ OPTION_SCOPES, &c->scopes },
		{ OPTION_ZONE, &c->zone },
		{ OPTION_PEER, &c->peer },
		{ OPTION_FILE, &c->file },
		{ OPTION_CONFIG, &c->config },
		{ OPTION_MMDB, &c->mmdb },
		{ OPTION_QUERIES, &c->queries },
		{ OPTION_DAYS, &c->days },
		{ OPTION_FORM, &c->form },
		{ OPTION_SERVED_TTL, &c->served_ttl },
	};

	for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
		if (TEXTS[i].option != option)
			continue;
		*TEXTS[i].text = optarg;
		return true;
	}
	return false;
}

/* Returns -1 to go on, or the exit code. */
static int parse_options(int argc, char **argv, struct ctl *c)
{
	static const struct option OPTIONS[] = {
		{ "socket", required_argument, NULL, OPTION_SOCKET },
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "color", required_argument, NULL, OPTION_COLOUR },
		{ "role", required_argument, NULL, OPTION_ROLE },
		{ "owner", required_argument, NULL, OPTION_OWNER },
		{ "client", required_argument, NULL, OPTION_CLIENT },
		{ "scopes", required_argument, NULL, OPTION_SCOPES },
		{ "zone", required_argument, NULL, OPTION_ZONE },
		{ "peer", required_argument, NULL, OPTION_PEER },
		{ "file", required_argument, NULL, OPTION_FILE },
		{ "force", no_argument, NULL, OPTION_FORCE },
		{ "signed", no_argument, NULL, OPTION_SIGNED },
		{ "emergency", no_argument, NULL, OPTION_EMERGENCY },
		{ "config", required_argument, NULL, OPTION_CONFIG },
		{ "mmdb", required_argument, NULL, OPTION_MMDB },
		{ "queries", required_argument, NULL, OPTION_QUERIES },
		{ "down", required_argument, NULL, OPTION_DOWN },
		{ "days", required_argument, NULL, OPTION_DAYS },
		{ "form", required_argument, NULL, OPTION_FORM },
		{ "algorithm", required_argument, NULL, OPTION_ALGORITHM },
		{ "state", required_argument, NULL, OPTION_STATE },
		{ "knot", required_argument, NULL, OPTION_KNOT },
		{ "served-ttl", required_argument, NULL, OPTION_SERVED_TTL },
		{ "version", no_argument, NULL, OPTION_VERSION },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *colour = "auto";
	int o;

	while ((o = getopt_long(argc, argv, "s:h", OPTIONS, NULL)) != -1) {
		switch (o) {
		case 's':
		case OPTION_SOCKET:
			c->socket = optarg;
			break;
		case OPTION_JSON:
			c->json = true;
			break;
		case OPTION_COLOUR:
			colour = optarg;
			break;
		case OPTION_ALGORITHM:
			c->algorithm = optarg;
			break;
		case OPTION_STATE:
			c->state = optarg;
			break;
		case OPTION_KNOT:
			c->knot = optarg;
			break;
		case OPTION_FORCE:
			c->force = true;
			break;
		case OPTION_SIGNED:
			c->is_signed = true;
			break;
		case OPTION_EMERGENCY:
			c->emergency = true;
			break;
		case OPTION_DOWN:
			if (c->down_n == CTL_DOWN_MAX) {
				fprintf(stderr, "concordctl: at most %d times --down\n",
					CTL_DOWN_MAX);
				return CTL_USAGE;
			}
			c->down[c->down_n++] = optarg;
			break;
		case OPTION_VERSION:
			puts("concordctl " CONCORD_VERSION);
			return CTL_OK;
		case 'h':
			usage(stdout);
			return CTL_OK;
		default:
			if (set_text(c, o))
				break;
			usage(stderr);
			return CTL_USAGE;
		}
	}
	c->colour = wants_colour(colour);
	return -1;
}

static const struct ctl_verb *find(char **args, int n)
{
	for (const struct ctl_verb *v = CTL_VERBS; v->noun != NULL; v++) {
		if (n == 0 || strcmp(v->noun, args[0]) != 0)
			continue;
		if (v->verb == NULL || (n > 1 && strcmp(v->verb, args[1]) == 0))
			return v;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct ctl c = { .socket = getenv("CONCORD_SOCKET") };
	int code = parse_options(argc, argv, &c);

	if (code >= 0)
		return code;
	if (c.socket == NULL)
		c.socket = SOCKET_DEFAULT;
	char **args = argv + optind;
	int n = argc - optind;
	const struct ctl_verb *v = find(args, n);
	if (v == NULL) {
		if (n > 0)
			fprintf(stderr, "concordctl: unknown command '%s%s%s'\n", args[0],
				n > 1 ? " " : "", n > 1 ? args[1] : "");
		usage(stderr);
		return CTL_USAGE;
	}
	int skip = v->verb != NULL ? 2 : 1;
	if (n - skip < v->min_args || n - skip > v->max_args) {
		fprintf(stderr, "usage: concordctl %s%s%s %s\n", v->noun,
			v->verb != NULL ? " " : "", v->verb != NULL ? v->verb : "", v->arguments);
		return CTL_USAGE;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	code = v->run(&c, args + skip, n - skip);
	curl_global_cleanup();
	return code;
}
