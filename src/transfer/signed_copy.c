// SPDX-License-Identifier: Apache-2.0
#include "transfer/signed_copy.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/rcu.h"
#include "dns/rrtype.h"
#include "dns/wire.h"

#define TYPE_MADE_WITH 0 /* ids of the two duties of the keyset */
#define MADE_WITH_LEN  16
#define PAUSE_N        256 /* RRsets between two looks at whether to stop */

/* ---- what there is ---- */

struct item {
	const uint8_t *owner;
	const struct rrset *set;
};

struct items {
	struct item *item;
	size_t n, cap;
	bool failed, has_zonemd; /* the digest is made when all else is written */
};

static void add_item(struct items *all, const uint8_t *owner, const struct rrset *set)
{
	if (all->n == all->cap) {
		size_t cap = all->cap * 2 + 256;
		struct item *more = realloc(all->item, cap * sizeof *more);
		if (more == NULL) {
			all->failed = true;
			return;
		}
		all->item = more;
		all->cap = cap;
	}
	all->item[all->n++] = (struct item){ owner, set };
}

static bool add_node(const struct node *n, void *context)
{
	struct items *all = context;
	bool nsec_added = n->nsec == NULL;

	for (unsigned i = 0; i < n->rrset_n; i++) {
		const struct rrset *s = n->rrset[i];
		if (!nsec_added && s->type > TYPE_NSEC) {
			add_item(all, n->name, n->nsec);
			nsec_added = true;
		}
		if (s->type != TYPE_SOA && !(s->type == TYPE_ZONEMD && all->has_zonemd))
			add_item(all, n->name, s);
	}
	if (!nsec_added)
		add_item(all, n->name, n->nsec);
	return !all->failed;
}

static bool add_nsec3(const struct rrset *s, void *context)
{
	struct items *all = context;

	add_item(all, nsec3_owner(s), s);
	return !all->failed;
}

/* The order of the file. */
static enum err list_items(const struct zone *z, struct items *all)
{
	add_item(all, zone_name(z), zone_soa(z));
	zone_walk(z, add_node, all);
	zone_walk_nsec3(z, add_nsec3, all);
	return all->failed ? ERR_NOMEM : ERR_OK;
}

/* ---- an RRset of the old copy ---- */

struct octets {
	uint8_t *p;
	size_t n, cap;
};

static enum err octets_add(struct octets *o, const struct spool_record *r)
{
	size_t need = o->n + RR_FIXED_LEN + r->rdata.n;

	if (need > o->cap) {
		uint8_t *more = realloc(o->p, need * 2);
		if (more == NULL)
			return ERR_NOMEM;
		o->p = more;
		o->cap = need * 2;
	}
	uint8_t *at = o->p + o->n;
	store_u16(at, r->type);
	store_u16(at + 2, CLASS_IN);
	store_u32(at + 4, r->ttl);
	store_u16(at + 8, (uint16_t)r->rdata.n);
	if (r->rdata.n > 0)
		memcpy(at + RR_FIXED_LEN, r->rdata.p, r->rdata.n);
	o->n = need;
	return ERR_OK;
}

struct group {
	uint8_t owner[NAME_MAX_LEN];
	uint16_t type;
	struct octets set, sigs; /* each as in struct rrset */
};

static uint16_t covered(const struct spool_record *r)
{
	return r->type == TYPE_RRSIG && r->rdata.n >= 18 ? load_u16(r->rdata.p) : 0;
}

/* ---- the pass ---- */

struct pass {
	const struct signed_copy_job *job;
	struct signed_copy *out;
	struct signer *signer;
	struct items items;
	size_t at;                    /* items before it are done */
	struct group old, old_zonemd; /* .set.n is 0: none */
	bool in_group, differs;       /* something other than the serial */
	uint64_t old_ids[2];          /* of the key-signing duty, and the other */
	uint32_t old_serial;
	struct change_set removed, added;
	bool too_much;
	_Alignas(struct rrset) uint8_t soa[sizeof(struct rrset) + SIGNED_COPY_SOA_MAX];
	unsigned pause;
};

static struct span rdata_at(const uint8_t *wire)
{
	return (struct span){ wire + RR_FIXED_LEN, load_u16(wire + RR_FIXED_LEN - 2) };
}

static bool has(struct span all, const uint8_t *record, size_t n)
{
	for (size_t at = 0; at < all.n; at += RR_FIXED_LEN + rdata_at(all.p + at).n)
		if (RR_FIXED_LEN + rdata_at(all.p + at).n == n &&
		    memcmp(all.p + at, record, n) == 0)
			return true;
	return false;
}

/* Those of `all` that are not among `others`. */
static enum err note(struct pass *p, enum change_op op, const uint8_t *owner, struct span all,
		     struct span others)
{
	struct change_set *to = op == CHANGE_REMOVE ? &p->removed : &p->added;

	if (all.n == others.n && (all.n == 0 || memcmp(all.p, others.p, all.n) == 0))
		return ERR_OK;
	for (size_t at = 0, n; at < all.n; at += n) {
		const uint8_t *w = all.p + at;
		struct change_record r = { op, owner, load_u16(w), load_u32(w + 4), rdata_at(w) };
		n = RR_FIXED_LEN + r.rdata.n;
		if (has(others, w, n))
			continue;
		p->differs = p->differs || r.type != TYPE_SOA;
		if (p->too_much)
			continue;
		enum err e = change_add(to, &r);
		if (e)
			return e;
		p->too_much = p->removed.n + p->added.n > p->job->change_max;
	}
	return ERR_OK;
}

static enum err write_all(struct pass *p, const uint8_t *owner, struct span all)
{
	enum err e = ERR_OK;

	for (size_t at = 0; at < all.n && !e; at += RR_FIXED_LEN + rdata_at(all.p + at).n) {
		const uint8_t *w = all.p + at;
		e = spool_add(p->out->spool, owner, load_u16(w), load_u32(w + 4), rdata_at(w));
		p->out->record_n++;
	}
	return e;
}

/* When the first of some signatures is due; times of RRSIG are circular (RFC 4034 §3.1.5). */
static int64_t due_of(struct span sigs, uint32_t refresh_s, int64_t now)
{
	int64_t due = INT64_MAX;

	for (size_t at = 0; at < sigs.n; at += RR_FIXED_LEN + rdata_at(sigs.p + at).n) {
		struct span rdata = rdata_at(sigs.p + at);
		if (rdata.n < 18)
			return 0;
		int64_t expires = now + (int32_t)(load_u32(rdata.p + 8) - (uint32_t)now);
		if (expires - refresh_s < due)
			due = expires - refresh_s;
	}
	return sigs.n == 0 ? 0 : due;
}

static void note_due(struct pass *p, int64_t due)
{
	if (due < p->out->due_at)
		p->out->due_at = due;
}

static bool may_keep(const struct pass *p, const struct rrset *s)
{
	const struct keyset *k = p->job->keys;
	const struct octets *set = &p->old.set, *sigs = &p->old.sigs;
	uint64_t old = p->old_ids[keyset_signs_with_ksk(s->type) ? 0 : 1];

	return set->n == s->wire_len && memcmp(set->p, s->wire, set->n) == 0 &&
	       old == keyset_id(k, s->type) &&
	       due_of((struct span){ sigs->p, sigs->n }, k->policy.refresh_s, p->job->now) >
		   p->job->now;
}

/* Signatures of an RRset; *made is to be freed. */
static enum err sign(struct pass *p, const uint8_t *owner, const struct rrset *s, struct span *out,
		     struct sig **made)
{
	const struct signed_copy_job *j = p->job;
	struct sign_input in = { owner, s->type, s->ttl, s->rr_n, { s->wire, s->wire_len } };
	enum sig_state state = SIG_MISS;
	const struct sig *g = NULL;

	if (j->sigs != NULL && s->type != TYPE_SOA && s->type != TYPE_ZONEMD)
		g = sigcache_get(j->sigs, s->sig_id, keyset_id(j->keys, s->type), j->now, &state);
	if (g == NULL || state != SIG_FRESH) {
		enum err e = signer_sign(p->signer, j->keys, &in, j->now, made);
		if (e)
			return e;
		g = *made;
		p->out->made_n++;
	}
	*out = (struct span){ g->wire, g->wire_len };
	note_due(p, g->refresh_at);
	return ERR_OK;
}

/* One RRset of the zone, with what the old copy has in its place (NULL: nothing). */
static enum err put(struct pass *p, const uint8_t *owner, const struct rrset *s, struct group *old)
{
	struct span was = { 0 }, was_signed = { 0 }, is = { s->wire, s->wire_len },
		    is_signed = { 0 };
	struct sig *made = NULL;
	enum err e = ERR_OK;

	if (old != NULL) {
		was = (struct span){ old->set.p, old->set.n };
		was_signed = (struct span){ old->sigs.p, old->sigs.n };
	}
	if (s->sig_id != 0 && old != NULL && may_keep(p, s)) {
		is_signed = was_signed;
		note_due(p, due_of(is_signed, p->job->keys->policy.refresh_s, p->job->now));
		p->out->kept_n++;
	} else if (s->sig_id != 0) {
		e = sign(p, owner, s, &is_signed, &made);
	}
	p->out->steered_n += rrset_is_steered(s);
	if (!e)
		e = write_all(p, owner, is);
	if (!e)
		e = write_all(p, owner, is_signed);
	if (!e)
		e = note(p, CHANGE_REMOVE, owner, was, is);
	if (!e)
		e = note(p, CHANGE_REMOVE, owner, was_signed, is_signed);
	if (!e)
		e = note(p, CHANGE_ADD, owner, is, was);
	if (!e)
		e = note(p, CHANGE_ADD, owner, is_signed, was_signed);
	sig_free(made);
	return e;
}

/* ---- the SOA ---- */

/* The zone's SOA with the serial that the copy will have. */
static const struct rrset *make_soa(struct pass *p, bool has_old)
{
	const struct rrset *soa = zone_soa(p->job->zone);
	struct rrset *mine = (struct rrset *)(void *)p->soa;
	uint32_t zone = zone_serial(p->job->zone), serial = zone;

	if (has_old && !serial_is_newer(zone, p->old_serial))
		serial = serial_next(p->old_serial, p->job->policy, p->job->now);
	else if (!has_old && p->job->next_serial)
		serial = serial_next(zone, p->job->policy, p->job->now);
	*mine = *soa;
	mine->steering = NULL;
	memcpy(mine->wire, soa->wire, soa->wire_len);
	store_u32(mine->wire + soa->wire_len - 20, serial);
	p->out->serial = serial;
	p->out->soa_len = soa->wire_len;
	memcpy(p->out->soa, mine->wire, soa->wire_len);
	return mine;
}

/* Whether the old SOA says something else than the serial, or its signature is due. */
static void compare_soa(struct pass *p)
{
	const struct rrset *soa = zone_soa(p->job->zone);
	const struct octets *old = &p->old.set;
	size_t n = soa->wire_len;
	const struct octets *sigs = &p->old.sigs;

	bool same = old->n == n && memcmp(old->p, soa->wire, n - 20) == 0 &&
		    memcmp(old->p + n - 16, soa->wire + n - 16, 16) == 0;
	bool current = p->job->keys == NULL ||
		       (p->old_ids[1] == keyset_id(p->job->keys, TYPE_SOA) &&
			due_of((struct span){ sigs->p, sigs->n }, p->job->keys->policy.refresh_s,
			       p->job->now) > p->job->now);
	p->differs = p->differs || !same || !current ||
		     serial_is_newer(zone_serial(p->job->zone), p->old_serial);
}

static enum err put_soa(struct pass *p, struct group *old)
{
	if (old != NULL) {
		if (old->set.n < 20 + RR_FIXED_LEN)
			return ERR_CORRUPT;
		p->old_serial = load_u32(old->set.p + old->set.n - 20);
		p->out->from = p->old_serial;
		compare_soa(p);
	}
	bool differs = p->differs;
	enum err e = put(p, zone_name(p->job->zone), make_soa(p, old != NULL), old);
	p->differs = differs; /* its signature is another one with each serial */
	return e;
}

/* ---- the digest (RFC 8976) ---- */

/* Of all that was written so far, which is all but itself. */
static enum err make_zonemd(struct pass *p)
{
	struct spool_map m;
	const uint8_t *zone = zone_name(p->job->zone);
	enum err e = spool_map_added(&m, p->out->spool, zone);

	if (!e)
		e = zonemd_make(m.records, zone, (enum zonemd_hash)p->job->zonemd, p->out->zonemd,
				&p->out->zonemd_len);
	spool_unmap(&m);
	return e;
}

static enum err put_zonemd(struct pass *p)
{
	_Alignas(struct rrset) uint8_t room[sizeof(struct rrset) + RR_FIXED_LEN + ZONEMD_RDATA_MAX];
	struct rrset *mine = (struct rrset *)(void *)room;
	const struct rrset *soa = zone_soa(p->job->zone);
	struct octets *old = &p->old_zonemd.set;
	enum err e = make_zonemd(p);

	if (e)
		return e;
	size_t n = p->out->zonemd_len;
	*mine = *soa; /* it is signed where the SOA is */
	mine->type = TYPE_ZONEMD;
	mine->steering = NULL;
	mine->wire_len = (uint32_t)(RR_FIXED_LEN + n);
	store_u16(mine->wire, TYPE_ZONEMD);
	store_u16(mine->wire + 2, CLASS_IN);
	store_u32(mine->wire + 4, soa->ttl);
	store_u16(mine->wire + 8, (uint16_t)n);
	memcpy(mine->wire + RR_FIXED_LEN, p->out->zonemd, n);
	/* It is another one with each serial; that there is one, or of another kind, differs. */
	bool differs = p->differs || old->n != mine->wire_len ||
		       old->p[RR_FIXED_LEN + 5] != mine->wire[RR_FIXED_LEN + 5];
	e = put(p, zone_name(p->job->zone), mine, old->n > 0 ? &p->old_zonemd : NULL);
	p->differs = differs;
	return e;
}

/* ---- side by side ---- */

static int rank(uint16_t type)
{
	return type == TYPE_SOA ? 0 : type == TYPE_NSEC3 ? 2 : type == TYPE_ZONEMD ? 3 : 1;
}

static int compare(const struct item *x, const struct group *g)
{
	int c = rank(x->set->type) - rank(g->type);

	if (c == 0)
		c = name_compare(x->owner, g->owner);
	return c != 0 ? c : (x->set->type > g->type) - (x->set->type < g->type);
}

static enum err put_item(struct pass *p, struct group *old)
{
	const struct item *x = &p->items.item[p->at++];

	if (p->pause++ % PAUSE_N == 0) {
		if (p->job->stopped != NULL && atomic_load(p->job->stopped))
			return ERR_TIMEOUT;
		if (p->job->sigs != NULL)
			rcu_quiescent();
	}
	return x->set->type == TYPE_SOA ? put_soa(p, old) : put(p, x->owner, x->set, old);
}

/* The old copy's RRset is whole: everything before it is new, and it is there still or not. */
static enum err end_group(struct pass *p)
{
	struct group *g = &p->old;
	struct span none = { 0 };
	int c = 1;

	if (!p->in_group)
		return ERR_OK;
	p->in_group = false;
	if (g->type == TYPE_ZONEMD && p->items.has_zonemd) {
		struct group swap = p->old_zonemd;
		p->old_zonemd = *g;
		*g = swap;
		return ERR_OK;
	}
	while (p->at < p->items.n && (c = compare(&p->items.item[p->at], g)) < 0) {
		enum err e = put_item(p, NULL);
		if (e)
			return e;
	}
	if (p->at < p->items.n && c == 0)
		return put_item(p, g);
	enum err e = note(p, CHANGE_REMOVE, g->owner, (struct span){ g->set.p, g->set.n }, none);
	return e ? e
		 : note(p, CHANGE_REMOVE, g->owner, (struct span){ g->sigs.p, g->sigs.n }, none);
}

static enum err take_made_with(struct pass *p, struct span rdata)
{
	if (rdata.n != MADE_WITH_LEN)
		return ERR_CORRUPT;
	for (unsigned i = 0; i < 2; i++)
		p->old_ids[i] =
		    (uint64_t)load_u32(rdata.p + 8 * i) << 32 | load_u32(rdata.p + 8 * i + 4);
	return ERR_OK;
}

static enum err take_old(const struct spool_record *r, void *context)
{
	struct pass *p = context;
	struct group *g = &p->old;

	if (r->type == TYPE_MADE_WITH)
		return take_made_with(p, r->rdata);
	bool same_owner = p->in_group && name_equal(g->owner, r->owner);
	if (same_owner && r->type == g->type)
		return octets_add(&g->set, r);
	if (same_owner && covered(r) == g->type)
		return octets_add(&g->sigs, r);
	enum err e = end_group(p);
	if (e)
		return e;
	memcpy(g->owner, r->owner, name_len(r->owner));
	g->type = r->type;
	g->set.n = g->sigs.n = 0;
	p->in_group = true;
	return octets_add(&g->set, r);
}

static enum err write_made_with(struct pass *p)
{
	uint8_t rdata[MADE_WITH_LEN];
	const struct keyset *k = p->job->keys;
	const uint64_t ids[2] = { k != NULL ? k->ksk_id : 0, k != NULL ? k->zsk_id : 0 };

	for (unsigned i = 0; i < 2; i++) {
		store_u32(rdata + 8 * i, (uint32_t)(ids[i] >> 32));
		store_u32(rdata + 8 * i + 4, (uint32_t)ids[i]);
	}
	return spool_add(p->out->spool, zone_name(p->job->zone), TYPE_MADE_WITH, 0,
			 (struct span){ rdata, sizeof rdata });
}

static enum err go_over(struct pass *p)
{
	const struct signed_copy_job *j = p->job;
	p->items.has_zonemd = j->zonemd != 0;
	enum err e = list_items(j->zone, &p->items);

	if (!e)
		e = spool_begin(&p->out->spool, j->path, zone_name(j->zone));
	if (!e)
		e = write_made_with(p);
	if (!e && j->has_old) {
		e = spool_read(j->path, zone_name(j->zone), take_old, p);
		if (!e)
			e = end_group(p);
		if (!e && p->at == 0)
			e = ERR_CORRUPT; /* without an SOA */
	}
	while (!e && p->at < p->items.n)
		e = put_item(p, NULL);
	return e || j->zonemd == 0 ? e : put_zonemd(p);
}

/* The SOA stands first on each side, so that the set is one difference sequence. */
static enum err join(struct pass *p)
{
	struct change_set *out = &p->out->change;
	struct span sides[2] = { change_span(&p->removed), change_span(&p->added) };
	enum err e = ERR_OK;

	for (unsigned i = 0; i < 2; i++) {
		struct change_record r;
		for (struct span rest = sides[i]; !e && change_next(&rest, &r);)
			e = change_add(out, &r);
	}
	return e;
}

enum err signed_copy_make(const struct signed_copy_job *job, struct signed_copy *out)
{
	struct pass *p = calloc(1, sizeof *p);

	*out = (struct signed_copy){ .due_at = INT64_MAX };
	if (p == NULL)
		return ERR_NOMEM;
	p->job = job;
	p->out = out;
	if (job->sigs != NULL) {
		rcu_thread_register();
		rcu_online();
	}
	enum err e = signer_new(&p->signer);
	if (!e)
		e = go_over(p);
	if (job->sigs != NULL) {
		rcu_offline();
		rcu_thread_unregister();
	}
	if (!e && (!job->has_old || p->differs)) {
		e = spool_end(out->spool);
		if (!e && job->has_old && !p->too_much)
			e = join(p);
	} else {
		spool_abort(out->spool);
		out->spool = NULL;
	}
	if (e && out->spool != NULL) {
		spool_abort(out->spool);
		out->spool = NULL;
	}
	signer_free(p->signer);
	OPENSSL_thread_stop(); /* a thread of a pool never ends: its random generators go now */
	free(p->items.item);
	free(p->old.set.p);
	free(p->old.sigs.p);
	free(p->old_zonemd.set.p);
	free(p->old_zonemd.sigs.p);
	change_free(&p->removed);
	change_free(&p->added);
	free(p);
	return e;
}

/* ---- a copy that is there ---- */

struct look {
	struct signed_copy *out;
	uint32_t refresh_s;
	int64_t now;
};

static enum err look_at(const struct spool_record *r, void *context)
{
	struct look *l = context;
	struct octets one = { 0 };

	if (r->type == TYPE_MADE_WITH)
		return ERR_OK;
	if (l->out->record_n++ > 0 && r->type != TYPE_RRSIG) {
		if (r->type == TYPE_ZONEMD && r->rdata.n <= ZONEMD_RDATA_MAX) {
			memcpy(l->out->zonemd, r->rdata.p, r->rdata.n);
			l->out->zonemd_len = r->rdata.n;
		}
		return ERR_OK;
	}
	enum err e = octets_add(&one, r);
	if (!e && l->out->record_n == 1) {
		if (r->type != TYPE_SOA || r->rdata.n < 20 || one.n > sizeof l->out->soa) {
			e = ERR_CORRUPT;
		} else {
			memcpy(l->out->soa, one.p, one.n);
			l->out->soa_len = one.n;
			l->out->serial = load_u32(one.p + one.n - 20);
		}
	} else if (!e) {
		int64_t due = due_of((struct span){ one.p, one.n }, l->refresh_s, l->now);
		if (due < l->out->due_at)
			l->out->due_at = due;
	}
	free(one.p);
	return e;
}

enum err signed_copy_look(const char *path, const uint8_t *zone, uint32_t refresh_s, int64_t now,
			  struct signed_copy *out)
{
	struct look l = { out, refresh_s, now };

	*out = (struct signed_copy){ .due_at = INT64_MAX };
	enum err e = spool_read(path, zone, look_at, &l);
	return !e && out->soa_len == 0 ? ERR_CORRUPT : e;
}
