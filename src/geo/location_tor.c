// SPDX-License-Identifier: Apache-2.0
/* The range files of Debian's tor-geoipdb: "first,last,CC" a line, numbers in the IPv4 file,
 * addresses in the IPv6 file; "??" is unknown; "#" starts a comment. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "geo/location_internal.h"
#include "geo/partition.h"

#define LINE_LEN_MAX 200

struct tor_file {
	struct location_db *db;
	const char *path;
	struct diag *d;
	enum ip_family family;
	unsigned line;
	struct address next; /* the address after the last range */
	bool full;           /* the last range reached the end of the family */
	char generated[40];
};

static enum err finding(struct tor_file *t, enum err e, const char *why)
{
	struct diag_place at = { .file = t->path, .line = t->line };

	diag_add(t->d, DIAG_ERROR, &at, NULL, "%s", why);
	return e;
}

static bool read_number4(const char *text, struct address *out)
{
	uint64_t v = 0;

	if (*text == 0 || strlen(text) > 10)
		return false;
	for (; *text != 0; text++) {
		if (*text < '0' || *text > '9')
			return false;
		v = v * 10 + (uint64_t)(*text - '0');
	}
	*out = (struct address){ 0, v };
	return v <= UINT32_MAX;
}

static bool read_address(const struct tor_file *t, const char *text, struct address *out)
{
	struct ip_addr a = { .family = IP_V6 };

	if (t->family == IP_V4)
		return read_number4(text, out);
	if (inet_pton(AF_INET6, text, a.bytes) != 1)
		return false;
	*out = address_of(&a);
	return true;
}

static bool is_last(enum ip_family family, struct address a)
{
	return family == IP_V4 ? a.lo == UINT32_MAX : a.hi == UINT64_MAX && a.lo == UINT64_MAX;
}

static enum err add_range(struct tor_file *t, struct address first, struct address last,
			  const char *country)
{
	struct place p = place_unknown();
	uint32_t number = 0;

	if (strcmp(country, "??") != 0)
		memcpy(p.country, country, 2);
	enum err e = location_intern(t->db, &p, &number);
	/* What lies between two ranges is unknown. */
	if (!e && address_compare(t->next, first) < 0)
		e = location_add(t->db, t->family, t->next.hi, t->next.lo, 0);
	if (!e)
		e = location_add(t->db, t->family, first.hi, first.lo, number);
	t->full = is_last(t->family, last);
	t->next = (struct address){ last.hi + (last.lo == UINT64_MAX), last.lo + 1 };
	return e;
}

static enum err read_line(struct tor_file *t, char *line)
{
	struct address first, last;
	char *comma = strchr(line, ','), *second = comma != NULL ? strchr(comma + 1, ',') : NULL;

	if (second == NULL)
		return finding(t, ERR_SYNTAX, "expected first,last,country");
	*comma = *second = 0;
	const char *country = second + 1;
	bool known = strlen(country) == 2 &&
		     (strcmp(country, "??") == 0 ||
		      (isupper((unsigned char)country[0]) && isupper((unsigned char)country[1])));
	if (!read_address(t, line, &first) || !read_address(t, comma + 1, &last) || !known)
		return finding(t, ERR_SYNTAX, "expected first,last,country");
	if (address_compare(first, last) > 0)
		return finding(t, ERR_CORRUPT, "the range ends before it starts");
	if (t->full || address_compare(first, t->next) < 0)
		return finding(t, ERR_CORRUPT, "ranges overlap or are not in order");
	enum err e = add_range(t, first, last, country);
	return e ? finding(t, e, err_text(e)) : ERR_OK;
}

/* "# Generated: 25 Jun 2026" or the like, for status. */
static void note_comment(struct tor_file *t, const char *line)
{
	const char *at = strcasestr(line, "generated");

	if (at == NULL || t->generated[0] != 0)
		return;
	at += strcspn(at, "0123456789");
	snprintf(t->generated, sizeof t->generated, "%.30s", at);
}

static enum err read_lines(struct tor_file *t, FILE *f)
{
	char line[LINE_LEN_MAX];
	enum err e = ERR_OK;

	while (!e && fgets(line, sizeof line, f) != NULL) {
		size_t n = strcspn(line, "\r\n");
		t->line++;
		if (line[n] == 0 && !feof(f))
			return finding(t, ERR_SYNTAX, "line too long");
		line[n] = 0;
		if (line[0] == '#')
			note_comment(t, line);
		else if (line[0] != 0)
			e = read_line(t, line);
	}
	if (!e && ferror(f))
		e = finding(t, ERR_IO, "input/output error");
	if (!e && t->next.hi == 0 && t->next.lo == 0 && !t->full)
		e = finding(t, ERR_INVALID, "no ranges in the file");
	if (!e && !t->full)
		e = location_add(t->db, t->family, t->next.hi, t->next.lo, 0);
	return e;
}

static enum err read_file(struct tor_file *t)
{
	FILE *f = fopen(t->path, "re");

	if (f == NULL)
		return finding(t, ERR_IO, strerror(errno));
	enum err e = read_lines(t, f);
	fclose(f);
	return e;
}

enum err location_open_tor(struct location_db **out, const char *file, const char *file6,
			   struct diag *d)
{
	struct location_db *db = location_new();

	if (db == NULL)
		return ERR_NOMEM;
	struct tor_file t = { .db = db, .path = file, .d = d, .family = IP_V4 };
	enum err e = read_file(&t);
	if (!e && file6 != NULL) {
		struct tor_file t6 = { .db = db, .path = file6, .d = d, .family = IP_V6 };
		e = read_file(&t6);
	}
	if (!e)
		e = location_finish(db);
	if (e) {
		location_unref(db);
		return e;
	}
	snprintf(db->description, sizeof db->description, "%s%s, %zu+%zu ranges, %zu places",
		 t.generated[0] != 0 ? "ranges of " : "ranges", t.generated, db->v4.n, db->v6.n,
		 db->place_n);
	location_clean(db->description);
	*out = db;
	return ERR_OK;
}
