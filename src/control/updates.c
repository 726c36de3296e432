// SPDX-License-Identifier: Apache-2.0
#include "control/updates.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/catalogs.h"
#include "control/history.h"
#include "control/overlay.h"
#include "control/transferred.h"
#include "control/update_forward.h"
#include "control/update_keys.h"
#include "control/zone_digest.h"
#include "dns/rrtype.h"
#include "store/journal.h"
#include "transfer/update.h"

struct pending {
	struct pending *next;
	struct request *request;
	struct zone_entry *entry;
	uint16_t rcode;
	bool settled;
	struct change_set set;
};

/* ---- taking ---- */

static void refuse(struct request *r, uint16_t rcode, const char *zone, const char *why)
{
	char from[REQUEST_TEXT_MAX];

	if (why != NULL)
		log_notice(zone, "update: of %s refused: %s", request_from(r, from), why);
	request_refuse(r, rcode);
}

/* Said once when it begins, and once when it is over. */
static bool keeps_the_rate(struct request *r, struct zone_entry *e)
{
	uint32_t limit = e->config.secondary.limits.changes_per_second;
	char from[REQUEST_TEXT_MAX];

	switch (
	    update_rate_take(&e->update_rate, limit, r->msg.count[2], uv_now(r->control->loop))) {
	case UPDATE_RATE_OVER:
		log_warning(e->text,
			    "update: of %s refused: more than %u records a second "
			    "(limits.changes-per-second); refused until it is less",
			    request_from(r, from), limit);
		return false;
	case UPDATE_RATE_STILL_OVER:
		return false;
	case UPDATE_RATE_OK_AGAIN:
		log_notice(e->text, "update: taken again; %llu were refused for their rate",
			   (unsigned long long)e->update_rate.refused_n);
		return true;
	case UPDATE_RATE_OK:
		break;
	}
	return true;
}

void updates_add(struct request *r)
{
	struct zone_entry *e = request_zone(r);

	if (r->msg.qtype != TYPE_SOA) { /* RFC 2136 §3.1.1 */
		request_refuse(r, RCODE_FORMERR);
		return;
	}
	if (e == NULL) {
		request_refuse(r, RCODE_NOTAUTH);
		return;
	}
	const struct config_transfer *t = &e->config.transfer;
	if (!update_permits_some(t->updates, t->update_n, &r->who)) {
		refuse(r, RCODE_REFUSED, e->text, "no rule of allow-update permits it");
		return;
	}
	if (!keeps_the_rate(r, e)) {
		request_refuse(r, RCODE_REFUSED);
		return;
	}
	if (e->config.secondary.primary_n > 0) {
		update_forward(r, e);
		return;
	}
	const struct update_grant *peer = update_peer(t->updates, t->update_n, &r->who);
	if (peer != NULL && e->keys != NULL) {
		updates_commit(r->control); /* what came before it */
		update_keys(r, e, peer->peer);
		return;
	}
	struct pending *p = calloc(1, sizeof *p);
	struct request *kept = p != NULL ? request_keep(r) : NULL;
	if (kept == NULL) {
		free(p);
		request_refuse(r, RCODE_SERVFAIL);
		return;
	}
	p->request = kept;
	p->entry = e;
	if (r->control->updates_last != NULL)
		r->control->updates_last->next = p;
	else
		r->control->updates = p;
	r->control->updates_last = p;
}

/* ---- one version ---- */

static struct change_record soa_record(enum change_op op, const struct zone *z, uint8_t *wire)
{
	const struct rrset *soa = zone_soa(z);
	size_t n = soa->wire_len - RR_FIXED_LEN;

	memcpy(wire, soa->wire + RR_FIXED_LEN, n);
	return (struct change_record){ op, zone_name(z), TYPE_SOA, soa->ttl, { wire, n } };
}

/* From the old serial to this one, and nothing else. */
static enum err make_soa(const struct zone_entry *e, struct change_set *out, uint32_t to)
{
	uint8_t wire[2 * NAME_MAX_LEN + 20];
	struct change_record r = soa_record(CHANGE_REMOVE, e->served->zone, wire);
	enum err err = change_add(out, &r);

	r.op = CHANGE_ADD;
	store_u32(wire + r.rdata.n - 20, to);
	return err ? err : change_add(out, &r);
}

static bool is_alias(const uint8_t *owner, void *context)
{
	return alias_set_find(context, owner) != NULL;
}

static void evaluate(struct pending *p, struct zone_builder *b, struct diag *d)
{
	const struct zone_entry *e = p->entry;
	const struct config_transfer *t = &e->config.transfer;
	struct update u = {
		.message = p->request->h->message,
		.parsed = &p->request->msg,
		.apex = e->name,
		.zonemd_here = zone_digest_is_made(e),
		.signed_here = e->keys != NULL,
		.grants = t->updates,
		.grant_n = t->update_n,
		.who = p->request->who,
		.is_alias = is_alias,
		.alias_context = e->served->aliases,
	};

	p->rcode = update_evaluate(&u, b, &p->set);
	if (p->rcode == RCODE_NOERROR && p->set.n > 0 && change_apply(change_span(&p->set), b, d))
		p->rcode = RCODE_SERVFAIL;
}

static enum err journal_it(struct control *c, const struct zone_entry *e, struct span set,
			   uint32_t from, uint32_t to)
{
	struct journal_limits limits = journal_limits_of(&e->config.transfer);
	struct journal_set s = { from, to, control_now(), set };
	enum err err = journal_begin(c->journal);

	if (!err)
		err = journal_append(c->journal, e->text, &s, true, &limits);
	if (err)
		journal_rollback(c->journal);
	return err;
}

/* The batch as one set: each request's, and the step of the serial. */
static enum err condense(const struct zone_entry *e, struct pending *const *all, size_t n,
			 struct change_set *out, uint32_t to)
{
	struct span *spans = malloc((n + 1) * sizeof *spans);
	struct change_set soa = { 0 };
	size_t used = 0;
	enum err err = spans == NULL ? ERR_NOMEM : make_soa(e, &soa, to);

	for (size_t i = 0; i < n && !err; i++)
		if (all[i]->rcode == RCODE_NOERROR && all[i]->set.n > 0)
			spans[used++] = change_span(&all[i]->set);
	if (!err) {
		spans[used++] = change_span(&soa);
		err = change_condense(spans, used, out);
	}
	change_free(&soa);
	free(spans);
	return err;
}

static bool changes_something(struct pending *const *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (all[i]->rcode == RCODE_NOERROR && all[i]->set.n > 0)
			return true;
	return false;
}

/* Undoes a version that could not be kept: the one after it says what the one before did. */
static enum err undo(struct served *s, struct span set, struct served **out)
{
	struct change_set back = { 0 };
	struct change_record r;
	struct zone_builder *b = NULL;
	struct diag d = { 0 };
	enum err err = zone_build_change(&b, s->zone);

	while (!err && change_next(&set, &r)) {
		r.op = r.op == CHANGE_ADD ? CHANGE_REMOVE : CHANGE_ADD;
		err = change_add(&back, &r);
	}
	if (!err)
		err = change_apply(change_span(&back), b, &d);
	if (err)
		zone_build_abort(b);
	else
		err = zone_load_change(s, b, out, &d);
	change_free(&back);
	diag_free(&d);
	return err;
}

/* Seals, keeps, publishes. */
static enum err put_into_service(struct control *c, struct zone_entry *e, struct zone_builder *b,
				 struct span set, uint32_t to, struct diag *d)
{
	struct served *made = NULL;
	enum err err = journal_it(c, e, set, zone_serial(e->served->zone), to);

	if (err) {
		zone_build_abort(b);
		return err;
	}
	err = zone_load_change(e->served, b, &made, d);
	if (err) {
		journal_rollback(c->journal);
		return err;
	}
	enum err kept = journal_commit(c->journal);
	served_unref(e->served);
	e->served = made;
	if (kept) {
		struct served *before = NULL;
		if (undo(made, set, &before))
			log_error(e->text, "update: what could not be kept is served until the "
					   "next start");
		else {
			view_zones_leave(c, e->served);
			e->served = before;
		}
	}
	err = publish_zone(c, e);
	return kept ? kept : err;
}

void updates_lift_serial(struct control *c, struct zone_entry *e, uint32_t to)
{
	struct zone_builder *b = NULL;
	struct change_set set = { 0 };
	struct served *made = NULL;
	struct diag d = { 0 };
	enum err err = zone_build_change(&b, e->served->zone);

	if (!err)
		err = make_soa(e, &set, to);
	if (!err)
		err = change_apply(change_span(&set), b, &d);
	if (err) {
		zone_build_abort(b);
	} else if (e->config.secondary.primary_n == 0) {
		err = put_into_service(c, e, b, change_span(&set), to, &d);
	} else if ((err = zone_load_change(e->served, b, &made, &d)) == ERR_OK) {
		struct own_serial own = { true, to, made->primary_serial };
		if (e->config.transfer.serial != SERIAL_KEEP)
			(void)own_serial_write(c->store, e->text, &own);
		served_unref(e->served);
		e->served = made;
		err = publish_zone(c, e);
	}
	if (err)
		log_error(e->text, "serial: %u cannot be put into service: %s", to, err_text(err));
	change_free(&set);
	diag_free(&d);
}

/* Evaluates and commits some requests of one zone. False: the result was not a zone. */
static bool commit(struct control *c, struct zone_entry *e, struct pending *const *all, size_t n)
{
	struct zone_builder *b = NULL;
	struct change_set whole = { 0 };
	struct diag d = { 0 };
	uint32_t to = 0;
	enum err err = zone_build_change(&b, e->served->zone);

	for (size_t i = 0; i < n && !err; i++) {
		change_free(&all[i]->set);
		evaluate(all[i], b, &d);
	}
	if (err || !changes_something(all, n)) {
		zone_build_abort(b);
	} else {
		struct change_set soa = { 0 };
		to = serial_next(zone_serial(e->served->zone), e->config.transfer.serial,
				 control_now());
		err = condense(e, all, n, &whole, to);
		if (!err)
			err = make_soa(e, &soa, to);
		if (!err)
			err = change_apply(change_span(&soa), b, &d);
		change_free(&soa);
		if (err)
			zone_build_abort(b);
		else
			err = put_into_service(c, e, b, change_span(&whole), to, &d);
	}
	if (!err && to != 0)
		catalogs_follow(c, e);
	if (!err && to != 0)
		log_info(e->text, "update: %zu records removed, %zu added, serial %u",
			 whole.removed_n, whole.added_n, to);
	if (err && n == 1)
		log_diag(e->text, &d);
	change_free(&whole);
	diag_free(&d);
	for (size_t i = 0; i < n && err; i++)
		if (all[i]->rcode == RCODE_NOERROR)
			all[i]->rcode = RCODE_SERVFAIL;
	return err != ERR_INVALID;
}

static void answer(struct pending *p)
{
	request_refuse(p->request, p->rcode);
	request_free(p->request);
	change_free(&p->set);
	free(p);
}

/* All pending ones of the first one's zone. */
static void commit_zone(struct control *c, struct pending **all, size_t n)
{
	struct zone_entry *e = all[0]->entry;

	if (!commit(c, e, all, n) && n > 1)
		for (size_t i = 0; i < n; i++) /* one of them is no zone: each for itself */
			commit(c, e, &all[i], 1);
	overlay_shorten(c->journal, e->text, control_now());
	for (size_t i = 0; i < n; i++)
		answer(all[i]);
}

void updates_commit(struct control *c)
{
	while (c->updates != NULL) {
		struct pending *mine[256], *rest = NULL, *rest_last = NULL;
		struct zone_entry *e = c->updates->entry;
		size_t n = 0;
		for (struct pending *p = c->updates, *next; p != NULL; p = next) {
			next = p->next;
			p->next = NULL;
			if (p->entry == e && n < sizeof mine / sizeof *mine) {
				mine[n++] = p;
				continue;
			}
			if (rest_last != NULL)
				rest_last->next = p;
			else
				rest = p;
			rest_last = p;
		}
		c->updates = rest;
		c->updates_last = rest_last;
		commit_zone(c, mine, n);
	}
}

/* ---- at a load ---- */

enum err updates_replay(struct journal *j, const struct config_zone *z, struct zone_builder *b,
			struct diag *d)
{
	struct overlay x = { 0 };
	const struct rrset *soa = zone_build_rrset(b, z->name, TYPE_SOA);
	enum err err = overlay_read(&x, j, z->text);

	if (!err && x.n > 0 && soa != NULL) {
		uint32_t serial = load_u32(soa->wire + soa->wire_len - 20);
		if (serial_is_newer(serial, x.to)) {
			log_notice(z->text,
				   "journal: the file's serial %u is newer than the last update's "
				   "%u: the file wins, earlier updates are forgotten",
				   serial, x.to);
			err = journal_begin(j);
			if (!err)
				err = journal_forget(j, z->text);
			err = err ? err : journal_commit(j);
		} else {
			/* The file's own SOA, whatever its serial, gives way to the last one. */
			err = zone_build_remove(b, z->name, TYPE_SOA);
			for (size_t i = 0; i < x.n && !err; i++)
				err = change_apply(change_span(&x.sets[i]), b, d);
			if (!err)
				log_info(z->text,
					 "journal: updates up to serial %u lie on the file", x.to);
		}
	}
	overlay_free(&x);
	return err;
}
