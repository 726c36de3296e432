// SPDX-License-Identifier: Apache-2.0
#include "control/zone_lines.h"

#include <stdbool.h>
#include <stdlib.h>

void zone_lines_start(struct zone_lines *z, FILE *from)
{
	*z = (struct zone_lines){ .from = from, .next_line = 1 };
}

void zone_lines_end(struct zone_lines *z)
{
	free(z->text);
	z->text = NULL;
}

static bool put(struct zone_lines *z, int c)
{
	if (z->n + 1 >= z->cap) {
		size_t cap = z->cap == 0 ? 512 : z->cap * 2;
		char *text = realloc(z->text, cap);
		if (text == NULL)
			return false;
		z->text = text;
		z->cap = cap;
	}
	z->text[z->n++] = (char)c;
	z->text[z->n] = 0;
	return true;
}

static int skip_comment(struct zone_lines *z)
{
	int c;

	do
		c = getc_unlocked(z->from);
	while (c != '\n' && c != EOF);
	return c;
}

/* An escaped octet or one inside quotes stands for itself. Returns the character to handle next. */
static bool put_verbatim(struct zone_lines *z, int c, bool *quoted)
{
	if (c == '\\') {
		int next = getc_unlocked(z->from);
		if (next == EOF)
			return put(z, c);
		if (next == '\n')
			z->next_line++;
		return put(z, c) && put(z, next);
	}
	if (c == '"')
		*quoted = !*quoted;
	if (c == '\n')
		z->next_line++;
	return put(z, c);
}

/* Reads one entry, to the newline outside of parentheses. *blank: nothing but blanks in it. */
static enum zone_lines_verdict read_entry(struct zone_lines *z, bool *blank)
{
	bool quoted = false;

	z->n = 0;
	z->depth = 0;
	z->line = z->next_line;
	*blank = true;
	for (;;) {
		int c = getc_unlocked(z->from);
		if (c == ';' && !quoted)
			c = skip_comment(z);
		if (c == EOF)
			return quoted || z->depth > 0 ? ZONE_LINES_UNBALANCED : ZONE_LINES_END;
		if (z->n > ZONE_ENTRY_MAX)
			return ZONE_LINES_TOO_LONG;
		bool ok;
		if (quoted || c == '"' || c == '\\') {
			*blank = false;
			ok = put_verbatim(z, c, &quoted);
		} else if (c == '\n') {
			z->next_line++;
			if (z->depth == 0)
				return ZONE_LINES_ENTRY;
			ok = put(z, ' ');
		} else if (c == '(' || c == ')') {
			z->depth += c == '(' ? 1 : -1;
			if (z->depth < 0)
				return ZONE_LINES_UNBALANCED;
			ok = put(z, ' ');
		} else {
			if (c == '\r' || c == 0)
				c = ' ';
			*blank = *blank && (c == ' ' || c == '\t');
			ok = put(z, c);
		}
		if (!ok)
			return ZONE_LINES_NOMEM;
	}
}

enum zone_lines_verdict zone_lines_next(struct zone_lines *z)
{
	bool blank;
	enum zone_lines_verdict v;

	do
		v = read_entry(z, &blank);
	while (v == ZONE_LINES_ENTRY && blank);
	/* The last line may lack its newline. */
	return v == ZONE_LINES_END && !blank ? ZONE_LINES_ENTRY : v;
}
