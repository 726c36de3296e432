// SPDX-License-Identifier: Apache-2.0
#include "dnssec/validate.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rrtype.h"
#include "dns/wire.h"
#include "dnssec/verify_memo.h"

#define CLASS_IN    1
#define RRSIG_FIXED 18 /* before the signer's name */
#define SIGNATURES  64
#define FLAG_QR     0x8000
#define FLAG_TC     0x0200
#define RCODE_MASK  0x000f
struct signature {
	const uint8_t *fixed; /* RRSIG_FIXED octets */
	struct span bytes;
};

struct answer {
	const uint8_t *zone;
	struct signature signatures[SIGNATURES];
	size_t signature_n;
	uint32_t ttl;
	struct validated *out;
	struct verify_memo *memo;
	bool too_many;
};

/* ---- taking it apart ---- */

static void take_key(struct answer *a, struct span rdata, uint32_t ttl)
{
	if (a->out->n == VALIDATE_KEYS_MAX) {
		a->too_many = true;
		return;
	}
	if (dnskey_from_rdata(rdata, &a->out->keys[a->out->n]))
		return;
	a->ttl = a->out->n == 0 || ttl < a->ttl ? ttl : a->ttl;
	a->out->n++;
}

/* RFC 4035 §5.3.1: covers DNSKEY, made by the zone, for a name with its number of labels. */
static void take_signature(struct answer *a, struct span rdata)
{
	struct reader r = reader_of(rdata.p, rdata.n);
	struct name signer;
	const uint8_t *fixed = read_bytes(&r, RRSIG_FIXED);

	name_read_plain(&r, &signer);
	size_t n = reader_left(&r);
	const uint8_t *bytes = read_bytes(&r, n);
	if (r.bad || n == 0 || load_u16(fixed) != TYPE_DNSKEY ||
	    !name_equal(signer.wire, a->zone) || fixed[3] != name_label_n(a->zone))
		return;
	if (a->signature_n == SIGNATURES)
		a->too_many = true;
	else
		a->signatures[a->signature_n++] = (struct signature){ fixed, { bytes, n } };
}

static void take_record(struct answer *a, struct reader *r)
{
	struct name owner;

	name_read(r, &owner);
	uint16_t type = read_u16(r), class = read_u16(r);
	uint32_t ttl = read_u32(r);
	uint16_t n = read_u16(r);
	const uint8_t *rdata = read_bytes(r, n);
	if (r->bad || class != CLASS_IN || !name_equal(owner.wire, a->zone))
		return;
	if (type == TYPE_DNSKEY)
		take_key(a, (struct span){ rdata, n }, ttl);
	else if (type == TYPE_RRSIG)
		take_signature(a, (struct span){ rdata, n });
}

static enum validation take_apart(struct answer *a, struct span message)
{
	struct reader r = reader_of(message.p, message.n);
	struct name asked;

	read_u16(&r); /* the id was compared by who asked */
	uint16_t flags = read_u16(&r), questions = read_u16(&r), answers = read_u16(&r);
	read_u32(&r);
	if (r.bad || !(flags & FLAG_QR) || questions != 1)
		return VALIDATION_MALFORMED;
	name_read(&r, &asked);
	uint16_t type = read_u16(&r), class = read_u16(&r);
	if (r.bad || type != TYPE_DNSKEY || class != CLASS_IN || !name_equal(asked.wire, a->zone))
		return VALIDATION_MALFORMED;
	if (flags & FLAG_TC)
		return VALIDATION_TRUNCATED;
	if ((flags & RCODE_MASK) != 0)
		return VALIDATION_RCODE;
	for (unsigned i = 0; i < answers && !r.bad && !a->too_many; i++)
		take_record(a, &r);
	if (r.bad)
		return VALIDATION_MALFORMED;
	if (a->too_many)
		return VALIDATION_TOO_MANY;
	if (a->out->n == 0)
		return VALIDATION_EMPTY;
	return a->signature_n == 0 ? VALIDATION_UNSIGNED : VALIDATION_SECURE;
}

/* ---- what was signed (RFC 4034 §3.1.8.1, §6) ---- */

static int by_rdata(const void *a, const void *b)
{
	const struct dnskey *x = a, *y = b;
	size_t n = x->rdata_len < y->rdata_len ? x->rdata_len : y->rdata_len;
	int c = memcmp(x->rdata, y->rdata, n);

	return c != 0 ? c : (int)x->rdata_len - (int)y->rdata_len;
}

static void put_in_order(struct validated *v)
{
	size_t n = 0;

	qsort(v->keys, v->n, sizeof v->keys[0], by_rdata);
	for (size_t i = 0; i < v->n; i++) {
		if (n > 0 && by_rdata(&v->keys[n - 1], &v->keys[i]) == 0)
			continue; /* RFC 4034 §6.3: the same record twice is one */
		if (n != i)
			v->keys[n] = v->keys[i];
		n++;
	}
	v->n = n;
}

static size_t signed_len_max(const struct validated *v)
{
	size_t n = RRSIG_FIXED + NAME_MAX_LEN;

	for (size_t i = 0; i < v->n; i++)
		n += NAME_MAX_LEN + 10u + v->keys[i].rdata_len;
	return n;
}

static size_t write_signed(const struct answer *a, const struct signature *s, uint8_t *out)
{
	uint8_t owner[NAME_MAX_LEN];
	size_t owner_len = name_lower(a->zone, owner);
	uint8_t *p = out;

	memcpy(p, s->fixed, RRSIG_FIXED);
	memcpy(p + RRSIG_FIXED, owner, owner_len); /* the signer is the zone */
	p += RRSIG_FIXED + owner_len;
	for (size_t i = 0; i < a->out->n; i++) {
		const struct dnskey *k = &a->out->keys[i];
		memcpy(p, owner, owner_len);
		p += owner_len;
		store_u16(p, TYPE_DNSKEY);
		store_u16(p + 2, CLASS_IN);
		memcpy(p + 4, s->fixed + 4, 4); /* the original TTL */
		store_u16(p + 8, k->rdata_len);
		memcpy(p + 10, k->rdata, k->rdata_len);
		p += 10 + k->rdata_len;
	}
	return (size_t)(p - out);
}

/* ---- the chain ---- */

static bool is_supported_ds(struct span ds)
{
	return ds.n > 4 && (ds.p[3] == 2 || ds.p[3] == 4);
}

/* RFC 4035 §5.2: a zone key that a DS names. */
static bool is_entry(const struct dnskey *k, const uint8_t *zone, const struct span *ds,
		     size_t ds_n)
{
	uint8_t made[DS_RDATA_MAX];
	size_t n;

	if (!(k->flags & DNSKEY_ZONE) || (k->flags & DNSKEY_REVOKE) || k->protocol != 3)
		return false;
	for (size_t i = 0; i < ds_n; i++) {
		if (!is_supported_ds(ds[i]) || load_u16(ds[i].p) != k->tag ||
		    ds[i].p[2] != k->algorithm)
			continue;
		if (dnskey_ds(k, zone, ds[i].p[3], made, &n) == ERR_OK && n == ds[i].n &&
		    memcmp(made, ds[i].p, n) == 0)
			return true;
	}
	return false;
}

/* Times are compared as serial numbers (RFC 4034 §3.1.5, RFC 1982). */
static bool is_in_time(const struct signature *s, int64_t now, int64_t *expires_at)
{
	int32_t left = (int32_t)(load_u32(s->fixed + 8) - (uint32_t)now);
	int32_t since = (int32_t)((uint32_t)now - load_u32(s->fixed + 12));

	*expires_at = now + left;
	return left >= 0 && since >= 0;
}

/* How far a signature came: the later, the more is known of what is wrong. */
static enum validation judge(const struct answer *a, const struct signature *s, bool entry[],
			     int64_t now, unsigned *tries, uint8_t *data)
{
	enum validation verdict = VALIDATION_NO_SIGNATURE;
	int64_t expires_at;

	for (size_t i = 0; i < a->out->n; i++) {
		const struct dnskey *k = &a->out->keys[i];
		if (!entry[i] || k->algorithm != s->fixed[2] || k->tag != load_u16(s->fixed + 16))
			continue;
		if (!is_in_time(s, now, &expires_at))
			return VALIDATION_TIME;
		if (++*tries > VALIDATE_TRIES_MAX)
			return VALIDATION_TOO_MANY;
		struct span is_signed = { data, write_signed(a, s, data) };
		if (verify_memo_check(a->memo, k, is_signed, s->bytes) == ERR_OK) {
			uint32_t original = load_u32(s->fixed + 4);
			a->out->ttl = a->ttl < original ? a->ttl : original;
			a->out->expires_at = expires_at;
			a->out->entry_tag = k->tag;
			return VALIDATION_SECURE;
		}
		verdict = VALIDATION_BOGUS;
	}
	return verdict;
}

static enum validation follow(const struct answer *a, const struct span *ds, size_t ds_n,
			      int64_t now, uint8_t *data)
{
	bool entry[VALIDATE_KEYS_MAX], known = false, any = false;
	enum validation best = VALIDATION_NO_SIGNATURE;
	unsigned tries = 0;

	for (size_t i = 0; i < ds_n; i++)
		known = known || is_supported_ds(ds[i]);
	if (!known)
		return VALIDATION_NO_DS;
	for (size_t i = 0; i < a->out->n; i++) {
		entry[i] = is_entry(&a->out->keys[i], a->zone, ds, ds_n);
		any = any || entry[i];
	}
	if (!any)
		return VALIDATION_NO_ENTRY;
	for (size_t i = 0; i < a->signature_n; i++) {
		enum validation v = judge(a, &a->signatures[i], entry, now, &tries, data);
		if (v == VALIDATION_SECURE || v == VALIDATION_TOO_MANY)
			return v;
		best = v > best ? v : best;
	}
	return best;
}

enum validation validate_dnskeys(struct span message, const uint8_t *zone, const struct span *ds,
				 size_t ds_n, int64_t now, struct verify_memo *memo,
				 struct validated *out)
{
	struct answer a = { .zone = zone, .out = out, .memo = memo };

	memset(out, 0, sizeof *out);
	enum validation v = take_apart(&a, message);
	if (v == VALIDATION_SECURE) {
		put_in_order(out);
		uint8_t *data = malloc(signed_len_max(out));
		v = data != NULL ? follow(&a, ds, ds_n, now, data) : VALIDATION_TOO_MANY;
		free(data);
	}
	if (v != VALIDATION_SECURE)
		memset(out, 0, sizeof *out);
	return v;
}

const char *validation_text(enum validation v)
{
	static const char *const TEXTS[] = {
#define X(code, text) text,
		VALIDATION_TABLE(X)
#undef X
	};

	return (size_t)v < sizeof TEXTS / sizeof *TEXTS ? TEXTS[v] : "unknown";
}
