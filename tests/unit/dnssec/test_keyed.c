// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <stdio.h>
#include <unistd.h>

#include "dns/name.h"
#include "dnssec/keyed.h"

#define NOW 1700000000
#define DAY 86400

/* A signature of so many octets, each of which tells whose it is. */
static struct sig *sig_of(struct keyed_sig *room, uint64_t who, uint16_t wire_len)
{
	struct sig *g = keyed_sig(room);

	*g = (struct sig){ .keyset_id = 1,
			   .inception = NOW - 3600,
			   .refresh_at = NOW + 7 * DAY,
			   .expire_at = NOW + 14 * DAY,
			   .rr_n = 1,
			   .wire_len = wire_len };
	for (uint16_t i = 0; i < wire_len; i++)
		g->wire[i] = (uint8_t)(who >> (i % 8 * 8));
	return g;
}

static struct keyed_key key_of(const struct keyed *k, const char *kind, uint64_t number)
{
	char text[64];
	struct name name;

	snprintf(text, sizeof text, "%s%llu.example.", kind, (unsigned long long)number);
	assert_int_equal(name_from_text(text, NULL, &name), ERR_OK);
	return keyed_key(k, name.wire, 7, 1);
}

static void what_was_put_in_is_found_whole_until_it_is_stale(void **state)
{
	static const struct {
		const char *says;
		int64_t now;
		enum sig_state want;
	} ROWS[] = {
		{ "fresh", NOW, SIG_FRESH },
		{ "before its inception", NOW - 3601, SIG_MISS },
		{ "due", NOW + 7 * DAY, SIG_DUE },
		{ "the last second that is sent", NOW + 14 * DAY - SIG_MIN_LEFT_S - 1, SIG_DUE },
		{ "stale", NOW + 14 * DAY - SIG_MIN_LEFT_S, SIG_MISS },
		{ "a year later", NOW + 365 * DAY, SIG_MISS },
	};
	static const uint16_t LENGTHS[] = { 93, 96, 101, 104, 360, KEYED_WIRE_MAX };
	struct keyed *k = NULL;
	struct keyed_sig in, out;

	(void)state;
	assert_int_equal(keyed_new(&k, KEYED_BYTES_MIN), ERR_OK);
	for (size_t i = 0; i < sizeof LENGTHS / sizeof *LENGTHS; i++) {
		struct keyed_key key = key_of(k, "n", i);
		keyed_put(k, &key, sig_of(&in, i * 77777777, LENGTHS[i]));
		for (size_t r = 0; r < sizeof ROWS / sizeof *ROWS; r++)
			assert_int_equal(keyed_get(k, &key, ROWS[r].now, &out), ROWS[r].want);
		assert_int_equal(keyed_get(k, &key, NOW, &out), SIG_FRESH);
		assert_int_equal(keyed_sig(&out)->wire_len, LENGTHS[i]);
		assert_memory_equal(keyed_sig(&out)->wire, keyed_sig(&in)->wire, LENGTHS[i]);
	}
	keyed_free(k);
}

static void a_key_tells_owner_contents_and_keyset_apart_but_not_case(void **state)
{
	struct keyed *k = NULL;
	struct name a, b, c;
	struct keyed_key keys[5];

	(void)state;
	assert_int_equal(keyed_new(&k, KEYED_BYTES_MIN), ERR_OK);
	assert_int_equal(name_from_text("www.example.", NULL, &a), ERR_OK);
	assert_int_equal(name_from_text("WwW.eXample.", NULL, &b), ERR_OK);
	assert_int_equal(name_from_text("ww.example.", NULL, &c), ERR_OK);
	keys[0] = keyed_key(k, a.wire, 1, 1);
	keys[1] = keyed_key(k, b.wire, 1, 1);
	keys[2] = keyed_key(k, c.wire, 1, 1);
	keys[3] = keyed_key(k, a.wire, 2, 1);
	keys[4] = keyed_key(k, a.wire, 1, 2);
	assert_memory_equal(&keys[0], &keys[1], sizeof *keys);
	for (int i = 2; i < 5; i++)
		assert_memory_not_equal(&keys[0], &keys[i], sizeof *keys);
	keyed_free(k);
}

static void a_claim_is_won_by_one_at_a_time(void **state)
{
	struct keyed *k = NULL;

	(void)state;
	assert_int_equal(keyed_new(&k, KEYED_BYTES_MIN), ERR_OK);
	struct keyed_key a = key_of(k, "n", 1), b = key_of(k, "n", 2);
	assert_true(keyed_claim(k, &a));
	assert_false(keyed_claim(k, &a));
	assert_true(keyed_claim(k, &b));
	keyed_release(k, &a);
	assert_true(keyed_claim(k, &a));
	keyed_free(k);
}

/* ---- floods: names made up by one client beside names that others ask for ---- */

#define HONEST 1500u

struct run {
	struct keyed *k;
	uint64_t asked, missed; /* honest */
};

/* As a worker does: look, and sign and put what is not there. */
static bool ask(struct keyed *k, const char *kind, uint64_t number)
{
	struct keyed_sig room;
	struct keyed_key key = key_of(k, kind, number);

	if (keyed_get(k, &key, NOW, &room) != SIG_MISS)
		return true;
	keyed_put(k, &key, sig_of(&room, number, 101));
	return false;
}

static size_t resident_pages(void)
{
	size_t all = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%zu %zu", &all, &resident), 2);
	fclose(f);
	return resident;
}

/* How many names are made up; CONCORD_FLOOD asks for a longer run. */
static uint64_t flood_size(void)
{
	const char *text = getenv("CONCORD_FLOOD");

	return text != NULL ? strtoull(text, NULL, 10) : 40000;
}

/* `made_up` names, each asked `times` in a row; after every hundredth an honest one is asked for.
 */
static struct run flood(uint64_t made_up, unsigned times)
{
	struct run r = { 0 };
	struct lottery l = { 42 };

	assert_int_equal(keyed_new(&r.k, (size_t)1 << 20), ERR_OK);
	for (unsigned round = 0; round < 4; round++)
		for (unsigned i = 0; i < HONEST; i++)
			ask(r.k, "honest", i);
	for (uint64_t i = 0; i < made_up; i++) {
		for (unsigned t = 0; t < times; t++)
			ask(r.k, "random", i);
		if (i % 10 != 0)
			continue;
		r.asked++;
		r.missed += !ask(r.k, "honest", lottery_below(&l, HONEST));
	}
	return r;
}

static void names_asked_once_each_push_out_nothing_that_is_asked_again(void **state)
{
	(void)state;
	struct run r = flood(flood_size(), 1);
	assert_true(r.missed * 100 < r.asked);
	keyed_free(r.k);
}

static void names_asked_twice_each_push_out_little(void **state)
{
	(void)state;
	struct run r = flood(flood_size(), 2);
	assert_true(r.missed * 20 < r.asked);
	keyed_free(r.k);
}

static void the_table_keeps_to_its_bytes(void **state)
{
	(void)state;
	struct run warm = flood(20000, 1);
	size_t before = resident_pages();
	uint64_t n = flood_size();
	for (uint64_t i = 0; i < n; i++)
		ask(warm.k, "more", i);
	assert_true(resident_pages() < before + 64); /* 256 KiB for all else */
	struct keyed_usage u = keyed_usage(warm.k);
	assert_true(u.used_bytes <= ((size_t)1 << 20));
	assert_true(u.signatures > 4000 && u.evicted > n);
	assert_int_equal(u.earliest_expiry, NOW + 14 * DAY);
	keyed_free(warm.k);
}

/* The negative control of the floods: a table that took everybody in would lose them. */
static void a_flood_is_larger_than_the_table(void **state)
{
	struct keyed *k = NULL;
	unsigned kept = 0;
	struct keyed_sig room;

	(void)state;
	assert_int_equal(keyed_new(&k, (size_t)1 << 20), ERR_OK);
	for (uint64_t i = 0; i < 40000; i++)
		ask(k, "random", i);
	for (uint64_t i = 0; i < 40000; i++) {
		struct keyed_key key = key_of(k, "random", i);
		kept += keyed_get(k, &key, NOW, &room) != SIG_MISS;
	}
	assert_true(kept > 100 && kept < 10000);
	keyed_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_in_is_found_whole_until_it_is_stale),
		cmocka_unit_test(a_key_tells_owner_contents_and_keyset_apart_but_not_case),
		cmocka_unit_test(a_claim_is_won_by_one_at_a_time),
		cmocka_unit_test(names_asked_once_each_push_out_nothing_that_is_asked_again),
		cmocka_unit_test(names_asked_twice_each_push_out_little),
		cmocka_unit_test(the_table_keeps_to_its_bytes),
		cmocka_unit_test(a_flood_is_larger_than_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
