// SPDX-License-Identifier: Apache-2.0
#include "control/keyring.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "control/foreign_records.h"
#include "control/group_records.h"
#include "control/key_bundles.h"
#include "control/key_documents.h"
#include "dns/rrtype.h"
#include "dnssec/algorithm.h"

static enum err finding(struct diag *d, const char *file, enum err e, const char *why)
{
	struct diag_place at = { .file = file };

	diag_add(d, DIAG_ERROR, file != NULL ? &at : NULL, NULL, "%s", why);
	return e;
}

bool keyring_is_group(const struct keyring *k)
{
	return k->foreign_n > 0 || k->duty == CONFIG_KEYS_ZSK || k->duty == CONFIG_KEYS_KSK ||
	       group_rules_records(k->group);
}

bool keyring_has_duty(const struct keyring *k, enum config_keys keys)
{
	bool alone = keys == CONFIG_KEYS_ZSK || keys == CONFIG_KEYS_KSK;

	return k->duty == keys ||
	       (!alone && k->duty != CONFIG_KEYS_ZSK && k->duty != CONFIG_KEYS_KSK);
}

void keyring_free(struct keyring *k)
{
	if (k == NULL)
		return;
	key_bundles_free(k->bundles);
	for (size_t i = 0; i < k->own_n; i++) {
		key_free(k->own[i].key);
		free(k->own[i].file);
	}
	free(k);
}

size_t keyring_members(const struct keyring *k, struct key_member out[KEYRING_MEMBERS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < k->own_n; i++)
		out[n++] = (struct key_member){ key_dnskey(k->own[i].key), false };
	for (size_t i = 0; i < k->foreign_n; i++)
		out[n++] = (struct key_member){ &k->foreign[i].key, true };
	return n;
}

/* ---- reading ---- */

static enum err read_configured(struct keyring *k, const struct config_zone *z, struct diag *d)
{
	if (z->key_n > KEYSET_KEYS_MAX)
		return finding(d, NULL, ERR_TOO_LONG, "more keys than a zone may have");
	for (size_t i = 0; i < z->key_n; i++) {
		const struct config_key *c = &z->keys[i];
		struct own_key *o = &k->own[k->own_n];
		struct key_traits traits = { c->has_role ? &c->role : NULL, c->algorithm };
		enum err e = key_read_as(&o->key, c->file, k->zone, &traits, d);
		if (e)
			return e;
		struct rollover_key *f = &k->facts.keys[k->own_n++];
		k->facts.n = k->own_n;
		const struct dnskey *key = key_dnskey(o->key);
		f->role = c->has_role ? c->role : key->flags & DNSKEY_SEP ? KEY_KSK : KEY_ZSK;
		f->tag = key->tag;
		f->algorithm = key->algorithm;
		f->state = KEY_ACTIVE;
		f->manual = true;
		o->file = strdup(c->file);
		if (o->file == NULL)
			return ERR_NOMEM;
		if (key->algorithm != k->algorithm)
			return finding(
			    d, c->file, ERR_INVALID,
			    "the key's algorithm is not that of the zone's signing policy");
		if (key->flags != key_role_flags(f->role))
			return finding(d, c->file, ERR_INVALID,
				       "the key's flags do not fit its role");
	}
	/* A single key with SEP and no role of its own does both. */
	if (k->own_n == 1 && k->facts.keys[0].role == KEY_KSK)
		k->facts.keys[0].role = KEY_CSK;
	for (size_t i = 0; i < k->own_n; i++)
		k->facts.keys[i].signs = k->facts.keys[i].role != KEY_KSK;
	return ERR_OK;
}

/* Since when the configuration names each key: by that the operator is told when it is old. */
static enum err note_named(struct keyring *k, struct store *store, int64_t now, struct diag *d)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < k->own_n && !e; i++) {
		struct rollover_key *f = &k->facts.keys[i];
		char path[STORE_KEY_MAX], text[64], *kept = NULL;
		key_document_path(k, "named", f->algorithm, f->tag, path);
		e = store_get(store, path, &kept, NULL);
		json_t *j = kept != NULL ? json_loads(kept, 0, NULL) : NULL;
		f->since = json_integer_value(json_object_get(j, "since"));
		json_decref(j);
		free(kept);
		if (e != ERR_NOT_FOUND && f->since != 0)
			continue;
		f->since = now;
		snprintf(text, sizeof text, "{\"since\":%lld}", (long long)now);
		e = store_put(store, path, text);
	}
	return e ? finding(d, NULL, e, "the store cannot be read or written") : ERR_OK;
}

struct reading {
	struct keyring *k;
	struct diag *d;
	enum err err;
};

static const char *string_in(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s != NULL ? s : "";
}

static enum err read_own(struct keyring *k, const json_t *j, struct diag *d)
{
	struct own_key *o = &k->own[k->own_n];
	struct rollover_key *f = &k->facts.keys[k->own_n];

	if (k->own_n == KEYSET_KEYS_MAX || !key_document_read(j, f))
		return finding(d, NULL, ERR_CORRUPT,
			       "a document of an own key in the store is damaged");
	o->file = strdup(string_in(j, "file"));
	if (o->file == NULL)
		return ERR_NOMEM;
	/* A token does not say of which of the RSA algorithms a key is. */
	const struct key_traits traits = { &f->role, key_is_uri(o->file) ? f->algorithm : 0 };
	enum err e = key_read_as(&o->key, o->file, k->zone, &traits, d);
	if (e) {
		free(o->file);
		o->file = NULL;
		return e;
	}
	f->tag = key_dnskey(o->key)->tag;
	f->algorithm = key_dnskey(o->key)->algorithm;
	k->facts.n = ++k->own_n;
	return ERR_OK;
}

static enum err read_foreign(struct keyring *k, const json_t *j, struct diag *d)
{
	char ignored[NAME_TEXT_MAX];
	struct foreign_key *f = &k->foreign[k->foreign_n];

	if (k->foreign_n == FOREIGN_KEYS_MAX ||
	    dnskey_from_text(string_in(j, "dnskey"), &f->key, ignored, sizeof ignored))
		return finding(d, NULL, ERR_CORRUPT,
			       "a document of a foreign key in the store is damaged");
	snprintf(f->owner, sizeof f->owner, "%s", string_in(j, "owner"));
	f->since = json_integer_value(json_object_get(j, "since"));
	f->ds = json_is_true(json_object_get(j, "ds"));
	k->foreign_n++;
	return ERR_OK;
}

static bool visit(const char *key, const char *text, void *context,
		  enum err (*read)(struct keyring *, const json_t *, struct diag *))
{
	struct reading *r = context;
	json_t *j = json_loads(text, 0, NULL);

	(void)key;
	r->err = j != NULL ? read(r->k, j, r->d)
			   : finding(r->d, NULL, ERR_CORRUPT, "a document in the store is damaged");
	json_decref(j);
	return r->err == ERR_OK;
}

static bool visit_own(const char *key, const char *text, int64_t revision, void *context)
{
	(void)revision;
	return visit(key, text, context, read_own);
}

static bool visit_foreign(const char *key, const char *text, int64_t revision, void *context)
{
	(void)revision;
	return visit(key, text, context, read_foreign);
}

static enum err list(struct keyring *k, const char *kind, struct store *store, struct diag *d,
		     bool (*visitor)(const char *, const char *, int64_t, void *))
{
	char prefix[STORE_KEY_MAX];
	struct reading r = { k, d, ERR_OK };

	snprintf(prefix, sizeof prefix, "zones/%s/%s/", k->zone_text, kind);
	enum err e = store_list(store, prefix, visitor, &r);
	return e ? finding(d, NULL, e, "the store cannot be read") : r.err;
}

static enum err read_rollover(struct keyring *k, const struct config_signing *p,
			      struct store *store, struct diag *d)
{
	char path[STORE_KEY_MAX], *text = NULL;
	json_t *j = NULL;

	k->facts.ds_ttl.ttl = p->parent_ds_ttl;
	snprintf(path, sizeof path, "zones/%s/rollover", k->zone_text);
	enum err e = store_get(store, path, &text, NULL);
	if (e == ERR_NOT_FOUND)
		return ERR_OK;
	if (!e)
		j = json_loads(text, 0, NULL);
	free(text);
	if (e)
		return finding(d, NULL, e, "the store cannot be read");
	bool ok = j != NULL && rollover_document_read(j, k);
	json_decref(j);
	return ok ? ERR_OK
		  : finding(d, NULL, ERR_CORRUPT, "the rollover document in the store is damaged");
}

static enum err read_all(struct keyring *k, const struct config_zone *z,
			 const struct keyring_context *c, struct diag *d)
{
	char path[STORE_KEY_MAX], *text = NULL;
	bool changed;
	struct store *store = c->store;
	const struct clock_base base = clock_base_now(c->now);
	enum err e = list(k, "foreign", store, d, visit_foreign);
	if (!e)
		e = foreign_records_read(k, store);

	if (!e)
		e = read_rollover(k, z->signing, store, d);
	if (!e && k->duty == CONFIG_KEYS_ZSK)
		e = key_bundles_load(k, store, d);
	if (!e && z->key_n == 0)
		e = list(k, "own", store, d, visit_own);
	else if (!e)
		e = read_configured(k, z, d);
	if (!e && z->key_n > 0)
		e = note_named(k, store, c->now, d);
	if (e)
		return e;
	k->facts.group = keyring_is_group(k);
	int64_t moved = clock_moved(&k->clock, &base);
	if (moved != 0)
		log_warning(k->zone_text,
			    "key: the clock was set by %lld s since this was kept; waits stay as "
			    "long as they were",
			    (long long)moved);
	keyring_clock_moved(k, &base);
	if (rollover_mend(&k->facts, c->now)) {
		log_warning(k->zone_text,
			    "key: times in the store lie in the future: the clock was set back; "
			    "waits begin anew");
		e = keyring_save(k, store);
	}
	/* The first keys are needed now; other steps wait until the clock has been looked at. */
	if (!e && k->own_n == 0)
		e = keyring_advance(k, c, &changed);
	if (e)
		return finding(d, c->state_dir, e, "cannot make and keep keys");
	snprintf(path, sizeof path, "zones/%s/cds", k->zone_text);
	k->cds = store_get(store, path, &text, NULL) == ERR_OK;
	free(text);
	return ERR_OK;
}

enum err keyring_load(struct keyring **out, const struct config_zone *z,
		      const struct keyring_context *c, struct diag *d)
{
	struct keyring_context own = *c;
	struct keyring *k = calloc(1, sizeof *k);

	if (k == NULL)
		return ERR_NOMEM;
	k->zone_text = z->text;
	k->zone = z->name;
	k->algorithm = z->signing->algorithm;
	k->duty = z->signing->keys;
	own.policy = z->signing;
	enum err e = read_all(k, z, &own, d);
	if (e) {
		keyring_free(k);
		return e;
	}
	*out = k;
	return ERR_OK;
}

/* ---- what the zone gets ---- */

enum err keyring_keyset(const struct keyring *k, const struct config_signing *p,
			struct keyset **out)
{
	struct keyset_member members[KEYSET_KEYS_MAX];
	struct sign_policy policy = {
		.validity_s = p->validity_s,
		.refresh_s = p->refresh_s,
		.inception_offset_s = p->inception_offset_s,
		.jitter_s = p->jitter_s,
	};

	for (size_t i = 0; i < k->own_n; i++) {
		const struct rollover_key *f = &k->facts.keys[i];
		bool keys = rollover_signs_dnskey(f);
		members[i] = (struct keyset_member){
			k->own[i].key,
			keys && f->signs ? KEY_CSK
			: keys           ? KEY_KSK
					 : KEY_ZSK,
			keys || f->signs,
		};
	}
	if (k->bundles != NULL)
		return key_bundles_keyset(k, &policy, members, out);
	return k->duty == CONFIG_KEYS_KSK
		   ? keyset_new_entry(out, k->zone, &policy, members, k->own_n)
		   : keyset_new(out, k->zone, &policy, members, k->own_n);
}

static enum err add(const struct keyring *k, struct zone_builder *b, uint16_t type, uint32_t ttl,
		    struct span rdata, struct diag *d)
{
	struct zone_record r = { .owner = k->zone, .type = type, .ttl = ttl, .rdata = rdata };

	return zone_build_add(b, &r, d);
}

bool keyring_is_entry(const struct keyring *k, size_t own)
{
	const struct rollover_key *f = &k->facts.keys[own];

	for (size_t i = 0; i < k->own_n; i++)
		if (rollover_wants_ds(&k->facts, &k->facts.keys[i]))
			return rollover_wants_ds(&k->facts, f);
	return rollover_signs_dnskey(f) && f->state != KEY_RETIRED;
}

/* Beside keys of peers only by hand, or when a peer asks for its own: CDS without the peers' keys
 * would take them out of the parent. */
bool keyring_publishes_cds(const struct keyring *k, const struct config_signing *p)
{
	if (k->cds)
		return true;
	if (p->cds == CONFIG_CDS_NEVER)
		return false;
	if (k->foreign_n > 0)
		return foreign_records_ask_parent(k);
	for (size_t i = 0; i < k->own_n; i++)
		if (!k->facts.keys[i].manual && rollover_wants_ds(&k->facts, &k->facts.keys[i]))
			return p->cds == CONFIG_CDS_ALWAYS || rollover_awaits_parent(&k->facts);
	return false;
}

bool keyring_has_foreign_of(const struct keyring *k, const char *owner)
{
	for (size_t i = 0; i < k->foreign_n; i++)
		if (strcmp(k->foreign[i].owner, owner) == 0)
			return true;
	return false;
}

/* RFC 7344 §4.1: they say the same. */
enum err keyring_add_cds_of(const struct keyring *k, const struct dnskey *key,
			    struct zone_builder *b, const struct config_signing *p, struct diag *d)
{
	static const uint8_t DIGESTS[] = { 2, 4 };
	uint8_t ds[DS_RDATA_MAX];
	enum err e = ERR_OK;

	for (size_t g = 0; g < sizeof DIGESTS && !e; g++) {
		size_t n = 0;
		if (!(p->cds_digests & 1u << DIGESTS[g]))
			continue;
		e = dnskey_ds(key, k->zone, DIGESTS[g], ds, &n);
		if (!e)
			e = add(k, b, TYPE_CDS, p->dnskey_ttl, (struct span){ ds, n }, d);
	}
	return e ? e
		 : add(k, b, TYPE_CDNSKEY, p->dnskey_ttl,
		       (struct span){ key->rdata, key->rdata_len }, d);
}

/* Of each own key that the parent should have. */
static enum err add_cds(const struct keyring *k, struct zone_builder *b,
			const struct config_signing *p, struct diag *d)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < k->own_n && !e; i++)
		if (keyring_is_entry(k, i))
			e = keyring_add_cds_of(k, key_dnskey(k->own[i].key), b, p, d);
	return e;
}

enum err keyring_add_records(const struct keyring *k, struct zone_builder *b,
			     const struct config_signing *p, struct diag *d)
{
	enum err e = ERR_OK;

	if (key_bundles_served(k) != NULL)
		return key_bundles_add_records(k, b, d);
	for (size_t i = 0; i < k->own_n && !e; i++) {
		const struct dnskey *key = key_dnskey(k->own[i].key);
		if (rollover_is_published(&k->facts.keys[i]))
			e = add(k, b, TYPE_DNSKEY, p->dnskey_ttl,
				(struct span){ key->rdata, key->rdata_len }, d);
	}
	for (size_t i = 0; i < k->foreign_n && !e; i++)
		e = add(k, b, TYPE_DNSKEY, p->dnskey_ttl,
			(struct span){ k->foreign[i].key.rdata, k->foreign[i].key.rdata_len }, d);
	if (!e && group_rules_records(k->group))
		return group_add_records(k->group, b, p, d);
	if (!e && keyring_publishes_cds(k, p))
		e = add_cds(k, b, p, d);
	return e ? e : foreign_records_add(k, b, p, d);
}

/* ---- changes ---- */

enum err keyring_import(struct keyring *k, const struct dnskey *key, const char *owner,
			struct store *store, int64_t now, enum admission *why)
{
	struct key_member members[KEYRING_MEMBERS_MAX];
	char path[STORE_KEY_MAX], text[DNSKEY_TEXT_MAX];

	*why = admission_judge(key, k->algorithm, members, keyring_members(k, members));
	if (*why != ADMISSION_OK)
		return ERR_REFUSED;
	json_t *j = json_pack("{s:s, s:s, s:I}", "dnskey", dnskey_to_text(key, text), "owner",
			      owner, "since", (json_int_t)now);
	char *document = j != NULL ? json_dumps(j, JSON_COMPACT) : NULL;
	enum err e =
	    document != NULL
		? store_put(store, key_document_path(k, "foreign", key->algorithm, key->tag, path),
			    document)
		: ERR_NOMEM;
	free(document);
	json_decref(j);
	if (e)
		return e;
	struct foreign_key *f = &k->foreign[k->foreign_n++];
	*f = (struct foreign_key){ .key = *key, .since = now };
	snprintf(f->owner, sizeof f->owner, "%s", owner);
	k->facts.group = true;
	return ERR_OK;
}

static bool fits(const struct dnskey *d, uint16_t tag, uint8_t algorithm)
{
	return d->tag == tag && (algorithm == 0 || d->algorithm == algorithm);
}

static enum err remove_document(struct keyring *k, const char *kind, const struct dnskey *d,
				struct store *store)
{
	char path[STORE_KEY_MAX];

	return store_delete(store, key_document_path(k, kind, d->algorithm, d->tag, path));
}

static enum err remove_foreign(struct keyring *k, size_t i, struct store *store)
{
	enum err e = remove_document(k, "foreign", &k->foreign[i].key, store);

	if (e)
		return e;
	k->foreign_n--;
	memmove(&k->foreign[i], &k->foreign[i + 1], (k->foreign_n - i) * sizeof *k->foreign);
	k->facts.group = keyring_is_group(k);
	return ERR_OK;
}

/* Whether nobody outside can depend on the key: it signs nothing that is served, and is no entry.
 */
static bool is_unused(const struct rollover_key *f)
{
	return !f->manual && !f->signs &&
	       (f->state == KEY_STANDBY || (f->role == KEY_ZSK && f->state == KEY_PUBLISHED) ||
		(f->state == KEY_PUBLISHED && f->ds_seen_at == 0));
}

/* The key's file stays where it is: a private key is never deleted by us. */
static enum err remove_own(struct keyring *k, size_t i, struct store *store)
{
	size_t entries = 0;

	for (size_t j = 0; j < k->own_n; j++)
		entries += rollover_signs_dnskey(&k->facts.keys[j]);
	if (!is_unused(&k->facts.keys[i]) ||
	    (rollover_signs_dnskey(&k->facts.keys[i]) && entries == 1))
		return ERR_REFUSED;
	enum err e = remove_document(k, "own", key_dnskey(k->own[i].key), store);
	if (e)
		return e;
	key_free(k->own[i].key);
	free(k->own[i].file);
	k->own_n--;
	k->facts.n = k->own_n;
	memmove(&k->own[i], &k->own[i + 1], (k->own_n - i) * sizeof *k->own);
	memmove(&k->facts.keys[i], &k->facts.keys[i + 1], (k->own_n - i) * sizeof *k->facts.keys);
	k->wake_at = 0;
	return ERR_OK;
}

enum err keyring_remove(struct keyring *k, uint16_t tag, uint8_t algorithm, struct store *store,
			bool *foreign)
{
	size_t found = 0, at = 0;

	for (size_t i = 0; i < k->foreign_n; i++) {
		if (fits(&k->foreign[i].key, tag, algorithm)) {
			found++;
			at = i;
			*foreign = true;
		}
	}
	for (size_t i = 0; i < k->own_n; i++) {
		if (fits(key_dnskey(k->own[i].key), tag, algorithm)) {
			found++;
			at = i;
			*foreign = false;
		}
	}
	if (found != 1)
		return found == 0 ? ERR_NOT_FOUND : ERR_CONFLICT;
	return *foreign ? remove_foreign(k, at, store) : remove_own(k, at, store);
}

enum err keyring_set_cds(struct keyring *k, bool publish, struct store *store, int64_t now)
{
	char path[STORE_KEY_MAX], text[64];

	snprintf(path, sizeof path, "zones/%s/cds", k->zone_text);
	snprintf(text, sizeof text, "{\"since\":%lld}", (long long)now);
	enum err e = publish ? store_put(store, path, text) : store_delete(store, path);
	if (!e)
		k->cds = publish;
	return e;
}
