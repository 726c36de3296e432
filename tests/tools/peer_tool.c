// SPDX-License-Identifier: Apache-2.0
/* Looks at servers as the daemon does, and prints what was seen as lines of JSON:
 *
 *   peer_tool observe ZONE INTERVAL_S ROUNDS parent=ADDRESS@PORT[,...] NAME=ADDRESS@PORT[,...]...
 *             [sample=NAME/TYPE]... [try-ms=N]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/rrtype.h"
#include "peers/observer.h"

#define NAMES_MAX 16

static struct name names[NAMES_MAX]; /* the zone, samples */
static struct remote remotes[1 + GROUP_SIGNERS_MAX][GROUP_SERVERS_MAX];
static struct observed *observed;
static struct observer *observer;
static struct observer_limits limits;
static long rounds;

static void fail(const char *what)
{
	fprintf(stderr, "peer_tool: %s\n", what);
	exit(2);
}

/* ---- printing ---- */

static void print_names(const struct seen_names *ns)
{
	char text[NAME_TEXT_MAX];

	printf("\"ns\": [");
	for (size_t i = 0; i < ns->n; i++)
		printf("%s\"%s\"", i > 0 ? ", " : "", name_to_text(ns->name[i], text));
	printf("]");
}

static void print_ds(const char *what, const struct seen_ds *ds, size_t n)
{
	printf("\"%s\": [", what);
	for (size_t i = 0; i < n; i++)
		printf("%s%u", i > 0 ? ", " : "", ds[i].rdata[0] << 8 | ds[i].rdata[1]);
	printf("]");
}

static void print_keys(const char *what, const struct dnskey *k, size_t n, uint64_t only)
{
	bool first = true;

	printf("\"%s\": [", what);
	for (size_t i = 0; i < n; i++) {
		if (!(only >> i & 1))
			continue;
		printf("%s%u", first ? "" : ", ", k[i].tag);
		first = false;
	}
	printf("]");
}

static void on_parent(unsigned server, const struct parent_seen *s, void *context)
{
	(void)context;
	printf("{\"event\": \"parent\", \"server\": %u, ", server);
	print_ds("ds", s->ds, s->ds_n);
	printf(", \"ds_ttl\": %u, \"ns_ttl\": %u, ", s->ds_ttl, s->ns_ttl);
	print_names(&s->ns);
	printf("}\n");
}

static void on_signer(unsigned signer, unsigned server, const struct signer_seen *s, void *context)
{
	(void)context;
	printf("{\"event\": \"signer\", \"signer\": %u, \"server\": %u, ", signer, server);
	print_keys("dnskey", s->key, s->key_n, UINT64_MAX);
	printf(", ");
	print_keys("key_signing", s->key, s->key_n, s->key_signing);
	printf(", ");
	print_keys("zone_signing", s->key, s->key_n, s->zone_signing);
	printf(", ");
	print_ds("cds", s->cds, s->cds_n);
	printf(", ");
	print_keys("cdnskey", s->cdnskey, s->cdnskey_n, UINT64_MAX);
	printf(", \"csync\": %s, \"wants_delete\": %s, \"serial\": %u, \"denial\": \"%s\", ",
	       s->has_csync ? "true" : "false", s->wants_delete ? "true" : "false", s->serial,
	       seen_denial_text(s->denial));
	printf("\"dnskey_ttl\": %u, \"ns_ttl\": %u, \"zone_ttl\": %u, \"took_s\": %lld, ",
	       s->dnskey_ttl, s->ns_ttl, s->zone_ttl, (long long)(s->at - s->asked_at));
	print_names(&s->ns);
	printf("}\n");
}

static void on_failed(int signer, unsigned server, const char *why, void *context)
{
	(void)context;
	printf("{\"event\": \"failed\", \"signer\": %d, \"server\": %u, \"why\": \"%s\"}\n", signer,
	       server, why);
}

static void on_crossed(const struct cross_result *c, void *context)
{
	bool first = true;

	(void)context;
	printf("{\"event\": \"crossed\", \"servers\": %zu, \"pairs\": %zu, \"faults\": %zu, "
	       "\"differs\": [",
	       c->n, c->pair_n, c->fault_n);
	for (int f = 0; f < CROSS_FACETS; f++) {
		if (!(c->differs >> f & 1))
			continue;
		printf("%s\"%s\"", first ? "" : ", ", cross_facet_text((enum cross_facet)f));
		first = false;
	}
	printf("]}\n");
}

static void on_over(void *context)
{
	(void)context;
	printf("{\"event\": \"over\"}\n");
	fflush(stdout);
	if (--rounds > 0)
		return;
	observed_remove(observed);
	observer_close(observer);
}

/* ---- arguments ---- */

static void read_servers(char *text, struct remote *out, struct observed_servers *into)
{
	for (char *one = strtok(text, ","); one != NULL; one = strtok(NULL, ",")) {
		char *at = strchr(one, '@');
		struct remote *r = &out[into->n++];
		if (at == NULL || into->n > GROUP_SERVERS_MAX)
			fail("an address is ADDRESS@PORT");
		*at = 0;
		if (!ip_from_text(one, &r->address))
			fail("not an address");
		r->port = (uint16_t)atoi(at + 1);
	}
	into->server = out;
}

static void read_sample(char *text, struct observed_zone *z)
{
	char *slash = strchr(text, '/');
	struct name *name = &names[1 + z->sample_n];
	struct interview_sample *s = &z->sample[z->sample_n++];

	if (slash == NULL || z->sample_n > INTERVIEW_SAMPLES_MAX)
		fail("a sample is NAME/TYPE");
	*slash = 0;
	if (name_from_text(text, NULL, name) || !rr_type_from_text(slash + 1, &s->type))
		fail("a sample is NAME/TYPE");
	s->name = name->wire;
}

static void read_argument(char *text, struct observed_zone *z)
{
	char *value = strchr(text, '=');

	if (value == NULL)
		fail("an argument is NAME=VALUE");
	*value++ = 0;
	if (strcmp(text, "parent") == 0) {
		read_servers(value, remotes[0], &z->parent);
	} else if (strcmp(text, "try-ms") == 0) {
		limits.try_ms = (uint32_t)atoi(value);
	} else if (strcmp(text, "sample") == 0) {
		read_sample(value, z);
	} else {
		z->signer[z->signer_n].name = text;
		read_servers(value, remotes[1 + z->signer_n], &z->signer[z->signer_n]);
		z->signer_n++;
	}
}

static void too_late(uv_timer_t *t)
{
	(void)t;
	fail("it took too long");
}

int main(int argc, char **argv)
{
	struct observed_zone zone = { 0 };
	struct observer_handler handler = { .parent = on_parent,
					    .signer = on_signer,
					    .failed = on_failed,
					    .crossed = on_crossed,
					    .over = on_over };
	uv_loop_t *loop = uv_default_loop();

	if (argc < 7 || strcmp(argv[1], "observe") != 0)
		fail("observe ZONE INTERVAL_S ROUNDS parent=... NAME=...");
	if (name_from_text(argv[2], NULL, &names[0]))
		fail("not a zone");
	zone.name = names[0].wire;
	zone.text = argv[2];
	zone.interval_s = (uint32_t)atoi(argv[3]);
	rounds = atol(argv[4]);
	for (int i = 5; i < argc; i++)
		read_argument(argv[i], &zone);
	if (observer_new(&observer, loop, &limits) ||
	    observed_add(&observed, observer, &zone, &handler))
		fail("cannot begin");
	observed_look_now(observed);
	uv_timer_t stay; /* the observer alone does not hold a loop */
	uv_timer_init(loop, &stay);
	uv_timer_start(&stay, too_late, 600000, 0);
	while (rounds > 0)
		uv_run(loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&stay, NULL);
	uv_run(loop, UV_RUN_DEFAULT);
	return uv_loop_close(loop) == 0 ? 0 : 1;
}
