// SPDX-License-Identifier: Apache-2.0
/*
 * text.h -- a text that grows.
 *
 * Memory.    text_add() grows it; the owner frees `p`. Without memory it turns `bad` and stays as
 * it was, so that a whole report is checked once at its end.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *p; /* NUL-terminated; NULL while empty */
	size_t n, cap;
	bool bad;
};

__attribute__((format(printf, 2, 3))) void text_add(struct text *t, const char *format, ...);

/* A label's value for Prometheus' text format, with backslashes before what needs them; cut where
 * it does not fit. Returns out. */
const char *text_label(const char *text, char *out, size_t cap);

#endif
