// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#include "zone/name_index.h"

#define NAMES 3000u

struct thing {
	const uint8_t *name;
	unsigned version;
	uint8_t wire[NAME_MAX_LEN];
};

static struct thing *thing_of(const char *text, unsigned version)
{
	struct thing *t = calloc(1, sizeof *t);
	struct name n;

	assert_non_null(t);
	assert_int_equal(name_from_text(text, NULL, &n), ERR_OK);
	memcpy(t->wire, n.wire, n.len);
	t->name = t->wire;
	t->version = version;
	return t;
}

static const struct thing *look(const struct name_index *x, const char *text)
{
	const struct named *found = NULL;
	struct name_probe p;
	struct name n;

	assert_int_equal(name_from_text(text, NULL, &n), ERR_OK);
	name_probe_of(&p, n.wire);
	enum name_index_answer a = name_index_get(x, &p, p.label_n, &found);
	assert_int_not_equal(a, NAME_INDEX_UNKNOWN);
	return (const struct thing *)found;
}

static void names_are_found_without_regard_to_case(void **state)
{
	struct name_index *x = name_index_new(1);
	struct thing *t = thing_of("WwW.a-Label-of-many-octets.Example.", 0);

	(void)state;
	assert_true(name_index_set(x, (struct named *)t));
	name_index_seal(x);
	assert_ptr_equal(look(x, "www.A-LABEL-of-many-octets.eXample."), t);
	assert_null(look(x, "www.a-label-of-many-octetz.example."));
	assert_null(look(x, "a-label-of-many-octets.example."));
	/* Only letters have case (RFC 4343 section 3). */
	struct thing *odd = thing_of("\\064\\091\\193.example.", 0);
	struct name_index *next = name_index_edit(x);
	assert_true(name_index_set(next, (struct named *)odd));
	name_index_seal(next);
	assert_ptr_equal(look(next, "\\064\\091\\193.example."), odd);
	assert_null(look(next, "\\096\\123\\225.example."));
	name_index_free(x);
	name_index_free(next);
	free(t);
	free(odd);
}

static void the_deepest_ancestor_is_found(void **state)
{
	static const char *const NAMES_THERE[] = { "example.", "b.example.", "a.b.example.",
						   "x.y.z.example." };
	struct name_index *x = name_index_new(4);
	struct thing *t[4];
	const struct named *found = NULL;
	struct name_probe p;
	struct name n;

	(void)state;
	for (int i = 0; i < 4; i++) {
		t[i] = thing_of(NAMES_THERE[i], 0);
		assert_true(name_index_set(x, (struct named *)t[i]));
	}
	name_index_seal(x);
	static const struct {
		const char *name;
		int there;
		unsigned label_n;
	} ROWS[] = { { "a.b.example.", 2, 3 },     { "q.r.s.t.a.b.example.", 2, 3 },
		     { "c.b.example.", 1, 2 },     { "y.z.example.", 0, 1 },
		     { "w.x.y.z.example.", 3, 4 }, { "example.", 0, 1 } };
	struct name_index_step steps[6];
	struct name_probe probes[6];
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(name_from_text(ROWS[i].name, NULL, &n), ERR_OK);
		name_probe_of(&p, n.wire);
		unsigned label_n = p.label_n;
		assert_int_equal(name_index_deepest(x, &p, &label_n, &found), NAME_INDEX_FOUND);
		assert_ptr_equal(found, t[ROWS[i].there]);
		assert_int_equal(label_n, ROWS[i].label_n);
		probes[i] = p;
		steps[i] = (struct name_index_step){ .index = x, .probe = &probes[i] };
	}
	name_index_deepest_many(steps, 6);
	for (size_t i = 0; i < 6; i++)
		assert_ptr_equal(steps[i].found, t[ROWS[i].there]);
	static const uint8_t STAR[] = "\1*";
	struct thing *wild = thing_of("*.b.example.", 0);
	struct name_index *next = name_index_edit(x);
	assert_true(name_index_set(next, (struct named *)wild));
	name_index_seal(next);
	assert_int_equal(name_index_child(next, &probes[2], 2, STAR, &found), NAME_INDEX_FOUND);
	assert_ptr_equal(found, wild);
	assert_int_equal(name_index_child(next, &probes[2], 1, STAR, &found), NAME_INDEX_ABSENT);
	name_index_free(x);
	name_index_free(next);
	free(wild);
	for (int i = 0; i < 4; i++)
		free(t[i]);
}

/* Versions side by side against plain arrays: each shows what was true when it was sealed. */
static void versions_do_not_disturb_one_another(void **state)
{
	static struct thing *now[NAMES], *before[NAMES];
	static struct thing *all[NAMES * 12];
	size_t all_n = 0;
	struct name_index *x = name_index_new(10); /* it has to grow */
	unsigned seed = 1;
	char text[64];

	(void)state;
	for (unsigned round = 0; round < 8; round++) {
		struct name_index *older = round > 0 ? x : NULL;
		if (older != NULL)
			x = name_index_edit(older);
		memcpy(before, now, sizeof now);
		for (unsigned i = 0; i < NAMES / (round == 0 ? 1 : 4); i++) {
			seed = seed * 1103515245u + 12345u;
			unsigned k = round == 0 ? i : seed / 65536u % NAMES;
			snprintf(text, sizeof text, "h%u.%u.example.", k, k % 7);
			if (round > 0 && seed % 3 == 0) {
				struct name n;
				assert_int_equal(name_from_text(text, NULL, &n), ERR_OK);
				assert_true(name_index_remove(x, n.wire));
				now[k] = NULL;
				continue;
			}
			now[k] = all[all_n++] = thing_of(text, round);
			assert_true(name_index_set(x, (struct named *)now[k]));
		}
		if (round == 5) { /* given up: nothing of it stays */
			name_index_abort(x);
			x = older;
			memcpy(now, before, sizeof now);
			continue;
		}
		name_index_seal(x);
		for (unsigned k = 0; k < NAMES; k++) {
			snprintf(text, sizeof text, "H%u.%u.example.", k, k % 7);
			assert_ptr_equal(look(x, text), now[k]);
			if (older != NULL)
				assert_ptr_equal(look(older, text), before[k]);
		}
		name_index_free(older);
	}
	name_index_free(x);
	for (size_t i = 0; i < all_n; i++)
		free(all[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found_without_regard_to_case),
		cmocka_unit_test(the_deepest_ancestor_is_found),
		cmocka_unit_test(versions_do_not_disturb_one_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
