// SPDX-License-Identifier: Apache-2.0
#include "control/keyring.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "dns/rrtype.h"
#include "dnssec/algorithm.h"

#define STORE_PATH_MAX STORE_KEY_MAX

static const char *document_key(const struct keyring *k, const char *kind, uint8_t algorithm,
				uint16_t tag, char out[STORE_PATH_MAX])
{
	snprintf(out, STORE_PATH_MAX, "zones/%s/%s/%u-%u", k->zone_text, kind, algorithm, tag);
	return out;
}

static enum err finding(struct diag *d, const char *file, enum err e, const char *why)
{
	struct diag_place at = { .file = file };

	diag_add(d, DIAG_ERROR, file != NULL ? &at : NULL, NULL, "%s", why);
	return e;
}

void keyring_free(struct keyring *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->own_n; i++)
		key_free(k->own[i].key);
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

/* ---- making keys ---- */

static enum err make_directory(const char *path)
{
	return mkdir(path, 0700) == 0 || errno == EEXIST ? ERR_OK : ERR_IO;
}

/* File first, then the document: a crash between them leaves a file that nobody uses. */
static enum err save(struct keyring *k, struct own_key *o, const char *state_dir,
		     struct store *store)
{
	char dir[1100], document[STORE_PATH_MAX], *path = NULL;
	const struct dnskey *d = key_dnskey(o->key);

	snprintf(dir, sizeof dir, "%s/keys", state_dir);
	enum err e = make_directory(dir);
	snprintf(dir, sizeof dir, "%s/keys/%s", state_dir, k->zone_text);
	if (!e)
		e = key_write(o->key, dir, k->zone, &path);
	if (e)
		return e;
	snprintf(o->file, sizeof o->file, "%s", path);
	free(path);
	json_t *j = json_pack("{s:s, s:s, s:s, s:I}", "role", key_role_text(o->role), "state",
			      o->active ? "active" : "published", "file", o->file, "since",
			      (json_int_t)o->since);
	char *text = j != NULL ? json_dumps(j, JSON_COMPACT) : NULL;
	e = text != NULL
		? store_put(store, document_key(k, "own", d->algorithm, d->tag, document), text)
		: ERR_NOMEM;
	free(text);
	json_decref(j);
	return e;
}

static enum err make_key(struct keyring *k, enum key_role role, bool active, const char *state_dir,
			 struct store *store, int64_t now)
{
	struct key_member members[KEYRING_MEMBERS_MAX];
	uint16_t taken[KEYRING_MEMBERS_MAX];
	size_t n = keyring_members(k, members);
	char text[DNSKEY_DESCRIPTION_MAX];
	struct own_key o = { .role = role, .active = active, .since = now };

	if (k->own_n == KEYSET_KEYS_MAX)
		return ERR_TOO_LONG;
	for (size_t i = 0; i < n; i++)
		taken[i] = members[i].key->tag;
	enum err e = key_generate(&o.key, k->algorithm, role, taken, n);
	if (e)
		return e;
	e = save(k, &o, state_dir, store);
	if (e) {
		key_free(o.key);
		return e;
	}
	k->own[k->own_n++] = o;
	log_notice(k->zone_text, "key: made %s, %s, %s", key_role_text(role),
		   dnskey_describe(key_dnskey(o.key), text), active ? "signs" : "published");
	return ERR_OK;
}

enum err keyring_generate(struct keyring *k, enum key_role role, const char *state_dir,
			  struct store *store, int64_t now, const struct own_key **out)
{
	enum err e = make_key(k, role, false, state_dir, store, now);

	if (!e)
		*out = &k->own[k->own_n - 1];
	return e;
}

/* ---- reading ---- */

static enum err read_configured(struct keyring *k, const struct config_zone *z, struct diag *d)
{
	if (z->key_n > KEYSET_KEYS_MAX)
		return finding(d, NULL, ERR_TOO_LONG, "more keys than a zone may have");
	for (size_t i = 0; i < z->key_n; i++) {
		const struct config_key *c = &z->keys[i];
		struct own_key *o = &k->own[k->own_n];
		enum err e = key_read(&o->key, c->file, k->zone, c->has_role ? &c->role : NULL, d);
		if (e)
			return e;
		k->own_n++;
		const struct dnskey *key = key_dnskey(o->key);
		o->role = c->has_role ? c->role : key->flags & DNSKEY_SEP ? KEY_KSK : KEY_ZSK;
		o->active = o->configured = true;
		snprintf(o->file, sizeof o->file, "%s", c->file);
		if (key->algorithm != k->algorithm)
			return finding(
			    d, c->file, ERR_INVALID,
			    "the key's algorithm is not that of the zone's signing policy");
		if (key->flags != key_role_flags(o->role))
			return finding(d, c->file, ERR_INVALID,
				       "the key's flags do not fit its role");
	}
	/* A single key with SEP and no role of its own does both. */
	if (k->own_n == 1 && k->own[0].role == KEY_KSK)
		k->own[0].role = KEY_CSK;
	return ERR_OK;
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

	if (k->own_n == KEYSET_KEYS_MAX || !key_role_from_text(string_in(j, "role"), &o->role))
		return finding(d, NULL, ERR_CORRUPT,
			       "a document of an own key in the store is damaged");
	snprintf(o->file, sizeof o->file, "%s", string_in(j, "file"));
	enum err e = key_read(&o->key, o->file, k->zone, &o->role, d);
	if (e)
		return e;
	o->active = strcmp(string_in(j, "state"), "active") == 0;
	o->since = json_integer_value(json_object_get(j, "since"));
	k->own_n++;
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
	char prefix[STORE_PATH_MAX];
	struct reading r = { k, d, ERR_OK };

	snprintf(prefix, sizeof prefix, "zones/%s/%s/", k->zone_text, kind);
	enum err e = store_list(store, prefix, visitor, &r);
	return e ? finding(d, NULL, e, "the store cannot be read") : r.err;
}

static enum err make_first_keys(struct keyring *k, const struct config_zone *z,
				const char *state_dir, struct store *store, int64_t now)
{
	if (z->signing->keys == CONFIG_KEYS_CSK)
		return make_key(k, KEY_CSK, true, state_dir, store, now);
	enum err e = make_key(k, KEY_KSK, true, state_dir, store, now);
	return e ? e : make_key(k, KEY_ZSK, true, state_dir, store, now);
}

/* A start that died between the two first keys left one duty without a key. */
static enum err make_missing(struct keyring *k, const struct config_zone *z, const char *state_dir,
			     struct store *store, int64_t now)
{
	bool ksk = false, zsk = false;

	if (k->own_n == 0)
		return make_first_keys(k, z, state_dir, store, now);
	for (size_t i = 0; i < k->own_n; i++) {
		ksk = ksk || (k->own[i].active && k->own[i].role != KEY_ZSK);
		zsk = zsk || (k->own[i].active && k->own[i].role != KEY_KSK);
	}
	enum err e = ksk ? ERR_OK : make_key(k, KEY_KSK, true, state_dir, store, now);
	return e || zsk ? e : make_key(k, KEY_ZSK, true, state_dir, store, now);
}

static enum err read_all(struct keyring *k, const struct config_zone *z, const char *state_dir,
			 struct store *store, int64_t now, struct diag *d)
{
	char path[STORE_PATH_MAX], *text = NULL;
	enum err e = list(k, "foreign", store, d, visit_foreign);

	if (!e && z->key_n > 0)
		e = read_configured(k, z, d);
	else if (!e)
		e = list(k, "own", store, d, visit_own);
	if (!e && z->key_n == 0) {
		e = make_missing(k, z, state_dir, store, now);
		if (e)
			finding(d, state_dir, e, "cannot make and keep a new key");
	}
	if (e)
		return e;
	for (size_t i = 0; i < k->own_n; i++)
		if (key_dnskey(k->own[i].key)->algorithm != k->algorithm)
			return finding(d, k->own[i].file, ERR_UNSUPPORTED,
				       "the policy's algorithm differs from that of the zone's "
				       "keys; changing it needs an algorithm rollover");
	snprintf(path, sizeof path, "zones/%s/cds", k->zone_text);
	k->cds = store_get(store, path, &text, NULL) == ERR_OK;
	free(text);
	return ERR_OK;
}

enum err keyring_load(struct keyring **out, const struct config_zone *z, const char *state_dir,
		      struct store *store, int64_t now, struct diag *d)
{
	struct keyring *k = calloc(1, sizeof *k);

	if (k == NULL)
		return ERR_NOMEM;
	k->zone_text = z->text;
	k->zone = z->name;
	k->algorithm = z->signing->algorithm;
	enum err e = read_all(k, z, state_dir, store, now, d);
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

	for (size_t i = 0; i < k->own_n; i++)
		members[i] =
		    (struct keyset_member){ k->own[i].key, k->own[i].role, k->own[i].active };
	return keyset_new(out, k->zone, &policy, members, k->own_n);
}

static enum err add(const struct keyring *k, struct zone_builder *b, uint16_t type, uint32_t ttl,
		    struct span rdata, struct diag *d)
{
	struct zone_record r = { .owner = k->zone, .type = type, .ttl = ttl, .rdata = rdata };

	return zone_build_add(b, &r, d);
}

/* RFC 7344 §4.1: CDS and CDNSKEY say the same, for each own key that the parent should have;
 * SHA-256 (RFC 8624 §3.3). */
static enum err add_cds(const struct keyring *k, struct zone_builder *b, uint32_t ttl,
			struct diag *d)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < k->own_n && !e; i++) {
		const struct dnskey *key = key_dnskey(k->own[i].key);
		uint8_t ds[DS_RDATA_MAX];
		size_t n = 0;
		if (k->own[i].role == KEY_ZSK || !k->own[i].active)
			continue;
		e = dnskey_ds(key, k->zone, 2, ds, &n);
		if (!e)
			e = add(k, b, TYPE_CDS, ttl, (struct span){ ds, n }, d);
		if (!e)
			e = add(k, b, TYPE_CDNSKEY, ttl,
				(struct span){ key->rdata, key->rdata_len }, d);
	}
	return e;
}

enum err keyring_add_records(const struct keyring *k, struct zone_builder *b, uint32_t ttl,
			     struct diag *d)
{
	struct key_member members[KEYRING_MEMBERS_MAX];
	size_t n = keyring_members(k, members);
	enum err e = ERR_OK;

	for (size_t i = 0; i < n && !e; i++)
		e = add(k, b, TYPE_DNSKEY, ttl,
			(struct span){ members[i].key->rdata, members[i].key->rdata_len }, d);
	return !e && k->cds ? add_cds(k, b, ttl, d) : e;
}

/* ---- changes ---- */

enum err keyring_import(struct keyring *k, const struct dnskey *key, const char *owner,
			struct store *store, int64_t now, enum admission *why)
{
	struct key_member members[KEYRING_MEMBERS_MAX];
	char path[STORE_PATH_MAX], text[DNSKEY_TEXT_MAX];

	*why = admission_judge(key, k->algorithm, members, keyring_members(k, members));
	if (*why != ADMISSION_OK)
		return ERR_REFUSED;
	json_t *j = json_pack("{s:s, s:s, s:I}", "dnskey", dnskey_to_text(key, text), "owner",
			      owner, "since", (json_int_t)now);
	char *document = j != NULL ? json_dumps(j, JSON_COMPACT) : NULL;
	enum err e =
	    document != NULL
		? store_put(store, document_key(k, "foreign", key->algorithm, key->tag, path),
			    document)
		: ERR_NOMEM;
	free(document);
	json_decref(j);
	if (e)
		return e;
	struct foreign_key *f = &k->foreign[k->foreign_n++];
	*f = (struct foreign_key){ .key = *key, .since = now };
	snprintf(f->owner, sizeof f->owner, "%s", owner);
	return ERR_OK;
}

static bool fits(const struct dnskey *d, uint16_t tag, uint8_t algorithm)
{
	return d->tag == tag && (algorithm == 0 || d->algorithm == algorithm);
}

static enum err remove_document(struct keyring *k, const char *kind, const struct dnskey *d,
				struct store *store)
{
	char path[STORE_PATH_MAX];

	return store_delete(store, document_key(k, kind, d->algorithm, d->tag, path));
}

static enum err remove_foreign(struct keyring *k, size_t i, struct store *store)
{
	enum err e = remove_document(k, "foreign", &k->foreign[i].key, store);

	if (e)
		return e;
	k->foreign_n--;
	memmove(&k->foreign[i], &k->foreign[i + 1], (k->foreign_n - i) * sizeof *k->foreign);
	return ERR_OK;
}

/* The key's file stays where it is: a private key is never deleted by us. */
static enum err remove_own(struct keyring *k, size_t i, struct store *store)
{
	if (k->own[i].active || k->own[i].configured)
		return ERR_REFUSED;
	enum err e = remove_document(k, "own", key_dnskey(k->own[i].key), store);
	if (e)
		return e;
	key_free(k->own[i].key);
	k->own_n--;
	memmove(&k->own[i], &k->own[i + 1], (k->own_n - i) * sizeof *k->own);
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
	char path[STORE_PATH_MAX], text[64];

	snprintf(path, sizeof path, "zones/%s/cds", k->zone_text);
	snprintf(text, sizeof text, "{\"since\":%lld}", (long long)now);
	enum err e = publish ? store_put(store, path, text) : store_delete(store, path);
	if (!e)
		k->cds = publish;
	return e;
}
