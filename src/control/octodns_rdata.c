// SPDX-License-Identifier: Apache-2.0
#include "control/octodns_rdata.h"

#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/octodns_svcb.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/rrtype.h"

enum field_kind { U8, U16, U32, NAME, HEX, BASE64, WORD, STRING, METRES, DEGREES, SECONDS, PARAMS };

struct field {
	const char *key, *also; /* `also`: an older spelling */
	enum field_kind kind;
	const char *fallback; /* in presentation form; NULL: the field must be there */
};

#define FIELDS_MAX 13

/* A type whose first field has no key is written as a scalar. */
static const struct type {
	uint16_t type;
	struct field fields[FIELDS_MAX];
} TYPES[] = {
	{ TYPE_A, { { .kind = WORD } } },
	{ TYPE_AAAA, { { .kind = WORD } } },
	{ TYPE_NS, { { .kind = NAME } } },
	{ TYPE_CNAME, { { .kind = NAME } } },
	{ TYPE_DNAME, { { .kind = NAME } } },
	{ TYPE_PTR, { { .kind = NAME } } },
	{ TYPE_TXT, { { .kind = STRING } } },
	{ TYPE_SPF, { { .kind = STRING } } },
	{ TYPE_OPENPGPKEY, { { .kind = BASE64 } } },
	{ TYPE_MX,
	  { { "preference", "priority", U16, NULL }, { "exchange", "value", NAME, NULL } } },
	{ TYPE_SRV,
	  { { "priority", NULL, U16, NULL },
	    { "weight", NULL, U16, NULL },
	    { "port", NULL, U16, NULL },
	    { "target", NULL, NAME, NULL } } },
	{ TYPE_CAA,
	  { { "flags", NULL, U8, "0" },
	    { "tag", NULL, WORD, NULL },
	    { "value", NULL, STRING, NULL } } },
	{ TYPE_NAPTR,
	  { { "order", NULL, U16, NULL },
	    { "preference", NULL, U16, NULL },
	    { "flags", NULL, STRING, "\"\"" },
	    { "service", NULL, STRING, "\"\"" },
	    { "regexp", NULL, STRING, "\"\"" },
	    { "replacement", NULL, NAME, NULL } } },
	{ TYPE_SSHFP,
	  { { "algorithm", NULL, U8, NULL },
	    { "fingerprint_type", NULL, U8, NULL },
	    { "fingerprint", NULL, HEX, NULL } } },
	{ TYPE_TLSA,
	  { { "certificate_usage", NULL, U8, NULL },
	    { "selector", NULL, U8, NULL },
	    { "matching_type", NULL, U8, NULL },
	    { "certificate_association_data", NULL, HEX, NULL } } },
	{ TYPE_DS,
	  { { "key_tag", NULL, U16, NULL },
	    { "algorithm", NULL, U8, NULL },
	    { "digest_type", NULL, U8, NULL },
	    { "digest", NULL, HEX, NULL } } },
	{ TYPE_URI,
	  { { "priority", NULL, U16, NULL },
	    { "weight", NULL, U16, NULL },
	    { "target", NULL, STRING, NULL } } },
	{ TYPE_SOA,
	  { { "mname", NULL, NAME, NULL },
	    { "rname", NULL, NAME, NULL },
	    { "serial", NULL, U32, NULL },
	    { "refresh", NULL, U32, NULL },
	    { "retry", NULL, U32, NULL },
	    { "expire", NULL, U32, NULL },
	    { "minimum", NULL, U32, NULL } } },
	{ TYPE_LOC,
	  { { "lat_degrees", NULL, DEGREES, NULL },
	    { "lat_minutes", NULL, U8, "0" },
	    { "lat_seconds", NULL, SECONDS, "0" },
	    { "lat_direction", NULL, WORD, NULL },
	    { "long_degrees", NULL, DEGREES, NULL },
	    { "long_minutes", NULL, U8, "0" },
	    { "long_seconds", NULL, SECONDS, "0" },
	    { "long_direction", NULL, WORD, NULL },
	    { "altitude", NULL, METRES, NULL },
	    { "size", NULL, METRES, "1m" },
	    { "precision_horz", NULL, METRES, "10000m" },
	    { "precision_vert", NULL, METRES, "10m" } } },
	{ TYPE_SVCB,
	  { { "svcpriority", NULL, U16, NULL },
	    { "targetname", NULL, NAME, NULL },
	    { "svcparams", NULL, PARAMS, "" } } },
	{ TYPE_HTTPS,
	  { { "svcpriority", NULL, U16, NULL },
	    { "targetname", NULL, NAME, NULL },
	    { "svcparams", NULL, PARAMS, "" } } },
};

static const struct type *type_of(uint16_t type)
{
	for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
		if (TYPES[i].type == type)
			return &TYPES[i];
	return NULL;
}

bool octodns_knows(uint16_t type)
{
	return type_of(type) != NULL;
}

/* ---- fields into presentation form ---- */

static enum err put_number(struct schema *s, const struct yaml_node *at, uint32_t max, FILE *out)
{
	uint32_t n;
	char expected[40];

	snprintf(expected, sizeof expected, "a number up to %u", max);
	const char *text = schema_text(s, at, expected);
	if (text == NULL)
		return ERR_INVALID;
	if (!schema_u32(text, &n) || n > max)
		return schema_expected(s, at, expected);
	fprintf(out, " %u", n);
	return ERR_OK;
}

static enum err put_name(struct schema *s, const struct yaml_node *at, FILE *out)
{
	static const char EXPECTED[] = "an absolute name, with its final dot";
	const char *text = schema_text(s, at, EXPECTED);
	struct name name;
	char absolute[NAME_TEXT_MAX];

	if (text == NULL)
		return ERR_INVALID;
	/* One without its dot would silently grow the zone's. */
	if (text[strlen(text) - 1] != '.' || name_from_text(text, NULL, &name))
		return schema_expected(s, at, EXPECTED);
	fprintf(out, " %s", name_to_text(name.wire, absolute));
	return ERR_OK;
}

/* Octets of one kind only; blanks are dropped. */
static enum err put_digits(struct schema *s, const struct yaml_node *at, const char *allowed,
			   const char *expected, FILE *out)
{
	const char *text = schema_text(s, at, expected);

	if (text == NULL)
		return ERR_INVALID;
	fputc(' ', out);
	for (const char *c = text; *c != 0; c++) {
		if (strchr(" \t\r\n", *c) != NULL)
			continue;
		if (strchr(allowed, *c) == NULL)
			return schema_expected(s, at, expected);
		fputc(*c, out);
	}
	return ERR_OK;
}

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* A decimal number, with sign and point; LOC only. */
static enum err put_decimal(struct schema *s, const struct yaml_node *at, const char *unit,
			    FILE *out)
{
	const char *text = schema_text(s, at, "a number");
	char *end = NULL;

	if (text == NULL)
		return ERR_INVALID;
	double v = strtod(text, &end);
	if (end == text || *end != 0 || text[strspn(text, DIGITS "+-.")] != 0)
		return schema_expected(s, at, "a number");
	fprintf(out, " %.3f%s", v, unit);
	return ERR_OK;
}

/* One character-string, whatever it holds. */
static void put_quoted(const char *text, size_t n, FILE *out)
{
	fputs(" \"", out);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < ' ' || c > '~')
			fprintf(out, "\\%03u", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static enum err put_string(struct schema *s, const struct yaml_node *at, FILE *out)
{
	if (at->kind != YAML_SCALAR)
		return schema_expected(s, at, "a text");
	put_quoted(at->text, strlen(at->text), out);
	return ERR_OK;
}

/* TXT: one text of any length, in strings of 255 octets. octoDNS escapes semicolons, and takes a
 * value that is already quoted and cut. */
static enum err put_text(struct schema *s, const struct yaml_node *at, FILE *out)
{
	if (at->kind != YAML_SCALAR)
		return schema_expected(s, at, "a text");
	char *clean = arena_strdup(s->arena, at->text);
	size_t n = 0, len = strlen(at->text);
	if (clean == NULL)
		return ERR_NOMEM;
	bool quoted = len >= 2 && at->text[0] == '"' && at->text[len - 1] == '"';
	size_t from = quoted ? 1 : 0, to = quoted ? len - 1 : len;
	for (size_t i = from; i < to; i++) {
		if (quoted && strncmp(at->text + i, "\" \"", 3) == 0 && i + 3 <= to)
			i += 2;
		else if (at->text[i] == '\\' && i + 1 < to &&
			 strchr(quoted ? ";\"\\" : ";", at->text[i + 1]) != NULL)
			clean[n++] = at->text[++i];
		else
			clean[n++] = at->text[i];
	}
	for (size_t i = 0; i < n || i == 0; i += 255)
		put_quoted(clean + i, n - i < 255 ? n - i : 255, out);
	return ERR_OK;
}

static enum err put_field(struct schema *s, const struct field *f, const struct yaml_node *at,
			  FILE *out)
{
	switch (f->kind) {
	case U8:
	case U16:
	case U32:
		return put_number(s, at,
				  f->kind == U8    ? 255
				  : f->kind == U16 ? 65535
						   : UINT32_MAX,
				  out);
	case NAME:
		return put_name(s, at, out);
	case HEX:
		return put_digits(s, at, DIGITS "abcdefABCDEF", "hexadecimal digits", out);
	case BASE64:
		return put_digits(s, at, DIGITS LETTERS "+/=", "base64", out);
	case WORD:
		return put_digits(s, at, DIGITS LETTERS ".:-", "a word", out);
	case STRING:
		return put_string(s, at, out);
	case METRES:
		return put_decimal(s, at, "m", out);
	case SECONDS:
		return put_decimal(s, at, "", out);
	case DEGREES:
		return put_number(s, at, 180, out);
	case PARAMS:
		return octodns_put_svcparams(s, at, out);
	}
	return ERR_INVALID;
}

/* ---- a value ---- */

static const struct field *field_named(const struct type *t, const char *key)
{
	for (const struct field *f = t->fields; f < t->fields + FIELDS_MAX && f->key != NULL; f++)
		if (strcmp(f->key, key) == 0 || (f->also != NULL && strcmp(f->also, key) == 0))
			return f;
	return NULL;
}

static enum err check_keys(struct schema *s, const struct type *t, const struct yaml_node *map)
{
	enum err result = ERR_OK;

	for (size_t i = 0; i < map->n; i++) {
		const char *names[FIELDS_MAX];
		char hint[100];
		size_t n = 0;
		if (field_named(t, map->key[i]->text) != NULL)
			continue;
		for (; n < FIELDS_MAX && t->fields[n].key != NULL; n++)
			names[n] = t->fields[n].key;
		const char *near = diag_nearest(map->key[i]->text, names, n);
		snprintf(hint, sizeof hint, "did you mean '%s'?", near != NULL ? near : "");
		yaml_finding(s->yaml, map->key[i], s->diag, DIAG_ERROR, near != NULL ? hint : NULL,
			     "unknown field '%.80s'", map->key[i]->text);
		result = ERR_INVALID;
	}
	return result;
}

static enum err put_fields(struct schema *s, const struct type *t, const struct yaml_node *map,
			   FILE *out)
{
	enum err result = check_keys(s, t, map);

	for (const struct field *f = t->fields; f < t->fields + FIELDS_MAX && f->key != NULL; f++) {
		const struct yaml_node *at = yaml_get(map, f->key);
		if (at == NULL && f->also != NULL)
			at = yaml_get(map, f->also);
		if (at == NULL && f->fallback != NULL) {
			fprintf(out, " %s", f->fallback);
			continue;
		}
		if (at == NULL) {
			yaml_finding(s->yaml, map, s->diag, DIAG_ERROR, NULL, "'%s' is missing",
				     f->key);
			result = ERR_INVALID;
			continue;
		}
		enum err e = put_field(s, f, at, out);
		result = e ? e : result;
	}
	return result;
}

static enum err put_value(struct schema *s, const struct type *t, const struct yaml_node *value,
			  FILE *out)
{
	if (t->fields[0].key != NULL)
		return value->kind == YAML_MAP
			   ? put_fields(s, t, value, out)
			   : schema_expected(s, value, "a map of the type's fields");
	if (t->type == TYPE_TXT || t->type == TYPE_SPF)
		return put_text(s, value, out);
	return put_field(s, &t->fields[0], value, out);
}

static enum err parse(struct schema *s, uint16_t type, const struct yaml_node *at, const char *text,
		      struct span *out)
{
	ldns_rr *rr = NULL;
	ldns_status st = ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL);
	size_t n = 0;

	if (st == LDNS_STATUS_MEM_ERR)
		return ERR_NOMEM;
	if (st != LDNS_STATUS_OK) {
		yaml_finding(s->yaml, at, s->diag, DIAG_ERROR, NULL, "%s",
			     ldns_get_errorstr_by_id(st));
		return ERR_INVALID;
	}
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++)
		n += ldns_rdf_size(ldns_rr_rdf(rr, i));
	uint8_t *bytes = arena_alloc(s->arena, n + 1);
	n = 0;
	for (size_t i = 0; bytes != NULL && i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *f = ldns_rr_rdf(rr, i);
		memcpy(bytes + n, ldns_rdf_data(f), ldns_rdf_size(f));
		n += ldns_rdf_size(f);
	}
	ldns_rr_free(rr);
	if (bytes == NULL)
		return ERR_NOMEM;
	*out = (struct span){ bytes, n };
	if (rdata_is_valid(type, *out))
		return ERR_OK;
	return schema_expected(s, at, "a value of this type");
}

enum err octodns_rdata(struct schema *s, uint16_t type, const struct yaml_node *value,
		       struct span *out)
{
	const struct type *t = type_of(type);
	char *text = NULL, mnemonic[RR_TYPE_TEXT_MAX];
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	if (f == NULL)
		return ERR_NOMEM;
	fprintf(f, "x. 0 IN %s", rr_type_to_text(type, mnemonic));
	enum err e = put_value(s, t, value, f);
	if (fclose(f) != 0)
		e = e ? e : ERR_NOMEM;
	if (!e)
		e = parse(s, type, value, text, out);
	free(text);
	return e;
}

enum err octodns_keep_values(struct schema *s, const struct yaml_node *value,
			     const struct yaml_node **values)
{
	if (*values != NULL) {
		yaml_finding(s->yaml, value, s->diag, DIAG_ERROR, NULL,
			     "both 'value' and 'values' are given");
		return ERR_INVALID;
	}
	*values = value;
	return ERR_OK;
}
