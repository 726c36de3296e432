// SPDX-License-Identifier: Apache-2.0
#include "dnssec/signer.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/rrtype.h"
#include "dns/wire.h"
#include "dnssec/algorithm.h"

#define RR_FIXED_LEN      10
#define RRSIG_FIXED_LEN   18 /* before the signer's name */
#define SIGNED_MAX        (256u << 10)
#define DER_SIGNATURE_MAX 80

/* One key's context, kept from signature to signature. */
struct context {
	struct key *key;    /* referenced */
	EVP_PKEY_CTX *pkey; /* ECDSA: signs a digest */
	uint64_t used;
};

struct signer {
	EVP_MD *sha256;
	EVP_MD_CTX *digest; /* SHA-256 of what is signed; also Ed25519's one-shot */
	struct context contexts[SIGNER_CONTEXTS_MAX];
	size_t context_n;
	uint64_t clock;
	uint8_t *data; /* what is signed */
	size_t data_cap;
};

enum err signer_new(struct signer **out)
{
	struct signer *s = calloc(1, sizeof *s);

	if (s == NULL)
		return ERR_NOMEM;
	s->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	s->digest = EVP_MD_CTX_new();
	if (s->sha256 == NULL || s->digest == NULL) {
		ERR_clear_error();
		signer_free(s);
		return ERR_CRYPTO;
	}
	*out = s;
	return ERR_OK;
}

static void context_end(struct context *c)
{
	EVP_PKEY_CTX_free(c->pkey);
	key_free(c->key);
	*c = (struct context){ 0 };
}

void signer_free(struct signer *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->context_n; i++)
		context_end(&s->contexts[i]);
	EVP_MD_CTX_free(s->digest);
	EVP_MD_free(s->sha256);
	free(s->data);
	free(s);
}

/* ---- contexts ---- */

static struct context *oldest(struct signer *s)
{
	struct context *c = &s->contexts[0];

	for (size_t i = 1; i < s->context_n; i++)
		if (s->contexts[i].used < c->used)
			c = &s->contexts[i];
	return c;
}

static struct context *context_of(struct signer *s, struct key *k)
{
	struct context *c = NULL;

	for (size_t i = 0; i < s->context_n && c == NULL; i++)
		if (s->contexts[i].key == k)
			c = &s->contexts[i];
	if (c == NULL) {
		bool room = s->context_n < SIGNER_CONTEXTS_MAX;
		c = room ? &s->contexts[s->context_n++] : oldest(s);
		context_end(c);
		c->key = key_ref(k);
	}
	c->used = ++s->clock;
	return c;
}

/* ---- one signature ---- */

/* One INTEGER of a DER signature into 32 octets, right-aligned (RFC 6605 §4). */
static bool der_integer(struct reader *r, uint8_t out[32])
{
	if (read_u8(r) != 2)
		return false;
	size_t n = read_u8(r);
	const uint8_t *p = read_bytes(r, n);
	if (r->bad || n == 0)
		return false;
	for (; n > 0 && *p == 0; n--)
		p++;
	if (n > 32)
		return false;
	memset(out, 0, 32 - n);
	memcpy(out + 32 - n, p, n);
	return true;
}

static bool plain_signature(const uint8_t *der, size_t n, uint8_t out[64])
{
	struct reader r = reader_of(der, n);

	return read_u8(&r) == 0x30 && read_u8(&r) == n - 2 && der_integer(&r, out) &&
	       der_integer(&r, out + 32) && reader_left(&r) == 0;
}

static bool sign_ecdsa(struct signer *s, struct context *c, struct span data, uint8_t *out)
{
	uint8_t digest[32], der[DER_SIGNATURE_MAX];
	size_t n = sizeof der;

	if (c->pkey == NULL) {
		c->pkey = EVP_PKEY_CTX_new_from_pkey(NULL, key_pkey(c->key), NULL);
		if (c->pkey == NULL || EVP_PKEY_sign_init(c->pkey) != 1) {
			context_end(c);
			return false;
		}
	}
	return EVP_DigestInit_ex2(s->digest, s->sha256, NULL) == 1 &&
	       EVP_DigestUpdate(s->digest, data.p, data.n) == 1 &&
	       EVP_DigestFinal_ex(s->digest, digest, NULL) == 1 &&
	       EVP_PKEY_sign(c->pkey, der, &n, digest, sizeof digest) == 1 &&
	       plain_signature(der, n, out);
}

static bool sign_ed25519(struct signer *s, struct context *c, struct span data, uint8_t *out)
{
	size_t n = 64;
	bool ok = EVP_MD_CTX_reset(s->digest) == 1 &&
		  EVP_DigestSignInit(s->digest, NULL, NULL, NULL, key_pkey(c->key)) == 1 &&
		  EVP_DigestSign(s->digest, out, &n, data.p, data.n) == 1 && n == 64;

	EVP_MD_CTX_reset(s->digest);
	return ok;
}

static bool sign_data(struct signer *s, struct key *k, struct span data, uint8_t *out)
{
	struct context *c = context_of(s, k);
	bool ok = key_dnskey(k)->algorithm == ALG_ED25519 ? sign_ed25519(s, c, data, out)
							  : sign_ecdsa(s, c, data, out);

	if (!ok)
		ERR_clear_error();
	return ok;
}

/* ---- what is signed: RFC 4034 §3.1.8.1 ---- */

static bool make_room(struct signer *s, size_t need)
{
	if (need <= s->data_cap)
		return true;
	uint8_t *more = realloc(s->data, need);
	if (more == NULL)
		return false;
	s->data = more;
	s->data_cap = need;
	return true;
}

/* Labels as RRSIG counts them: neither the root nor a leading "*" (RFC 4034 §3.1.3). */
static uint8_t rrsig_labels(const uint8_t *owner)
{
	return (uint8_t)(name_label_n(owner) - (name_is_wildcard(owner) ? 1 : 0));
}

/* The RRset in canonical form behind what stands there already: owner, type, class, TTL, RDLENGTH,
 * RDATA (RFC 4034 §6). */
static size_t write_rrset(uint8_t *at, const struct sign_input *in)
{
	uint8_t owner[NAME_MAX_LEN];
	size_t owner_len = name_lower(in->owner, owner);
	const uint8_t *rr = in->wire.p;
	uint8_t *p = at;

	for (unsigned i = 0; i < in->rr_n; i++) {
		size_t n = load_u16(rr + RR_FIXED_LEN - 2);
		memcpy(p, owner, owner_len);
		p += owner_len;
		memcpy(p, rr, RR_FIXED_LEN);
		store_u32(p + 4, in->ttl);
		p += RR_FIXED_LEN;
		rdata_canonicalize(in->type, (struct span){ rr + RR_FIXED_LEN, n }, p);
		p += n;
		rr += RR_FIXED_LEN + n;
	}
	return (size_t)(p - at);
}

/* RRSIG RDATA up to the signer's name. */
static void write_rdata(uint8_t *p, const struct keyset *keys, const struct sign_input *in,
			const struct sig *g, const struct dnskey *k)
{
	store_u16(p, in->type);
	p[2] = k->algorithm;
	p[3] = rrsig_labels(in->owner);
	store_u32(p + 4, in->ttl);
	store_u32(p + 8, (uint32_t)g->expire_at);
	store_u32(p + 12, (uint32_t)g->inception);
	store_u16(p + 16, k->tag);
	memcpy(p + RRSIG_FIXED_LEN, keys->zone, keys->zone_len);
}

static void set_times(struct sig *g, const struct keyset *keys, const struct sign_input *in,
		      int64_t now)
{
	static const struct siphash_key KEY = { 0x6a69747465720000ULL, 0x7369676e65720000ULL };
	const struct sign_policy *p = &keys->policy;
	uint8_t bytes[NAME_MAX_LEN + 2];
	size_t n = name_lower(in->owner, bytes);
	uint32_t jitter = 0;

	store_u16(bytes + n, in->type);
	if (p->jitter_s > 0)
		jitter = (uint32_t)(siphash(&KEY, bytes, n + 2) % p->jitter_s);
	g->inception = now - p->inception_offset_s;
	g->expire_at = now + p->validity_s - jitter;
	g->refresh_at = g->expire_at - p->refresh_s;
}

/* One RRSIG record behind g->wire_len. The data to be signed has room for the RDATA in front of the
 * RRset. */
static bool add_record(struct signer *s, const struct keyset *keys, const struct sign_input *in,
		       struct key *k, struct sig *g, size_t rrset_len)
{
	size_t head = RRSIG_FIXED_LEN + (size_t)keys->zone_len;
	size_t signature_len = algorithm_info(key_dnskey(k)->algorithm)->signature_len;
	uint8_t *rr = g->wire + g->wire_len;

	write_rdata(s->data, keys, in, g, key_dnskey(k));
	store_u16(rr, TYPE_RRSIG);
	store_u16(rr + 2, CLASS_IN);
	store_u32(rr + 4, in->ttl);
	store_u16(rr + 8, (uint16_t)(head + signature_len));
	memcpy(rr + RR_FIXED_LEN, s->data, head);
	g->wire_len = (uint16_t)(g->wire_len + RR_FIXED_LEN + head + signature_len);
	g->rr_n++;
	return sign_data(s, k, (struct span){ s->data, head + rrset_len },
			 rr + RR_FIXED_LEN + head);
}

static bool is_for_ksk(uint16_t type)
{
	return type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY;
}

enum err signer_sign(struct signer *s, const struct keyset *keys, const struct sign_input *in,
		     int64_t now, struct sig **out)
{
	bool ksk = is_for_ksk(in->type);
	struct key *const *with = ksk ? keys->ksk : keys->zsk;
	size_t n = ksk ? keys->ksk_n : keys->zsk_n;
	size_t head = RRSIG_FIXED_LEN + (size_t)keys->zone_len;
	size_t rrset_max = in->wire.n + in->rr_n * (size_t)NAME_MAX_LEN;

	if (n == 0)
		return ERR_NOKEY;
	if (in->wire.n > SIGNED_MAX)
		return ERR_TOO_LONG;
	if (!make_room(s, head + rrset_max))
		return ERR_NOMEM;
	size_t wire_max = 0;
	for (size_t i = 0; i < n; i++)
		wire_max += RR_FIXED_LEN + head +
			    algorithm_info(key_dnskey(with[i])->algorithm)->signature_len;
	struct sig *g = malloc(sizeof *g + wire_max);
	if (g == NULL)
		return ERR_NOMEM;
	*g = (struct sig){ .keyset_id = keys->id };
	set_times(g, keys, in, now);
	size_t rrset_len = write_rrset(s->data + head, in);
	for (size_t i = 0; i < n; i++) {
		if (!add_record(s, keys, in, with[i], g, rrset_len)) {
			free(g);
			return ERR_CRYPTO;
		}
	}
	*out = g;
	return ERR_OK;
}

void sig_free(struct sig *g)
{
	free(g);
}
