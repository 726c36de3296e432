// SPDX-License-Identifier: Apache-2.0
/*
 * location_internal.h -- how readers of databases fill a struct location_db; private to this
 * folder.
 */
#ifndef GEO_LOCATION_INTERNAL_H
#define GEO_LOCATION_INTERNAL_H

#include "geo/location.h"

struct location_ranges {
	struct location_range *at;
	size_t n, cap;
};

struct location_db {
	_Atomic unsigned refs;
	uint64_t id;
	bool has_coordinates, has_asns, has_countries;
	char **networks; /* [0] unused */
	size_t network_n, network_cap;
	struct location_ranges v4, v6;
	struct place *places; /* [0] is the unknown one */
	size_t place_n, place_cap;
	uint32_t *slots; /* while loading: numbers of places by hash, 0: free */
	size_t slot_n;
	char description[200];
};

/* With one reference. */
struct location_db *location_new(void);

/* A place of which nothing is known. */
struct place place_unknown(void);

/* The number of a network's name, which is added if new. ERR_NOMEM, ERR_TOO_LONG. */
enum err location_add_network(struct location_db *db, const char *name, uint16_t *out);

/* The number of a place, which is added if new; its continent is filled in from its country where
 * it is empty. ERR_NOMEM, ERR_TOO_LONG (more places than there can be). */
enum err location_intern(struct location_db *db, const struct place *p, uint32_t *out);

/* Adds a range that starts at hi:lo. Ranges come ascending; a range ends where the next one starts.
 * Equal neighbours merge. ERR_NOMEM, ERR_CORRUPT (not ascending). */
enum err location_add(struct location_db *db, enum ip_family family, uint64_t hi, uint64_t lo,
		      uint32_t place);

/* Replaces what does not belong in a line of a log; returns the text. */
char *location_clean(char *text);

/* A family that got no range is unknown as a whole. */
enum err location_finish(struct location_db *db);

#endif
