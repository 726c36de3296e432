// SPDX-License-Identifier: Apache-2.0
#include "control/bundle_plan.h"

#include <stdlib.h>
#include <string.h>

#include "dns/rrtype.h"

#define TURNS_MAX 2000
#define TIMES_MAX (2 * KEYSET_KEYS_MAX + 2)
/* A key stays in the set for this long after it may go: the daemon may have been down meanwhile. */
#define SLACK_S 86400

/* When a key of ours stands in the set. */
struct stay {
	int64_t from, to;
};

struct run {
	struct rollover_facts facts;
	struct rollover_policy policy;
	struct stay stay[KEYSET_KEYS_MAX];
	struct rollover_plan plan;
};

/* What the machine did up to now. */
static void note(struct run *r, int64_t now, int64_t until)
{
	for (size_t i = 0; i < r->facts.n; i++) {
		struct rollover_key *f = &r->facts.keys[i];
		bool there = f->role == KEY_ZSK && rollover_is_published(f);
		if (there && r->stay[i].from == 0)
			r->stay[i] = (struct stay){ now, until + 1 };
		if (!there && r->stay[i].from != 0 && r->stay[i].to > until)
			r->stay[i].to = now + SLACK_S;
		/* The sets come into force for all signers at the times that they are made for. */
		if (there && f->seen_everywhere_at == 0)
			f->seen_everywhere_at = now + r->policy.propagation_s;
	}
}

/* Runs the machine over the span. ERR_NOKEY: it wants a key that is not there yet. */
static enum err run_ahead(struct run *r, const struct keyring *k, int64_t now, int64_t until)
{
	memset(r->stay, 0, sizeof r->stay);
	r->facts = k->facts;
	rollover_served(&r->facts, now);
	for (int turn = 0; turn < TURNS_MAX; turn++) {
		note(r, now, until);
		rollover_plan(&r->facts, &r->policy, now, &r->plan);
		if (r->plan.wanted_n > 0)
			return ERR_NOKEY;
		if (r->plan.changed) {
			r->facts = r->plan.after;
			rollover_served(&r->facts, now);
			continue;
		}
		if (r->plan.wake_at >= until)
			return ERR_OK;
		now = r->plan.wake_at > now ? r->plan.wake_at : now + 1;
	}
	return ERR_RANGE;
}

static enum err run_with_keys(struct run *r, struct keyring *k, const struct keyring_context *c,
			      int64_t until)
{
	enum err e = ERR_NOKEY;

	for (size_t i = 0; i <= KEYSET_KEYS_MAX && e == ERR_NOKEY; i++) {
		size_t made;
		e = run_ahead(r, k, c->now, until);
		if (e != ERR_NOKEY)
			break;
		enum err why = keyring_generate(k, KEY_ZSK, c, &made);
		if (why)
			return why == ERR_TOO_LONG ? ERR_RANGE : why;
	}
	return e == ERR_NOKEY ? ERR_RANGE : e;
}

/* ---- from stays to bundles ---- */

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static size_t times_of(const struct run *r, int64_t now, int64_t until, int64_t out[TIMES_MAX])
{
	size_t n = 0, kept = 0;

	out[n++] = now;
	out[n++] = until;
	for (size_t i = 0; i < r->facts.n; i++) {
		if (r->stay[i].from > now && r->stay[i].from < until)
			out[n++] = r->stay[i].from;
		if (r->stay[i].to > now && r->stay[i].to < until)
			out[n++] = r->stay[i].to;
	}
	qsort(out, n, sizeof *out, by_time);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || out[i] != out[kept - 1])
			out[kept++] = out[i];
	return kept;
}

static enum err make(const struct run *r, const struct keyring *k, const struct keyring_context *c,
		     int64_t until, struct bundles *into)
{
	int64_t times[TIMES_MAX];
	size_t n = times_of(r, c->now, until, times);

	for (size_t t = 0; t < n; t++) {
		struct bundle *b = bundles_add(into, times[t]);
		if (b == NULL)
			return ERR_NOMEM;
		for (size_t i = 0; i < k->own_n; i++) {
			const struct dnskey *d = key_dnskey(k->own[i].key);
			if (r->stay[i].from == 0 || r->stay[i].from > times[t] ||
			    r->stay[i].to <= times[t])
				continue;
			enum err e = bundle_add_record(into, b, TYPE_DNSKEY, c->policy->dnskey_ttl,
						       (struct span){ d->rdata, d->rdata_len });
			if (e)
				return e;
		}
	}
	bundles_settle(into);
	return ERR_OK;
}

enum err bundle_plan(struct keyring *k, const struct keyring_context *c, int64_t until,
		     struct bundles **out)
{
	struct run *r = calloc(1, sizeof *r);
	struct bundles *b = bundles_new();
	enum err e = r != NULL && b != NULL ? ERR_OK : ERR_NOMEM;

	if (!e && k->facts.hold != NULL)
		e = ERR_REFUSED;
	if (!e) {
		r->policy = keyring_policy(c->policy);
		e = run_with_keys(r, k, c, until);
	}
	if (!e)
		e = make(r, k, c, until, b);
	free(r);
	if (e) {
		bundles_free(b);
		return e;
	}
	*out = b;
	return ERR_OK;
}
