// SPDX-License-Identifier: Apache-2.0
#include "peers/look.h"

#include <string.h>

#include "dns/wire.h"

static bool same_key(const struct dnskey *a, const struct dnskey *b)
{
	return a->rdata_len == b->rdata_len && memcmp(a->rdata, b->rdata, a->rdata_len) == 0;
}

static bool same_ds(const struct seen_ds *a, const struct seen_ds *b)
{
	return a->len == b->len && memcmp(a->rdata, b->rdata, a->len) == 0;
}

bool look_ds_is_of(const struct seen_ds *ds, const struct dnskey *key, const uint8_t *zone)
{
	uint8_t made[DS_RDATA_MAX];
	size_t n = 0;

	if (ds->len <= 4 || load_u16(ds->rdata) != key->tag || ds->rdata[2] != key->algorithm)
		return false;
	if (dnskey_ds(key, zone, ds->rdata[3], made, &n))
		return true;
	return n == ds->len && memcmp(made, ds->rdata, n) == 0;
}

/* ---- keys ---- */

static int number_of_key(const struct look_book *b, const struct dnskey *k)
{
	for (unsigned i = 0; i < GROUP_KEYS_MAX; i++)
		if (b->key[i] != NULL && same_key(b->key[i], k))
			return (int)i;
	return -1;
}

/* One DS may name several numbers: a key, and what was known of it before as a DS alone. */
static uint64_t numbers_of_ds(const struct look_book *b, const struct seen_ds *ds)
{
	uint64_t set = 0;

	for (unsigned i = 0; i < GROUP_KEYS_MAX; i++) {
		bool is = b->key[i] != NULL ? look_ds_is_of(ds, b->key[i], b->zone)
					    : b->ds[i] != NULL && same_ds(ds, b->ds[i]);
		if (is)
			set |= GROUP_BIT(i);
	}
	return set;
}

static uint64_t take_ds(const struct look_book *b, const struct seen_ds *ds, size_t n,
			struct look_unknown *unknown)
{
	uint64_t set = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t numbers = numbers_of_ds(b, &ds[i]);
		set |= numbers;
		if (numbers == 0)
			unknown->ds |= UINT32_C(1) << i;
	}
	return set;
}

/* A CDNSKEY says the same as a CDS of its key (RFC 7344 §4). */
static uint64_t take_cdnskey(const struct look_book *b, const struct signer_seen *s)
{
	uint64_t set = 0;

	for (size_t i = 0; i < s->cdnskey_n; i++) {
		for (unsigned k = 0; k < GROUP_KEYS_MAX; k++) {
			bool is = b->key[k] != NULL
				      ? same_key(b->key[k], &s->cdnskey[i])
				      : b->ds[k] != NULL &&
					    look_ds_is_of(b->ds[k], &s->cdnskey[i], b->zone);
			if (is)
				set |= GROUP_BIT(k);
		}
	}
	return set;
}

/* ---- names ---- */

static int signer_of_host(const struct look_book *b, const uint8_t *host)
{
	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++)
		for (size_t k = 0; k < b->host_n[i]; k++)
			if (name_equal(b->host[i][k], host))
				return (int)i;
	return -1;
}

static bool names_host(const struct seen_names *ns, const uint8_t *host)
{
	for (size_t i = 0; i < ns->n; i++)
		if (name_equal(ns->name[i], host))
			return true;
	return false;
}

static uint16_t names_all_of(const struct look_book *b, const struct seen_names *ns)
{
	unsigned set = 0;

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		bool all = b->host_n[i] > 0;
		for (size_t k = 0; all && k < b->host_n[i]; k++)
			all = names_host(ns, b->host[i][k]);
		if (all)
			set |= 1u << i;
	}
	return (uint16_t)set;
}

static uint16_t names_any_of(const struct look_book *b, const struct seen_names *ns,
			     struct look_unknown *unknown)
{
	unsigned set = 0;

	for (size_t i = 0; i < ns->n; i++) {
		int signer = signer_of_host(b, ns->name[i]);
		if (signer >= 0)
			set |= 1u << signer;
		else
			unknown->ns |= UINT32_C(1) << i;
	}
	return (uint16_t)set;
}

/* ---- looks ---- */

void look_of_signer(const struct look_book *b, const struct signer_seen *s, struct signer_look *out,
		    struct look_unknown *unknown)
{
	*unknown = (struct look_unknown){ 0 };
	*out = (struct signer_look){ .asked_at = s->asked_at,
				     .at = s->at,
				     .has_cds = s->has_cds || s->has_cdnskey,
				     .has_csync = s->has_csync,
				     .algorithms = s->algorithms,
				     .dnskey_ttl = s->dnskey_ttl,
				     .ns_ttl = s->ns_ttl,
				     .zone_ttl = s->zone_ttl };
	for (size_t i = 0; i < s->key_n; i++) {
		int number = number_of_key(b, &s->key[i]);
		if (number < 0) {
			unknown->keys |= UINT64_C(1) << i;
			continue;
		}
		out->dnskey |= GROUP_BIT(number);
		if (s->key_signing >> i & 1)
			out->key_signing |= GROUP_BIT(number);
		if (s->zone_signing >> i & 1)
			out->zone_signing |= GROUP_BIT(number);
	}
	/* A key that only one of the two sets names is not consented to. */
	out->cds = take_ds(b, s->cds, s->cds_n, unknown);
	if (s->has_cdnskey)
		out->cds = s->has_cds ? out->cds & take_cdnskey(b, s) : take_cdnskey(b, s);
	out->ns_all = names_all_of(b, &s->ns);
	out->ns_any = names_any_of(b, &s->ns, unknown);
}

void look_of_parent(const struct look_book *b, const struct parent_seen *s, struct parent_look *out,
		    struct look_unknown *unknown)
{
	*unknown = (struct look_unknown){ 0 };
	*out = (struct parent_look){
		.asked_at = s->asked_at, .at = s->at, .ds_ttl = s->ds_ttl, .ns_ttl = s->ns_ttl
	};
	out->ds = take_ds(b, s->ds, s->ds_n, unknown);
	out->ns_all = names_all_of(b, &s->ns);
	out->ns_any = names_any_of(b, &s->ns, unknown);
}
