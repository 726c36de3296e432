// SPDX-License-Identifier: Apache-2.0
/* Whether bundles that somebody signed may be served: one by one, then as a row. */
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rrtype.h"
#include "dns/wire.h"
#include "dnssec/verify.h"
#include "multisigner/admission.h"
#include "multisigner/bundle.h"

#define RRSIG_FIXED 18
#define ANSWER_MAX  65000
/* A set of BUNDLE_RECORDS_MAX records may be this long in canonical form; longer ones do not fit
 * into an answer. */
#define SIGNED_MAX (RRSIG_FIXED + NAME_MAX_LEN + ANSWER_MAX + BUNDLE_RECORDS_MAX * NAME_MAX_LEN)

/* What is known while a row is judged. */
struct judging {
	const struct bundle_judge *j;
	struct dnskey key[BUNDLE_RECORDS_MAX]; /* of the bundle at hand */
	bool entry[BUNDLE_RECORDS_MAX];        /* trusted, and may sign key sets */
	size_t n;
	const struct bundle *before; /* its key-signing keys are trusted too; NULL: none */
	uint8_t data[SIGNED_MAX];
};

static bool is_same(const struct dnskey *k, struct span rdata)
{
	return k->rdata_len == rdata.n && memcmp(k->rdata, rdata.p, rdata.n) == 0;
}

/* ---- keys ---- */

static enum bundle_fault read_keys(struct judging *g, const struct bundle *b)
{
	const struct bundle_set *s = &b->set[BUNDLE_DNSKEY];

	g->n = s->rr_n;
	for (size_t i = 0; i < s->rr_n; i++) {
		if (dnskey_from_rdata(s->rr[i], &g->key[i]))
			return BUNDLE_BAD_KEY;
		enum admission a = admission_judge(&g->key[i], g->j->algorithm, NULL, 0);
		if (a == ADMISSION_ALGORITHM)
			return BUNDLE_ALGORITHM;
		if (a != ADMISSION_OK)
			return BUNDLE_BAD_KEY;
	}
	return s->rr_n > 0 ? BUNDLE_GOOD : BUNDLE_NO_KEYS;
}

static bool is_named(const struct dnskey *k, const uint8_t *zone, struct span ds)
{
	uint8_t made[DS_RDATA_MAX];
	size_t n;

	return ds.n > 4 && dnskey_ds(k, zone, ds.p[3], made, &n) == ERR_OK && n == ds.n &&
	       memcmp(made, ds.p, n) == 0;
}

static bool is_trusted(const struct judging *g, const struct dnskey *k)
{
	const struct bundle_judge *j = g->j;
	struct span rdata = { k->rdata, k->rdata_len };

	for (size_t i = 0; i < j->ds_n; i++)
		if (is_named(k, j->zone, j->ds[i]))
			return true;
	if (j->ds_n > 0 || !(k->flags & DNSKEY_SEP))
		return false;
	for (size_t i = 0; i < j->known_n; i++)
		if (is_same(k, j->known[i]))
			return true;
	const struct bundle_set *s = g->before != NULL ? &g->before->set[BUNDLE_DNSKEY] : NULL;
	for (size_t i = 0; s != NULL && i < s->rr_n; i++)
		if (s->rr[i].n == rdata.n && memcmp(s->rr[i].p, rdata.p, rdata.n) == 0)
			return true;
	return j->forced || (j->known_n == 0 && g->before == NULL);
}

static enum bundle_fault find_entries(struct judging *g)
{
	bool any = false;

	for (size_t i = 0; i < g->n; i++) {
		g->entry[i] = is_trusted(g, &g->key[i]);
		any = any || g->entry[i];
	}
	return any ? BUNDLE_GOOD : BUNDLE_NO_ENTRY;
}

/* ---- signatures ---- */

/* What a signature covers (RFC 4034 §3.1.8.1). The length is 0 where it is too long. */
static size_t write_signed(struct judging *g, const struct bundle_set *s, uint16_t type,
			   const uint8_t *fixed)
{
	uint8_t owner[NAME_MAX_LEN], *p = g->data;
	size_t owner_len = name_lower(g->j->zone, owner), need = RRSIG_FIXED + owner_len;

	for (size_t i = 0; i < s->rr_n; i++)
		need += owner_len + 10 + s->rr[i].n;
	if (need > sizeof g->data)
		return 0;
	memcpy(p, fixed, RRSIG_FIXED);
	memcpy(p + RRSIG_FIXED, owner, owner_len);
	p += RRSIG_FIXED + owner_len;
	for (size_t i = 0; i < s->rr_n; i++) {
		memcpy(p, owner, owner_len);
		p += owner_len;
		store_u16(p, type);
		store_u16(p + 2, CLASS_IN);
		memcpy(p + 4, fixed + 4, 4); /* the original TTL */
		store_u16(p + 8, (uint16_t)s->rr[i].n);
		memcpy(p + 10, s->rr[i].p, s->rr[i].n);
		p += 10 + s->rr[i].n;
	}
	return need;
}

static bool is_ours(const struct judging *g, struct span rdata, struct span *bytes)
{
	struct reader r = reader_of(rdata.p, rdata.n);
	struct name signer;
	const uint8_t *fixed = read_bytes(&r, RRSIG_FIXED);

	name_read_plain(&r, &signer);
	bytes->n = reader_left(&r);
	bytes->p = read_bytes(&r, bytes->n);
	return !r.bad && bytes->n > 0 && name_equal(signer.wire, g->j->zone) &&
	       fixed[3] == name_label_n(g->j->zone);
}

static bool is_valid_at(const uint8_t *fixed, int64_t at)
{
	int32_t left = (int32_t)(load_u32(fixed + 8) - (uint32_t)at);
	int32_t since = (int32_t)((uint32_t)at - load_u32(fixed + 12));

	return left > 0 && since >= 0;
}

/* Every signature must be one of the zone that is valid then; at least one by an entry must fit. */
static enum bundle_fault judge_set(struct judging *g, const struct bundle *b, enum bundle_type t)
{
	const struct bundle_set *s = &b->set[t];
	bool good = false;
	unsigned tries = 0;

	if ((s->rr_n == 0) != (s->signature_n == 0))
		return BUNDLE_UNSIGNED;
	for (size_t i = 0; i < s->signature_n; i++) {
		const uint8_t *fixed = s->signature[i].p;
		struct span bytes;
		if (!is_ours(g, s->signature[i], &bytes))
			return BUNDLE_BOGUS;
		if (load_u32(fixed + 4) != s->ttl)
			return BUNDLE_TTL;
		if (!is_valid_at(fixed, b->from))
			return BUNDLE_TIME;
		for (size_t k = 0; k < g->n; k++) {
			if (!g->entry[k] || g->key[k].tag != load_u16(fixed + 16) ||
			    g->key[k].algorithm != fixed[2] || ++tries > BUNDLE_TRIES_MAX)
				continue;
			struct span data = { g->data,
					     write_signed(g, s, bundle_rr_type(t), fixed) };
			if (data.n == 0)
				return BUNDLE_TOO_BIG;
			if (verify_signature(&g->key[k], data, bytes))
				return BUNDLE_BOGUS;
			good = true;
		}
	}
	return good || s->rr_n == 0 ? BUNDLE_GOOD : BUNDLE_BOGUS;
}

/* ---- CDS and CDNSKEY ---- */

static bool cds_names(const struct judging *g, const struct bundle_set *cds, size_t key)
{
	for (size_t i = 0; i < cds->rr_n; i++)
		if (is_named(&g->key[key], g->j->zone, cds->rr[i]))
			return true;
	return false;
}

static bool cdnskey_names(const struct judging *g, const struct bundle_set *cdnskey, size_t key)
{
	for (size_t i = 0; i < cdnskey->rr_n; i++)
		if (is_same(&g->key[key], cdnskey->rr[i]))
			return true;
	return false;
}

static bool is_delete(const struct bundle *b)
{
	for (size_t t = BUNDLE_CDS; t < BUNDLE_TYPES; t++)
		for (size_t i = 0; i < b->set[t].rr_n; i++) {
			struct span r = b->set[t].rr[i];
			if (r.n > 3 && (t == BUNDLE_CDS ? r.p[2] : r.p[3]) == 0)
				return true;
		}
	return false;
}

/* RFC 7344 §4, §4.1: keys of the set, the same in both, where both are there. */
static enum bundle_fault judge_cds(const struct judging *g, const struct bundle *b)
{
	const struct bundle_set *cds = &b->set[BUNDLE_CDS], *cdnskey = &b->set[BUNDLE_CDNSKEY];
	size_t named = 0, whole = 0;

	if (is_delete(b))
		return BUNDLE_DELETES;
	for (size_t k = 0; k < g->n; k++) {
		bool in_cds = cds_names(g, cds, k), in_cdnskey = cdnskey_names(g, cdnskey, k);
		if (cds->rr_n > 0 && cdnskey->rr_n > 0 && in_cds != in_cdnskey)
			return BUNDLE_STRANGE_CDS;
		whole += in_cdnskey;
		for (size_t i = 0; in_cds && i < cds->rr_n; i++)
			named += is_named(&g->key[k], g->j->zone, cds->rr[i]);
	}
	return named == cds->rr_n && whole == cdnskey->rr_n ? BUNDLE_GOOD : BUNDLE_STRANGE_CDS;
}

/* ---- one, and all ---- */

static enum bundle_fault judge_one(struct judging *g, const struct bundle *b)
{
	enum bundle_fault f = read_keys(g, b);

	if (f == BUNDLE_GOOD && bundle_answer_len(b, g->j->zone) > ANSWER_MAX)
		f = BUNDLE_TOO_BIG;
	if (f == BUNDLE_GOOD && b->set[BUNDLE_DNSKEY].signature_n == 0)
		f = BUNDLE_UNSIGNED;
	if (f == BUNDLE_GOOD)
		f = find_entries(g);
	for (size_t t = 0; t < BUNDLE_TYPES && f == BUNDLE_GOOD; t++)
		f = judge_set(g, b, (enum bundle_type)t);
	return f == BUNDLE_GOOD ? judge_cds(g, b) : f;
}

static bool shares_own(const struct bundle_judge *j, const struct bundle *a, const struct bundle *b)
{
	for (size_t i = 0; i < j->own_n; i++)
		if (bundle_has_key(a, j->own[i]) && bundle_has_key(b, j->own[i]))
			return true;
	return false;
}

static bool has_needed(const struct bundle_judge *j, const struct bundle *b)
{
	for (size_t i = 0; i < j->own_n; i++)
		if ((j->needed & 1u << i) && !bundle_has_key(b, j->own[i]))
			return false;
	return true;
}

/* Beside the one before it (NULL: it is the first that counts). */
static enum bundle_fault judge_place(const struct bundle_judge *j, const struct bundle *before,
				     const struct bundle *b)
{
	if (j->forced)
		return BUNDLE_GOOD;
	if (before == NULL)
		return has_needed(j, b) ? BUNDLE_GOOD : BUNDLE_LACKS_OWN;
	if (before->expires_at < b->from + SIG_MIN_LEFT_S)
		return BUNDLE_GAP;
	return shares_own(j, before, b) ? BUNDLE_GOOD : BUNDLE_LACKS_ALL;
}

struct bundle_verdict bundles_judge(const struct bundles *b, const struct bundle_judge *j)
{
	struct judging *g = calloc(1, sizeof *g);
	const struct bundle *first = bundles_at(b, j->now), *before = NULL;
	struct bundle_verdict v = { b->n == 0 ? BUNDLE_NO_KEYS : BUNDLE_GOOD, 0 };

	if (g == NULL)
		return (struct bundle_verdict){ BUNDLE_NO_MEMORY, 0 };
	g->j = j;
	for (size_t i = 0; i < b->n && v.fault == BUNDLE_GOOD; i++) {
		const struct bundle *x = b->all[i];
		if (first != NULL && x->from < first->from)
			continue;
		v.at = i;
		v.fault = judge_one(g, x);
		if (v.fault == BUNDLE_GOOD && x->expires_at <= j->now + SIG_MIN_LEFT_S)
			v.fault = BUNDLE_OVER;
		if (v.fault == BUNDLE_GOOD)
			v.fault = judge_place(j, before, x);
		before = g->before = x;
	}
	free(g);
	return v;
}

struct bundle_verdict bundles_judge_request(const struct bundles *b, uint8_t algorithm)
{
	struct bundle_verdict v = { b->n == 0 ? BUNDLE_NO_KEYS : BUNDLE_GOOD, 0 };

	for (size_t i = 0; i < b->n && v.fault == BUNDLE_GOOD; i++) {
		const struct bundle_set *s = &b->all[i]->set[BUNDLE_DNSKEY];
		size_t zsk_n = 0;
		v.at = i;
		for (size_t k = 0; k < s->rr_n && v.fault == BUNDLE_GOOD; k++) {
			struct dnskey key;
			if (dnskey_from_rdata(s->rr[k], &key)) {
				v.fault = BUNDLE_BAD_KEY;
				continue;
			}
			enum admission a = admission_judge(&key, algorithm, NULL, 0);
			if (a != ADMISSION_OK)
				v.fault =
				    a == ADMISSION_ALGORITHM ? BUNDLE_ALGORITHM : BUNDLE_BAD_KEY;
			zsk_n += !(key.flags & DNSKEY_SEP);
		}
		if (v.fault == BUNDLE_GOOD && zsk_n == 0 && i + 1 < b->n)
			v.fault = BUNDLE_NO_KEYS;
	}
	return v;
}
