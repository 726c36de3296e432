// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include "dns/rrtype.h"
#include "dns/tsig.h"
#include "tsig_vectors.h"

#define NOW VECTORS_AT

static struct tsig_key key_of(const char *name, const char *algorithm)
{
	struct tsig_key k = { .secret_len = 40 };
	struct name n;

	assert_int_equal(name_from_text(name, NULL, &n), ERR_OK);
	name_lower(n.wire, k.name);
	assert_true(tsig_algorithm_from_text(algorithm, &k.algorithm, &k.mac_len));
	for (unsigned i = 0; i < k.secret_len; i++)
		k.secret[i] = (uint8_t)(i + 1);
	return k;
}

static struct span wire_of(const struct tsig_vector *v, int i)
{
	return (struct span){ v->wire[i], v->len[i] };
}

static size_t tsig_at(struct span m)
{
	size_t at = 0;

	assert_true(tsig_find(m, &at));
	return at;
}

/* Where the fixed part of the TSIG's RDATA (time) starts: behind owner, ten octets, algorithm. */
static uint8_t *tsig_time(uint8_t *m, size_t at)
{
	uint8_t *rdata = m + at + name_len(m + at) + 10;

	return rdata + name_len(rdata);
}

static enum tsig_verdict accept_one(const struct tsig_vector *v, struct tsig *t, uint8_t *m,
				    size_t n, int64_t now)
{
	struct tsig_key k = key_of("key.example", v->algorithm);
	struct tsig_keys keys = { &k, 1 };
	struct span s = { m, n };
	enum tsig_verdict got = tsig_accept(t, &keys, s, tsig_at(s), now);

	t->key = NULL; /* k goes */
	return got;
}

static void test_requests_signed_by_another_implementation_are_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof VECTORS / sizeof *VECTORS; i++) {
		struct tsig_key k = key_of("KEY.example", VECTORS[i].algorithm);
		struct tsig_keys keys = { &k, 1 };
		struct span m = wire_of(&VECTORS[i], 0);
		struct tsig t;
		assert_int_equal(tsig_accept(&t, &keys, m, tsig_at(m), NOW), TSIG_GOOD);
		assert_ptr_equal(t.key, &k);
	}
}

static void test_a_request_of_ours_is_octet_for_octet_the_other_implementations(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof VECTORS / sizeof *VECTORS; i++) {
		struct tsig_key k = key_of("key.example", VECTORS[i].algorithm);
		struct span want = wire_of(&VECTORS[i], 0);
		uint8_t m[300];
		size_t n = tsig_at(want);
		struct tsig t;
		memcpy(m, want.p, n);
		store_u16(m + 10, 0);
		tsig_start(&t, &k);
		assert_true(tsig_sign(&t, m, &n, sizeof m, NOW));
		assert_int_equal(n, want.n);
		assert_memory_equal(m, want.p, n);
	}
}

static void test_an_answer_of_many_messages_is_checked_also_where_some_are_unsigned(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof VECTORS / sizeof *VECTORS; i++) {
		struct tsig_key k = key_of("key.example", VECTORS[i].algorithm);
		struct span q = wire_of(&VECTORS[i], 0);
		uint8_t m[300];
		size_t n = tsig_at(q);
		struct tsig t;
		memcpy(m, q.p, n);
		store_u16(m + 10, 0);
		tsig_start(&t, &k);
		assert_true(tsig_sign(&t, m, &n, sizeof m, NOW));
		assert_false(tsig_is_complete(&t));
		assert_int_equal(tsig_check(&t, wire_of(&VECTORS[i], 1), NOW), TSIG_GOOD);
		assert_true(tsig_is_complete(&t));
		assert_int_equal(tsig_check(&t, wire_of(&VECTORS[i], 2), NOW), TSIG_GOOD);
		assert_false(tsig_is_complete(&t));
		assert_int_equal(tsig_check(&t, wire_of(&VECTORS[i], 3), NOW), TSIG_GOOD);
		assert_true(tsig_is_complete(&t));
		tsig_end(&t);
	}
}

static void test_answers_of_ours_are_octet_for_octet_the_other_implementations(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof VECTORS / sizeof *VECTORS; i++) {
		struct tsig_key k = key_of("key.example", VECTORS[i].algorithm);
		struct tsig_keys keys = { &k, 1 };
		struct span q = wire_of(&VECTORS[i], 0), want = wire_of(&VECTORS[i], 1);
		struct tsig t;
		uint8_t m[300];
		size_t n = tsig_at(want);
		assert_int_equal(tsig_accept(&t, &keys, q, tsig_at(q), NOW), TSIG_GOOD);
		memcpy(m, want.p, n);
		store_u16(m + 10, 0);
		assert_true(tsig_sign(&t, m, &n, sizeof m, NOW));
		assert_int_equal(n, want.n);
		assert_memory_equal(m, want.p, n);
	}
}

/* Makes n answers to a request, each signed, and checks them; `spoil` is left out or changed. */
enum spoil { NOTHING, DROP_SECOND, CHANGE_SECOND, SWAP };

static enum tsig_verdict sequence(enum spoil spoil)
{
	struct tsig_key k = key_of("key.example", "hmac-sha256");
	struct tsig_keys keys = { &k, 1 };
	struct span want = wire_of(&VECTORS[2], 2);
	struct tsig client, server;
	uint8_t q[300], m[3][300];
	size_t qn = tsig_at(wire_of(&VECTORS[2], 0)), n[3];
	enum tsig_verdict last = TSIG_GOOD;

	memcpy(q, VECTORS[2].wire[0], qn);
	store_u16(q + 10, 0);
	tsig_start(&client, &k);
	assert_true(tsig_sign(&client, q, &qn, sizeof q, NOW));
	struct span qs = { q, qn };
	assert_int_equal(tsig_accept(&server, &keys, qs, tsig_at(qs), NOW), TSIG_GOOD);
	for (int i = 0; i < 3; i++) {
		n[i] = want.n;
		memcpy(m[i], want.p, want.n);
		m[i][n[i] - 1] = (uint8_t)i;
		assert_true(tsig_sign(&server, m[i], &n[i], sizeof m[i], NOW));
	}
	if (spoil == CHANGE_SECOND)
		m[1][20] ^= 0x20; /* the case of a letter */
	for (int i = 0; i < 3 && last == TSIG_GOOD; i++) {
		int at = spoil == SWAP && i > 0 ? 3 - i : i;
		if (spoil == DROP_SECOND && i == 1)
			continue;
		last = tsig_check(&client, (struct span){ m[at], n[at] }, NOW);
	}
	tsig_end(&client);
	return last;
}

static void test_a_message_missing_changed_or_moved_in_a_sequence_is_found_out(void **state)
{
	(void)state;
	assert_int_equal(sequence(NOTHING), TSIG_GOOD);
	assert_int_equal(sequence(DROP_SECOND), TSIG_BAD);
	assert_int_equal(sequence(CHANGE_SECOND), TSIG_BAD);
	assert_int_equal(sequence(SWAP), TSIG_BAD);
}

static void test_a_hundredth_unsigned_message_in_a_row_is_refused(void **state)
{
	struct tsig_key k = key_of("key.example", "hmac-sha256");
	struct span u = wire_of(&VECTORS[2], 2);
	struct tsig t;
	uint8_t m[300];
	size_t n = tsig_at(wire_of(&VECTORS[2], 0));

	(void)state;
	memcpy(m, VECTORS[2].wire[0], n);
	store_u16(m + 10, 0);
	tsig_start(&t, &k);
	assert_true(tsig_sign(&t, m, &n, sizeof m, NOW));
	struct tsig first = t;
	assert_int_equal(tsig_check(&first, u, NOW), TSIG_BAD); /* the first one must be signed */
	assert_int_equal(tsig_check(&t, wire_of(&VECTORS[2], 1), NOW), TSIG_GOOD);
	for (int i = 0; i < 99; i++)
		assert_int_equal(tsig_check(&t, u, NOW), TSIG_GOOD);
	assert_int_equal(tsig_check(&t, u, NOW), TSIG_BAD);
	tsig_end(&t);
}

static void test_no_octet_of_a_signed_request_can_be_changed(void **state)
{
	(void)state;
	/* All but the id, which the original id stands for (RFC 8945 §4.3.2 restores it). */
	for (size_t i = 2; i < VECTORS[2].len[0]; i++) {
		uint8_t *m = exact_copy(VECTORS[2].wire[0], VECTORS[2].len[0]);
		struct tsig t;
		size_t at;
		m[i] ^= 1;
		if (tsig_find((struct span){ m, VECTORS[2].len[0] }, &at) && at > 0)
			assert_int_not_equal(accept_one(&VECTORS[2], &t, m, VECTORS[2].len[0], NOW),
					     TSIG_GOOD);
		free(m);
	}
}

static void test_time_outside_the_fudge_is_badtime_and_the_answer_says_our_time(void **state)
{
	static const struct {
		int64_t now;
		enum tsig_verdict want;
	} ROWS[] = {
		{ NOW - 300, TSIG_GOOD },      { NOW + 300, TSIG_GOOD },
		{ NOW - 301, TSIG_NOTAUTH },   { NOW + 301, TSIG_NOTAUTH },
		{ NOW + 86400, TSIG_NOTAUTH },
	};
	struct tsig_key k = key_of("key.example", "hmac-sha256");
	struct tsig_keys keys = { &k, 1 };
	struct span q = wire_of(&VECTORS[2], 0);

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct tsig t;
		assert_int_equal(tsig_accept(&t, &keys, q, tsig_at(q), ROWS[i].now), ROWS[i].want);
		if (ROWS[i].want == TSIG_GOOD)
			continue;
		/* RFC 8945 §5.2.3: signed, with the client's time, and ours in six octets */
		assert_int_equal(t.error, TSIG_BADTIME);
		uint8_t m[400];
		size_t n = MESSAGE_HEADER_LEN;
		memset(m, 0, n);
		assert_true(tsig_sign(&t, m, &n, sizeof m, ROWS[i].now));
		const uint8_t *time = tsig_time(m, MESSAGE_HEADER_LEN);
		assert_int_equal(load_u32(time + 2), NOW);
		assert_int_equal(load_u16(time + 8), 32); /* MAC size */
		assert_int_equal(load_u16(time + 10 + 32 + 2), TSIG_BADTIME);
		assert_int_equal(load_u16(time + 10 + 32 + 4), 6);
		assert_int_equal(load_u32(time + 10 + 32 + 8), (uint32_t)ROWS[i].now);
	}
}

static void test_unknown_key_and_wrong_mac_are_answered_unsigned(void **state)
{
	struct tsig_key k = key_of("other.example", "hmac-sha256");
	struct tsig_keys keys = { &k, 1 };
	struct span q = wire_of(&VECTORS[2], 0);

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct tsig t;
		uint8_t m[400];
		size_t n = MESSAGE_HEADER_LEN;
		uint16_t want = TSIG_BADKEY;
		if (i == 1)
			k = key_of("key.example", "hmac-sha512"); /* another algorithm */
		if (i == 2) {
			k = key_of("key.example", "hmac-sha256");
			k.secret[0] ^= 1;
			want = TSIG_BADSIG;
		}
		assert_int_equal(tsig_accept(&t, &keys, q, tsig_at(q), NOW), TSIG_NOTAUTH);
		assert_int_equal(t.error, want);
		assert_null(t.key);
		memset(m, 0, n);
		assert_true(tsig_sign(&t, m, &n, sizeof m, NOW));
		const uint8_t *time = tsig_time(m, MESSAGE_HEADER_LEN);
		assert_int_equal(load_u16(time + 8), 0); /* RFC 8945 §5.3.2: MAC size 0 */
		assert_int_equal(load_u16(time + 12), want);
		assert_int_equal(load_u16(time + 14), 0);
		assert_int_equal(load_u16(m + 10), 1);
	}
}

/* The request of a vector with its MAC cut to `mac_len` octets. */
static size_t cut_mac(const struct tsig_vector *v, uint8_t *m, uint16_t mac_len)
{
	struct span q = wire_of(v, 0);
	size_t at = tsig_at(q);
	uint16_t whole;

	memcpy(m, q.p, q.n);
	uint8_t *time = tsig_time(m, at);
	whole = load_u16(time + 8);
	store_u16(time + 8, mac_len);
	memmove(time + 10 + mac_len, time + 10 + whole, 6);
	uint8_t *rdlength = m + at + name_len(m + at) + 8;
	store_u16(rdlength, (uint16_t)(load_u16(rdlength) - whole + mac_len));
	return q.n - whole + mac_len;
}

static void test_truncated_macs_follow_the_keys_policy_and_never_go_below_the_floor(void **state)
{
	static const struct {
		size_t vector;
		const char *algorithm;
		uint16_t mac_len;
		enum tsig_verdict want;
	} ROWS[] = {
		/* RFC 8945 §5.2.2.1: below max(10, half the hash) is FORMERR */
		{ 2, "hmac-sha256", 15, TSIG_FORMERR },
		{ 2, "hmac-sha256-128", 15, TSIG_FORMERR },
		{ 0, "hmac-sha1-80", 9, TSIG_FORMERR },
		{ 2, "hmac-sha256-128", 0, TSIG_FORMERR },
		/* between that and the key's own policy: BADTRUNC */
		{ 2, "hmac-sha256", 16, TSIG_NOTAUTH },
		{ 2, "hmac-sha256", 31, TSIG_NOTAUTH },
		{ 4, "hmac-sha512-384", 47, TSIG_NOTAUTH },
		{ 2, "hmac-sha256-128", 16, TSIG_GOOD },
		{ 0, "hmac-sha1-80", 10, TSIG_GOOD },
		{ 2, "hmac-sha256-128", 32, TSIG_GOOD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct tsig_key k = key_of("key.example", ROWS[i].algorithm);
		struct tsig_keys keys = { &k, 1 };
		uint8_t m[300];
		size_t n = cut_mac(&VECTORS[ROWS[i].vector], m, ROWS[i].mac_len);
		struct span s = { m, n };
		struct tsig t;
		assert_int_equal(tsig_accept(&t, &keys, s, tsig_at(s), NOW), ROWS[i].want);
		if (ROWS[i].want == TSIG_NOTAUTH) {
			assert_int_equal(t.error, TSIG_BADTRUNC);
			assert_ptr_equal(t.key, &k); /* such an answer is signed */
		}
	}
}

static void test_algorithms_are_known_by_name_with_bits_within_the_floor(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		uint8_t len;
	} ROWS[] = {
		{ "hmac-sha1", true, 20 },        { "HMAC-SHA256", true, 32 },
		{ "hmac-sha256.", true, 32 },     { "hmac-sha256-128", true, 16 },
		{ "hmac-sha1-80", true, 10 },     { "hmac-sha1-72", false, 0 },
		{ "hmac-sha512-248", false, 0 },  { "hmac-sha512-520", false, 0 },
		{ "hmac-sha256-129", false, 0 },  { "hmac-md5", false, 0 },
		{ "hmac-sha256-128x", false, 0 }, { "", false, 0 },
		{ "hmac-sha256--128", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		enum tsig_algorithm a;
		uint8_t len = 0;
		assert_int_equal(tsig_algorithm_from_text(ROWS[i].text, &a, &len), ROWS[i].ok);
		if (ROWS[i].ok)
			assert_int_equal(len, ROWS[i].len);
	}
}

static void test_a_key_is_found_among_many(void **state)
{
	static const char *const NAMES[] = { "z.example", "a.example", "M.example", "b.example" };
	struct tsig_key k[4];
	struct tsig_keys keys = { k, 4 };
	struct name n;

	(void)state;
	for (int i = 0; i < 4; i++)
		k[i] = key_of(NAMES[i], "hmac-sha256");
	tsig_keys_sort(&keys);
	for (int i = 0; i < 4; i++) {
		name_from_text(NAMES[i], NULL, &n);
		assert_true(name_equal(tsig_keys_find(&keys, n.wire)->name, n.wire));
	}
	name_from_text("c.example", NULL, &n);
	assert_null(tsig_keys_find(&keys, n.wire));
	assert_null(tsig_keys_find(NULL, n.wire));
	tsig_keys_wipe(&keys);
	assert_int_equal(k[0].secret[3], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests_signed_by_another_implementation_are_accepted),
		cmocka_unit_test(
		    test_a_request_of_ours_is_octet_for_octet_the_other_implementations),
		cmocka_unit_test(
		    test_an_answer_of_many_messages_is_checked_also_where_some_are_unsigned),
		cmocka_unit_test(
		    test_answers_of_ours_are_octet_for_octet_the_other_implementations),
		cmocka_unit_test(
		    test_a_message_missing_changed_or_moved_in_a_sequence_is_found_out),
		cmocka_unit_test(test_a_hundredth_unsigned_message_in_a_row_is_refused),
		cmocka_unit_test(test_no_octet_of_a_signed_request_can_be_changed),
		cmocka_unit_test(
		    test_time_outside_the_fudge_is_badtime_and_the_answer_says_our_time),
		cmocka_unit_test(test_unknown_key_and_wrong_mac_are_answered_unsigned),
		cmocka_unit_test(
		    test_truncated_macs_follow_the_keys_policy_and_never_go_below_the_floor),
		cmocka_unit_test(test_algorithms_are_known_by_name_with_bits_within_the_floor),
		cmocka_unit_test(test_a_key_is_found_among_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
