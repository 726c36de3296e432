// SPDX-License-Identifier: Apache-2.0
/* A signer that rolls by its own clock, with margins as a careful operator sets them, and knows of
 * no group. What others put into its sets it keeps until they take it out. */
#include "world.h"

#define NO_KEY 255

/* Time for the others to see a new key, to take it up, and for old sets to expire. */
static int64_t margin(const struct world *w, unsigned s)
{
	uint32_t ttl = 0;

	for (unsigned i = 0; i < w->signer_n; i++)
		if (w->signer[i].dnskey_ttl > ttl)
			ttl = w->signer[i].dnskey_ttl;
	(void)s;
	return 2 * (int64_t)ttl + 12 * (int64_t)w->poll_s + 4 * (int64_t)w->lag_s;
}

void plain_start(struct world *w, unsigned s, uint8_t algorithm)
{
	struct plain *p = &w->signer[s].p;

	p->ksk = (uint8_t)world_make_key(w, s, algorithm, true);
	p->zsk = (uint8_t)world_make_key(w, s, algorithm, false);
	p->new_zsk = p->new_ksk = NO_KEY;
	p->own = GROUP_BIT(p->ksk) | GROUP_BIT(p->zsk);
	p->zone_signing = GROUP_BIT(p->zsk);
	p->key_signing = p->wanted_ds = GROUP_BIT(p->ksk);
}

void plain_fill(const struct world *w, unsigned s, struct served *out)
{
	const struct plain *p = &w->signer[s].p;
	uint64_t own = 0;

	for (unsigned k = 0; k < w->key_n; k++)
		if (w->key[k].owner == s)
			own |= GROUP_BIT(k);
	out->dnskey = p->own;
	out->key_signing = p->key_signing;
	out->zone_signing = p->zone_signing;
	out->cds = p->wanted_ds;
	for (unsigned i = 0; i < w->signer_n; i++) {
		out->dnskey |= p->put_dnskey[i] & ~own;
		out->cds |= p->put_cds[i] & ~own;
		out->ns |= p->put_ns[i];
		out->csync = out->csync || p->put_csync[i];
	}
	if (out->ns == 0)
		out->ns = (uint16_t)(1u << s);
	out->has_cds = true;
}

void plain_push(struct world *w, const struct event *e)
{
	struct plain *p = &w->signer[e->whom].p;

	p->put_dnskey[e->who] = e->push.dnskey;
	if (e->push.keys_only) {
		p->put_ns[e->who] &= e->push.ns;
	} else {
		p->put_cds[e->who] = e->push.cds;
		p->put_ns[e->who] = e->push.ns;
		p->put_csync[e->who] = e->push.csync;
	}
	signer_serve(w, e->whom);
}

static bool zone_expired(const struct world *w, int64_t since, unsigned s)
{
	return w->now > since + (int64_t)w->signer[s].zone_ttl + 4 * (int64_t)w->lag_s;
}

static void again(struct world *w, unsigned s, unsigned what, int64_t since)
{
	struct event *e = world_post(w, w->now + 20, EVENT_PLAIN, s);

	e->command = (uint8_t)what;
	e->value = since;
}

/* Pre-publication (RFC 7583 §3.2.1). Returns whether the step has been taken. */
static bool roll_zsk(struct world *w, unsigned s, int64_t since)
{
	struct plain *p = &w->signer[s].p;

	switch (p->zsk_step) {
	case 0:
		p->new_zsk = (uint8_t)world_make_key(w, s, w->key[p->zsk].algorithm, false);
		p->own |= GROUP_BIT(p->new_zsk);
		break;
	case 1:
		if (w->now < since + margin(w, s))
			return false;
		p->zone_signing = GROUP_BIT(p->new_zsk);
		break;
	default:
		if (!zone_expired(w, since, s))
			return false;
		p->own &= ~GROUP_BIT(p->zsk);
		p->zsk = p->new_zsk;
		p->new_zsk = NO_KEY;
		p->zsk_step = 0;
		w->rolled++;
		return true;
	}
	p->zsk_step++;
	return true;
}

static bool parent_has(const struct world *w, uint64_t with, uint64_t without)
{
	for (unsigned v = 0; v < w->server_n; v++)
		if ((w->parent_on[v].ds & with) != with || (w->parent_on[v].ds & without) != 0)
			return false;
	return true;
}

/* Double signature (RFC 7583 §3.3.1). */
static bool roll_ksk(struct world *w, unsigned s, int64_t since)
{
	struct plain *p = &w->signer[s].p;
	uint64_t old = GROUP_BIT(p->ksk), new = p->new_ksk != NO_KEY ? GROUP_BIT(p->new_ksk) : 0;

	switch (p->ksk_step) {
	case 0:
		p->new_ksk = (uint8_t)world_make_key(w, s, w->key[p->ksk].algorithm, true);
		p->own |= GROUP_BIT(p->new_ksk);
		p->key_signing |= GROUP_BIT(p->new_ksk);
		break;
	case 1:
		if (w->now < since + margin(w, s))
			return false;
		p->wanted_ds = new;
		break;
	case 2:
		if (!parent_has(w, new, old))
			return false;
		break;
	default:
		if (w->now < since + (int64_t)w->parent.ds_ttl + margin(w, s))
			return false;
		p->own &= ~old;
		p->key_signing = new;
		p->ksk = p->new_ksk;
		p->new_ksk = NO_KEY;
		p->ksk_step = 0;
		w->rolled++;
		return true;
	}
	p->ksk_step++;
	return true;
}

void plain_roll(struct world *w, const struct event *e)
{
	struct plain *p = &w->signer[e->who].p;
	bool zsk = e->command == COMMAND_ROLL_ZSK;
	bool starts = e->value == 0, idle = zsk ? p->zsk_step == 0 : p->ksk_step == 0;
	bool taken;

	if (starts != idle)
		return; /* one of them at a time */
	taken = zsk ? roll_zsk(w, e->who, e->value) : roll_ksk(w, e->who, e->value);
	signer_serve(w, e->who);
	if (zsk ? p->zsk_step != 0 : p->ksk_step != 0)
		again(w, e->who, e->command, taken ? w->now : e->value);
}
