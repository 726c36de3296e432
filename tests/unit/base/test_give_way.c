// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include "base/give_way.h"

struct seen {
	int policy, nice;
};

static struct seen look(void)
{
	return (struct seen){ sched_getscheduler(0), getpriority(PRIO_PROCESS, 0) };
}

static void *behind_others(void *seen)
{
	give_way(7);
	*(struct seen *)seen = look();
	return NULL;
}

static void one_thread_gives_way_and_the_others_stay_as_they_are(void **state)
{
	struct seen before = look(), there;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, behind_others, &there), 0);
	pthread_join(thread, NULL);
	struct seen after = look();
	assert_int_equal(there.policy, SCHED_BATCH);
	assert_true(there.nice >= 7); /* who starts at a higher one keeps it */
	assert_int_equal(after.policy, before.policy);
	assert_int_equal(after.nice, before.nice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_thread_gives_way_and_the_others_stay_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
