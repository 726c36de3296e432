// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "net/ring.h"

static struct ring_job job_of(uintptr_t n)
{
	return (struct ring_job){ .view = (struct view *)n };
}

static void a_full_ring_takes_no_more_and_order_is_kept(void **state)
{
	struct ring *r = ring_new(8);
	struct ring_job j;

	(void)state;
	for (int round = 0; round < 5; round++) {
		for (uintptr_t i = 1; i <= 8; i++) {
			j = job_of(i);
			assert_true(ring_put(r, &j));
		}
		assert_false(ring_put(r, &j));
		for (uintptr_t i = 1; i <= 8; i++) {
			assert_true(ring_take(r, &j));
			assert_int_equal((uintptr_t)j.view, i);
		}
		assert_false(ring_take(r, &j));
	}
	ring_free(r);
}

#define EACH 20000u

struct share {
	struct ring *ring;
	_Atomic uint64_t sum, taken;
};

static void *produce(void *argument)
{
	struct share *s = argument;

	for (uintptr_t i = 1; i <= EACH;) {
		struct ring_job j = job_of(i);
		if (ring_put(s->ring, &j))
			i++;
		else
			sched_yield();
	}
	return NULL;
}

static void *consume(void *argument)
{
	struct share *s = argument;
	struct ring_job j;

	while (atomic_load(&s->taken) < 3 * EACH) {
		if (ring_take(s->ring, &j)) {
			atomic_fetch_add(&s->sum, (uintptr_t)j.view);
			atomic_fetch_add(&s->taken, 1);
		} else {
			sched_yield();
		}
	}
	return NULL;
}

static void nothing_is_lost_or_doubled_between_threads(void **state)
{
	struct share s = { .ring = ring_new(64) };
	pthread_t t[5];

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(pthread_create(&t[i], NULL, i < 3 ? produce : consume, &s), 0);
	for (int i = 0; i < 5; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(s.taken, 3 * EACH);
	assert_int_equal(s.sum, 3 * ((uint64_t)EACH * (EACH + 1) / 2));
	ring_free(s.ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_ring_takes_no_more_and_order_is_kept),
		cmocka_unit_test(nothing_is_lost_or_doubled_between_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
