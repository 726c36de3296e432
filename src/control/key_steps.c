// SPDX-License-Identifier: Apache-2.0
/* Steps of the rollover machine: key files first, then all documents in one transaction, then the
 * keyring; the caller serves it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "control/group_records.h"
#include "control/key_bundles.h"
#include "control/key_documents.h"

#define CHANGES_MAX   (KEYSET_KEYS_MAX + 2)
#define RETRY_S       60
#define TURNS_MAX     40
#define REMOVED_TRIES 8

struct rollover_policy keyring_policy(const struct config_signing *p)
{
	return (struct rollover_policy){
		.algorithm = p->algorithm,
		.csk = p->keys == CONFIG_KEYS_CSK,
		.no_ksk = p->keys == CONFIG_KEYS_ZSK,
		.no_zsk = p->keys == CONFIG_KEYS_KSK,
		.automatic = p->automatic,
		.ksk_lifetime_s = p->ksk_lifetime_s,
		.zsk_lifetime_s = p->zsk_lifetime_s,
		.csk_lifetime_s = p->csk_lifetime_s,
		.propagation_s = p->propagation_s,
		.parent_propagation_s = p->parent_propagation_s,
		.safety_s = p->safety_s,
	};
}

/* ---- a transaction ---- */

struct changes {
	struct store_change change[CHANGES_MAX];
	char path[CHANGES_MAX][STORE_KEY_MAX];
	char *text[CHANGES_MAX];
	size_t n;
	enum err err;
};

static void add(struct changes *c, const struct keyring *k, const struct rollover_key *f,
		const char *file)
{
	if (c->n == CHANGES_MAX) {
		c->err = ERR_TOO_LONG;
		return;
	}
	key_document_path(k, "own", f->algorithm, f->tag, c->path[c->n]);
	c->text[c->n] = f->state != KEY_REMOVED ? key_document_write(f, file) : NULL;
	if (f->state != KEY_REMOVED && c->text[c->n] == NULL)
		c->err = ERR_NOMEM;
	c->change[c->n] = (struct store_change){ c->path[c->n], c->text[c->n], STORE_ANY_REVISION };
	c->n++;
}

static void add_rollover(struct changes *c, const struct keyring *k, const struct rollover_facts *f)
{
	snprintf(c->path[c->n], STORE_KEY_MAX, "zones/%s/rollover", k->zone_text);
	c->text[c->n] = rollover_document_write(f, &k->clock);
	if (c->text[c->n] == NULL)
		c->err = ERR_NOMEM;
	c->change[c->n] = (struct store_change){ c->path[c->n], c->text[c->n], STORE_ANY_REVISION };
	c->n++;
}

static enum err commit(struct changes *c, struct store *store)
{
	enum err e = c->err ? c->err : store_apply(store, c->change, c->n);

	for (size_t i = 0; i < c->n; i++)
		free(c->text[i]);
	free(c);
	return e;
}

static enum err persist(const struct keyring *k, const struct rollover_facts *f,
			const struct own_key *own, struct store *store)
{
	struct changes *c = calloc(1, sizeof *c);

	if (c == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < f->n; i++)
		if (!f->keys[i].manual)
			add(c, k, &f->keys[i], own[i].file);
	add_rollover(c, k, f);
	return commit(c, store);
}

enum err keyring_save(struct keyring *k, struct store *store)
{
	k->wake_at = 0;
	return persist(k, &k->facts, k->own, store);
}

void keyring_clock_moved(struct keyring *k, const struct clock_base *now)
{
	int64_t by = clock_moved(&k->clock, now);

	if (by != 0)
		rollover_shift(&k->facts, by);
	k->clock = *now;
	k->wake_at = 0;
}

void keyring_set_hold(struct keyring *k, const char *why)
{
	snprintf(k->hold, sizeof k->hold, "%s", why != NULL ? why : "");
	k->facts.hold = why != NULL ? k->hold : NULL;
}

/* ---- making keys ---- */

static enum err make_directory(const char *path)
{
	return mkdir(path, 0700) == 0 || errno == EEXIST ? ERR_OK : ERR_IO;
}

static enum err write_key(const struct keyring *k, struct own_key *o,
			  const struct keyring_context *c)
{
	char dir[1100];

	snprintf(dir, sizeof dir, "%s/keys", c->state_dir);
	enum err e = make_directory(dir);
	snprintf(dir, sizeof dir, "%s/keys/%s", c->state_dir, k->zone_text);
	return e ? e : key_write(o->key, dir, k->zone, c->files, &o->file);
}

/* A key that could not be kept. Its file stays: the next try may have its tag. In a token each try
 * would leave another pair. */
static void unmake(struct own_key *o)
{
	key_free(o->key);
	if (o->file != NULL && key_is_uri(o->file))
		key_destroy_in_token(o->file);
	free(o->file);
	*o = (struct own_key){ 0 };
}

/* In the policy's token, where it has one. The label tells an operator of the token what it is. */
static enum err make_in_token(const struct keyring *k, const char *store,
			      const struct key_wanted *w, struct own_key *o)
{
	char label[NAME_TEXT_MAX + 32];
	struct diag d = { 0 };

	snprintf(label, sizeof label, "%s %s", k->zone_text, key_role_text(w->role));
	enum err e = key_generate_in_token(&o->key, &o->file, store, label, w, &d);
	log_diag(k->zone_text, &d);
	diag_free(&d);
	return e;
}

static enum err make_in_directory(const struct keyring *k, const struct keyring_context *c,
				  const struct key_wanted *w, struct own_key *o)
{
	enum err e = key_generate(&o->key, w->algorithm, w->role, w->taken, w->taken_n);

	return e ? e : write_key(k, o, c);
}

static enum err make(const struct keyring *k, const struct rollover_wanted *w,
		     const struct keyring_context *c, struct rollover_facts *f, struct own_key *own)
{
	struct key_member members[KEYRING_MEMBERS_MAX];
	uint16_t taken[KEYRING_MEMBERS_MAX + ROLLOVER_WANTED_MAX + REMOVED_TRIES + 64];
	size_t n = keyring_members(k, members);
	struct own_key *o = &own[f->n];
	const char *token = w->role == KEY_ZSK ? c->policy->zsk_store : c->policy->ksk_store;

	if (f->n == KEYSET_KEYS_MAX)
		return ERR_TOO_LONG;
	for (size_t i = 0; i < n; i++)
		taken[i] = members[i].key->tag;
	for (size_t i = k->own_n; i < f->n; i++)
		taken[n++] = f->keys[i].tag;
	n += group_foreign_tags(k->group, taken + n);
	enum err e = ERR_CONFLICT;
	/* A file of a key that was removed may have the tag: it is not replaced. */
	for (int i = 0; i < REMOVED_TRIES && e == ERR_CONFLICT; i++) {
		const struct key_wanted wanted = { w->algorithm, w->role, taken, n };
		e = token != NULL ? make_in_token(k, token, &wanted, o)
				  : make_in_directory(k, c, &wanted, o);
		if (e == ERR_CONFLICT && o->key != NULL) {
			taken[n++] = key_dnskey(o->key)->tag;
			key_free(o->key);
			o->key = NULL;
		}
	}
	if (e) {
		key_free(o->key);
		*o = (struct own_key){ 0 };
		return e;
	}
	f->keys[f->n++] = rollover_made(w, key_dnskey(o->key)->tag, f, c->now);
	return ERR_OK;
}

static void log_made(const struct keyring *k, const struct own_key *o, const struct rollover_key *f)
{
	char text[DNSKEY_DESCRIPTION_MAX];

	log_notice(k->zone_text, "key: made %s, %s, %s%s", key_role_text(f->role),
		   dnskey_describe(key_dnskey(o->key), text), key_state_text(f->state),
		   f->signs ? ", signs" : "");
}

static void log_step(const struct keyring *k, const struct rollover_step *s)
{
	const struct rollover_key *f = &k->facts.keys[s->key];

	log_notice(k->zone_text, "key: %s %u/%u: %s -> %s%s: %s", key_role_text(f->role), f->tag,
		   f->algorithm, key_state_text(s->from), key_state_text(s->to),
		   s->signed_before != s->signs ? s->signs ? ", signs now" : ", signs no more" : "",
		   s->why);
}

static void drop_removed(struct keyring *k)
{
	size_t n = 0;

	for (size_t i = 0; i < k->own_n; i++) {
		if (k->facts.keys[i].state == KEY_REMOVED) {
			key_free(k->own[i].key); /* its file stays */
			free(k->own[i].file);
			continue;
		}
		k->own[n] = k->own[i];
		k->facts.keys[n++] = k->facts.keys[i];
	}
	k->own_n = k->facts.n = n;
}

/* One plan: made, persisted, taken. */
static enum err take(struct keyring *k, const struct keyring_context *c,
		     const struct rollover_plan *p)
{
	struct rollover_facts f = p->after;
	enum err e = ERR_OK;
	size_t before = k->own_n;

	for (size_t i = 0; i < p->wanted_n && !e; i++)
		e = make(k, &p->wanted[i], c, &f, k->own);
	failpoint("key-made");
	if (!e)
		e = persist(k, &f, k->own, c->store);
	if (e) {
		for (size_t i = before; i < f.n; i++)
			unmake(&k->own[i]);
		return e;
	}
	failpoint("step-kept");
	k->facts = f;
	k->own_n = f.n;
	if (p->starts != ROLL_NONE)
		log_notice(k->zone_text, "key: a %s roll starts", roll_kind_text(p->starts));
	for (size_t i = 0; i < p->step_n; i++)
		log_step(k, &p->steps[i]);
	for (size_t i = before; i < k->own_n; i++)
		log_made(k, &k->own[i], &k->facts.keys[i]);
	drop_removed(k);
	return ERR_OK;
}

/* What a group knows counts for the plan and is kept where the group is. */
static void make_plan(const struct keyring *k, const struct keyring_context *c,
		      struct rollover_plan *out)
{
	struct rollover_policy policy = keyring_policy(c->policy);
	struct rollover_facts f = k->facts;

	if (group_rules_records(k->group))
		group_adjust_facts(k->group, &f, &policy, c->now);
	rollover_plan(&f, &policy, c->now, out);
	out->after.hold = k->facts.hold;
	out->after.dnskey_ttl = k->facts.dnskey_ttl;
	out->after.ds_ttl = k->facts.ds_ttl;
}

enum err keyring_advance(struct keyring *k, const struct keyring_context *c, bool *changed)
{
	struct rollover_plan *p = malloc(sizeof *p);
	enum err e = p != NULL ? ERR_OK : ERR_NOMEM;

	*changed = k->facts.unserved_since != 0;
	k->wake_at = c->now + RETRY_S;
	k->facts.group = keyring_is_group(k);
	if ((*changed && k->facts.unserved_since < c->now) || (!c->steady && k->own_n > 0)) {
		free(p);
		return e;
	}
	bool swapped = key_bundles_advance(k, c);
	for (int turn = 0; !e && turn < TURNS_MAX; turn++) {
		/* Nothing was served yet, so no TTL is known: the first keys, and no step more. */
		if (k->own_n > 0 && k->facts.zone_ttl.ttl == 0 && k->facts.zone_ttl.held_until == 0)
			break;
		make_plan(k, c, p);
		memcpy(k->outlook, p->outlook, sizeof k->outlook);
		if (!p->changed) {
			k->wake_at = p->wake_at;
			break;
		}
		e = take(k, c, p);
		*changed = *changed || !e;
	}
	free(p);
	/* A set may have waited for a step that was just taken. */
	*changed = key_bundles_advance(k, c) || *changed || swapped;
	int64_t wake_at = key_bundles_wake_at(k, c);
	k->wake_at = wake_at < k->wake_at ? wake_at : k->wake_at;
	if (e)
		log_error(k->zone_text,
			  "key: the next step waits: %s; what is served goes on as it is, and it "
			  "is tried again in a minute",
			  err_text(e));
	return e;
}

enum err keyring_will_serve(struct keyring *k, const struct keyring_context *c, uint32_t zone_ttl)
{
	struct rollover_facts f = k->facts;
	uint32_t dnskey_ttl = key_bundles_ttl(k, c->policy->dnskey_ttl);

	if (zone_ttl < f.zone_ttl.ttl)
		zone_ttl = f.zone_ttl.ttl;
	if (dnskey_ttl < f.dnskey_ttl.ttl)
		dnskey_ttl = f.dnskey_ttl.ttl;
	if (f.n == 0 ||
	    !rollover_serve_ttls(&f, zone_ttl, dnskey_ttl, c->now + c->policy->propagation_s))
		return ERR_OK;
	enum err e = persist(k, &f, k->own, c->store);
	k->facts = f; /* served in any case: in memory the mark counts at once */
	k->wake_at = 0;
	return e;
}

enum err keyring_is_served(struct keyring *k, const struct keyring_context *c, uint32_t zone_ttl)
{
	bool steps = k->facts.unserved_since != 0;

	rollover_served(&k->facts, c->now);
	if (k->facts.n == 0 ||
	    (!rollover_serve_ttls(&k->facts, zone_ttl, key_bundles_ttl(k, c->policy->dnskey_ttl),
				  c->now + c->policy->propagation_s) &&
	     !steps))
		return ERR_OK;
	return keyring_save(k, c->store);
}

/* ---- by hand ---- */

enum err keyring_settle(struct keyring *k, struct store *store)
{
	enum err e = keyring_save(k, store);

	if (!e)
		drop_removed(k);
	return e;
}

enum err keyring_generate(struct keyring *k, enum key_role role, const struct keyring_context *c,
			  size_t *made)
{
	struct rollover_wanted w = { role, c->policy->algorithm, KEY_STANDBY, false };
	struct rollover_facts f = k->facts;
	enum err e = make(k, &w, c, &f, k->own);

	if (e)
		return e;
	e = persist(k, &f, k->own, c->store);
	struct own_key *o = &k->own[k->own_n];
	if (e) {
		unmake(o);
		return e;
	}
	k->facts = f;
	*made = k->own_n++;
	k->wake_at = 0;
	log_made(k, o, &k->facts.keys[*made]);
	return ERR_OK;
}

static bool is_known(const struct keyring *k, const struct dnskey *d)
{
	struct key_member members[KEYRING_MEMBERS_MAX];
	size_t n = keyring_members(k, members);

	for (size_t i = 0; i < n; i++)
		if (members[i].key->tag == d->tag && members[i].key->algorithm == d->algorithm)
			return true;
	return false;
}

/* Of a key that another server has retired: all that was made with it may just have been served. */
static void was_used(struct rollover_key *k, const struct rollover_facts *f, int64_t now)
{
	if (k->state != KEY_RETIRED)
		return;
	k->retired_at = now;
	if (k->role == KEY_KSK)
		return;
	k->signs_at = k->unsigned_at = now;
	k->signed_ttl.ttl = f->zone_ttl.ttl;
}

/* A copy in the state directory; what is in a token stays there. */
static enum err keep_taken(const struct keyring *k, struct own_key *o, const char *file,
			   const struct keyring_context *c)
{
	if (!key_is_uri(file) || strncmp(file, "file:", 5) == 0)
		return write_key(k, o, c);
	o->file = strdup(file);
	return o->file != NULL ? ERR_OK : ERR_NOMEM;
}

enum err keyring_adopt(struct keyring *k, const char *file, const struct key_traits *traits,
		       enum key_state state, const struct keyring_context *c, size_t *taken,
		       struct diag *d)
{
	struct rollover_facts f = k->facts;
	struct own_key o = { 0 };
	enum err e = key_read_as(&o.key, file, k->zone, traits, d);

	if (e)
		return e;
	const struct dnskey *key = key_dnskey(o.key);
	struct rollover_wanted w = { .algorithm = key->algorithm, .state = state };
	w.role = traits->role != NULL ? *traits->role : key->flags & DNSKEY_SEP ? KEY_KSK : KEY_ZSK;
	w.signs =
	    (state == KEY_ACTIVE && w.role != KEY_KSK) || (state == KEY_READY && w.role == KEY_CSK);
	if (is_known(k, key))
		e = ERR_CONFLICT;
	else if (key->flags != key_role_flags(w.role))
		e = ERR_INVALID;
	else if (f.n == KEYSET_KEYS_MAX)
		e = ERR_TOO_LONG;
	if (!e)
		e = keep_taken(k, &o, file, c);
	if (!e) {
		f.keys[f.n] = rollover_made(&w, key->tag, &f, c->now);
		was_used(&f.keys[f.n], &f, c->now);
		k->own[f.n++] = o;
		e = persist(k, &f, k->own, c->store);
	}
	if (e) {
		key_free(o.key);
		free(o.file);
		return e;
	}
	k->facts = f;
	*taken = k->own_n++;
	k->wake_at = 0;
	return ERR_OK;
}
