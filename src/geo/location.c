// SPDX-License-Identifier: Apache-2.0
#include "geo/location.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "geo/codes.h"
#include "geo/embedding.h"
#include "geo/location_internal.h"

#define SLOTS_FIRST  1024u      /* power of two */
#define PLACES_MAX   (1u << 23) /* twice what a city database joined with AS numbers has */
#define NETWORKS_MAX 4095u

struct place place_unknown(void)
{
	struct place p;

	memset(&p, 0, sizeof p); /* compared and hashed as octets */
	p.latitude = p.longitude = PLACE_NOWHERE;
	return p;
}

struct location_db *location_new(void)
{
	static _Atomic uint64_t last_id;
	struct location_db *db = calloc(1, sizeof *db);

	if (db == NULL)
		return NULL;
	db->refs = 1;
	db->id = atomic_fetch_add(&last_id, 1) + 1;
	db->slot_n = SLOTS_FIRST;
	db->slots = calloc(SLOTS_FIRST, sizeof *db->slots);
	db->places = calloc(16, sizeof *db->places);
	db->place_cap = 16;
	db->place_n = db->network_n = 1;
	if (db->slots == NULL || db->places == NULL) {
		location_unref(db);
		return NULL;
	}
	db->places[0] = place_unknown();
	return db;
}

struct location_db *location_ref(struct location_db *db)
{
	atomic_fetch_add(&db->refs, 1);
	return db;
}

void location_unref(struct location_db *db)
{
	if (db == NULL || atomic_fetch_sub(&db->refs, 1) > 1)
		return;
	for (size_t i = 1; db->networks != NULL && i < db->network_n; i++)
		free(db->networks[i]);
	free(db->networks);
	free(db->v4.at);
	free(db->v6.at);
	free(db->places);
	free(db->slots);
	free(db);
}

/* ---- networks ---- */

uint64_t location_id(const struct location_db *db)
{
	return db->id;
}

uint16_t location_network_named(const struct location_db *db, const char *name)
{
	for (size_t i = 1; i < db->network_n; i++)
		if (strcmp(db->networks[i], name) == 0)
			return (uint16_t)i;
	return 0;
}

const char *location_network(const struct location_db *db, uint16_t network)
{
	return db->networks[network];
}

size_t location_network_n(const struct location_db *db)
{
	return db->network_n - 1;
}

enum err location_add_network(struct location_db *db, const char *name, uint16_t *out)
{
	*out = location_network_named(db, name);
	if (*out != 0)
		return ERR_OK;
	if (db->network_n > NETWORKS_MAX)
		return ERR_TOO_LONG;
	if (db->networks == NULL || db->network_n == db->network_cap) {
		size_t cap = db->network_cap == 0 ? 16 : db->network_cap * 2;
		char **more = realloc(db->networks, cap * sizeof *more);
		if (more == NULL)
			return ERR_NOMEM;
		db->networks = more;
		db->network_cap = cap;
	}
	char *copy = strdup(name);
	if (copy == NULL)
		return ERR_NOMEM;
	*out = (uint16_t)db->network_n;
	db->networks[db->network_n++] = copy;
	return ERR_OK;
}

/* ---- places ---- */

_Static_assert(sizeof(struct place) == 24, "places are compared and hashed as octets");

static bool same_place(const struct place *a, const struct place *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

/* The slot that has the place, or the free one where it belongs. */
static uint32_t *slot_of(uint32_t *slots, size_t slot_n, const struct place *places,
			 const struct place *p)
{
	static const struct siphash_key KEY = { 3, 0 };
	size_t i = siphash(&KEY, p, sizeof *p) & (slot_n - 1);

	while (slots[i] != 0 && !same_place(&places[slots[i]], p))
		i = (i + 1) & (slot_n - 1);
	return &slots[i];
}

static bool more_slots(struct location_db *db)
{
	size_t slot_n = db->slot_n * 2;
	uint32_t *slots = calloc(slot_n, sizeof *slots);

	if (slots == NULL)
		return false;
	for (uint32_t i = 1; i < db->place_n; i++)
		*slot_of(slots, slot_n, db->places, &db->places[i]) = i;
	free(db->slots);
	db->slots = slots;
	db->slot_n = slot_n;
	return true;
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
	*out = 0;
	if (same_place(&p, &db->places[0]))
		return ERR_OK;
	uint32_t *slot = slot_of(db->slots, db->slot_n, db->places, &p);
	if (*slot == 0) {
		if (db->place_n == PLACES_MAX)
			return ERR_TOO_LONG;
		if (!more_places(db))
			return ERR_NOMEM;
		db->places[db->place_n] = p;
		db->has_coordinates = db->has_coordinates || p.latitude != PLACE_NOWHERE;
		db->has_asns = db->has_asns || p.asn != 0;
		db->has_countries = db->has_countries || p.country[0] != 0;
		*slot = (uint32_t)db->place_n++;
	}
	*out = *slot;
	/* At least half of the slots stay free, so that looking ends soon. */
	if (db->place_n * 2 > db->slot_n && !more_slots(db))
		return ERR_NOMEM;
	return ERR_OK;
}

char *location_clean(char *text)
{
	for (char *c = text; *c != 0; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return text;
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
	free(db->slots);
	db->slots = NULL;
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

bool location_has_coordinates(const struct location_db *db)
{
	return db->has_coordinates;
}

bool location_has_asns(const struct location_db *db)
{
	return db->has_asns;
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
	const struct located at = embedding_locate(a);
	enum ip_family family = (enum ip_family)at.addr.family;
	const struct location_range *r;
	size_t n = location_ranges(db, family, &r), lo = 0, hi = n;
	struct address key = address_of(&at.addr);

	while (hi - lo > 1) {
		size_t mid = (lo + hi) / 2;
		struct address first = { r[mid].hi, r[mid].lo };
		if (address_compare(first, key) <= 0)
			lo = mid;
		else
			hi = mid;
	}
	if (range_len != NULL) {
		struct address first = { r[lo].hi, r[lo].lo }, next = { 0, 0 };
		if (lo + 1 < n)
			next = (struct address){ r[lo + 1].hi, r[lo + 1].lo };
		uint8_t len = address_scope(family, key, first, lo + 1 < n ? &next : NULL);
		*range_len = (uint8_t)((at.in != NULL ? at.in->at : 0) + len);
	}
	return &db->places[r[lo].place];
}
