// SPDX-License-Identifier: Apache-2.0
#include "multisigner/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/rrtype.h"
#include "dns/wire.h"

#define ARENA_MAX   (8u << 20)
#define RRSIG_FIXED 18
#define RR_HEAD     10
#define HEADER_LEN  12
#define OPT_LEN     11

static const uint16_t TYPES[BUNDLE_TYPES] = { TYPE_DNSKEY, TYPE_CDS, TYPE_CDNSKEY };

uint16_t bundle_rr_type(enum bundle_type t)
{
	return TYPES[t];
}

struct bundles *bundles_new(void)
{
	struct bundles *b = calloc(1, sizeof *b);

	if (b == NULL)
		return NULL;
	b->arena = arena_new(ARENA_MAX);
	if (b->arena == NULL) {
		free(b);
		return NULL;
	}
	return b;
}

void bundles_free(struct bundles *b)
{
	if (b == NULL)
		return;
	arena_free(b->arena);
	free(b);
}

struct bundle *bundles_add(struct bundles *b, int64_t from)
{
	struct bundle *made =
	    b->n < BUNDLES_MAX ? arena_alloc(b->arena, sizeof(struct bundle)) : NULL;

	if (made == NULL)
		return NULL;
	memset(made, 0, sizeof *made);
	made->from = from;
	b->all[b->n++] = made;
	return made;
}

static struct bundle_set *set_of(struct bundle *b, uint16_t type)
{
	for (size_t i = 0; i < BUNDLE_TYPES; i++)
		if (TYPES[i] == type)
			return &b->set[i];
	return NULL;
}

static bool is_in(const struct span *all, size_t n, struct span x)
{
	for (size_t i = 0; i < n; i++)
		if (all[i].n == x.n && memcmp(all[i].p, x.p, x.n) == 0)
			return true;
	return false;
}

enum err bundle_add_record(struct bundles *b, struct bundle *into, uint16_t type, uint32_t ttl,
			   struct span rdata)
{
	bool is_signature = type == TYPE_RRSIG;

	if (!rdata_is_valid(type, rdata) || (is_signature && rdata.n <= RRSIG_FIXED))
		return ERR_SYNTAX;
	struct bundle_set *s = set_of(into, is_signature ? load_u16(rdata.p) : type);
	if (s == NULL)
		return ERR_UNSUPPORTED;
	struct span *all = is_signature ? s->signature : s->rr;
	size_t *n = is_signature ? &s->signature_n : &s->rr_n;
	if (s->rr_n + s->signature_n > 0 && s->ttl != ttl)
		return ERR_INVALID;
	s->ttl = ttl;
	if (is_in(all, *n, rdata))
		return ERR_OK;
	if (*n == (is_signature ? BUNDLE_SIGNATURES_MAX : BUNDLE_RECORDS_MAX))
		return ERR_TOO_LONG;
	uint8_t *copy = arena_copy(b->arena, rdata.p, rdata.n);
	if (copy == NULL)
		return ERR_NOMEM;
	all[(*n)++] = (struct span){ copy, rdata.n };
	return ERR_OK;
}

/* ---- order ---- */

static int by_rdata(const void *a, const void *b)
{
	return rdata_compare(*(const struct span *)a, *(const struct span *)b);
}

static int by_time(const void *a, const void *b)
{
	const struct bundle *x = *(struct bundle *const *)a, *y = *(struct bundle *const *)b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* Serial numbers (RFC 4034 §3.1.5) near `around`. */
static int64_t time_near(uint32_t serial, int64_t around)
{
	return around + (int32_t)(serial - (uint32_t)around);
}

static int64_t ends_at(const struct bundle *b)
{
	int64_t first = 0;

	for (size_t t = 0; t < BUNDLE_TYPES; t++) {
		for (size_t i = 0; i < b->set[t].signature_n; i++) {
			int64_t at = time_near(load_u32(b->set[t].signature[i].p + 8), b->from);
			if (first == 0 || at < first)
				first = at;
		}
	}
	return first;
}

void bundles_settle(struct bundles *b)
{
	for (size_t i = 0; i < b->n; i++) {
		for (size_t t = 0; t < BUNDLE_TYPES; t++) {
			struct bundle_set *s = &b->all[i]->set[t];
			qsort(s->rr, s->rr_n, sizeof *s->rr, by_rdata);
			qsort(s->signature, s->signature_n, sizeof *s->signature, by_rdata);
		}
		b->all[i]->expires_at = ends_at(b->all[i]);
	}
	qsort(b->all, b->n, sizeof(struct bundle *), by_time);
}

/* ---- looking ---- */

bool bundle_has_key(const struct bundle *b, const struct dnskey *k)
{
	const struct bundle_set *s = &b->set[BUNDLE_DNSKEY];

	return is_in(s->rr, s->rr_n, (struct span){ k->rdata, k->rdata_len });
}

const struct bundle *bundles_at(const struct bundles *b, int64_t now)
{
	const struct bundle *found = NULL;

	for (size_t i = 0; i < b->n && b->all[i]->from <= now; i++)
		found = b->all[i];
	return found;
}

int64_t bundles_end(const struct bundles *b, int64_t now)
{
	int64_t end = 0;

	for (size_t i = 0; i < b->n; i++) {
		const struct bundle *x = b->all[i];
		bool is_over = i + 1 < b->n && b->all[i + 1]->from <= now;
		if (is_over || x->from > (end != 0 ? end : now))
			continue;
		end = x->expires_at;
	}
	return end > now ? end : 0;
}

size_t bundle_answer_len(const struct bundle *b, const uint8_t *zone)
{
	const struct bundle_set *s = &b->set[BUNDLE_DNSKEY];
	size_t n = HEADER_LEN + name_len(zone) + 4 + OPT_LEN;

	for (size_t i = 0; i < s->rr_n; i++)
		n += 2 + RR_HEAD + s->rr[i].n;
	for (size_t i = 0; i < s->signature_n; i++)
		n += 2 + RR_HEAD + s->signature[i].n;
	return n;
}

enum err bundle_signature(const struct bundle *b, enum bundle_type t, struct sig **out)
{
	const struct bundle_set *s = &b->set[t];
	size_t n = 0;

	*out = NULL;
	for (size_t i = 0; i < s->signature_n; i++)
		n += RR_HEAD + s->signature[i].n;
	if (n == 0)
		return ERR_OK;
	struct sig *g = n <= UINT16_MAX ? sig_new(n) : NULL;
	if (g == NULL)
		return ERR_NOMEM;
	*g = (struct sig){ .inception = INT64_MIN, .expire_at = INT64_MAX };
	for (size_t i = 0; i < s->signature_n; i++) {
		struct span rdata = s->signature[i];
		uint8_t *p = g->wire + g->wire_len;
		int64_t begins = time_near(load_u32(rdata.p + 12), b->from);
		int64_t ends = time_near(load_u32(rdata.p + 8), b->from);
		store_u16(p, TYPE_RRSIG);
		store_u16(p + 2, CLASS_IN);
		store_u32(p + 4, s->ttl);
		store_u16(p + 8, (uint16_t)rdata.n);
		memcpy(p + RR_HEAD, rdata.p, rdata.n);
		g->wire_len = (uint16_t)(g->wire_len + RR_HEAD + rdata.n);
		g->rr_n++;
		g->inception = begins > g->inception ? begins : g->inception;
		g->expire_at = ends < g->expire_at ? ends : g->expire_at;
	}
	g->refresh_at = g->expire_at; /* nobody here can renew it */
	*out = g;
	return ERR_OK;
}

const char *bundle_fault_text(enum bundle_fault f)
{
	static const char *const TEXTS[] = {
#define X(code, text) text,
		BUNDLE_FAULT_TABLE(X)
#undef X
	};

	return (size_t)f < sizeof TEXTS / sizeof *TEXTS ? TEXTS[f] : "unknown";
}
