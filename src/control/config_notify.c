// SPDX-License-Identifier: Apache-2.0
#include "control/config_notify.h"

#include "control/config.h"

/* A remote of its own for an address that stands in the list itself. */
static const struct config_remote *plain_remote(struct schema *s, const char *text)
{
	struct config_address address;

	if (!config_parse_address(text, 0, &address))
		return NULL;
	struct config_remote *r = arena_alloc(s->arena, sizeof *r);
	struct config_address *a = arena_copy(s->arena, &address, sizeof address);
	if (r == NULL || a == NULL)
		return NULL;
	*r = (struct config_remote){ .addresses = a, .address_n = 1 };
	r->id = arena_copy(s->arena, text, strlen(text) + 1);
	return r->id != NULL ? r : NULL;
}

enum err config_read_notify(struct schema *s, const struct yaml_node *value,
			    const struct config_remotes *all, struct config_notify *into)
{
	const struct yaml_node *const *item = value->kind == YAML_LIST ? value->item : &value;
	size_t n = value->kind == YAML_LIST ? value->n : 1;
	const struct config_remote **out = arena_alloc(s->arena, (n + 1) * sizeof *out);

	if (out == NULL)
		return ERR_NOMEM;
	if (n > CONFIG_NOTIFY_MAX)
		return schema_expected(s, value, "at most 64 servers");
	for (size_t i = 0; i < n; i++) {
		const char *text = schema_text(s, item[i], "the id of a remote, or an address");
		if (text == NULL)
			return ERR_INVALID;
		out[i] = config_remote_find(all, text);
		if (out[i] == NULL)
			out[i] = plain_remote(s, text);
		if (out[i] == NULL)
			return schema_expected(s, item[i],
					       "the id of one of `remotes`, or an IP address "
					       "(192.0.2.1@53)");
	}
	into->to = out;
	into->to_n = n;
	return ERR_OK;
}
