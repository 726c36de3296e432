// SPDX-License-Identifier: Apache-2.0
#include "control/update_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/foreign_records.h"
#include "control/group_records.h"
#include "control/key_set_body.h"
#include "control/key_sets.h"
#include "dns/rdata.h"
#include "dns/record.h"
#include "dns/rrtype.h"
#include "transfer/update.h"

#define OPERATIONS_MAX 64

/* What is asked of CDS and CDNSKEY, looked at when all keys are known. */
struct operation {
	uint16_t type, rclass;
	size_t n;
	uint8_t rdata[DNSKEY_RDATA_MAX];
};

/* The peer's keys and records as they become. */
struct set {
	const struct zone_entry *e;
	const char *peer;
	struct dnskey key[KEY_SET_MAX];
	bool ds[KEY_SET_MAX]; /* the parent is asked for it */
	size_t n;
	uint8_t csync[FOREIGN_CSYNC_MAX];
	size_t csync_n;
	bool whole; /* all of its keys go, by the RRset's name */
	struct operation *operation;
	size_t operation_n;
	uint16_t rcode;
	const char *why; /* for the log, where the rcode is not enough */
	char said[512];
};

static bool fail(struct set *s, uint16_t rcode, const char *why)
{
	s->rcode = rcode;
	s->why = why;
	return false;
}

static bool is_rdata(const struct dnskey *k, struct span rdata)
{
	return k->rdata_len == rdata.n && memcmp(k->rdata, rdata.p, rdata.n) == 0;
}

static size_t find(const struct set *s, struct span rdata)
{
	size_t i = 0;

	while (i < s->n && !is_rdata(&s->key[i], rdata))
		i++;
	return i;
}

/* Of ours, or of another peer. */
static bool is_of_others(const struct set *s, struct span rdata)
{
	const struct keyring *k = s->e->keys;

	for (size_t i = 0; i < k->own_n; i++)
		if (is_rdata(key_dnskey(k->own[i].key), rdata))
			return true;
	for (size_t i = 0; i < k->foreign_n; i++)
		if (strcmp(k->foreign[i].owner, s->peer) != 0 &&
		    is_rdata(&k->foreign[i].key, rdata))
			return true;
	return false;
}

/* A key that is taken out and put in again by one request. */
static bool was_asked_for(const struct set *s, struct span rdata)
{
	const struct keyring *k = s->e->keys;

	for (size_t i = 0; i < k->foreign_n; i++)
		if (k->foreign[i].ds && is_rdata(&k->foreign[i].key, rdata))
			return true;
	return false;
}

static bool add_key(struct set *s, const struct record *r)
{
	if (is_of_others(s, r->rdata) || find(s, r->rdata) < s->n)
		return true; /* it stands there */
	if (s->n == KEY_SET_MAX)
		return fail(s, RCODE_REFUSED, "it has too many keys");
	if (dnskey_from_rdata(r->rdata, &s->key[s->n]))
		return fail(s, RCODE_FORMERR, NULL);
	s->whole = false;
	s->ds[s->n] = was_asked_for(s, r->rdata);
	s->n++;
	return true;
}

static bool remove_key(struct set *s, const struct record *r)
{
	size_t at = find(s, r->rdata);

	if (at < s->n) {
		s->key[at] = s->key[--s->n];
		s->ds[at] = s->ds[s->n];
	} else if (is_of_others(s, r->rdata)) {
		log_notice(s->e->text, "update: %s would remove a key that is not its own: ignored",
			   s->peer);
	}
	return true;
}

/* ---- CDS and CDNSKEY ---- */

static bool keep_operation(struct set *s, const struct record *r)
{
	if (s->operation_n == OPERATIONS_MAX || r->rdata.n > DNSKEY_RDATA_MAX)
		return fail(s, RCODE_REFUSED, "it has too many CDS and CDNSKEY");
	struct operation *o = &s->operation[s->operation_n++];
	*o = (struct operation){ .type = r->type, .rclass = r->rclass, .n = r->rdata.n };
	if (r->rdata.n > 0)
		memcpy(o->rdata, r->rdata.p, r->rdata.n);
	return true;
}

/* Whether the record speaks of the key (RFC 7344 §3.1, §3.2). */
static bool is_of_key(const struct set *s, const struct operation *o, const struct dnskey *k)
{
	uint8_t ds[DS_RDATA_MAX];
	size_t n = 0;

	if (o->type == TYPE_CDNSKEY)
		return is_rdata(k, (struct span){ o->rdata, o->n });
	return o->n > 4 && dnskey_ds(k, s->e->name, o->rdata[3], ds, &n) == ERR_OK && n == o->n &&
	       memcmp(ds, o->rdata, n) == 0;
}

static bool is_of_others_key(const struct set *s, const struct operation *o)
{
	const struct keyring *k = s->e->keys;

	for (size_t i = 0; i < k->own_n; i++)
		if (is_of_key(s, o, key_dnskey(k->own[i].key)))
			return true;
	for (size_t i = 0; i < k->foreign_n; i++)
		if (strcmp(k->foreign[i].owner, s->peer) != 0 &&
		    is_of_key(s, o, &k->foreign[i].key))
			return true;
	return false;
}

static bool do_operation(struct set *s, const struct operation *o)
{
	bool adds = o->rclass == CLASS_IN;

	if (o->rclass == CLASS_ANY) {
		memset(s->ds, 0, sizeof s->ds);
		return true;
	}
	for (size_t i = 0; i < s->n; i++) {
		if (!is_of_key(s, o, &s->key[i]))
			continue;
		if (adds && !(s->key[i].flags & DNSKEY_SEP))
			return fail(s, RCODE_REFUSED, "its CDS is of a key that signs no key set");
		s->ds[i] = adds;
		return true;
	}
	if (is_of_others_key(s, o)) {
		if (!adds)
			log_notice(s->e->text,
				   "update: %s would remove a CDS that is not its own: ignored",
				   s->peer);
		return true;
	}
	/* RFC 8078 §4: with algorithm 0 it would ask the parent for the end of DNSSEC. */
	return !adds || fail(s, RCODE_REFUSED, "its CDS is of none of its keys");
}

static bool do_operations(struct set *s)
{
	bool ok = true;

	for (size_t i = 0; i < s->operation_n && ok; i++)
		ok = do_operation(s, &s->operation[i]);
	return ok;
}

/* ---- CSYNC ---- */

static bool set_csync(struct set *s, struct span rdata)
{
	const struct foreign_csync *there = &s->e->keys->csync;

	if (!foreign_csync_is_good(rdata))
		return fail(s, RCODE_REFUSED, "its CSYNC is of more than NS, A and AAAA");
	if (there->n > 0 && strcmp(there->owner, s->peer) != 0) {
		log_notice(s->e->text, "update: the CSYNC of %s is ignored: there is one of %s",
			   s->peer, there->owner);
		return true;
	}
	memcpy(s->csync, rdata.p, rdata.n);
	s->csync_n = rdata.n;
	return true;
}

static bool clear_csync(struct set *s, struct span rdata)
{
	if (rdata.n == 0 || (rdata.n == s->csync_n && memcmp(rdata.p, s->csync, rdata.n) == 0))
		s->csync_n = 0;
	return true;
}

/* ---- records ---- */

static bool change_record(struct set *s, const struct record *r)
{
	bool adds = r->rclass == CLASS_IN;

	if (r->type == TYPE_CDS || r->type == TYPE_CDNSKEY)
		return keep_operation(s, r);
	if (r->type == TYPE_CSYNC)
		return adds ? set_csync(s, r->rdata) : clear_csync(s, r->rdata);
	if (r->rclass == CLASS_ANY) {
		s->n = 0;
		s->whole = true;
		return true;
	}
	return adds ? add_key(s, r) : remove_key(s, r);
}

static bool is_key_record(uint16_t type)
{
	return type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY ||
	       type == TYPE_CSYNC;
}

static bool take_record(struct set *s, const struct record *r)
{
	if (!name_is_within(r->owner.wire, s->e->name))
		return fail(s, RCODE_NOTZONE, NULL);
	if (!is_key_record(r->type) || !name_equal(r->owner.wire, s->e->name))
		return fail(s, RCODE_REFUSED,
			    "a peer changes its DNSKEY, CDS, CDNSKEY and CSYNC at the apex alone");
	bool good = r->rclass == CLASS_IN     ? rdata_is_valid(r->type, r->rdata)
		    : r->ttl != 0             ? false
		    : r->rclass == CLASS_NONE ? r->rdata.n > 0
					      : r->rclass == CLASS_ANY && r->rdata.n == 0;
	return good ? change_record(s, r) : fail(s, RCODE_FORMERR, NULL);
}

/* Prerequisites are judged as for any update; with no record in its update section it is one that
 * changes nothing. */
static uint16_t prerequisites(const struct request *r, const struct zone_entry *e)
{
	struct message without = r->msg;
	struct zone_builder *b = NULL;
	struct change_set nothing = { 0 };
	uint16_t rcode = RCODE_SERVFAIL;

	without.count[2] = 0;
	struct update u = { .message = r->h->message, .parsed = &without, .apex = e->name };
	if (zone_build_change(&b, e->served->zone) == ERR_OK)
		rcode = update_evaluate(&u, b, &nothing);
	zone_build_abort(b);
	change_free(&nothing);
	return rcode;
}

static bool read_update(struct set *s, const struct request *r)
{
	struct reader in = reader_of(r->h->message.p, r->h->message.n);
	uint8_t *room = malloc(RDATA_MAX);
	struct record rec;
	bool ok = room != NULL || fail(s, RCODE_SERVFAIL, NULL);

	in.p += r->msg.question_end;
	for (unsigned i = 0; ok && i < r->msg.count[1]; i++)
		ok = record_skip(&in) || fail(s, RCODE_FORMERR, NULL);
	for (unsigned i = 0; ok && i < r->msg.count[2]; i++)
		ok = record_read(&in, &rec, room, RDATA_MAX) ? take_record(s, &rec)
							     : fail(s, RCODE_FORMERR, NULL);
	free(room);
	return ok;
}

static void present(struct set *s)
{
	const struct keyring *k = s->e->keys;

	for (size_t i = 0; i < k->foreign_n && s->n < KEY_SET_MAX; i++)
		if (strcmp(k->foreign[i].owner, s->peer) == 0) {
			s->ds[s->n] = k->foreign[i].ds;
			s->key[s->n++] = k->foreign[i].key;
		}
	if (k->csync.n > 0 && strcmp(k->csync.owner, s->peer) == 0) {
		memcpy(s->csync, k->csync.rdata, k->csync.n);
		s->csync_n = k->csync.n;
	}
}

/* A peer that takes out all of its keys by the RRset's name means it; one that names them all, or
 * puts others in their place, may have forgotten that what they signed is cached. In a group
 * leaving is a process. */
static bool may_leave(const struct set *s)
{
	return s->whole && s->n == 0 && !group_rules_records(s->e->keys->group);
}

static void serve(struct request *r, struct zone_entry *e, struct set *s)
{
	struct control_result result = { 0 };
	struct dnskey *wanted = calloc(KEY_SET_MAX, sizeof *wanted);
	struct foreign_wish wish = { .key = wanted, .csync = { s->csync, s->csync_n } };
	bool leaves = may_leave(s) && keyring_has_foreign_of(e->keys, s->peer), changed = false;
	enum err err = wanted == NULL ? ERR_NOMEM : ERR_OK;

	for (size_t i = 0; i < s->n && !err; i++)
		if (s->ds[i])
			wanted[wish.key_n++] = s->key[i];
	if (!err)
		err = control_key_set_take(r->control, e, s->peer, s->key, s->n, leaves, &result);
	if (err) {
		snprintf(s->said, sizeof s->said, "%s",
			 result.detail[0] != 0 ? result.detail : err_text(err));
		fail(s, err == ERR_REFUSED ? RCODE_REFUSED : RCODE_SERVFAIL, s->said);
	} else if (foreign_records_take(r->control, e, s->peer, &wish, &changed)) {
		fail(s, RCODE_SERVFAIL, "its records cannot be served");
	}
	if (!err && leaves)
		log_warning(
		    e->text,
		    "key: %s has taken out all of its keys; what they signed fails where it "
		    "is cached, for up to %u s, and at servers that go on signing with them",
		    s->peer, zone_max_ttl(e->served->zone));
	if (changed)
		log_notice(e->text, "key: %s asks the parent for %zu of its keys%s%s", s->peer,
			   wish.key_n, s->csync_n > 0 ? ", and has a CSYNC" : "",
			   group_rules_records(e->keys->group)
			       ? "; the group decides what is served"
			       : "");
	free(wanted);
}

void update_keys(struct request *r, struct zone_entry *e, const char *peer)
{
	char from[REQUEST_TEXT_MAX];
	struct set *s = calloc(1, sizeof *s);

	if (s != NULL)
		s->operation = calloc(OPERATIONS_MAX, sizeof *s->operation);
	if (s == NULL || s->operation == NULL) {
		free(s);
		request_refuse(r, RCODE_SERVFAIL);
		return;
	}
	s->e = e;
	s->peer = peer;
	present(s);
	s->rcode = prerequisites(r, e);
	if (s->rcode == RCODE_NOERROR && read_update(s, r) && do_operations(s))
		serve(r, e, s);
	if (s->why != NULL)
		log_notice(e->text, "update: of %s, keys of %s: %s", request_from(r, from), peer,
			   s->why);
	request_refuse(r, s->rcode);
	free(s->operation);
	free(s);
}
