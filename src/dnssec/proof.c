// SPDX-License-Identifier: Apache-2.0
#include "dnssec/proof.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "dns/message.h"
#include "dns/rdata.h"
#include "dns/record.h"
#include "dns/rrtype.h"
#include "dns/wire.h"

#define RRSIG_FIXED    18 /* before the signer's name */
#define HASH_OCTETS    20
#define HASH_TEXT      32 /* base32hex of it */
#define SALT_MAX       255
#define SECTION_ANSWER 1
#define SECTION_MAX    2 /* authority */

/* ---- taking it apart ---- */

static uint8_t *keep(struct proof *p, struct span s)
{
	if (s.n > PROOF_ROOM - p->room_n)
		return NULL;
	uint8_t *to = p->room + p->room_n;
	if (s.n > 0)
		memcpy(to, s.p, s.n);
	p->room_n += s.n;
	return to;
}

static int rrset_of(struct proof *p, const uint8_t *owner, uint16_t type, bool answer)
{
	for (size_t i = 0; i < p->rrset_n; i++)
		if (p->rrset[i].type == type && p->rrset[i].answer == answer &&
		    name_equal(p->rrset[i].owner, owner))
			return (int)i;
	if (p->rrset_n == PROOF_RRSETS_MAX)
		return -1;
	struct proof_rrset *s = &p->rrset[p->rrset_n];
	*s = (struct proof_rrset){ .type = type, .answer = answer };
	name_lower(owner, s->owner);
	return (int)p->rrset_n++;
}

/* RFC 4035 §5.3.1: made by the zone, for a name with no fewer labels than it says. */
static enum proof_verdict take_signature(struct proof *p, const struct record *r, bool answer)
{
	struct reader in = reader_of(r->rdata.p, r->rdata.n);
	struct name signer;
	const uint8_t *fixed = read_bytes(&in, RRSIG_FIXED);

	name_read_plain(&in, &signer);
	size_t n = reader_left(&in);
	const uint8_t *bytes = read_bytes(&in, n);
	if (in.bad || n == 0 || !name_equal(signer.wire, p->zone) || fixed[3] > r->owner.label_n)
		return PROOF_SECURE;
	int rrset = rrset_of(p, r->owner.wire, load_u16(fixed), answer);
	uint8_t *kept_fixed = keep(p, (struct span){ fixed, RRSIG_FIXED });
	uint8_t *kept_bytes = keep(p, (struct span){ bytes, n });
	if (rrset < 0 || kept_bytes == NULL || p->signature_n == PROOF_SIGNATURES_MAX)
		return PROOF_TOO_MANY;
	p->signature[p->signature_n++] = (struct proof_signature){ (uint16_t)rrset,
								   { kept_fixed, RRSIG_FIXED },
								   { kept_bytes, n } };
	return PROOF_SECURE;
}

/* Records of one RRset may stand apart in a message: they are brought together. */
static enum proof_verdict take_data(struct proof *p, const struct record *r, bool answer)
{
	if (!rdata_is_valid(r->type, r->rdata))
		return PROOF_MALFORMED;
	int at = rrset_of(p, r->owner.wire, r->type, answer);
	uint8_t *kept = keep(p, r->rdata);
	if (at < 0 || kept == NULL || p->rdata_n == PROOF_RECORDS_MAX)
		return PROOF_TOO_MANY;
	rdata_canonicalize(r->type, r->rdata, kept);
	struct proof_rrset *s = &p->rrset[at];
	size_t to = s->n == 0 ? p->rdata_n : (size_t)s->first + s->n;
	memmove(&p->rdata[to + 1], &p->rdata[to], (p->rdata_n - to) * sizeof p->rdata[0]);
	for (size_t i = 0; i < p->rrset_n; i++)
		if (p->rrset[i].n > 0 && p->rrset[i].first >= to)
			p->rrset[i].first++;
	s->first = s->n == 0 ? (uint16_t)to : s->first;
	p->rdata[to] = (struct span){ kept, r->rdata.n };
	p->rdata_n++;
	s->n++;
	return PROOF_SECURE;
}

static enum proof_verdict take_record(struct proof *p, struct reader *in, bool answer)
{
	uint8_t room[2048];
	struct record r;

	if (!record_read(in, &r, room, sizeof room))
		return PROOF_MALFORMED;
	if (r.rclass != CLASS_IN || !name_is_within(r.owner.wire, p->zone))
		return PROOF_SECURE;
	if (r.type == TYPE_RRSIG)
		return take_signature(p, &r, answer);
	/* What is delegated is not the zone's to sign. */
	if (!answer && r.type == TYPE_NS && !name_equal(r.owner.wire, p->zone))
		return PROOF_SECURE;
	return take_data(p, &r, answer);
}

static enum proof_verdict take_header(struct proof *p, struct reader *in, const uint8_t *name,
				      uint16_t count[4])
{
	struct name asked;

	read_u16(in); /* the id was compared by who asked */
	uint16_t flags = read_u16(in);
	for (int i = 0; i < 4; i++)
		count[i] = read_u16(in);
	if (in->bad || !(flags & FLAG_QR) || count[0] != 1)
		return PROOF_MALFORMED;
	name_read(in, &asked);
	uint16_t type = read_u16(in), class = read_u16(in);
	if (in->bad || type != p->type || class != CLASS_IN || !name_equal(asked.wire, name))
		return PROOF_MALFORMED;
	p->rcode = flags & 15;
	if (flags & FLAG_TC)
		return PROOF_TRUNCATED;
	if (p->rcode != RCODE_NOERROR && p->rcode != RCODE_NXDOMAIN)
		return PROOF_RCODE;
	return flags & FLAG_AA ? PROOF_SECURE : PROOF_NOT_AUTHORITATIVE;
}

static int by_rdata(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return rdata_compare(*x, *y);
}

/* RFC 4034 §6.3: in order, and the same record twice is one. */
static void put_in_order(struct proof *p, struct proof_rrset *s)
{
	struct span *all = &p->rdata[s->first];
	uint16_t n = 0;

	if (s->n == 0)
		return;
	qsort(all, s->n, sizeof *all, by_rdata);
	for (size_t i = 0; i < s->n; i++)
		if (n == 0 || !span_equal(all[n - 1], all[i]))
			all[n++] = all[i];
	s->n = n;
}

enum proof_verdict proof_read(struct span message, const uint8_t *zone, const uint8_t *name,
			      uint16_t type, struct proof *out)
{
	struct reader in = reader_of(message.p, message.n);
	uint16_t count[4];

	out->rrset_n = out->rdata_n = out->signature_n = out->room_n = 0;
	out->fault = NULL;
	out->type = type;
	name_lower(zone, out->zone);
	enum proof_verdict v = take_header(out, &in, name, count);
	for (int section = SECTION_ANSWER; section <= SECTION_MAX; section++)
		for (unsigned i = 0; i < count[section] && v == PROOF_SECURE; i++)
			v = take_record(out, &in, section == SECTION_ANSWER);
	for (size_t i = 0; i < out->rrset_n && v == PROOF_SECURE; i++)
		put_in_order(out, &out->rrset[i]);
	if (v == PROOF_SECURE && out->rdata_n == 0)
		v = PROOF_EMPTY;
	if (v != PROOF_SECURE)
		out->rrset_n = out->rdata_n = 0;
	return v;
}

/* ---- what was signed (RFC 4034 §3.1.8.1, RFC 4035 §5.3.2) ---- */

/* The owner as it was signed: under fewer labels, it is that of a wildcard. */
static size_t signed_owner(const struct proof_rrset *s, uint8_t labels, uint8_t out[NAME_MAX_LEN])
{
	const uint8_t *rest = s->owner;
	unsigned have = name_label_n(s->owner);

	if (labels == have)
		return name_lower(s->owner, out);
	for (; have > labels; have--)
		rest = name_parent(rest);
	memcpy(out, "\1*", 2);
	return 2 + name_lower(rest, out + 2);
}

static size_t signed_len(const struct proof *p, const struct proof_rrset *s)
{
	size_t n = RRSIG_FIXED + NAME_MAX_LEN;

	for (size_t i = 0; i < s->n; i++)
		n += NAME_MAX_LEN + 12u + p->rdata[s->first + i].n;
	return n;
}

static size_t write_signed(const struct proof *p, const struct proof_rrset *s,
			   const struct proof_signature *g, uint8_t *out)
{
	uint8_t owner[NAME_MAX_LEN + 2], *at = out;
	size_t owner_len = signed_owner(s, g->fixed.p[3], owner), zone_len = name_len(p->zone);

	memcpy(at, g->fixed.p, RRSIG_FIXED);
	memcpy(at + RRSIG_FIXED, p->zone, zone_len);
	at += RRSIG_FIXED + zone_len;
	for (size_t i = 0; i < s->n; i++) {
		struct span rdata = p->rdata[s->first + i];
		memcpy(at, owner, owner_len);
		at += owner_len;
		store_u16(at, s->type);
		store_u16(at + 2, CLASS_IN);
		memcpy(at + 4, g->fixed.p + 4, 4); /* the original TTL */
		store_u16(at + 8, (uint16_t)rdata.n);
		if (rdata.n > 0)
			memcpy(at + 10, rdata.p, rdata.n);
		at += 10 + rdata.n;
	}
	return (size_t)(at - out);
}

/* ---- judging ---- */

struct judge {
	struct proof *p;
	const struct dnskey *keys;
	size_t key_n;
	int64_t now;
	struct verify_memo *memo;
	unsigned tries;
	uint8_t *data;
	size_t data_cap;
};

/* Times are compared as serial numbers (RFC 4034 §3.1.5). */
static bool is_in_time(const struct judge *j, const struct proof_signature *g, int64_t *expires_at)
{
	int32_t left = (int32_t)(load_u32(g->fixed.p + 8) - (uint32_t)j->now);
	int32_t since = (int32_t)((uint32_t)j->now - load_u32(g->fixed.p + 12));

	*expires_at = j->now + left;
	return left >= 0 && since >= 0;
}

static bool make_room(struct judge *j, size_t n)
{
	if (n <= j->data_cap)
		return true;
	uint8_t *more = realloc(j->data, n);
	if (more == NULL)
		return false;
	j->data = more;
	j->data_cap = n;
	return true;
}

static void believe(struct proof_rrset *s, const struct proof_signature *g, size_t key,
		    int64_t expires_at)
{
	uint32_t original = load_u32(g->fixed.p + 4);

	s->ttl = s->signed_by == 0 || original > s->ttl ? original : s->ttl;
	s->expires_at = expires_at > s->expires_at ? expires_at : s->expires_at;
	s->signed_by |= UINT64_C(1) << key;
}

/* How far a signature came: the later, the more is known of what is wrong. */
static enum proof_verdict try_signature(struct judge *j, struct proof_rrset *s,
					const struct proof_signature *g)
{
	enum proof_verdict verdict = PROOF_NO_KEY;
	int64_t expires_at;

	for (size_t i = 0; i < j->key_n; i++) {
		const struct dnskey *k = &j->keys[i];
		if (k->algorithm != g->fixed.p[2] || k->tag != load_u16(g->fixed.p + 16) ||
		    !(k->flags & DNSKEY_ZONE) || k->protocol != 3)
			continue;
		if (!is_in_time(j, g, &expires_at))
			return PROOF_TIME;
		if (++j->tries > PROOF_TRIES_MAX)
			return PROOF_TOO_MANY;
		if (!make_room(j, signed_len(j->p, s)))
			return PROOF_NOMEM;
		struct span data = { j->data, write_signed(j->p, s, g, j->data) };
		if (verify_memo_check(j->memo, k, data, g->bytes) == ERR_OK) {
			believe(s, g, i, expires_at);
			return PROOF_SECURE;
		}
		verdict = PROOF_BOGUS;
	}
	return verdict;
}

static enum proof_verdict judge_rrset(struct judge *j, size_t at)
{
	struct proof_rrset *s = &j->p->rrset[at];
	enum proof_verdict worst = PROOF_UNSIGNED;

	for (size_t i = 0; i < j->p->signature_n; i++) {
		if (j->p->signature[i].rrset != at)
			continue;
		enum proof_verdict v = try_signature(j, s, &j->p->signature[i]);
		if (v == PROOF_TOO_MANY || v == PROOF_NOMEM)
			return v;
		worst = v > worst ? v : worst;
	}
	s->judged = s->signed_by != 0;
	return s->judged ? PROOF_SECURE : worst;
}

static bool has_answer(const struct proof *p)
{
	for (size_t i = 0; i < p->rrset_n; i++)
		if (p->rrset[i].answer && p->rrset[i].n > 0)
			return true;
	return false;
}

enum proof_verdict proof_check(struct proof *p, const struct dnskey *keys, size_t n, int64_t now,
			       struct verify_memo *memo)
{
	struct judge j = {
		.p = p, .keys = keys, .key_n = n < 64 ? n : 64, .now = now, .memo = memo
	};
	bool answer = has_answer(p);
	enum proof_verdict v = PROOF_SECURE;

	p->fault = NULL;
	for (size_t i = 0; i < p->rrset_n; i++) {
		p->rrset[i].judged = false;
		p->rrset[i].signed_by = 0;
		p->rrset[i].expires_at = 0;
	}
	for (size_t i = 0; i < p->rrset_n && v == PROOF_SECURE; i++) {
		if (p->rrset[i].n == 0 || p->rrset[i].answer != answer)
			continue;
		v = judge_rrset(&j, i);
		if (v != PROOF_SECURE)
			p->fault = &p->rrset[i];
	}
	free(j.data);
	if (v == PROOF_SECURE && p->rdata_n == 0)
		v = PROOF_EMPTY;
	return v;
}

/* ---- asking a checked proof ---- */

const struct proof_rrset *proof_find(const struct proof *p, const uint8_t *owner, uint16_t type)
{
	for (size_t i = 0; i < p->rrset_n; i++)
		if (p->rrset[i].judged && p->rrset[i].type == type &&
		    name_equal(p->rrset[i].owner, owner))
			return &p->rrset[i];
	return NULL;
}

/* RFC 4034 §4.1.2 */
static bool bitmap_has(struct reader r, uint16_t type)
{
	while (!r.bad && reader_left(&r) > 0) {
		uint8_t window = read_u8(&r), n = read_u8(&r);
		const uint8_t *bits = read_bytes(&r, n);
		if (bits != NULL && window == type >> 8 && (type & 0xff) / 8 < n)
			return bits[(type & 0xff) / 8] >> (7 - type % 8) & 1;
	}
	return r.bad; /* damaged: it denies nothing */
}

/* RFC 5155 §5 */
static bool hash_name(const uint8_t *name, struct span salt, unsigned iterations,
		      uint8_t out[HASH_OCTETS])
{
	uint8_t in[NAME_MAX_LEN + SALT_MAX];
	size_t n = name_lower(name, in);
	bool made = true;

	for (unsigned i = 0; made && i <= iterations; i++) {
		if (salt.n > 0)
			memcpy(in + n, salt.p, salt.n);
		made = EVP_Digest(in, n + salt.n, out, NULL, EVP_sha1(), NULL) == 1;
		memcpy(in, out, HASH_OCTETS);
		n = HASH_OCTETS;
	}
	return made;
}

static void to_base32hex(const uint8_t hash[HASH_OCTETS], uint8_t out[HASH_TEXT])
{
	static const char DIGITS[] = "0123456789abcdefghijklmnopqrstuv";
	unsigned bits = 0, value = 0, n = 0;

	for (unsigned i = 0; i < HASH_OCTETS; i++) {
		value = value << 8 | hash[i];
		for (bits += 8; bits >= 5; bits -= 5)
			out[n++] = (uint8_t)DIGITS[value >> (bits - 5) & 31];
	}
}

static bool is_nsec3_of_apex(const struct proof *p, const struct proof_rrset *s)
{
	struct span rdata = p->rdata[s->first];
	struct reader r = reader_of(rdata.p, rdata.n);
	uint8_t hash[HASH_OCTETS], text[HASH_TEXT];

	uint8_t algorithm = read_u8(&r);
	read_u8(&r);
	uint16_t iterations = read_u16(&r);
	uint8_t salt_len = read_u8(&r);
	struct span salt = { read_bytes(&r, salt_len), salt_len };
	if (r.bad || algorithm != 1 || iterations > PROOF_ITERATIONS_MAX ||
	    s->owner[0] != HASH_TEXT || !name_equal(name_parent(s->owner), p->zone) ||
	    !hash_name(p->zone, salt, iterations, hash))
		return false;
	to_base32hex(hash, text);
	return memcmp(text, s->owner + 1, HASH_TEXT) == 0;
}

const struct proof_rrset *proof_of_apex(const struct proof *p)
{
	for (size_t i = 0; i < p->rrset_n; i++) {
		const struct proof_rrset *s = &p->rrset[i];
		if (!s->judged || s->n != 1)
			continue;
		if (s->type == TYPE_NSEC && name_equal(s->owner, p->zone))
			return s;
		if (s->type == TYPE_NSEC3 && is_nsec3_of_apex(p, s))
			return s;
	}
	return NULL;
}

static struct reader bitmap_of(const struct proof *p, const struct proof_rrset *s)
{
	struct span rdata = p->rdata[s->first];
	struct reader r = reader_of(rdata.p, rdata.n);
	struct name next;

	if (s->type == TYPE_NSEC) {
		name_read_plain(&r, &next);
	} else {
		read_bytes(&r, 4);
		read_bytes(&r, read_u8(&r)); /* salt */
		read_bytes(&r, read_u8(&r)); /* next hash */
	}
	return r;
}

bool proof_denies(const struct proof *p, uint16_t type)
{
	const struct proof_rrset *s = proof_of_apex(p);

	if (s == NULL || p->rcode != RCODE_NOERROR)
		return false;
	struct reader bitmap = bitmap_of(p, s);
	return !bitmap.bad && !bitmap_has(bitmap, type) && !bitmap_has(bitmap, TYPE_CNAME);
}

const char *proof_text(enum proof_verdict v)
{
	static const char *const TEXTS[] = {
#define X(code, text) text,
		PROOF_TABLE(X)
#undef X
	};

	return (size_t)v < sizeof TEXTS / sizeof *TEXTS ? TEXTS[v] : "unknown";
}
