// SPDX-License-Identifier: Apache-2.0
/* What an operator says of rolls: begin one, hold, go on, what the parent has; and keys of a zone
 * that another server signed. Each is kept before it counts. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "control/internal.h"

/* Facts are changed on a copy, so that a store that fails leaves all as it was. */
static json_t *keep(struct control *c, struct zone_entry *e, const struct rollover_facts *before,
		    struct control_result *r)
{
	if (keyring_save(e->keys, c->store)) {
		e->keys->facts = *before;
		control_fail(r, ERR_STORE, "the store failed; nothing has changed");
		return NULL;
	}
	struct keyring_context k = control_keyring_context(c, e);
	bool changed = false;
	keyring_advance(e->keys, &k, &changed);
	if (changed && (control_remake_keys(c, e) || publish_zone(c, e))) {
		control_fail(r, ERR_IO, "it is stored but could not be put into service");
		return NULL;
	}
	key_timer_wake(c);
	return control_key_list(c, e->text, r);
}

json_t *control_key_roll(struct control *c, const char *zone, const char *what, bool emergency,
			 struct control_result *r)
{
	struct zone_entry *e = control_signed_zone(c, zone, r);

	if (e == NULL)
		return NULL;
	if (e->config.key_n > 0) {
		control_fail(r, ERR_REFUSED, "the keys of %s are named in the configuration",
			     e->text);
		return NULL;
	}
	struct rollover_facts before = e->keys->facts;
	struct roll_request *q = &e->keys->facts.request;
	bool all = what == NULL || strcmp(what, "all") == 0;
	bool csk = what != NULL && strcmp(what, "csk") == 0;
	bool known = all || csk;
	if (all || csk || strcmp(what, "ksk") == 0)
		known = q->ksk = true;
	if (all || csk || strcmp(what, "zsk") == 0)
		known = q->zsk = true;
	if (!all && strcmp(what, "algorithm") == 0)
		known = q->algorithm = true;
	if (!known) {
		control_fail(r, ERR_SYNTAX, "'%.40s' is not a roll (ksk, zsk, csk, all, algorithm)",
			     what);
		return NULL;
	}
	q->emergency = q->emergency || emergency;
	log_notice(e->text, "key: a roll (%s%s) is asked for", all ? "all" : what,
		   emergency ? ", emergency" : "");
	return keep(c, e, &before, r);
}

json_t *control_key_hold(struct control *c, const char *zone, const char *why,
			 struct control_result *r)
{
	struct zone_entry *e = control_signed_zone(c, zone, r);

	if (e == NULL)
		return NULL;
	struct rollover_facts before = e->keys->facts;
	keyring_set_hold(e->keys, why);
	log_notice(e->text, "key: rolls are %s%s", why != NULL ? "held: " : "released",
		   why != NULL ? why : "");
	return keep(c, e, &before, r);
}

static struct rollover_key *find_key(struct zone_entry *e, uint16_t tag, uint8_t algorithm,
				     struct control_result *r)
{
	struct rollover_key *found = NULL;

	for (size_t i = 0; i < e->keys->own_n; i++) {
		struct rollover_key *f = &e->keys->facts.keys[i];
		if (f->tag != tag || (algorithm != 0 && f->algorithm != algorithm))
			continue;
		if (found != NULL) {
			control_fail(r, ERR_CONFLICT,
				     "several keys have tag %u: name the algorithm", tag);
			return NULL;
		}
		found = f;
	}
	if (found == NULL)
		control_fail(r, ERR_NOT_FOUND, "%s has no own key with tag %u", e->text, tag);
	return found;
}

json_t *control_key_evidence(struct control *c, const char *zone, uint16_t tag, uint8_t algorithm,
			     const char *what, struct control_result *r)
{
	struct zone_entry *e = control_signed_zone(c, zone, r);
	struct rollover_key *f = e != NULL ? find_key(e, tag, algorithm, r) : NULL;

	if (f == NULL)
		return NULL;
	struct rollover_facts before = e->keys->facts;
	bool ds = strncmp(what, "ds-", 3) == 0;
	if (ds && f->role == KEY_ZSK) {
		control_fail(r, ERR_REFUSED, "key %u is a ZSK: no parent has its DS", tag);
		return NULL;
	}
	if (strcmp(what, "ds-seen") == 0) {
		f->ds_seen_at = control_now();
		f->ds_gone_at = 0;
		e->keys->facts.insecure_at = 0;
	} else if (strcmp(what, "ds-gone") == 0) {
		f->ds_gone_at = control_now();
	} else if (strcmp(what, "seen") == 0) {
		f->seen_everywhere_at = control_now();
	} else {
		control_fail(r, ERR_SYNTAX, "'%.40s' is not ds-seen, ds-gone or seen", what);
		return NULL;
	}
	log_notice(e->text, "key: %s %u/%u: %s, says the operator", key_role_text(f->role), f->tag,
		   f->algorithm, what);
	return keep(c, e, &before, r);
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

static enum err adopt_one(struct keyring *k, const char *file, bool alone,
			  const struct keyring_context *kc, struct control_result *r)
{
	struct diag d = { 0 };
	size_t at = 0;
	enum key_role csk = KEY_CSK;
	enum err e = keyring_adopt(k, file, alone ? &csk : NULL, KEY_ACTIVE, kc, &at, &d);

	if (e)
		control_fail(r, e == ERR_IO ? ERR_NOT_FOUND : ERR_REFUSED, "%s",
			     d.n > 0 ? d.findings[0].text : err_text(e));
	else if (k->facts.keys[at].role != KEY_ZSK)
		k->facts.keys[at].ds_seen_at = kc->now;
	diag_free(&d);
	return e;
}

static bool covers_both(const struct keyring *k, size_t from)
{
	bool ksk = false, zsk = false;

	for (size_t i = from; i < k->own_n; i++) {
		ksk = ksk || k->facts.keys[i].role != KEY_ZSK;
		zsk = zsk || k->facts.keys[i].role != KEY_KSK;
	}
	return ksk && zsk;
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

json_t *control_zone_adopt(struct control *c, const char *zone, const json_t *files,
			   struct control_result *r)
{
	struct zone_entry *e = control_signed_zone(c, zone, r);
	size_t n = json_array_size(files);

	if (e == NULL)
		return NULL;
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
		err =
		    adopt_one(e->keys, json_string_value(json_array_get(files, i)), n == 1, &kc, r);
	if (!err && !covers_both(e->keys, fresh)) {
		control_fail(r, ERR_REFUSED,
			     "a key-signing and a zone-signing key are needed, or one for both");
		err = ERR_REFUSED;
	}
	/* All at once: either theirs alone, or ours as before. */
	if (err)
		forget(e->keys, fresh, e->keys->own_n - fresh);
	else
		forget(e->keys, 0, fresh);
	if (!err && !fits_policy(e->keys, e->config.signing))
		keyring_set_hold(e->keys, "adopted keys differ from the policy");
	json_t *kept =
	    keyring_settle(e->keys, c->store) == ERR_OK && !err ? keep(c, e, &before, r) : NULL;
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
