// SPDX-License-Identifier: Apache-2.0
#include "control/alias_history.h"

#include <string.h>

#include "control/zone_edits.h"
#include "dns/rrtype.h"
#include "zone/serial.h"

static enum err note_removed(struct alias_history *h, const uint8_t *owner, const struct rrset *r)
{
	const uint8_t *p = r->wire;
	enum err e = ERR_OK;

	for (unsigned i = 0; i < r->rr_n && !e; i++) {
		size_t n = load_u16(p + RR_FIXED_LEN - 2);
		struct change_record c = {
			CHANGE_REMOVE, owner, r->type, r->ttl, { p + RR_FIXED_LEN, n }
		};
		e = change_add(&h->removed, &c);
		p += RR_FIXED_LEN + n;
	}
	return e;
}

enum err alias_history_note(struct alias_history *h, const uint8_t *owner, uint16_t type,
			    const struct rrset *was, const struct zone_alias_answer *is)
{
	enum err e = was != NULL ? note_removed(h, owner, was) : ERR_OK;

	/* A steered RRset counts with its default values. */
	for (size_t i = 0; is->variant_n > 0 && i < is->variants[0].rdata_n && !e; i++) {
		struct change_record c = { CHANGE_ADD, owner, type, is->variants[0].ttl,
					   is->variants[0].rdata[i] };
		e = change_add(&h->added, &c);
	}
	return e;
}

static bool is_given_out(const struct zone_entry *e)
{
	const struct config_transfer *t = &e->config.transfer;

	for (size_t i = 0; i < t->out_n; i++)
		if (!t->out[i].signed_copy)
			return e->config.secondary.primary_n == 0 && e->config.file != NULL;
	return false;
}

static enum err make_step(struct alias_history *h, const struct zone *z)
{
	const struct rrset *soa = zone_soa(z);
	uint8_t wire[2 * NAME_MAX_LEN + 20];
	struct change_record r = { CHANGE_REMOVE,
				   zone_name(z),
				   TYPE_SOA,
				   soa->ttl,
				   { wire, soa->wire_len - RR_FIXED_LEN } };

	memcpy(wire, soa->wire + RR_FIXED_LEN, r.rdata.n);
	enum err e = change_add(&h->step, &r);
	r.op = CHANGE_ADD;
	store_u32(wire + r.rdata.n - 20, h->to);
	return e ? e : change_add(&h->step, &r);
}

enum err alias_history_lift(struct alias_history *h, const struct zone_entry *e,
			    struct zone_builder *b, struct diag *d)
{
	const struct zone *z = e->served->zone;

	if (!is_given_out(e) || e->config.transfer.serial == SERIAL_KEEP || e->shown == NULL ||
	    e->shown->served == NULL || h->removed.n + h->added.n == 0)
		return ERR_OK;
	h->from = zone_serial(z);
	h->to = serial_next(h->from, e->config.transfer.serial, control_now());
	enum err err = make_step(h, z);
	if (!err)
		err = change_apply(change_span(&h->step), b, d);
	struct span all[] = { change_span(&h->step), change_span(&h->removed),
			      change_span(&h->added) };
	if (!err)
		err = change_condense(all, sizeof all / sizeof *all, &h->whole);
	h->lifted = !err;
	return err;
}

enum err alias_history_keep(struct alias_history *h, struct control *c, const struct zone_entry *e)
{
	return h->lifted ? zone_edits_keep(c, &e->config, &h->whole, h->from, h->to, &h->step)
			 : ERR_OK;
}

void alias_history_end(struct alias_history *h)
{
	change_free(&h->removed);
	change_free(&h->added);
	change_free(&h->step);
	change_free(&h->whole);
}
