// SPDX-License-Identifier: Apache-2.0
#include "base/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SOURCE_MAX 200

static const char *severity_text(enum diag_severity severity)
{
	switch (severity) {
	case DIAG_ERROR:
		return "error";
	case DIAG_WARNING:
		return "warning";
	case DIAG_NOTICE:
		return "notice";
	}
	return "error";
}

/* The blanks under a source line up to the column; tabs stay tabs, so that the caret stands right.
 */
static void print_caret(FILE *f, const char *source, unsigned column)
{
	size_t n = strlen(source);

	for (size_t i = 0; i + 1 < column && i < n; i++)
		fputc(source[i] == '\t' ? '\t' : ' ', f);
	fputs("^\n", f);
}

static void print_place(FILE *f, const struct diag_place *at)
{
	if (at == NULL || at->file == NULL)
		return;
	fprintf(f, "%s:", at->file);
	if (at->line > 0)
		fprintf(f, "%u:", at->line);
	if (at->line > 0 && at->column > 0)
		fprintf(f, "%u:", at->column);
	fputc(' ', f);
}

/* What was printed, without its last newline; NULL without memory. */
static char *finish(FILE *f, char **out, const size_t *n)
{
	if (fclose(f) != 0) {
		free(*out);
		return NULL;
	}
	if (*n > 0 && (*out)[*n - 1] == '\n')
		(*out)[*n - 1] = 0;
	return *out;
}

static char *compose(enum diag_severity severity, const struct diag_place *at, const char *hint,
		     const char *text)
{
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);

	if (f == NULL)
		return NULL;
	print_place(f, at);
	fprintf(f, "%s: %s\n", severity_text(severity), text);
	if (at != NULL && at->source != NULL && at->line > 0) {
		fprintf(f, "%s\n", at->source);
		if (at->column > 0)
			print_caret(f, at->source, at->column);
	}
	if (hint != NULL)
		fprintf(f, "hint: %s\n", hint);
	return finish(f, &out, &n);
}

static char *compose_line(const struct diag_place *at, const char *hint, const char *text)
{
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);

	if (f == NULL)
		return NULL;
	print_place(f, at);
	fputs(text, f);
	if (hint != NULL)
		fprintf(f, " (%s)", hint);
	return finish(f, &out, &n);
}

static void keep(struct diag *d, struct diag_finding finding)
{
	if (d->findings == NULL)
		d->findings = calloc(DIAG_MAX, sizeof *d->findings);
	if (d->findings == NULL || finding.text == NULL || finding.line == NULL) {
		free(finding.text);
		free(finding.line);
		return;
	}
	d->findings[d->n++] = finding;
}

void diag_add(struct diag *d, enum diag_severity severity, const struct diag_place *at,
	      const char *hint, const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	if (severity == DIAG_ERROR)
		d->error_n++;
	else if (severity == DIAG_WARNING)
		d->warning_n++;
	if (d->n == DIAG_MAX)
		return;
	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text != NULL)
		keep(d, (struct diag_finding){ severity, compose(severity, at, hint, text),
					       compose_line(at, hint, text) });
	free(text);
}

char *diag_line_of(const char *text, unsigned line)
{
	if (text == NULL || line == 0)
		return NULL;
	for (; line > 1 && *text != 0; line--) {
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	size_t n = strcspn(text, "\r\n");
	return strndup(text, n < SOURCE_MAX ? n : SOURCE_MAX);
}

void diag_print(const struct diag *d, FILE *to)
{
	size_t kept_errors = 0;

	for (size_t i = 0; i < d->n; i++) {
		kept_errors += d->findings[i].severity == DIAG_ERROR;
		fprintf(to, "%s\n", d->findings[i].text);
	}
	if (d->error_n > kept_errors)
		fprintf(to, "error: %zu more errors are not shown\n", d->error_n - kept_errors);
}

void diag_free(struct diag *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->findings[i].text);
		free(d->findings[i].line);
	}
	free(d->findings);
	*d = (struct diag){ 0 };
}

#define NEAREST_LEN_MAX 63

/* Levenshtein distance without regard to case, in one row. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NEAREST_LEN_MAX + 2];
	size_t an = strlen(a), bn = strlen(b);

	for (size_t j = 0; j <= bn; j++)
		row[j] = j;
	for (size_t i = 1; i <= an; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= bn; j++) {
			size_t above = row[j];
			size_t best = diagonal + (strncasecmp(&a[i - 1], &b[j - 1], 1) != 0);
			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diagonal = above;
		}
	}
	return row[bn];
}

const char *diag_nearest(const char *given, const char *const *names, size_t n)
{
	const char *best = NULL;
	size_t given_len = strlen(given);
	/* A third of the letters may be wrong; more is another word. */
	size_t best_distance = given_len / 3 + 2;

	if (given_len == 0 || given_len > NEAREST_LEN_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (strlen(names[i]) > NEAREST_LEN_MAX)
			continue;
		size_t d = distance(given, names[i]);
		if (d < best_distance && d < given_len) {
			best_distance = d;
			best = names[i];
		}
	}
	return best;
}

void diag_move(struct diag *to, struct diag *from)
{
	size_t moved = 0;

	for (; moved < from->n && to->n < DIAG_MAX; moved++)
		keep(to, from->findings[moved]);
	to->error_n += from->error_n;
	to->warning_n += from->warning_n;
	for (size_t i = 0; i + moved < from->n; i++)
		from->findings[i] = from->findings[i + moved];
	from->n -= moved;
	diag_free(from);
}
