// SPDX-License-Identifier: Apache-2.0
/* Policies compiled within one process: time and memory for so many steered names, and what one
 * choice costs. Arguments: the range files of tor-geoipdb (IPv4, IPv6). */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dns/rrtype.h"
#include "dns/wire.h"
#include "geo/address.h"
#include "geo/codes.h"
#include "geo/steer.h"

#define CLIENTS   1000000u /* more than the caches hold */
#define COUNTRIES 250

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* One pool and one rule for each country that the database has, and one for the rest. */
struct shape {
	struct policy_pool pools[COUNTRIES + 1];
	struct policy_value values[COUNTRIES + 1];
	struct policy_rule rules[COUNTRIES + 1];
	struct policy_geo geos[COUNTRIES];
	struct policy_name names[COUNTRIES + 1];
	char text[COUNTRIES + 1][16], code[COUNTRIES][16];
	uint8_t rdata[COUNTRIES + 1][4];
	size_t n;
};

static void add_pool(struct shape *s, size_t i)
{
	uint8_t rdata[4] = { 203, 0, 113, (uint8_t)i };

	snprintf(s->text[i], sizeof s->text[i], "p%zu", i);
	memcpy(s->rdata[i], rdata, 4);
	s->rdata[i][2] = (uint8_t)(113 + i / 256);
	s->values[i] =
	    (struct policy_value){ .text = s->text[i], .rdata = { s->rdata[i], 4 }, .weight = 1 };
	s->pools[i] =
	    (struct policy_pool){ .name = s->text[i], .values = &s->values[i], .value_n = 1 };
	s->names[i] = (struct policy_name){ .text = s->text[i] };
	s->rules[i] = (struct policy_rule){ .pools = &s->names[i], .pool_n = 1 };
}

static void make_shape(struct shape *s, const struct location_db *db, size_t most)
{
	for (uint32_t p = 1; p < location_place_n(db) && s->n < most; p++) {
		const char *country = location_place(db, p)->country,
			   *continent = geo_continent_of(country);
		if (continent == NULL)
			continue;
		size_t i = s->n++;
		snprintf(s->code[i], sizeof s->code[i], "%.2s-%.2s", continent, country);
		add_pool(s, i);
		s->geos[i] = (struct policy_geo){ .code = s->code[i] };
		s->rules[i].geos = &s->geos[i];
		s->rules[i].geo_n = 1;
	}
	add_pool(s, s->n);
}

static void compile(const struct location_db *db, const struct shape *s, size_t name_n)
{
	static const uint8_t ADDRESS[] = { 192, 0, 2, 1 };
	static const struct policy_value DEFAULT = { .text = "d",
						     .rdata = { ADDRESS, sizeof ADDRESS },
						     .weight = 1 };
	struct policy *all = calloc(name_n, sizeof *all);
	const struct policy **policies = calloc(name_n, sizeof *policies);
	uint8_t(*owners)[16] = calloc(name_n, sizeof *owners);
	struct steer_options options = { .seed = "bench" };
	struct steer_set *set = NULL;

	for (size_t i = 0; i < name_n; i++) {
		owners[i][0] = 4;
		store_u32(owners[i] + 1, (uint32_t)i);
		all[i] = (struct policy){ .file = "bench",
					  .owner = owners[i],
					  .type = TYPE_A,
					  .ttl = 60,
					  .defaults = &DEFAULT,
					  .default_n = 1,
					  .pools = s->pools,
					  .pool_n = s->n + 1,
					  .rules = s->rules,
					  .rule_n = s->n + 1 };
		policies[i] = &all[i];
	}
	malloc_trim(0);
	double begun = seconds();
	if (steer_compile(&set, policies, name_n, db, &options)) {
		fprintf(stderr, "steering: cannot compile\n");
		exit(1);
	}
	double took = seconds() - begun;
	printf("| %zu names x %zu countries | %.3f | %.1f | %zu |\n", name_n, s->n, took,
	       (double)steer_bytes(set) / (1 << 20), steer_partition_n(set));
	steer_free(set);
	free(owners);
	free(policies);
	free(all);
}

/* Clients at random, and clients where networks are: at random in ranges of the database. */
static void choose(const struct location_db *db, const struct shape *s, enum ip_family family,
		   uint32_t name_n)
{
	static const uint8_t OWNER[] = "\1x";
	struct policy p = { .file = "bench",
			    .owner = OWNER,
			    .type = TYPE_A,
			    .ttl = 60,
			    .defaults = s->values,
			    .default_n = 1,
			    .pools = s->pools,
			    .pool_n = s->n + 1,
			    .rules = s->rules,
			    .rule_n = s->n + 1 };
	const struct policy **policies = calloc(name_n, sizeof *policies);
	struct steer_options options = { .seed = "bench" };
	struct steer_set *set = NULL;
	const struct location_range *r;
	size_t n = location_ranges(db, family, &r);
	struct ip_addr *clients = calloc(CLIENTS, sizeof *clients);
	uint64_t state = 7, sum = 0;

	for (uint32_t i = 0; i < name_n; i++)
		policies[i] = &p;
	if (steer_compile(&set, policies, name_n, db, &options))
		exit(1);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		const struct location_range *at = &r[next_random(&state) % n];
		uint64_t hi = family == IP_V4 ? (at->lo + (next_random(&state) & 0xff)) << 32
					      : at->hi | (next_random(&state) & 0xffff);
		clients[i].family = (uint8_t)family;
		for (unsigned k = 0; k < (family == IP_V4 ? 4u : 8u); k++)
			clients[i].bytes[k] = (uint8_t)(hi >> (56 - 8 * k));
	}
	for (int round = 0; round < 3; round++) {
		double begun = seconds();
		/* Each waits for the one before, as a worker does that has nothing else to do. */
		for (uint32_t i = 0; i < CLIENTS; i++)
			sum +=
			    steer_choose(set, (uint32_t)(i + (sum & 1)) % name_n, &clients[i], NULL)
				.variant;
		if (round == 2)
			printf("| one choice, IPv%d, %u names | %.0f ns |\n", family, name_n,
			       (seconds() - begun) / CLIENTS * 1e9);
	}
	if (sum == 0)
		printf("\n");
	steer_free(set);
	free(policies);
	free(clients);
}

int main(int argc, char **argv)
{
	static struct shape all, few;
	static const size_t NAMES[] = { 1, 1000, 100000 };
	struct location_db *db = NULL;
	struct diag d = { 0 };

	if (argc != 3 || location_open_tor(&db, argv[1], argv[2], &d)) {
		fprintf(stderr, "usage: %s /usr/share/tor/geoip /usr/share/tor/geoip6\n", argv[0]);
		return 1;
	}
	make_shape(&all, db, COUNTRIES);
	make_shape(&few, db, 10);
	printf("| compiled | s | MiB | partitions |\n|---|---|---|---|\n");
	for (size_t i = 0; i < 3; i++)
		compile(db, i < 2 ? &all : &few, NAMES[i]);
	compile(db, &few, 1000);
	printf("\n| | |\n|---|---|\n");
	for (uint32_t n = 1; n <= 1000; n += 999) {
		choose(db, &all, IP_V4, n);
		choose(db, &all, IP_V6, n);
	}
	location_unref(db);
	return 0;
}
