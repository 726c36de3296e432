// SPDX-License-Identifier: Apache-2.0
/*
 * config_catalog.h -- the parts of the configuration that say which zones are catalogs (RFC 9432):
 * read, so that what they list is served here, or made, so that others serve what we do.
 *
 * Templates. `templates` are zones without a name: what a member of a catalog is configured as.
 * Memory.    In the configuration's arena.
 */
#ifndef CONTROL_CONFIG_CATALOG_H
#define CONTROL_CONFIG_CATALOG_H

#include <stddef.h>
#include <stdint.h>

#include "control/schema.h"

struct config_zone;

struct config_catalog_group {
	const char *name;
	const char *template_id;
	const struct config_zone *template;
};

/* Of one zone. */
struct config_catalog {
	bool generate;           /* it lists zones of ours */
	const char *template_id; /* it is read; NULL: it is not */
	const struct config_zone *template;
	const struct config_catalog_group *groups; /* in the order of preference */
	size_t group_n;
	const uint8_t *in; /* wire: the catalog of ours that lists this zone; NULL: none */
	const char *group; /* ... with this group; NULL: none */
	const struct yaml_node *at;
};

/* Rows of a zone: `catalog`, `in-catalog`. */
enum err config_read_catalog(struct schema *s, const struct yaml_node *value,
			     struct config_catalog *into);
enum err config_read_in_catalog(struct schema *s, const struct yaml_node *value,
				struct config_catalog *into);
/* Puts templates (their `text` is the id) in the place of their ids. */
enum err config_resolve_catalog(struct schema *s, const struct config_zone *templates, size_t n,
				struct config_catalog *c);

/* What a member of that group is; NULL: no group, or none that is known. */
const struct config_zone *config_catalog_template(const struct config_catalog *c,
						  const char *group);

#endif
