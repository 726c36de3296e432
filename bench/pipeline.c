// SPDX-License-Identifier: Apache-2.0
/* The data plane without sockets: questions of a file asked of a zone of a file, in batches as a
 * worker takes them; prints the time that one question costs. What it counts is ours alone, so it
 * repeats where rates over sockets do not, and valgrind --tool=callgrind counts its instructions.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rcu.h"
#include "control/internal.h"
#include "dns/name.h"
#include "dnssec/algorithm.h"
#include "dnssec/key.h"
#include "query/query.h"
#include "questions.h"

#define BATCH      32
#define ANSWER_MAX 4096

struct options {
	const char *zone, *name, *questions;
	const char *steering, *mmdb; /* NULL: nothing is steered */
	unsigned rounds;
	enum zone_denial denial;
	bool memo;
	struct question_options question;
};

static struct query query;
static struct query_stats stats;
static struct rate_table rates;
static struct memo memo;
static struct zone_view zone_view;
static struct view view;
static struct counter rcode_n[ZONE_RCODES];

static void hash_name(const uint8_t *name, uint8_t out[NSEC3_HASH_LEN], void *context)
{
	(void)context;
	nsec3_hash(name, out);
}

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "pipeline: %s\n", what);
	exit(1);
}

static void sign(const uint8_t *name)
{
	static const struct sign_policy POLICY = { .validity_s = 864000, .refresh_s = 3600 };
	struct keyset_member csk = { .role = KEY_CSK, .active = true };
	struct keyset *keys = NULL;

	if (key_generate(&csk.key, ALG_ECDSAP256SHA256, KEY_CSK, NULL, 0) ||
	    keyset_new(&keys, name, &POLICY, &csk, 1) || sigcache_new(&zone_view.sigs) ||
	    sigcache_reserve(zone_view.sigs, zone_sig_id_end(zone_view.zone)))
		fail("no keys");
	zone_view.keys = keys;
}

/* The zone's files; what is steered goes by the location database. */
static void read_files(const struct options *o, struct zone_builder *b, const uint8_t *name,
		       struct served *served)
{
	static const struct config_signing SIGNED;
	static const struct config_zone_geo GEO;
	struct config_zone config = { .name = name,
				      .file = o->zone,
				      .steering = o->steering,
				      .seed = o->name,
				      .geo = o->mmdb != NULL ? &GEO : NULL,
				      .signing = o->denial != ZONE_NO_DENIAL ? &SIGNED : NULL };
	struct location_db *db = NULL;
	struct diag d = { 0 };

	if (o->mmdb != NULL && location_open_mmdb(&db, o->mmdb, &(struct location_paths){ 0 }, &d))
		fail("the location database cannot be read");
	if (zone_data_read(&(struct zone_load){ .config = &config, .db = db }, b, served, &d))
		fail("the zone cannot be read");
	location_unref(db);
	diag_free(&d);
}

static void load(const struct options *o)
{
	struct zone_builder *b = NULL;
	struct zone *z = NULL;
	struct served served = { 0 };
	struct diag d = { 0 };
	struct name name;
	uint8_t key[NAME_KEY_MAX];
	struct zone_build_options options = { .denial = o->denial, .nsec3_hash = hash_name };

	if (name_from_text(o->name, NULL, &name) || zone_build_start(&b, name.wire, NULL, &options))
		fail("the zone has no name");
	read_files(o, b, name.wire, &served);
	if (zone_build_seal(b, &z, &d))
		fail("the zone cannot be read");
	diag_free(&d);
	zone_view =
	    (struct zone_view){ .name = zone_name(z),
				.zone = z,
				.steer = served.steered != NULL ? served.steered->set : NULL,
				.ecs = true,
				.rate_limited = true,
				.rcode_n = rcode_n };
	if (o->denial != ZONE_NO_DENIAL)
		sign(name.wire);
	struct trie *empty = trie_new(), *zones = trie_edit(empty);
	if (trie_set(zones, (struct span){ key, name_key(name.wire, key) }, &zone_view, NULL))
		fail("no memory");
	trie_seal(zones);
	trie_free(empty);
	struct name_index *index = name_index_new(1);
	if (index == NULL || !name_index_set(index, (const struct named *)&zone_view))
		fail("no memory");
	name_index_seal(index);
	view = (struct view){ .id = 1,
			      .zones = zones,
			      .zone_index = index,
			      .udp_size = 1232,
			      .cookies = { .n = 1 } };
}

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Asks all questions once; returns the octets of the answers. */
static uint64_t ask_all(const struct questions *q)
{
	static uint8_t in[BATCH][QUESTION_MAX], out[BATCH][ANSWER_MAX];
	static const struct query_client FROM = { .addr = { IP_V4, { 127, 0, 0, 1 } } };
	uint64_t octets = 0;

	for (size_t at = 0; at < q->n; at += BATCH) {
		struct span batch[BATCH];
		struct ip_addr from[BATCH];
		unsigned n = q->n - at < BATCH ? (unsigned)(q->n - at) : BATCH;
		for (unsigned i = 0; i < n; i++) {
			memcpy(in[i], q->at[at + i].wire, q->at[at + i].len);
			batch[i] = (struct span){ in[i], q->at[at + i].len };
			from[i] = FROM.addr;
		}
		query_look_ahead(&query, batch, from, n);
		for (unsigned i = 0; i < n; i++) {
			struct writer w = writer_of(out[i], ANSWER_MAX);
			query.looked_up = &query.ahead[i];
			if (query_answer(&query, batch[i], &FROM, &w) != QUERY_REPLY)
				fail("a question without an answer");
			octets += writer_len(&w);
		}
	}
	return octets;
}

/* What is measured, apart from the first time, which signs. */
static __attribute__((noinline)) uint64_t ask_again(const struct questions *q)
{
	return ask_all(q);
}

static void parse(int argc, char **argv, struct options *o)
{
	static const struct option OPTIONS[] = {
		{ "zone", required_argument, NULL, 'z' },
		{ "name", required_argument, NULL, 'n' },
		{ "questions", required_argument, NULL, 'q' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "steering", required_argument, NULL, 's' },
		{ "mmdb", required_argument, NULL, 'M' },
		{ "nsec", no_argument, NULL, '1' },
		{ "nsec3", no_argument, NULL, '3' },
		{ "do", no_argument, NULL, 'd' },
		{ "no-memo", no_argument, NULL, 'm' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
		switch (c) {
		case 'z':
			o->zone = optarg;
			break;
		case 'n':
			o->name = optarg;
			break;
		case 'q':
			o->questions = optarg;
			break;
		case 'r':
			o->rounds = (unsigned)atoi(optarg);
			break;
		case 's':
			o->steering = optarg;
			break;
		case 'M':
			o->mmdb = optarg;
			break;
		case '1':
			o->denial = ZONE_NSEC;
			break;
		case '3':
			o->denial = ZONE_NSEC3;
			break;
		case 'd':
			o->question.dnssec_ok = true;
			break;
		case 'm':
			o->memo = false;
			break;
		default:
			o->zone = NULL;
		}
	}
	if (o->zone == NULL || o->name == NULL || o->questions == NULL)
		fail("usage: concord_bench_pipeline --zone FILE --name ZONE --questions FILE "
		     "[--steering FILE --mmdb FILE] [--rounds N] [--nsec|--nsec3] [--do] "
		     "[--no-memo]");
}

int main(int argc, char **argv)
{
	struct options o = { .rounds = 20, .memo = true, .question = { .udp_size = 1232 } };
	struct questions q = { 0 };
	uint64_t best = UINT64_MAX, octets = 0;

	parse(argc, argv, &o);
	rcu_thread_register();
	if (nsec3_hasher_new(&query.hasher) || signer_new(&query.signer) ||
	    !questions_read(&q, o.questions, &o.question))
		return 1;
	load(&o);
	query.stats = &stats;
	query.rates = &rates;
	query.memo = o.memo ? &memo : NULL;
	query.view = &view;
	query.now = (int64_t)time(NULL);
	query.sign_budget = UINT32_MAX;
	ask_all(&q); /* signs */
	ask_all(&q); /* what is asked twice is kept */
	for (unsigned i = 0; i < o.rounds; i++) {
		uint64_t since = clock_ns();
		octets = ask_again(&q);
		uint64_t took = clock_ns() - since;
		best = took < best ? took : best;
	}
	printf("{\"ns\": %.1f, \"size\": %.1f, \"questions\": %zu}\n", (double)best / (double)q.n,
	       (double)octets / (double)q.n, q.n);
	free(q.at);
	return 0;
}
