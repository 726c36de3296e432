// SPDX-License-Identifier: Apache-2.0
/*
 * catalog.h -- a catalog zone (RFC 9432) read: which zones it lists, and what it says of them.
 *
 * Purpose.   Judges a version of a zone as a catalog. What is broken (RFC 9432 §3.1, §4.1) is
 * broken as a whole: nothing of it may be used. Properties that are not known are not looked at.
 * Memory.    Members borrow from the version that they were read from; catalog_free().
 * Threads.   Pure.
 */
#ifndef TRANSFER_CATALOG_H
#define TRANSFER_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "zone/zone.h"

struct catalog_member {
	const uint8_t *zone;        /* wire */
	const uint8_t *id;          /* the unique label: length octet and text */
	const uint8_t *coo;         /* the catalog that may take it over (§4.3.1), or NULL */
	const struct rrset *groups; /* TXT (§4.3.2), or NULL */
};

struct catalog {
	struct catalog_member *members; /* ascending by zone */
	size_t n, cap;
	char why[300]; /* ERR_INVALID: what is broken */
};

#define CATALOG_MEMBERS_MAX 1000000u

/* ERR_INVALID (broken), ERR_TOO_LONG, ERR_NOMEM; *out is to be freed in any case. */
enum err catalog_read(struct catalog *out, const struct zone *z);
void catalog_free(struct catalog *c);

/* Whether one of a member's groups is that text (octet by octet). */
bool catalog_has_group(const struct catalog_member *m, const char *group);

#endif
