// SPDX-License-Identifier: Apache-2.0
#include "control/key_bundles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

#define WARN_BEFORE_S (14 * 86400)
#define DAY_S         86400
#define HOUR_S        3600

void key_bundles_free(struct key_bundles *b)
{
	if (b == NULL)
		return;
	bundles_free(b->row);
	free(b);
}

enum err key_bundles_load(struct keyring *k, struct store *store, struct diag *d)
{
	int64_t revision;

	k->bundles = calloc(1, sizeof *k->bundles);
	if (k->bundles == NULL)
		return ERR_NOMEM;
	return bundle_store_read(store, k->zone_text, "bundles", &k->bundles->row, &revision, d);
}

enum err key_bundles_replace(struct keyring *k, struct bundles *row, struct store *store,
			     int64_t now, int64_t *revision)
{
	enum err e = bundle_store_write(store, k->zone_text, "bundles", row, now, revision);

	if (e)
		return e;
	bundles_free(k->bundles->row);
	*k->bundles = (struct key_bundles){ .row = row };
	k->wake_at = 0;
	return ERR_OK;
}

/* ---- what is served ---- */

const struct bundle *key_bundles_served(const struct keyring *k)
{
	return k->bundles != NULL ? k->bundles->served : NULL;
}

uint32_t key_bundles_ttl(const struct keyring *k, uint32_t dnskey_ttl)
{
	const struct bundle *b = key_bundles_served(k);

	return b != NULL && b->set[BUNDLE_DNSKEY].ttl > dnskey_ttl ? b->set[BUNDLE_DNSKEY].ttl
								   : dnskey_ttl;
}

enum err key_bundles_keyset(const struct keyring *k, const struct sign_policy *policy,
			    const struct keyset_member *members, struct keyset **out)
{
	const struct bundle *b = key_bundles_served(k);
	struct sig *given[BUNDLE_TYPES] = { NULL };
	enum err e = ERR_OK;

	for (size_t t = 0; t < BUNDLE_TYPES && b != NULL && !e; t++)
		e = bundle_signature(b, (enum bundle_type)t, &given[t]);
	const struct sig *const lent[BUNDLE_TYPES] = { given[0], given[1], given[2] };
	if (!e)
		e = keyset_new_given(out, k->zone, policy, members, k->own_n, lent);
	for (size_t t = 0; t < BUNDLE_TYPES; t++)
		sig_free(given[t]);
	return e;
}

enum err key_bundles_add_records(const struct keyring *k, struct zone_builder *b, struct diag *d)
{
	enum err e = ERR_OK;

	for (size_t t = 0; t < BUNDLE_TYPES; t++) {
		const struct bundle_set *s = &k->bundles->served->set[t];
		for (size_t i = 0; i < s->rr_n && !e; i++) {
			struct zone_record r = { .owner = k->zone,
						 .type = bundle_rr_type((enum bundle_type)t),
						 .ttl = s->ttl,
						 .rdata = s->rr[i] };
			e = zone_build_add(b, &r, d);
		}
	}
	return e;
}

/* ---- which one ---- */

static bool is_needed(const struct rollover_key *f)
{
	return f->role != KEY_KSK && (f->signs || f->state == KEY_RETIRED);
}

bool key_bundles_cover(const struct keyring *k, const struct bundle *b)
{
	bool any = false;

	for (size_t i = 0; i < k->own_n; i++) {
		if (!is_needed(&k->facts.keys[i]))
			continue;
		if (!bundle_has_key(b, key_dnskey(k->own[i].key)))
			return false;
		any = true;
	}
	return any;
}

static const struct bundle *choose(const struct keyring *k, int64_t now)
{
	struct key_bundles *b = k->bundles;
	const struct bundle *newest = b->row != NULL ? bundles_at(b->row, now) : NULL;

	b->refused_from = newest != NULL && !key_bundles_cover(k, newest) ? newest->from : 0;
	for (size_t i = b->row != NULL ? b->row->n : 0; i-- > 0;) {
		const struct bundle *x = b->row->all[i];
		if (x->from <= now && x->expires_at > now + SIG_MIN_LEFT_S &&
		    key_bundles_cover(k, x))
			return x;
	}
	/* Nothing is valid: what was served stays, without its signatures. */
	return b->served != NULL || newest == NULL || b->refused_from != 0 ? b->served : newest;
}

static char *date(int64_t at, char out[32])
{
	time_t t = (time_t)at;
	struct tm tm;

	strftime(out, 32, "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&t, &tm));
	return out;
}

static bool swap(struct keyring *k, int64_t now)
{
	struct key_bundles *b = k->bundles;
	const struct bundle *next = choose(k, now);
	char from[32], until[32];

	if (next == b->served)
		return false;
	b->served = next;
	b->served_since = now;
	if (next != NULL)
		log_notice(k->zone_text,
			   "bundle: the signed DNSKEY set of %s is in force, %zu keys, until %s",
			   date(next->from, from), next->set[BUNDLE_DNSKEY].rr_n,
			   date(next->expires_at, until));
	return true;
}

/* All signers have the same sets, each from the same time on. */
static void note_evidence(struct keyring *k, const struct keyring_context *c)
{
	const struct key_bundles *b = k->bundles;
	bool changed = false;

	if (b->served == NULL || c->now < b->served_since + c->policy->propagation_s)
		return;
	for (size_t i = 0; i < k->own_n; i++) {
		struct rollover_key *f = &k->facts.keys[i];
		if (f->seen_everywhere_at != 0 ||
		    !bundle_has_key(b->served, key_dnskey(k->own[i].key)))
			continue;
		f->seen_everywhere_at = c->now;
		changed = true;
	}
	if (changed && keyring_save(k, c->store))
		log_error(k->zone_text, "bundle: what was seen could not be kept");
}

/* ---- who must act, until when ---- */

static int64_t tell_every(const struct key_bundles *b, int64_t now)
{
	int64_t left = b->row != NULL ? bundles_end(b->row, now) - now : 0;

	return left > WARN_BEFORE_S ? 0 : left > DAY_S ? DAY_S : HOUR_S;
}

static void warn(struct keyring *k, int64_t now)
{
	struct key_bundles *b = k->bundles;
	char until[32], from[32];
	int64_t end = b->row != NULL ? bundles_end(b->row, now) : 0;

	if (b->row == NULL)
		log_warning(k->zone_text,
			    "bundle: no signed DNSKEY set was loaded, so DNSKEY is answered with "
			    "SERVFAIL: the holder of the KSK must sign what `concordctl bundle "
			    "request` gives");
	else if (end == 0)
		log_error(k->zone_text,
			  "bundle: no signed DNSKEY set is valid any more, so DNSKEY is answered "
			  "with SERVFAIL: the holder of the KSK must sign new ones now");
	else
		log_warning(k->zone_text,
			    "bundle: signed DNSKEY sets end at %s: the holder of the KSK must sign "
			    "what `concordctl bundle request` gives, and it must be loaded, until "
			    "then",
			    date(end, until));
	if (b->refused_from != 0)
		log_error(k->zone_text,
			  "bundle: the set of %s lacks a key of ours that resolvers need and is "
			  "not put into force; %s: the holder of the KSK must sign sets that have "
			  "it",
			  date(b->refused_from, from),
			  b->served != NULL ? "the one before goes on" : "there is no other");
}

bool key_bundles_advance(struct keyring *k, const struct keyring_context *c)
{
	if (k->bundles == NULL)
		return false;
	bool changed = swap(k, c->now);
	note_evidence(k, c);
	int64_t every = tell_every(k->bundles, c->now);
	/* A set that comes into force a moment before the step that it waits for is no trouble. */
	if (k->bundles->refused_from != 0 && c->now > k->bundles->refused_from + HOUR_S)
		every = HOUR_S;
	if (every != 0 && (k->bundles->told_at == 0 || c->now >= k->bundles->told_at + every)) {
		warn(k, c->now);
		k->bundles->told_at = c->now;
	}
	return changed;
}

int64_t key_bundles_wake_at(const struct keyring *k, const struct keyring_context *c)
{
	const struct key_bundles *b = k->bundles;
	int64_t at = INT64_MAX;

	if (b == NULL)
		return INT64_MAX;
	for (size_t i = 0; b->row != NULL && i < b->row->n; i++)
		if (b->row->all[i]->from > c->now && b->row->all[i]->from < at)
			at = b->row->all[i]->from;
	int64_t seen = b->served_since + c->policy->propagation_s;
	if (b->served != NULL && seen > c->now && seen < at)
		at = seen;
	return c->now + HOUR_S < at ? c->now + HOUR_S : at;
}
