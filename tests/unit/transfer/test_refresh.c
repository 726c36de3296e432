// SPDX-License-Identifier: Apache-2.0
#include "transfer/refresh.h"

#include "check.h"

#define S 1000
static const struct soa_times TIMES = { .refresh_s = 100, .retry_s = 10, .expire_s = 1000 };

static struct refresh with_zone(unsigned primaries)
{
	struct refresh r;

	refresh_start(&r, primaries, &TIMES, 5, 0, 0, 0);
	return r;
}

static void a_zone_without_data_is_fetched_at_once(void **state)
{
	(void)state;
	struct refresh r;

	refresh_start(&r, 1, NULL, 0, 0, 7 * S, 500);
	assert_int_equal(refresh_due(&r), 7 * S + 500);
	assert_int_equal(refresh_next(&r, 7 * S), REFRESH_NOTHING);
	assert_int_equal(refresh_next(&r, 8 * S), REFRESH_CHECK);
	assert_int_equal(refresh_due(&r), INT64_MAX);
	assert_int_equal(refresh_checked(&r, 0, 8 * S, 0), REFRESH_TRANSFER);
	refresh_transferred(&r, &TIMES, 9, 9 * S, 0);
	assert_int_equal(refresh_due(&r), 109 * S);
	assert_int_equal(refresh_expires_at(&r), 1009 * S);
}

static void its_retries_grow_apart_up_to_an_hour(void **state)
{
	(void)state;
	struct refresh r;
	int64_t now = 10 * S, waited = 0;

	refresh_start(&r, 1, NULL, 0, 0, now, 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(refresh_next(&r, now), REFRESH_CHECK);
		refresh_failed(&r, false, now, 0);
		waited = refresh_due(&r) - now;
		if (i == 0)
			assert_int_equal(waited, 5 * S);
		if (i == 1)
			assert_int_equal(waited, 10 * S);
		now = refresh_due(&r);
	}
	assert_int_equal(waited, 3600 * S);
}

static void an_equal_serial_waits_for_refresh(void **state)
{
	(void)state;
	struct refresh r = with_zone(1);

	assert_int_equal(refresh_next(&r, 50 * S), REFRESH_CHECK);
	assert_int_equal(refresh_checked(&r, 5, 51 * S, 0), REFRESH_NOTHING);
	assert_int_equal(refresh_due(&r), 151 * S);
	assert_int_equal(refresh_expires_at(&r), 1051 * S);
	/* up to a tenth earlier */
	assert_int_equal(refresh_next(&r, 151 * S), REFRESH_CHECK);
	refresh_checked(&r, 5, 151 * S, 9999);
	assert_int_equal(refresh_due(&r), 251 * S - 9999);
}

static void a_newer_serial_is_fetched_by_rfc_1982(void **state)
{
	(void)state;
	struct refresh r = with_zone(1);

	r.serial = 4294967290u;
	refresh_next(&r, 50 * S);
	assert_int_equal(refresh_checked(&r, 3, 51 * S, 0), REFRESH_TRANSFER);
}

static void a_failure_goes_to_the_next_primary_and_then_waits_for_retry(void **state)
{
	(void)state;
	struct refresh r = with_zone(3);
	unsigned asked[3];

	for (int i = 0; i < 3; i++) {
		int64_t at = (50 + 2 * i) * S;
		assert_int_equal(refresh_next(&r, at), REFRESH_CHECK);
		asked[i] = r.primary;
		refresh_failed(&r, false, at + S, 0);
		assert_int_equal(refresh_due(&r), i < 2 ? at + S : at + S + 10 * S);
	}
	assert_int_equal(asked[0] + asked[1] + asked[2], 3);
	assert_int_equal(r.good_at, 0);
}

static void two_checks_start_a_second_apart_at_least(void **state)
{
	(void)state;
	struct refresh r = with_zone(3);

	assert_int_equal(refresh_next(&r, 50 * S), REFRESH_CHECK);
	refresh_failed(&r, false, 50 * S + 1, 0);
	assert_int_equal(refresh_next(&r, 50 * S + 2), REFRESH_NOTHING);
	assert_int_equal(refresh_next(&r, 51 * S), REFRESH_CHECK);
}

static void an_older_serial_sends_to_the_next_primary_but_the_zone_stays_good(void **state)
{
	(void)state;
	struct refresh r = with_zone(2);

	refresh_next(&r, 50 * S);
	assert_int_equal(refresh_checked(&r, 4, 50 * S, 0), REFRESH_NOTHING);
	assert_int_equal(refresh_next(&r, 51 * S), REFRESH_CHECK);
	assert_int_equal(r.primary, 1);
	refresh_failed(&r, false, 52 * S, 0);
	assert_int_equal(refresh_due(&r), 152 * S);
	assert_int_equal(r.good_at, 52 * S);
}

static void a_bad_ixfr_is_followed_by_a_whole_transfer_from_the_same(void **state)
{
	(void)state;
	struct refresh r = with_zone(2);

	refresh_next(&r, 50 * S);
	refresh_checked(&r, 6, 50 * S, 0);
	refresh_failed(&r, true, 51 * S, 0);
	assert_int_equal(refresh_next(&r, 51 * S), REFRESH_TRANSFER);
	assert_int_equal(r.primary, 0);
	assert_true(r.whole);
	/* and if that fails, by the next primary */
	refresh_failed(&r, false, 52 * S, 0);
	assert_int_equal(refresh_next(&r, 53 * S), REFRESH_CHECK);
	assert_int_equal(r.primary, 1);
	assert_false(r.whole);
}

static void a_zone_expires_when_no_primary_was_reached(void **state)
{
	(void)state;
	struct refresh r;

	/* Kept over a restart: the time goes on. */
	refresh_start(&r, 1, &TIMES, 5, 10 * S, 900 * S, 0);
	assert_int_equal(refresh_next(&r, 900 * S), REFRESH_CHECK);
	assert_false(r.expired);
	assert_int_equal(refresh_due(&r), 1010 * S);
	refresh_failed(&r, false, 905 * S, 0);
	for (int64_t now = 905 * S; now < 1010 * S; now = refresh_due(&r)) {
		if (refresh_next(&r, now) == REFRESH_CHECK)
			refresh_failed(&r, false, now, 0);
		assert_false(r.expired);
	}
	refresh_next(&r, 1010 * S);
	assert_true(r.expired);
	/* A primary that comes back with the same serial makes it good again. */
	r.state = REFRESH_CHECKING;
	refresh_checked(&r, 5, 1100 * S, 0);
	assert_false(r.expired);
}

static void soa_times_are_held_to_sane_values(void **state)
{
	(void)state;
	uint8_t soa[22] = { 0, 0, [9] = 0, [13] = 0, [17] = 0 };
	struct soa_times t;

	assert_true(soa_times_read((struct span){ soa, 22 }, &t));
	assert_int_equal(t.refresh_s, 2);
	assert_int_equal(t.retry_s, 2);
	assert_int_equal(t.expire_s, 4);
	memset(soa + 2, 0xff, 20);
	assert_true(soa_times_read((struct span){ soa, 22 }, &t));
	assert_int_equal(t.refresh_s, 28 * 86400);
	assert_int_equal(t.expire_s, 280 * 86400);
	assert_false(soa_times_read((struct span){ soa, 21 }, &t));
}

/* ---- NOTIFY ---- */

static void a_notify_brings_the_check_forward_to_the_one_who_sent_it(void **state)
{
	(void)state;
	struct refresh r = with_zone(3);
	uint32_t serial = 6;

	refresh_next(&r, 0);
	refresh_checked(&r, 5, 0, 0);
	assert_int_equal(refresh_due(&r), 100 * S);
	assert_true(refresh_notify(&r, 2, &serial, 20 * S));
	assert_int_equal(refresh_next(&r, 20 * S), REFRESH_CHECK);
	assert_int_equal(r.primary, 2);
}

static void a_notify_with_our_serial_changes_nothing(void **state)
{
	(void)state;
	struct refresh r = with_zone(1);
	uint32_t serial = 5;

	refresh_next(&r, 0);
	refresh_checked(&r, 5, 0, 0);
	assert_false(refresh_notify(&r, 0, &serial, 20 * S));
	assert_int_equal(refresh_due(&r), 100 * S);
}

static void a_notify_while_busy_is_followed_up_once(void **state)
{
	(void)state;
	struct refresh r = with_zone(1);

	refresh_next(&r, 10 * S);
	assert_true(refresh_notify(&r, 0, NULL, 10 * S + 10));
	assert_false(refresh_notify(&r, 0, NULL, 10 * S + 20));
	refresh_checked(&r, 5, 10 * S + 30, 0);
	assert_int_equal(refresh_due(&r), 11 * S);
	assert_int_equal(refresh_next(&r, 11 * S), REFRESH_CHECK);
	refresh_checked(&r, 5, 11 * S, 0);
	assert_int_equal(refresh_due(&r), 111 * S);
}

static void a_flood_of_notify_gives_one_check_a_second(void **state)
{
	(void)state; /* 10,000 a second for ten seconds */
	struct refresh r = with_zone(2);
	unsigned checks = 0, accepted = 0;

	for (int64_t i = 0; i < 100000; i++) {
		int64_t now = 1000 * S + i / 10;
		uint32_t serial = 100 + (uint32_t)i;
		accepted += refresh_notify(&r, (unsigned)i % 3, &serial, now);
		if (refresh_due(&r) <= now && refresh_next(&r, now) == REFRESH_CHECK) {
			checks++;
			refresh_checked(&r, 5, now, 0);
		}
	}
	assert_in_range(checks, 9, 11);
	assert_in_range(accepted, 9, 11);
}

static void the_operator_may_ask_for_the_whole_zone(void **state)
{
	(void)state;
	struct refresh r = with_zone(1);

	refresh_next(&r, 0);
	refresh_checked(&r, 5, 0, 0);
	refresh_ask(&r, true, 5 * S);
	assert_int_equal(refresh_next(&r, 5 * S), REFRESH_TRANSFER);
	assert_true(r.whole && r.forced);
	refresh_transferred(&r, &TIMES, 5, 6 * S, 0);
	assert_false(r.whole || r.forced);
}

/* Whatever happens in whatever order: one thing at a time, a second between starts, never stuck. */
static void random_histories_keep_the_invariants(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct lottery l = { seed * 7919 };
		unsigned primaries = 1 + lottery_below(&l, 4);
		struct refresh r;
		int64_t now = 5000 * S, last_start = 0;
		uint32_t serial = 0, theirs = lottery_below(&l, 3);
		refresh_start(&r, primaries, NULL, 0, 0, now, lottery_below(&l, 100000));
		for (int step = 0; step < 200; step++) {
			uint32_t what = lottery_below(&l, 8), random = lottery_below(&l, 1u << 30);
			now += lottery_below(&l, 3000);
			theirs += lottery_below(&l, 4) == 0;
			if (what == 0)
				refresh_notify(&r, lottery_below(&l, 5), NULL, now);
			if (what == 1)
				refresh_ask(&r, lottery_below(&l, 2), now);
			if (r.state == REFRESH_WAITING) {
				bool asked = r.whole;
				if (refresh_due(&r) > now + 3600 * S && r.has_zone)
					fail_msg("seed %lu: stuck", (unsigned long)seed);
				if (refresh_next(&r, now) != REFRESH_NOTHING) {
					if (now - last_start < REFRESH_CHECK_MIN_MS && !asked &&
					    last_start != 0)
						fail_msg("seed %lu: two starts within a second",
							 (unsigned long)seed);
					last_start = now;
				}
			} else if (what < 4) {
				refresh_failed(&r, what == 2 && r.state == REFRESH_TRANSFERRING,
					       now, random);
			} else if (r.state == REFRESH_CHECKING) {
				refresh_checked(&r, theirs, now, random);
			} else {
				serial = theirs;
				refresh_transferred(&r, &TIMES, serial, now, random);
			}
			assert_true(r.primary < primaries);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zone_without_data_is_fetched_at_once),
		cmocka_unit_test(its_retries_grow_apart_up_to_an_hour),
		cmocka_unit_test(an_equal_serial_waits_for_refresh),
		cmocka_unit_test(a_newer_serial_is_fetched_by_rfc_1982),
		cmocka_unit_test(a_failure_goes_to_the_next_primary_and_then_waits_for_retry),
		cmocka_unit_test(two_checks_start_a_second_apart_at_least),
		cmocka_unit_test(an_older_serial_sends_to_the_next_primary_but_the_zone_stays_good),
		cmocka_unit_test(a_bad_ixfr_is_followed_by_a_whole_transfer_from_the_same),
		cmocka_unit_test(a_zone_expires_when_no_primary_was_reached),
		cmocka_unit_test(soa_times_are_held_to_sane_values),
		cmocka_unit_test(a_notify_brings_the_check_forward_to_the_one_who_sent_it),
		cmocka_unit_test(a_notify_with_our_serial_changes_nothing),
		cmocka_unit_test(a_notify_while_busy_is_followed_up_once),
		cmocka_unit_test(a_flood_of_notify_gives_one_check_a_second),
		cmocka_unit_test(the_operator_may_ask_for_the_whole_zone),
		cmocka_unit_test(random_histories_keep_the_invariants),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
