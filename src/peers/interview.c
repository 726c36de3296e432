// SPDX-License-Identifier: Apache-2.0
#include "peers/interview.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/siphash.h"
#include "dns/rrtype.h"
#include "dns/wire.h"

enum step { ASK_DNSKEY, ASK_NS, ASK_CDS, ASK_CDNSKEY, ASK_CSYNC, ASK_SOA, ASK_SAMPLES };

static const struct {
	uint16_t type;
	const char *text;
} STEPS[] = {
	[ASK_DNSKEY] = { TYPE_DNSKEY, "DNSKEY" }, [ASK_NS] = { TYPE_NS, "NS" },
	[ASK_CDS] = { TYPE_CDS, "CDS" },          [ASK_CDNSKEY] = { TYPE_CDNSKEY, "CDNSKEY" },
	[ASK_CSYNC] = { TYPE_CSYNC, "CSYNC" },    [ASK_SOA] = { TYPE_SOA, "SOA" },
};

static bool fail(struct interview *iv, const char *why)
{
	char name[NAME_TEXT_MAX];

	if (iv->step < ASK_SAMPLES)
		snprintf(iv->why, sizeof iv->why, "%s: %s", STEPS[iv->step].text, why);
	else
		snprintf(iv->why, sizeof iv->why, "sample %.100s: %s",
			 name_to_text(iv->sample[iv->step - ASK_SAMPLES].name, name), why);
	return false;
}

static void note_ttl(struct interview *iv, uint32_t ttl)
{
	if (ttl > iv->seen->zone_ttl)
		iv->seen->zone_ttl = ttl;
}

static uint64_t algorithms_of(const struct interview *iv, uint64_t keys)
{
	uint64_t set = 0;

	for (size_t i = 0; i < iv->seen->key_n; i++)
		if ((keys >> i & 1) && iv->seen->key[i].algorithm < 64)
			set |= UINT64_C(1) << iv->seen->key[i].algorithm;
	return set;
}

static void note_signatures(struct interview *iv, const struct proof_rrset *s, bool zone_data)
{
	if (zone_data) {
		iv->seen->zone_signing |= s->signed_by;
		iv->seen->algorithms &= algorithms_of(iv, s->signed_by);
	}
	if (s->expires_at < iv->seen->expires_at)
		iv->seen->expires_at = s->expires_at;
}

/* ---- DNSKEY ---- */

static bool take_keys(struct interview *iv, struct span message, int64_t now)
{
	struct validated *v = &iv->tools->validated;
	struct proof *p = &iv->tools->proof;
	struct span ds[SEEN_DS_MAX];

	for (size_t i = 0; i < iv->ds_n; i++)
		ds[i] = (struct span){ iv->ds[i].rdata, iv->ds[i].len };
	enum validation verdict =
	    validate_dnskeys(message, iv->zone, ds, iv->ds_n, now, iv->tools->memo, v);
	if (verdict != VALIDATION_SECURE)
		return fail(iv, validation_text(verdict));
	memcpy(iv->seen->key, v->keys, v->n * sizeof v->keys[0]);
	iv->seen->key_n = v->n;
	/* All keys that signed it, and that the server speaks for the zone. */
	enum proof_verdict also = proof_read(message, iv->zone, iv->zone, TYPE_DNSKEY, p);
	if (also == PROOF_SECURE)
		also = proof_check(p, v->keys, v->n, now, iv->tools->memo);
	const struct proof_rrset *s = proof_find(p, iv->zone, TYPE_DNSKEY);
	if (also != PROOF_SECURE || s == NULL)
		return fail(iv, proof_text(also != PROOF_SECURE ? also : PROOF_NO_PROOF));
	iv->seen->key_signing = s->signed_by;
	iv->seen->algorithms = algorithms_of(iv, s->signed_by);
	iv->seen->dnskey_ttl = s->ttl;
	iv->seen->expires_at = v->expires_at;
	return true;
}

/* ---- the apex ---- */

static bool take_names(struct interview *iv, const struct proof_rrset *s)
{
	struct seen_names *ns = &iv->seen->ns;

	if (s->n > SEEN_NS_MAX)
		return fail(iv, "it has more names than we allow");
	for (size_t i = 0; i < s->n; i++)
		memcpy(ns->name[i], proof_rdata(&iv->tools->proof, s, i).p,
		       proof_rdata(&iv->tools->proof, s, i).n);
	ns->n = s->n;
	iv->seen->ns_ttl = s->ttl;
	return true;
}

static bool take_cds(struct interview *iv, const struct proof_rrset *s)
{
	iv->seen->has_cds = true;
	if (s->n > SEEN_DS_MAX)
		return fail(iv, "it has more records than we allow");
	for (size_t i = 0; i < s->n; i++) {
		struct span rdata = proof_rdata(&iv->tools->proof, s, i);
		if (rdata.n < 5 || rdata.n > SEEN_DS_RDATA_MAX)
			return fail(iv, "it has a digest that is none");
		if (rdata.p[2] == 0) { /* RFC 8078 §4 */
			iv->seen->wants_delete = true;
			continue;
		}
		struct seen_ds *to = &iv->seen->cds[iv->seen->cds_n++];
		to->len = (uint8_t)rdata.n;
		memcpy(to->rdata, rdata.p, rdata.n);
	}
	return true;
}

static bool take_cdnskey(struct interview *iv, const struct proof_rrset *s)
{
	iv->seen->has_cdnskey = true;
	if (s->n > SEEN_DS_MAX)
		return fail(iv, "it has more records than we allow");
	for (size_t i = 0; i < s->n; i++) {
		struct dnskey *to = &iv->seen->cdnskey[iv->seen->cdnskey_n];
		if (dnskey_from_rdata(proof_rdata(&iv->tools->proof, s, i), to))
			return fail(iv, "it has a key that is none");
		if (to->algorithm == 0)
			iv->seen->wants_delete = true;
		else
			iv->seen->cdnskey_n++;
	}
	return true;
}

static bool take_csync(struct interview *iv, const struct proof_rrset *s)
{
	struct span rdata = proof_rdata(&iv->tools->proof, s, 0);

	if (s->n != 1 || rdata.n < 6) /* RFC 7477 §2.1: one */
		return fail(iv, "there is not exactly one record");
	iv->seen->has_csync = true;
	iv->seen->csync_serial = load_u32(rdata.p);
	iv->seen->csync_flags = load_u16(rdata.p + 4);
	return true;
}

/* RFC 2308 §5: what is not there is remembered for the least of both. */
static void take_soa(struct interview *iv)
{
	const struct proof_rrset *s = proof_find(&iv->tools->proof, iv->zone, TYPE_SOA);

	if (s == NULL || s->n != 1)
		return;
	struct span rdata = proof_rdata(&iv->tools->proof, s, 0);
	uint32_t minimum = load_u32(rdata.p + rdata.n - 4);
	iv->seen->serial = load_u32(rdata.p + rdata.n - 20);
	note_ttl(iv, minimum < s->ttl ? minimum : s->ttl);
	note_ttl(iv, s->ttl);
	note_signatures(iv, s, true);
	iv->has_soa = true;
}

static void note_denial(struct interview *iv, const struct proof_rrset *s)
{
	struct span rdata = proof_rdata(&iv->tools->proof, s, 0);

	note_ttl(iv, s->ttl);
	note_signatures(iv, s, true);
	if (s->type == TYPE_NSEC3) {
		iv->seen->denial = SEEN_NSEC3;
		iv->seen->nsec3_iterations = load_u16(rdata.p + 2);
		return;
	}
	/* RFC 9824 §3.1: the next name is the one that comes first after the owner. */
	bool successor = rdata.n > 2 && rdata.p[0] == 1 && rdata.p[1] == 0;
	iv->seen->denial = successor ? SEEN_COMPACT : SEEN_NSEC;
}

/* What the apex does not have, and that its record says so of more than was asked for. */
static bool take_denial(struct interview *iv)
{
	const struct proof_rrset *s = proof_of_apex(&iv->tools->proof);

	if (s == NULL || !proof_denies(&iv->tools->proof, STEPS[iv->step].type))
		return fail(iv, proof_text(PROOF_NO_PROOF));
	for (unsigned i = ASK_CDS; i <= ASK_CSYNC; i++)
		if (proof_denies(&iv->tools->proof, STEPS[i].type))
			iv->denied |= 1u << i;
	note_denial(iv, s);
	take_soa(iv);
	return true;
}

static bool take_apex(struct interview *iv)
{
	const struct proof_rrset *s = proof_find(&iv->tools->proof, iv->zone, STEPS[iv->step].type);

	if (s == NULL)
		return iv->step == ASK_NS || iv->step == ASK_SOA
			   ? fail(iv, proof_text(PROOF_NO_PROOF))
			   : take_denial(iv);
	note_signatures(iv, s, iv->step == ASK_NS || iv->step == ASK_SOA);
	if (iv->step != ASK_NS)
		note_ttl(iv, s->ttl);
	switch ((enum step)iv->step) {
	case ASK_NS:
		return take_names(iv, s);
	case ASK_CDS:
		return take_cds(iv, s);
	case ASK_CDNSKEY:
		return take_cdnskey(iv, s);
	case ASK_CSYNC:
		return take_csync(iv, s);
	case ASK_SOA:
		take_soa(iv);
		return true;
	case ASK_DNSKEY:
	case ASK_SAMPLES:
		break;
	}
	return true;
}

/* ---- samples ---- */

/* Positive or not: what is compared is the signed data but for what each signer makes for itself.
 */
static void take_sample(struct interview *iv)
{
	static const struct siphash_key KEY = { 0, 0 };
	const struct proof *p = &iv->tools->proof;
	uint64_t parts[2] = { iv->seen->sample, p->rcode };

	for (size_t i = 0; i < p->rrset_n; i++) {
		const struct proof_rrset *s = &p->rrset[i];
		if (!s->judged)
			continue;
		note_ttl(iv, s->ttl);
		note_signatures(iv, s, true);
		for (size_t k = 0; s->answer && k < s->n; k++) {
			struct span rdata = proof_rdata(p, s, k);
			parts[1] = parts[1] * 31 + siphash(&KEY, rdata.p, rdata.n) + s->type;
		}
	}
	iv->seen->sample = siphash(&KEY, parts, sizeof parts) | 1;
}

/* ---- in turn ---- */

void interview_begin(struct interview *iv, int64_t now)
{
	iv->step = ASK_DNSKEY;
	iv->denied = 0;
	iv->has_soa = false;
	iv->why[0] = 0;
	/* What counts by its number need not be cleared. */
	memset(iv->seen, 0, offsetof(struct signer_seen, key));
	iv->seen->ns.n = 0;
	iv->seen->asked_at = now;
}

bool interview_next(struct interview *iv, struct interview_sample *question)
{
	while (iv->step < ASK_SAMPLES && iv->step != ASK_SOA && (iv->denied >> iv->step & 1))
		iv->step++;
	if (iv->step == ASK_SOA && iv->has_soa)
		iv->step++;
	if (iv->step < ASK_SAMPLES)
		*question = (struct interview_sample){ iv->zone, STEPS[iv->step].type };
	else if (iv->step < ASK_SAMPLES + iv->sample_n)
		*question = iv->sample[iv->step - ASK_SAMPLES];
	else
		return false;
	return true;
}

static bool take_others(struct interview *iv, struct span message, const struct interview_sample *q,
			int64_t now)
{
	struct proof *p = &iv->tools->proof;
	char why[SEEN_WHY_MAX / 2];
	enum proof_verdict v = proof_read(message, iv->zone, q->name, q->type, p);

	if (v == PROOF_SECURE)
		v = proof_check(p, iv->seen->key, iv->seen->key_n, now, iv->tools->memo);
	if (v != PROOF_SECURE && p->fault != NULL && p->fault->type != q->type) {
		snprintf(why, sizeof why, "the record of type %u beside it: %s", p->fault->type,
			 proof_text(v));
		return fail(iv, why);
	}
	if (v != PROOF_SECURE)
		return fail(iv, proof_text(v));
	if (iv->step < ASK_SAMPLES)
		return take_apex(iv);
	take_sample(iv);
	return true;
}

bool interview_take(struct interview *iv, struct span message, int64_t now)
{
	struct interview_sample q;

	if (!interview_next(iv, &q))
		return false;
	bool good = iv->step == ASK_DNSKEY ? take_keys(iv, message, now)
					   : take_others(iv, message, &q, now);
	if (good)
		iv->step++;
	iv->seen->at = now;
	return good;
}
