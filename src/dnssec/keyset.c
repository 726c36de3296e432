// SPDX-License-Identifier: Apache-2.0
#include "dnssec/keyset.h"

#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "dns/name.h"
#include "dns/rrtype.h"
#include "dnssec/algorithm.h"
#include "dnssec/signer.h"

/* The keyset's own part behind what readers see. */
struct keyset_owned {
	struct keyset set;
	_Atomic unsigned refs;
};

/* Signatures stay good over a restart of the process or a reload with the same keys and policy: the
 * id is made from what they depend on. */
static uint64_t identify(const struct sign_policy *p, struct key *const *keys, size_t key_n,
			 struct sig *const *given)
{
	static const struct siphash_key KEY = { 0x636f6e636f726400ULL, 0x6b65797365740000ULL };
	uint8_t bytes[64 + (KEYSET_ACTIVE_MAX + KEYSET_GIVEN) * 8];
	size_t n = 0;
	const uint32_t numbers[] = { p->validity_s, p->refresh_s, p->inception_offset_s,
				     p->jitter_s, (uint32_t)key_n };

	memcpy(bytes, numbers, sizeof numbers);
	n += sizeof numbers;
	for (size_t i = 0; i < key_n; i++) {
		const struct dnskey *d = key_dnskey(keys[i]);
		uint64_t h = siphash(&KEY, d->rdata, d->rdata_len);
		memcpy(bytes + n, &h, sizeof h);
		n += sizeof h;
	}
	for (size_t i = 0; given != NULL && i < KEYSET_GIVEN; i++) {
		uint64_t h =
		    given[i] != NULL ? siphash(&KEY, given[i]->wire, given[i]->wire_len) : 0;
		memcpy(bytes + n, &h, sizeof h);
		n += sizeof h;
	}
	return siphash(&KEY, bytes, n);
}

bool keyset_signs_with_ksk(uint16_t type)
{
	return type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY;
}

uint64_t keyset_id(const struct keyset *s, uint16_t type)
{
	return keyset_signs_with_ksk(type) ? s->ksk_id : s->zsk_id;
}

static bool are_quick(struct key *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t algorithm = key_dnskey(keys[i])->algorithm;
		if (algorithm != ALG_ECDSAP256SHA256 && algorithm != ALG_ED25519)
			return false;
	}
	return true;
}

bool keyset_is_quick(const struct keyset *s, uint16_t type)
{
	return keyset_signs_with_ksk(type) ? s->ksk_quick : s->zsk_quick;
}

uint8_t keyset_algorithm(const struct keyset *s, uint16_t type)
{
	bool ksk = keyset_signs_with_ksk(type);
	struct key *const *keys = ksk ? s->ksk : s->zsk;
	size_t n = ksk ? s->ksk_n : s->zsk_n;
	uint8_t algorithm = n > 0 ? key_dnskey(keys[0])->algorithm : 0;

	for (size_t i = 1; i < n; i++)
		if (key_dnskey(keys[i])->algorithm != algorithm)
			return 0;
	return algorithm;
}

static enum err add_members(struct keyset *s, const struct keyset_member *members, size_t n)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < n && !e; i++) {
		const struct keyset_member *m = &members[i];
		bool ksk = m->role != KEY_ZSK, zsk = m->role != KEY_KSK;
		if (!m->active)
			continue;
		if ((ksk && s->ksk_n == KEYSET_ACTIVE_MAX) ||
		    (zsk && s->zsk_n == KEYSET_ACTIVE_MAX)) {
			e = ERR_RANGE;
			continue;
		}
		if (ksk)
			s->ksk[s->ksk_n++] = key_ref(m->key);
		if (zsk)
			s->zsk[s->zsk_n++] = key_ref(m->key);
	}
	return e;
}

/* What a keyset may lack. */
enum lacks { LACKS_NOTHING, LACKS_KSK, LACKS_ZSK };

static enum err make(struct keyset **out, const uint8_t *zone, const struct sign_policy *policy,
		     const struct keyset_member *members, size_t n, enum lacks lacks)
{
	struct keyset_owned *o = calloc(1, sizeof *o);

	if (o == NULL)
		return ERR_NOMEM;
	struct keyset *s = &o->set;
	atomic_init(&o->refs, 1);
	s->policy = *policy;
	s->zone_len = (uint8_t)name_lower(zone, s->zone);
	enum err e = add_members(s, members, n);
	if (!e && ((s->ksk_n == 0 && lacks != LACKS_KSK) || (s->zsk_n == 0 && lacks != LACKS_ZSK)))
		e = ERR_NOKEY;
	if (e) {
		keyset_free(s);
		return e;
	}
	s->ksk_id = identify(policy, s->ksk, s->ksk_n, NULL);
	s->zsk_id = identify(policy, s->zsk, s->zsk_n, NULL);
	s->ksk_quick = are_quick(s->ksk, s->ksk_n);
	s->zsk_quick = are_quick(s->zsk, s->zsk_n);
	*out = s;
	return ERR_OK;
}

enum err keyset_new(struct keyset **out, const uint8_t *zone, const struct sign_policy *policy,
		    const struct keyset_member *members, size_t n)
{
	return make(out, zone, policy, members, n, LACKS_NOTHING);
}

enum err keyset_new_entry(struct keyset **out, const uint8_t *zone,
			  const struct sign_policy *policy, const struct keyset_member *members,
			  size_t n)
{
	return make(out, zone, policy, members, n, LACKS_ZSK);
}

static enum err copy_sig(const struct sig *from, struct sig **out)
{
	if (from == NULL)
		return ERR_OK;
	*out = sig_new(from->wire_len);
	if (*out == NULL)
		return ERR_NOMEM;
	memcpy(*out, from, sizeof *from + from->wire_len);
	return ERR_OK;
}

enum err keyset_new_given(struct keyset **out, const uint8_t *zone,
			  const struct sign_policy *policy, const struct keyset_member *members,
			  size_t n, const struct sig *const given[KEYSET_GIVEN])
{
	struct keyset *s = NULL;
	enum err e = make(&s, zone, policy, members, n, LACKS_KSK);

	for (size_t i = 0; i < KEYSET_GIVEN && !e; i++)
		e = copy_sig(given[i], &s->given[i]);
	if (e) {
		keyset_free(s);
		return e;
	}
	s->ksk_id = identify(policy, s->ksk, s->ksk_n, s->given);
	*out = s;
	return ERR_OK;
}

const struct sig *keyset_given(const struct keyset *s, uint16_t type)
{
	static const uint16_t TYPES[KEYSET_GIVEN] = { TYPE_DNSKEY, TYPE_CDS, TYPE_CDNSKEY };

	for (size_t i = 0; i < KEYSET_GIVEN; i++)
		if (TYPES[i] == type)
			return s->given[i];
	return NULL;
}

struct keyset *keyset_ref(struct keyset *s)
{
	atomic_fetch_add_explicit(&((struct keyset_owned *)(void *)s)->refs, 1,
				  memory_order_relaxed);
	return s;
}

void keyset_free(struct keyset *s)
{
	struct keyset_owned *o = (struct keyset_owned *)(void *)s;

	if (s == NULL || atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (size_t i = 0; i < s->ksk_n; i++)
		key_free(s->ksk[i]);
	for (size_t i = 0; i < s->zsk_n; i++)
		key_free(s->zsk[i]);
	for (size_t i = 0; i < KEYSET_GIVEN; i++)
		sig_free(s->given[i]);
	free(o);
}
