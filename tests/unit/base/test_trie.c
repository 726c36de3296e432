// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include "base/trie.h"

#define KEYS_MAX 400

/* The model: every key in a sorted array. */
struct model {
	struct {
		uint8_t key[12];
		size_t n;
		uintptr_t value;
	} at[KEYS_MAX];
	size_t n;
};

static struct span key_at(const struct model *m, size_t i)
{
	return (struct span){ m->at[i].key, m->at[i].n };
}

static int order(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

static size_t lower_bound(const struct model *m, struct span key)
{
	size_t i = 0;

	while (i < m->n && order(key_at(m, i), key) < 0)
		i++;
	return i;
}

static void model_set(struct model *m, struct span key, uintptr_t value)
{
	size_t i = lower_bound(m, key);

	if (i == m->n || order(key_at(m, i), key) != 0) {
		memmove(&m->at[i + 1], &m->at[i], (m->n - i) * sizeof m->at[0]);
		m->n++;
		memcpy(m->at[i].key, key.p, key.n);
		m->at[i].n = key.n;
	}
	m->at[i].value = value;
}

static void model_remove(struct model *m, struct span key)
{
	size_t i = lower_bound(m, key);

	if (i == m->n || order(key_at(m, i), key) != 0)
		return;
	m->n--;
	memmove(&m->at[i], &m->at[i + 1], (m->n - i) * sizeof m->at[0]);
}

/* Few letters, so that keys are often prefixes of one another. */
static struct span random_key(struct lottery *l, uint8_t out[12])
{
	size_t n = lottery_below(l, 8);

	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(lottery_below(l, 3) * 17);
	return (struct span){ out, n };
}

static void agrees_at(const struct trie *t, const struct model *m, struct span key)
{
	size_t i = lower_bound(m, key);
	bool there = i < m->n && order(key_at(m, i), key) == 0;
	struct trie_found f = trie_find_previous(t, key);
	uintptr_t above = 0, next = 0;
	size_t above_len = 0;

	for (size_t k = 0; k < m->n; k++) {
		if (m->at[k].n < key.n && memcmp(m->at[k].key, key.p, m->at[k].n) == 0 &&
		    (above == 0 || m->at[k].n >= above_len)) {
			above = m->at[k].value;
			above_len = m->at[k].n;
		}
	}
	if (i + there < m->n)
		next = m->at[i + there].value;
	assert_int_equal((uintptr_t)f.exact, there ? m->at[i].value : 0);
	assert_int_equal((uintptr_t)trie_get(t, key), there ? m->at[i].value : 0);
	assert_int_equal((uintptr_t)f.previous, i > 0 ? m->at[i - 1].value : 0);
	assert_int_equal((uintptr_t)trie_at_or_before(t, key), there   ? m->at[i].value
							       : i > 0 ? m->at[i - 1].value
								       : 0);
	assert_int_equal((uintptr_t)f.ancestor, above);
	assert_int_equal((uintptr_t)trie_next(t, key), next);
	if (above != 0)
		assert_int_equal(f.ancestor_len, above_len);
}

struct seen {
	const struct model *m;
	size_t i;
};

static bool visit(struct span key, void *value, void *context)
{
	struct seen *s = context;

	assert_int_equal(order(key, key_at(s->m, s->i)), 0);
	assert_int_equal((uintptr_t)value, s->m->at[s->i].value);
	s->i++;
	return true;
}

static void agrees(const struct trie *t, const struct model *m, struct lottery *l)
{
	uint8_t key[12];
	struct seen s = { m, 0 };

	trie_walk(t, visit, &s);
	assert_int_equal(s.i, m->n);
	assert_int_equal(trie_count(t), m->n);
	assert_int_equal((uintptr_t)trie_last(t), m->n > 0 ? m->at[m->n - 1].value : 0);
	for (int i = 0; i < 60; i++)
		agrees_at(t, m, random_key(l, key));
	for (size_t i = 0; i < m->n; i++)
		agrees_at(t, m, key_at(m, i));
}

static void change(struct trie *t, struct model *m, struct lottery *l, int steps)
{
	uint8_t bytes[12];
	enum err e;

	for (int i = 0; i < steps; i++) {
		struct span key = random_key(l, bytes);
		if (lottery_below(l, 3) == 0) {
			trie_remove(t, key, &e);
			assert_int_equal(e, ERR_OK);
			model_remove(m, key);
		} else if (m->n < KEYS_MAX) {
			uintptr_t value = lottery_next(l) >> 8 | 1;
			assert_int_equal(trie_set(t, key, (void *)value, NULL), ERR_OK);
			model_set(m, key, value);
		}
	}
}

static void agrees_with_a_sorted_array_through_versions(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct lottery l = { seed * 7919 };
		struct model *models = calloc(8, sizeof *models);
		struct trie *versions[8] = { trie_new() };

		for (int v = 1; v < 8; v++) {
			models[v] = models[v - 1];
			versions[v] = trie_edit(versions[v - 1]);
			change(versions[v], &models[v], &l, 40);
			trie_seal(versions[v]);
		}
		/* Older versions still say what they said. */
		for (int v = 0; v < 8; v++)
			agrees(versions[v], &models[v], &l);
		for (int v = 0; v < 8; v++) {
			trie_free(versions[v]);
			if (v + 1 < 8)
				agrees(versions[v + 1], &models[v + 1], &l);
		}
		free(models);
	}
}

static void gives_up_an_edit_and_keeps_the_base(void **state)
{
	struct lottery l = { 42 };
	struct model m = { .n = 0 }, ignored;
	struct trie *empty = trie_new(), *base = trie_edit(empty);

	(void)state;
	change(base, &m, &l, 200);
	trie_seal(base);
	trie_free(empty);
	for (int i = 0; i < 10; i++) {
		struct trie *t = trie_edit(base);
		ignored = m;
		change(t, &ignored, &l, 100);
		trie_abort(t);
		agrees(base, &m, &l);
	}
	trie_free(base);
}

static void refuses_keys_above_the_limit(void **state)
{
	uint8_t key[TRIE_KEY_MAX + 1] = { 0 };
	struct trie *empty = trie_new(), *t = trie_edit(empty);

	(void)state;
	assert_int_equal(trie_set(t, (struct span){ key, sizeof key }, key, NULL), ERR_TOO_LONG);
	assert_int_equal(trie_set(t, (struct span){ key, TRIE_KEY_MAX }, key, NULL), ERR_OK);
	trie_seal(t);
	trie_free(empty);
	trie_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_a_sorted_array_through_versions),
		cmocka_unit_test(gives_up_an_edit_and_keeps_the_base),
		cmocka_unit_test(refuses_keys_above_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
