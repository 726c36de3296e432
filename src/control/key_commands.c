// SPDX-License-Identifier: Apache-2.0
/* Changes of a zone's keys: into the store, then into the zone's apex, then published. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "control/internal.h"

struct zone_entry *control_signed_zone(struct control *c, const char *zone,
				       struct control_result *r)
{
	struct zone_entry *e = control_zone(c, zone, r);

	clock_watch(c, control_now()); /* what is about to be noted is by the clock as it is */
	if (e != NULL && e->keys == NULL) {
		control_fail(r, ERR_REFUSED, "the zone %s is not signed here", e->text);
		return NULL;
	}
	return e;
}

bool control_takes_keys(const struct zone_entry *e, struct control_result *r)
{
	if (e->config.key_n == 0)
		return true;
	control_fail(r, ERR_REFUSED,
		     "the keys of %s are named in the configuration: add the new one there",
		     e->text);
	return false;
}

enum err control_remake_keys(struct control *c, struct zone_entry *e)
{
	struct diag d = { 0 };
	struct served *made = NULL;
	enum err err = zone_load_keys(e->served, e->keys, e->config.signing, &made, &d);

	(void)c;
	e->keys_unmade = err != ERR_OK;
	if (!err) {
		served_unref(e->served);
		e->served = made;
	} else {
		log_error(e->text,
			  "key: the change is stored but could not be put into service: %s",
			  err_text(err));
	}
	log_diag(e->text, &d);
	diag_free(&d);
	return err;
}

/* Serves the zone with its keyring as it is now. */
enum err control_serve_keys(struct control *c, struct zone_entry *e, struct control_result *r)
{
	struct keyring_context k = control_keyring_context(c, e);
	bool changed;

	keyring_advance(e->keys, &k, &changed);
	enum err err = control_remake_keys(c, e);
	if (!err)
		err = publish_zone(c, e);
	if (err)
		control_fail(r, err, "the change is stored but could not be put into service: %s",
			     err_text(err));
	return err;
}

json_t *control_key_export(struct control *c, const char *zone, const char *role,
			   struct control_result *r)
{
	struct zone_entry *e = control_signed_zone(c, zone, r);
	enum key_role wanted = KEY_ZSK;
	json_t *all;

	if (e == NULL)
		return NULL;
	if (role != NULL && !key_role_from_text(role, &wanted)) {
		control_fail(r, ERR_SYNTAX, "'%.40s' is not a role (ksk, zsk, csk)", role);
		return NULL;
	}
	all = json_array();
	for (size_t i = 0; i < e->keys->own_n; i++) {
		char text[DNSKEY_TEXT_MAX], record[DNSKEY_TEXT_MAX + NAME_TEXT_MAX + 40];
		if (role != NULL && e->keys->facts.keys[i].role != wanted)
			continue;
		snprintf(record, sizeof record, "%s %u IN DNSKEY %s", e->text,
			 e->config.signing->dnskey_ttl,
			 dnskey_to_text(key_dnskey(e->keys->own[i].key), text));
		json_array_append_new(all, json_string(record));
	}
	return json_pack("{s:s, s:o}", "zone", e->text, "dnskey", all);
}

json_t *control_key_generate(struct control *c, const char *zone, const char *role,
			     struct control_result *r)
{
	struct zone_entry *e = control_signed_zone(c, zone, r);
	enum key_role wanted;
	size_t made = 0;

	if (e == NULL)
		return NULL;
	if (role == NULL || !key_role_from_text(role, &wanted)) {
		control_fail(r, ERR_SYNTAX, "a role is needed: ksk, zsk or csk");
		return NULL;
	}
	if (!control_takes_keys(e, r))
		return NULL;
	struct keyring_context k = control_keyring_context(c, e);
	enum err err = keyring_generate(e->keys, wanted, &k, &made);
	if (err) {
		control_fail(r, err, "no key was made: %s", err_text(err));
		return NULL;
	}
	if (control_serve_keys(c, e, r))
		return NULL;
	return status_key(e, made, NULL);
}

/* "shop.example. 3600 IN DNSKEY ..." must be of this zone; RDATA alone is taken as it is. */
static bool belongs(const struct zone_entry *e, const char *owner)
{
	struct name name;

	return owner[0] == 0 ||
	       (name_from_text(owner, NULL, &name) == ERR_OK && name_equal(name.wire, e->name));
}

static bool is_label(const char *owner)
{
	size_t n = strlen(owner);

	if (n == 0 || n > 63 || strcmp(owner, "own") == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)owner[i] < 0x21 || (unsigned char)owner[i] > 0x7e ||
		    owner[i] == '/' || owner[i] == '"')
			return false;
	return true;
}

json_t *control_key_import(struct control *c, const char *zone, const char *dnskey,
			   const char *owner, struct control_result *r)
{
	struct zone_entry *e = control_signed_zone(c, zone, r);
	struct dnskey key;
	char name[NAME_TEXT_MAX], text[DNSKEY_DESCRIPTION_MAX];
	enum admission why = ADMISSION_OK;

	if (owner == NULL)
		owner = "peer";
	if (e == NULL)
		return NULL;
	if (dnskey_from_text(dnskey, &key, name, sizeof name)) {
		control_fail(r, ERR_SYNTAX,
			     "malformed key: this is not a DNSKEY record or its RDATA");
		return NULL;
	}
	if (!belongs(e, name)) {
		control_fail(r, ERR_REFUSED, "the record belongs to %.200s, not to %s", name,
			     e->text);
		return NULL;
	}
	if (!is_label(owner)) {
		control_fail(r, ERR_SYNTAX,
			     "an owner is a word of at most 63 characters, other than 'own'");
		return NULL;
	}
	enum err err = keyring_import(e->keys, &key, owner, c->store, control_now(), &why);
	if (err) {
		control_fail(r, err, "the key (%s) is refused: %s", dnskey_describe(&key, text),
			     err == ERR_REFUSED ? admission_text(why) : err_text(err));
		log_notice(e->text, "key: import from %s: %s", owner, r->detail);
		return NULL;
	}
	log_notice(e->text, "key: imported from %s, %s", owner, dnskey_describe(&key, text));
	if (control_serve_keys(c, e, r))
		return NULL;
	return status_key(e, 0, &e->keys->foreign[e->keys->foreign_n - 1]);
}

/* The same as for sets (key_sets.h): a peer's last key stays. */
static bool is_last_of_its_owner(const struct keyring *k, uint16_t tag, uint8_t algorithm)
{
	const struct foreign_key *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < k->foreign_n; i++)
		if (k->foreign[i].key.tag == tag &&
		    (algorithm == 0 || k->foreign[i].key.algorithm == algorithm))
			found = &k->foreign[i];
	for (size_t i = 0; found != NULL && i < k->foreign_n; i++)
		n += strcmp(k->foreign[i].owner, found->owner) == 0;
	return n == 1;
}

json_t *control_key_remove(struct control *c, const char *zone, uint16_t tag, uint8_t algorithm,
			   bool force, struct control_result *r)
{
	struct zone_entry *e = control_signed_zone(c, zone, r);
	bool foreign = false;

	if (e == NULL)
		return NULL;
	if (!force && is_last_of_its_owner(e->keys, tag, algorithm)) {
		control_fail(r, ERR_REFUSED,
			     "the key with tag %u is the last one of its owner, and resolvers hold "
			     "answers that are signed with it: force it when nothing it signed can "
			     "be cached any more",
			     tag);
		return NULL;
	}
	enum err err = keyring_remove(e->keys, tag, algorithm, c->store, &foreign);
	if (err == ERR_NOT_FOUND)
		control_fail(r, err, "%s has no key with tag %u", e->text, tag);
	else if (err == ERR_CONFLICT)
		control_fail(r, err, "several keys have tag %u: name the algorithm too (%u/13)",
			     tag, tag);
	else if (err == ERR_REFUSED)
		control_fail(r, err,
			     "the key with tag %u is our own and in use: answers signed with it "
			     "would become bogus",
			     tag);
	else if (err)
		control_fail(r, err, "nothing has changed: %s", err_text(err));
	if (err)
		return NULL;
	log_notice(e->text, "key: removed %s key, tag %u", foreign ? "foreign" : "own", tag);
	if (control_serve_keys(c, e, r))
		return NULL;
	return json_pack("{s:s, s:i, s:s}", "zone", e->text, "removed", (int)tag, "origin",
			 foreign ? "foreign" : "own");
}

json_t *control_cds_set(struct control *c, const char *zone, bool publish_it,
			struct control_result *r)
{
	struct zone_entry *e = control_signed_zone(c, zone, r);

	if (e == NULL)
		return NULL;
	if (keyring_set_cds(e->keys, publish_it, c->store, control_now())) {
		control_fail(r, ERR_STORE, "the store failed; nothing has changed");
		return NULL;
	}
	log_notice(e->text, "cds: CDS and CDNSKEY are %s", publish_it ? "published" : "withdrawn");
	if (control_serve_keys(c, e, r))
		return NULL;
	return json_pack("{s:s, s:b}", "zone", e->text, "cds_published", publish_it);
}
