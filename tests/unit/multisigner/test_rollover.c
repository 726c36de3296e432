// SPDX-License-Identifier: Apache-2.0
/* Rolls step by step, with the times that RFC 7583 and RFC 6781 ask for. */
#include "check.h"

#include <stdio.h>

#include "multisigner/rollover.h"

#define T0   INT64_C(1800000000)
#define DAY  86400
#define HOUR 3600
#define CUT  TTL_MARK_ROUNDING_S

static struct rollover_policy policy = {
	.algorithm = 13,
	.automatic = true,
	.zsk_lifetime_s = 90 * DAY,
	.propagation_s = 300,
	.parent_propagation_s = HOUR,
	.safety_s = HOUR,
};

static struct rollover_facts facts;
static struct rollover_plan plan;
static uint16_t next_tag;

static void begin(void)
{
	memset(&facts, 0, sizeof facts);
	policy.csk = false;
	policy.algorithm = 13;
	policy.automatic = true;
	next_tag = 1;
	rollover_serve_ttls(&facts, DAY, HOUR, T0);
	ttl_mark_serve(&facts.ds_ttl, 2 * HOUR, T0);
	facts.zone_ttl.held_until = facts.dnskey_ttl.held_until = facts.ds_ttl.held_until = 0;
}

/* Plans until nothing changes. */
static void run(int64_t now)
{
	for (int i = 0; i < 20; i++) {
		size_t n = 0;
		rollover_plan(&facts, &policy, now, &plan);
		if (!plan.changed)
			return;
		facts = plan.after;
		for (size_t w = 0; w < plan.wanted_n; w++)
			facts.keys[facts.n++] =
			    rollover_made(&plan.wanted[w], next_tag++, &facts, now);
		for (size_t k = 0; k < facts.n; k++)
			if (facts.keys[k].state != KEY_REMOVED)
				facts.keys[n++] = facts.keys[k];
		facts.n = n;
	}
	fail_msg("the plan changes for ever");
}

static struct rollover_key *key(uint16_t tag)
{
	for (size_t i = 0; i < facts.n; i++)
		if (facts.keys[i].tag == tag)
			return &facts.keys[i];
	return NULL;
}

static const struct rollover_outlook *outlook(uint16_t tag)
{
	return &plan.outlook[key(tag) - facts.keys];
}

static void assert_state(uint16_t tag, enum key_state state, bool signs)
{
	assert_non_null(key(tag));
	assert_string_equal(key_state_text(key(tag)->state), key_state_text(state));
	assert_int_equal(key(tag)->signs, signs);
}

/* A zone with KSK 1 and ZSK 2 whose DS the parent has. */
static int64_t delegated(void)
{
	begin();
	run(T0);
	assert_state(1, KEY_PUBLISHED, false);
	assert_state(2, KEY_ACTIVE, true);
	/* answers without signatures may be cached for a day: no DS before that */
	int64_t trusted = T0 + DAY + 300 + HOUR + CUT;
	assert_int_equal(plan.wake_at, trusted);
	run(trusted - 1);
	assert_state(1, KEY_PUBLISHED, false);
	run(trusted);
	assert_state(1, KEY_READY, false);
	assert_int_equal(outlook(1)->who, ACTOR_PARENT);
	key(1)->ds_seen_at = trusted + 10;
	run(trusted + 10);
	assert_state(1, KEY_ACTIVE, false);
	return trusted + 10;
}

static void a_zsk_is_published_before_it_signs_and_stays_until_its_signatures_are_gone(void **state)
{
	int64_t now = delegated();
	/* the successor comes so early that it takes over when the lifetime ends */
	int64_t due = T0 + 90 * DAY - (HOUR + 300 + HOUR + CUT);

	(void)state;
	assert_int_equal(plan.wake_at, due);
	assert_int_equal(outlook(2)->due, ROLL_ZSK);
	run(now + DAY);
	assert_int_equal(facts.n, 2);
	run(due);
	assert_state(3, KEY_PUBLISHED, false);
	int64_t known = due + 300 + HOUR + HOUR + CUT; /* RFC 7583 §3.2.1: Ipub */
	run(known - 1);
	assert_state(3, KEY_PUBLISHED, false);
	assert_state(2, KEY_ACTIVE, true);
	run(known);
	assert_state(3, KEY_ACTIVE, true);
	assert_state(2, KEY_RETIRED, false);
	int64_t gone = known + DAY + 300 + HOUR + CUT; /* RFC 7583 §3.2.1: Iret */
	run(gone - 1);
	assert_state(2, KEY_RETIRED, false);
	run(gone);
	assert_null(key(2));
	assert_state(1, KEY_ACTIVE, false);
}

static void a_ttl_that_was_lowered_is_waited_for(void **state)
{
	int64_t now = delegated() + DAY;

	(void)state;
	rollover_serve_ttls(&facts, 60, 60, now); /* from a day and an hour */
	facts.request.zsk = true;
	run(now);
	run(now + 60 + 300 + HOUR); /* what the new TTL alone asks for */
	assert_state(3, KEY_PUBLISHED, false);
	run(now + HOUR + 300 + HOUR + CUT);
	assert_state(3, KEY_ACTIVE, true);
	run(now + DAY);
	assert_state(2, KEY_RETIRED, false);
	run(now + DAY + 300 + HOUR + CUT);
	assert_null(key(2));
}

static void a_ksk_waits_for_all_servers_of_the_parent(void **state)
{
	int64_t now = delegated() + DAY;

	(void)state;
	facts.request.ksk = true;
	run(now);
	assert_state(3, KEY_PUBLISHED, false);
	assert_false(facts.request.ksk);
	assert_true(rollover_signs_dnskey(key(3)) && rollover_signs_dnskey(key(1)));
	assert_false(rollover_wants_ds(&facts, key(3)));
	run(now + HOUR + 300 + HOUR + CUT);
	assert_state(3, KEY_READY, false);
	assert_true(rollover_wants_ds(&facts, key(3)));
	assert_false(rollover_wants_ds(&facts, key(1)));
	assert_true(rollover_awaits_parent(&facts));
	run(now + 300 * DAY); /* for as long as it takes */
	assert_state(3, KEY_READY, false);
	now += 300 * DAY;
	key(3)->ds_seen_at = now;
	run(now);
	assert_state(3, KEY_ACTIVE, false);
	assert_state(1, KEY_RETIRED, false);
	assert_true(rollover_signs_dnskey(key(1)));
	run(now + 100 * DAY); /* its DS is still there */
	assert_state(1, KEY_RETIRED, false);
	now += 100 * DAY;
	key(1)->ds_gone_at = now;
	run(now + 2 * HOUR + HOUR + HOUR + CUT - 1);
	assert_state(1, KEY_RETIRED, false);
	run(now + 2 * HOUR + HOUR + HOUR + CUT);
	assert_null(key(1));
	assert_false(rollover_awaits_parent(&facts));
}

static void an_algorithm_comes_signatures_first_and_leaves_signatures_last(void **state)
{
	int64_t now = delegated() + DAY;

	(void)state;
	policy.algorithm = 15; /* RFC 6781 §4.1.4, conservative */
	run(now);
	assert_state(3, KEY_PRESIGN, false);
	assert_state(4, KEY_PRESIGN, true);
	assert_true(!rollover_is_published(key(3)) && !rollover_is_published(key(4)));
	facts.request.zsk = true; /* waits for the end of it */
	now += DAY + 300 + HOUR + CUT;
	run(now);
	assert_state(3, KEY_PUBLISHED, false);
	assert_state(4, KEY_PUBLISHED, true);
	assert_state(2, KEY_ACTIVE, true);
	now += HOUR + 300 + HOUR + CUT;
	run(now);
	assert_state(3, KEY_READY, false);
	assert_state(4, KEY_ACTIVE, true);
	key(3)->ds_seen_at = now;
	run(now);
	assert_state(1, KEY_RETIRED, false);
	assert_state(2, KEY_RETIRED, true);
	key(1)->ds_gone_at = now;
	now += 2 * HOUR + HOUR + HOUR + CUT;
	run(now);
	assert_null(key(1));
	assert_state(2, KEY_POSTSIGN, true);
	assert_false(rollover_is_published(key(2)));
	assert_true(facts.request.zsk);
	run(now + HOUR + 300 + HOUR + CUT);
	assert_null(key(2));
	assert_state(5, KEY_PUBLISHED, false);
	assert_int_equal(key(5)->algorithm, 15);
}

static void a_csk_takes_both_duties_from_two_keys(void **state)
{
	int64_t now = delegated() + DAY;

	(void)state;
	policy.csk = true;
	run(now);
	assert_state(3, KEY_PUBLISHED, false);
	now += HOUR + 300 + HOUR + CUT;
	run(now);
	assert_state(3, KEY_READY, true);
	assert_state(2, KEY_RETIRED, false);
	assert_state(1, KEY_ACTIVE, false);
	key(3)->ds_seen_at = now;
	run(now);
	key(1)->ds_gone_at = now;
	run(now + 3 * DAY);
	assert_int_equal(facts.n, 1);
	assert_state(3, KEY_ACTIVE, true);
}

static void in_a_group_a_key_waits_until_all_signers_serve_it(void **state)
{
	int64_t now = delegated() + DAY;

	(void)state;
	facts.group = true;
	facts.request.zsk = true;
	run(now);
	run(now + 100 * DAY);
	assert_state(3, KEY_PUBLISHED, false);
	assert_int_equal(outlook(3)->who, ACTOR_SIGNERS);
	assert_int_equal(outlook(3)->at, ROLLOVER_NEVER);
	now += 100 * DAY;
	key(3)->seen_everywhere_at = now;
	run(now + HOUR + HOUR + CUT - 1);
	assert_state(3, KEY_PUBLISHED, false);
	run(now + HOUR + HOUR + CUT);
	assert_state(3, KEY_ACTIVE, true);
}

static void a_hold_stops_every_step_and_says_so(void **state)
{
	int64_t now = delegated() + DAY;
	char sentence[ROLLOVER_SENTENCE_MAX];

	(void)state;
	facts.request.zsk = true;
	facts.hold = "by hand";
	run(now);
	assert_int_equal(facts.n, 2);
	facts.hold = NULL;
	run(now);
	facts.hold = "by hand";
	run(now + DAY);
	assert_state(3, KEY_PUBLISHED, false);
	rollover_sentence(&facts, outlook(3), sentence);
	assert_non_null(strstr(sentence, "held (by hand); otherwise: signs the zone alone on "));
	facts.hold = NULL;
	run(now + DAY);
	assert_state(3, KEY_ACTIVE, true);
}

static void an_emergency_takes_no_margin_but_every_ttl(void **state)
{
	int64_t now = delegated() + DAY;

	(void)state;
	policy.automatic = false;
	facts.request.zsk = facts.request.emergency = true;
	run(now);
	assert_true(facts.emergency);
	run(now + 300 + HOUR + CUT - 1);
	assert_state(3, KEY_PUBLISHED, false);
	run(now + 300 + HOUR + CUT);
	assert_state(3, KEY_ACTIVE, true);
	run(now + 300 + HOUR + DAY + 300 + 2 * CUT);
	assert_null(key(2));
	assert_false(facts.emergency);
}

static void a_clock_that_was_set_back_makes_no_wait_shorter_and_none_endless(void **state)
{
	int64_t now = delegated() + DAY, year = 365 * (int64_t)DAY;

	(void)state;
	assert_false(rollover_mend(&facts, now));
	facts.request.zsk = true;
	run(now + year); /* the clock was a year ahead */
	assert_state(3, KEY_PUBLISHED, false);
	assert_true(rollover_mend(&facts, now));
	assert_false(rollover_mend(&facts, now));
	run(now + HOUR + 300 + HOUR + CUT - 1);
	assert_state(3, KEY_PUBLISHED, false);
	run(now + HOUR + 300 + HOUR + CUT);
	assert_state(3, KEY_ACTIVE, true);
}

static void a_step_counts_from_when_it_is_served(void **state)
{
	int64_t now = delegated() + DAY;

	(void)state;
	policy.automatic = false;
	facts.request.zsk = true;
	run(now);
	assert_int_equal(facts.unserved_since, T0); /* this caller never said so */
	facts.unserved_since = 0;
	facts.request.zsk = false;
	key(3)->published_at = key(3)->since = now;
	facts.unserved_since = now;
	int64_t key_1 = key(1)->since;
	rollover_served(&facts, now + 500); /* the daemon was down, or out of memory */
	assert_int_equal(facts.unserved_since, 0);
	assert_int_equal(key(3)->published_at, now + 500);
	assert_int_equal(key(3)->created_at, now);
	assert_int_equal(key(1)->since, key_1);
	run(now + 500 + HOUR + 300 + HOUR + CUT - 1);
	assert_state(3, KEY_PUBLISHED, false);
	run(now + 500 + HOUR + 300 + HOUR + CUT);
	assert_state(3, KEY_ACTIVE, true);
}

static void times_move_with_a_clock_that_is_set(void **state)
{
	int64_t now = delegated() + DAY, year = 365 * (int64_t)DAY;

	(void)state;
	facts.request.zsk = true;
	run(now);
	facts.unserved_since = 0;
	for (int by = -1; by <= 1; by += 2) {
		struct rollover_facts before = facts;
		rollover_shift(&facts, by * year);
		int64_t known = now + by * year + HOUR + 300 + HOUR + CUT;
		run(known - 1);
		assert_state(3, KEY_PUBLISHED, false);
		run(known);
		assert_state(3, KEY_ACTIVE, true);
		facts = before;
	}
}

static void keys_that_the_configuration_names_are_left_alone(void **state)
{
	(void)state;
	begin();
	policy.csk = true;
	facts.keys[facts.n++] = (struct rollover_key){
		.tag = 7, .algorithm = 8, .role = KEY_KSK, .state = KEY_ACTIVE, .manual = true
	};
	facts.request.ksk = true;
	rollover_plan(&facts, &policy, T0, &plan);
	assert_false(plan.changed);
	assert_int_equal(plan.wake_at, ROLLOVER_NEVER);
}

static void a_standby_key_is_used_by_the_next_roll(void **state)
{
	int64_t now = delegated() + DAY;

	(void)state;
	facts.keys[facts.n++] = rollover_made(
	    &(struct rollover_wanted){ KEY_ZSK, 13, KEY_STANDBY, false }, 77, &facts, now);
	run(now);
	assert_state(77, KEY_STANDBY, false);
	facts.request.zsk = true;
	run(now);
	assert_state(77, KEY_PUBLISHED, false);
	assert_int_equal(key(77)->published_at, now);
	assert_int_equal(facts.n, 3);
}

static void states_have_words(void **state)
{
	enum key_state s = KEY_ACTIVE;

	(void)state;
	for (int i = KEY_STANDBY; i <= KEY_REMOVED; i++) {
		assert_true(key_state_from_text(key_state_text((enum key_state)i), &s));
		assert_int_equal(s, i);
	}
	assert_false(key_state_from_text("omnipresent", &s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_zsk_is_published_before_it_signs_and_stays_until_its_signatures_are_gone),
		cmocka_unit_test(a_ttl_that_was_lowered_is_waited_for),
		cmocka_unit_test(a_ksk_waits_for_all_servers_of_the_parent),
		cmocka_unit_test(an_algorithm_comes_signatures_first_and_leaves_signatures_last),
		cmocka_unit_test(a_csk_takes_both_duties_from_two_keys),
		cmocka_unit_test(in_a_group_a_key_waits_until_all_signers_serve_it),
		cmocka_unit_test(a_hold_stops_every_step_and_says_so),
		cmocka_unit_test(an_emergency_takes_no_margin_but_every_ttl),
		cmocka_unit_test(a_clock_that_was_set_back_makes_no_wait_shorter_and_none_endless),
		cmocka_unit_test(a_step_counts_from_when_it_is_served),
		cmocka_unit_test(times_move_with_a_clock_that_is_set),
		cmocka_unit_test(keys_that_the_configuration_names_are_left_alone),
		cmocka_unit_test(a_standby_key_is_used_by_the_next_roll),
		cmocka_unit_test(states_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
