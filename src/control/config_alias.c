// SPDX-License-Identifier: Apache-2.0
#include "control/config_alias.h"

#define HOUR_S 3600u
#define DAY_S  86400u

#define ROW(field, name, k, ...)                                                                   \
	{                                                                                          \
		.key = (name), .kind = (k), .offset = offsetof(struct alias_fields, alias.field),  \
		__VA_ARGS__                                                                        \
	}

const struct config_alias CONFIG_ALIAS_DEFAULT = {
	.ttl_min_s = 10,
	.ttl_max_s = HOUR_S,
	.stale_max_s = DAY_S,
	.max_rate = 50,
};

struct alias_fields {
	struct config_alias alias;
	const struct config_remotes *remotes;
};

static enum err read_resolvers(struct schema *s, const struct yaml_node *value, void *into)
{
	struct alias_fields *f = into;

	return config_read_notify(s, value, f->remotes, &f->alias.resolvers);
}

enum err config_read_alias(struct schema *s, const struct yaml_node *map,
			   const struct config_remotes *all, struct config_alias *into)
{
	static const struct schema_row ROWS[] = {
		{ .key = "resolvers", .kind = SCHEMA_CUSTOM, .custom = read_resolvers },
		ROW(ttl_min_s, "ttl-min", SCHEMA_DURATION, .min = 1, .max = DAY_S),
		ROW(ttl_max_s, "ttl-max", SCHEMA_DURATION, .min = 1, .max = DAY_S),
		ROW(stale_max_s, "stale-max", SCHEMA_DURATION, .min = 0, .max = 30 * DAY_S),
		ROW(max_rate, "max-rate", SCHEMA_U32, .min = 1, .max = 10000),
		{ 0 },
	};
	struct alias_fields f = { CONFIG_ALIAS_DEFAULT, all };

	*into = f.alias;
	if (map == NULL)
		return ERR_OK;
	enum err e = schema_read(s, map, ROWS, &f);
	if (!e && f.alias.ttl_min_s > f.alias.ttl_max_s) {
		yaml_finding(s->yaml, map, s->diag, DIAG_ERROR, NULL,
			     "ttl-min must not be more than ttl-max");
		e = ERR_INVALID;
	}
	if (!e)
		*into = f.alias;
	return e;
}
