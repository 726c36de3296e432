// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void text_add(struct text *t, const char *format, ...)
{
	va_list ap, again;

	va_start(ap, format);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (n >= 0 && !t->bad && t->n + (size_t)n + 1 > t->cap) {
		size_t cap = 2 * (t->n + (size_t)n + 512);
		char *more = realloc(t->p, cap);
		if (more == NULL)
			t->bad = true;
		else
			t->p = more, t->cap = cap;
	}
	if (n >= 0 && !t->bad) {
		vsnprintf(t->p + t->n, t->cap - t->n, format, again);
		t->n += (size_t)n;
	}
	va_end(again);
}

const char *text_label(const char *text, char *out, size_t cap)
{
	size_t n = 0;

	for (; *text != 0 && n + 3 < cap; text++) {
		if (*text == '\\' || *text == '"')
			out[n++] = '\\';
		out[n++] = *text;
	}
	out[n] = 0;
	return out;
}
