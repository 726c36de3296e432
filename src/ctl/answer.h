// SPDX-License-Identifier: Apache-2.0
/*
 * answer.h -- values of the daemon's JSON, for printing: what is missing is empty, or 0.
 */
#ifndef CTL_ANSWER_H
#define CTL_ANSWER_H

#include <jansson.h>

static inline const char *text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s != NULL ? s : "";
}

static inline long long number(const json_t *j, const char *key)
{
	return (long long)json_integer_value(json_object_get(j, key));
}

#endif
