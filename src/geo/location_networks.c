// SPDX-License-Identifier: Apache-2.0
/* Lists of named networks: "prefix name [code]" a line. Nested prefixes are cut into ranges, the
 * most specific first. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geo/address.h"
#include "geo/codes.h"
#include "geo/embedding.h"
#include "geo/location_internal.h"

#define LINE_LEN_MAX 400
#define NAME_LEN_MAX 63
#define LINES_MAX    1000000u

struct network {
	struct ip_prefix prefix;
	uint32_t place;
	unsigned line;
};

struct list {
	struct location_db *db;
	const char *path;
	struct diag *d;
	unsigned line;
	struct network *at;
	size_t n, cap;
};

static enum err finding(const struct list *l, unsigned line, enum err e, const char *hint,
			const char *why)
{
	struct diag_place at = { .file = l->path, .line = line };

	diag_add(l->d, DIAG_ERROR, &at, hint, "%s", why);
	return e;
}

static bool is_name(const char *text)
{
	static const char ALLOWED[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t n = strlen(text);

	return n > 0 && n <= NAME_LEN_MAX && strspn(text, ALLOWED) == n;
}

/* EU, EU-DE, EU-DE-BE into a place. */
static enum err read_code(const struct list *l, const char *code, struct place *p)
{
	char hint[GEO_HINT_MAX], meant[40];

	if (!geo_code_is_valid(code, hint)) {
		snprintf(meant, sizeof meant, "did you mean '%s'?", hint);
		return finding(l, l->line, ERR_SYNTAX, hint[0] != 0 ? meant : NULL,
			       "unknown geo code");
	}
	memcpy(p->continent, code, 2);
	if (code[2] != 0)
		memcpy(p->country, code + 3, 2);
	if (code[2] != 0 && code[5] != 0)
		memcpy(p->subdivision, code + 6, strlen(code + 6));
	return ERR_OK;
}

static enum err keep(struct list *l, const struct ip_prefix *prefix, const struct place *p)
{
	uint32_t number;
	enum err e = location_intern(l->db, p, &number);

	if (e)
		return e;
	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? 64 : l->cap * 2;
		struct network *more = realloc(l->at, cap * sizeof *more);
		if (more == NULL)
			return ERR_NOMEM;
		l->at = more;
		l->cap = cap;
	}
	l->at[l->n++] = (struct network){ *prefix, number, l->line };
	return ERR_OK;
}

static enum err read_words(struct list *l, char *const words[4], size_t n)
{
	struct place p = place_unknown();
	struct ip_prefix prefix;
	bool stray = false;

	if (n < 2 || n > 3)
		return finding(l, l->line, ERR_SYNTAX, NULL, "expected: prefix name [code]");
	if (!ip_prefix_from_text(words[0], &prefix, &stray))
		return finding(l, l->line, ERR_SYNTAX, NULL, "expected a prefix (192.0.2.0/24)");
	if (stray)
		return finding(l, l->line, ERR_SYNTAX, NULL,
			       "bits are set past the prefix's length");
	const struct embedding *form =
	    prefix.addr.family == IP_V6 ? embedding_of(address_of(&prefix.addr)) : NULL;
	if (form != NULL && prefix.len >= form->len)
		return finding(l, l->line, ERR_SYNTAX, "write it as an IPv4 prefix",
			       "such addresses are located as the IPv4 address that they carry");
	if (!is_name(words[1]))
		return finding(l, l->line, ERR_SYNTAX, NULL,
			       "a name has letters, digits, '-', '_' and '.', at most 63");
	enum err e = n == 3 ? read_code(l, words[2], &p) : ERR_OK;
	if (!e && strcmp(words[1], "-") != 0)
		e = location_add_network(l->db, words[1], &p.network);
	return e ? e : keep(l, &prefix, &p);
}

static enum err read_line(struct list *l, char *line)
{
	char *words[4], *rest = NULL;
	size_t n = 0;

	line[strcspn(line, "#\r\n")] = 0;
	for (char *w = strtok_r(line, " \t", &rest); w != NULL; w = strtok_r(NULL, " \t", &rest)) {
		if (n == 4)
			break;
		words[n++] = w;
	}
	if (n == 0)
		return ERR_OK;
	if (l->n == LINES_MAX)
		return ERR_TOO_LONG;
	return read_words(l, words, n);
}

static enum err read_lines(struct list *l, FILE *f)
{
	char line[LINE_LEN_MAX];
	enum err result = ERR_OK;

	while (fgets(line, sizeof line, f) != NULL) {
		l->line++;
		if (strchr(line, '\n') == NULL && !feof(f))
			return finding(l, l->line, ERR_SYNTAX, NULL, "line too long");
		enum err e = read_line(l, line);
		if (e == ERR_NOMEM || e == ERR_TOO_LONG)
			return finding(l, l->line, e, NULL, err_text(e));
		result = e ? e : result;
	}
	if (ferror(f))
		return finding(l, l->line, ERR_IO, NULL, "input/output error");
	return result;
}

/* ---- from nested prefixes to ranges ---- */

static int by_prefix(const void *a, const void *b)
{
	const struct network *x = a, *y = b;
	const struct ip_prefix *p = &x->prefix, *q = &y->prefix;

	if (p->addr.family != q->addr.family)
		return p->addr.family - q->addr.family;
	int c = memcmp(p->addr.bytes, q->addr.bytes, sizeof p->addr.bytes);
	if (c == 0)
		c = p->len - q->len;
	return c != 0 ? c : (x->line > y->line) - (x->line < y->line);
}

static enum err check_twice(const struct list *l)
{
	enum err result = ERR_OK;
	char hint[60];

	for (size_t i = 1; i < l->n; i++) {
		const struct ip_prefix *a = &l->at[i - 1].prefix, *b = &l->at[i].prefix;
		if (a->len != b->len || !ip_equal(&a->addr, &b->addr))
			continue;
		snprintf(hint, sizeof hint, "it stands first in line %u", l->at[i - 1].line);
		result = finding(l, l->at[i].line, ERR_SYNTAX, hint, "the prefix is given twice");
	}
	return result;
}

/* Prefixes around the present address, the outermost first. */
struct nest {
	const struct network *open[130];
	size_t n;
	struct address at; /* up to here ranges are added */
	bool full;         /* the family has ended */
	enum ip_family family;
	struct location_db *db;
};

static enum err fill_to(struct nest *s, struct address to)
{
	uint32_t place = s->n > 0 ? s->open[s->n - 1]->place : 0;

	if (address_compare(s->at, to) >= 0)
		return ERR_OK;
	enum err e = location_add(s->db, s->family, s->at.hi, s->at.lo, place);
	s->at = to;
	return e;
}

/* Closes what ends before `next` (NULL: everything). */
static enum err close_before(struct nest *s, const struct network *next)
{
	while (s->n > 0) {
		const struct network *top = s->open[s->n - 1];
		struct address end;
		if (next != NULL && ip_prefix_contains(&top->prefix, &next->prefix.addr))
			break;
		bool more = address_after(&top->prefix, &end);
		enum err e = ERR_OK;
		if (more)
			e = fill_to(s, end);
		else if (!s->full)
			e = location_add(s->db, s->family, s->at.hi, s->at.lo, top->place);
		s->full = s->full || !more;
		if (e)
			return e;
		s->n--;
	}
	return ERR_OK;
}

static enum err add_ranges(const struct list *l, enum ip_family family)
{
	struct nest s = { .family = family, .db = l->db };
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < l->n; i++) {
		if (l->at[i].prefix.addr.family != family)
			continue;
		e = close_before(&s, &l->at[i]);
		if (!e)
			e = fill_to(&s, address_of(&l->at[i].prefix.addr));
		s.open[s.n++] = &l->at[i];
	}
	if (!e)
		e = close_before(&s, NULL);
	if (!e && !s.full)
		e = location_add(l->db, family, s.at.hi, s.at.lo, 0);
	return e;
}

static enum err make_ranges(struct list *l)
{
	if (l->n > 1)
		qsort(l->at, l->n, sizeof *l->at, by_prefix);
	enum err e = check_twice(l);
	if (!e)
		e = add_ranges(l, IP_V4);
	if (!e)
		e = add_ranges(l, IP_V6);
	return e ? e : location_finish(l->db);
}

enum err location_open_networks(struct location_db **out, const char *file, struct diag *d)
{
	struct list l = { .db = location_new(), .path = file, .d = d };
	FILE *f = fopen(file, "re");
	enum err e = l.db != NULL ? ERR_OK : ERR_NOMEM;

	if (!e)
		e = f != NULL ? read_lines(&l, f) : finding(&l, 0, ERR_IO, NULL, strerror(errno));
	if (!e)
		e = make_ranges(&l);
	if (f != NULL)
		fclose(f);
	if (!e)
		snprintf(l.db->description, sizeof l.db->description, "%zu networks, %zu names",
			 l.n, location_network_n(l.db));
	free(l.at);
	if (e)
		location_unref(l.db);
	else
		*out = l.db;
	return e;
}
