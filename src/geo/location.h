// SPDX-License-Identifier: Apache-2.0
/*
 * location.h -- where addresses are: databases read into sorted ranges.
 *
 * Purpose.   MMDB files (libmaxminddb; nested or flat schemas by configurable field paths), the
 * range files of Debian's tor-geoipdb and lists of named networks give the same thing: ranges of
 * addresses with continent, country, subdivision, coordinates, AS number and the name of a network.
 * Several of them combine to one. Only the policy compiler and `explain` look at it; queries look
 * at compiled partitions.
 * Invariant. Ranges of one family are ascending, do not overlap and cover the whole family: gaps
 * are ranges of the unknown place (index 0). Neighbours with equal places are merged. A country
 * without a continent in the database gets it from the ISO table (geo/codes.h).
 * Threads.   Immutable once loaded; references are counted atomically.
 * Memory.    location_unref() by the last holder frees it.
 * Errors.    Findings name the file (and line for texts). A damaged file fails whole:
 * ERR_CORRUPT, ERR_IO, ERR_INVALID, ERR_SYNTAX.
 */
#ifndef GEO_LOCATION_H
#define GEO_LOCATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/prefix.h"

struct location_db;

/* Codes in upper case; empty: unknown. */
struct place {
	char continent[3];           /* AF AN AS EU NA OC SA */
	char country[3];             /* ISO 3166-1 alpha-2 */
	char subdivision[4];         /* ISO 3166-2 after the dash */
	uint16_t network;            /* number of a name (location_network()); 0: none */
	uint32_t asn;                /* 0: unknown */
	int32_t latitude, longitude; /* units of 1e-4 degrees; PLACE_NOWHERE: unknown */
};

#define PLACE_NOWHERE INT32_MIN
#define PLACE_UNIT    1e-4

struct location_paths { /* MMDB: keys joined by dots, numbers index arrays; NULL: default of the
			   GeoIP2 schema */
	const char *country;              /* country.iso_code; flat: country_code */
	const char *continent;            /* continent.code */
	const char *subdivision;          /* subdivisions.0.iso_code */
	const char *asn;                  /* autonomous_system_number */
	const char *latitude, *longitude; /* location.latitude, location.longitude */
	bool coordinates;                 /* they are read: a multiple of the ranges */
};

enum err location_open_mmdb(struct location_db **out, const char *file,
			    const struct location_paths *paths, struct diag *d);
/* `file6` may be NULL: then all of IPv6 is unknown. */
enum err location_open_tor(struct location_db **out, const char *file, const char *file6,
			   struct diag *d);
/* Lines of `prefix name [code]`; "#" starts a comment. The most specific line holds. A code (EU,
 * EU-DE, EU-DE-BE) says where the network is; the name "-" gives it none. */
enum err location_open_networks(struct location_db **out, const char *file, struct diag *d);

/* One of several. What a place is (continent to subdivision, and coordinates) comes from the first
 * that knows anything of it; its AS number and its network from the first that knows that. The
 * parts may be unreferenced afterwards. ERR_NOMEM, ERR_TOO_LONG. */
enum err location_combine(struct location_db **out, struct location_db *const *parts, size_t n);

struct location_db *location_ref(struct location_db *db);
/* Accepts NULL. */
void location_unref(struct location_db *db);

/* Another number for each database that was ever read or combined. */
uint64_t location_id(const struct location_db *db);
/* Whether any place has it. */
bool location_has_coordinates(const struct location_db *db);
bool location_has_asns(const struct location_db *db);
/* Names of networks, from 1. */
const char *location_network(const struct location_db *db, uint16_t network);
size_t location_network_n(const struct location_db *db);
/* 0: no such. */
uint16_t location_network_named(const struct location_db *db, const char *name);

/* The place of an address; *range_len (may be NULL) gets the length of the largest prefix around it
 * that lies in its range. Never NULL: unknown is a place. */
const struct place *location_find(const struct location_db *db, const struct ip_addr *a,
				  uint8_t *range_len);

/* Ranges for the compiler. Address keys are big-endian numbers; IPv4 in `lo`, IPv6 in hi:lo. place
 * 0 is unknown. */
struct location_range {
	uint64_t hi, lo; /* first address; the range ends before the next one's first */
	uint32_t place;
};
size_t location_ranges(const struct location_db *db, enum ip_family family,
		       const struct location_range **out);
const struct place *location_place(const struct location_db *db, uint32_t place);
size_t location_place_n(const struct location_db *db);
/* "tor-geoipdb 2026-06-25, 385622+276646 ranges, 251 places" for status; in the database's memory.
 */
const char *location_describe(const struct location_db *db);

#endif
