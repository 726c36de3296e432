// SPDX-License-Identifier: Apache-2.0
#include "control/key_sets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/internal.h"
#include "control/key_set_body.h"

#define PEER_MAX    63
#define CHANGES_MAX (FOREIGN_KEYS_MAX + KEY_SET_MAX + 1)

static bool is_peer(const char *peer)
{
	size_t n =
	    strspn(peer, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	return n > 0 && n <= PEER_MAX && peer[n] == 0 && strcmp(peer, "own") != 0;
}

static struct zone_entry *find(struct control *c, const char *zone, const char *peer,
			       struct control_result *r)
{
	struct zone_entry *e = control_zone(c, zone, r);

	if (e != NULL && e->keys == NULL) {
		control_fail(r, ERR_REFUSED, "the zone %s is not signed here", e->text);
		return NULL;
	}
	if (e != NULL && peer != NULL && !is_peer(peer)) {
		control_fail(r, ERR_SYNTAX,
			     "a peer is a word of at most 63 letters, digits, '-', "
			     "'_' and '.', other than 'own'");
		return NULL;
	}
	return e;
}

static void document_of(const struct zone_entry *e, const char *peer, char out[STORE_KEY_MAX])
{
	snprintf(out, STORE_KEY_MAX, "zones/%s/sets/%s", e->text, peer);
}

static int64_t revision_of(struct control *c, const struct zone_entry *e, const char *peer)
{
	char key[STORE_KEY_MAX], *text = NULL;
	int64_t revision = 0;

	document_of(e, peer, key);
	if (store_get(c->store, key, &text, &revision))
		revision = 0;
	free(text);
	return revision;
}

static json_t *describe(const struct zone_entry *e, const char *peer)
{
	json_t *keys = json_array();

	for (size_t i = 0; i < e->keys->foreign_n; i++)
		if (strcmp(e->keys->foreign[i].owner, peer) == 0)
			json_array_append_new(keys, status_key(e, 0, &e->keys->foreign[i]));
	return json_pack("{s:s, s:s, s:o}", "zone", e->text, "peer", peer, "keys", keys);
}

json_t *control_key_sets(struct control *c, const char *zone, struct control_result *r)
{
	struct zone_entry *e = find(c, zone, NULL, r);
	json_t *sets = e != NULL ? json_array() : NULL;

	for (size_t i = 0; e != NULL && i < e->keys->foreign_n; i++) {
		bool seen = false;
		for (size_t k = 0; k < i; k++)
			seen = seen ||
			       strcmp(e->keys->foreign[k].owner, e->keys->foreign[i].owner) == 0;
		if (!seen)
			json_array_append_new(sets, describe(e, e->keys->foreign[i].owner));
	}
	return e != NULL ? json_pack("{s:s, s:o}", "zone", e->text, "sets", sets) : NULL;
}

json_t *control_key_set(struct control *c, const char *zone, const char *peer, int64_t *revision,
			struct control_result *r)
{
	struct zone_entry *e = find(c, zone, peer, r);

	*revision = 0;
	if (e == NULL)
		return NULL;
	*revision = revision_of(c, e, peer);
	json_t *j = describe(e, peer);
	if (*revision == 0 && json_array_size(json_object_get(j, "keys")) == 0) {
		json_decref(j);
		control_fail(r, ERR_NOT_FOUND, "%s has no keys of '%s'", e->text, peer);
		return NULL;
	}
	return j;
}

/* ---- a new set ---- */

struct proposal {
	struct dnskey keys[KEY_SET_MAX];
	bool kept[KEY_SET_MAX];         /* it stands there already */
	bool dropped[FOREIGN_KEYS_MAX]; /* of the keyring's foreign keys */
	size_t n, kept_n, dropped_n;
};

static bool same_key(const struct dnskey *a, const struct dnskey *b)
{
	return a->rdata_len == b->rdata_len && memcmp(a->rdata, b->rdata, a->rdata_len) == 0;
}

static enum err read_records(const struct zone_entry *e, const json_t *records, struct proposal *p,
			     struct control_result *r)
{
	char why[KEY_SET_WHY_MAX];
	enum err err = key_set_body_read(records, e->name, p->keys, &p->n, why);

	if (err)
		control_fail(r, err, "%s", why);
	return err;
}

static void compare(const struct keyring *k, const char *peer, struct proposal *p)
{
	for (size_t f = 0; f < k->foreign_n; f++) {
		if (strcmp(k->foreign[f].owner, peer) != 0)
			continue;
		p->dropped[f] = true;
		for (size_t i = 0; i < p->n; i++) {
			if (p->kept[i] || !same_key(&p->keys[i], &k->foreign[f].key))
				continue;
			p->kept[i] = true;
			p->dropped[f] = false;
			p->kept_n++;
			break;
		}
		p->dropped_n += p->dropped[f];
	}
}

/* Each new key beside our own, those of other peers, and the rest of the set. */
static enum err judge(const struct keyring *k, const struct proposal *p, struct control_result *r)
{
	struct key_member set[KEYRING_MEMBERS_MAX + KEY_SET_MAX];
	size_t all = keyring_members(k, set), own = all - k->foreign_n, n = own;
	char text[DNSKEY_DESCRIPTION_MAX];

	for (size_t f = 0; f < k->foreign_n; f++)
		if (!p->dropped[f])
			set[n++] = (struct key_member){ &k->foreign[f].key, true };
	for (size_t i = 0; i < p->n; i++) {
		if (p->kept[i])
			continue;
		enum admission why = admission_judge(&p->keys[i], k->algorithm, set, n);
		if (why != ADMISSION_OK) {
			control_fail(r, ERR_REFUSED,
				     "key %zu (%s) is refused, and with it the set: %s", i + 1,
				     dnskey_describe(&p->keys[i], text), admission_text(why));
			return r->err;
		}
		set[n++] = (struct key_member){ &p->keys[i], true };
	}
	return ERR_OK;
}

static enum err guard(const struct proposal *p, struct control_result *r)
{
	if (p->dropped_n == 0 || p->kept_n > 0)
		return ERR_OK;
	control_fail(
	    r, ERR_REFUSED,
	    "no key of the present set would be left, and resolvers hold answers that are "
	    "signed with one of them: add the new keys beside the old ones first, and take "
	    "the old ones out when nothing they signed can be cached any more");
	return r->err;
}

/* ---- into the store, then into the keyring ---- */

struct batch {
	struct store_change changes[CHANGES_MAX];
	char keys[CHANGES_MAX][STORE_KEY_MAX];
	char *texts[CHANGES_MAX];
	size_t n;
};

static bool add_change(struct batch *b, json_t *document, int64_t expected)
{
	char *text = document != NULL ? json_dumps(document, JSON_COMPACT) : NULL;
	bool made = document == NULL || text != NULL;

	b->changes[b->n] = (struct store_change){ b->keys[b->n], text, expected };
	b->texts[b->n++] = text;
	json_decref(document);
	return made;
}

static void name_change(struct batch *b, const struct zone_entry *e, const struct dnskey *k)
{
	snprintf(b->keys[b->n], STORE_KEY_MAX, "zones/%s/foreign/%u-%u", e->text, k->algorithm,
		 k->tag);
}

/* What leaves goes first: a key may come back under other flags. */
static bool collect(struct batch *b, const struct zone_entry *e, const char *peer,
		    const struct proposal *p, int64_t revision)
{
	const struct keyring *k = e->keys;
	int64_t now = control_now();
	char text[DNSKEY_TEXT_MAX];
	bool made = true;

	for (size_t f = 0; f < k->foreign_n; f++) {
		if (!p->dropped[f])
			continue;
		name_change(b, e, &k->foreign[f].key);
		made = add_change(b, NULL, STORE_ANY_REVISION) && made;
	}
	for (size_t i = 0; i < p->n; i++) {
		if (p->kept[i])
			continue;
		name_change(b, e, &p->keys[i]);
		made = add_change(b,
				  json_pack("{s:s, s:s, s:I}", "dnskey",
					    dnskey_to_text(&p->keys[i], text), "owner", peer,
					    "since", (json_int_t)now),
				  STORE_ANY_REVISION) &&
		       made;
	}
	document_of(e, peer, b->keys[b->n]);
	json_t *set = json_pack("{s:I, s:i}", "since", (json_int_t)now, "keys", (int)p->n);
	return set != NULL && add_change(b, set, revision) && made;
}

static enum err save(struct control *c, const struct zone_entry *e, const char *peer,
		     const struct proposal *p, int64_t revision)
{
	struct batch *b = calloc(1, sizeof *b);

	if (b == NULL)
		return ERR_NOMEM;
	enum err err =
	    collect(b, e, peer, p, revision) ? store_apply(c->store, b->changes, b->n) : ERR_NOMEM;
	for (size_t i = 0; i < b->n; i++)
		free(b->texts[i]);
	free(b);
	return err;
}

static void take(struct keyring *k, const char *peer, const struct proposal *p)
{
	size_t n = 0;

	for (size_t f = 0; f < k->foreign_n; f++)
		if (!p->dropped[f])
			k->foreign[n++] = k->foreign[f];
	for (size_t i = 0; i < p->n; i++) {
		if (p->kept[i])
			continue;
		k->foreign[n] = (struct foreign_key){ .key = p->keys[i], .since = control_now() };
		snprintf(k->foreign[n].owner, sizeof k->foreign[n].owner, "%s", peer);
		n++;
	}
	k->foreign_n = n;
}

static void tell(struct control *c, const struct zone_entry *e, const char *peer,
		 const struct proposal *p)
{
	log_notice(e->text, "key: the set of %s has %zu keys, %zu of them new; %zu were taken out",
		   peer, p->n, p->n - p->kept_n, p->dropped_n);
	control_event(c, e->text, "keys",
		      "{\"peer\":\"%s\",\"keys\":%zu,\"added\":%zu,\"removed\":%zu}", peer, p->n,
		      p->n - p->kept_n, p->dropped_n);
}

static enum err put(struct control *c, struct zone_entry *e, const char *peer,
		    const struct proposal *p, int64_t *revision, struct control_result *r)
{
	enum err err = save(c, e, peer, p, *revision);

	if (err == ERR_CONFLICT)
		control_fail(r, err, "the set has changed meanwhile");
	else if (err)
		control_fail(r, err, "nothing has changed: %s", err_text(err));
	if (err)
		return err;
	++*revision;
	take(e->keys, peer, p);
	tell(c, e, peer, p);
	return control_serve_keys(c, e, r);
}

json_t *control_key_set_put(struct control *c, const char *zone, const char *peer,
			    const json_t *records, bool force, int64_t *revision,
			    struct control_result *r)
{
	struct zone_entry *e = find(c, zone, peer, r);
	struct proposal *p = e != NULL ? calloc(1, sizeof *p) : NULL;
	json_t *out = NULL;

	if (e == NULL)
		return NULL;
	if (p == NULL) {
		control_fail(r, ERR_NOMEM, "no memory");
		return NULL;
	}
	enum err err = read_records(e, records, p, r);
	if (!err) {
		compare(e->keys, peer, p);
		err = judge(e->keys, p, r);
	}
	if (!err && !force)
		err = guard(p, r);
	bool same = p->kept_n == p->n && p->dropped_n == 0;
	if (!err && (!same || *revision == 0))
		err = put(c, e, peer, p, revision, r);
	if (!err)
		out = describe(e, peer);
	free(p);
	return out;
}

enum err control_key_set_take(struct control *c, struct zone_entry *e, const char *peer,
			      const struct dnskey *keys, size_t n, bool leaves,
			      struct control_result *r)
{
	struct proposal *p = calloc(1, sizeof *p);
	int64_t revision = revision_of(c, e, peer);

	if (p == NULL || n > KEY_SET_MAX) {
		free(p);
		control_fail(r, ERR_NOMEM, "no memory");
		return r->err;
	}
	p->n = n;
	if (n > 0)
		memcpy(p->keys, keys, n * sizeof *keys);
	compare(e->keys, peer, p);
	enum err err = judge(e->keys, p, r);
	if (!err && !leaves)
		err = guard(p, r);
	if (!err && !(p->kept_n == p->n && p->dropped_n == 0))
		err = put(c, e, peer, p, &revision, r);
	free(p);
	return err;
}
