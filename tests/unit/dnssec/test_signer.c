// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "dns/name.h"
#include "dns/rrtype.h"
#include "dns/wire.h"
#include "dnssec/algorithm.h"
#include "dnssec/sigcache.h"

static const uint8_t ZONE[] = "\7EXAMPLE";
static const struct sign_policy POLICY = {
	.validity_s = 1209600, .refresh_s = 604800, .inception_offset_s = 3600, .jitter_s = 3600
};

#define NOW 1800000000

/* A, TTL 300: two records in canonical order. */
static const uint8_t TWO_A[] = { 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1,
				 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 2 };
/* MX with capitals in its name: canonical form lower-cases it (RFC 4034 §6.2). */
static const uint8_t MX[] = "\0\17\0\1\0\0\1\54\0\14\0\12\4MAIL\3EXA";

struct fixture {
	struct key *ksk, *zsk;
	struct keyset *keys;
	struct signer *signer;
};

static struct fixture make(uint8_t algorithm)
{
	struct fixture f = { 0 };

	assert_int_equal(key_generate(&f.ksk, algorithm, KEY_KSK, NULL, 0), ERR_OK);
	assert_int_equal(key_generate(&f.zsk, algorithm, KEY_ZSK, NULL, 0), ERR_OK);
	struct keyset_member members[] = { { f.ksk, KEY_KSK, true }, { f.zsk, KEY_ZSK, true } };
	assert_int_equal(keyset_new(&f.keys, ZONE, &POLICY, members, 2), ERR_OK);
	assert_int_equal(signer_new(&f.signer), ERR_OK);
	return f;
}

static void end(struct fixture *f)
{
	signer_free(f->signer);
	keyset_free(f->keys);
	key_free(f->ksk);
	key_free(f->zsk);
}

/* Verifies with OpenSSL over bytes put together here: RRSIG RDATA without the signature, then the
 * RRset in canonical form (RFC 4034 §3.1.8.1). */
static bool verifies(const struct key *k, const struct sig *g, const uint8_t *canonical,
		     size_t canonical_len)
{
	const uint8_t *rdata = g->wire + 10;
	size_t n = load_u16(g->wire + 8), head = n - 64, len = head + canonical_len;
	uint8_t *data = malloc(len), der[72];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool eddsa = key_dnskey(k)->algorithm == ALG_ED25519;
	size_t sig_len = 64;
	const uint8_t *sig = rdata + head;

	memcpy(data, rdata, head);
	memcpy(data + head, canonical, canonical_len);
	if (!eddsa) {
		BIGNUM *r = BN_bin2bn(sig, 32, NULL), *s = BN_bin2bn(sig + 32, 32, NULL);
		ECDSA_SIG *pair = ECDSA_SIG_new();
		uint8_t *p = der;
		ECDSA_SIG_set0(pair, r, s);
		sig_len = (size_t)i2d_ECDSA_SIG(pair, &p);
		sig = der;
		ECDSA_SIG_free(pair);
	}
	bool ok =
	    EVP_DigestVerifyInit(ctx, NULL, eddsa ? NULL : EVP_sha256(), NULL, key_pkey(k)) == 1 &&
	    EVP_DigestVerify(ctx, sig, sig_len, data, len) == 1;
	EVP_MD_CTX_free(ctx);
	free(data);
	return ok;
}

static void a_signature_verifies_over_the_canonical_form(void **state)
{
	static const uint8_t OWNER[] = "\3WwW\7eXample";
	/* owner lower-cased, then each record */
	uint8_t canonical[sizeof TWO_A + 2 * 13];
	static const uint8_t LOWER[] = "\3www\7example";

	(void)state;
	memcpy(canonical, LOWER, 13);
	memcpy(canonical + 13, TWO_A, 14);
	memcpy(canonical + 27, LOWER, 13);
	memcpy(canonical + 40, TWO_A + 14, 14);
	for (int i = 0; i < 2; i++) {
		struct fixture f = make(i == 0 ? ALG_ECDSAP256SHA256 : ALG_ED25519);
		struct sign_input in = { OWNER, TYPE_A, 300, 2, { TWO_A, sizeof TWO_A } };
		struct sig *g = NULL;
		/* Many, since r and s are sometimes short: they must still take 32 octets each (RFC
		 * 6605 §4). */
		for (int n = 0; n < 300; n++) {
			assert_int_equal(signer_sign(f.signer, f.keys, &in, NOW + n, &g), ERR_OK);
			assert_true(verifies(f.zsk, g, canonical, sizeof canonical));
			assert_false(verifies(f.ksk, g, canonical, sizeof canonical));
			sig_free(g);
		}
		end(&f);
	}
}

static void rrsig_fields_are_what_the_rfc_says(void **state)
{
	static const struct {
		const char *says;
		uint8_t owner[24];
		uint8_t labels;
	} ROWS[] = {
		{ "labels without the root (RFC 4034 §3.1.3)", "\3www\7example", 2 },
		{ "labels without the asterisk (RFC 4034 §3.1.3)", "\1*\3sub\7example", 2 },
		{ "an asterisk in the middle counts (RFC 4592 §2.1.1)", "\1a\1*\7example", 3 },
	};
	struct fixture f = make(ALG_ECDSAP256SHA256);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct sign_input in = { ROWS[i].owner, TYPE_A, 300, 2, { TWO_A, sizeof TWO_A } };
		struct sig *g = NULL;
		assert_int_equal(signer_sign(f.signer, f.keys, &in, NOW, &g), ERR_OK);
		const uint8_t *r = g->wire;
		assert_int_equal(load_u16(r), TYPE_RRSIG);
		assert_int_equal(load_u32(r + 4), 300);
		r += 10;
		assert_int_equal(load_u16(r), TYPE_A);
		assert_int_equal(r[2], 13);
		assert_int_equal(r[3], ROWS[i].labels);
		assert_int_equal(load_u32(r + 4), 300);
		assert_int_equal(load_u32(r + 8), g->expire_at);
		assert_int_equal(load_u32(r + 12), NOW - 3600);
		assert_int_equal(load_u16(r + 16), key_dnskey(f.zsk)->tag);
		assert_memory_equal(r + 18, "\7example", 9);
		assert_in_range(g->expire_at, NOW + 1209600 - 3600, NOW + 1209600);
		assert_int_equal(g->refresh_at, g->expire_at - 604800);
		sig_free(g);
	}
	end(&f);
}

static void names_in_rdata_are_lower_cased_where_the_type_asks_for_it(void **state)
{
	static const uint8_t OWNER[] = "\7example";
	struct fixture f = make(ALG_ED25519);
	struct sign_input in = { OWNER, TYPE_MX, 300, 1, { MX, sizeof MX } };
	struct sig *g = NULL;
	uint8_t form[9 + sizeof MX];

	(void)state;
	memcpy(form, OWNER, 9);
	memcpy(form + 9, MX, sizeof MX);
	memcpy(form + 9 + 12, "\4mail\3exa", 9);
	assert_int_equal(signer_sign(f.signer, f.keys, &in, NOW, &g), ERR_OK);
	assert_true(verifies(f.zsk, g, form, sizeof form));
	sig_free(g);
	end(&f);
}

static void only_the_key_signing_key_signs_key_records(void **state)
{
	static const uint16_t TYPES[] = { TYPE_DNSKEY, TYPE_CDS, TYPE_CDNSKEY, TYPE_SOA,
					  TYPE_NSEC };
	struct fixture f = make(ALG_ECDSAP256SHA256);
	uint8_t rr[] = { 0, 0, 0, 1, 0, 0, 1, 44, 0, 4, 1, 2, 3, 4 };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		store_u16(rr, TYPES[i]);
		struct sign_input in = { ZONE, TYPES[i], 300, 1, { rr, sizeof rr } };
		struct sig *g = NULL;
		assert_int_equal(signer_sign(f.signer, f.keys, &in, NOW, &g), ERR_OK);
		assert_int_equal(g->rr_n, 1);
		assert_int_equal(load_u16(g->wire + 26), key_dnskey(i < 3 ? f.ksk : f.zsk)->tag);
		sig_free(g);
	}
	end(&f);
}

/* ---- the cache ---- */

static struct sig *made_by(const struct fixture *f, int64_t now)
{
	struct sign_input in = { ZONE, TYPE_A, 300, 2, { TWO_A, sizeof TWO_A } };
	struct sig *g = NULL;

	assert_int_equal(signer_sign(f->signer, f->keys, &in, now, &g), ERR_OK);
	return g;
}

static void the_cache_gives_only_what_is_valid_now(void **state)
{
	struct fixture f = make(ALG_ED25519);
	struct sigcache *c = NULL;
	enum sig_state s;

	(void)state;
	assert_int_equal(sigcache_new(&c), ERR_OK);
	assert_int_equal(sigcache_reserve(c, 10), ERR_OK);
	struct sig *g = made_by(&f, NOW);
	int64_t refresh = g->refresh_at, expire = g->expire_at;
	uint64_t id = f.keys->id;
	assert_null(sigcache_get(c, 5, id, NOW, &s));
	sigcache_publish(c, 5, g);
	const struct {
		const char *says;
		uint64_t keyset;
		int64_t now;
		enum sig_state want;
	} ROWS[] = {
		{ "fresh", id, NOW, SIG_FRESH },
		{ "due for renewal", id, refresh, SIG_DUE },
		{ "nearly expired is a miss", id, expire - SIG_MIN_LEFT_S, SIG_MISS },
		{ "still valid just before", id, expire - SIG_MIN_LEFT_S - 1, SIG_DUE },
		{ "long expired", id, expire + 1000000, SIG_MISS },
		{ "the clock went back before its inception", id, NOW - 3601, SIG_MISS },
		{ "made by other keys", id + 1, NOW, SIG_MISS },
	};
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		const struct sig *got = sigcache_get(c, 5, ROWS[i].keyset, ROWS[i].now, &s);
		assert_int_equal(s, ROWS[i].want);
		assert_int_equal(got == NULL, ROWS[i].want == SIG_MISS);
	}
	assert_null(sigcache_get(c, 1u << 29, id, NOW, &s));
	assert_int_equal(sigcache_usage(c).signatures, 1);
	sigcache_free(c);
	end(&f);
}

static void a_claim_is_won_once(void **state)
{
	struct fixture f = make(ALG_ED25519);
	struct sigcache *c = NULL;

	(void)state;
	assert_int_equal(sigcache_new(&c), ERR_OK);
	assert_false(sigcache_claim(c, 3)); /* no room is reserved */
	assert_int_equal(sigcache_reserve(c, 4), ERR_OK);
	assert_true(sigcache_claim(c, 3));
	assert_false(sigcache_claim(c, 3));
	sigcache_release(c, 3);
	assert_true(sigcache_claim(c, 3));
	sigcache_publish(c, 3, made_by(&f, NOW));
	assert_true(sigcache_claim(c, 3)); /* publishing gave it back */
	sigcache_free(c);
	end(&f);
}

static void a_keyset_needs_both_duties_and_knows_itself(void **state)
{
	struct fixture f = make(ALG_ED25519);
	struct keyset *s = NULL, *again = NULL, *other = NULL;
	struct keyset_member ksk_only[] = { { f.ksk, KEY_KSK, true }, { f.zsk, KEY_ZSK, false } };
	struct keyset_member both[] = { { f.ksk, KEY_KSK, true }, { f.zsk, KEY_ZSK, true } };
	struct keyset_member csk[] = { { f.ksk, KEY_CSK, true } };

	(void)state;
	assert_int_equal(keyset_new(&s, ZONE, &POLICY, ksk_only, 2), ERR_NOKEY);
	assert_int_equal(keyset_new(&s, ZONE, &POLICY, csk, 1), ERR_OK);
	assert_int_equal(s->ksk_n + s->zsk_n, 2);
	assert_int_equal(keyset_new(&again, ZONE, &POLICY, both, 2), ERR_OK);
	assert_true(again->id == f.keys->id);
	struct sign_policy longer = POLICY;
	longer.validity_s++;
	assert_int_equal(keyset_new(&other, ZONE, &longer, both, 2), ERR_OK);
	assert_true(other->id != f.keys->id && s->id != f.keys->id);
	keyset_free(s);
	keyset_free(again);
	keyset_free(other);
	end(&f);
}

static int start_rcu(void **state)
{
	(void)state;
	rcu_thread_register();
	return 0;
}

static int end_rcu(void **state)
{
	(void)state;
	rcu_drain();
	rcu_thread_unregister();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_verifies_over_the_canonical_form),
		cmocka_unit_test(rrsig_fields_are_what_the_rfc_says),
		cmocka_unit_test(names_in_rdata_are_lower_cased_where_the_type_asks_for_it),
		cmocka_unit_test(only_the_key_signing_key_signs_key_records),
		cmocka_unit_test(the_cache_gives_only_what_is_valid_now),
		cmocka_unit_test(a_claim_is_won_once),
		cmocka_unit_test(a_keyset_needs_both_duties_and_knows_itself),
	};

	return cmocka_run_group_tests(tests, start_rcu, end_rcu);
}
