// SPDX-License-Identifier: Apache-2.0
#include "dnssec/signer.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/rrtype.h"
#include "dns/wire.h"
#include "dnssec/algorithm.h"
#include "dnssec/ecdsa_batch.h"

#define RR_FIXED_LEN      10
#define RRSIG_FIXED_LEN   18 /* before the signer's name */
#define SIGNED_MAX        (256u << 10)
#define DER_SIGNATURE_MAX 112 /* P-384 */
#define DIGEST_MAX        64

/* One key's context, kept from signature to signature. */
struct context {
	struct key *key; /* referenced */
	const struct algorithm *algorithm;
	const EVP_MD *md;          /* the signer's */
	EVP_PKEY_CTX *pkey;        /* RSA, ECDSA: signs a digest */
	EVP_MD_CTX *whole;         /* EdDSA: signs the data */
	struct ecdsa_key *batched; /* P-256; NULL where it cannot be */
	bool asked_batched;
	uint64_t used;
};

/* Digests that algorithms name. */
static const char *const DIGESTS[] = { "SHA256", "SHA384", "SHA512" };
#define DIGEST_N (sizeof DIGESTS / sizeof *DIGESTS)

/* Signatures that wait to be made together. */
struct waiting {
	struct ecdsa_item item[ECDSA_BATCH_MAX];
	struct context *context[ECDSA_BATCH_MAX];
	struct sign_job *job[ECDSA_BATCH_MAX];
	size_t n;
};

struct signer {
	EVP_MD *md[DIGEST_N];
	struct ecdsa_batch *batch; /* NULL: OpenSSL does not let us */
	struct waiting waiting;
	EVP_MD_CTX *digest; /* of what is signed */
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
	s->digest = EVP_MD_CTX_new();
	bool ok = s->digest != NULL;
	for (size_t i = 0; i < DIGEST_N; i++) {
		s->md[i] = EVP_MD_fetch(NULL, DIGESTS[i], NULL);
		ok = ok && s->md[i] != NULL;
	}
	if (!ok) {
		ERR_clear_error();
		signer_free(s);
		return ERR_CRYPTO;
	}
	if (ecdsa_batch_new(&s->batch))
		s->batch = NULL;
	*out = s;
	return ERR_OK;
}

static void context_end(struct context *c)
{
	EVP_PKEY_CTX_free(c->pkey);
	EVP_MD_CTX_free(c->whole);
	ecdsa_key_free(c->batched);
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
	for (size_t i = 0; i < DIGEST_N; i++)
		EVP_MD_free(s->md[i]);
	ecdsa_batch_free(s->batch);
	free(s->data);
	free(s);
}

/* ---- contexts ---- */

static void sign_waiting(struct signer *s);

static struct context *oldest(struct signer *s)
{
	struct context *c = &s->contexts[0];

	for (size_t i = 1; i < s->context_n; i++)
		if (s->contexts[i].used < c->used)
			c = &s->contexts[i];
	return c;
}

static const EVP_MD *digest_of(const struct signer *s, const struct algorithm *a)
{
	for (size_t i = 0; i < DIGEST_N; i++)
		if (a->digest != NULL && strcmp(a->digest, DIGESTS[i]) == 0)
			return s->md[i];
	return NULL;
}

static struct context *context_of(struct signer *s, struct key *k)
{
	struct context *c = NULL;

	for (size_t i = 0; i < s->context_n && c == NULL; i++)
		if (s->contexts[i].key == k)
			c = &s->contexts[i];
	if (c == NULL) {
		bool room = s->context_n < SIGNER_CONTEXTS_MAX;
		if (!room)
			sign_waiting(s); /* they point to contexts, of which one goes now */
		c = room ? &s->contexts[s->context_n++] : oldest(s);
		context_end(c);
		c->key = key_ref(k);
		c->algorithm = algorithm_info(key_dnskey(k)->algorithm);
		c->md = digest_of(s, c->algorithm);
	}
	c->used = ++s->clock;
	return c;
}

/* ---- one signature ---- */

/* One INTEGER of a DER signature into `len` octets, right-aligned (RFC 6605 §4). */
static bool der_integer(struct reader *r, uint8_t *out, size_t len)
{
	if (read_u8(r) != 2)
		return false;
	size_t n = read_u8(r);
	const uint8_t *p = read_bytes(r, n);
	if (r->bad || n == 0)
		return false;
	for (; n > 0 && *p == 0; n--)
		p++;
	if (n > len)
		return false;
	memset(out, 0, len - n);
	memcpy(out + len - n, p, n);
	return true;
}

/* Both curves' signatures are shorter than 128 octets: every length is one octet. */
static bool plain_signature(const uint8_t *der, size_t n, uint8_t *out, size_t len)
{
	struct reader r = reader_of(der, n);

	return read_u8(&r) == 0x30 && read_u8(&r) == n - 2 && der_integer(&r, out, len / 2) &&
	       der_integer(&r, out + len / 2, len / 2) && reader_left(&r) == 0;
}

/* PKCS #1 v1.5 (RFC 5702 §3). */
static bool prepare_digest(struct context *c)
{
	if (c->pkey != NULL)
		return true;
	c->pkey = EVP_PKEY_CTX_new_from_pkey(NULL, key_pkey(c->key), NULL);
	bool ok = c->pkey != NULL && EVP_PKEY_sign_init(c->pkey) == 1;
	if (ok && c->algorithm->family == FAMILY_RSA)
		ok = EVP_PKEY_CTX_set_rsa_padding(c->pkey, RSA_PKCS1_PADDING) == 1 &&
		     EVP_PKEY_CTX_set_signature_md(c->pkey, c->md) == 1;
	if (!ok) {
		EVP_PKEY_CTX_free(c->pkey);
		c->pkey = NULL;
	}
	return ok;
}

static bool digest_data(struct signer *s, const struct context *c, struct span data,
			uint8_t digest[DIGEST_MAX], unsigned *n)
{
	return EVP_DigestInit_ex2(s->digest, c->md, NULL) == 1 &&
	       EVP_DigestUpdate(s->digest, data.p, data.n) == 1 &&
	       EVP_DigestFinal_ex(s->digest, digest, n) == 1;
}

static bool sign_digest(struct context *c, const uint8_t *digest, unsigned digest_len, uint8_t *out)
{
	uint8_t der[DER_SIGNATURE_MAX];
	size_t len = key_signature_len(c->key), n = len;

	if (!prepare_digest(c))
		return false;
	if (c->algorithm->family == FAMILY_RSA)
		return EVP_PKEY_sign(c->pkey, out, &n, digest, digest_len) == 1 && n == len;
	n = sizeof der;
	return EVP_PKEY_sign(c->pkey, der, &n, digest, digest_len) == 1 &&
	       plain_signature(der, n, out, len);
}

/* The context keeps the key; only the state of the last signature is thrown away. */
static bool prepare_whole(struct context *c)
{
	if (c->whole != NULL)
		return EVP_DigestSignInit(c->whole, NULL, NULL, NULL, NULL) == 1;
	c->whole = EVP_MD_CTX_new();
	if (c->whole != NULL &&
	    EVP_DigestSignInit(c->whole, NULL, NULL, NULL, key_pkey(c->key)) == 1)
		return true;
	EVP_MD_CTX_free(c->whole);
	c->whole = NULL;
	return false;
}

static bool sign_whole(struct context *c, struct span data, uint8_t *out)
{
	size_t len = key_signature_len(c->key), n = len;

	return prepare_whole(c) && EVP_DigestSign(c->whole, out, &n, data.p, data.n) == 1 &&
	       n == len;
}

/* ---- many at once ---- */

static bool can_wait(struct signer *s, struct context *c)
{
	if (s->batch == NULL || c->algorithm->number != ALG_ECDSAP256SHA256)
		return false;
	if (!c->asked_batched)
		c->batched = ecdsa_key_of(key_pkey(c->key));
	c->asked_batched = true;
	return c->batched != NULL;
}

static void sign_waiting(struct signer *s)
{
	struct waiting *w = &s->waiting;

	if (w->n >= ECDSA_BATCH_MIN && ecdsa_batch_sign(s->batch, w->item, w->n)) {
		w->n = 0;
		return;
	}
	for (size_t i = 0; i < w->n; i++)
		if (!sign_digest(w->context[i], w->item[i].digest, sizeof w->item[i].digest,
				 w->item[i].out))
			w->job[i]->err = ERR_CRYPTO;
	w->n = 0;
	ERR_clear_error();
}

/* Leaves the signature to be made with others. */
static void wait(struct signer *s, struct context *c, struct sign_job *job, const uint8_t *digest,
		 uint8_t *out)
{
	struct waiting *w = &s->waiting;

	if (w->n == ECDSA_BATCH_MAX)
		sign_waiting(s);
	w->item[w->n] = (struct ecdsa_item){ .key = c->batched, .out = out };
	memcpy(w->item[w->n].digest, digest, sizeof w->item[w->n].digest);
	w->context[w->n] = c;
	w->job[w->n++] = job;
}

/* With `job` the signature may be made later. */
static bool sign_data(struct signer *s, struct key *k, struct span data, uint8_t *out,
		      struct sign_job *job)
{
	struct context *c = context_of(s, k);
	uint8_t digest[DIGEST_MAX];
	unsigned n = 0;
	bool ok;

	if (c->algorithm->family == FAMILY_EDDSA)
		ok = sign_whole(c, data, out);
	else if (!digest_data(s, c, data, digest, &n))
		ok = false;
	else if (job != NULL && can_wait(s, c)) {
		wait(s, c, job, digest, out);
		ok = true;
	} else {
		ok = sign_digest(c, digest, n, out);
	}
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

/* Times lie on a grid that is the RRset's own: whoever signs it in one quantum, on any thread or
 * server, signs the same octets, and the renewals of a zone are spread. */
static void set_times(struct sig *g, const struct keyset *keys, const struct sign_input *in,
		      int64_t now)
{
	static const struct siphash_key KEY = { 0x6a69747465720000ULL, 0x7369676e65720000ULL };
	const struct sign_policy *p = &keys->policy;
	uint8_t bytes[NAME_MAX_LEN + 2];
	size_t n = name_lower(in->owner, bytes);
	int64_t start = now;

	store_u16(bytes + n, in->type);
	if (p->jitter_s > 0) {
		uint64_t phase = siphash(&KEY, bytes, n + 2) % p->jitter_s;
		start -= (int64_t)(((uint64_t)now + phase) % p->jitter_s);
	}
	g->inception = start - p->inception_offset_s;
	g->expire_at = start + p->validity_s;
	g->refresh_at = g->expire_at - p->refresh_s;
}

/* One RRSIG record behind g->wire_len. The data to be signed has room for the RDATA in front of the
 * RRset. */
static bool add_record(struct signer *s, const struct keyset *keys, const struct sign_input *in,
		       struct key *k, struct sig *g, size_t rrset_len, struct sign_job *job)
{
	size_t head = RRSIG_FIXED_LEN + (size_t)keys->zone_len;
	size_t signature_len = key_signature_len(k);
	uint8_t *rr = g->wire + g->wire_len;

	write_rdata(s->data, keys, in, g, key_dnskey(k));
	store_u16(rr, TYPE_RRSIG);
	store_u16(rr + 2, CLASS_IN);
	store_u32(rr + 4, in->ttl);
	store_u16(rr + 8, (uint16_t)(head + signature_len));
	memcpy(rr + RR_FIXED_LEN, s->data, head);
	g->wire_len = (uint16_t)(g->wire_len + RR_FIXED_LEN + head + signature_len);
	g->rr_n++;
	return sign_data(s, k, (struct span){ s->data, head + rrset_len }, rr + RR_FIXED_LEN + head,
			 job);
}

/* The keys that sign a type, and the octets that their RRSIGs take. */
struct signers {
	struct key *const *key;
	size_t n, wire_len;
};

static struct signers signers_of(const struct keyset *keys, uint16_t type)
{
	bool ksk = keyset_signs_with_ksk(type);
	struct signers with = { ksk ? keys->ksk : keys->zsk, ksk ? keys->ksk_n : keys->zsk_n, 0 };

	for (size_t i = 0; i < with.n; i++)
		with.wire_len += RR_FIXED_LEN + RRSIG_FIXED_LEN + (size_t)keys->zone_len +
				 key_signature_len(with.key[i]);
	return with;
}

/* What was signed elsewhere is served as it is, and not at all in its last moments: whoever asks
 * then may find another signer that has a newer one. */
static enum err take_given(const struct keyset *keys, const struct sig *given, int64_t now,
			   struct sig *g)
{
	if (now < given->inception || now + SIG_MIN_LEFT_S >= given->expire_at)
		return ERR_NOKEY;
	memcpy(g, given, sizeof *given + given->wire_len);
	g->rcu = (struct rcu_node){ 0 };
	g->keyset_id = keys->ksk_id;
	return ERR_OK;
}

static enum err sign_with(struct signer *s, const struct keyset *keys, const struct sign_input *in,
			  int64_t now, struct sig *g, struct sign_job *job)
{
	struct signers with = signers_of(keys, in->type);
	size_t head = RRSIG_FIXED_LEN + (size_t)keys->zone_len;
	size_t rrset_max = in->wire.n + in->rr_n * (size_t)NAME_MAX_LEN;

	const struct sig *given = keyset_given(keys, in->type);
	if (given != NULL)
		return take_given(keys, given, now, g);
	if (with.n == 0)
		return ERR_NOKEY;
	if (in->wire.n > SIGNED_MAX)
		return ERR_TOO_LONG;
	if (!make_room(s, head + rrset_max))
		return ERR_NOMEM;
	*g = (struct sig){ .keyset_id = keyset_id(keys, in->type) };
	set_times(g, keys, in, now);
	size_t rrset_len = write_rrset(s->data + head, in);
	for (size_t i = 0; i < with.n; i++)
		if (!add_record(s, keys, in, with.key[i], g, rrset_len, job))
			return ERR_CRYPTO;
	return ERR_OK;
}

enum err signer_sign(struct signer *s, const struct keyset *keys, const struct sign_input *in,
		     int64_t now, struct sig **out)
{
	struct sig *g = sig_new(signer_wire_len(keys, in->type));

	if (g == NULL)
		return ERR_NOMEM;
	enum err e = sign_with(s, keys, in, now, g, NULL);
	if (e) {
		free(g);
		return e;
	}
	*out = g;
	return ERR_OK;
}

enum err signer_sign_into(struct signer *s, const struct keyset *keys, const struct sign_input *in,
			  int64_t now, struct sig *out, size_t room)
{
	return signer_wire_len(keys, in->type) > room ? ERR_TOO_LONG
						      : sign_with(s, keys, in, now, out, NULL);
}

void signer_add(struct signer *s, const struct keyset *keys, const struct sign_input *in,
		int64_t now, struct sign_job *job)
{
	job->err = ERR_OK;
	enum err e = signer_wire_len(keys, in->type) > job->room
			 ? ERR_TOO_LONG
			 : sign_with(s, keys, in, now, job->out, job);
	if (e)
		job->err = e;
}

void signer_finish(struct signer *s)
{
	sign_waiting(s);
}

size_t signer_wire_len(const struct keyset *keys, uint16_t type)
{
	const struct sig *given = keyset_given(keys, type);

	return given != NULL ? given->wire_len : signers_of(keys, type).wire_len;
}

struct sig *sig_new(size_t wire_len)
{
	return malloc(sizeof(struct sig) + wire_len);
}

void sig_free(struct sig *g)
{
	free(g);
}
