// SPDX-License-Identifier: Apache-2.0
#include "control/transferred.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/overlay.h"
#include "dns/rrtype.h"
#include "store/journal.h"
#include "transfer/spool.h"

/* Records looked at for one change; above it, a hostile or odd one, the zone is made anew: that
 * sorts, while a change looks through each RRset that it touches. */
#define CHANGE_WORK_MAX (20u << 20)

/* ---- serials of our own ---- */

static void serial_key(const char *zone, char *out, size_t n)
{
	snprintf(out, n, "transferred/%s", zone);
}

void own_serial_read(struct store *s, const char *zone, struct own_serial *out)
{
	char key[STORE_KEY_MAX], *text = NULL;
	json_int_t own, primary;

	*out = (struct own_serial){ 0 };
	serial_key(zone, key, sizeof key);
	if (s == NULL || store_get(s, key, &text, NULL))
		return;
	json_t *j = json_loads(text, 0, NULL);
	if (json_unpack(j, "{s:I, s:I}", "serial", &own, "primary", &primary) == 0)
		*out = (struct own_serial){ true, (uint32_t)own, (uint32_t)primary };
	json_decref(j);
	free(text);
}

enum err own_serial_write(struct store *s, const char *zone, const struct own_serial *o)
{
	char key[STORE_KEY_MAX], text[80];

	serial_key(zone, key, sizeof key);
	snprintf(text, sizeof text, "{\"serial\": %u, \"primary\": %u}", o->own, o->primary);
	return store_put(s, key, text);
}

uint32_t own_serial_next(const struct own_serial *o, enum serial_policy policy, uint32_t primary,
			 bool fresh, int64_t now)
{
	if (policy == SERIAL_KEEP)
		return primary;
	if (o->known && o->primary == primary && !fresh)
		return o->own;
	if (o->known)
		return serial_next(o->own, policy, now);
	return policy == SERIAL_INCREMENT ? primary : serial_next(primary, policy, now);
}

/* ---- what is left out ---- */

/* Where we sign, signatures, proofs and keys are ours. ZONEMD is of a zone that ours no longer is
 * where something of it is ours: signatures, steered names, the serial. Else all is served as it
 * came. */
static bool is_left_out(const struct config_zone *z, uint16_t type)
{
	const struct rr_type_info *info = rr_type_info(type);

	if (type == TYPE_ZONEMD)
		return z->signing != NULL || z->zonemd != 0 || z->steering != NULL ||
		       z->transfer.serial != SERIAL_KEEP;
	return z->signing != NULL &&
	       ((info != NULL && (info->flags & RR_DENIAL)) || type == TYPE_DNSKEY ||
		type == TYPE_CDS || type == TYPE_CDNSKEY || type == TYPE_CSYNC);
}

/* What its primary has signed must keep the serial that was signed. */
static enum serial_policy policy_of(const struct config_zone *z, const struct zone_builder *b)
{
	return z->signing == NULL && zone_build_rrset(b, z->name, TYPE_DNSKEY) != NULL
		   ? SERIAL_KEEP
		   : z->transfer.serial;
}

/* ---- loading ---- */

struct reading {
	const struct config_zone *config;
	struct zone_builder *b;
	struct diag *d;
};

static enum err add_record(const struct spool_record *r, void *context)
{
	struct reading *t = context;
	struct zone_record record = {
		.owner = r->owner, .type = r->type, .ttl = r->ttl, .rdata = r->rdata
	};

	if (is_left_out(t->config, r->type))
		return ERR_OK;
	return zone_build_add(t->b, &record, t->d);
}

static bool soa_of(const struct zone_builder *b, const uint8_t *apex, uint32_t *serial)
{
	const struct rrset *soa = zone_build_rrset(b, apex, TYPE_SOA);

	if (soa == NULL)
		return false;
	*serial = load_u32(soa->wire + soa->wire_len - 20);
	return true;
}

/* One set on top of what was read. */
static enum err lay_on(struct reading *t, struct span set)
{
	struct change_record c;
	enum err e = ERR_OK;

	while (!e && change_next(&set, &c)) {
		struct zone_record r = {
			.owner = c.owner, .type = c.type, .ttl = c.ttl, .rdata = c.rdata
		};
		if (is_left_out(t->config, c.type))
			continue;
		e = c.op == CHANGE_ADD ? zone_build_add(t->b, &r, t->d)
				       : zone_build_remove_record(t->b, &r);
	}
	return !e && set.n > 0 ? ERR_CORRUPT : e;
}

/* Only what leads on from the serial that is there. */
static enum err read_overlay(const struct zone_load *l, struct reading *t)
{
	char source[JOURNAL_SOURCE_MAX];
	struct overlay x = { 0 };
	uint32_t at;
	enum err e = transferred_source(l->config->text, l->spool, source);

	if (!e)
		e = overlay_read(&x, l->journal, source);
	if (!e && !soa_of(t->b, l->config->name, &at))
		e = x.n > 0 ? ERR_CORRUPT : ERR_OK;
	for (size_t i = 0; i < x.n && !e; i++) {
		if (x.from_of[i] != at) {
			log_error(l->config->text,
				  "journal: the changes from serial %u do not lead on from %u",
				  x.from_of[i], at);
			break;
		}
		e = lay_on(t, change_span(&x.sets[i]));
		at = x.to_of[i];
	}
	overlay_free(&x);
	return e;
}

/* An SOA like the one that is there, with another serial. */
static enum err set_serial(struct zone_builder *b, const uint8_t *apex, uint32_t serial,
			   struct diag *d)
{
	uint8_t rdata[2 * NAME_MAX_LEN + 20];
	const struct rrset *soa = zone_build_rrset(b, apex, TYPE_SOA);
	struct zone_record r = { .owner = apex, .type = TYPE_SOA, .ttl = soa->ttl };

	r.rdata = (struct span){ rdata, soa->wire_len - RR_FIXED_LEN };
	memcpy(rdata, soa->wire + RR_FIXED_LEN, r.rdata.n);
	store_u32(rdata + r.rdata.n - 20, serial);
	enum err e = zone_build_remove(b, apex, TYPE_SOA);
	return e ? e : zone_build_add(b, &r, d);
}

enum err transferred_read(const struct zone_load *l, struct zone_builder *b, uint32_t *primary,
			  struct diag *d)
{
	struct reading t = { .config = l->config, .b = b, .d = d };
	struct diag_place at = { .file = l->spool };
	enum err e = spool_read(l->spool, l->config->name, add_record, &t);

	if (!e && l->journal != NULL)
		e = read_overlay(l, &t);
	if (e == ERR_CORRUPT)
		diag_add(d, DIAG_WARNING, &at, NULL, "the transferred zone is damaged");
	if (!e && soa_of(b, l->config->name, primary)) {
		uint32_t own = own_serial_next(&l->own_serial, policy_of(l->config, b), *primary,
					       l->fresh, control_now());
		if (own != *primary)
			e = set_serial(b, l->config->name, own, d);
	}
	if (!e && policy_of(l->config, b) != l->config->transfer.serial)
		diag_add(d, DIAG_NOTICE, NULL, NULL,
			 "the serial stays the primary's: its SOA is signed there");
	return e;
}

enum err transferred_source(const char *zone, const char *spool, char out[JOURNAL_SOURCE_MAX])
{
	char id[SPOOL_ID_MAX];
	enum err e = spool_id(spool, id);

	if (!e)
		journal_source(zone, id, out);
	return e;
}

/* ---- changing ---- */

struct applying {
	const struct zone_entry *e;
	struct zone_builder *b;
	struct change_set *ours;
	struct diag *d;
	size_t work;
	char *why;
	size_t why_len;
};

static enum err refuse(struct applying *a, const struct change_record *c, const char *what)
{
	char name[NAME_TEXT_MAX], type[RR_TYPE_TEXT_MAX];

	snprintf(a->why, a->why_len, "%.200s %s %s", name_to_text(c->owner, name),
		 rr_type_to_text(c->type, type), what);
	return ERR_CONFLICT;
}

static enum err apply_record(struct applying *a, const struct change_record *c)
{
	struct zone_record r = {
		.owner = c->owner, .type = c->type, .ttl = c->ttl, .rdata = c->rdata
	};
	const struct rrset *there = zone_build_rrset(a->b, c->owner, c->type);
	bool has = false;

	a->work += there != NULL ? there->rr_n : 1;
	if (a->work > CHANGE_WORK_MAX)
		return ERR_TOO_LONG;
	if (c->type == TYPE_ALIAS)
		return refuse(a, c, "is an alias, which comes with the whole zone");
	if (there != NULL && there->steering != NULL)
		return refuse(a, c, "is steered here, and the primary has it too");
	enum err e = zone_build_has(a->b, &r, &has);
	if (!e && has != (c->op == CHANGE_REMOVE))
		return refuse(a, c,
			      has ? "is added, but is there" : "is removed, but is not there");
	if (!e)
		e = c->op == CHANGE_ADD ? zone_build_add(a->b, &r, a->d)
					: zone_build_remove_record(a->b, &r);
	return e ? e : change_add(a->ours, c);
}

static enum err apply_side(struct applying *a, struct span set, enum change_op op)
{
	struct change_record c;
	enum err e = ERR_OK;

	while (!e && change_next(&set, &c))
		if (c.op == op && c.type != TYPE_SOA && !is_left_out(&a->e->config, c.type))
			e = apply_record(a, &c);
	return !e && set.n > 0 ? ERR_CORRUPT : e;
}

/* The SOA that is served now, as one side of our change. */
static enum err add_soa(struct applying *a, enum change_op op)
{
	const uint8_t *apex = a->e->name;
	const struct rrset *soa = zone_build_rrset(a->b, apex, TYPE_SOA);
	struct change_record c = { op,
				   apex,
				   TYPE_SOA,
				   soa->ttl,
				   { soa->wire + RR_FIXED_LEN, soa->wire_len - RR_FIXED_LEN } };

	return change_add(a->ours, &c);
}

/* The primary's new SOA, with our serial. */
static enum err take_soa(struct applying *a, struct span set, uint32_t serial)
{
	struct change_record c;
	enum err e = ERR_INVALID; /* a difference without an SOA: never from transfer/incoming */

	while (change_next(&set, &c)) {
		if (c.op != CHANGE_ADD || c.type != TYPE_SOA)
			continue;
		struct zone_record r = {
			.owner = a->e->name, .type = TYPE_SOA, .ttl = c.ttl, .rdata = c.rdata
		};
		e = zone_build_remove(a->b, a->e->name, TYPE_SOA);
		if (!e)
			e = zone_build_add(a->b, &r, a->d);
		if (!e)
			e = set_serial(a->b, a->e->name, serial, a->d);
		break;
	}
	return e;
}

static enum err condense(const struct change_set *sets, size_t n, struct change_set *out)
{
	struct span *spans = calloc(n + 1, sizeof *spans);

	if (spans == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		spans[i] = change_span(&sets[i]);
	enum err e = change_condense(spans, n, out);
	free(spans);
	return e;
}

void transferred_change_free(struct transferred_change *t)
{
	change_free(&t->raw);
	change_free(&t->ours);
	zone_build_abort(t->builder);
	t->builder = NULL;
}

enum err transferred_change(const struct zone_entry *e, const struct own_serial *own,
			    const struct change_set *sets, size_t n, struct transferred_change *out,
			    char *why, size_t why_len, struct diag *d)
{
	const struct zone *z = e->served->zone;

	*out = (struct transferred_change){ .from = zone_serial(z) };
	why[0] = 0;
	enum err err = condense(sets, n, &out->raw);
	struct span raw = change_span(&out->raw);
	if (!err && !change_serials(raw, &out->primary_from, &out->primary_to))
		err = ERR_INVALID;
	if (!err)
		err = zone_build_change(&out->builder, e->served->zone);
	if (err)
		return err;
	out->to = own_serial_next(own, policy_of(&e->config, out->builder), out->primary_to, true,
				  control_now());
	struct applying a = { .e = e,
			      .b = out->builder,
			      .ours = &out->ours,
			      .d = d,
			      .why = why,
			      .why_len = why_len };
	err = add_soa(&a, CHANGE_REMOVE);
	if (!err)
		err = apply_side(&a, raw, CHANGE_REMOVE);
	if (!err)
		err = take_soa(&a, raw, out->to);
	if (!err)
		err = add_soa(&a, CHANGE_ADD);
	return err ? err : apply_side(&a, raw, CHANGE_ADD);
}
