// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include "dns/name.h"

static void text_and_wire_agree(void **state)
{
	static const struct {
		const char *says, *in, *out;
		enum err want;
	} ROWS[] = {
		{ "relative to the origin", "www", "www.example.", ERR_OK },
		{ "absolute", "www.", "www.", ERR_OK },
		{ "the origin", "@", "example.", ERR_OK },
		{ "the root", ".", ".", ERR_OK },
		{ "an escaped dot (RFC 1035 §5.1)", "a\\.b.", "a\\.b.", ERR_OK },
		{ "an octet by number (RFC 1035 §5.1)", "\\000\\255x.", "\\000\\255x.", ERR_OK },
		{ "a number above 255", "\\256.", NULL, ERR_SYNTAX },
		{ "an empty label", "a..b.", NULL, ERR_SYNTAX },
		{ "nothing", "", NULL, ERR_SYNTAX },
		{ "a label of 64 (RFC 1035 §2.3.4)",
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.", NULL,
		  ERR_TOO_LONG },
	};
	static const uint8_t ORIGIN[] = "\7example";

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct name n;
		char text[NAME_TEXT_MAX];
		assert_int_equal(name_from_text(ROWS[i].in, ORIGIN, &n), ROWS[i].want);
		if (ROWS[i].out != NULL)
			assert_string_equal(name_to_text(n.wire, text), ROWS[i].out);
	}
}

static void names_of_255_octets_are_the_longest(void **state)
{
	char text[600] = "";
	struct name n;

	(void)state;
	for (int i = 0; i < 127; i++)
		strcat(text, "a.");
	assert_int_equal(name_from_text(text, NULL, &n), ERR_OK);
	assert_int_equal(n.len, 255);
	assert_int_equal(n.label_n, 127);
	strcat(text, "a.");
	assert_int_equal(name_from_text(text, NULL, &n), ERR_TOO_LONG);
}

/* The example of RFC 4034 §6.1, and octets that sort apart. */
static void names_sort_in_canonical_order(void **state)
{
	static const char *const ORDER[] = {
		"example.",         "a.example.",      "yljkjljk.a.example.",
		"Z.a.example.",     "zABC.a.EXAMPLE.", "z.example.",
		"\\001.z.example.", "*.z.example.",    "\\200.z.example."
	};
	size_t n = sizeof ORDER / sizeof *ORDER;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < n; k++) {
			struct name a, b;
			assert_int_equal(name_from_text(ORDER[i], NULL, &a), ERR_OK);
			assert_int_equal(name_from_text(ORDER[k], NULL, &b), ERR_OK);
			int c = name_compare(a.wire, b.wire);
			assert_int_equal((c > 0) - (c < 0), (i > k) - (i < k));
		}
	}
}

static void an_ancestors_key_is_a_prefix_of_its_descendants_keys(void **state)
{
	struct name child, parent;
	uint8_t a[NAME_KEY_MAX], b[NAME_KEY_MAX];
	uint16_t ends[NAME_LABELS_MAX];

	(void)state;
	assert_int_equal(name_from_text("\\000\\001.Sub.example.", NULL, &child), ERR_OK);
	assert_int_equal(name_from_text("sub.EXAMPLE.", NULL, &parent), ERR_OK);
	size_t n = name_key_ends(&child, a, ends), m = name_key(parent.wire, b);
	assert_int_equal(ends[2], m);
	assert_int_equal(ends[3], n);
	assert_memory_equal(a, b, m);
	assert_true(name_is_within(child.wire, parent.wire));
	assert_false(name_is_within(parent.wire, child.wire));
}

static void text_of_label(char *text, char c, int n, const char *rest)
{
	memset(text, c, (size_t)n);
	strcpy(text + n, rest);
}

/* RFC 4471 §3.1.2 */
static void the_successor_follows_immediately(void **state)
{
	char longest[300], full[300], shorter[300], last[300];
	struct name zone, n, want;
	uint8_t out[NAME_MAX_LEN];
	char rest[200];

	(void)state;
	/* 63 + 63 + 63 + ... with "example." to exactly 255, 254 and 253 octets. */
	memset(rest, 0, sizeof rest);
	text_of_label(rest, 'b', 60, ".");
	text_of_label(rest + 61, 'c', 60, ".example.");
	text_of_label(longest, 'a', 63, ".");
	text_of_label(longest + 64, 'a', 59, ".");
	strcat(longest, rest);
	text_of_label(full, 'a', 62, ".");
	text_of_label(full + 63, 'a', 59, ".");
	strcat(full, rest);
	text_of_label(shorter, 'a', 61, ".");
	text_of_label(shorter + 62, 'a', 59, ".");
	strcat(shorter, rest);
	assert_int_equal(name_from_text("example.", NULL, &zone), ERR_OK);
	const struct {
		const char *says, *name, *next;
	} ROWS[] = {
		{ "a label of one zero in front", "b.example.", "\\000.b.example." },
		{ "in lower case", "WWW.Example.", "\\000.www.example." },
		{ "the zone's own name", "example.", "\\000.example." },
	};
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		assert_int_equal(name_from_text(ROWS[i].name, NULL, &n), ERR_OK);
		assert_int_equal(name_from_text(ROWS[i].next, NULL, &want), ERR_OK);
		assert_int_equal(name_successor(n.wire, zone.wire, out), want.len);
		assert_memory_equal(out, want.wire, want.len);
	}
	const char *const LONG[] = { longest, full, shorter };
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(name_from_text(LONG[i], NULL, &n), ERR_OK);
		assert_int_equal(n.len, 255 - i);
		size_t len = name_successor(n.wire, zone.wire, out);
		assert_true(len <= NAME_MAX_LEN);
		assert_int_equal(name_len(out), len);
		assert_true(name_compare(n.wire, out) < 0);
	}
	/* The octet before A skips to what stands behind Z, which no name in lower case has. */
	memset(last, 0, sizeof last);
	strcpy(last, longest);
	last[62] = '@';
	assert_int_equal(name_from_text(last, NULL, &n), ERR_OK);
	name_successor(n.wire, zone.wire, out);
	assert_int_equal(out[63], '[');
	/* Labels of the greatest octets: the parent's successor, at last the zone itself. */
	memset(n.wire + 1, 255, 63);
	name_successor(n.wire, zone.wire, out);
	assert_int_equal(out[0], 59);
	assert_true(name_compare(n.wire, out) < 0);
	for (uint8_t *p = n.wire; !name_equal(p, zone.wire); p += 1 + *p)
		memset(p + 1, 255, *p);
	assert_int_equal(name_successor(n.wire, zone.wire, out), zone.len);
	assert_true(name_equal(out, zone.wire));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_and_wire_agree),
		cmocka_unit_test(names_of_255_octets_are_the_longest),
		cmocka_unit_test(names_sort_in_canonical_order),
		cmocka_unit_test(an_ancestors_key_is_a_prefix_of_its_descendants_keys),
		cmocka_unit_test(the_successor_follows_immediately),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
