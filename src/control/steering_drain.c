// SPDX-License-Identifier: Apache-2.0
#include "control/steering_drain.h"

#include <string.h>
#include <time.h>

#define WINDOWS_MAX 100

static enum err read_time(struct schema *s, const struct yaml_node *value, int64_t *out)
{
	static const char EXPECTED[] = "a time in UTC (2027-01-10T02:00:00Z)";
	struct tm t = { 0 };
	const char *text = schema_text(s, value, EXPECTED);

	if (text == NULL)
		return ERR_INVALID;
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &t);
	if (end == NULL || *end != 0)
		return schema_expected(s, value, EXPECTED);
	*out = timegm(&t);
	return ERR_OK;
}

static enum err read_from(struct schema *s, const struct yaml_node *value, void *into)
{
	return read_time(s, value, &((struct policy_window *)into)->from);
}

static enum err read_until(struct schema *s, const struct yaml_node *value, void *into)
{
	return read_time(s, value, &((struct policy_window *)into)->until);
}

enum err steering_drain_read(struct schema *s, const struct yaml_node *list,
			     const struct policy_window **out, size_t *n)
{
	static const struct schema_row ROWS[] = {
		{ .key = "from", .kind = SCHEMA_CUSTOM, .custom = read_from },
		{ .key = "until", .kind = SCHEMA_CUSTOM, .custom = read_until },
		{ 0 },
	};
	enum err result = ERR_OK;

	if (list->kind != YAML_LIST || list->n > WINDOWS_MAX)
		return schema_expected(s, list, "a list of times ({from: .., until: ..})");
	struct policy_window *all = arena_alloc(s->arena, (list->n + 1) * sizeof *all);
	if (all == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < list->n; i++) {
		all[i] = (struct policy_window){ INT64_MIN + 1, INT64_MAX };
		enum err e = schema_read(s, list->item[i], ROWS, &all[i]);
		if (!e && all[i].from >= all[i].until)
			e = schema_expected(s, list->item[i], "a time that ends after it begins");
		result = e ? e : result;
	}
	*out = all;
	*n = list->n;
	return result;
}
