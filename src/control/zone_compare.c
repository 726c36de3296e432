// SPDX-License-Identifier: Apache-2.0
#include "control/zone_compare.h"

#include <stdlib.h>
#include <string.h>

#include "control/octodns_zone.h"
#include "control/record_lines.h"
#include "control/zone_file.h"
#include "dns/rrtype.h"
#include "zone/change.h"
#include "zone/serial.h"

struct comparing {
	struct zone_comparison *c;
	const uint8_t *apex;
	FILE *out;
	struct diag *d;
	struct parsed_line line;
};

static enum err start(const struct comparing *x, struct zone_builder **out)
{
	struct zone_build_options options = { .given = !x->c->signed_here };

	return zone_build_start(out, x->apex, NULL, &options);
}

static enum err read_served(struct comparing *x, struct zone **out)
{
	struct zone_builder *b = NULL;
	struct diag unsaid = { 0 }; /* what is served was judged when it was loaded */
	enum err e = start(x, &b);

	if (!e)
		e = zone_file_read(b, x->c->served, x->apex, false, &unsaid);
	if (e)
		zone_build_abort(b);
	else
		e = zone_build_seal(b, out, &unsaid);
	diag_free(&unsaid);
	return e;
}

/* ---- updates on the file ---- */

static enum err lay_on_line(struct comparing *x, struct zone_builder *b, const char *text)
{
	bool adds = text[0] == '+';

	if ((!adds && text[0] != '-') || text[1] != ' ')
		return ERR_OK;
	enum err e = record_line_parse(text + 2, &x->line);
	struct zone_record r = { .owner = x->line.owner.wire,
				 .type = x->line.type,
				 .ttl = x->line.ttl,
				 .rdata = { x->line.rdata, x->line.rdata_n } };
	if (e)
		return e;
	return adds ? zone_build_add(b, &r, x->d) : zone_build_remove_record(b, &r);
}

static enum err lay_on(struct comparing *x, struct zone_builder *b)
{
	char *text = NULL;
	size_t cap = 0;
	/* The file's own SOA, whatever its serial, gives way to the last one. */
	enum err e = zone_build_remove(b, x->apex, TYPE_SOA);

	rewind(x->c->updates);
	while (!e && getline(&text, &cap, x->c->updates) > 0)
		e = lay_on_line(x, b, text);
	free(text);
	return e;
}

/* The serial that the updates lead to. False: there are none. */
static bool last_serial(struct comparing *x, uint32_t *out)
{
	char *text = NULL;
	size_t cap = 0;
	bool found = false;

	rewind(x->c->updates);
	while (!found && getline(&text, &cap, x->c->updates) > 0) {
		found = strncmp(text, "+ ", 2) == 0 && !record_line_parse(text + 2, &x->line) &&
			x->line.type == TYPE_SOA && x->line.rdata_n > 20;
		if (found)
			*out = load_u32(x->line.rdata + x->line.rdata_n - 20);
	}
	free(text);
	return found;
}

/* As a load does (updates_replay()). */
static enum err updates(struct comparing *x, struct zone_builder *b)
{
	const struct rrset *soa = zone_build_rrset(b, x->apex, TYPE_SOA);
	uint32_t last;

	if (soa == NULL || !last_serial(x, &last))
		return ERR_OK;
	uint32_t serial = load_u32(soa->wire + soa->wire_len - 20);
	if (serial_is_newer(serial, last)) {
		fprintf(x->out,
			"; the file's serial %u is newer than the last update's %u: the file wins, "
			"the updates are forgotten\n",
			serial, last);
		return ERR_OK;
	}
	fprintf(x->out, "; updates up to serial %u lie on the file\n", last);
	return lay_on(x, b);
}

static enum err read_octodns(struct comparing *x, struct zone_builder *b, uint32_t served)
{
	struct steering *s = NULL;
	struct octodns_zone data = { .builder = b,
				     .apex = x->apex,
				     .serial = octodns_zone_serial(x->c->file, served) };
	enum err e = octodns_zone_read(&s, &data, x->c->file, x->d);

	steering_free(s);
	return e;
}

static enum err read_file(struct comparing *x, uint32_t served, struct zone **out)
{
	struct zone_builder *b = NULL;
	size_t errors = x->d->error_n;
	enum err e = start(x, &b);

	if (!e && octodns_zone_is_file(x->c->file))
		e = read_octodns(x, b, served);
	else if (!e)
		e = zone_file_read(b, x->c->file, x->apex, x->c->signed_here, x->d);
	if (!e)
		e = updates(x, b);
	if (!e && x->d->error_n > errors)
		e = ERR_INVALID;
	if (e)
		zone_build_abort(b);
	return e ? e : zone_build_seal(b, out, x->d);
}

/* ---- the difference ---- */

static enum err write_side(struct record_lines *lines, struct span set, enum change_op op,
			   size_t *n)
{
	struct change_record c;
	enum err e = ERR_OK;

	while (!e && change_next(&set, &c)) {
		struct line_record r = { c.owner, c.type, c.ttl, c.rdata };
		if (c.op != op)
			continue;
		e = record_lines_write(lines, op == CHANGE_REMOVE ? "- " : "+ ", &r, NULL);
		++*n;
	}
	return e;
}

static enum err write_difference(struct comparing *x, const struct zone *from,
				 const struct zone *to)
{
	static const uint16_t KEYS[] = { TYPE_DNSKEY, TYPE_CDS, TYPE_CDNSKEY };
	struct change_set set = { 0 };
	struct record_lines *lines = NULL;
	enum err e = change_between(from, to, KEYS, x->c->signed_here ? 3 : 0, &set);

	if (!e)
		e = record_lines_new(&lines, x->out);
	if (!e)
		e = write_side(lines, change_span(&set), CHANGE_REMOVE, &x->c->removed_n);
	if (!e)
		e = write_side(lines, change_span(&set), CHANGE_ADD, &x->c->added_n);
	record_lines_free(lines);
	change_free(&set);
	return e;
}

enum err zone_compare(struct zone_comparison *c, FILE *out, struct diag *d)
{
	struct name apex;
	struct zone *served = NULL, *file = NULL;
	struct comparing *x = calloc(1, sizeof *x);

	if (x == NULL || name_from_text(c->zone, (const uint8_t *)"", &apex)) {
		free(x);
		return x == NULL ? ERR_NOMEM : ERR_SYNTAX;
	}
	*x = (struct comparing){ .c = c, .apex = apex.wire, .out = out, .d = d };
	enum err e = read_served(x, &served);
	if (!e)
		e = read_file(x, zone_serial(served), &file);
	if (!e)
		e = write_difference(x, served, file);
	zone_free(file);
	zone_free(served);
	free(x);
	return e;
}
