// SPDX-License-Identifier: Apache-2.0
#include "control/bundle_sign.h"

#include <stdlib.h>
#include <string.h>

#include "dns/rrtype.h"
#include "dns/wire.h"
#include "dnssec/signer.h"
#include "zone/rrset.h"

#define RR_HEAD  10
#define SET_MAX  (BUNDLE_RECORDS_MAX * (RR_HEAD + DNSKEY_RDATA_MAX))
#define SIGS_MAX (KEYSET_ACTIVE_MAX * 1024)

struct job {
	const struct keyring *k;
	const struct keyring_context *c;
	struct bundles *const *request;
	size_t request_n;
	struct keyset *keys;
	struct signer *signer;
	struct bundles *out;
	uint8_t wire[SET_MAX];
};

/* ---- what stands in a set ---- */

static enum err add(struct job *j, struct bundle *b, uint16_t type, struct span rdata)
{
	return bundle_add_record(j->out, b, type, j->c->policy->dnskey_ttl, rdata);
}

static enum err add_requested(struct job *j, struct bundle *b)
{
	enum err e = ERR_OK;

	for (size_t r = 0; r < j->request_n; r++) {
		const struct bundle *x = bundles_at(j->request[r], b->from);
		const struct bundle_set *s = x != NULL ? &x->set[BUNDLE_DNSKEY] : NULL;
		for (size_t i = 0; s != NULL && i < s->rr_n && !e; i++)
			if (!(load_u16(s->rr[i].p) & DNSKEY_SEP))
				e = add(j, b, TYPE_DNSKEY, s->rr[i]);
	}
	return e;
}

/* RFC 7344 §4.1: for each key that the parent should have. */
static enum err add_cds(struct job *j, struct bundle *b, size_t own)
{
	static const uint8_t DIGESTS[] = { 2, 4 };
	const struct dnskey *d = key_dnskey(j->k->own[own].key);
	enum err e = add(j, b, TYPE_CDNSKEY, (struct span){ d->rdata, d->rdata_len });

	for (size_t g = 0; g < sizeof DIGESTS && !e; g++) {
		uint8_t ds[DS_RDATA_MAX];
		size_t n = 0;
		if (!(j->c->policy->cds_digests & 1u << DIGESTS[g]))
			continue;
		e = dnskey_ds(d, j->k->zone, DIGESTS[g], ds, &n);
		if (!e)
			e = add(j, b, TYPE_CDS, (struct span){ ds, n });
	}
	return e;
}

static bool wants_cds(const struct job *j)
{
	const struct keyring *k = j->k;

	if (k->cds || j->c->policy->cds == CONFIG_CDS_ALWAYS)
		return true;
	return j->c->policy->cds != CONFIG_CDS_NEVER && rollover_awaits_parent(&k->facts);
}

static enum err fill(struct job *j, struct bundle *b)
{
	const struct keyring *k = j->k;
	enum err e = add_requested(j, b);

	for (size_t i = 0; i < k->own_n && !e; i++) {
		const struct rollover_key *f = &k->facts.keys[i];
		const struct dnskey *d = key_dnskey(k->own[i].key);
		if (!rollover_is_published(f))
			continue;
		e = add(j, b, TYPE_DNSKEY, (struct span){ d->rdata, d->rdata_len });
		if (!e && wants_cds(j) && rollover_wants_ds(&k->facts, f))
			e = add_cds(j, b, i);
	}
	for (size_t i = 0; i < k->foreign_n && !e; i++)
		e = add(j, b, TYPE_DNSKEY,
			(struct span){ k->foreign[i].key.rdata, k->foreign[i].key.rdata_len });
	return e;
}

/* ---- signing ---- */

static enum err add_signatures(struct job *j, struct bundle *b, const struct sig *g)
{
	struct reader r = reader_of(g->wire, g->wire_len);
	enum err e = ERR_OK;

	while (reader_left(&r) > 0 && !e) {
		read_bytes(&r, RR_HEAD - 2);
		uint16_t n = read_u16(&r);
		const uint8_t *rdata = read_bytes(&r, n);
		e = r.bad ? ERR_CRYPTO : add(j, b, TYPE_RRSIG, (struct span){ rdata, n });
	}
	return e;
}

static enum err sign_set(struct job *j, struct bundle *b, enum bundle_type t)
{
	const struct bundle_set *s = &b->set[t];
	struct sign_input in = { .owner = j->k->zone,
				 .type = bundle_rr_type(t),
				 .ttl = s->ttl,
				 .rr_n = (uint16_t)s->rr_n };
	struct sig *g = NULL;
	size_t n = 0;

	if (s->rr_n == 0)
		return ERR_OK;
	for (size_t i = 0; i < s->rr_n; i++) {
		uint8_t *p = j->wire + n;
		store_u16(p, in.type);
		store_u16(p + 2, CLASS_IN);
		store_u32(p + 4, s->ttl);
		store_u16(p + 8, (uint16_t)s->rr[i].n);
		memcpy(p + RR_HEAD, s->rr[i].p, s->rr[i].n);
		n += RR_HEAD + s->rr[i].n;
	}
	in.wire = (struct span){ j->wire, n };
	enum err e = signer_sign(j->signer, j->keys, &in, b->from, &g);
	if (!e)
		e = add_signatures(j, b, g);
	sig_free(g);
	return e;
}

/* ---- the span ---- */

/* The next time at which a request changes, after `now`. */
static int64_t next_change(const struct job *j, int64_t now)
{
	int64_t next = INT64_MAX;

	for (size_t r = 0; r < j->request_n; r++)
		for (size_t i = 0; i < j->request[r]->n; i++) {
			int64_t from = j->request[r]->all[i]->from;
			if (from > now && from < next)
				next = from;
		}
	return next;
}

static enum err sign_span(struct job *j, int64_t from, int64_t until)
{
	const struct config_signing *p = j->c->policy;
	enum err e = ERR_OK;

	for (int64_t at = from; at < until && !e;) {
		struct bundle *b = bundles_add(j->out, at);
		e = b != NULL ? fill(j, b) : ERR_TOO_LONG;
		if (e)
			break;
		bundles_settle(j->out); /* records are signed in canonical order */
		for (size_t t = 0; t < BUNDLE_TYPES && !e; t++)
			e = sign_set(j, b, (enum bundle_type)t);
		int64_t change = next_change(j, at);
		int64_t renewal = at + p->validity_s - p->refresh_s;
		at = change < renewal ? change : renewal;
	}
	bundles_settle(j->out);
	return e;
}

static enum err make_keyset(struct job *j)
{
	const struct keyring *k = j->k;
	struct keyset_member member[KEYSET_KEYS_MAX];
	/* Without jitter: each bundle is valid from its own time on. */
	struct sign_policy policy = {
		.validity_s = j->c->policy->validity_s,
		.refresh_s = j->c->policy->refresh_s,
		.inception_offset_s = j->c->policy->inception_offset_s,
	};

	for (size_t i = 0; i < k->own_n; i++)
		member[i] = (struct keyset_member){ k->own[i].key, KEY_KSK,
						    rollover_signs_dnskey(&k->facts.keys[i]) };
	return keyset_new_entry(&j->keys, k->zone, &policy, member, k->own_n);
}

static enum err settle_span(const struct job *j, int64_t from, int64_t *until)
{
	for (size_t r = 0; r < j->request_n; r++) {
		const struct bundles *b = j->request[r];
		int64_t last = b->all[b->n - 1]->from;
		if (b->all[0]->from > from)
			return ERR_RANGE;
		if (b->n > 1 && last < *until)
			*until = last;
	}
	return from < *until ? ERR_OK : ERR_RANGE;
}

enum err bundle_sign(const struct keyring *k, const struct keyring_context *c,
		     struct bundles *const *request, size_t request_n, int64_t from, int64_t until,
		     struct bundles **out)
{
	struct job *j = calloc(1, sizeof *j);

	if (j == NULL)
		return ERR_NOMEM;
	*j = (struct job){ .k = k, .c = c, .request = request, .request_n = request_n };
	j->out = bundles_new();
	enum err e = j->out != NULL ? settle_span(j, from, &until) : ERR_NOMEM;
	if (!e)
		e = make_keyset(j);
	if (!e)
		e = signer_new(&j->signer);
	if (!e)
		e = sign_span(j, from, until);
	signer_free(j->signer);
	keyset_free(j->keys);
	if (e) {
		bundles_free(j->out);
	} else {
		*out = j->out;
	}
	free(j);
	return e;
}
