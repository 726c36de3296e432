// SPDX-License-Identifier: Apache-2.0
/* What an operator says of rolls: begin one, hold, go on, what the parent has. Each is kept before
 * it counts. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "control/internal.h"

/* Facts are changed on a copy, so that a store that fails leaves all as it was. */
json_t *control_keep_facts(struct control *c, struct zone_entry *e,
			   const struct rollover_facts *before, struct control_result *r)
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
	return control_keep_facts(c, e, &before, r);
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
	return control_keep_facts(c, e, &before, r);
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
	return control_keep_facts(c, e, &before, r);
}

json_t *control_key_retire(struct control *c, const char *zone, uint16_t tag, uint8_t algorithm,
			   struct control_result *r)
{
	struct zone_entry *e = control_signed_zone(c, zone, r);
	struct rollover_key *f = e != NULL ? find_key(e, tag, algorithm, r) : NULL;

	if (f == NULL)
		return NULL;
	if (f->manual) {
		control_fail(r, ERR_REFUSED, "the keys of %s are named in the configuration",
			     e->text);
		return NULL;
	}
	if (f->state == KEY_STANDBY) {
		json_t *removed = control_key_remove(c, zone, f->tag, f->algorithm, false, r);
		json_decref(removed);
		return removed != NULL ? control_key_list(c, e->text, r) : NULL;
	}
	if (f->state != KEY_ACTIVE && f->state != KEY_READY) {
		control_fail(r, ERR_REFUSED, "key %u is %s: its way is fixed", tag,
			     key_state_text(f->state));
		return NULL;
	}
	return control_key_roll(c, zone, key_role_text(f->role), false, r);
}
