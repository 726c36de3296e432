// SPDX-License-Identifier: Apache-2.0
/*
 * config_geo.h -- the section `geo`: location databases, and which of them a zone goes by.
 *
 * Memory.    In the configuration's arena.
 */
#ifndef CONTROL_CONFIG_GEO_H
#define CONTROL_CONFIG_GEO_H

#include <stdbool.h>
#include <stddef.h>

#include "geo/location.h"

struct schema;
struct yaml_node;

enum config_geo_format { CONFIG_GEO_MMDB, CONFIG_GEO_TOR, CONFIG_GEO_NETWORKS };

struct config_geo {
	const char *id;
	enum config_geo_format format;
	const char *file, *file6;
	struct location_paths paths;
	bool watch; /* read anew when the file is replaced */
};

/* The databases of a zone in the order in which they are asked. */
#define CONFIG_GEO_PARTS_MAX 8
struct config_zone_geo {
	const struct config_geo *part[CONFIG_GEO_PARTS_MAX];
	size_t n;
};

enum err config_geo_read(struct schema *s, const struct yaml_node *list,
			 const struct config_geo **out, size_t *n);
/* Of a zone: an id or a list of them. */
enum err config_geo_resolve(struct schema *s, const struct yaml_node *value,
			    const struct config_geo *all, size_t n,
			    const struct config_zone_geo **out);

#endif
