// SPDX-License-Identifier: Apache-2.0
/* Which key each number is: from what was seen to looks, and from evidence to our own rolls. */
#include <string.h>

#include "base/log.h"
#include "control/group_records.h"
#include "control/group_zone.h"
#include "multisigner/observe.h"
#include "multisigner/overlap.h"
#include "multisigner/waits.h"

static bool same_key(const struct dnskey *a, const struct dnskey *b)
{
	return a->rdata_len == b->rdata_len && memcmp(a->rdata, b->rdata, a->rdata_len) == 0;
}

static int number_of(const struct group_zone *z, const struct dnskey *key)
{
	for (int k = 0; k < GROUP_KEYS_MAX; k++)
		if (z->group.key[k].used && z->group.key[k].known && same_key(&z->key[k], key))
			return k;
	return -1;
}

int group_number_of_own(const struct group_zone *z, const struct dnskey *key)
{
	int k = number_of(z, key);

	return k >= 0 && z->group.key[k].owner == GROUP_SELF ? k : -1;
}

/* ---- new numbers ---- */

static int new_number(struct group_zone *z, const struct group_key *key)
{
	int k = group_add_key(&z->group, key);

	z->unkept = true;
	if (k < 0)
		log_error(z->entry->text,
			  "group: there are more keys than a group can have; key %u is not seen",
			  key->tag);
	return k;
}

static void fill(struct group_zone *z, int k, const struct dnskey *key, int owner)
{
	struct group_key *g = &z->group.key[k];

	z->key[k] = *key;
	g->known = true;
	g->owner = (int8_t)owner;
	g->algorithm = key->algorithm;
	g->tag = key->tag;
	g->sep = (key->flags & DNSKEY_SEP) != 0;
	z->unkept = true;
}

/* The number of a key of which only a DS was known becomes the key's. */
static int number_for(struct group_zone *z, const struct dnskey *key, int owner)
{
	struct group_key fresh = { .tag = key->tag };
	int k = number_of(z, key);

	if (k >= 0)
		return k;
	for (k = 0; k < GROUP_KEYS_MAX; k++)
		if (z->group.key[k].used && !z->group.key[k].known &&
		    look_ds_is_of(&z->ds[k], key, z->entry->name))
			break;
	if (k == GROUP_KEYS_MAX)
		k = new_number(z, &fresh);
	if (k >= 0)
		fill(z, k, key, owner);
	return k;
}

void group_keys_of_own(struct group_zone *z)
{
	const struct keyring *r = z->entry->keys;
	uint64_t wanted = 0;

	for (size_t i = 0; i < r->own_n; i++) {
		const struct rollover_key *f = &r->facts.keys[i];
		if (!rollover_is_published(f))
			continue;
		int k = number_for(z, key_dnskey(r->own[i].key), GROUP_SELF);
		if (k < 0)
			continue;
		z->group.key[k].owner = GROUP_SELF;
		if (keyring_is_entry(r, i))
			wanted |= GROUP_BIT(k);
	}
	z->group.own_ds = wanted;
	z->group.zone_ttl = r->facts.zone_ttl;
}

/* ---- looks ---- */

void group_fill_book(const struct group_zone *z, struct look_book *book,
		     const uint8_t *hosts[GROUP_SIGNERS_MAX][GROUP_SERVERS_MAX])
{
	*book = (struct look_book){ .zone = z->entry->name };
	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++) {
		if (!z->group.key[k].used)
			continue;
		book->key[k] = z->group.key[k].known ? &z->key[k] : NULL;
		book->ds[k] = z->group.key[k].known ? NULL : &z->ds[k];
	}
	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		const struct config_signer *s =
		    z->group.signer[i].used ? config_signer_find(z->config, z->signer[i]) : NULL;
		for (size_t v = 0; s != NULL && v < s->server_n; v++)
			hosts[i][v] = s->servers[v].host;
		book->host[i] = hosts[i];
		book->host_n[i] = s != NULL ? s->server_n : 0;
	}
}

/* Whose a key is that was seen first at this signer. At ourselves it is another's: who gave it to
 * us may have said whose. */
static int owner_of(const struct group_zone *z, const struct dnskey *key, unsigned signer)
{
	const struct keyring *r = z->entry->keys;

	for (size_t i = 0; i < r->foreign_n; i++)
		for (unsigned g = 1; g < GROUP_SIGNERS_MAX; g++)
			if (z->group.signer[g].used && same_key(&r->foreign[i].key, key) &&
			    strcmp(r->foreign[i].owner, z->signer[g]) == 0)
				return (int)g;
	return signer != GROUP_SELF ? (int)signer : GROUP_NOBODY;
}

/* A signature shows whose a key is: nobody else can make it. */
static void correct_owners(struct group_zone *z, unsigned signer, const struct signer_look *look)
{
	uint64_t signing = look->key_signing | look->zone_signing;

	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++) {
		struct group_key *key = &z->group.key[k];
		bool is = group_has(signing, k) ||
			  (key->owner == GROUP_NOBODY && group_has(look->dnskey, k));
		if (!is || !key->used || key->owner == (int)signer || key->owner == GROUP_SELF ||
		    signer == GROUP_SELF)
			continue;
		log_notice(z->entry->text, "group: key %u/%u is %s's", key->tag, key->algorithm,
			   z->signer[signer]);
		key->owner = (int8_t)signer;
		key->seen = false;
		key->withdrawn_at = 0;
		z->unkept = true;
	}
}

static bool looks_the_same(const struct signer_look *a, const struct signer_look *b)
{
	return a->dnskey == b->dnskey && a->cds == b->cds && a->key_signing == b->key_signing &&
	       a->zone_signing == b->zone_signing && a->algorithms == b->algorithms &&
	       a->ns_all == b->ns_all && a->ns_any == b->ns_any && a->has_cds == b->has_cds &&
	       a->has_csync == b->has_csync && a->dnskey_ttl == b->dnskey_ttl &&
	       a->ns_ttl == b->ns_ttl && a->zone_ttl == b->zone_ttl;
}

void group_take_signer(struct group_zone *z, unsigned signer, unsigned server,
		       const struct signer_seen *seen)
{
	const uint8_t *hosts[GROUP_SIGNERS_MAX][GROUP_SERVERS_MAX];
	struct look_unknown unknown;
	struct look_book book;
	struct signer_look look;

	group_keys_of_own(z);
	for (size_t i = 0; i < seen->key_n; i++)
		number_for(z, &seen->key[i], owner_of(z, &seen->key[i], signer));
	group_fill_book(z, &book, hosts);
	look_of_signer(&book, seen, &look, &unknown);
	correct_owners(z, signer, &look);
	if (!looks_the_same(&z->group.signer[signer].last[server], &look))
		z->unkept = true;
	observe_signer(&z->group, signer, server, &look);
	z->contact[signer][server].failed_at = 0;
}

/* RFC 4034 §5.1 */
static struct group_key key_of_ds(const struct seen_ds *ds)
{
	return (struct group_key){ .owner = GROUP_NOBODY,
				   .tag = (uint16_t)(ds->rdata[0] << 8 | ds->rdata[1]),
				   .algorithm = ds->rdata[2],
				   .sep = true };
}

void group_take_parent(struct group_zone *z, unsigned server, const struct parent_seen *seen)
{
	const uint8_t *hosts[GROUP_SIGNERS_MAX][GROUP_SERVERS_MAX];
	struct look_unknown unknown;
	struct look_book book;
	struct parent_look look, before = z->group.parent.last[server];

	group_keys_of_own(z);
	group_fill_book(z, &book, hosts);
	look_of_parent(&book, seen, &look, &unknown);
	for (size_t i = 0; i < seen->ds_n; i++) {
		if (!(unknown.ds >> i & 1) || seen->ds[i].len < 4)
			continue;
		struct group_key key = key_of_ds(&seen->ds[i]);
		int k = new_number(z, &key);
		if (k >= 0)
			z->ds[k] = seen->ds[i];
	}
	group_fill_book(z, &book, hosts);
	look_of_parent(&book, seen, &look, &unknown);
	if (look.ds != before.ds || look.ns_all != before.ns_all || look.ns_any != before.ns_any ||
	    look.ds_ttl != before.ds_ttl || look.ns_ttl != before.ns_ttl)
		z->unkept = true;
	observe_parent(&z->group, server, &look);
	z->contact[GROUP_PARENT_ROW][server].failed_at = 0;
}

/* ---- trust ---- */

static size_t add_anchor(const struct group_zone *z, const struct dnskey *key, struct seen_ds *out,
			 size_t n)
{
	size_t len = 0;

	if (n == SEEN_DS_MAX || dnskey_ds(key, z->entry->name, 2, out[n].rdata, &len))
		return n;
	out[n].len = (uint8_t)len;
	return n + 1;
}

/* Whether a key was seen through the chain to sign the DNSKEY RRset of its signer, which is on its
 * way or in. It has rolled its key since it was introduced, perhaps, and on its way out the parent
 * has no DS of it any more. */
static bool was_entry(const struct group_zone *z, unsigned signer, unsigned key)
{
	const struct group_signer *s = &z->group.signer[signer];
	const struct group_key *k = &z->group.key[key];
	bool signs = false;

	for (unsigned i = 0; i < s->server_n; i++)
		signs = signs || (s->last[i].key_signing & UINT64_C(1) << key) != 0;
	return signs && k->used && k->known && k->sep && k->owner == (int)signer &&
	       s->state != MEMBER_NONE && s->state != MEMBER_GONE;
}

/* Keys that we know to be the signer's: our own, those that an operator or an authenticated call
 * has said (key_sets.h), and those that were its entries when last seen. */
size_t group_anchors(const struct group_zone *z, unsigned signer, struct seen_ds *out)
{
	const struct keyring *r = z->entry->keys;
	size_t n = 0;

	for (size_t i = 0; signer == GROUP_SELF && i < r->own_n; i++)
		if (rollover_signs_dnskey(&r->facts.keys[i]))
			n = add_anchor(z, key_dnskey(r->own[i].key), out, n);
	for (size_t i = 0; signer != GROUP_SELF && i < r->foreign_n; i++)
		if (strcmp(r->foreign[i].owner, z->signer[signer]) == 0)
			n = add_anchor(z, &r->foreign[i].key, out, n);
	for (unsigned i = 0; signer != GROUP_SELF && i < GROUP_KEYS_MAX; i++)
		if (was_entry(z, signer, i))
			n = add_anchor(z, &z->key[i], out, n);
	return n;
}

static void forget_foreign(struct group_zone *z, size_t i)
{
	struct keyring *r = z->entry->keys;
	struct dnskey key = r->foreign[i].key;
	bool foreign;

	if (keyring_remove(r, key.tag, key.algorithm, z->control->store, &foreign))
		log_error(z->entry->text, "group: key %u could not be taken out", key.tag);
}

/* Keys by which a signer was introduced go with it; a call of an operator may bring them again. */
void group_forget_introduction(struct group_zone *z, unsigned signer)
{
	const struct keyring *r = z->entry->keys;

	for (size_t i = r->foreign_n; i > 0; i--)
		if (strcmp(r->foreign[i - 1].owner, z->signer[signer]) == 0)
			forget_foreign(z, i - 1);
}

static bool is_dropped(const struct group_zone *z, int k)
{
	const struct group_key *key = &z->group.key[k];

	return key->owner > GROUP_SELF && key->seen && key->withdrawn_at != 0 &&
	       z->group.signer[key->owner].state == MEMBER_FULL &&
	       !group_has(z->group.sets.dnskey, (unsigned)k);
}

bool group_forget_dropped(struct group_zone *z)
{
	const struct keyring *r = z->entry->keys;
	size_t n = r->foreign_n;

	for (size_t i = n; i > 0; i--) {
		int k = number_of(z, &r->foreign[i - 1].key);
		if (k >= 0 && is_dropped(z, k))
			forget_foreign(z, i - 1);
	}
	return r->foreign_n < n;
}

/* ---- to our own rolls ---- */

void group_inform_keyring(struct group_zone *z, int64_t now)
{
	struct rollover_facts *f = &z->entry->keys->facts;

	for (size_t i = 0; group_is_running(z) && i < f->n; i++) {
		int k = group_number_of_own(z, key_dnskey(z->entry->keys->own[i].key));
		if (k < 0)
			continue;
		struct group_evidence e = group_evidence(&z->group, (unsigned)k, now);
		f->keys[i].seen_everywhere_at = e.seen_everywhere_at;
		f->keys[i].ds_seen_at = e.ds_seen_at;
		f->keys[i].ds_gone_at = e.ds_gone_at;
		if (e.ds_seen_at != 0)
			f->insecure_at = 0;
	}
	z->entry->keys->wake_at = 0;
}

static void raise_mark(struct ttl_mark *to, const struct ttl_mark *m)
{
	if (m->ttl > to->ttl)
		to->ttl = m->ttl;
	if (m->held_until > to->held_until)
		to->held_until = m->held_until;
}

void group_adjust_facts(const struct group_zone *z, struct rollover_facts *f,
			struct rollover_policy *p, int64_t now)
{
	struct ttl_mark dnskey = wait_dnskey_mark(&z->group);

	raise_mark(&f->dnskey_ttl, &dnskey);
	raise_mark(&f->ds_ttl, &z->group.parent.ds_ttl);
	f->group = true;
	if (f->hold == NULL)
		f->hold = group_evidence(&z->group, 0, now).hold;
	if (overlap_holds_roll(&z->group, PROCESS_ZSK) != NULL)
		p->automatic = false;
	/* A change of algorithm waits for who comes and goes. */
	bool begun = false;
	for (size_t i = 0; i < f->n; i++)
		begun = begun || f->keys[i].algorithm == p->algorithm;
	if (!begun && f->n > 0 && overlap_holds_roll(&z->group, PROCESS_ALGORITHM) != NULL)
		p->algorithm = f->keys[0].algorithm;
}
