// SPDX-License-Identifier: Apache-2.0
#include "control/group_push.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/group_records.h"
#include "control/group_zone.h"
#include "dns/rrtype.h"
#include "multisigner/merge.h"
#include "peers/peer.h"

#define RETRY_MAX_S 3600

/* Towards one signer. */
struct pushing {
	struct group_push *owner;
	unsigned signer;
	struct push_call *call; /* NULL: none is under way */
	int64_t next_at, at;
	unsigned failed_n; /* in a row */
	bool ok;
	char why[PUSH_WHY_MAX];
};

struct group_push {
	struct group_zone *zone;
	struct pushing to[GROUP_SIGNERS_MAX];
};

/* ---- what should stand there, as sets ---- */

static enum member_state own_state(const struct group_zone *z)
{
	return z->group.signer[GROUP_SELF].state;
}

static bool is_leaving(enum member_state s)
{
	return s >= LEAVE_NS && s <= MEMBER_GONE;
}

/* Keys of which anything may be said to that signer: known ones that are not its own. */
static uint64_t others_keys(const struct group_zone *z, unsigned signer)
{
	uint64_t set = 0;

	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++) {
		const struct group_key *key = &z->group.key[k];
		if (key->used && key->known && key->owner != (int)signer &&
		    key->owner != GROUP_NOBODY)
			set |= GROUP_BIT(k);
	}
	return set;
}

/* Who is on the way in or out does not know enough to take away what is others'. */
static uint64_t may_go(const struct group_zone *z)
{
	uint64_t own = group_keys_of(&z->group, GROUP_SELF);

	return own_state(z) == MEMBER_FULL ? ~UINT64_C(0) : own_state(z) == MEMBER_GONE ? own : 0;
}

static uint64_t wanted_keys(const struct group_zone *z, unsigned signer)
{
	uint64_t set = group_set_for(&z->group, signer) & others_keys(z, signer);

	return own_state(z) == MEMBER_GONE ? 0 : set;
}

static uint64_t unwanted_keys(const struct group_zone *z, unsigned signer)
{
	return others_keys(z, signer) & ~wanted_keys(z, signer) & may_go(z);
}

/* A DS of nobody's stays as CDS, so it is wanted, and never unwanted. */
static uint64_t wanted_cds(const struct group_zone *z, unsigned signer)
{
	return z->group.sets.cds & ~group_keys_of(&z->group, (int)signer);
}

static uint64_t unwanted_cds(const struct group_zone *z, unsigned signer)
{
	return others_keys(z, signer) & ~z->group.sets.cds & may_go(z);
}

static unsigned unwanted_names(const struct group_zone *z)
{
	unsigned set = 0;

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++)
		if (z->group.signer[i].used && is_leaving(z->group.signer[i].state))
			set |= 1u << i;
	return set & ~(unsigned)z->group.sets.ns;
}

/* ---- ... and as records ---- */

struct wishes {
	struct push_record record[PUSH_RECORDS_MAX];
	uint8_t ds[PUSH_RECORDS_MAX][DS_RDATA_MAX];
	size_t n, ds_n;
};

static void wish(struct wishes *w, uint16_t type, struct span rdata, bool wanted, bool ours)
{
	if (w->n < PUSH_RECORDS_MAX)
		w->record[w->n++] = (struct push_record){ type, rdata, wanted, ours };
}

static struct span rdata_of(const struct group_zone *z, unsigned k)
{
	return (struct span){ z->key[k].rdata, z->key[k].rdata_len };
}

static void wish_keys(struct wishes *w, const struct group_zone *z, unsigned signer)
{
	uint64_t wanted = wanted_keys(z, signer), unwanted = unwanted_keys(z, signer);

	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++)
		if (group_has(wanted | unwanted, k))
			wish(w, TYPE_DNSKEY, rdata_of(z, k), group_has(wanted, k),
			     z->group.key[k].owner == GROUP_SELF);
}

static void wish_digests(struct wishes *w, const struct group_zone *z, unsigned k, bool wanted)
{
	uint32_t digests = z->entry->config.signing->cds_digests;

	for (uint8_t digest = 2; digest <= 4; digest += 2) {
		size_t n = 0;
		if (!(digests & 1u << digest) || w->ds_n == PUSH_RECORDS_MAX ||
		    dnskey_ds(&z->key[k], z->entry->name, digest, w->ds[w->ds_n], &n))
			continue;
		wish(w, TYPE_CDS, (struct span){ w->ds[w->ds_n++], n }, wanted, false);
	}
}

static void wish_cds(struct wishes *w, const struct group_zone *z, unsigned signer)
{
	uint64_t wanted = wanted_cds(z, signer), unwanted = unwanted_cds(z, signer);

	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++) {
		bool is_wanted = group_has(wanted, k);
		if (!group_has(wanted | unwanted, k))
			continue;
		if (!z->group.key[k].known) {
			wish(w, TYPE_CDS, (struct span){ z->ds[k].rdata, z->ds[k].len }, is_wanted,
			     false);
			continue;
		}
		wish_digests(w, z, k, is_wanted);
		wish(w, TYPE_CDNSKEY, rdata_of(z, k), is_wanted, false);
	}
}

static void wish_names(struct wishes *w, const struct group_zone *z)
{
	unsigned wanted = z->group.sets.ns, unwanted = unwanted_names(z);

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		const struct config_signer *s = ((wanted | unwanted) >> i & 1) != 0
						    ? config_signer_find(z->config, z->signer[i])
						    : NULL;
		for (size_t v = 0; s != NULL && v < s->server_n; v++) {
			const uint8_t *host = s->servers[v].host;
			wish(w, TYPE_NS, (struct span){ host, name_len(host) },
			     (wanted >> i & 1) != 0, false);
		}
	}
}

static void collect(struct wishes *w, const struct group_zone *z, unsigned signer, unsigned takes)
{
	w->n = w->ds_n = 0;
	if (takes & PUSH_DNSKEY)
		wish_keys(w, z, signer);
	if (takes & PUSH_CDS)
		wish_cds(w, z, signer);
	if ((takes & PUSH_NS) && z->group.sets.ns != 0)
		wish_names(w, z);
	if (takes & PUSH_CSYNC)
		wish(w, TYPE_CSYNC,
		     z->group.sets.csync ? group_csync_rdata() : (struct span){ NULL, 0 },
		     z->group.sets.csync, false);
}

/* ---- whether it stands there ---- */

static bool look_differs(const struct group_zone *z, unsigned signer, const struct signer_look *l,
			 unsigned takes)
{
	if ((takes & PUSH_DNSKEY) && ((wanted_keys(z, signer) & ~l->dnskey) != 0 ||
				      (unwanted_keys(z, signer) & l->dnskey) != 0))
		return true;
	if ((takes & PUSH_CDS) &&
	    ((wanted_cds(z, signer) & ~l->cds) != 0 || (unwanted_cds(z, signer) & l->cds) != 0))
		return true;
	if ((takes & PUSH_NS) && z->group.sets.ns != 0 &&
	    ((z->group.sets.ns & ~l->ns_all) != 0 || (unwanted_names(z) & l->ns_any) != 0))
		return true;
	return (takes & PUSH_CSYNC) && l->has_csync != z->group.sets.csync;
}

/* A server that was never seen may lack anything. */
static bool differs(const struct group_zone *z, unsigned signer, unsigned takes)
{
	const struct group_signer *s = &z->group.signer[signer];

	for (unsigned v = 0; v < s->server_n; v++)
		if (s->last[v].at == 0 || look_differs(z, signer, &s->last[v], takes))
			return true;
	return false;
}

/* ---- one push ---- */

static const char *peer_name(const struct pushing *t)
{
	return t->owner->zone->signer[t->signer];
}

static void tell(struct pushing *t, const struct push_result *r)
{
	const char *zone = t->owner->zone->entry->text;

	if (r->err && (t->ok || strcmp(t->why, r->why) != 0))
		log_warning(zone, "peer: %s: what it should have cannot be put there: %s",
			    peer_name(t), r->why);
	else if (!r->err && r->changed)
		log_notice(zone, "peer: %s: %s", peer_name(t), r->why);
	else if (!r->err && !t->ok)
		log_notice(zone, "peer: %s: it can be reached again", peer_name(t));
}

static uint32_t wait_s(const struct pushing *t)
{
	uint32_t poll_s = t->owner->zone->config->poll_s;
	unsigned doubled = t->failed_n < 12 ? t->failed_n : 12;
	uint64_t s = (uint64_t)poll_s << doubled;

	return s < RETRY_MAX_S ? (uint32_t)s : poll_s > RETRY_MAX_S ? poll_s : RETRY_MAX_S;
}

static void on_pushed(const struct push_result *r, void *context)
{
	struct pushing *t = context;
	int64_t now = control_now();

	t->call = NULL;
	tell(t, r);
	t->failed_n = r->err ? t->failed_n + 1 : 0;
	t->ok = r->err == ERR_OK;
	snprintf(t->why, sizeof t->why, "%s", r->why);
	t->at = now;
	t->next_at = now + wait_s(t);
	if (r->changed && t->owner->zone->observed != NULL)
		observed_look_now(t->owner->zone->observed);
}

static void push(struct pushing *t, const struct peer *peer)
{
	struct group_zone *z = t->owner->zone;
	struct wishes *w = malloc(sizeof *w);
	struct push p = { .zone = z->entry->name,
			  .text = z->entry->text,
			  .ttl = z->entry->config.signing->dnskey_ttl };

	if (w == NULL)
		return;
	collect(w, z, t->signer, peer->takes);
	p.record = w->record;
	p.n = w->n;
	if (pusher_push(&t->call, z->control->pusher, peer, &p, on_pushed, t))
		t->call = NULL; /* the next round tries again */
	free(w);
}

static void turn_signer(struct pushing *t, int64_t now)
{
	struct group_zone *z = t->owner->zone;
	const struct peer *peer =
	    config_peer_find(&z->control->config->peers, z->signer[t->signer]);

	if (peer == NULL || peer->takes == 0 || t->call != NULL)
		return;
	if (t->next_at > now + RETRY_MAX_S && t->next_at > now + z->config->poll_s)
		t->next_at = now; /* the clock went back */
	if (now >= t->next_at && differs(z, t->signer, peer->takes))
		push(t, peer);
}

static struct group_push *push_of(struct group_zone *z)
{
	if (z->push != NULL)
		return z->push;
	struct group_push *p = calloc(1, sizeof *p);
	if (p == NULL)
		return NULL;
	p->zone = z;
	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++)
		p->to[i] = (struct pushing){ .owner = p, .signer = i, .ok = true };
	z->push = p;
	return p;
}

void group_push_turn(struct group_zone *z, int64_t now)
{
	struct control *c = z->control;
	struct group_push *p = NULL;

	if (!group_rules_records(z) || c->config->peers.n == 0)
		return;
	if (c->pusher == NULL && pusher_new(&c->pusher, c->loop))
		c->pusher = NULL;
	if (c->pusher != NULL)
		p = push_of(z);
	for (unsigned i = 1; p != NULL && i < GROUP_SIGNERS_MAX; i++)
		if (group_awaited(&z->group) >> i & 1)
			turn_signer(&p->to[i], now);
}

static void cancel(struct group_push *p)
{
	for (unsigned i = 0; p != NULL && i < GROUP_SIGNERS_MAX; i++) {
		push_cancel(p->to[i].call);
		p->to[i].call = NULL;
	}
}

void group_push_free(struct group_push *p)
{
	cancel(p);
	free(p);
}

void group_pushes_cancel(struct control *c)
{
	for (size_t i = 0; i < c->entry_n; i++)
		if (c->entries[i]->group != NULL)
			cancel(c->entries[i]->group->push);
}

void group_pushes_stop(struct control *c)
{
	group_pushes_cancel(c);
	pusher_close(c->pusher);
	c->pusher = NULL;
}

json_t *group_push_status(const struct group_zone *z, unsigned signer)
{
	const struct pushing *t = z->push != NULL ? &z->push->to[signer] : NULL;

	if (t == NULL || t->at == 0)
		return NULL;
	return json_pack("{s:b, s:s, s:I}", "ok", t->ok, "why", t->why, "at", (json_int_t)t->at);
}
