// SPDX-License-Identifier: Apache-2.0
/* Policies whose rules match alike share a partition: found by a hash of all that matters to it. */
#include "geo/partition_store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "geo/steer_internal.h"

#define SLOTS_FIRST 64u /* power of two */

struct partition_store {
	pthread_mutex_t lock;
	struct shared_partition **slots; /* chains by hash */
	size_t slot_n;
	struct partition_usage usage;
};

struct partition_store *partition_store_new(size_t max_bytes)
{
	struct partition_store *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->slots = calloc(SLOTS_FIRST, sizeof(struct shared_partition *));
	if (s->slots == NULL) {
		free(s);
		return NULL;
	}
	s->slot_n = SLOTS_FIRST;
	s->usage.max_bytes = max_bytes;
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void partition_store_free(struct partition_store *s)
{
	if (s == NULL)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s->slots);
	free(s);
}

void partition_store_limit(struct partition_store *s, size_t max_bytes)
{
	pthread_mutex_lock(&s->lock);
	s->usage.max_bytes = max_bytes;
	pthread_mutex_unlock(&s->lock);
}

struct partition_usage partition_store_usage(struct partition_store *s)
{
	pthread_mutex_lock(&s->lock);
	struct partition_usage u = s->usage;
	pthread_mutex_unlock(&s->lock);
	return u;
}

/* ---- what matters to a partition ---- */

static void put_points(FILE *f, const struct policy *p, const struct policy_rule *r)
{
	fprintf(f, "nearest %u", r->nearest);
	for (size_t i = 0; i < r->pool_n; i++)
		for (size_t k = 0; k < p->pool_n; k++)
			if (strcmp(p->pools[k].name, r->pools[i].text) == 0)
				fprintf(f, " %d,%d,%d", p->pools[k].latitude, p->pools[k].longitude,
					p->pools[k].bias);
}

static char *matchers_of(const struct policy *p, const struct location_db *db)
{
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);
	char text[IP_TEXT_MAX];

	if (f == NULL)
		return NULL;
	fprintf(f, "%llu|",
		db != NULL && steer_reads_places(p) ? (unsigned long long)location_id(db) : 0);
	for (size_t i = 0; i < p->rule_n; i++) {
		const struct policy_rule *r = &p->rules[i];
		for (size_t j = 0; j < r->geo_n; j++)
			fprintf(f, "%s ", r->geos[j].code);
		for (size_t j = 0; j < r->subnet_n; j++)
			fprintf(f, "%s ", ip_prefix_to_text(&r->subnets[j].prefix, text));
		for (size_t j = 0; j < r->asn_n; j++)
			fprintf(f, "AS%u ", r->asns[j].number);
		for (size_t j = 0; j < r->network_n; j++)
			fprintf(f, "=%s ", r->networks[j].text);
		if (r->nearest > 0)
			put_points(f, p, r);
		fputs("|", f);
	}
	if (fclose(f) != 0) {
		free(out);
		return NULL;
	}
	return out;
}

/* ---- the table ---- */

static struct shared_partition *find(const struct partition_store *s, uint64_t hash,
				     const char *matchers)
{
	struct shared_partition *e = s->slots[hash & (s->slot_n - 1)];

	while (e != NULL && (e->hash != hash || strcmp(e->matchers, matchers) != 0))
		e = e->next;
	return e;
}

/* More chains; where there is no memory they grow longer. */
static void spread(struct partition_store *s)
{
	size_t n = s->slot_n * 2;
	struct shared_partition **slots = calloc(n, sizeof(struct shared_partition *));

	if (slots == NULL)
		return;
	for (size_t i = 0; i < s->slot_n; i++) {
		while (s->slots[i] != NULL) {
			struct shared_partition *e = s->slots[i];
			s->slots[i] = e->next;
			e->next = slots[e->hash & (n - 1)];
			slots[e->hash & (n - 1)] = e;
		}
	}
	free(s->slots);
	s->slots = slots;
	s->slot_n = n;
}

static void destroy(struct shared_partition *e)
{
	if (e == NULL)
		return;
	steer_partition_end(&e->made);
	free(e->matchers);
	free(e);
}

/* One that is there already, with one reference more; or NULL. */
static struct shared_partition *take(struct partition_store *s, uint64_t hash, const char *matchers)
{
	pthread_mutex_lock(&s->lock);
	struct shared_partition *e = find(s, hash, matchers);
	if (e != NULL) {
		e->refs++;
		s->usage.reused++;
	}
	pthread_mutex_unlock(&s->lock);
	return e;
}

/* Adds one; where somebody built the same meanwhile, that one is taken. */
static enum err add(struct partition_store *s, struct shared_partition **e)
{
	enum err err = ERR_OK;

	pthread_mutex_lock(&s->lock);
	struct shared_partition *other = find(s, (*e)->hash, (*e)->matchers);
	if (other != NULL) {
		other->refs++;
		destroy(*e);
		*e = other;
	} else if (s->usage.max_bytes != 0 && (*e)->bytes + s->usage.bytes > s->usage.max_bytes) {
		err = ERR_REFUSED;
	} else {
		if (s->usage.partitions >= s->slot_n)
			spread(s);
		struct shared_partition **slot = &s->slots[(*e)->hash & (s->slot_n - 1)];
		(*e)->next = *slot;
		*slot = *e;
		s->usage.bytes += (*e)->bytes;
		s->usage.partitions++;
		s->usage.built++;
	}
	pthread_mutex_unlock(&s->lock);
	return err;
}

/* Takes the matchers. */
static enum err build(struct partition_store *s, const struct policy *p,
		      const struct location_db *db, uint64_t hash, char *matchers,
		      struct shared_partition **out)
{
	struct shared_partition *e = calloc(1, sizeof *e);

	if (e == NULL) {
		free(matchers);
		return ERR_NOMEM;
	}
	*e = (struct shared_partition){ .hash = hash, .refs = 1, .matchers = matchers };
	enum err err = steer_build_partition(&e->made, p, db);
	if (!err) {
		e->bytes = partition_bytes(e->made.partition) +
			   e->made.order_n * sizeof *e->made.orders + strlen(matchers);
		err = add(s, &e);
	}
	if (err)
		destroy(e);
	else
		*out = e;
	return err;
}

enum err steer_take_partition(struct partition_store *s, const struct policy *p,
			      const struct location_db *db, struct shared_partition **out)
{
	static const struct siphash_key KEY = { 2, 0 };
	char *matchers = matchers_of(p, db);

	if (matchers == NULL)
		return ERR_NOMEM;
	uint64_t hash = siphash(&KEY, matchers, strlen(matchers));
	*out = take(s, hash, matchers);
	if (*out == NULL)
		return build(s, p, db, hash, matchers, out);
	free(matchers);
	return ERR_OK;
}

void steer_give_partition(struct partition_store *s, struct shared_partition *e)
{
	pthread_mutex_lock(&s->lock);
	bool last = --e->refs == 0;
	if (last) {
		struct shared_partition **at = &s->slots[e->hash & (s->slot_n - 1)];
		while (*at != e)
			at = &(*at)->next;
		*at = e->next;
		s->usage.bytes -= e->bytes;
		s->usage.partitions--;
	}
	pthread_mutex_unlock(&s->lock);
	if (last)
		destroy(e);
}
