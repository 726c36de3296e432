// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dns/name.h"
#include "dns/rrtype.h"
#include "dns/wire.h"
#include "dnssec/algorithm.h"
#include "dnssec/base64.h"
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

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static size_t der_of(const uint8_t *sig, size_t n, uint8_t *der)
{
	BIGNUM *r = BN_bin2bn(sig, (int)n / 2, NULL), *s = BN_bin2bn(sig + n / 2, (int)n / 2, NULL);
	ECDSA_SIG *pair = ECDSA_SIG_new();
	uint8_t *p = der;

	ECDSA_SIG_set0(pair, r, s);
	int len = i2d_ECDSA_SIG(pair, &p);
	ECDSA_SIG_free(pair);
	return (size_t)len;
}

/* Verifies with OpenSSL over bytes put together here: RRSIG RDATA without the signature, then the
 * RRset in canonical form (RFC 4034 §3.1.8.1). */
static bool verifies_in(const struct key *k, const uint8_t *rr, const uint8_t *canonical,
			size_t canonical_len)
{
	const struct algorithm *a = algorithm_info(key_dnskey(k)->algorithm);
	const uint8_t *rdata = rr + 10;
	size_t sig_len = key_signature_len(k);
	size_t n = load_u16(rr + 8), head = n - sig_len, len = head + canonical_len;
	uint8_t *data = malloc(len), der[112];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const uint8_t *sig = rdata + head;

	memcpy(data, rdata, head);
	memcpy(data + head, canonical, canonical_len);
	if (a->family == FAMILY_ECDSA) {
		sig_len = der_of(sig, sig_len, der);
		sig = der;
	}
	const EVP_MD *md = a->digest != NULL ? EVP_get_digestbyname(a->digest) : NULL;
	bool ok = EVP_DigestVerifyInit(ctx, NULL, md, NULL, key_pkey(k)) == 1 &&
		  EVP_DigestVerify(ctx, sig, sig_len, data, len) == 1;
	EVP_MD_CTX_free(ctx);
	free(data);
	return ok;
}

static bool verifies(const struct key *k, const struct sig *g, const uint8_t *canonical,
		     size_t canonical_len)
{
	return verifies_in(k, g->wire, canonical, canonical_len);
}

static void a_signature_verifies_over_the_canonical_form(void **state)
{
	static const uint8_t OWNER[] = "\3WwW\7eXample";
	/* Many for ECDSA, since r and s are sometimes short: they must still take all of their
	 * octets (RFC 6605 §4). */
	static const struct {
		uint8_t algorithm;
		int n;
	} ROWS[] = { { 8, 3 }, { 10, 3 }, { 13, 300 }, { 14, 300 }, { 15, 20 }, { 16, 20 } };
	/* owner lower-cased, then each record */
	uint8_t canonical[sizeof TWO_A + 2 * 13];
	static const uint8_t LOWER[] = "\3www\7example";

	(void)state;
	memcpy(canonical, LOWER, 13);
	memcpy(canonical + 13, TWO_A, 14);
	memcpy(canonical + 27, LOWER, 13);
	memcpy(canonical + 40, TWO_A + 14, 14);
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct fixture f = make(ROWS[i].algorithm);
		struct sign_input in = { OWNER, TYPE_A, 300, 2, { TWO_A, sizeof TWO_A } };
		struct sig *g = NULL;
		for (int n = 0; n < ROWS[i].n; n++) {
			assert_int_equal(signer_sign(f.signer, f.keys, &in, NOW + n, &g), ERR_OK);
			assert_true(verifies(f.zsk, g, canonical, sizeof canonical));
			assert_false(verifies(f.ksk, g, canonical, sizeof canonical));
			sig_free(g);
		}
		end(&f);
	}
}

/* RFC 8080 §6: keys, and the signatures that they must give. */
static void signatures_are_those_of_rfc_8080(void **state)
{
	static const struct {
		const char *says, *file, *dnskey, *private;
		const char *signature;
	} ROWS[] = {
		{ "Ed25519, §6.1", "15 (ED25519)",
		  "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
		  "ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=",
		  "oL9krJun7xfBOIWcGHi7mag5/"
		  "hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqN"
		  "Ag==" },
		{ "Ed448, §6.2", "16 (ED448)",
		  "257 3 16 "
		  "3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDp"
		  "JtIA",
		  "xZ+5Cgm463xugtkY5B0Jx6erFTXp13rYegst0qRtNsOYnaVpMx0Z/c5EiA9x8wWbDDct/U3FhYWA",
		  "3cPAHkmlnxcDHMyg7vFC34l0blBhuG1qpwLmjInI8w1CMB29FkEAIJUA0amxWndkmnBZ6SKiwZSAxGIL"
		  "n/NB"
		  "tOXft0+Gj7FSvOKxE/07+4RQvE581N3Aj/JtIyaiYVdnYtyMWbSNyGEY2213WKsJlwEA" },
	};
	static const uint8_t OWNER[] = "\7example\3com";
	static const uint8_t RR[] =
	    "\0\17\0\1\0\0\16\20\0\24\0\12\4mail\7example\3com"; /* MX 10, TTL 3600 */
	static const struct sign_policy TIMES = { .validity_s = 1440021600 - 1438207200 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char dir[] = "/tmp/concord-test-XXXXXX", path[64], public[64], text[500];
		struct diag d = { 0 };
		struct key *k = NULL;
		struct keyset *keys = NULL;
		struct signer *signer = NULL;
		struct sig *g = NULL;
		uint8_t want[114];
		size_t n = 0;
		assert_non_null(mkdtemp(dir));
		snprintf(path, sizeof path, "%s/K.private", dir);
		snprintf(public, sizeof public, "%s/K.key", dir);
		snprintf(text, sizeof text,
			 "Private-key-format: v1.2\nAlgorithm: %s\nPrivateKey: %s\n", ROWS[i].file,
			 ROWS[i].private);
		write_file(path, text);
		snprintf(text, sizeof text, "example.com. 3600 IN DNSKEY %s\n", ROWS[i].dnskey);
		write_file(public, text);
		assert_int_equal(key_read(&k, path, OWNER, NULL, &d), ERR_OK);
		struct keyset_member member = { k, KEY_CSK, true };
		assert_int_equal(keyset_new(&keys, OWNER, &TIMES, &member, 1), ERR_OK);
		assert_int_equal(signer_new(&signer), ERR_OK);
		struct sign_input in = { OWNER, TYPE_MX, 3600, 1, { RR, sizeof RR } };
		assert_int_equal(signer_sign(signer, keys, &in, 1438207200, &g), ERR_OK);
		assert_true(base64_decode(ROWS[i].signature, strlen(ROWS[i].signature), want,
					  sizeof want, &n));
		assert_int_equal(n, key_signature_len(k));
		assert_memory_equal(g->wire + g->wire_len - n, want, n);
		sig_free(g);
		signer_free(signer);
		keyset_free(keys);
		key_free(k);
		diag_free(&d);
		unlink(path);
		unlink(public);
		rmdir(dir);
	}
}

/* RFC 4035 §2.2: each algorithm of the DNSKEY set signs everything. */
static void keys_of_several_algorithms_all_sign(void **state)
{
	static const uint8_t ALGORITHMS[] = { 8, 13, 15 };
	static const uint16_t TYPES[] = { TYPE_A, TYPE_DNSKEY };
	struct key *keys[6];
	struct keyset_member members[6];
	struct keyset *set = NULL;
	struct signer *signer = NULL;
	uint8_t rr[sizeof TWO_A], form[sizeof TWO_A + 2 * 9];

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		enum key_role role = i < 3 ? KEY_KSK : KEY_ZSK;
		assert_int_equal(key_generate(&keys[i], ALGORITHMS[i % 3], role, NULL, 0), ERR_OK);
		members[i] = (struct keyset_member){ keys[i], role, true };
	}
	assert_int_equal(keyset_new(&set, ZONE, &POLICY, members, 6), ERR_OK);
	assert_int_equal(signer_new(&signer), ERR_OK);
	for (size_t t = 0; t < 2; t++) {
		memcpy(rr, TWO_A, sizeof rr);
		store_u16(rr, TYPES[t]);
		store_u16(rr + 14, TYPES[t]);
		for (size_t i = 0; i < 2; i++) {
			memcpy(form + 23 * i, "\7example", 9);
			memcpy(form + 23 * i + 9, rr + 14 * i, 14);
		}
		struct sign_input in = { ZONE, TYPES[t], 300, 2, { rr, sizeof rr } };
		struct sig *g = NULL;
		assert_int_equal(signer_sign(signer, set, &in, NOW, &g), ERR_OK);
		assert_int_equal(g->rr_n, 3);
		const uint8_t *at = g->wire;
		for (size_t i = 0; i < 3; i++) {
			const struct key *k = keys[t == 0 ? i + 3 : i];
			assert_int_equal(at[12], ALGORITHMS[i]);
			assert_true(verifies_in(k, at, form, sizeof form));
			at += 10 + load_u16(at + 8);
		}
		assert_ptr_equal(at, g->wire + g->wire_len);
		sig_free(g);
	}
	signer_free(signer);
	keyset_free(set);
	for (size_t i = 0; i < 6; i++)
		key_free(keys[i]);
}

/* Times are taken from a grid that belongs to the RRset: who signs it when makes no difference. */
static void the_same_rrset_is_signed_alike_within_a_quantum(void **state)
{
	static const uint8_t ALGORITHMS[] = { 8, 15, 16 };
	static const uint8_t OTHER[] = "\3www\7example";

	(void)state;
	for (size_t i = 0; i < sizeof ALGORITHMS; i++) {
		struct fixture f = make(ALGORITHMS[i]);
		struct signer *other_worker = NULL;
		struct sign_input in = { ZONE, TYPE_A, 300, 2, { TWO_A, sizeof TWO_A } };
		struct sig *g = NULL, *again = NULL, *later = NULL;
		assert_int_equal(signer_new(&other_worker), ERR_OK);
		assert_int_equal(signer_sign(f.signer, f.keys, &in, NOW, &g), ERR_OK);
		/* the quantum in which NOW lies: from inception + offset, POLICY.jitter_s long */
		int64_t start = g->inception + 3600;
		assert_in_range(NOW - start, 0, 3599);
		assert_int_equal(signer_sign(other_worker, f.keys, &in, start + 3599, &again),
				 ERR_OK);
		assert_int_equal(again->wire_len, g->wire_len);
		assert_memory_equal(again->wire, g->wire, g->wire_len);
		assert_int_equal(signer_sign(other_worker, f.keys, &in, start + 3600, &later),
				 ERR_OK);
		assert_int_equal(later->inception, g->inception + 3600);
		sig_free(again);
		in.owner = OTHER; /* another RRset has another grid: renewals are spread */
		assert_int_equal(signer_sign(f.signer, f.keys, &in, NOW, &again), ERR_OK);
		assert_true((again->inception - g->inception) % 3600 != 0);
		sig_free(g);
		sig_free(again);
		sig_free(later);
		signer_free(other_worker);
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
		assert_in_range(load_u32(r + 12), NOW - 7199, NOW - 3600);
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

/* Signed together, of several keysets and algorithms, each is what it would be alone. */
static void signatures_made_together_verify_as_those_made_alone(void **state)
{
	static const uint8_t ALGORITHMS[] = { 13, 15, 13, 14 };
	static const uint8_t OWNER[] = "\3www\7example";
	enum { N = 70 };
	struct fixture f[4];
	struct sign_job job[N];
	struct sign_input in = { OWNER, TYPE_A, 300, 2, { TWO_A, sizeof TWO_A } };
	uint8_t canonical[sizeof TWO_A + 2 * 13];

	(void)state;
	memcpy(canonical, OWNER, 13);
	memcpy(canonical + 13, TWO_A, 14);
	memcpy(canonical + 27, OWNER, 13);
	memcpy(canonical + 40, TWO_A + 14, 14);
	for (int i = 0; i < 4; i++)
		f[i] = make(ALGORITHMS[i]);
	for (int n = 1; n <= N; n += 23) {
		for (int i = 0; i < n; i++) {
			size_t room = signer_wire_len(f[i % 4].keys, TYPE_A);
			job[i] = (struct sign_job){ .out = sig_new(room), .room = room };
			signer_add(f[0].signer, f[i % 4].keys, &in, NOW + i, &job[i]);
		}
		struct sign_job small = { .out = sig_new(10), .room = 10 };
		signer_add(f[0].signer, f[0].keys, &in, NOW, &small);
		assert_int_equal(small.err, ERR_TOO_LONG);
		sig_free(small.out);
		signer_finish(f[0].signer);
		for (int i = 0; i < n; i++) {
			assert_int_equal(job[i].err, ERR_OK);
			assert_int_equal(job[i].out->wire_len, job[i].room);
			assert_true(
			    verifies(f[i % 4].zsk, job[i].out, canonical, sizeof canonical));
			sig_free(job[i].out);
		}
	}
	for (int i = 3; i >= 0; i--)
		end(&f[i]);
}

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
	int64_t inception = g->inception, refresh = g->refresh_at, expire = g->expire_at;
	uint64_t id = keyset_id(f.keys, TYPE_A);
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
		{ "the clock went back before its inception", id, inception - 1, SIG_MISS },
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

static void a_claim_ahead_of_questions_gives_way_to_one_that_is_waited_for(void **state)
{
	struct fixture f = make(ALG_ED25519);
	struct sigcache *c = NULL;
	enum sig_state s;

	(void)state;
	assert_int_equal(sigcache_new(&c), ERR_OK);
	assert_int_equal(sigcache_reserve(c, 4), ERR_OK);
	assert_true(sigcache_claim_idly(c, 3));
	assert_false(sigcache_claim_idly(c, 3));
	assert_true(sigcache_claim(c, 3)); /* taken over */
	assert_false(sigcache_claim(c, 3));
	assert_false(sigcache_claim_idly(c, 3));
	/* Who was too slow gives back what is no longer his: the other's claim stands. */
	sigcache_publish_idly(c, 3, made_by(&f, NOW));
	assert_false(sigcache_claim(c, 3));
	sigcache_release_idly(c, 3);
	assert_false(sigcache_claim_idly(c, 3));
	sigcache_publish(c, 3, made_by(&f, NOW));
	assert_non_null(sigcache_get(c, 3, f.keys->zsk_id, NOW, &s));
	assert_true(sigcache_claim_idly(c, 3));
	sigcache_release_idly(c, 3);
	assert_true(sigcache_claim(c, 3));
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
	assert_true(again->ksk_id == f.keys->ksk_id && again->zsk_id == f.keys->zsk_id);
	struct sign_policy longer = POLICY;
	longer.validity_s++;
	assert_int_equal(keyset_new(&other, ZONE, &longer, both, 2), ERR_OK);
	assert_true(other->ksk_id != f.keys->ksk_id && other->zsk_id != f.keys->zsk_id);
	assert_true(s->ksk_id == f.keys->ksk_id && s->zsk_id != f.keys->zsk_id);
	keyset_free(s);
	keyset_free(again);
	keyset_free(other);
	end(&f);
}

static void a_roll_of_one_duty_leaves_the_signatures_of_the_other(void **state)
{
	struct fixture f = make(ALG_ED25519);
	struct key *second = NULL;
	struct keyset *ksks = NULL, *zsks = NULL;

	(void)state;
	assert_int_equal(key_generate(&second, ALG_ED25519, KEY_KSK, NULL, 0), ERR_OK);
	struct keyset_member two_ksk[] = { { f.ksk, KEY_KSK, true },
					   { f.zsk, KEY_ZSK, true },
					   { second, KEY_KSK, true } };
	struct keyset_member two_zsk[] = { { f.ksk, KEY_KSK, true },
					   { f.zsk, KEY_ZSK, true },
					   { second, KEY_ZSK, true } };
	assert_int_equal(keyset_new(&ksks, ZONE, &POLICY, two_ksk, 3), ERR_OK);
	assert_int_equal(keyset_new(&zsks, ZONE, &POLICY, two_zsk, 3), ERR_OK);
	const uint16_t OF_ZSK[] = { TYPE_A, TYPE_SOA, TYPE_NSEC, TYPE_DS };
	const uint16_t OF_KSK[] = { TYPE_DNSKEY, TYPE_CDS, TYPE_CDNSKEY };
	for (size_t i = 0; i < sizeof OF_ZSK / sizeof *OF_ZSK; i++) {
		assert_true(keyset_id(ksks, OF_ZSK[i]) == keyset_id(f.keys, OF_ZSK[i]));
		assert_true(keyset_id(zsks, OF_ZSK[i]) != keyset_id(f.keys, OF_ZSK[i]));
	}
	for (size_t i = 0; i < sizeof OF_KSK / sizeof *OF_KSK; i++) {
		assert_true(keyset_id(ksks, OF_KSK[i]) != keyset_id(f.keys, OF_KSK[i]));
		assert_true(keyset_id(zsks, OF_KSK[i]) == keyset_id(f.keys, OF_KSK[i]));
	}
	keyset_free(ksks);
	keyset_free(zsks);
	key_free(second);
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
		cmocka_unit_test(signatures_made_together_verify_as_those_made_alone),
		cmocka_unit_test(a_signature_verifies_over_the_canonical_form),
		cmocka_unit_test(signatures_are_those_of_rfc_8080),
		cmocka_unit_test(keys_of_several_algorithms_all_sign),
		cmocka_unit_test(the_same_rrset_is_signed_alike_within_a_quantum),
		cmocka_unit_test(rrsig_fields_are_what_the_rfc_says),
		cmocka_unit_test(names_in_rdata_are_lower_cased_where_the_type_asks_for_it),
		cmocka_unit_test(only_the_key_signing_key_signs_key_records),
		cmocka_unit_test(the_cache_gives_only_what_is_valid_now),
		cmocka_unit_test(a_claim_is_won_once),
		cmocka_unit_test(a_claim_ahead_of_questions_gives_way_to_one_that_is_waited_for),
		cmocka_unit_test(a_keyset_needs_both_duties_and_knows_itself),
		cmocka_unit_test(a_roll_of_one_duty_leaves_the_signatures_of_the_other),
	};

	return cmocka_run_group_tests(tests, start_rcu, end_rcu);
}
