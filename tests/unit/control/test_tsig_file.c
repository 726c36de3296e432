// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/tsig_file.h"

#define KEYGEN                                                                                     \
	"key \"ddns-key.example\" {\n\talgorithm hmac-sha256;\n\tsecret "                          \
	"\"c2VjcmV0IHNlY3JldCE=\";\n};\n"

static const struct {
	const char *says, *text;
	enum err want;
	size_t n;
} ROWS[] = {
	{ "as tsig-keygen writes it", KEYGEN, ERR_OK, 1 },
	{ "two keys", KEYGEN "key b{secret c2VjcmV0;algorithm hmac-sha512;};", ERR_OK, 2 },
	{ "comments of three kinds", "# a\n// b\n/* c\n */ " KEYGEN "# end", ERR_OK, 1 },
	{ "no key", "# nothing\n", ERR_SYNTAX, 0 },
	{ "something else", "options { };", ERR_SYNTAX, 0 },
	{ "no end", "key a { algorithm hmac-sha256; secret \"c2Vj\"; }", ERR_SYNTAX, 0 },
	{ "an open quote", "key \"a { algorithm", ERR_SYNTAX, 0 },
	{ "hmac-md5", "key a { algorithm hmac-md5; secret \"c2VjcmV0\"; };", ERR_SYNTAX, 0 },
	{ "no secret", "key a { algorithm hmac-sha256; };", ERR_SYNTAX, 0 },
	{ "a secret that is not base64", "key a { algorithm hmac-sha256; secret \"*\"; };",
	  ERR_SYNTAX, 0 },
	{ "an unclosed comment", "/* " KEYGEN, ERR_SYNTAX, 0 },
};

static void test_key_files_are_read_and_what_is_wrong_is_told_without_the_secret(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct tsig_key keys[TSIG_FILE_KEYS_MAX];
		struct diag d = { 0 };
		size_t n = 0;
		char *text = (char *)exact_copy(ROWS[i].text, strlen(ROWS[i].text));
		enum err e = tsig_file_parse("f", text, strlen(ROWS[i].text), keys, &n, &d);
		if (e != ROWS[i].want)
			print_error("%s\n", ROWS[i].says);
		assert_int_equal(e, ROWS[i].want);
		assert_int_equal(d.error_n, e ? 1 : 0);
		if (!e)
			assert_int_equal(n, ROWS[i].n);
		for (size_t k = 0; k < d.n; k++)
			assert_null(strstr(d.findings[k].text, "c2Vj"));
		diag_free(&d);
		free(text);
	}
}

static void test_a_file_that_everybody_may_read_is_refused(void **state)
{
	char path[] = "/tmp/concord-tsig-XXXXXX";
	struct tsig_key keys[TSIG_FILE_KEYS_MAX];
	static const mode_t MODES[] = { 0600, 0640, 0644, 0660, 0604 };
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, KEYGEN, strlen(KEYGEN)), strlen(KEYGEN));
	for (size_t i = 0; i < sizeof MODES / sizeof *MODES; i++) {
		struct diag d = { 0 };
		size_t n = 0;
		fchmod(fd, MODES[i]);
		assert_int_equal(tsig_file_read(path, keys, &n, &d),
				 i < 2 ? ERR_OK : ERR_PERMISSION);
		diag_free(&d);
	}
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_key_files_are_read_and_what_is_wrong_is_told_without_the_secret),
		cmocka_unit_test(test_a_file_that_everybody_may_read_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
