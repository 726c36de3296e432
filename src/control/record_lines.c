// SPDX-License-Identifier: Apache-2.0
#include "control/record_lines.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

#include "dns/rrtype.h"
#include "zone/rrset.h"

struct record_lines {
	FILE *out;
	ldns_buffer *text;
	uint8_t
	    wire[RR_FIXED_LEN + 1 + RDATA_MAX]; /* owned by the root: ldns wants a whole record */
};

enum err record_lines_new(struct record_lines **out, FILE *to)
{
	struct record_lines *l = malloc(sizeof *l);

	if (l == NULL)
		return ERR_NOMEM;
	l->out = to;
	l->text = ldns_buffer_new(1024);
	if (l->text == NULL) {
		free(l);
		return ERR_NOMEM;
	}
	*out = l;
	return ERR_OK;
}

void record_lines_free(struct record_lines *l)
{
	if (l == NULL)
		return;
	ldns_buffer_free(l->text);
	free(l);
}

/* ---- RDATA as text ---- */

/* Types whose text cannot be misread, but for names with odd octets. */
static bool is_plain(uint16_t type)
{
	static const uint16_t PLAIN[] = { TYPE_A,  TYPE_NS,   TYPE_CNAME, TYPE_SOA, TYPE_PTR,
					  TYPE_MX, TYPE_TXT,  TYPE_AAAA,  TYPE_SRV, TYPE_DNAME,
					  TYPE_DS, TYPE_NSEC, TYPE_DNSKEY };

	for (size_t i = 0; i < sizeof PLAIN / sizeof *PLAIN; i++)
		if (PLAIN[i] == type)
			return true;
	return false;
}

static size_t rdata_of(const ldns_rr *rr, uint8_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *f = ldns_rr_rdf(rr, i);
		if (n + ldns_rdf_size(f) > RDATA_MAX)
			return SIZE_MAX;
		memcpy(out + n, ldns_rdf_data(f), ldns_rdf_size(f));
		n += ldns_rdf_size(f);
	}
	return n;
}

/* Whether the text gives back what it was made of. */
static bool reads_back(struct record_lines *l, const struct line_record *r, const char *mnemonic)
{
	ldns_rr *rr = NULL;
	char *line = NULL;
	bool same = false;

	if (asprintf(&line, ". 0 IN %s %s", mnemonic, (const char *)ldns_buffer_begin(l->text)) < 0)
		return false;
	if (ldns_rr_new_frm_str(&rr, line, 0, NULL, NULL) == LDNS_STATUS_OK) {
		size_t n = rdata_of(rr, l->wire);
		same = n == r->rdata.n && memcmp(l->wire, r->rdata.p, n) == 0;
	}
	ldns_rr_free(rr);
	free(line);
	return same;
}

/* The library's text into l->text. False: it has none, or none to rely on. */
static bool make_text(struct record_lines *l, const struct line_record *r, const char *mnemonic)
{
	ldns_rr *rr = NULL;
	size_t at = 0;

	/* The library's reader of CERT leaks what it refuses. */
	if (r->rdata.n == 0 || r->type == TYPE_CERT)
		return false;
	l->wire[0] = 0;
	store_u16(l->wire + 1, r->type);
	store_u16(l->wire + 3, CLASS_IN);
	store_u32(l->wire + 5, r->ttl);
	store_u16(l->wire + 9, (uint16_t)r->rdata.n);
	memcpy(l->wire + 1 + RR_FIXED_LEN, r->rdata.p, r->rdata.n);
	if (ldns_wire2rr(&rr, l->wire, 1 + RR_FIXED_LEN + r->rdata.n, &at, LDNS_SECTION_ANSWER) !=
	    LDNS_STATUS_OK)
		return false;
	ldns_buffer_clear(l->text);
	bool ok = true;
	for (size_t i = 0; ok && i < ldns_rr_rd_count(rr); i++) {
		if (i > 0)
			ldns_buffer_printf(l->text, " ");
		ok = ldns_rdf2buffer_str(l->text, ldns_rr_rdf(rr, i)) == LDNS_STATUS_OK;
	}
	ldns_rr_free(rr);
	ok = ok && ldns_buffer_reserve(l->text, 1) && ldns_buffer_status_ok(l->text);
	if (!ok)
		return false;
	while (ldns_buffer_position(l->text) > 0 &&
	       ldns_buffer_read_u8_at(l->text, ldns_buffer_position(l->text) - 1) == ' ')
		ldns_buffer_skip(l->text, -1);
	ldns_buffer_write_u8(l->text, 0);
	const char *text = (const char *)ldns_buffer_begin(l->text);
	if (strpbrk(text, "\n\r") != NULL)
		return false;
	if (is_plain(r->type))
		return r->type == TYPE_TXT || strpbrk(text, "\"@$") == NULL;
	return reads_back(l, r, mnemonic);
}

/* ---- lines ---- */

/* RFC 3597 §5 */
static void write_generic(FILE *out, struct span rdata)
{
	fprintf(out, "\\# %zu%s", rdata.n, rdata.n > 0 ? " " : "");
	for (size_t i = 0; i < rdata.n; i++)
		fprintf(out, "%02x", rdata.p[i]);
}

enum err record_lines_write(struct record_lines *l, const char *before, const struct line_record *r,
			    const char *remark)
{
	char owner[NAME_TEXT_MAX], type[RR_TYPE_TEXT_MAX];

	rr_type_to_text(r->type, type);
	bool known = rr_type_info(r->type) != NULL &&
		     ldns_get_rr_type_by_name(type) == (ldns_rr_type)r->type;
	if (!known)
		snprintf(type, sizeof type, "TYPE%u", r->type);
	fprintf(l->out, "%s%s\t%u\tIN\t%s\t", before, name_to_text(r->owner, owner), r->ttl, type);
	if (known && make_text(l, r, type))
		fputs((const char *)ldns_buffer_begin(l->text), l->out);
	else
		write_generic(l->out, r->rdata);
	if (remark != NULL)
		fprintf(l->out, " ; %s", remark);
	return fputc('\n', l->out) == EOF || ferror(l->out) ? ERR_IO : ERR_OK;
}

/* The library would cut RFC 3597 forms of types that it knows to what it takes for their shape. */
static enum err parse_generic(const char *line, struct parsed_line *out)
{
	char owner[NAME_TEXT_MAX], type[RR_TYPE_TEXT_MAX];
	int at = 0;

	if (sscanf(line, "%1004[^\t]\t%u\tIN\t%23[^\t]\t%n", owner, &out->ttl, type, &at) != 3 ||
	    at == 0 || !rr_type_from_text(type, &out->type) ||
	    name_from_text(owner, NULL, &out->owner))
		return ERR_SYNTAX;
	char *text = strdup(line + at);
	if (text == NULL)
		return ERR_NOMEM;
	text[strcspn(text, "\n")] = 0;
	enum err e = rdata_from_own_text(out->type, text, NULL, out->rdata, sizeof out->rdata,
					 &out->rdata_n);
	free(text);
	return e;
}

enum err record_line_parse(const char *line, struct parsed_line *out)
{
	ldns_rr *rr = NULL;

	if (strstr(line, "\t\\# ") != NULL)
		return parse_generic(line, out);
	ldns_status st = ldns_rr_new_frm_str(&rr, line, 0, NULL, NULL);

	if (st != LDNS_STATUS_OK)
		return st == LDNS_STATUS_MEM_ERR ? ERR_NOMEM : ERR_SYNTAX;
	out->rdata_n = rdata_of(rr, out->rdata);
	out->type = (uint16_t)ldns_rr_get_type(rr);
	out->ttl = ldns_rr_ttl(rr);
	enum err e = ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN || out->rdata_n == SIZE_MAX
			 ? ERR_SYNTAX
			 : ERR_OK;
	if (!e)
		name_from_wire(&out->owner, ldns_rdf_data(ldns_rr_owner(rr)));
	ldns_rr_free(rr);
	return e;
}
