// SPDX-License-Identifier: Apache-2.0
#include "dns/tsig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "dns/rrtype.h"

/* RFC 8945 §5.3.1: at least every hundredth message is signed. */
#define UNSIGNED_MAX 99
/* RFC 8945 §5.2.2.1: no MAC is shorter, nor shorter than half its hash. */
#define MAC_FLOOR 10

static const struct {
	const char *text, *digest;
	uint8_t len;
} ALGORITHMS[TSIG_ALGORITHMS] = {
	[TSIG_HMAC_SHA1] = { "hmac-sha1", "SHA1", 20 },
	[TSIG_HMAC_SHA224] = { "hmac-sha224", "SHA224", 28 },
	[TSIG_HMAC_SHA256] = { "hmac-sha256", "SHA256", 32 },
	[TSIG_HMAC_SHA384] = { "hmac-sha384", "SHA384", 48 },
	[TSIG_HMAC_SHA512] = { "hmac-sha512", "SHA512", 64 },
};

/* ---- algorithms and keys ---- */

static uint8_t mac_floor(enum tsig_algorithm a)
{
	uint8_t half = ALGORITHMS[a].len / 2;

	return half > MAC_FLOOR ? half : MAC_FLOOR;
}

const char *tsig_algorithm_text(enum tsig_algorithm a)
{
	return ALGORITHMS[a].text;
}

uint8_t tsig_algorithm_mac_len(enum tsig_algorithm a)
{
	return ALGORITHMS[a].len;
}

bool tsig_algorithm_from_text(const char *text, enum tsig_algorithm *out, uint8_t *mac_len)
{
	for (enum tsig_algorithm a = 0; a < TSIG_ALGORITHMS; a++) {
		size_t n = strlen(ALGORITHMS[a].text);
		if (strncasecmp(text, ALGORITHMS[a].text, n) != 0)
			continue;
		const char *rest = text + n;
		*out = a;
		*mac_len = ALGORITHMS[a].len;
		if (*rest == 0 || strcmp(rest, ".") == 0)
			return true;
		char *end;
		long bits = *rest == '-' ? strtol(rest + 1, &end, 10) : 0;
		if (bits <= 0 || *end != 0 || bits % 8 != 0 || bits / 8 > ALGORITHMS[a].len ||
		    bits / 8 < mac_floor(a))
			return false;
		*mac_len = (uint8_t)(bits / 8);
		return true;
	}
	return false;
}

/* The algorithm of a wire name. */
static bool algorithm_of(const struct name *name, enum tsig_algorithm *out)
{
	for (enum tsig_algorithm a = 0; a < TSIG_ALGORITHMS; a++) {
		size_t n = strlen(ALGORITHMS[a].text);
		if (name->len != n + 2 || name->wire[0] != n ||
		    strncasecmp((const char *)name->wire + 1, ALGORITHMS[a].text, n) != 0)
			continue;
		*out = a;
		return true;
	}
	return false;
}

static int by_name(const void *a, const void *b)
{
	const struct tsig_key *x = a, *y = b;

	return name_compare(x->name, y->name);
}

static int name_to_key(const void *name, const void *item)
{
	const struct tsig_key *k = item;

	return name_compare(name, k->name);
}

void tsig_keys_sort(struct tsig_keys *all)
{
	if (all->n > 1)
		qsort(all->key, all->n, sizeof *all->key, by_name);
}

const struct tsig_key *tsig_keys_find(const struct tsig_keys *all, const uint8_t *name)
{
	return all != NULL && all->n > 0
		   ? bsearch(name, all->key, all->n, sizeof *all->key, name_to_key)
		   : NULL;
}

void tsig_keys_wipe(struct tsig_keys *all)
{
	if (all != NULL && all->n > 0)
		OPENSSL_cleanse(all->key, all->n * sizeof *all->key);
}

/* ---- the record ---- */

struct record {
	struct name owner;
	struct name algorithm;
	uint64_t time;
	uint16_t fudge;
	struct span mac;
	uint16_t original_id, error;
	struct span other;
};

/* RFC 8945 §4.2: class ANY, TTL 0, nothing after the other data. */
static bool read_record(struct span message, size_t at, struct record *out)
{
	struct reader whole = reader_of(message.p, message.n);

	whole.p += at;
	name_read(&whole, &out->owner);
	uint16_t type = read_u16(&whole), class = read_u16(&whole);
	uint32_t ttl = read_u32(&whole);
	struct reader r = read_sub(&whole, read_u16(&whole));
	if (whole.bad || whole.p != whole.end || type != TYPE_TSIG || class != CLASS_ANY ||
	    ttl != 0)
		return false;
	name_read_plain(&r, &out->algorithm);
	out->time = (uint64_t)read_u16(&r) << 32;
	out->time |= read_u32(&r);
	out->fudge = read_u16(&r);
	out->mac.n = read_u16(&r);
	out->mac.p = read_bytes(&r, out->mac.n);
	out->original_id = read_u16(&r);
	out->error = read_u16(&r);
	out->other.n = read_u16(&r);
	out->other.p = read_bytes(&r, out->other.n);
	return !r.bad && r.p == r.end;
}

bool tsig_find(struct span message, size_t *at)
{
	struct reader r = reader_of(message.p, message.n);
	struct name name;
	uint32_t count[4];

	*at = 0;
	read_u32(&r);
	for (int i = 0; i < 4; i++)
		count[i] = read_u16(&r);
	for (uint32_t i = 0; i < count[0] && !r.bad; i++) {
		name_read(&r, &name);
		read_u32(&r);
	}
	uint32_t n = count[1] + count[2] + count[3];
	for (uint32_t i = 0; i < n && !r.bad; i++) {
		size_t start = reader_at(&r);
		name_read(&r, &name);
		uint16_t type = read_u16(&r);
		read_bytes(&r, 6);
		read_bytes(&r, read_u16(&r));
		if (type != TYPE_TSIG)
			continue;
		if (i + 1 != n || count[3] == 0)
			return false;
		*at = start;
	}
	return !r.bad && r.p == r.end;
}

/* ---- the MAC (RFC 8945 §4.3) ---- */

static EVP_MAC_CTX *digest_new(const struct tsig_key *key)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *c = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
	char digest[16];
	OSSL_PARAM params[2];

	EVP_MAC_free(mac); /* the context holds it */
	snprintf(digest, sizeof digest, "%s", ALGORITHMS[key->algorithm].digest);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
	params[1] = OSSL_PARAM_construct_end();
	if (c != NULL && EVP_MAC_init(c, key->secret, key->secret_len, params) == 1)
		return c;
	EVP_MAC_CTX_free(c);
	return NULL;
}

static bool add(EVP_MAC_CTX *c, const void *p, size_t n)
{
	return n == 0 || EVP_MAC_update(c, p, n) == 1;
}

/* The MAC of the message before, with its length. */
static bool add_prior(EVP_MAC_CTX *c, const struct tsig *t)
{
	uint8_t len[2] = { 0, t->mac_len };

	return t->mac_len == 0 || (add(c, len, 2) && add(c, t->mac, t->mac_len));
}

/* A message as it was before its TSIG was added: original id, one record less. */
static bool add_message(EVP_MAC_CTX *c, struct span m, bool has_tsig, uint16_t original_id)
{
	uint8_t header[MESSAGE_HEADER_LEN];

	if (m.n < sizeof header)
		return false;
	memcpy(header, m.p, sizeof header);
	if (has_tsig) {
		store_u16(header, original_id);
		store_u16(header + 10, (uint16_t)(load_u16(header + 10) - 1));
	}
	return add(c, header, sizeof header) && add(c, m.p + sizeof header, m.n - sizeof header);
}

struct variables {
	uint64_t time;
	uint16_t fudge, error;
	struct span other;
};

/* TSIG variables (RFC 8945 §4.3.3), or only the timers (§5.3.1). */
static bool add_variables(EVP_MAC_CTX *c, const struct tsig_key *key, const struct variables *v,
			  bool timers_only)
{
	uint8_t bytes[2 * NAME_MAX_LEN + 40];
	struct writer w = writer_of(bytes, sizeof bytes);
	const char *algorithm = ALGORITHMS[key->algorithm].text;

	if (!timers_only) {
		write_bytes(&w, key->name, name_len(key->name));
		write_u16(&w, CLASS_ANY);
		write_u32(&w, 0);
		write_u8(&w, (uint8_t)strlen(algorithm));
		write_bytes(&w, algorithm, strlen(algorithm) + 1); /* its NUL is the root */
	}
	write_u16(&w, (uint16_t)(v->time >> 32));
	write_u32(&w, (uint32_t)v->time);
	write_u16(&w, v->fudge);
	if (!timers_only) {
		write_u16(&w, v->error);
		write_u16(&w, (uint16_t)v->other.n);
	}
	if (w.full || !add(c, bytes, writer_len(&w)))
		return false;
	return timers_only || add(c, v->other.p, v->other.n);
}

static bool finish(EVP_MAC_CTX *c, uint8_t out[TSIG_MAC_MAX])
{
	size_t n = 0;

	return EVP_MAC_final(c, out, &n, TSIG_MAC_MAX) == 1;
}

/* The MAC of `message`, which is the one after t->mac. */
static bool make_mac(struct tsig *t, struct span message, bool has_tsig, uint16_t original_id,
		     const struct variables *v, uint8_t out[TSIG_MAC_MAX])
{
	EVP_MAC_CTX *c = t->running;
	bool started = c != NULL;

	t->running = NULL;
	if (c == NULL)
		c = digest_new(t->key);
	bool ok = c != NULL && (started || add_prior(c, t)) &&
		  add_message(c, message, has_tsig, original_id) &&
		  add_variables(c, t->key, v, t->message_n > 0) && finish(c, out);
	EVP_MAC_CTX_free(c);
	return ok;
}

static void keep_mac(struct tsig *t, const uint8_t *mac, size_t n)
{
	memcpy(t->mac, mac, n);
	t->mac_len = (uint8_t)n;
}

static bool is_in_time(uint64_t signed_at, uint16_t fudge, int64_t now)
{
	int64_t d = now - (int64_t)signed_at;

	return d >= -(int64_t)fudge && d <= (int64_t)fudge;
}

/* ---- server ---- */

static enum tsig_verdict refuse(struct tsig *t, uint16_t error)
{
	t->error = error;
	return TSIG_NOTAUTH;
}

/* Where an error stands about the key or the MAC, the answer is not signed (RFC 8945 §5.3.2). */
static enum tsig_verdict refuse_unsigned(struct tsig *t, uint16_t error)
{
	t->key = NULL;
	t->mac_len = 0;
	return refuse(t, error);
}

enum tsig_verdict tsig_accept(struct tsig *t, const struct tsig_keys *keys, struct span message,
			      size_t at, int64_t now)
{
	struct record r;
	enum tsig_algorithm algorithm;
	uint8_t mac[TSIG_MAC_MAX];

	*t = (struct tsig){ .answering = true };
	if (!read_record(message, at, &r))
		return TSIG_FORMERR;
	memcpy(t->error_name, r.owner.wire, r.owner.len);
	memcpy(t->error_algorithm, r.algorithm.wire, r.algorithm.len);
	t->request_time = r.time;
	t->fudge = r.fudge;
	t->key = tsig_keys_find(keys, r.owner.wire);
	if (t->key == NULL || !algorithm_of(&r.algorithm, &algorithm) ||
	    algorithm != t->key->algorithm)
		return refuse_unsigned(t, TSIG_BADKEY);
	if (r.mac.n > ALGORITHMS[algorithm].len || r.mac.n < mac_floor(algorithm)) {
		t->key = NULL;
		return TSIG_FORMERR;
	}
	struct variables v = { r.time, r.fudge, r.error, r.other };
	if (!make_mac(t, (struct span){ message.p, at }, true, r.original_id, &v, mac) ||
	    CRYPTO_memcmp(mac, r.mac.p, r.mac.n) != 0)
		return refuse_unsigned(t, TSIG_BADSIG);
	keep_mac(t, r.mac.p, r.mac.n);
	if (!is_in_time(r.time, r.fudge, now))
		return refuse(t, TSIG_BADTIME);
	if (r.mac.n < t->key->mac_len)
		return refuse(t, TSIG_BADTRUNC);
	return TSIG_GOOD;
}

/* ---- signing ---- */

void tsig_start(struct tsig *t, const struct tsig_key *key)
{
	*t = (struct tsig){ .key = key };
}

static void write_record(struct writer *w, const struct tsig *t, const struct variables *v,
			 struct span mac, uint16_t id)
{
	const uint8_t *owner = t->key != NULL ? t->key->name : t->error_name;

	write_bytes(w, owner, name_len(owner));
	write_u16(w, TYPE_TSIG);
	write_u16(w, CLASS_ANY);
	write_u32(w, 0);
	uint8_t *length = w->p;
	write_u16(w, 0);
	if (t->key != NULL) {
		const char *algorithm = ALGORITHMS[t->key->algorithm].text;
		write_u8(w, (uint8_t)strlen(algorithm));
		write_bytes(w, algorithm, strlen(algorithm) + 1);
	} else {
		write_bytes(w, t->error_algorithm, name_len(t->error_algorithm));
	}
	write_u16(w, (uint16_t)(v->time >> 32));
	write_u32(w, (uint32_t)v->time);
	write_u16(w, v->fudge);
	write_u16(w, (uint16_t)mac.n);
	write_bytes(w, mac.p, mac.n);
	write_u16(w, id);
	write_u16(w, v->error);
	write_u16(w, (uint16_t)v->other.n);
	write_bytes(w, v->other.p, v->other.n);
	if (!w->full)
		store_u16(length, (uint16_t)(w->p - length - 2));
}

/* An answer that tells of a wrong time keeps the client's, so that the client can check it, and
 * says ours beside it (RFC 8945 §5.2.3). */
static struct variables variables_of(const struct tsig *t, int64_t now, uint8_t other[6])
{
	struct variables v = { (uint64_t)now, TSIG_FUDGE_S, t->error, { NULL, 0 } };

	if (t->error == TSIG_BADTIME) {
		store_u16(other, (uint16_t)((uint64_t)now >> 32));
		store_u32(other + 2, (uint32_t)now);
		v.time = t->request_time;
		v.fudge = t->fudge;
		v.other = (struct span){ other, 6 };
	} else if (t->error != TSIG_NO_ERROR && t->key == NULL) {
		v.time = t->request_time;
	}
	return v;
}

bool tsig_sign(struct tsig *t, uint8_t *message, size_t *len, size_t cap, int64_t now)
{
	uint8_t mac[TSIG_MAC_MAX], other[6];

	if (t->key == NULL && t->error == TSIG_NO_ERROR)
		return true;
	struct variables v = variables_of(t, now, other);
	struct span signed_mac = { mac, 0 };
	if (t->key != NULL) {
		if (!make_mac(t, (struct span){ message, *len }, false, 0, &v, mac))
			return false;
		signed_mac.n = t->key->mac_len;
	}
	struct writer w = writer_of(message, cap);
	w.p += *len;
	write_record(&w, t, &v, signed_mac, load_u16(message));
	if (w.full)
		return false;
	store_u16(message + 10, (uint16_t)(load_u16(message + 10) + 1));
	*len = writer_len(&w);
	keep_mac(t, mac, signed_mac.n);
	/* A client's request is what the answer's first message covers in full. */
	t->message_n += t->answering;
	return true;
}

/* ---- client ---- */

static enum tsig_verdict check_unsigned(struct tsig *t, struct span message)
{
	if (t->message_n == 0 || t->unsigned_n == UNSIGNED_MAX)
		return TSIG_BAD; /* the first is always signed (RFC 8945 §5.3.1) */
	if (t->running == NULL) {
		EVP_MAC_CTX *c = digest_new(t->key);
		if (c == NULL || !add_prior(c, t)) {
			EVP_MAC_CTX_free(c);
			return TSIG_BAD;
		}
		t->running = c;
	}
	t->unsigned_n++;
	t->message_n++;
	return add_message(t->running, message, false, 0) ? TSIG_GOOD : TSIG_BAD;
}

static enum tsig_verdict check_signed(struct tsig *t, struct span message, size_t at, int64_t now)
{
	struct record r;
	enum tsig_algorithm algorithm;
	uint8_t mac[TSIG_MAC_MAX];

	if (!read_record(message, at, &r) || !name_equal(r.owner.wire, t->key->name) ||
	    !algorithm_of(&r.algorithm, &algorithm) || algorithm != t->key->algorithm)
		return TSIG_BAD;
	t->error = r.error;
	if (r.mac.n > ALGORITHMS[algorithm].len || r.mac.n < t->key->mac_len)
		return TSIG_BAD;
	struct variables v = { r.time, r.fudge, r.error, r.other };
	if (!make_mac(t, (struct span){ message.p, at }, true, r.original_id, &v, mac) ||
	    CRYPTO_memcmp(mac, r.mac.p, r.mac.n) != 0 || !is_in_time(r.time, r.fudge, now))
		return TSIG_BAD;
	keep_mac(t, r.mac.p, r.mac.n);
	t->unsigned_n = 0;
	t->message_n++;
	return TSIG_GOOD;
}

enum tsig_verdict tsig_check(struct tsig *t, struct span message, int64_t now)
{
	size_t at;

	if (!tsig_find(message, &at))
		return TSIG_BAD;
	if (t->key == NULL)
		return at == 0 ? TSIG_GOOD : TSIG_BAD;
	return at == 0 ? check_unsigned(t, message) : check_signed(t, message, at, now);
}

bool tsig_is_complete(const struct tsig *t)
{
	return t->key == NULL || (t->message_n > 0 && t->unsigned_n == 0);
}

void tsig_end(struct tsig *t)
{
	EVP_MAC_CTX_free(t->running);
	t->running = NULL;
}
