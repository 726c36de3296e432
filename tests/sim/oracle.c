// SPDX-License-Identifier: Apache-2.0
#include "oracle.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FOREVER INT64_MAX

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static bool is_reached(const struct oracle *o, unsigned signer, int64_t from, int64_t until)
{
	return o->reach_until[signer] > from && o->reach_from[signer] < until;
}

/* ---- who may be asked ---- */

static bool name_all(struct oracle *o, uint16_t ns, int64_t from, int64_t last, uint32_t ttl)
{
	bool changed = false;

	for (unsigned s = 0; s < ORACLE_SIGNERS; s++) {
		if (!(ns >> s & 1))
			continue;
		if (o->reach_until[s] <= from) /* was forgotten, or never known */
			o->reach_from[s] = from;
		if (o->reach_until[s] < last + (int64_t)ttl) {
			o->reach_until[s] = last + (int64_t)ttl;
			changed = true;
		}
	}
	return changed;
}

/* What was told in [settled_at, now] is kept until its TTL has passed. */
static void settle_reach(struct oracle *o, int64_t now)
{
	bool changed = true;

	for (unsigned i = 0; i < o->delegated_n; i++) {
		const struct delegation_version *d = &o->delegated[i];
		if (d->end > o->settled_at || d->end == FOREVER)
			name_all(o, d->what.ns, d->start > o->settled_at ? d->start : o->settled_at,
				 earlier(d->end, now), d->what.ns_ttl);
	}
	while (changed) {
		changed = false;
		for (unsigned i = 0; i < o->served_n; i++) {
			const struct served_version *v = &o->served[i];
			int64_t from = v->start > o->settled_at ? v->start : o->settled_at;
			int64_t last = earlier(earlier(v->end, now), o->reach_until[v->signer]);
			if (v->end < o->settled_at || last < from)
				continue;
			changed |= name_all(o, v->what.ns, from, last, v->what.ns_ttl);
		}
	}
	o->settled_at = now;
}

/* ---- what may be held ---- */

/* The last moment at which a resolver could fetch a version; before its start: never. */
static int64_t last_fetch(const struct oracle *o, const struct served_version *v, int64_t now)
{
	int64_t end = earlier(v->end, now);

	if (!is_reached(o, v->signer, v->start, v->end == FOREVER ? FOREVER : v->end))
		return -1;
	return earlier(end, o->reach_until[v->signer]);
}

static bool may_hold(const struct oracle *o, const struct served_version *v, uint32_t ttl,
		     int64_t now)
{
	int64_t last = last_fetch(o, v, now);

	return last >= v->start && last + (int64_t)ttl > now;
}

static void forget(struct oracle *o, int64_t now)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < o->served_n; i++) {
		const struct served_version *v = &o->served[i];
		uint32_t ttl =
		    v->what.dnskey_ttl > v->what.zone_ttl ? v->what.dnskey_ttl : v->what.zone_ttl;
		if (v->end == FOREVER || v->end + (int64_t)ttl > now)
			o->served[kept++] = *v;
	}
	o->served_n = kept;
	kept = 0;
	for (unsigned i = 0; i < o->delegated_n; i++) {
		const struct delegation_version *d = &o->delegated[i];
		if (d->end == FOREVER || d->end + (int64_t)d->what.ds_ttl > now)
			o->delegated[kept++] = *d;
	}
	o->delegated_n = kept;
}

/* ---- being told ---- */

void oracle_serves(struct oracle *o, unsigned signer, unsigned server, const struct served *what,
		   int64_t now)
{
	settle_reach(o, now);
	for (unsigned i = 0; i < o->served_n; i++) {
		struct served_version *v = &o->served[i];
		if (v->signer != signer || v->server != server || v->end != FOREVER)
			continue;
		if (memcmp(&v->what, what, sizeof *what) == 0)
			return;
		v->end = now;
	}
	o->changes++;
	forget(o, now);
	if (o->served_n == ORACLE_VERSIONS) {
		o->bogus = true;
		snprintf(o->verdict, sizeof o->verdict, "more versions than the oracle holds");
		return;
	}
	o->served[o->served_n++] =
	    (struct served_version){ (uint8_t)signer, (uint8_t)server, *what, now, FOREVER };
}

void oracle_silences(struct oracle *o, unsigned signer, int64_t now)
{
	settle_reach(o, now);
	for (unsigned i = 0; i < o->served_n; i++)
		if (o->served[i].signer == signer && o->served[i].end == FOREVER)
			o->served[i].end = now;
}

void oracle_delegates(struct oracle *o, unsigned server, const struct delegation *what, int64_t now)
{
	settle_reach(o, now);
	for (unsigned i = 0; i < o->delegated_n; i++) {
		struct delegation_version *d = &o->delegated[i];
		if (d->server == server && d->end == FOREVER)
			d->end = now;
	}
	o->changes++;
	forget(o, now);
	if (o->delegated_n == ORACLE_VERSIONS) {
		o->bogus = true;
		snprintf(o->verdict, sizeof o->verdict, "more delegations than the oracle holds");
		return;
	}
	o->delegated[o->delegated_n++] =
	    (struct delegation_version){ (uint8_t)server, *what, now, FOREVER };
}

/* ---- judging ---- */

static uint64_t algorithms(const struct oracle *o, uint64_t keys)
{
	uint64_t set = 0;

	for (; keys != 0; keys &= keys - 1)
		set |= UINT64_C(1) << o->algorithm[__builtin_ctzll(keys)];
	return set;
}

struct pairing {
	const struct served_version *keys, *answer;
	uint64_t ds;
};

static void accuse(struct oracle *o, const struct pairing *p, const char *what, int64_t now)
{
	o->bogus = true;
	snprintf(o->verdict, sizeof o->verdict,
		 "at %" PRId64 ": %s: DS %" PRIx64 ", DNSKEY set of signer %u (since %" PRId64
		 ") %" PRIx64 " signed by %" PRIx64 ", answer of signer %u (since %" PRId64
		 ") signed by %" PRIx64 "/%" PRIx64,
		 now, what, p->ds, p->keys->signer, p->keys->start, p->keys->what.dnskey,
		 p->keys->what.key_signing, p->answer->signer, p->answer->start,
		 p->answer->what.zone_signing, p->answer->what.key_signing);
}

static void judge_pair(struct oracle *o, const struct pairing *p, int64_t now)
{
	const struct served *k = &p->keys->what, *a = &p->answer->what;
	uint64_t asked = algorithms(o, p->ds);

	o->checks++;
	if (p->ds == 0)
		return; /* insecure */
	if ((asked & ~algorithms(o, p->ds & k->dnskey & k->key_signing)) != 0)
		accuse(o, p, "the DNSKEY set is bogus", now);
	else if ((asked & ~algorithms(o, k->dnskey & a->zone_signing)) != 0)
		accuse(o, p, "an answer is bogus", now);
	else if (a->has_cds && may_hold(o, p->answer, a->dnskey_ttl, now) &&
		 (asked & ~algorithms(o, k->dnskey & a->key_signing)) != 0)
		accuse(o, p, "a CDS set is bogus", now);
}

static bool same_keys(const struct served *a, const struct served *b)
{
	return a->dnskey == b->dnskey && a->key_signing == b->key_signing &&
	       a->zone_signing == b->zone_signing && a->has_cds == b->has_cds &&
	       a->dnskey_ttl == b->dnskey_ttl;
}

/* Versions that a resolver may hold for a duty, each content once. */
static unsigned held(const struct oracle *o, bool keys, int64_t now,
		     const struct served_version *out[ORACLE_VERSIONS])
{
	unsigned n = 0;

	for (unsigned i = 0; i < o->served_n; i++) {
		const struct served_version *v = &o->served[i];
		bool known = false;
		if (!may_hold(o, v, keys ? v->what.dnskey_ttl : v->what.zone_ttl, now))
			continue;
		for (unsigned j = 0; j < n && !known; j++) {
			known = same_keys(&out[j]->what, &v->what);
			if (known && v->end > out[j]->end)
				out[j] = v;
		}
		if (!known)
			out[n++] = v;
	}
	return n;
}

static unsigned held_ds(const struct oracle *o, int64_t now, uint64_t out[ORACLE_VERSIONS])
{
	unsigned n = 0;

	for (unsigned i = 0; i < o->delegated_n; i++) {
		const struct delegation_version *d = &o->delegated[i];
		bool known = false;
		if (d->end != FOREVER && d->end + (int64_t)d->what.ds_ttl <= now)
			continue;
		for (unsigned j = 0; j < n && !known; j++)
			known = out[j] == d->what.ds;
		if (!known)
			out[n++] = d->what.ds;
	}
	return n;
}

void oracle_judge(struct oracle *o, int64_t now)
{
	const struct served_version *keys[ORACLE_VERSIONS], *answers[ORACLE_VERSIONS];
	uint64_t ds[ORACLE_VERSIONS];

	settle_reach(o, now);
	unsigned key_n = held(o, true, now, keys), answer_n = held(o, false, now, answers);
	unsigned ds_n = held_ds(o, now, ds);
	for (unsigned d = 0; d < ds_n; d++) {
		for (unsigned k = 0; k < key_n; k++) {
			for (unsigned a = 0; a < answer_n && !o->bogus; a++) {
				struct pairing p = { keys[k], answers[a], ds[d] };
				judge_pair(o, &p, now);
			}
		}
	}
}
