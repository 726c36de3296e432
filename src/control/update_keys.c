// SPDX-License-Identifier: Apache-2.0
#include "control/update_keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/key_set_body.h"
#include "control/key_sets.h"
#include "dns/rdata.h"
#include "dns/record.h"
#include "dns/rrtype.h"
#include "transfer/update.h"

/* The peer's keys as they become. */
struct set {
	const struct zone_entry *e;
	const char *peer;
	struct dnskey key[KEY_SET_MAX];
	size_t n;
	uint16_t rcode;
	const char *why; /* for the log, where the rcode is not enough */
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

static bool add_key(struct set *s, const struct record *r)
{
	if (is_of_others(s, r->rdata) || find(s, r->rdata) < s->n)
		return true; /* it stands there */
	if (s->n == KEY_SET_MAX)
		return fail(s, RCODE_REFUSED, "it has too many keys");
	if (dnskey_from_rdata(r->rdata, &s->key[s->n]))
		return fail(s, RCODE_FORMERR, NULL);
	s->n++;
	return true;
}

static bool remove_key(struct set *s, const struct record *r)
{
	size_t at = find(s, r->rdata);

	if (at < s->n)
		s->key[at] = s->key[--s->n];
	else if (is_of_others(s, r->rdata))
		log_notice(s->e->text, "update: %s would remove a key that is not its own: ignored",
			   s->peer);
	return true;
}

static bool take_record(struct set *s, const struct record *r)
{
	if (!name_is_within(r->owner.wire, s->e->name))
		return fail(s, RCODE_NOTZONE, NULL);
	if (r->type != TYPE_DNSKEY || !name_equal(r->owner.wire, s->e->name))
		return fail(s, RCODE_REFUSED, "a peer changes its DNSKEY at the apex alone");
	if (r->rclass == CLASS_IN)
		return rdata_is_valid(r->type, r->rdata) ? add_key(s, r)
							 : fail(s, RCODE_FORMERR, NULL);
	if (r->ttl != 0)
		return fail(s, RCODE_FORMERR, NULL);
	if (r->rclass == CLASS_NONE)
		return remove_key(s, r);
	if (r->rclass != CLASS_ANY || r->rdata.n != 0)
		return fail(s, RCODE_FORMERR, NULL);
	s->n = 0;
	return true;
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
		if (strcmp(k->foreign[i].owner, s->peer) == 0)
			s->key[s->n++] = k->foreign[i].key;
}

void update_keys(struct request *r, struct zone_entry *e, const char *peer)
{
	struct control_result result = { 0 };
	char from[REQUEST_TEXT_MAX];
	struct set *s = calloc(1, sizeof *s);

	if (s == NULL) {
		request_refuse(r, RCODE_SERVFAIL);
		return;
	}
	s->e = e;
	s->peer = peer;
	present(s);
	s->rcode = prerequisites(r, e);
	if (s->rcode == RCODE_NOERROR && read_update(s, r) &&
	    control_key_set_take(r->control, e, peer, s->key, s->n, &result))
		fail(s, result.err == ERR_REFUSED ? RCODE_REFUSED : RCODE_SERVFAIL, result.detail);
	if (s->why != NULL)
		log_notice(e->text, "update: of %s, keys of %s: %s", request_from(r, from), peer,
			   s->why);
	request_refuse(r, s->rcode);
	free(s);
}
