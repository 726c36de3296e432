// SPDX-License-Identifier: Apache-2.0
/*
 * codes.h -- the continent, country and province codes that octoDNS accepts, and
 * subdivisions of all countries.
 *
 * Purpose.   Validation of geo codes with a hint, and the continent of a country for databases that
 * have none. Threads.   Constant data.
 */
#ifndef GEO_CODES_H
#define GEO_CODES_H

#include <stdbool.h>
#include <stddef.h>

struct place;

/* "EU", "EU-DE", "NA-US-KY" or "EU-DE-BE": continents and countries of octoDNS, its provinces of
 * the US and Canada, and of other countries whatever has the form of ISO 3166-2; nothing else. On
 * false `hint` (may be NULL) gets the code that was probably meant, or "". */
#define GEO_HINT_MAX 16
bool geo_code_is_valid(const char *code, char hint[GEO_HINT_MAX]);
/* The continent of an ISO country, or NULL. A country that octoDNS lists in two continents gets the
 * first of them. */
const char *geo_continent_of(const char *country);
/* Whether a place lies in a code: by its continent for a continent, else by its country (and
 * province), whatever continent the database gives that country. */
bool geo_code_matches(const char *code, const struct place *p);
/* Whether `inner` lies in `outer` or is it. */
bool geo_code_is_within(const char *inner, const char *outer);

#endif
