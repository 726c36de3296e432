// SPDX-License-Identifier: Apache-2.0
/* Answers of others: signed by another implementation, and then spoilt in every way. */
#include "check.h"

#include <stdio.h>

#include "dns/wire.h"
#include "dnssec/validate.h"
#include "dnssec/validate_messages.h"

static const uint8_t ZONE[] = "\7EXAMPLE";
#define NOW          INT64_C(1768000000) /* January 2026 */
#define EARLIER      INT64_C(1767000000)
#define LATER        INT64_C(1770000000)
#define QUESTION_END 25 /* header, "example." DNSKEY IN */

static struct validated result;

static enum validation judge_at(const uint8_t *answer, size_t n, const uint8_t *ds, size_t ds_n,
				int64_t now)
{
	uint8_t *copy = exact_copy(answer, n);
	struct span one = { ds, ds_n };
	enum validation v =
	    validate_dnskeys((struct span){ copy, n }, ZONE, &one, ds_n > 0, now, NULL, &result);

	free(copy);
	return v;
}

static enum validation judge(size_t row, const uint8_t *answer, size_t n)
{
	return judge_at(answer, n, MESSAGES[row].ds, MESSAGES[row].ds_len, NOW);
}

static void an_answer_that_another_implementation_signed_is_secure(void **state)
{
	(void)state;
	for (size_t i = 0; i < MESSAGES_N; i++) {
		assert_int_equal(judge(i, MESSAGES[i].answer, MESSAGES[i].answer_len),
				 VALIDATION_SECURE);
		assert_int_equal(result.n, 2);
		assert_int_equal(result.ttl, 3600);
		assert_int_equal(result.entry_tag, load_u16(MESSAGES[i].ds));
		assert_int_equal(result.expires_at, 1769904000); /* 2026-02-01 */
	}
}

static void times_are_held(void **state)
{
	(void)state;
	for (size_t i = 0; i < MESSAGES_N; i++) {
		assert_int_equal(judge_at(MESSAGES[i].answer, MESSAGES[i].answer_len,
					  MESSAGES[i].ds, MESSAGES[i].ds_len, EARLIER),
				 VALIDATION_TIME);
		assert_int_equal(judge_at(MESSAGES[i].answer, MESSAGES[i].answer_len,
					  MESSAGES[i].ds, MESSAGES[i].ds_len, LATER),
				 VALIDATION_TIME);
		assert_int_equal(result.n, 0);
	}
}

/* Whatever octet changes: what is believed is what was signed. */
static void no_changed_octet_changes_what_is_believed(void **state)
{
	static struct validated original;

	(void)state;
	for (size_t i = 0; i < MESSAGES_N; i++) {
		size_t n = MESSAGES[i].answer_len;
		judge(i, MESSAGES[i].answer, n);
		original = result;
		uint8_t *spoilt = exact_copy(MESSAGES[i].answer, n);
		for (size_t at = 0; at < n; at += i == 4 ? 3 : 1) {
			spoilt[at] ^= 0x21;
			if (judge(i, spoilt, n) == VALIDATION_SECURE) {
				assert_int_equal(result.n, original.n);
				assert_memory_equal(result.keys, original.keys, sizeof result.keys);
				assert_true(result.ttl <= original.ttl);
			} else {
				assert_int_equal(result.n, 0);
			}
			spoilt[at] ^= 0x21;
		}
		free(spoilt);
	}
}

static void an_answer_that_is_cut_off_anywhere_is_nothing(void **state)
{
	(void)state;
	for (size_t n = 0; n < MESSAGES[1].answer_len; n++)
		assert_int_not_equal(judge(1, MESSAGES[1].answer, n), VALIDATION_SECURE);
}

static void another_ds_does_not_lead_to_it(void **state)
{
	uint8_t ds[64];

	(void)state;
	for (size_t at = 0; at < MESSAGES[1].ds_len; at++) {
		memcpy(ds, MESSAGES[1].ds, MESSAGES[1].ds_len);
		ds[at] ^= 1;
		enum validation v = judge_at(MESSAGES[1].answer, MESSAGES[1].answer_len, ds,
					     MESSAGES[1].ds_len, NOW);
		assert_int_equal(v, at == 3 ? VALIDATION_NO_DS : VALIDATION_NO_ENTRY);
	}
	assert_int_equal(judge_at(MESSAGES[1].answer, MESSAGES[1].answer_len, ds, 0, NOW),
			 VALIDATION_NO_DS);
	assert_int_equal(judge_at(MESSAGES[1].answer, MESSAGES[1].answer_len, MESSAGES[3].ds,
				  MESSAGES[3].ds_len, NOW),
			 VALIDATION_NO_ENTRY);
}

static void answers_that_say_nothing_have_their_verdicts(void **state)
{
	uint8_t m[1024];
	size_t n = MESSAGES[1].answer_len;

	(void)state;
#define SPOIL(change, verdict)                                                                     \
	memcpy(m, MESSAGES[1].answer, n);                                                          \
	change;                                                                                    \
	assert_int_equal(judge(1, m, n), verdict)
	SPOIL(m[2] |= 0x02, VALIDATION_TRUNCATED);
	SPOIL(m[3] |= 0x02, VALIDATION_RCODE);
	SPOIL(m[2] &= 0x7f, VALIDATION_MALFORMED);
	SPOIL(m[7] = 0, VALIDATION_EMPTY);
	SPOIL(m[7] = 2, VALIDATION_UNSIGNED);
	SPOIL(m[7] = 1, VALIDATION_UNSIGNED);
	SPOIL(m[7] = 9, VALIDATION_MALFORMED);
	SPOIL(m[5] = 0, VALIDATION_MALFORMED);
	SPOIL(m[QUESTION_END - 3] = 1, VALIDATION_MALFORMED); /* an answer to another question */
#undef SPOIL
}

/* Key tags that collide make a validator try (CVE-2023-50387). */
static void many_signatures_of_the_same_tag_are_not_all_tried(void **state)
{
	const uint8_t *from = MESSAGES[1].answer;
	size_t n = MESSAGES[1].answer_len, sig_len = 0, at = QUESTION_END, sig_at = 0;

	(void)state;
	for (int i = 0; i < 3; i++) { /* each owner is a pointer: 2 octets */
		sig_at = at;
		sig_len = 12u + load_u16(from + at + 10);
		at += sig_len;
	}
	assert_true(at <= n);
	uint8_t *m = malloc(at + 40 * sig_len);
	memcpy(m, from, at);
	for (int i = 0; i < 40; i++) {
		memcpy(m + sig_at + (size_t)i * sig_len, from + sig_at, sig_len);
		m[sig_at + (size_t)(i + 1) * sig_len - 1] ^= 0x55; /* bogus */
	}
	m[7] = 2 + 40;
	assert_int_equal(judge(1, m, sig_at + 40 * sig_len), VALIDATION_TOO_MANY);
	m[7] = 2 + 3;
	assert_int_equal(judge(1, m, sig_at + 3 * sig_len), VALIDATION_BOGUS);
	free(m);
}

static void more_keys_than_we_allow_are_refused(void **state)
{
	const uint8_t *from = MESSAGES[3].answer;
	size_t len = 12u + load_u16(from + QUESTION_END + 10);
	uint8_t *m = malloc(QUESTION_END + (VALIDATE_KEYS_MAX + 1) * len);

	(void)state;
	memcpy(m, from, QUESTION_END);
	for (size_t i = 0; i <= VALIDATE_KEYS_MAX; i++)
		memcpy(m + QUESTION_END + i * len, from + QUESTION_END, len);
	store_u16(m + 6, VALIDATE_KEYS_MAX + 1);
	store_u16(m + 10, 0);
	assert_int_equal(judge(3, m, QUESTION_END + (VALIDATE_KEYS_MAX + 1) * len),
			 VALIDATION_TOO_MANY);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_that_another_implementation_signed_is_secure),
		cmocka_unit_test(times_are_held),
		cmocka_unit_test(no_changed_octet_changes_what_is_believed),
		cmocka_unit_test(an_answer_that_is_cut_off_anywhere_is_nothing),
		cmocka_unit_test(another_ds_does_not_lead_to_it),
		cmocka_unit_test(answers_that_say_nothing_have_their_verdicts),
		cmocka_unit_test(many_signatures_of_the_same_tag_are_not_all_tried),
		cmocka_unit_test(more_keys_than_we_allow_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
