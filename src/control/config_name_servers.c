// SPDX-License-Identifier: Apache-2.0
#include "control/config_name_servers.h"

#include <string.h>

#include "dns/name.h"

static enum err read_one(struct schema *s, const struct yaml_node *at, const uint8_t **out)
{
	static const char EXPECTED[] = "an absolute name, with its final dot";
	const char *text = schema_text(s, at, EXPECTED);
	struct name name;

	if (text == NULL)
		return ERR_INVALID;
	if (text[0] == 0 || text[strlen(text) - 1] != '.' || name_from_text(text, NULL, &name) ||
	    name.len == 1)
		return schema_expected(s, at, EXPECTED);
	*out = arena_copy(s->arena, name.wire, name.len);
	return *out != NULL ? ERR_OK : ERR_NOMEM;
}

enum err config_read_name_servers(struct schema *s, const struct yaml_node *value,
				  struct config_name_servers *into)
{
	const struct yaml_node *const *item = value->kind == YAML_LIST ? value->item : &value;
	size_t n = value->kind == YAML_LIST ? value->n : 1;
	const uint8_t **names = arena_alloc(s->arena, (n + 1) * sizeof *names);
	enum err e = ERR_OK;

	if (names == NULL)
		return ERR_NOMEM;
	if (n == 0 || n > CONFIG_NAME_SERVERS_MAX)
		return schema_expected(s, value, "1 to 32 name servers");
	for (size_t i = 0; i < n && !e; i++)
		e = read_one(s, item[i], &names[i]);
	into->name = names;
	into->n = n;
	return e;
}
