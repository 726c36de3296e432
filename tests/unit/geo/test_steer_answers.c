// SPDX-License-Identifier: Apache-2.0
/* What steering has beyond octoDNS: several values in an answer, lists of pools, what happens when
 * all are down, TTLs of pools, drains, load shedding, draws that are not sticky. */
#include "policy_text.h"

#include <stdio.h>

#include "geo/steer.h"

struct words {
	const char *text[16];
	health_word word[16];
	size_t n;
};

static const health_word *give(void *context, const struct policy *record,
			       const struct policy_value *value)
{
	struct words *w = context;
	size_t i = 0;

	(void)record;
	while (i < w->n && strcmp(w->text[i], value->text) != 0)
		i++;
	if (i == w->n)
		w->text[w->n++] = value->text;
	return &w->word[i];
}

static void take_back(void *context, const health_word *word)
{
	(void)context;
	(void)word;
}

struct made {
	struct policy_text t;
	struct words w;
	struct policy_pool pools[4];
	struct policy_value values[4][16];
	struct steer_set *s;
};

static void parse(struct made *m, const char *text)
{
	memset(m, 0, sizeof *m);
	m->t = policy_text(text);
	for (size_t i = 0; i < m->t.policy.pool_n; i++) {
		m->pools[i] = m->t.policy.pools[i];
		memcpy(m->values[i], m->pools[i].values,
		       m->pools[i].value_n * sizeof m->values[i][0]);
		m->pools[i].values = m->values[i];
	}
	m->t.policy.pools = m->pools;
}

static void compile(struct made *m)
{
	static const struct policy_healthcheck CHECK = { .protocol = POLICY_TCP, .port = 1 };
	struct steer_health health = { give, take_back, &m->w };
	struct steer_options options = { .seed = "example.", .health = &health };
	const struct policy *policies[] = { &m->t.policy };
	struct diag d = { 0 };

	m->t.policy.healthcheck = &CHECK;
	enum err e = policy_check(&m->t.policy, &d);
	diag_print(&d, stderr);
	assert_int_equal(e, ERR_OK);
	diag_free(&d);
	assert_int_equal(steer_compile(&m->s, policies, 1, NULL, &options), ERR_OK);
}

static void done(struct made *m)
{
	steer_free(m->s);
	policy_text_free(&m->t);
}

static void set_word(struct made *m, const char *text, bool up, uint32_t load)
{
	for (size_t i = 0; i < m->w.n; i++)
		if (strcmp(m->w.text[i], text) == 0)
			health_word_store(&m->w.word[i], health_word_make(true, up, load));
}

static struct ip_addr client(uint32_t i)
{
	return (struct ip_addr){ .family = IP_V4,
				 .bytes = { 10, (uint8_t)(i >> 8), (uint8_t)i, 1 } };
}

/* The last octets of the values in the answer, in the order of the RRset. */
static size_t answer(const struct made *m, uint32_t i, const struct steer_moment *at,
		     uint8_t out[16])
{
	struct ip_addr a = client(i);
	const struct span *rdata;
	struct steer_choice c = steer_choose_at(m->s, 0, &a, at, NULL, NULL);
	size_t n = steer_variant(m->s, 0, c.variant, &rdata);

	for (size_t k = 0; k < n; k++)
		out[k] = rdata[k].p[3];
	return n;
}

static const char FIVE[] = "type A\nvalues 9.9.9.9\n"
			   "pool a > b = 1.1.1.1 1.1.1.2*3 1.1.1.3 1.1.1.4*2 1.1.1.5\n"
			   "pool b = 2.2.2.9\nrule -> a\n";

static void an_answer_of_several_values_is_what_taking_the_best_again_and_again_gives(void **state)
{
	struct made many, one;
	uint32_t sets[32] = { 0 };

	(void)state;
	for (uint32_t answers = 2; answers <= 6; answers++) {
		parse(&many, FIVE);
		parse(&one, FIVE);
		many.pools[0].answers = answers;
		compile(&many);
		compile(&one);
		for (uint32_t i = 0; i < 400; i++) {
			/* Some are down: the same in both. */
			struct lottery l = { (i + 1) * 15485863ULL };
			for (uint32_t v = 0; v < 5; v++) {
				char text[20];
				snprintf(text, sizeof text, "1.1.1.%u", v + 1);
				bool up = i % 4 == 0 || lottery_below(&l, 2) > 0;
				set_word(&many, text, up, 0);
				set_word(&one, text, up, 0);
			}
			uint8_t got[16], single[16];
			size_t n = answer(&many, i, NULL, got);
			unsigned want = 0, have = 0;
			for (uint32_t k = 0; k < answers; k++) {
				char text[20];
				answer(&one, i, NULL, single);
				if (single[0] > 5)
					break; /* the pool is used up: its fallback */
				want |= 1u << (single[0] - 1);
				snprintf(text, sizeof text, "1.1.1.%u", single[0]);
				set_word(&one, text, false, 0);
			}
			for (size_t k = 0; k < n && got[0] <= 5; k++) {
				assert_true(k == 0 || got[k - 1] < got[k]);
				have |= 1u << (got[k] - 1);
			}
			assert_int_equal(have, want);
			sets[have]++;
		}
		done(&many);
		done(&one);
	}
	/* All 31 sets and the empty one came up. */
	for (size_t i = 0; i < 32; i++)
		assert_true(sets[i] > 0);
}

static void a_pool_that_is_all_down_may_want_several_values(void **state)
{
	struct made m;
	uint8_t got[16];

	(void)state;
	parse(&m, FIVE);
	m.pools[0].answers = 3;
	for (size_t i = 0; i < m.pools[0].value_n; i++)
		m.values[0][i].status = POLICY_DOWN;
	compile(&m);
	assert_int_equal(answer(&m, 1, NULL, got), 1);
	assert_int_equal(got[0], 9); /* of its fallback */
	done(&m);
}

static void values_that_all_stand_in_one_answer_need_no_client_key(void **state)
{
	struct made m;
	struct ip_addr a = client(1);

	(void)state;
	parse(&m, FIVE);
	m.pools[0].answers = 5;
	compile(&m);
	assert_int_equal(steer_choose(m.s, 0, &a, NULL).scope, 0);
	done(&m);
	parse(&m, FIVE);
	m.pools[0].answers = 4;
	compile(&m);
	assert_int_equal(steer_choose(m.s, 0, &a, NULL).scope, STEER_KEY_V4);
	done(&m);
}

static void more_different_answers_than_can_be_signed_are_refused(void **state)
{
	struct made m;
	struct diag d = { 0 };

	(void)state;
	parse(&m,
	      "type A\nvalues 9.9.9.9\npool a = 1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4 1.1.1.5 1.1.1.6 "
	      "1.1.1.7 1.1.1.8 1.1.1.9 1.1.1.10 1.1.1.11 1.1.1.12 1.1.1.13 1.1.1.14 1.1.1.15\n"
	      "rule -> a\n");
	m.pools[0].answers = 4; /* C(15, 4) = 1365 */
	assert_int_equal(policy_check(&m.t.policy, &d), ERR_OK);
	m.pools[0].answers = 7; /* C(15, 7) = 6435 */
	m.pools[0].answers_at = (struct policy_place){ 3, 6 };
	assert_int_equal(policy_check(&m.t.policy, &d), ERR_INVALID);
	assert_non_null(strstr(d.findings[0].text, "policy.yaml:3:6: error: 7 of the 15 values"));
	assert_non_null(strstr(d.findings[0].text, "hint: give fewer values or answers"));
	diag_free(&d);
	policy_text_free(&m.t);
}

static void a_list_of_pools_is_tried_in_its_order_and_then_the_fallbacks_of_the_last(void **state)
{
	static const char *const ORDER[] = { "2.2.2.2", "1.1.1.1", "3.3.3.3" };
	struct made m;
	uint8_t got[16];

	(void)state;
	parse(&m, "type A\nvalues 9.9.9.9\npool a > c = 1.1.1.1\npool b > a = 2.2.2.2\npool c = "
		  "3.3.3.3\nrule 11.0.0.0/8 -> a b\nrule -> b a\n");
	compile(&m);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(answer(&m, 1, NULL, got), 1);
		assert_int_equal(got[0], ORDER[i][0] - '0');
		set_word(&m, ORDER[i], false, 0);
	}
	answer(&m, 1, NULL, got);
	assert_int_equal(got[0], 9);
	done(&m);
}

static void with_all_down_the_policy_says_what_answers(void **state)
{
	struct ip_addr a = client(1);
	struct made m;
	uint8_t got[16];

	(void)state;
	for (int fail = POLICY_FAIL_VALUES; fail <= POLICY_FAIL_POOL; fail++) {
		parse(&m,
		      "type A\nvalues 9.9.9.9\npool a > b = 1.1.1.1\npool b = 2.2.2.2\npool c = "
		      "3.3.3.3\nrule 11.0.0.0/8 -> c\nrule -> a\n");
		m.t.policy.fail = (enum policy_fail)fail;
		m.t.policy.fail_pool = "c";
		compile(&m);
		for (size_t i = 0; i < m.w.n; i++)
			set_word(&m, m.w.text[i], false, 0);
		if (fail == POLICY_FAIL_SERVFAIL) {
			assert_int_equal(steer_choose(m.s, 0, &a, NULL).variant, STEER_SERVFAIL);
		} else {
			answer(&m, 1, NULL, got);
			assert_int_equal(got[0], fail == POLICY_FAIL_VALUES ? 9
						 : fail == POLICY_FAIL_OPEN ? 1
									    : 3);
		}
		set_word(&m, "2.2.2.2", true, 0);
		answer(&m, 1, NULL, got);
		assert_int_equal(got[0], 2);
		done(&m);
	}
}

static void a_pool_that_is_to_answer_on_failure_must_exist(void **state)
{
	struct made m;
	struct diag d = { 0 };

	(void)state;
	parse(&m, FIVE);
	m.t.policy.fail = POLICY_FAIL_POOL;
	m.t.policy.fail_pool = "bb";
	assert_int_equal(policy_check(&m.t.policy, &d), ERR_INVALID);
	assert_non_null(strstr(d.findings[0].text, "undefined pool 'bb'"));
	diag_free(&d);
	policy_text_free(&m.t);
}

static void a_pool_has_a_ttl_of_its_own(void **state)
{
	struct made m;
	struct ip_addr a = client(1);

	(void)state;
	parse(&m, FIVE);
	m.pools[1].has_ttl = true;
	m.pools[1].ttl = 5;
	compile(&m);
	assert_int_equal(steer_variant_ttl(m.s, 0, steer_choose(m.s, 0, &a, NULL).variant), 60);
	for (uint32_t i = 0; i < 5; i++)
		set_word(&m, m.w.text[i], false, 0);
	assert_int_equal(steer_variant_ttl(m.s, 0, steer_choose(m.s, 0, &a, NULL).variant), 5);
	done(&m);
}

static void a_drained_value_gets_no_clients_from_the_first_second_to_the_last(void **state)
{
	static const struct policy_window WINDOW = { 100, 200 };
	struct made m;
	uint8_t got[16];

	(void)state;
	for (int whole = 0; whole <= 1; whole++) {
		parse(
		    &m,
		    "type A\nvalues 9.9.9.9\npool a > b = 1.1.1.1\npool b = 2.2.2.2\nrule -> a\n");
		if (whole) {
			m.pools[0].drains = &WINDOW;
			m.pools[0].drain_n = 1;
		} else {
			m.values[0][0].drains = &WINDOW;
			m.values[0][0].drain_n = 1;
		}
		compile(&m);
		for (int64_t now = 98; now < 203; now++) {
			struct steer_moment at = { now, 0 };
			answer(&m, 1, &at, got);
			assert_int_equal(got[0], now >= 100 && now < 200 ? 2 : 1);
		}
		done(&m);
	}
}

static void load_above_the_low_watermark_sends_a_growing_share_elsewhere(void **state)
{
	struct made m;
	uint32_t before = 0;
	static bool away[4000];

	(void)state;
	memset(away, 0, sizeof away);
	parse(&m, "type A\nvalues 9.9.9.9\npool a > b = 1.1.1.1\npool b = 2.2.2.2\nrule -> a\n");
	m.values[0][0].shed_low = 100;
	m.values[0][0].shed_high = 200;
	compile(&m);
	struct ip_addr a = client(0);
	assert_int_equal(steer_choose(m.s, 0, &a, NULL).scope, STEER_KEY_V4);
	for (uint32_t load = 90; load <= 210; load += 10) {
		uint32_t moved = 0;
		set_word(&m, "1.1.1.1", true, load);
		for (uint32_t i = 0; i < 4000; i++) {
			uint8_t got[16];
			answer(&m, i, NULL, got);
			/* Who was sent away stays away while the load rises. */
			assert_true(got[0] == 2 || !away[i]);
			away[i] = got[0] == 2;
			moved += away[i];
		}
		uint32_t want = load <= 100 ? 0 : load >= 200 ? 4000 : (load - 100) * 40;
		assert_in_range(moved, want > 120 ? want - 120 : 0, want + 120);
		assert_true(moved >= before);
		before = moved;
	}
	done(&m);
}

static void a_draw_that_is_not_sticky_goes_by_the_question_and_leaves_the_scope_alone(void **state)
{
	struct made m;
	uint32_t counts[6] = { 0 };
	struct ip_addr a = client(1);

	(void)state;
	parse(&m, FIVE);
	m.t.policy.unsticky = 1;
	compile(&m);
	assert_int_equal(steer_choose(m.s, 0, &a, NULL).scope, 0);
	for (uint64_t i = 0; i < 8000; i++) {
		struct steer_moment at = { 0, i };
		uint8_t got[16];
		answer(&m, 1, &at, got);
		counts[got[0]]++;
	}
	assert_in_range(counts[1], 900, 1100);
	assert_in_range(counts[2], 2850, 3150);
	assert_in_range(counts[4], 1880, 2120);
	done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    an_answer_of_several_values_is_what_taking_the_best_again_and_again_gives),
		cmocka_unit_test(a_pool_that_is_all_down_may_want_several_values),
		cmocka_unit_test(values_that_all_stand_in_one_answer_need_no_client_key),
		cmocka_unit_test(more_different_answers_than_can_be_signed_are_refused),
		cmocka_unit_test(
		    a_list_of_pools_is_tried_in_its_order_and_then_the_fallbacks_of_the_last),
		cmocka_unit_test(with_all_down_the_policy_says_what_answers),
		cmocka_unit_test(a_pool_that_is_to_answer_on_failure_must_exist),
		cmocka_unit_test(a_pool_has_a_ttl_of_its_own),
		cmocka_unit_test(a_drained_value_gets_no_clients_from_the_first_second_to_the_last),
		cmocka_unit_test(load_above_the_low_watermark_sends_a_growing_share_elsewhere),
		cmocka_unit_test(
		    a_draw_that_is_not_sticky_goes_by_the_question_and_leaves_the_scope_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
