// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <stdio.h>

#include "dns/name.h"
#include "dns/rrtype.h"
#include "dns/wire.h"
#include "dnssec/algorithm.h"
#include "query/upkeep.h"
#include "zone/builder.h"

#define NOW  1700000000
#define DAY  86400
#define YEAR (365 * DAY)

static const uint8_t APEX[] = "\7example";
static const struct sign_policy POLICY = { .validity_s = 14 * DAY,
					   .refresh_s = 7 * DAY,
					   .inception_offset_s = 3600 };

static void what_is_made_without_a_question(void **state)
{
	const struct sig held = { .keyset_id = 1,
				  .inception = NOW - 3600,
				  .refresh_at = NOW + 7 * DAY,
				  .expire_at = NOW + 14 * DAY };
	const struct {
		const char *says;
		const struct sig *held;
		uint64_t keyset;
		int64_t now;
		bool ahead, want;
	} ROWS[] = {
		{ "never asked for: nothing", NULL, 1, NOW, false, false },
		{ "never asked for, in a zone that is signed ahead", NULL, 1, NOW, true, true },
		{ "fresh", &held, 1, NOW, true, false },
		{ "one second before it is due", &held, 1, NOW + 7 * DAY - 1, false, false },
		{ "due", &held, 1, NOW + 7 * DAY, false, true },
		{ "expired while the machine slept", &held, 1, NOW + YEAR, false, true },
		{ "not valid yet: the clock went back", &held, 1, NOW - YEAR, false, true },
		{ "of other keys", &held, 2, NOW, false, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
		assert_int_equal(
		    upkeep_is_wanted(ROWS[i].held, ROWS[i].keyset, ROWS[i].now, ROWS[i].ahead),
		    ROWS[i].want);
}

/* ---- a zone through time ---- */

struct world {
	struct zone *zone;
	struct key *csk;
	struct keyset *keys;
	struct upkeep upkeep;
	struct zone_view zv;
	struct need_batch batch;
	struct upkeep_run run;
	unsigned batches, stop_after;
};

static void add(struct zone_builder *b, const char *owner, uint16_t type, const void *rdata,
		size_t n)
{
	struct name name;
	struct diag d = { 0 };

	assert_int_equal(name_from_text(owner, APEX, &name), ERR_OK);
	struct zone_record r = {
		.owner = name.wire, .type = type, .ttl = 300, .rdata = { rdata, n }
	};
	assert_int_equal(zone_build_add(b, &r, &d), ERR_OK);
	diag_free(&d);
}

static bool stop(void *context)
{
	struct world *w = context;

	return ++w->batches == w->stop_after;
}

static void hash_of(const uint8_t *name, uint8_t out[NSEC3_HASH_LEN], void *context)
{
	(void)context;
	memset(out, 0, NSEC3_HASH_LEN);
	out[0] = (uint8_t)name_len(name);
	memcpy(out + 1, name, name_len(name) < 18 ? name_len(name) : 18);
}

static struct world *make(enum zone_denial denial, unsigned names)
{
	static const uint8_t SOA[] = { 1, 'n', 0, 1, 'h', 0, 0, 0, 0, 1, 0, 0, 0,
				       1, 0,   0, 0, 1,   0, 0, 0, 1, 0, 0, 0, 60 };
	static const uint8_t NS[] = { 1, 'n', 0 };
	struct world *w = calloc(1, sizeof *w);
	struct zone_builder *b;
	struct diag d = { 0 };
	struct zone_build_options options = { .denial = denial, .nsec3_hash = hash_of };

	assert_int_equal(zone_build_start(&b, APEX, NULL, &options), ERR_OK);
	add(b, "@", TYPE_SOA, SOA, sizeof SOA);
	add(b, "@", TYPE_NS, NS, sizeof NS);
	for (unsigned i = 0; i < names; i++) {
		char owner[16];
		snprintf(owner, sizeof owner, "n%u", i);
		add(b, owner, TYPE_A, &(uint8_t[]){ 192, 0, 2, 1 }, 4);
	}
	assert_int_equal(zone_build_seal(b, &w->zone, &d), ERR_OK);
	diag_free(&d);
	assert_int_equal(key_generate(&w->csk, ALG_ECDSAP256SHA256, KEY_CSK, NULL, 0), ERR_OK);
	struct keyset_member member = { w->csk, KEY_CSK, true };
	assert_int_equal(keyset_new(&w->keys, APEX, &POLICY, &member, 1), ERR_OK);
	w->zv = (struct zone_view){ .zone = w->zone, .keys = w->keys, .upkeep = &w->upkeep };
	assert_int_equal(sigcache_new(&w->zv.sigs), ERR_OK);
	assert_int_equal(sigcache_reserve(w->zv.sigs, zone_sig_id_end(w->zone)), ERR_OK);
	assert_int_equal(signer_new(&w->batch.signer), ERR_OK);
	w->run = (struct upkeep_run){ .batch = &w->batch, .stop = stop, .context = w };
	return w;
}

static void end(struct world *w)
{
	rcu_drain();
	signer_free(w->batch.signer);
	sigcache_free(w->zv.sigs);
	zone_free(w->zone);
	keyset_free(w->keys);
	key_free(w->csk);
	free(w);
}

/* Signatures that a run at that time makes. */
static uint64_t made_at(struct world *w, int64_t now)
{
	uint64_t before = counter_read(&w->upkeep.made);

	w->run.now = now;
	assert_true(upkeep_zone(&w->run, &w->zv));
	return counter_read(&w->upkeep.made) - before;
}

/* SOA, NS, an A of each name, and the denial of each name and the apex. */
static uint64_t whole(unsigned names)
{
	return 2 + names + names + 1;
}

static void a_zone_is_signed_ahead_in_each_way_of_denial(void **state)
{
	static const enum zone_denial DENIALS[] = { ZONE_NSEC, ZONE_NSEC3, ZONE_COMPACT };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct world *w = make(DENIALS[i], 100);
		assert_int_equal(made_at(w, NOW), 0);
		w->zv.prewarm = true;
		uint64_t all = whole(100) + (DENIALS[i] == ZONE_NSEC3); /* NSEC3PARAM */
		assert_int_equal(made_at(w, NOW), all);
		assert_int_equal(made_at(w, NOW), 0);
		assert_int_equal(counter_read(&w->upkeep.wanted), all);
		assert_int_equal(counter_read(&w->upkeep.held), all);
		end(w);
	}
}

/* Whatever the clock does, what is held afterwards is fresh: nothing stale is ever sent. */
static void what_was_asked_for_is_kept_fresh_through_suspend_and_clock_jumps(void **state)
{
	static const int64_t TIMES[] = { NOW + 8 * DAY,        NOW + 15 * DAY + 1,   NOW + YEAR,
					 NOW - YEAR,           NOW - YEAR + 7 * DAY, NOW + 2 * YEAR,
					 NOW + 2 * YEAR - 3601 };
	struct world *w = make(ZONE_NSEC, 20);

	(void)state;
	w->zv.prewarm = true;
	assert_int_equal(made_at(w, NOW), whole(20));
	w->zv.prewarm = false;
	for (size_t i = 0; i < sizeof TIMES / sizeof *TIMES; i++) {
		assert_int_equal(made_at(w, TIMES[i]), whole(20));
		for (uint32_t id = 1; id < zone_sig_id_end(w->zone); id++) {
			enum sig_state s;
			sigcache_get(w->zv.sigs, id, w->keys->zsk_id, TIMES[i], &s);
			assert_int_equal(s, SIG_FRESH);
		}
		assert_int_equal(made_at(w, TIMES[i]), 0);
	}
	end(w);
}

static void a_run_that_is_stopped_says_so_and_the_next_goes_on(void **state)
{
	struct world *w = make(ZONE_NSEC, 100);

	(void)state;
	w->zv.prewarm = true;
	w->stop_after = 3;
	w->run.now = NOW;
	assert_false(upkeep_zone(&w->run, &w->zv));
	assert_true(counter_read(&w->upkeep.made) < whole(100));
	assert_int_equal(counter_read(&w->upkeep.runs), 0);
	uint64_t before = counter_read(&w->upkeep.made);
	assert_int_equal(made_at(w, NOW), whole(100) - before);
	end(w);
}

static void the_lag_and_the_first_expiry_are_told(void **state)
{
	struct world *w = make(ZONE_NSEC, 5);

	(void)state;
	w->zv.prewarm = true;
	made_at(w, NOW);
	made_at(w, NOW + 1);
	assert_int_equal(counter_read(&w->upkeep.earliest_expiry), NOW + 14 * DAY);
	assert_int_equal(counter_read(&w->upkeep.lag_s), 0);
	made_at(w, NOW + 7 * DAY + 90);
	assert_int_equal(counter_read(&w->upkeep.lag_s), 90);
	end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_without_a_question),
		cmocka_unit_test(a_zone_is_signed_ahead_in_each_way_of_denial),
		cmocka_unit_test(what_was_asked_for_is_kept_fresh_through_suspend_and_clock_jumps),
		cmocka_unit_test(a_run_that_is_stopped_says_so_and_the_next_goes_on),
		cmocka_unit_test(the_lag_and_the_first_expiry_are_told),
	};

	rcu_thread_register();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_thread_unregister();
	return failed;
}
