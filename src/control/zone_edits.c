// SPDX-License-Identifier: Apache-2.0
#include "control/zone_edits.h"

#include <string.h>

#include "base/log.h"
#include "control/history.h"
#include "control/internal.h"
#include "control/overlay.h"
#include "dns/rrtype.h"
#include "store/journal.h"

static const uint16_t MADE_HERE[] = { TYPE_DNSKEY, TYPE_CDS, TYPE_CDNSKEY };

static enum err between(const struct zone_entry *e, const struct zone *to, struct change_set *out)
{
	return change_between(e->served->zone, to, MADE_HERE,
			      e->keys != NULL ? sizeof MADE_HERE / sizeof *MADE_HERE : 0, out);
}

static bool has_content(struct span set)
{
	struct change_record r;

	while (change_next(&set, &r))
		if (r.type != TYPE_SOA)
			return true;
	return false;
}

/* The same zone with another serial; *step gets what that changes. */
static enum err with_serial(struct served *s, uint32_t serial, struct served **out,
			    struct change_set *step)
{
	const struct rrset *soa = zone_soa(s->zone);
	uint8_t wire[2 * NAME_MAX_LEN + 20];
	struct zone_builder *b = NULL;
	struct diag d = { 0 };
	struct change_record r = { CHANGE_REMOVE,
				   zone_name(s->zone),
				   TYPE_SOA,
				   soa->ttl,
				   { wire, soa->wire_len - RR_FIXED_LEN } };

	memcpy(wire, soa->wire + RR_FIXED_LEN, r.rdata.n);
	enum err e = change_add(step, &r);
	r.op = CHANGE_ADD;
	store_u32(wire + r.rdata.n - 20, serial);
	if (!e)
		e = change_add(step, &r);
	if (!e)
		e = zone_build_change(&b, s->zone);
	if (!e)
		e = change_apply(change_span(step), b, &d);
	if (e)
		zone_build_abort(b);
	else
		e = zone_load_change(s, b, out, &d);
	diag_free(&d);
	return e;
}

/* The step of the serial lies on the file too, on top of what lies there. */
static enum err lay_on_file(struct control *c, const char *zone, const struct change_set *step,
			    uint32_t from, uint32_t to)
{
	struct overlay x = { 0 };
	struct change_set whole = { 0 };
	enum err e = overlay_read(&x, c->journal, zone);
	struct span *spans = calloc(x.n + 1, sizeof *spans);

	if (!e && spans == NULL)
		e = ERR_NOMEM;
	for (size_t i = 0; i < x.n && !e; i++)
		spans[i] = change_span(&x.sets[i]);
	if (!e) {
		spans[x.n] = change_span(step);
		e = change_condense(spans, x.n + 1, &whole);
	}
	if (!e) {
		struct journal_set s = { x.n > 0 ? x.from : from, to, control_now(),
					 change_span(&whole) };
		e = journal_replace_overlay(c->journal, zone, &s);
	}
	free(spans);
	change_free(&whole);
	overlay_free(&x);
	return e;
}

static enum err keep(struct control *c, const struct config_zone *z, const struct change_set *diff,
		     uint32_t from, uint32_t to, const struct change_set *step, uint32_t file)
{
	struct journal_limits limits = journal_limits_of(&z->transfer);
	struct journal_set s = { from, to, control_now(), change_span(diff) };
	enum err e = journal_begin(c->journal);

	if (!e)
		e = journal_append(c->journal, z->text, &s, false, &limits);
	if (!e && step->n > 0)
		e = lay_on_file(c, z->text, step, file, to);
	if (e)
		journal_rollback(c->journal);
	return e ? e : journal_commit(c->journal);
}

enum err zone_edits_keep(struct control *c, const struct config_zone *z,
			 const struct change_set *diff, uint32_t from, uint32_t to,
			 const struct change_set *step)
{
	return keep(c, z, diff, from, to, step, from);
}

/* Under the next serial. */
static enum err lift(struct control *c, struct zone_entry *e, const struct config_zone *z,
		     struct served **made, struct change_set *diff)
{
	uint32_t from = zone_serial(e->served->zone), file = zone_serial((*made)->zone);
	uint32_t to = serial_next(from, z->transfer.serial, control_now());
	struct change_set step = { 0 };
	struct served *lifted = NULL;
	enum err err = with_serial(*made, to, &lifted, &step);

	change_free(diff);
	if (!err)
		err = between(e, lifted->zone, diff);
	if (!err)
		err = keep(c, z, diff, from, to, &step, file);
	if (lifted != NULL) { /* in any case: it is made from the other */
		view_zones_leave(c, *made);
		*made = lifted;
	}
	if (!err)
		log_notice(z->text,
			   "serial: the file has changed, but its serial %u is not newer than %u, "
			   "which was served: the zone has serial %u",
			   file, from, to);
	change_free(&step);
	return err;
}

void zone_edits_note(struct control *c, struct zone_entry *e, const struct config_zone *z,
		     struct served **made)
{
	struct change_set diff = { 0 }, none = { 0 };
	enum err err = ERR_OK;

	if (e->served == NULL || (z->transfer.out_n == 0 && z->notify.to_n == 0))
		return;
	uint32_t from = zone_serial(e->served->zone), to = zone_serial((*made)->zone);
	err = between(e, (*made)->zone, &diff);
	bool content = has_content(change_span(&diff));
	if (!err && serial_is_newer(to, from))
		err = keep(c, z, &diff, from, to, &none, to);
	else if (!err && content && z->transfer.serial != SERIAL_KEEP)
		err = lift(c, e, z, made, &diff);
	else if (!err && content)
		log_warning(z->text,
			    "serial: the file has changed, but its serial %u is not newer than %u, "
			    "which was served: secondaries do not see the change",
			    to, from);
	if (err)
		log_error(z->text,
			  "journal: what the file changed is not kept: %s; secondaries get "
			  "the whole zone",
			  err_text(err));
	change_free(&diff);
}
