// SPDX-License-Identifier: Apache-2.0
#include "transfer/zonemd.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/rrtype.h"
#include "transfer/spool.h"

#define END_OWNER  255
#define FIXED_LEN  8  /* TYPE TTL RDLENGTH */
#define ZONEMD_MAX 16 /* records that are looked at; a zone has one or two */

/* ---- records ---- */

struct item {
	const uint8_t *owner;
	uint16_t type;
	uint32_t ttl;
	struct span rdata;
};

static struct item item_at(const uint8_t *p)
{
	const uint8_t *fixed = p + name_len(p);

	return (struct item){
		p, load_u16(fixed), load_u32(fixed + 2), { fixed + FIXED_LEN, load_u16(fixed + 6) }
	};
}

/* The length of the record there; 0: there is none that is whole. */
static size_t record_len(const uint8_t *p, size_t left)
{
	size_t n = 0;

	while (n < left && p[n] != 0) {
		if (p[n] > NAME_LABEL_MAX || n > NAME_MAX_LEN)
			return 0;
		n += 1u + p[n];
	}
	if (n >= NAME_MAX_LEN || left - n < 1 + FIXED_LEN || n > left)
		return 0;
	n += 1 + FIXED_LEN;
	size_t rdata = load_u16(p + n - 2);
	return left - n >= rdata ? n + rdata : 0;
}

/* ---- the index ---- */

struct index {
	const uint8_t *base;
	uint64_t *at; /* offsets of records */
	size_t n, cap;
	const uint8_t *zone;
	bool has_soa;
	uint32_t serial;
	struct span zonemd[ZONEMD_MAX]; /* RDATA */
	size_t zonemd_n;
};

static bool is_digested(const struct index *x, const struct item *r)
{
	if (r->type == 0 || !name_is_within(r->owner, x->zone))
		return false;
	if (!name_equal(r->owner, x->zone))
		return true;
	/* RFC 8976 §3.3.1: not the digest itself, nor its signatures. */
	return r->type != TYPE_ZONEMD &&
	       !(r->type == TYPE_RRSIG && r->rdata.n >= 2 && load_u16(r->rdata.p) == TYPE_ZONEMD);
}

static enum err index_add(struct index *x, const uint8_t *p)
{
	struct item r = item_at(p);

	if (r.type == TYPE_SOA && name_equal(r.owner, x->zone) && r.rdata.n > 20) {
		x->has_soa = true;
		x->serial = load_u32(r.rdata.p + r.rdata.n - 20);
	}
	if (r.type == TYPE_ZONEMD && name_equal(r.owner, x->zone) && x->zonemd_n < ZONEMD_MAX)
		x->zonemd[x->zonemd_n++] = r.rdata;
	if (!is_digested(x, &r))
		return ERR_OK;
	if (x->n == x->cap) {
		size_t cap = x->cap * 2 + 256;
		uint64_t *more = realloc(x->at, cap * sizeof *more);
		if (more == NULL)
			return ERR_NOMEM;
		x->at = more;
		x->cap = cap;
	}
	x->at[x->n++] = (uint64_t)(p - x->base);
	return ERR_OK;
}

static enum err index_fill(struct index *x, struct span records)
{
	const uint8_t *p = records.p, *end = p + records.n;

	x->base = records.p;
	while (p < end && *p != END_OWNER) {
		size_t n = record_len(p, (size_t)(end - p));
		enum err e = n == 0 ? ERR_CORRUPT : index_add(x, p);
		if (e)
			return e;
		p += n;
	}
	return x->has_soa ? ERR_OK : ERR_CORRUPT;
}

/* By owner and type; RDATA is sorted RRset by RRset. */
static int compare(const struct index *x, uint64_t a, uint64_t b)
{
	struct item r = item_at(x->base + a), s = item_at(x->base + b);
	int c = name_compare(r.owner, s.owner);

	return c != 0 ? c : (r.type > s.type) - (r.type < s.type);
}

/* Where the ascending run that starts at `from` ends. */
static size_t run_end(const struct index *x, const uint64_t *at, size_t from)
{
	size_t i = from + 1;

	while (i < x->n && compare(x, at[i - 1], at[i]) <= 0)
		i++;
	return i < x->n ? i : x->n;
}

static void merge(const struct index *x, const uint64_t *in, size_t a, size_t b, size_t end,
		  uint64_t *out)
{
	size_t i = a, j = b, to = a;

	while (i < b || j < end) {
		bool first = j == end || (i < b && compare(x, in[i], in[j]) <= 0);
		out[to++] = first ? in[i++] : in[j++];
	}
}

/* A merge sort of the runs that are there: what is sorted already costs one pass. */
static enum err index_sort(struct index *x)
{
	uint64_t *from = x->at, *to = malloc((x->n + 1) * sizeof *to);

	if (to == NULL)
		return ERR_NOMEM;
	while (x->n > 0 && run_end(x, from, 0) < x->n) {
		for (size_t a = 0, end; a < x->n; a = end) {
			size_t b = run_end(x, from, a);
			end = b < x->n ? run_end(x, from, b) : b;
			merge(x, from, a, b, end, to);
		}
		uint64_t *swap = from;
		from = to;
		to = swap;
	}
	x->at = from;
	free(to);
	return ERR_OK;
}

/* ---- hashing ---- */

struct value {
	uint32_t ttl;
	struct span rdata; /* canonical */
};

struct hashing {
	EVP_MD_CTX *digest;
	struct value *record; /* of one RRset */
	size_t cap;
	uint8_t *room; /* their RDATA */
	size_t room_n;
};

static int by_rdata(const void *a, const void *b)
{
	return rdata_compare(((const struct value *)a)->rdata, ((const struct value *)b)->rdata);
}

static enum err make_room(struct hashing *h, size_t record_n, size_t octets)
{
	if (record_n > h->cap) {
		struct value *more = realloc(h->record, 2 * record_n * sizeof *more);
		if (more == NULL)
			return ERR_NOMEM;
		h->record = more;
		h->cap = 2 * record_n;
	}
	if (octets > h->room_n) {
		uint8_t *more = realloc(h->room, 2 * octets);
		if (more == NULL)
			return ERR_NOMEM;
		h->room = more;
		h->room_n = 2 * octets;
	}
	return ERR_OK;
}

/* RFC 8976 §3.3.1.1: records in canonical form and order (RFC 4034 §6), equal ones once. */
static enum err hash_rrset(struct hashing *h, const struct index *x, size_t from, size_t end)
{
	uint8_t head[NAME_MAX_LEN + 10];
	struct item first = item_at(x->base + x->at[from]);
	size_t octets = 0, used = 0, n = name_lower(first.owner, head);
	bool ok = true;

	for (size_t i = from; i < end; i++)
		octets += item_at(x->base + x->at[i]).rdata.n;
	enum err e = make_room(h, end - from, octets + 1);
	if (e)
		return e;
	for (size_t i = from; i < end; i++) {
		struct item r = item_at(x->base + x->at[i]);
		rdata_canonicalize(r.type, r.rdata, h->room + used);
		h->record[i - from] = (struct value){ r.ttl, { h->room + used, r.rdata.n } };
		used += r.rdata.n;
	}
	qsort(h->record, end - from, sizeof *h->record, by_rdata);
	store_u16(head + n, first.type);
	store_u16(head + n + 2, CLASS_IN);
	for (size_t i = 0; i < end - from && ok; i++) {
		const struct value *r = &h->record[i];
		if (i > 0 && by_rdata(r - 1, r) == 0)
			continue;
		store_u32(head + n + 4, r->ttl);
		store_u16(head + n + 8, (uint16_t)r->rdata.n);
		ok = EVP_DigestUpdate(h->digest, head, n + 10) == 1 &&
		     EVP_DigestUpdate(h->digest, r->rdata.p, r->rdata.n) == 1;
	}
	return ok ? ERR_OK : ERR_CRYPTO;
}

static enum err hash_all(const struct index *x, uint8_t algorithm, uint8_t out[EVP_MAX_MD_SIZE],
			 unsigned *n)
{
	struct hashing h = { .digest = EVP_MD_CTX_new() };
	const EVP_MD *md = algorithm == ZONEMD_SHA512 ? EVP_sha512() : EVP_sha384();
	enum err e = h.digest == NULL                             ? ERR_NOMEM
		     : EVP_DigestInit_ex(h.digest, md, NULL) == 1 ? ERR_OK
								  : ERR_CRYPTO;

	for (size_t from = 0, end; from < x->n && !e; from = end) {
		for (end = from + 1; end < x->n && compare(x, x->at[from], x->at[end]) == 0; end++)
			;
		e = hash_rrset(&h, x, from, end);
	}
	if (!e && EVP_DigestFinal_ex(h.digest, out, n) != 1)
		e = ERR_CRYPTO;
	EVP_MD_CTX_free(h.digest);
	free(h.record);
	free(h.room);
	return e;
}

static enum err index_make(struct index *x, struct span records, const uint8_t *zone)
{
	*x = (struct index){ .zone = zone };
	return index_fill(x, records);
}

/* ---- verifying ---- */

static bool is_known(struct span rdata)
{
	return rdata.n >= 6 && rdata.p[4] == ZONEMD_SIMPLE &&
	       (rdata.p[5] == ZONEMD_SHA384 || rdata.p[5] == ZONEMD_SHA512);
}

/* RFC 8976 §4: one of several with the same scheme and algorithm is not to be used. */
static bool is_repeated(const struct index *x, size_t at)
{
	for (size_t i = 0; i < x->zonemd_n; i++)
		if (i != at && x->zonemd[i].n >= 6 &&
		    memcmp(x->zonemd[i].p + 4, x->zonemd[at].p + 4, 2) == 0)
			return true;
	return false;
}

static enum err judge_one(const struct index *x, size_t at, bool *good, char *why)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct span rdata = x->zonemd[at];
	uint32_t serial = load_u32(rdata.p);

	*good = false;
	if (serial != x->serial) {
		snprintf(why, ZONEMD_WHY_MAX, "its ZONEMD is of serial %u, the zone is %u", serial,
			 x->serial);
		return ERR_OK;
	}
	if (is_repeated(x, at)) {
		snprintf(why, ZONEMD_WHY_MAX,
			 "it has more than one ZONEMD of the same scheme and algorithm");
		return ERR_OK;
	}
	enum err e = hash_all(x, rdata.p[5], digest, &n);
	*good = !e && rdata.n == 6 + n && memcmp(rdata.p + 6, digest, n) == 0;
	if (!e && !*good)
		snprintf(why, ZONEMD_WHY_MAX,
			 "its records are not those that its ZONEMD (%s) is of",
			 rdata.p[5] == ZONEMD_SHA384 ? "SHA-384" : "SHA-512");
	return e;
}

enum err zonemd_verify(struct span records, const uint8_t *zone, enum zonemd_verdict *out,
		       char why[ZONEMD_WHY_MAX])
{
	struct index x;
	enum err e = index_make(&x, records, zone);
	bool known = false, good = false;

	snprintf(why, ZONEMD_WHY_MAX, "it has no ZONEMD");
	if (!e && x.zonemd_n > 0)
		e = index_sort(&x);
	for (size_t i = 0; i < x.zonemd_n && !e && !good; i++) {
		if (!is_known(x.zonemd[i]))
			continue;
		known = true;
		e = judge_one(&x, i, &good, why);
	}
	*out = good             ? ZONEMD_GOOD
	       : known          ? ZONEMD_BAD
	       : x.zonemd_n > 0 ? ZONEMD_UNKNOWN
				: ZONEMD_NONE;
	if (*out == ZONEMD_UNKNOWN)
		snprintf(why, ZONEMD_WHY_MAX,
			 "its ZONEMD is of a scheme or algorithm that is not "
			 "known here");
	free(x.at);
	return e;
}

enum err zonemd_make(struct span records, const uint8_t *zone, enum zonemd_hash hash,
		     uint8_t out[ZONEMD_RDATA_MAX], size_t *n)
{
	struct index x;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned digest_n = 0;
	enum err e = index_make(&x, records, zone);

	if (!e)
		e = index_sort(&x);
	if (!e)
		e = hash_all(&x, (uint8_t)hash, digest, &digest_n);
	if (!e) {
		store_u32(out, x.serial);
		out[4] = ZONEMD_SIMPLE;
		out[5] = (uint8_t)hash;
		memcpy(out + 6, digest, digest_n);
		*n = 6 + digest_n;
	}
	free(x.at);
	return e;
}

/* ---- spools ---- */

static enum err verify_whole(const char *path, const uint8_t *zone, enum zonemd_verdict *out,
			     char why[ZONEMD_WHY_MAX])
{
	struct spool_map m;
	enum err e = spool_map(&m, path, zone);

	if (!e)
		e = zonemd_verify(m.records, zone, out, why);
	spool_unmap(&m);
	return e;
}

enum err zonemd_verify_spool(const char *path, const uint8_t *zone,
			     const struct change_set *changes, size_t change_n,
			     enum zonemd_verdict *out, char why[ZONEMD_WHY_MAX])
{
	struct spool *patched = NULL;
	uint64_t record_n;

	if (change_n == 0)
		return verify_whole(path, zone, out, why);
	enum err e = spool_patch(&patched, path, zone, changes, change_n, &record_n);
	if (!e)
		e = verify_whole(spool_path(patched), zone, out, why);
	spool_abort(patched);
	return e;
}

/* ---- records that come one by one ---- */

struct zonemd_heap {
	FILE *f;
};

enum err zonemd_heap_new(struct zonemd_heap **out)
{
	struct zonemd_heap *h = calloc(1, sizeof *h);

	if (h == NULL)
		return ERR_NOMEM;
	h->f = tmpfile();
	if (h->f == NULL) {
		free(h);
		return ERR_IO;
	}
	*out = h;
	return ERR_OK;
}

enum err zonemd_heap_add(struct zonemd_heap *h, const uint8_t *owner, uint16_t type, uint32_t ttl,
			 struct span rdata)
{
	uint8_t fixed[FIXED_LEN];

	store_u16(fixed, type);
	store_u32(fixed + 2, ttl);
	store_u16(fixed + 6, (uint16_t)rdata.n);
	bool ok = fwrite(owner, 1, name_len(owner), h->f) == name_len(owner) &&
		  fwrite(fixed, 1, sizeof fixed, h->f) == sizeof fixed &&
		  (rdata.n == 0 || fwrite(rdata.p, 1, rdata.n, h->f) == rdata.n);
	return ok ? ERR_OK : ERR_IO;
}

enum err zonemd_heap_verify(struct zonemd_heap *h, const uint8_t *zone, enum zonemd_verdict *out,
			    char why[ZONEMD_WHY_MAX])
{
	struct stat st;

	if (fflush(h->f) != 0 || fstat(fileno(h->f), &st) < 0)
		return ERR_IO;
	size_t n = (size_t)st.st_size;
	if (n == 0)
		return ERR_CORRUPT;
	void *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fileno(h->f), 0);
	if (p == MAP_FAILED)
		return ERR_IO;
	enum err e = zonemd_verify((struct span){ p, n }, zone, out, why);
	munmap(p, n);
	return e;
}

void zonemd_heap_free(struct zonemd_heap *h)
{
	if (h == NULL)
		return;
	fclose(h->f);
	free(h);
}
