// SPDX-License-Identifier: Apache-2.0
#include "geo/location.h"

#include <stdlib.h>
#include <string.h>

#include "geo/codes.h"
#include "geo/location_internal.h"
#include "geo/partition.h"

#define BUCKETS 4096u

struct location_db *location_new(void)
{
	struct location_db *db = calloc(1, sizeof *db);

	if (db == NULL)
		return NULL;
	db->bucket_n = BUCKETS;
	db->buckets = calloc(BUCKETS, sizeof *db->buckets);
	db->places = calloc(16, sizeof *db->places);
	db->place_cap = 16;
	db->place_n = 1;
	if (db->buckets == NULL || db->places == NULL) {
		location_free(db);
		return NULL;
	}
	return db;
}

void location_free(struct location_db *db)
{
	if (db == NULL)
		return;
	free(db->v4.at);
	free(db->v6.at);
	free(db->places);
	free(db->buckets);
	free(db);
}

static size_t hash_place(const struct place *p)
{
	size_t h = 5381;

	for (size_t i = 0; i < sizeof *p; i++)
		h = h * 33 ^ ((const uint8_t *)p)[i];
	return h % BUCKETS;
}

static bool same_place(const struct place *a, const struct place *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static bool more_places(struct location_db *db)
{
	if (db->place_n < db->place_cap)
		return true;
	struct place *more = realloc(db->places, db->place_cap * 2 * sizeof *more);
	if (more == NULL)
		return false;
	db->places = more;
	db->place_cap *= 2;
	return true;
}

enum err location_intern(struct location_db *db, const struct place *given, uint32_t *out)
{
	struct place p = *given;
	const char *continent = geo_continent_of(p.country);

	if (p.continent[0] == 0 && continent != NULL)
		memcpy(p.continent, continent, 2);
	if (same_place(&p, &db->places[0])) {
		*out = 0;
		return ERR_OK;
	}
	/* A bucket remembers the place seen last; the others are found by looking through. */
	uint32_t *bucket = &db->buckets[hash_place(&p)];
	if (*bucket != 0 && same_place(&p, &db->places[*bucket])) {
		*out = *bucket;
		return ERR_OK;
	}
	for (uint32_t i = 1; i < db->place_n; i++) {
		if (same_place(&p, &db->places[i])) {
			*out = *bucket = i;
			return ERR_OK;
		}
	}
	if (db->place_n >= UINT32_MAX || !more_places(db))
		return ERR_NOMEM;
	db->places[db->place_n] = p;
	*out = *bucket = (uint32_t)db->place_n++;
	return ERR_OK;
}

enum err location_add(struct location_db *db, enum ip_family family, uint64_t hi, uint64_t lo,
		      uint32_t place)
{
	struct location_ranges *r = family == IP_V4 ? &db->v4 : &db->v6;

	if (r->n > 0) {
		const struct location_range *last = &r->at[r->n - 1];
		if (hi < last->hi || (hi == last->hi && lo <= last->lo))
			return ERR_CORRUPT;
		if (last->place == place)
			return ERR_OK;
	}
	if (r->n == r->cap) {
		size_t cap = r->cap == 0 ? 1024 : r->cap * 2;
		struct location_range *more = realloc(r->at, cap * sizeof *more);
		if (more == NULL)
			return ERR_NOMEM;
		r->at = more;
		r->cap = cap;
	}
	r->at[r->n++] = (struct location_range){ hi, lo, place };
	return ERR_OK;
}

enum err location_finish(struct location_db *db)
{
	enum err e = ERR_OK;

	if (db->v4.n == 0)
		e = location_add(db, IP_V4, 0, 0, 0);
	if (!e && db->v6.n == 0)
		e = location_add(db, IP_V6, 0, 0, 0);
	free(db->buckets);
	db->buckets = NULL;
	return e;
}

size_t location_ranges(const struct location_db *db, enum ip_family family,
		       const struct location_range **out)
{
	const struct location_ranges *r = family == IP_V4 ? &db->v4 : &db->v6;

	*out = r->at;
	return r->n;
}

const struct place *location_place(const struct location_db *db, uint32_t place)
{
	return &db->places[place];
}

size_t location_place_n(const struct location_db *db)
{
	return db->place_n;
}

const char *location_describe(const struct location_db *db)
{
	return db->description;
}

const struct place *location_find(const struct location_db *db, const struct ip_addr *a,
				  uint8_t *range_len)
{
	const struct location_range *r;
	size_t n = location_ranges(db, a->family, &r), lo = 0, hi = n;
	struct address key = address_of(a);

	while (hi - lo > 1) {
		size_t mid = (lo + hi) / 2;
		struct address at = { r[mid].hi, r[mid].lo };
		if (address_compare(at, key) <= 0)
			lo = mid;
		else
			hi = mid;
	}
	if (range_len != NULL) {
		struct address first = { r[lo].hi, r[lo].lo }, next = { 0, 0 };
		if (lo + 1 < n)
			next = (struct address){ r[lo + 1].hi, r[lo + 1].lo };
		*range_len = address_scope(a->family, key, first, lo + 1 < n ? &next : NULL);
	}
	return &db->places[r[lo].place];
}
