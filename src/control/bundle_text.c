// SPDX-License-Identifier: Apache-2.0
#include "control/bundle_text.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/rrtype.h"
#include "dns/wire.h"
#include "dnssec/base64.h"

#define RECORD_MAX  16384
#define RDATA_CAP   4096
#define TTL_DEFAULT 3600
#define RRSIG_FIXED 18                 /* before the signer */
#define TIME_MAX    (INT64_C(1) << 33) /* the year 2242 */
#define BASE64_MAX  (4 * (RDATA_CAP + 2) / 3 + 4)

static const char *const KINDS[] = { "KeySigningRequest", "SignedKeyResponse" };

struct reading {
	struct bundles *b;
	struct bundle *at; /* NULL: no header yet */
	bool plain;        /* the first bundle has none */
	const uint8_t *zone;
	const char *file, *p;
	unsigned line;  /* of p */
	unsigned began; /* where the record at hand began */
	bool over;
	char record[RECORD_MAX];
	size_t n;
	struct diag *d;
};

static enum err wrong(struct reading *r, const char *what)
{
	struct diag_place at = { .file = r->file, .line = r->began };

	diag_add(r->d, DIAG_ERROR, &at, NULL, "%s", what);
	return ERR_INVALID;
}

/* ---- headers ---- */

static bool read_date(const char *digits, int64_t *out)
{
	struct tm tm = { 0 };
	char *end = strptime(digits, "%Y%m%d%H%M%S", &tm);

	*out = end != NULL ? (int64_t)timegm(&tm) : -1;
	return end != NULL && *end == 0;
}

static bool read_time(const char *word, size_t n, int64_t *out)
{
	char digits[16];

	if (n == 0 || n > 14 || strspn(word, "0123456789") < n)
		return false;
	memcpy(digits, word, n);
	digits[n] = 0;
	*out = strtoll(digits, NULL, 10);
	if (n == 14 && !read_date(digits, out))
		return false;
	return *out > 0 && *out < TIME_MAX;
}

static enum err begin(struct reading *r, const char *word, size_t n)
{
	int64_t from;

	if (!read_time(word, n, &from))
		return wrong(r, "the header has no time that can be read");
	r->at = bundles_add(r->b, from);
	return r->at != NULL ? ERR_OK : wrong(r, "more bundles than are taken at once");
}

/* ";; KIND VERSION TIME ..."; other comments are none of our business. */
static enum err read_comment(struct reading *r, const char *line, size_t n)
{
	const char *end = line + n, *p = line + strspn(line, ";");
	const char *word[3];
	size_t len[3];

	for (size_t i = 0; i < 3; i++) {
		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		word[i] = p;
		while (p < end && *p != ' ' && *p != '\t')
			p++;
		len[i] = (size_t)(p - word[i]);
	}
	bool is_header = false;
	for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
		is_header = is_header ||
			    (len[0] == strlen(KINDS[i]) && memcmp(word[0], KINDS[i], len[0]) == 0);
	if (!is_header || r->over)
		return ERR_OK;
	if (len[2] == 9 && memcmp(word[2], "generated", 9) == 0) {
		r->over = true;
		return ERR_OK;
	}
	return begin(r, word[2], len[2]);
}

/* ---- records ---- */

/* The signer is the zone, in lower case from here on. */
static bool settle_signer(const struct reading *r, uint8_t *rdata, size_t n)
{
	if (n <= RRSIG_FIXED || !rdata_is_valid(TYPE_RRSIG, (struct span){ rdata, n }))
		return false;
	rdata_canonicalize(TYPE_RRSIG, (struct span){ rdata, n }, rdata);
	return name_equal(rdata + RRSIG_FIXED, r->zone);
}

static enum err add_rdata(struct reading *r, const ldns_rr *rr)
{
	uint8_t rdata[RDATA_CAP];
	size_t n = 0;

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *f = ldns_rr_rdf(rr, i);
		if (n + ldns_rdf_size(f) > sizeof rdata)
			return wrong(r, "the record is longer than any of its type");
		memcpy(rdata + n, ldns_rdf_data(f), ldns_rdf_size(f));
		n += ldns_rdf_size(f);
	}
	uint16_t type = (uint16_t)ldns_rr_get_type(rr);
	if (type == TYPE_RRSIG && !settle_signer(r, rdata, n))
		return wrong(r, "the signature was not made by the zone");
	if (r->at == NULL) {
		r->at = bundles_add(r->b, 0);
		r->plain = true;
	}
	if (r->at == NULL)
		return wrong(r, "no memory");
	enum err e = bundle_add_record(r->b, r->at, (uint16_t)ldns_rr_get_type(rr), ldns_rr_ttl(rr),
				       (struct span){ rdata, n });
	if (!e)
		return ERR_OK;
	return wrong(r, e == ERR_INVALID ? "its TTL is not that of the other records of its RRset"
			: e == ERR_TOO_LONG ? "more records than an RRset may have"
			: e == ERR_NOMEM
			    ? "no memory, or the file is too large"
			    : "only DNSKEY, CDS, CDNSKEY and signatures over them belong here");
}

/* No type of a bundle has an empty RDATA or quotes, and the library must not be asked for others.
 */
static enum err read_record(struct reading *r)
{
	ldns_rr *rr = NULL;
	struct name owner;

	r->record[r->n] = 0;
	if (ldns_rr_new_frm_str(&rr, r->record, TTL_DEFAULT, NULL, NULL) != LDNS_STATUS_OK)
		return wrong(r, "this is not a record");
	enum err e;
	name_from_wire(&owner, ldns_rdf_data(ldns_rr_owner(rr)));
	if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN)
		e = wrong(r, "the record's class is not IN");
	else if (!name_equal(owner.wire, r->zone))
		e = wrong(r, "the record belongs to another name than the zone's");
	else
		e = add_rdata(r, rr);
	ldns_rr_free(rr);
	return e;
}

static enum err add_char(struct reading *r, char c)
{
	if (r->n + 1 == sizeof r->record)
		return wrong(r, "the record is longer than any of its type");
	r->record[r->n++] = c;
	return ERR_OK;
}

/* One physical line; *depth counts brackets that are open. */
static enum err read_line(struct reading *r, const char *line, size_t n, int *depth)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < n && !e; i++) {
		char c = line[i];
		if (c == ';')
			break;
		if (c == '(' || c == ')')
			*depth += c == '(' ? 1 : -1;
		if (*depth < 0 || *depth > 1)
			return wrong(r, "brackets that do not fit");
		if (c == '"' || (unsigned char)c < 9 || (unsigned char)c > 126)
			return wrong(r, "a character that no such record has");
		e = add_char(r, c == '(' || c == ')' || c == '\r' || c == '\t' ? ' ' : c);
	}
	return e;
}

static bool is_blank(const struct reading *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->record[i] != ' ')
			return false;
	return true;
}

static enum err read_all(struct reading *r)
{
	enum err e = ERR_OK;
	int depth = 0;

	while (*r->p != 0 && !e) {
		size_t n = strcspn(r->p, "\n");
		r->line++;
		if (depth == 0) {
			r->began = r->line;
			r->n = 0;
		}
		if (depth == 0 && n > 1 && r->p[0] == ';' && r->p[1] == ';')
			e = read_comment(r, r->p, n);
		else
			e = read_line(r, r->p, n, &depth);
		if (!e && depth == 0 && !is_blank(r))
			e = r->over ? wrong(r, "records after the end") : read_record(r);
		else if (!e && depth > 0)
			e = add_char(r, ' ');
		r->p += n + (r->p[n] == '\n');
	}
	return !e && depth > 0 ? wrong(r, "a bracket is not closed") : e;
}

/* A plain signed RRset is in force since its last signature began. */
static void date_plain(struct bundle *b)
{
	for (size_t t = 0; t < BUNDLE_TYPES; t++)
		for (size_t i = 0; i < b->set[t].signature_n; i++) {
			int64_t begins = load_u32(b->set[t].signature[i].p + 12);
			b->from = begins > b->from ? begins : b->from;
		}
}

enum err bundle_text_read(struct bundles **out, const char *text, const uint8_t *zone,
			  const char *file, struct diag *d)
{
	struct reading *r = calloc(1, sizeof *r);
	struct bundles *b = bundles_new();
	enum err e = r != NULL && b != NULL ? ERR_OK : ERR_NOMEM;

	if (!e) {
		*r = (struct reading){ .b = b, .zone = zone, .file = file, .p = text, .d = d };
		e = read_all(r);
	}
	if (!e && r->plain)
		date_plain(b->all[0]);
	if (!e && r->plain && b->all[0]->from == 0)
		e = wrong(r, "records without a header must be signed");
	if (!e && b->n == 0) {
		r->began = 0;
		e = wrong(r, "there is no bundle in it");
	}
	free(r);
	if (e) {
		bundles_free(b);
		return e;
	}
	bundles_settle(b);
	*out = b;
	return ERR_OK;
}

/* ---- writing ---- */

/* As records have it, as people read it, and as BIND comments it. */
static char *compact(int64_t at, char out[32])
{
	time_t t = (time_t)at;
	struct tm tm;

	strftime(out, 32, "%Y%m%d%H%M%S", gmtime_r(&t, &tm));
	return out;
}

static char *readable(int64_t at, char out[32])
{
	time_t t = (time_t)at;
	struct tm tm;

	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	return out;
}

static char *spoken(int64_t at, char out[32])
{
	time_t t = (time_t)at;
	struct tm tm;

	strftime(out, 32, "%a %b %e %H:%M:%S %Y", gmtime_r(&t, &tm));
	return out;
}

static void write_key(const char *zone, const char *type, uint32_t ttl, struct span rdata,
		      struct text *out)
{
	struct dnskey k;
	char text[DNSKEY_TEXT_MAX];

	if (dnskey_from_rdata(rdata, &k) == ERR_OK)
		text_add(out, "%s %u IN %s %s\n", zone, ttl, type, dnskey_to_text(&k, text));
}

static void write_cds(const char *zone, uint32_t ttl, struct span rdata, struct text *out)
{
	text_add(out, "%s %u IN CDS %u %u %u ", zone, ttl, load_u16(rdata.p), rdata.p[2],
		 rdata.p[3]);
	for (size_t i = 4; i < rdata.n; i++)
		text_add(out, "%02X", rdata.p[i]);
	text_add(out, "\n");
}

static void write_signature(const char *zone, const char *type, uint32_t ttl, struct span rdata,
			    struct text *out)
{
	char begins[32], ends[32], text[BASE64_MAX];
	const uint8_t *p = rdata.p;
	size_t head = RRSIG_FIXED + name_len(p + RRSIG_FIXED);

	if (rdata.n - head > RDATA_CAP)
		return;
	compact(load_u32(p + 8), ends);
	compact(load_u32(p + 12), begins);
	base64_encode(p + head, rdata.n - head, text);
	text_add(out, "%s %u IN RRSIG %s %u %u %u %s %s %u %s %s\n", zone, ttl, type, p[2], p[3],
		 load_u32(p + 4), ends, begins, load_u16(p + 16), zone, text);
}

void bundle_text_write_one(const struct bundle *b, const char *zone, struct text *out)
{
	static const char *const NAMES[BUNDLE_TYPES] = { "DNSKEY", "CDS", "CDNSKEY" };

	for (size_t t = 0; t < BUNDLE_TYPES; t++) {
		const struct bundle_set *s = &b->set[t];
		for (size_t i = 0; i < s->rr_n; i++) {
			if (t == BUNDLE_CDS)
				write_cds(zone, s->ttl, s->rr[i], out);
			else
				write_key(zone, NAMES[t], s->ttl, s->rr[i], out);
		}
		for (size_t i = 0; i < s->signature_n; i++)
			write_signature(zone, NAMES[t], s->ttl, s->signature[i], out);
	}
}

void bundle_text_write(const struct bundles *b, const char *zone, bool response,
		       enum bundle_form form, int64_t now, struct text *out)
{
	const char *kind = KINDS[response];
	char when[32], plain[32];

	for (size_t i = 0; i < b->n; i++) {
		int64_t from = b->all[i]->from;
		if (form == BUNDLE_FORM_KNOT)
			text_add(out, ";; %s 1.0 %lld (%s) =========\n", kind, (long long)from,
				 readable(from, when));
		else
			text_add(out, ";; %s 1.0 %s (%s)\n", kind, compact(from, plain),
				 spoken(from, when));
		bundle_text_write_one(b->all[i], zone, out);
	}
	text_add(out, ";; %s 1.0 generated at %s by Concord\n", kind, readable(now, when));
}
