// SPDX-License-Identifier: Apache-2.0
/*
 * catalogs.h -- catalog zones (RFC 9432): what they list is served here, and what is served here is
 * listed.
 *
 * Consumer.  A zone with `catalog: {template: ID}` is read after each change (transfer/catalog.h).
 * What it lists and nobody else has becomes an entry like a configured one, made of a template.
 * Members that are no longer listed go with all that was kept of them but their keys; so do those
 * whose unique label changed (§5.4), which then begin anew. A catalog that is broken, expired or
 * not there changes nothing. A name that is configured, or another catalog's, is left alone (§5.2),
 * unless that catalog gives it away (coo, §4.3.1).
 * Producer.  A zone with `catalog: {generate: yes}` lists the zones with `in-catalog` of its name.
 * State.     The store's `member/<zone>`: catalog, unique label, group; so members are there at a
 * start before their catalog was read.
 * Threads.   The control thread.
 */
#ifndef CONTROL_CATALOGS_H
#define CONTROL_CATALOGS_H

#include "control/internal.h"

#define MEMBER_GROUP_MAX 256

/* Why an entry is there. */
struct member {
	uint8_t catalog[NAME_MAX_LEN];
	uint8_t id[NAME_LABEL_MAX + 1]; /* length and text */
	char group[MEMBER_GROUP_MAX];   /* one that has a template, or empty */
	bool stays;                     /* while catalogs are applied */
};

/* ---- consumer ---- */

/* At a start: the members of before, from the store. */
void catalogs_restore(struct control *c);
/* At a load of a configuration: adds the members of its catalogs, with what their templates say
 * now, to a list of entries. ERR_NOMEM. */
enum err catalogs_carry_over(struct control *c, const struct config *config,
			     struct zone_entry ***all, size_t *n);
/* Brings members, and the catalogs that are made here, to what catalogs and configuration say.
 * Publishes where something has changed. */
void catalogs_apply(struct control *c);
/* The same where this zone alone has a new version, and is a catalog. */
void catalogs_follow(struct control *c, const struct zone_entry *e);
/* For `zone status`; NULL where the zone has to do with no catalog. */
json_t *catalogs_status(const struct control *c, const struct zone_entry *e);

/* ---- producer: catalogs_made.c ---- */

struct catalog_listed {
	const uint8_t *zone; /* wire */
	const char *group;   /* NULL: none */
};

struct catalog_listing {
	struct catalog_listed *item;
	size_t n;
	uint32_t digest; /* of all of it */
};

/* Makes anew the catalogs whose contents have changed. True: one was. */
bool catalogs_make(struct control *c);
/* The records of one into a builder; out->primary_serial gets the listing's digest. */
enum err catalog_build(const struct zone_load *l, struct zone_builder *b, struct served *out,
		       struct diag *d);

#endif
