// SPDX-License-Identifier: Apache-2.0
/* Looks at so many zones in groups of two signers for so long, as the daemon does, feeds the group
 * machine with what is seen, and prints what that took:
 *
 *   concord_bench_observe ZONES SUFFIX INTERVAL_S SECONDS PARENT@PORT SELF@PORT PEER@PORT
 *
 * The zones are z0.SUFFIX, z1.SUFFIX, ... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "multisigner/observe.h"
#include "multisigner/step.h"
#include "peers/look.h"
#include "peers/observer.h"

#define KEYS_MAX 8

struct zone {
	struct name name;
	char text[64];
	struct observed *observed;
	struct group group;
	struct dnskey key[KEYS_MAX];
	size_t key_n;
	struct look_book book;
	uint64_t last_ms, longest_ms; /* between rounds */
	unsigned rounds;
};

static struct totals {
	unsigned long rounds, looks, parents, failed, faults, steps;
} totals;
static uv_loop_t *loop;
static char last_why[200];

static void fail(const char *what)
{
	fprintf(stderr, "observe: %s\n", what);
	exit(2);
}

/* ---- what is seen ---- */

static void learn_keys(struct zone *z, unsigned signer, const struct signer_seen *s,
		       uint64_t unknown)
{
	for (size_t i = 0; i < s->key_n; i++) {
		struct group_key k = { .used = true, .known = true, .owner = (int8_t)signer };
		if (!(unknown >> i & 1) || z->key_n == KEYS_MAX)
			continue;
		if (!((s->key_signing | s->zone_signing) >> i & 1))
			continue; /* not its own */
		k.algorithm = s->key[i].algorithm;
		k.tag = s->key[i].tag;
		k.sep = s->key[i].flags & DNSKEY_SEP;
		int number = group_add_key(&z->group, &k);
		if (number < 0)
			continue;
		z->key[z->key_n] = s->key[i];
		z->book.key[number] = &z->key[z->key_n++];
	}
}

static void on_signer(unsigned signer, unsigned server, const struct signer_seen *s, void *context)
{
	struct zone *z = context;
	struct signer_look look;
	struct look_unknown unknown;

	look_of_signer(&z->book, s, &look, &unknown);
	if (unknown.keys != 0) {
		learn_keys(z, signer, s, unknown.keys);
		look_of_signer(&z->book, s, &look, &unknown);
	}
	observe_signer(&z->group, signer, server, &look);
	totals.looks++;
}

static void on_parent(unsigned server, const struct parent_seen *s, void *context)
{
	struct zone *z = context;
	struct parent_look look;
	struct look_unknown unknown;

	look_of_parent(&z->book, s, &look, &unknown);
	observe_parent(&z->group, server, &look);
	totals.parents++;
}

static void on_failed(int signer, unsigned server, const char *why, void *context)
{
	(void)signer;
	(void)server;
	(void)context;
	totals.failed++;
	snprintf(last_why, sizeof last_why, "%s", why);
}

static void on_crossed(const struct cross_result *c, void *context)
{
	(void)context;
	totals.faults += c->fault_n;
}

static void on_over(void *context)
{
	struct zone *z = context;
	struct group_step step;
	uint64_t now = uv_now(loop);

	group_advance(&z->group, time(NULL), &step);
	totals.steps++;
	totals.rounds++;
	z->rounds++;
	if (z->last_ms != 0 && now - z->last_ms > z->longest_ms)
		z->longest_ms = now - z->last_ms;
	z->last_ms = now;
}

/* ---- begin and end ---- */

static void read_address(char *text, struct remote *out)
{
	char *at = strchr(text, '@');

	if (at == NULL)
		fail("an address is ADDRESS@PORT");
	*at = 0;
	if (!ip_from_text(text, &out->address))
		fail("not an address");
	out->port = (uint16_t)atoi(at + 1);
}

static void add_zone(struct observer *o, struct zone *z, unsigned number, const char *suffix,
		     const struct remote remotes[3], uint32_t interval_s)
{
	struct group_policy policy = { 60, 3 * interval_s, 3 * interval_s, 3 * interval_s, true };
	struct observed_zone zone = { .parent = { "parent", &remotes[0], 1 },
				      .signer = { { "self", &remotes[1], 1 },
						  { "peer", &remotes[2], 1 } },
				      .signer_n = 2,
				      .interval_s = interval_s };
	struct observer_handler handler = { on_parent,  on_signer, on_failed, NULL,
					    on_crossed, on_over,   z };

	snprintf(z->text, sizeof z->text, "z%u.%.40s", number, suffix);
	if (name_from_text(z->text, NULL, &z->name))
		fail("not a name");
	group_init(&z->group, &policy, time(NULL));
	group_add_signer(&z->group, 1, time(NULL));
	group_add_signer(&z->group, 1, time(NULL));
	z->group.parent.server_n = 1;
	z->book.zone = z->name.wire;
	zone.name = z->name.wire;
	zone.text = z->text;
	if (observed_add(&z->observed, o, &zone, &handler))
		fail("no memory");
}

static void on_end(uv_timer_t *t)
{
	uv_stop(t->loop);
}

static void print(const struct zone *all, unsigned n, double seconds)
{
	struct rusage u;
	uint64_t longest = 0;
	unsigned unseen = 0;

	getrusage(RUSAGE_SELF, &u);
	for (unsigned i = 0; i < n; i++) {
		unseen += all[i].rounds == 0;
		longest = all[i].longest_ms > longest ? all[i].longest_ms : longest;
	}
	printf("{\"seconds\": %.1f, \"rounds\": %lu, \"looks\": %lu, \"parents\": %lu, \"failed\": "
	       "%lu, "
	       "\"faults\": %lu, \"unseen\": %u, \"longest_s\": %.1f, \"cpu_s\": %.2f, "
	       "\"max_rss_mib\": %ld, \"why\": \"%s\"}\n",
	       seconds, totals.rounds, totals.looks, totals.parents, totals.failed, totals.faults,
	       unseen, (double)longest / 1000.0,
	       (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
		   (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6,
	       u.ru_maxrss / 1024, last_why);
}

int main(int argc, char **argv)
{
	struct observer_limits limits = { 0 };
	struct remote remotes[3] = { 0 };
	struct observer *o;
	uv_timer_t end;

	if (argc != 8)
		fail("ZONES SUFFIX INTERVAL_S SECONDS PARENT@PORT SELF@PORT PEER@PORT");
	unsigned n = (unsigned)atoi(argv[1]), seconds = (unsigned)atoi(argv[4]);
	struct zone *all = calloc(n, sizeof *all);
	loop = uv_default_loop();
	for (int i = 0; i < 3; i++)
		read_address(argv[5 + i], &remotes[i]);
	if (all == NULL || observer_new(&o, loop, &limits))
		fail("no memory");
	for (unsigned i = 0; i < n; i++)
		add_zone(o, &all[i], i, argv[2], remotes, (uint32_t)atoi(argv[3]));
	uv_timer_init(loop, &end);
	uv_timer_start(&end, on_end, seconds * UINT64_C(1000), 0);
	uint64_t began = uv_hrtime();
	uv_run(loop, UV_RUN_DEFAULT);
	print(all, n, (double)(uv_hrtime() - began) / 1e9);
	for (unsigned i = 0; i < n; i++)
		observed_remove(all[i].observed);
	observer_close(o);
	uv_close((uv_handle_t *)&end, NULL);
	uv_run(loop, UV_RUN_DEFAULT);
	free(all);
	return 0;
}
