// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>

#include "dns/name.h"
#include "dnssec/keyed.h"

#define NAMES  400u
#define ROUNDS 20000u
#define NOW    1700000000

static const uint8_t OWNER[] = "\7example";

struct shared {
	struct keyed *table;
	_Atomic unsigned running;
	_Atomic uint64_t seen;
};

static struct keyed_key key_of(const struct keyed *k, uint32_t number)
{
	return keyed_key(k, OWNER, number, 1);
}

/* What a number's signature looks like: its length and each octet tell whose it is. */
static void fill(struct sig *g, uint32_t number)
{
	*g = (struct sig){ .inception = NOW - 10,
			   .refresh_at = NOW + 500,
			   .expire_at = NOW + 1000,
			   .rr_n = 1,
			   .wire_len = (uint16_t)(90 + number % 300) };
	memset(g->wire, (int)(number % 251), g->wire_len);
}

/* A small table: every bucket is written all the time, and entries move under the readers. */
static void *put(void *argument)
{
	struct shared *s = argument;
	struct lottery l = { (uint64_t)(uintptr_t)&l | 1 };
	struct keyed_sig room;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t number = lottery_below(&l, NAMES);
		struct keyed_key key = key_of(s->table, number);
		if (!keyed_claim(s->table, &key))
			continue;
		fill(keyed_sig(&room), number);
		keyed_put(s->table, &key, keyed_sig(&room));
		keyed_release(s->table, &key);
	}
	atomic_fetch_sub(&s->running, 1);
	return NULL;
}

static void *get(void *argument)
{
	struct shared *s = argument;
	struct lottery l = { 77 };
	struct keyed_sig room;
	uint64_t seen = 0;

	while (atomic_load(&s->running) > 0) {
		uint32_t number = lottery_below(&l, NAMES);
		struct keyed_key key = key_of(s->table, number);
		const struct sig *g = keyed_sig(&room);
		if (keyed_get(s->table, &key, NOW, &room) == SIG_MISS)
			continue;
		seen++;
		if (g->wire_len != 90 + number % 300)
			abort();
		for (unsigned i = 0; i < g->wire_len; i++)
			if (g->wire[i] != number % 251)
				abort();
	}
	atomic_fetch_add(&s->seen, seen);
	return NULL;
}

static void readers_never_see_half_of_what_is_written(void **state)
{
	struct shared s = { .running = 2 };
	pthread_t t[4];

	(void)state;
	assert_int_equal(keyed_new(&s.table, 16384), ERR_OK);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, i < 2 ? put : get, &s), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	assert_true(s.seen > 0);
	for (uint32_t n = 0; n < NAMES; n++) { /* every claim was given back */
		struct keyed_key key = key_of(s.table, n);
		assert_true(keyed_claim(s.table, &key));
		keyed_release(s.table, &key);
	}
	keyed_free(s.table);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(
	    readers_never_see_half_of_what_is_written) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
