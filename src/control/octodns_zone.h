// SPDX-License-Identifier: Apache-2.0
/*
 * octodns_zone.h -- one octoDNS YAML zone file as the source of a whole zone.
 *
 * Purpose.   Records with `dynamic` become policies, all others go into the zone builder. octoDNS
 * leaves the SOA to providers: where the file has none, one is made of the first name server, with
 * the time when the file was last changed as serial. Errors.    Findings with file:line:column.
 */
#ifndef CONTROL_OCTODNS_ZONE_H
#define CONTROL_OCTODNS_ZONE_H

#include "control/schema.h"
#include "control/steering_file.h"
#include "zone/builder.h"

struct config_name_servers;

struct octodns_zone {
	struct zone_builder *builder;
	const uint8_t *apex;
	const struct config_name_servers
	    *name_servers; /* where the file has none; NULL: it may have none */
	uint32_t serial;   /* of the SOA, where the file has none */
	/* Filled while reading. */
	uint16_t file;
	const uint8_t *name_server;
	bool has_soa;
};

/* Whether a zone file of this name is read as YAML: it ends in .yaml or .yml. */
bool octodns_zone_is_file(const char *path);
/* The serial that follows from the file's time of change, never below `before`. */
uint32_t octodns_zone_serial(const char *path, uint32_t before);

/* As steering_read(), with all other records added to data->builder. ERR_INVALID, ERR_NOMEM. */
enum err octodns_zone_read(struct steering **out, struct octodns_zone *data, const char *path,
			   struct diag *d);
/* After the last record: adds name servers and the SOA where there are none. */
enum err octodns_zone_finish(struct octodns_zone *data, struct schema *s);

#endif
