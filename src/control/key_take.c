// SPDX-License-Identifier: Apache-2.0
/* Private keys that come from outside: those of a zone that another server signed, and single ones.
 * Each is kept before it counts. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "control/internal.h"
#include "dnssec/algorithm.h"

/* One of the files as the caller named it. */
struct taken {
	const char *file;
	struct key_traits traits;
	enum key_role role;
	enum key_state state;
	int tag; /* that it must have; -1: any */
};

static const char *text_in(const json_t *j, const char *name)
{
	return json_string_value(json_object_get(j, name));
}

static bool read_taken(const json_t *j, enum key_state state, struct taken *out,
		       struct control_result *r)
{
	const char *role = text_in(j, "role"), *algorithm = text_in(j, "algorithm");
	const char *given = text_in(j, "state");
	const json_t *tag = json_object_get(j, "tag");

	*out = (struct taken){ .state = state, .tag = -1 };
	out->file = json_is_string(j) ? json_string_value(j) : text_in(j, "file");
	const struct algorithm *a = algorithm != NULL ? algorithm_from_text(algorithm) : NULL;
	if (out->file == NULL || (role != NULL && !key_role_from_text(role, &out->role)) ||
	    (algorithm != NULL && a == NULL) ||
	    (given != NULL && !key_state_from_text(given, &out->state))) {
		control_fail(
		    r, ERR_SYNTAX,
		    "a key is a path, or has 'file' with 'role', 'algorithm' and 'state' of "
		    "known names");
		return false;
	}
	if (role != NULL)
		out->traits.role = &out->role;
	if (a != NULL)
		out->traits.algorithm = a->number;
	if (json_is_integer(tag))
		out->tag = (int)json_integer_value(tag);
	return true;
}

static enum err take_one(struct keyring *k, const struct taken *t, const struct keyring_context *kc,
			 size_t *at, struct control_result *r)
{
	struct diag d = { 0 };
	enum err e = keyring_adopt(k, t->file, &t->traits, t->state, kc, at, &d);

	if (e)
		control_fail(r, e == ERR_IO ? ERR_NOT_FOUND : ERR_REFUSED, "%s",
			     d.n > 0 ? d.findings[0].text : err_text(e));
	else if (t->tag >= 0 && k->facts.keys[*at].tag != t->tag) {
		control_fail(r, ERR_REFUSED, "%.200s has the key with tag %u, not %d", t->file,
			     k->facts.keys[*at].tag, t->tag);
		e = ERR_REFUSED;
	}
	diag_free(&d);
	return e;
}

/* ---- taking a signed zone over ---- */

/* Keys that we made on first start and that nobody can know: no parent has a DS. */
static bool are_fresh(const struct keyring *k)
{
	for (size_t i = 0; i < k->own_n; i++)
		if (k->facts.keys[i].ds_seen_at != 0 || k->facts.keys[i].manual)
			return false;
	return true;
}

/* A single key that says nothing of its role does both. */
static enum err adopt_one(struct keyring *k, const json_t *j, bool alone,
			  const struct keyring_context *kc, struct control_result *r)
{
	static const enum key_role CSK = KEY_CSK;
	struct taken t;
	size_t at = 0;

	if (!read_taken(j, KEY_ACTIVE, &t, r))
		return ERR_SYNTAX;
	if (alone && t.traits.role == NULL)
		t.traits.role = &CSK;
	enum err e = take_one(k, &t, kc, &at, r);
	if (!e && k->facts.keys[at].role != KEY_ZSK &&
	    (t.state == KEY_ACTIVE || t.state == KEY_RETIRED))
		k->facts.keys[at].ds_seen_at = kc->now;
	return e;
}

static bool covers_both(const struct keyring *k, size_t from)
{
	bool ksk = false, zsk = false;

	for (size_t i = from; i < k->own_n; i++) {
		ksk = ksk || rollover_signs_dnskey(&k->facts.keys[i]);
		zsk = zsk || k->facts.keys[i].signs;
	}
	return ksk && zsk;
}

/* RFC 4035 §2.2: each algorithm of the DNSKEY set signs the zone. */
static bool all_algorithms_sign(const struct keyring *k, size_t from)
{
	for (size_t i = from; i < k->own_n; i++) {
		const struct rollover_key *f = &k->facts.keys[i];
		bool signs = !rollover_is_published(f);
		for (size_t j = from; j < k->own_n && !signs; j++)
			signs =
			    k->facts.keys[j].signs && k->facts.keys[j].algorithm == f->algorithm;
		if (!signs)
			return false;
	}
	return true;
}

static void forget(struct keyring *k, size_t from, size_t n)
{
	for (size_t i = from; i < from + n; i++)
		k->facts.keys[i].state = KEY_REMOVED;
}

/* The policy may want another algorithm or scheme than the zone has: that is for the operator to
 * start, not a surprise. */
static bool fits_policy(const struct keyring *k, const struct config_signing *p)
{
	for (size_t i = 0; i < k->own_n; i++) {
		const struct rollover_key *f = &k->facts.keys[i];
		if (f->state != KEY_REMOVED &&
		    (f->algorithm != p->algorithm ||
		     (f->role == KEY_CSK) != (p->keys == CONFIG_KEYS_CSK)))
			return false;
	}
	return true;
}

#define SERVED_TTL_UNKNOWN (24u * 3600)
#define SERVED_TTL_MAX     (7u * 24 * 3600)

/* A key that waits for caches to forget what they hold of the other server. */
static bool is_between(const struct rollover_key *k)
{
	return k->state == KEY_PUBLISHED || k->state == KEY_PRESIGN || k->state == KEY_RETIRED ||
	       k->state == KEY_POSTSIGN;
}

/* Caches hold what the other server gave with its TTLs, which are not ours: waits count with them
 * until what it gave is gone. */
static void note_served_ttl(struct rollover_facts *f, size_t from, const json_t *given, int64_t now)
{
	uint32_t ttl = (uint32_t)json_integer_value(given);

	for (size_t i = from; i < f->n && given == NULL; i++)
		if (is_between(&f->keys[i]))
			ttl = SERVED_TTL_UNKNOWN;
	rollover_serve_ttls(f, ttl > f->zone_ttl.ttl ? ttl : f->zone_ttl.ttl,
			    ttl > f->dnskey_ttl.ttl ? ttl : f->dnskey_ttl.ttl, now);
	for (size_t i = from; i < f->n; i++)
		if (f->keys[i].state == KEY_RETIRED && f->keys[i].signed_ttl.ttl < ttl)
			f->keys[i].signed_ttl.ttl = ttl;
}

static bool is_ttl(const json_t *j)
{
	return j == NULL || (json_is_integer(j) && json_integer_value(j) >= 0 &&
			     json_integer_value(j) <= SERVED_TTL_MAX);
}

json_t *control_zone_adopt(struct control *c, const char *zone, const json_t *asked,
			   struct control_result *r)
{
	const json_t *files = json_object_get(asked, "files");
	const json_t *served_ttl = json_object_get(asked, "served_ttl");
	struct zone_entry *e = control_signed_zone(c, zone, r);
	size_t n = json_array_size(files);

	if (e == NULL)
		return NULL;
	if (!is_ttl(served_ttl)) {
		control_fail(r, ERR_SYNTAX, "a TTL is a number of seconds, up to a week");
		return NULL;
	}
	if (n == 0 || !are_fresh(e->keys)) {
		control_fail(r, ERR_REFUSED,
			     n == 0 ? "name the files of the keys that sign the zone now"
				    : "the zone has keys of ours that the parent may know; taking "
				      "others in their place could make it bogus");
		return NULL;
	}
	struct keyring_context kc = control_keyring_context(c, e);
	struct rollover_facts before = e->keys->facts;
	size_t fresh = e->keys->own_n;
	enum err err = ERR_OK;
	for (size_t i = 0; i < n && !err; i++)
		err = adopt_one(e->keys, json_array_get(files, i), n == 1, &kc, r);
	if (!err && !covers_both(e->keys, fresh)) {
		control_fail(r, ERR_REFUSED,
			     "a key-signing and a zone-signing key that are in use are needed, or "
			     "one for both");
		err = ERR_REFUSED;
	}
	if (!err && !all_algorithms_sign(e->keys, fresh)) {
		control_fail(r, ERR_REFUSED,
			     "the zone is in the middle of an algorithm roll: let it end there");
		err = ERR_REFUSED;
	}
	/* All at once: either theirs alone, or ours as before. */
	if (err)
		forget(e->keys, fresh, e->keys->own_n - fresh);
	else
		forget(e->keys, 0, fresh);
	if (!err)
		note_served_ttl(&e->keys->facts, fresh, served_ttl, kc.now);
	if (!err && !fits_policy(e->keys, e->config.signing))
		keyring_set_hold(e->keys, "adopted keys differ from the policy");
	json_t *kept = keyring_settle(e->keys, c->store) == ERR_OK && !err
			   ? control_keep_facts(c, e, &before, r)
			   : NULL;
	if (kept == NULL)
		return NULL;
	log_notice(e->text, "key: %zu keys adopted; ours, which nobody used, are gone", n);
	if (control_remake_keys(c, e) || publish_zone(c, e)) {
		control_fail(r, ERR_IO, "it is stored but could not be put into service");
		json_decref(kept);
		return NULL;
	}
	return kept;
}

/* ---- single keys ---- */

json_t *control_key_take(struct control *c, const char *zone, const json_t *files, const char *as,
			 struct control_result *r)
{
	struct zone_entry *e = control_signed_zone(c, zone, r);
	size_t n = json_array_size(files), at = 0;
	enum key_state state = KEY_STANDBY;
	struct taken t;

	if (e == NULL)
		return NULL;
	/* Other states are for a whole zone: a key that signs at once is unknown to caches. */
	if (n == 0 || !key_state_from_text(as, &state) ||
	    (state != KEY_STANDBY && state != KEY_PUBLISHED)) {
		control_fail(r, ERR_SYNTAX,
			     n == 0 ? "name the files of the keys"
				    : "a key is taken as standby or published");
		return NULL;
	}
	if (!control_takes_keys(e, r))
		return NULL;
	struct keyring_context kc = control_keyring_context(c, e);
	for (size_t i = 0; i < n; i++) {
		char text[DNSKEY_DESCRIPTION_MAX];
		bool read = read_taken(json_array_get(files, i), state, &t, r);
		t.state = state;
		t.tag = -1;
		if (!read || take_one(e->keys, &t, &kc, &at, r))
			return NULL;
		log_notice(e->text, "key: taken from a file: %s, %s",
			   dnskey_describe(key_dnskey(e->keys->own[at].key), text), as);
	}
	return control_serve_keys(c, e, r) ? NULL : control_key_list(c, e->text, r);
}
