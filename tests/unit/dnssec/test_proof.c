// SPDX-License-Identifier: Apache-2.0
/* Answers of others: signed by another implementation, and then spoilt. */
#include "check.h"

#include "dns/rrtype.h"
#include "dns/wire.h"
#include "dnssec/proof.h"
#include "dnssec/proof_messages.h"

static const uint8_t ZONE[] = "\7EXAMPLE";
static const uint8_t WILD_NAME[] = "\1x\1y\7example";
#define NOW     INT64_C(1768000000) /* January 2026 */
#define EARLIER INT64_C(1767000000)
#define LATER   INT64_C(1770000000)
#define END     INT64_C(1769904000) /* 2026-02-01 */

static struct proof proof;
static struct dnskey keys[2]; /* KSK, ZSK */

#define KSK UINT64_C(1)
#define ZSK UINT64_C(2)

static int read_keys(void **state)
{
	(void)state;
	return dnskey_from_rdata((struct span){ KSK_RDATA, sizeof KSK_RDATA }, &keys[0]) ||
	       dnskey_from_rdata((struct span){ ZSK_RDATA, sizeof ZSK_RDATA }, &keys[1]);
}

static enum proof_verdict judge_at(const uint8_t *answer, size_t n, const uint8_t *name,
				   uint16_t type, int64_t now)
{
	uint8_t *copy = exact_copy(answer, n);
	enum proof_verdict v = proof_read((struct span){ copy, n }, ZONE, name, type, &proof);

	free(copy);
	return v == PROOF_SECURE ? proof_check(&proof, keys, 2, now, NULL) : v;
}

#define JUDGE(answer, type) judge_at(answer, sizeof answer, ZONE, type, NOW)

static void an_rrset_that_is_signed_is_found_with_who_signed_it(void **state)
{
	(void)state;
	assert_int_equal(JUDGE(NS_ANSWER, TYPE_NS), PROOF_SECURE);
	const struct proof_rrset *ns = proof_find(&proof, ZONE, TYPE_NS);
	assert_non_null(ns);
	assert_int_equal(ns->n, 3);
	assert_int_equal(ns->signed_by, ZSK);
	assert_int_equal(ns->ttl, 3600);
	assert_int_equal(ns->expires_at, END);
	assert_true(proof_rdata(&proof, ns, 0).n > 0);

	assert_int_equal(JUDGE(SOA_ANSWER, TYPE_SOA), PROOF_SECURE);
	assert_int_equal(proof_find(&proof, ZONE, TYPE_SOA)->signed_by, KSK | ZSK);
	assert_int_equal(JUDGE(CDS_ANSWER, TYPE_CDS), PROOF_SECURE);
	assert_int_equal(proof_find(&proof, ZONE, TYPE_CDS)->signed_by, KSK);
	assert_int_equal(JUDGE(DNSKEY_ANSWER, TYPE_DNSKEY), PROOF_SECURE);
	assert_int_equal(proof_find(&proof, ZONE, TYPE_DNSKEY)->signed_by, KSK);
}

static void what_a_wildcard_gave_is_checked_under_its_name(void **state)
{
	(void)state;
	assert_int_equal(
	    judge_at(WILDCARD_ANSWER, sizeof WILDCARD_ANSWER, WILD_NAME, TYPE_TXT, NOW),
	    PROOF_SECURE);
	assert_non_null(proof_find(&proof, WILD_NAME, TYPE_TXT));
}

static void nsec_and_nsec3_of_the_apex_deny_what_is_not_in_them(void **state)
{
	(void)state;
	assert_int_equal(JUDGE(NO_CDS_NSEC_ANSWER, TYPE_CDS), PROOF_SECURE);
	assert_true(proof_denies(&proof, TYPE_CDS));
	assert_true(proof_denies(&proof, TYPE_CSYNC));
	assert_false(proof_denies(&proof, TYPE_NS));
	assert_false(proof_denies(&proof, TYPE_DNSKEY));
	assert_int_equal(JUDGE(NO_CDS_NSEC3_ANSWER, TYPE_CDS), PROOF_SECURE);
	assert_true(proof_denies(&proof, TYPE_CDS));
	assert_false(proof_denies(&proof, TYPE_NSEC3PARAM));
	assert_int_equal(proof_of_apex(&proof)->type, TYPE_NSEC3);
}

static void what_proves_nothing_denies_nothing(void **state)
{
	(void)state;
	assert_int_equal(JUDGE(NO_CDS_OTHER_NSEC_ANSWER, TYPE_CDS), PROOF_SECURE);
	assert_false(proof_denies(&proof, TYPE_CDS));
	assert_int_equal(JUDGE(NO_CDS_OTHER_NSEC3_ANSWER, TYPE_CDS), PROOF_SECURE);
	assert_false(proof_denies(&proof, TYPE_CDS));
	assert_int_equal(JUDGE(NO_CDS_SOA_ALONE_ANSWER, TYPE_CDS), PROOF_SECURE);
	assert_false(proof_denies(&proof, TYPE_CDS));
	assert_int_equal(JUDGE(NO_CDS_UNSIGNED_ANSWER, TYPE_CDS), PROOF_UNSIGNED);
	assert_false(proof_denies(&proof, TYPE_CDS));
}

static void times_are_held(void **state)
{
	(void)state;
	assert_int_equal(judge_at(NS_ANSWER, sizeof NS_ANSWER, ZONE, TYPE_NS, EARLIER), PROOF_TIME);
	assert_int_equal(judge_at(NS_ANSWER, sizeof NS_ANSWER, ZONE, TYPE_NS, LATER), PROOF_TIME);
	assert_null(proof_find(&proof, ZONE, TYPE_NS));
}

static void the_same_message_is_judged_under_other_keys(void **state)
{
	(void)state;
	assert_int_equal(JUDGE(NS_ANSWER, TYPE_NS), PROOF_SECURE);
	assert_int_equal(proof_check(&proof, keys, 1, NOW, NULL), PROOF_NO_KEY);
	assert_null(proof_find(&proof, ZONE, TYPE_NS));
	assert_int_equal(proof.fault->type, TYPE_NS);
	assert_int_equal(proof_check(&proof, keys + 1, 1, NOW, NULL), PROOF_SECURE);
	assert_int_equal(proof_find(&proof, ZONE, TYPE_NS)->signed_by, 1);
}

static const struct {
	const uint8_t *answer;
	size_t n;
	uint16_t type;
} ALL[] = {
	{ NS_ANSWER, sizeof NS_ANSWER, TYPE_NS },
	{ SOA_ANSWER, sizeof SOA_ANSWER, TYPE_SOA },
	{ NO_CDS_NSEC_ANSWER, sizeof NO_CDS_NSEC_ANSWER, TYPE_CDS },
	{ NO_CDS_NSEC3_ANSWER, sizeof NO_CDS_NSEC3_ANSWER, TYPE_CDS },
	{ CDS_ANSWER, sizeof CDS_ANSWER, TYPE_CDS },
};

/* Whatever octet changes: what is believed is what was signed. */
static void no_changed_octet_changes_what_is_believed(void **state)
{
	static struct proof original;

	(void)state;
	for (size_t i = 0; i < sizeof ALL / sizeof *ALL; i++) {
		size_t n = ALL[i].n;
		assert_int_equal(judge_at(ALL[i].answer, n, ZONE, ALL[i].type, NOW), PROOF_SECURE);
		original = proof;
		uint8_t *spoilt = exact_copy(ALL[i].answer, n);
		for (size_t at = 0; at < n; at++) {
			spoilt[at] ^= 0x21;
			enum proof_verdict v = judge_at(spoilt, n, ZONE, ALL[i].type, NOW);
			for (size_t s = 0; s < proof.rrset_n; s++) {
				const struct proof_rrset *now = &proof.rrset[s], *was;
				if (v != PROOF_SECURE || !now->judged)
					continue;
				was = NULL;
				for (size_t o = 0; o < original.rrset_n; o++)
					if (original.rrset[o].type == now->type)
						was = &original.rrset[o];
				assert_non_null(was);
				assert_memory_equal(now->owner, was->owner, name_len(was->owner));
				assert_int_equal(now->n, was->n);
				for (size_t k = 0; k < now->n; k++) {
					struct span a = proof_rdata(&proof, now, k);
					struct span b = { original.room +
							      (original.rdata[was->first + k].p -
							       original.room),
							  original.rdata[was->first + k].n };
					assert_int_equal(a.n, b.n);
				}
			}
			if (v != PROOF_SECURE)
				assert_false(proof_denies(&proof, TYPE_CDS));
			spoilt[at] ^= 0x21;
		}
		free(spoilt);
	}
}

static void an_answer_that_is_cut_off_anywhere_is_nothing(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof NO_CDS_NSEC_ANSWER; n++)
		assert_int_not_equal(judge_at(NO_CDS_NSEC_ANSWER, n, ZONE, TYPE_CDS, NOW),
				     PROOF_SECURE);
}

static void answers_that_say_nothing_have_their_verdicts(void **state)
{
	uint8_t m[sizeof NS_ANSWER];

	(void)state;
#define SPOIL(change, verdict)                                                                     \
	memcpy(m, NS_ANSWER, sizeof m);                                                            \
	change;                                                                                    \
	assert_int_equal(JUDGE(m, TYPE_NS), verdict)
	SPOIL(m[2] |= 0x02, PROOF_TRUNCATED);
	SPOIL(m[3] |= 0x02, PROOF_RCODE);
	SPOIL(m[2] &= 0x7f, PROOF_MALFORMED);
	SPOIL(m[2] &= 0xfb, PROOF_NOT_AUTHORITATIVE);
	SPOIL(m[7] = 0, PROOF_EMPTY);
	SPOIL(m[7] = 3, PROOF_UNSIGNED);
	SPOIL(m[7] = 9, PROOF_MALFORMED);
	SPOIL(m[5] = 0, PROOF_MALFORMED);
#undef SPOIL
	assert_int_equal(JUDGE(NS_ANSWER, TYPE_SOA), PROOF_MALFORMED);
}

static void a_good_signature_is_remembered_and_a_bad_one_is_not(void **state)
{
	struct verify_memo *memo;
	uint8_t m[sizeof NS_ANSWER];

	(void)state;
	assert_int_equal(verify_memo_new(&memo, 100), ERR_OK);
	assert_int_equal(JUDGE(NS_ANSWER, TYPE_NS), PROOF_SECURE);
	for (int i = 0; i < 3; i++)
		assert_int_equal(proof_check(&proof, keys, 2, NOW, memo), PROOF_SECURE);
	assert_int_equal(proof_check(&proof, keys, 2, LATER, memo), PROOF_TIME);
	memcpy(m, NS_ANSWER, sizeof m);
	m[sizeof m - 1] ^= 1; /* the signature's last octet */
	assert_int_equal(JUDGE(m, TYPE_NS), PROOF_BOGUS);
	for (int i = 0; i < 3; i++)
		assert_int_equal(proof_check(&proof, keys, 2, NOW, memo), PROOF_BOGUS);
	verify_memo_free(memo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_rrset_that_is_signed_is_found_with_who_signed_it),
		cmocka_unit_test(what_a_wildcard_gave_is_checked_under_its_name),
		cmocka_unit_test(nsec_and_nsec3_of_the_apex_deny_what_is_not_in_them),
		cmocka_unit_test(what_proves_nothing_denies_nothing),
		cmocka_unit_test(times_are_held),
		cmocka_unit_test(the_same_message_is_judged_under_other_keys),
		cmocka_unit_test(no_changed_octet_changes_what_is_believed),
		cmocka_unit_test(an_answer_that_is_cut_off_anywhere_is_nothing),
		cmocka_unit_test(answers_that_say_nothing_have_their_verdicts),
		cmocka_unit_test(a_good_signature_is_remembered_and_a_bad_one_is_not),
	};

	return cmocka_run_group_tests(tests, read_keys, NULL);
}
