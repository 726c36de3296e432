// SPDX-License-Identifier: Apache-2.0
#include "place.h"
#include "policy_text.h"

#include <pthread.h>

#include "geo/location_internal.h"
#include "geo/partition_store.h"
#include "geo/steer.h"

static const char BY_SUBNET[] =
    "values 192.0.2.1\npool a = 192.0.2.2\npool b = 192.0.2.3\nrule 10.0.0.0/8 -> a\nrule -> b\n";
static const char BY_OTHERS[] =
    "values 192.0.2.1\npool a = 192.0.2.2\npool b = 192.0.2.3\nrule 10.0.0.0/9 -> a\nrule -> b\n";
static const char BY_COUNTRY[] =
    "values 192.0.2.1\npool a = 192.0.2.2\npool b = 192.0.2.3\nrule EU-DE -> a\nrule -> b\n";

static struct location_db *world(void)
{
	struct place german = PLACE("EU", "DE", "");
	struct location_db *db = location_new();
	uint32_t number;

	assert_int_equal(location_intern(db, &german, &number), ERR_OK);
	assert_int_equal(location_add(db, IP_V4, 0, 0x0a000000, number), ERR_OK);
	assert_int_equal(location_finish(db), ERR_OK);
	return db;
}

static enum err compile(struct steer_set **out, struct partition_store *store,
			const struct location_db *db, const char *text,
			const struct policy **refused)
{
	struct policy_text t = policy_text(text);
	const struct policy *policies[] = { &t.policy, &t.policy };
	struct steer_options options = { .seed = "seed", .store = store, .refused = refused };
	enum err e = steer_compile(out, policies, 2, db, &options);

	if (refused != NULL)
		*refused = *refused == &t.policy ? policies[0] : NULL;
	policy_text_free(&t);
	return e;
}

static void sets_share_what_their_rules_have_in_common(void **state)
{
	struct partition_store *store = partition_store_new(0);
	struct steer_set *one = NULL, *two = NULL, *three = NULL;

	(void)state;
	assert_int_equal(compile(&one, store, NULL, BY_SUBNET, NULL), ERR_OK);
	assert_int_equal(compile(&two, store, NULL, BY_SUBNET, NULL), ERR_OK);
	struct partition_usage u = partition_store_usage(store);
	assert_true(u.partitions == 1 && u.built == 1 && u.reused == 3 && u.bytes > 0);
	assert_int_equal(steer_partition_n(one), 1);
	assert_int_equal(compile(&three, store, NULL, BY_OTHERS, NULL), ERR_OK);
	assert_int_equal(partition_store_usage(store).partitions, 2);
	/* The one that came first goes; what it shared stays. */
	steer_free(one);
	struct ip_addr client;
	assert_true(ip_from_text("10.1.2.3", &client));
	assert_int_equal(steer_choose(two, 0, &client, NULL).scope, 8);
	steer_free(two);
	assert_int_equal(partition_store_usage(store).partitions, 1);
	steer_free(three);
	u = partition_store_usage(store);
	assert_true(u.partitions == 0 && u.bytes == 0);
	partition_store_free(store);
}

static void the_next_version_of_a_set_builds_nothing_anew(void **state)
{
	struct partition_store *store = partition_store_new(0);
	struct location_db *db = world(), *newer = world();
	struct steer_set *before = NULL, *after = NULL;

	(void)state;
	assert_int_equal(compile(&before, store, db, BY_COUNTRY, NULL), ERR_OK);
	assert_int_equal(compile(&after, store, db, BY_COUNTRY, NULL), ERR_OK);
	assert_int_equal(partition_store_usage(store).built, 1);
	steer_free(before);
	/* Another database has other places, even where its contents are the same. */
	assert_int_equal(compile(&before, store, newer, BY_COUNTRY, NULL), ERR_OK);
	assert_int_equal(partition_store_usage(store).built, 2);
	steer_free(after);
	/* Rules without places do not go by it. */
	assert_int_equal(compile(&after, store, db, BY_SUBNET, NULL), ERR_OK);
	steer_free(after);
	assert_int_equal(compile(&after, store, newer, BY_SUBNET, NULL), ERR_OK);
	steer_free(after);
	steer_free(before);
	location_unref(db);
	location_unref(newer);
	partition_store_free(store);
}

static void what_goes_over_the_limit_is_refused_and_the_rest_stays(void **state)
{
	struct partition_store *store = partition_store_new(0);
	struct steer_set *first = NULL, *second = NULL;
	const struct policy *refused = NULL;

	(void)state;
	assert_int_equal(compile(&first, store, NULL, BY_SUBNET, NULL), ERR_OK);
	size_t held = partition_store_usage(store).bytes;
	partition_store_limit(store, held);
	/* What is there already takes no more. */
	assert_int_equal(compile(&second, store, NULL, BY_SUBNET, NULL), ERR_OK);
	steer_free(second);
	assert_int_equal(compile(&second, store, NULL, BY_OTHERS, &refused), ERR_REFUSED);
	assert_non_null(refused);
	struct partition_usage u = partition_store_usage(store);
	assert_true(u.bytes == held && u.max_bytes == held && u.partitions == 1);
	partition_store_limit(store, 2 * held);
	assert_int_equal(compile(&second, store, NULL, BY_OTHERS, NULL), ERR_OK);
	steer_free(first);
	steer_free(second);
	partition_store_free(store);
}

#define THREADS 4
#define TURNS   50

static void *compile_and_free(void *store)
{
	for (int i = 0; i < TURNS; i++) {
		struct steer_set *s = NULL;
		if (compile(&s, store, NULL, i % 2 == 0 ? BY_SUBNET : BY_OTHERS, NULL))
			return store;
		steer_free(s);
	}
	return NULL;
}

static void threads_compile_side_by_side(void **state)
{
	struct partition_store *store = partition_store_new(0);
	pthread_t thread[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, compile_and_free, store), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *failed = NULL;
		assert_int_equal(pthread_join(thread[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(partition_store_usage(store).bytes, 0);
	partition_store_free(store);
}

static void thousands_of_partitions_are_told_apart(void **state)
{
	enum { N = 1000 };
	struct partition_store *store = partition_store_new(0);
	struct steer_set *s[N] = { NULL };
	char text[200];

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		snprintf(text, sizeof text,
			 "values 192.0.2.1\npool a = 192.0.2.2\npool b = 192.0.2.3\n"
			 "rule 10.%u.%u.0/24 -> a\nrule -> b\n",
			 i / 250, i % 250);
		assert_int_equal(compile(&s[i], store, NULL, text, NULL), ERR_OK);
	}
	assert_int_equal(partition_store_usage(store).partitions, N);
	for (unsigned i = 0; i < N; i++)
		steer_free(s[(i * 7) % N]);
	assert_int_equal(partition_store_usage(store).bytes, 0);
	partition_store_free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_share_what_their_rules_have_in_common),
		cmocka_unit_test(the_next_version_of_a_set_builds_nothing_anew),
		cmocka_unit_test(what_goes_over_the_limit_is_refused_and_the_rest_stays),
		cmocka_unit_test(threads_compile_side_by_side),
		cmocka_unit_test(thousands_of_partitions_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
