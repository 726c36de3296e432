// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include "health/check.h"

static struct check_spec base(void)
{
	struct check_spec s = check_defaults();

	s.value = "192.0.2.1";
	s.host = "www.example.com";
	return s;
}

static void names_a_check_so_that_a_person_knows_it(void **state)
{
	char key[CHECK_KEY_MAX];
	struct check_spec s = base();

	(void)state;
	check_key(&s, key);
	assert_memory_equal(key, "https://www.example.com:443/_dns@192.0.2.1~",
			    strlen("https://www.example.com:443/_dns@192.0.2.1~"));
	s.protocol = CHECK_TCP;
	s.target = "192.0.2.9";
	check_key(&s, key);
	assert_memory_equal(key, "tcp:443@192.0.2.9~", strlen("tcp:443@192.0.2.9~"));
}

static void gives_different_checks_different_keys(void **state)
{
	struct check_spec all[12];
	char keys[12][CHECK_KEY_MAX];
	size_t n = 0;

	(void)state;
	for (; n < 12; n++)
		all[n] = base();
	all[1].value = "192.0.2.2";
	all[2].host = NULL;
	all[3].path = "/";
	all[4].port = 444;
	all[5].interval_ms++;
	all[6].rise++;
	all[7].fall++;
	all[8].insecure = true;
	all[9].expect = "ok";
	all[10].protocol = CHECK_HTTP;
	all[11].status_max = 299;
	for (size_t i = 0; i < n; i++) {
		check_key(&all[i], keys[i]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(keys[i], keys[k]);
	}
}

static void keeps_the_digest_where_texts_are_too_long(void **state)
{
	char path[3000], one[CHECK_KEY_MAX], other[CHECK_KEY_MAX];
	struct check_spec s = base();

	(void)state;
	memset(path, 'a', sizeof path);
	path[0] = '/';
	path[sizeof path - 1] = 0;
	s.path = path;
	check_key(&s, one);
	path[2000] = 'b';
	check_key(&s, other);
	assert_string_not_equal(one, other);
	assert_true(strlen(one) < CHECK_KEY_MAX);
}

static void copies_a_check_with_its_texts(void **state)
{
	struct check_spec s = base(), *copy = NULL;
	char one[CHECK_KEY_MAX], other[CHECK_KEY_MAX];

	(void)state;
	assert_int_equal(check_copy(&copy, &s), ERR_OK);
	assert_ptr_not_equal(copy->value, s.value);
	assert_null(copy->target);
	assert_string_equal(check_key(&s, one), check_key(copy, other));
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_a_check_so_that_a_person_knows_it),
		cmocka_unit_test(gives_different_checks_different_keys),
		cmocka_unit_test(keeps_the_digest_where_texts_are_too_long),
		cmocka_unit_test(copies_a_check_with_its_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
