// SPDX-License-Identifier: Apache-2.0
#include "control/zone_file.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "control/schema.h"
#include "control/zone_lines.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/rrtype.h"

/* A TTL that no file can state (above 2^31 - 1, RFC 2181 §8): the parser gives it back where the
 * record has none. */
#define TTL_NOT_STATED 0xfffffff1u
#define TTL_MAX        0x7fffffffu

struct source {
	struct zone_builder *builder; /* NULL: `each` gets them */
	enum err (*each)(const struct zone_record *r, void *context);
	void *context;
	struct diag *diag;
	const uint8_t *apex;
	const char *root_dir; /* $INCLUDE stays below it */
	bool signed_by_us;
	bool told_denial, told_keys;
	bool has_ttl, has_last_ttl;
	uint32_t ttl, last_ttl; /* $TTL; the last one stated (RFC 1035 §5.1) */
	unsigned depth;
	uint8_t rdata[RDATA_MAX];
};

/* One file of the source, while it is read. */
struct zone_text {
	struct source *s;
	const char *path;
	uint16_t file;
	struct zone_lines lines;
	ldns_rdf *origin, *previous;
	char origin_text[NAME_TEXT_MAX];
};

static enum err read_file(struct source *s, const char *path, const char *origin);

static void finding(struct zone_text *t, enum diag_severity severity, const char *hint,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));

static void finding(struct zone_text *t, enum diag_severity severity, const char *hint,
		    const char *format, ...)
{
	char text[300], shown[120];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	snprintf(shown, sizeof shown, "%s", t->lines.n > 0 ? t->lines.text : "");
	struct diag_place at = { t->path, t->lines.line, 0, shown[0] != 0 ? shown : NULL };
	diag_add(t->s->diag, severity, &at, hint, "%s", text);
}

/* Takes the next word of *at, cut out in place; NULL at the end. Quotes are left alone. */
static char *next_word(char **at)
{
	char *start = *at + strspn(*at, " \t");
	size_t n = strcspn(start, " \t");

	if (n == 0)
		return NULL;
	*at = start + n;
	if (**at != 0)
		*(*at)++ = 0;
	return start;
}

static bool set_origin(struct zone_text *t, const char *text)
{
	struct name name, current;
	char absolute[NAME_TEXT_MAX];

	if (t->origin_text[0] == 0) {
		if (name_from_text(text, NULL, &name))
			return false;
	} else if (name_from_text(t->origin_text, NULL, &current) ||
		   name_from_text(text, current.wire, &name)) {
		return false;
	}
	name_to_text(name.wire, absolute);
	ldns_rdf *origin = ldns_dname_new_frm_str(absolute);
	if (origin == NULL)
		return false;
	ldns_rdf_deep_free(t->origin);
	t->origin = origin;
	memcpy(t->origin_text, absolute, sizeof absolute);
	return true;
}

static enum err directive_origin(struct zone_text *t, char *rest)
{
	char *word = next_word(&rest);

	if (word == NULL || !set_origin(t, word))
		finding(t, DIAG_ERROR, NULL, "$ORIGIN needs a domain name");
	return ERR_OK;
}

static enum err directive_ttl(struct zone_text *t, char *rest)
{
	char *word = next_word(&rest);
	const char *end = NULL;
	uint32_t ttl = word != NULL ? ldns_str2period(word, &end) : 0;

	if (word == NULL || end == word || *end != 0 || ttl > TTL_MAX) {
		finding(t, DIAG_ERROR, NULL, "$TTL needs a number of seconds (or 1h, 2d)");
		return ERR_OK;
	}
	t->s->ttl = ttl;
	t->s->has_ttl = true;
	return ERR_OK;
}

/* The real path of an included file, below the zone's own directory; NULL after a finding. The
 * caller frees it. */
static char *included_path(struct zone_text *t, const char *word)
{
	char joined[PATH_MAX];
	size_t root_len = strlen(t->s->root_dir);

	if (word[0] == '/')
		snprintf(joined, sizeof joined, "%s", word);
	else
		snprintf(joined, sizeof joined, "%s/%s", t->s->root_dir, word);
	char *real = realpath(joined, NULL);
	if (real == NULL) {
		finding(t, DIAG_ERROR, NULL, "$INCLUDE %s: %s", word, strerror(errno));
		return NULL;
	}
	if (strncmp(real, t->s->root_dir, root_len) != 0 || real[root_len] != '/') {
		finding(t, DIAG_ERROR, "only files below the zone file's directory are included",
			"$INCLUDE %s leads out of %s", word, t->s->root_dir);
		free(real);
		return NULL;
	}
	return real;
}

static enum err directive_include(struct zone_text *t, char *rest)
{
	char *word = next_word(&rest), *origin = next_word(&rest);
	char origin_text[NAME_TEXT_MAX];

	if (word == NULL) {
		finding(t, DIAG_ERROR, NULL, "$INCLUDE needs a file name");
		return ERR_OK;
	}
	if (t->s->depth >= ZONE_INCLUDE_MAX) {
		finding(t, DIAG_ERROR, NULL, "$INCLUDE is nested deeper than %d", ZONE_INCLUDE_MAX);
		return ERR_OK;
	}
	memcpy(origin_text, t->origin_text, sizeof origin_text);
	if (origin != NULL) {
		struct name current, name;
		if (name_from_text(t->origin_text, NULL, &current) ||
		    name_from_text(origin, current.wire, &name)) {
			finding(t, DIAG_ERROR, NULL, "'%s' is not a domain name", origin);
			return ERR_OK;
		}
		name_to_text(name.wire, origin_text);
	}
	char *path = included_path(t, word);
	if (path == NULL)
		return ERR_OK;
	t->s->depth++;
	enum err e = read_file(t->s, path, origin_text);
	t->s->depth--;
	free(path);
	return e;
}

static enum err directive_generate(struct zone_text *t, char *rest)
{
	(void)rest;
	finding(t, DIAG_ERROR, "write the records out",
		"$GENERATE is not part of the zone file format and is not supported");
	return ERR_OK;
}

static enum err handle_directive(struct zone_text *t)
{
	static const struct {
		const char *name;
		enum err (*handle)(struct zone_text *t, char *rest);
	} DIRECTIVES[] = {
		{ "$ORIGIN", directive_origin },     /* RFC 1035 §5.1 */
		{ "$INCLUDE", directive_include },   /* RFC 1035 §5.1 */
		{ "$TTL", directive_ttl },           /* RFC 2308 §4 */
		{ "$GENERATE", directive_generate }, /* BIND's own */
	};
	char *copy = strdup(t->lines.text), *rest = copy;

	if (copy == NULL)
		return ERR_NOMEM;
	char *word = next_word(&rest);
	enum err e = ERR_OK;
	size_t i, n = sizeof DIRECTIVES / sizeof *DIRECTIVES;
	for (i = 0; i < n; i++)
		if (strcasecmp(word, DIRECTIVES[i].name) == 0)
			break;
	if (i < n)
		e = DIRECTIVES[i].handle(t, rest);
	else
		finding(t, DIAG_ERROR, NULL, "unknown directive '%.40s'", word);
	free(copy);
	return e;
}

/* Records that our own signing makes, or that the key store keeps, do not come from the file. */
static bool is_left_out(struct zone_text *t, uint16_t type)
{
	struct source *s = t->s;
	const struct rr_type_info *info = rr_type_info(type);
	bool denial = info != NULL && (info->flags & RR_DENIAL);
	bool key =
	    type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY || type == TYPE_CSYNC;

	if (!s->signed_by_us || (!denial && !key))
		return false;
	if (denial && !s->told_denial)
		finding(t, DIAG_NOTICE, NULL,
			"signatures and denial records of the file are left out: the zone is "
			"signed online");
	if (key && !s->told_keys)
		finding(t, DIAG_WARNING, "add a peer's key with `concordctl key import`",
			"key records of the file are left out: the merged key set is kept in the "
			"store");
	s->told_denial = s->told_denial || denial;
	s->told_keys = s->told_keys || key;
	return true;
}

/* RFC 1035 §5.1 and RFC 2308 §4: $TTL, else the last TTL stated. */
static bool settle_ttl(struct zone_text *t, uint32_t *ttl)
{
	struct source *s = t->s;

	if (*ttl != TTL_NOT_STATED) {
		s->last_ttl = *ttl;
		s->has_last_ttl = true;
	} else if (s->has_ttl) {
		*ttl = s->ttl;
	} else if (s->has_last_ttl) {
		*ttl = s->last_ttl;
	} else {
		finding(t, DIAG_ERROR, "put a line such as `$TTL 3600` at the top",
			"no TTL is given, and none before");
		return false;
	}
	if (*ttl > TTL_MAX) {
		finding(t, DIAG_ERROR, NULL, "TTL above 2147483647 (RFC 2181 section 8)");
		return false;
	}
	return true;
}

static enum err add(struct zone_text *t, const uint8_t *owner, uint16_t type, uint32_t ttl,
		    struct span rdata)
{
	if (is_left_out(t, type) || !settle_ttl(t, &ttl))
		return ERR_OK;
	struct zone_record r = { owner, type, ttl, rdata, t->file, t->lines.line };
	if (t->s->builder == NULL)
		return t->s->each(&r, t->s->context);
	return zone_build_add(t->s->builder, &r, t->s->diag);
}

static enum err add_parsed(struct zone_text *t, const ldns_rr *rr)
{
	size_t n = 0;

	if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN) {
		finding(t, DIAG_ERROR, NULL, "only class IN is served");
		return ERR_OK;
	}
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *f = ldns_rr_rdf(rr, i);
		if (n + ldns_rdf_size(f) > sizeof t->s->rdata) {
			finding(t, DIAG_ERROR, NULL, "RDATA longer than 65535 octets");
			return ERR_OK;
		}
		memcpy(t->s->rdata + n, ldns_rdf_data(f), ldns_rdf_size(f));
		n += ldns_rdf_size(f);
	}
	return add(t, ldns_rdf_data(ldns_rr_owner(rr)), (uint16_t)ldns_rr_get_type(rr),
		   ldns_rr_ttl(rr), (struct span){ t->s->rdata, n });
}

/* Takes "[TTL] [class] TYPE" or "[class] [TTL] TYPE" off *rest. */
static bool own_type(char **rest, uint32_t *ttl, uint16_t *type)
{
	for (int i = 0; i < 3; i++) {
		const char *end = NULL;
		char *word = next_word(rest);
		if (word == NULL)
			return false;
		if (rr_type_from_text(word, type))
			return true;
		if (strcasecmp(word, "IN") == 0)
			continue;
		*ttl = ldns_str2period(word, &end);
		if (end == word || *end != 0)
			return false;
	}
	return false;
}

/* A record whose type the library does not know by name: ours to read (dns/rdata.h). *known is
 * false where it is not one of ours either. */
static enum err add_own(struct zone_text *t, bool *known)
{
	struct name owner, origin;
	uint16_t type = 0;
	uint32_t ttl = TTL_NOT_STATED;
	size_t len = 0;
	enum err e = ERR_OK;
	char *copy = strdup(t->lines.text), *rest = copy;

	*known = false;
	if (copy == NULL)
		return ERR_NOMEM;
	bool same_owner = copy[0] == ' ' || copy[0] == '\t';
	const char *word = same_owner ? NULL : next_word(&rest);
	if (!own_type(&rest, &ttl, &type) || name_from_text(t->origin_text, NULL, &origin))
		goto done;
	e = rdata_from_own_text(type, rest, origin.wire, t->s->rdata, sizeof t->s->rdata, &len);
	if (e) {
		*known = e != ERR_UNSUPPORTED && rr_type_info(type) != NULL &&
			 ldns_get_rr_type_by_name(rr_type_info(type)->mnemonic) == 0;
		if (*known)
			finding(t, DIAG_ERROR, NULL, "RDATA does not follow the type's grammar");
		e = ERR_OK;
		goto done;
	}
	if (same_owner ? t->previous == NULL : name_from_text(word, origin.wire, &owner) != ERR_OK)
		goto done;
	if (same_owner)
		name_from_wire(&owner, ldns_rdf_data(t->previous));
	*known = true;
	ldns_rdf *owner_rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, owner.len, owner.wire);
	if (owner_rdf == NULL) {
		e = ERR_NOMEM;
		goto done;
	}
	ldns_rdf_deep_free(t->previous);
	t->previous = owner_rdf;
	e = add(t, owner.wire, type, ttl, (struct span){ t->s->rdata, len });
done:
	free(copy);
	return e;
}

static enum err handle_record(struct zone_text *t)
{
	ldns_rr *rr = NULL;
	bool known = false;

	if (t->previous == NULL && (t->lines.text[0] == ' ' || t->lines.text[0] == '\t')) {
		finding(t, DIAG_ERROR, NULL, "the first record has no owner name");
		return ERR_OK;
	}
	/* RFC 3597 §5, of any type: the library cuts those that it knows to their usual shape. */
	if (strstr(t->lines.text, "\\#") != NULL) {
		enum err own = add_own(t, &known);
		if (own || known)
			return own;
	}
	ldns_status st =
	    ldns_rr_new_frm_str(&rr, t->lines.text, TTL_NOT_STATED, t->origin, &t->previous);
	if (st == LDNS_STATUS_OK) {
		enum err e = add_parsed(t, rr);
		ldns_rr_free(rr);
		return e;
	}
	if (st == LDNS_STATUS_MEM_ERR)
		return ERR_NOMEM;
	enum err e = add_own(t, &known);
	if (!e && !known)
		finding(t, DIAG_ERROR, NULL, "%s", ldns_get_errorstr_by_id(st));
	return e;
}

static enum err read_lines(struct zone_text *t)
{
	for (;;) {
		enum err e = ERR_OK;
		switch (zone_lines_next(&t->lines)) {
		case ZONE_LINES_ENTRY:
			e = t->lines.text[0] == '$' ? handle_directive(t) : handle_record(t);
			break;
		case ZONE_LINES_END:
			return ERR_OK;
		case ZONE_LINES_TOO_LONG:
			t->lines.n = 0;
			finding(t, DIAG_ERROR, NULL, "an entry of more than %u octets",
				ZONE_ENTRY_MAX);
			return ERR_OK;
		case ZONE_LINES_UNBALANCED:
			t->lines.n = 0;
			finding(t, DIAG_ERROR, NULL, "a parenthesis or quote is not closed");
			return ERR_OK;
		case ZONE_LINES_NOMEM:
			return ERR_NOMEM;
		}
		if (e)
			return e;
	}
}

static enum err cannot_read(struct source *s, const char *path, const char *why)
{
	struct diag_place at = { .file = path };

	diag_add(s->diag, DIAG_ERROR, &at, NULL, "%s", why);
	return ERR_IO;
}

static enum err read_file(struct source *s, const char *path, const char *origin)
{
	struct stat st;
	struct zone_text t = { .s = s, .path = path };
	enum err e = ERR_NOMEM;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return cannot_read(s, path, strerror(errno));
	zone_lines_start(&t.lines, f);
	if (fstat(fileno(f), &st) < 0 || !S_ISREG(st.st_mode)) {
		e = cannot_read(s, path, "not a regular file");
		goto done;
	}
	t.file = s->builder != NULL ? zone_build_file(s->builder, path) : 0;
	if (set_origin(&t, origin))
		e = read_lines(&t);
	if (!e && ferror(f))
		e = cannot_read(s, path, "input/output error");
done:
	zone_lines_end(&t.lines);
	ldns_rdf_deep_free(t.origin);
	ldns_rdf_deep_free(t.previous);
	fclose(f);
	return e;
}

/* Takes s. */
static enum err read_source(struct source *s, const char *path, const uint8_t *apex)
{
	char origin[NAME_TEXT_MAX], root_dir[PATH_MAX];
	struct diag *d = s->diag;
	size_t errors = d->error_n;
	enum err e = ERR_OK;

	if (realpath(path, root_dir) == NULL)
		e = cannot_read(s, path, strerror(errno));
	if (!e) {
		*strrchr(root_dir, '/') = 0;
		s->root_dir = root_dir;
		e = read_file(s, path, name_to_text(apex, origin));
	}
	free(s);
	return !e && d->error_n > errors ? ERR_INVALID : e;
}

enum err zone_file_read(struct zone_builder *b, const char *path, const uint8_t *apex,
			bool signed_by_us, struct diag *d)
{
	struct source *s = calloc(1, sizeof *s);

	if (s == NULL)
		return ERR_NOMEM;
	*s = (struct source){ .builder = b, .diag = d, .apex = apex, .signed_by_us = signed_by_us };
	return read_source(s, path, apex);
}

enum err zone_file_each(const char *path, const uint8_t *apex,
			enum err (*each)(const struct zone_record *r, void *context), void *context,
			struct diag *d)
{
	struct source *s = calloc(1, sizeof *s);

	if (s == NULL)
		return ERR_NOMEM;
	*s = (struct source){ .each = each, .context = context, .diag = d, .apex = apex };
	return read_source(s, path, apex);
}
