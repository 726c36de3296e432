// SPDX-License-Identifier: Apache-2.0
/* What YAML files may have besides plain trees: anchors, aliases, merges, and files in files. */
#include "check.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/yaml.h"

static struct yaml *read_text(const char *text)
{
	struct yaml *y = NULL;
	struct diag d = { 0 };

	if (yaml_read_text(&y, "t.yaml", text, strlen(text), &d))
		fail_msg("%s", d.findings[0].text);
	return y;
}

static const char *get(const struct yaml *y, const char *a, const char *b)
{
	const struct yaml_node *n = yaml_get(yaml_get(yaml_root(y), a), b);

	return n != NULL && n->kind == YAML_SCALAR ? n->text : NULL;
}

static void the_last_anchor_of_a_name_holds(void **state)
{
	struct yaml *y = read_text("a: &n {x: 1, list: &l [p, q]}\nb: *n\nc: &n {x: 2}\nd: *n\n"
				   "e: {x: &t text, y: *t, list: *l}\n");

	(void)state;
	assert_string_equal(get(y, "b", "x"), "1");
	assert_string_equal(get(y, "d", "x"), "2");
	assert_string_equal(get(y, "e", "y"), "text");
	assert_int_equal(yaml_get(yaml_get(yaml_root(y), "e"), "list")->n, 2);
	yaml_free(y);
}

static void merged_maps_give_what_the_map_itself_lacks(void **state)
{
	struct yaml *y = read_text("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\n"
				   "c: {<<: *a, y: 3}\nd: {<<: [*a, *b], w: 4}\ne: {'<<': 5}\n"
				   "f: {<<: {<<: *a, q: 6}}\n");

	(void)state;
	assert_string_equal(get(y, "c", "x"), "1");
	assert_string_equal(get(y, "c", "y"), "3");
	assert_null(get(y, "c", "<<"));
	assert_string_equal(get(y, "d", "y"), "1");
	assert_string_equal(get(y, "d", "z"), "2");
	assert_string_equal(get(y, "d", "w"), "4");
	assert_string_equal(get(y, "e", "<<"), "5");
	assert_string_equal(get(y, "f", "x"), "1");
	assert_string_equal(get(y, "f", "q"), "6");
	yaml_free(y);
}

static void faults_are_named(void **state)
{
	static const struct {
		const char *text, *says;
	} ROWS[] = {
		{ "a: *b\n", "t.yaml:1:4: error: no anchor &b stands before this alias" },
		{ "a: &b [*b]\n", "t.yaml:1:8: error: no anchor &b stands before this alias" },
		{ "a: {<<: 1}\n", "t.yaml:1:5: error: '<<' takes a map, or a list of maps" },
		{ "a: &b [1]\nc: {<<: [*b]}\n",
		  "t.yaml:2:5: error: '<<' takes a map, or a list of maps" },
		{ "a: &b {x: 1}\n*b : 1\n", "a key must be plain text" },
		{ "a: !include other.yaml\n", "!include has no meaning in this file" },
		{ "x: 1\nx: 2\n", "'x' is given twice" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct yaml *y = NULL;
		struct diag d = { 0 };
		assert_int_not_equal(
		    yaml_read_text(&y, "t.yaml", ROWS[i].text, strlen(ROWS[i].text), &d), ERR_OK);
		if (strstr(d.findings[0].text, ROWS[i].says) == NULL)
			fail_msg("%zu: %s", i, d.findings[0].text);
		diag_free(&d);
	}
}

/* Ten to the ninth values in ten lines. */
static void aliases_of_aliases_are_bounded(void **state)
{
	char text[2000] = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n";
	struct yaml *y = NULL;
	struct diag d = { 0 };

	(void)state;
	for (int i = 1; i < 10; i++) {
		size_t n = strlen(text);
		snprintf(text + n, sizeof text - n,
			 "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i,
			 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	}
	assert_int_equal(yaml_read_text(&y, "t.yaml", text, strlen(text), &d), ERR_TOO_LONG);
	assert_non_null(strstr(d.findings[0].text, "the aliases stand for too many values"));
	diag_free(&d);
}

/* ---- files in files ---- */

static char dir[] = "/tmp/concord-yaml-XXXXXX";

static const char *put(const char *name, const char *text)
{
	static char path[100];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return path;
}

static void included_files_stand_where_they_are_named(void **state)
{
	struct yaml *y = NULL;
	struct diag d = { 0 };
	char sub[100];

	(void)state;
	snprintf(sub, sizeof sub, "%s/sub", dir);
	assert_int_equal(mkdir(sub, 0700), 0);
	put("one.yaml", "x: 1\n");
	put("sub/two.yaml", "y: !include three.yaml\n");
	put("sub/three.yaml", "3\n");
	put("list1.yaml", "[a, b]\n");
	put("list2.yaml", "- c\n");
	put("empty.yaml", "# nothing\n");
	const char *path =
	    put("main.yaml", "a: !include one.yaml\nb: !include sub/two.yaml\n"
			     "c: !include [one.yaml, sub/two.yaml, empty.yaml]\n"
			     "d: !include [list1.yaml, list2.yaml]\ne: !include empty.yaml\n"
			     "f: {<<: !include one.yaml}\n");
	if (yaml_read_included(&y, path, &d))
		fail_msg("%s", d.findings[0].text);
	assert_string_equal(get(y, "a", "x"), "1");
	assert_string_equal(get(y, "b", "y"), "3");
	assert_string_equal(get(y, "c", "x"), "1");
	assert_string_equal(get(y, "c", "y"), "3");
	assert_int_equal(yaml_get(yaml_root(y), "d")->n, 3);
	assert_true(yaml_is_null(yaml_get(yaml_root(y), "e")));
	assert_string_equal(get(y, "f", "x"), "1");
	/* A finding names the file where the value stands. */
	const struct yaml_node *three = yaml_get(yaml_get(yaml_root(y), "b"), "y");
	yaml_finding(y, three, &d, DIAG_ERROR, NULL, "here");
	assert_non_null(strstr(d.findings[0].text, "sub/three.yaml:1:1: error: here"));
	assert_true(yaml_changed_at(y) > 0);
	diag_free(&d);
	yaml_free(y);
}

static void included_files_that_cannot_be_are_named(void **state)
{
	static const struct {
		const char *text, *says;
	} ROWS[] = {
		{ "a: !include none.yaml\n", "none.yaml: error: No such file" },
		{ "a: !include self.yaml\n", "files include one another too often" },
		{ "a: !include broken.yaml\n", "broken.yaml:2:1: error: not valid YAML" },
		{ "a: !include [map.yaml, map.yaml]\n", "'k' is given twice" },
		{ "a: !include [map.yaml, seq.yaml]\n", "the files of a list hold maps, or lists" },
		{ "a: !include .\n", "not a regular file" },
	};

	(void)state;
	put("broken.yaml", "{\n");
	put("map.yaml", "k: 1\n");
	put("seq.yaml", "[1]\n");
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct yaml *y = NULL;
		struct diag d = { 0 };
		const char *path = put("self.yaml", ROWS[i].text);
		assert_int_not_equal(yaml_read_included(&y, path, &d), ERR_OK);
		if (strstr(d.findings[0].text, ROWS[i].says) == NULL)
			fail_msg("%zu: %s", i, d.findings[0].text);
		diag_free(&d);
	}
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const NAMES[] = { "one.yaml",   "sub/two.yaml", "sub/three.yaml",
					     "list1.yaml", "list2.yaml",   "empty.yaml",
					     "main.yaml",  "broken.yaml",  "map.yaml",
					     "seq.yaml",   "self.yaml" };
	char path[100];

	(void)state;
	for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, NAMES[i]);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/sub", dir);
	rmdir(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_anchor_of_a_name_holds),
		cmocka_unit_test(merged_maps_give_what_the_map_itself_lacks),
		cmocka_unit_test(faults_are_named),
		cmocka_unit_test(aliases_of_aliases_are_bounded),
		cmocka_unit_test(included_files_stand_where_they_are_named),
		cmocka_unit_test(included_files_that_cannot_be_are_named),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
