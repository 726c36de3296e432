// SPDX-License-Identifier: Apache-2.0
#include "policy_text.h"

#include <math.h>

#include "geo/draw.h"
#include "geo/steer.h"

/* ---- words by value ---- */

#define WORDS_MAX 64

struct words {
	const char *text[WORDS_MAX];
	health_word word[WORDS_MAX];
	unsigned refs[WORDS_MAX];
	size_t n;
	size_t fail_after; /* words that may still be given; SIZE_MAX: any */
};

static size_t find_word(struct words *w, const char *text)
{
	size_t i = 0;

	while (i < w->n && strcmp(w->text[i], text) != 0)
		i++;
	if (i == w->n)
		w->text[w->n++] = text;
	return i;
}

static const health_word *give(void *context, const struct policy *record,
			       const struct policy_value *value)
{
	struct words *w = context;

	assert_non_null(record->healthcheck);
	if (w->fail_after != SIZE_MAX && w->fail_after-- == 0)
		return NULL;
	size_t i = find_word(w, value->text);
	w->refs[i]++;
	return &w->word[i];
}

static void take_back(void *context, const health_word *word)
{
	struct words *w = context;

	assert_true(w->refs[word - w->word] > 0);
	w->refs[word - w->word]--;
}

static struct steer_set *compile(const struct policy *p, struct words *w)
{
	static const struct policy_healthcheck CHECK = { .protocol = POLICY_TCP, .port = 443 };
	struct steer_health health = { give, take_back, w };
	struct steer_options options = { .seed = "example.", .health = &health };
	struct policy checked = *p;
	const struct policy *policies[] = { &checked };
	struct steer_set *s = NULL;

	checked.healthcheck = &CHECK;
	assert_int_equal(steer_compile(&s, policies, 1, NULL, &options), ERR_OK);
	return s;
}

static void set_health(struct words *w, const char *text, bool up)
{
	health_word_store(&w->word[find_word(w, text)], health_word_make(true, up, 0));
}

/* The octets that answer 10.0.0.1, as text. */
static const char *answer(const struct steer_set *s)
{
	static char text[64];
	struct ip_addr a = { .family = IP_V4, .bytes = { 10, 0, 0, 1 } };
	struct steer_choice c = steer_choose(s, 0, &a, NULL);
	const struct span *rdata;

	assert_int_equal(steer_variant(s, 0, c.variant, &rdata), 1);
	inet_ntop(AF_INET, rdata[0].p, text, sizeof text);
	return text;
}

static const char CHAIN[] = "type A\nvalues 9.9.9.9\n"
			    "pool near > far = 1.1.1.1\n"
			    "pool far > last = 2.2.2.2 3.3.3.3-\n"
			    "pool last = 4.4.4.4+\n"
			    "rule -> near\n";

static void a_change_of_health_reaches_the_next_answer_without_compiling(void **state)
{
	struct policy_text t = policy_text(CHAIN);
	struct words w = { .fail_after = SIZE_MAX };
	struct steer_set *s = compile(&t.policy, &w);

	(void)state;
	assert_string_equal(answer(s), "1.1.1.1"); /* unknown counts as up */
	set_health(&w, "1.1.1.1", false);
	assert_string_equal(answer(s), "2.2.2.2");
	set_health(&w, "2.2.2.2", false);
	assert_string_equal(answer(s), "4.4.4.4");
	set_health(&w, "4.4.4.4", false); /* status up: nobody asks */
	assert_string_equal(answer(s), "4.4.4.4");
	set_health(&w, "2.2.2.2", true);
	assert_string_equal(answer(s), "2.2.2.2");
	set_health(&w, "1.1.1.1", true);
	assert_string_equal(answer(s), "1.1.1.1");
	steer_free(s);
	policy_text_free(&t);
}

static void with_all_of_the_chain_down_the_default_values_answer(void **state)
{
	struct policy_text t = policy_text("type A\nvalues 9.9.9.9\npool a > b = 1.1.1.1\n"
					   "pool b = 2.2.2.2\nrule -> a\n");
	struct words w = { .fail_after = SIZE_MAX };
	struct steer_set *s = compile(&t.policy, &w);
	struct steer_trace trace;
	struct ip_addr a = { .family = IP_V4, .bytes = { 10, 0, 0, 1 } };

	(void)state;
	set_health(&w, "1.1.1.1", false);
	set_health(&w, "2.2.2.2", false);
	assert_string_equal(answer(s), "9.9.9.9");
	assert_int_equal(steer_choose(s, 0, &a, &trace).variant, 0);
	assert_true(trace.defaulted);
	assert_int_equal(trace.chain_n, 2);
	assert_int_equal(trace.values_n, 2);
	assert_false(trace.values[1].use == STEER_USABLE);
	assert_string_equal(trace.values[1].text, "2.2.2.2");
	assert_int_equal(trace.values[1].word, HEALTH_WORD_KNOWN);
	steer_free(s);
	policy_text_free(&t);
}

static void every_word_is_given_back_once_also_where_compiling_fails(void **state)
{
	struct policy_text t = policy_text(CHAIN);

	(void)state;
	for (size_t fail = 0; fail <= 2; fail++) {
		static const struct policy_healthcheck CHECK = { .protocol = POLICY_TCP };
		struct words w = { .fail_after = fail };
		struct steer_health health = { give, take_back, &w };
		struct steer_options options = { .seed = "example.", .health = &health };
		const struct policy *policies[] = { &t.policy };
		struct steer_set *s = NULL;
		t.policy.healthcheck = &CHECK;
		enum err e = steer_compile(&s, policies, 1, NULL, &options);
		assert_int_equal(e, fail < 2 ? ERR_NOMEM : ERR_OK);
		steer_free(s);
		for (size_t i = 0; i < w.n; i++)
			assert_int_equal(w.refs[i], 0);
	}
	policy_text_free(&t);
}

/* ---- random policies, health and clients against an interpreter with floating point ---- */

struct world {
	char text[4000];
	struct policy_text t;
	struct words w;
};

static void add(struct world *x, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct world *x, const char *format, ...)
{
	va_list ap;
	size_t n = strlen(x->text);

	va_start(ap, format);
	vsnprintf(x->text + n, sizeof x->text - n, format, ap);
	va_end(ap);
}

static void make_world(struct world *x, struct lottery *l)
{
	uint32_t pools = 1 + lottery_below(l, 5);

	memset(x, 0, sizeof *x);
	x->w.fail_after = SIZE_MAX;
	add(x, "type A\nvalues 192.0.2.1 192.0.2.2\n");
	for (uint32_t p = 0; p < pools; p++) {
		add(x, "pool p%u", p);
		if (p + 1 < pools && lottery_below(l, 4) > 0)
			add(x, " > p%u", p + 1 + lottery_below(l, pools - p - 1));
		add(x, " =");
		uint32_t n = 1 + lottery_below(l, 5);
		for (uint32_t v = 0; v < n; v++)
			add(x, " 203.0.%u.%u*%u%s", lottery_below(l, 3), v + 1,
			    n == 1 ? 1 : 1 + lottery_below(l, 100),
			    &"\0+\0-\0\0\0\0"[2 * lottery_below(l, 4)]);
		add(x, "\n");
	}
	for (uint32_t i = 0; i < 3; i++)
		add(x, "rule 10.%u.0.0/%u -> p%u\n", i * 16, 12 + lottery_below(l, 12),
		    lottery_below(l, pools));
	add(x, "rule -> p%u\n", lottery_below(l, pools));
	x->t = policy_text(x->text);
}

static const struct policy_pool *pool_called(const struct policy *p, const char *name)
{
	for (size_t i = 0; name != NULL && i < p->pool_n; i++)
		if (strcmp(p->pools[i].name, name) == 0)
			return &p->pools[i];
	return NULL;
}

static bool may_answer(struct world *x, const struct policy_value *v)
{
	if (v->status != POLICY_OBEY)
		return v->status == POLICY_UP;
	uint32_t word = x->w.word[find_word(&x->w, v->text)];
	return (word & HEALTH_WORD_KNOWN) == 0 || (word & HEALTH_WORD_UP) != 0;
}

static const struct policy_rule *rule_for(const struct policy *p, const struct ip_addr *a)
{
	for (size_t i = 0; i < p->rule_n; i++) {
		for (size_t k = 0; k < p->rules[i].subnet_n; k++)
			if (ip_prefix_contains(&p->rules[i].subnets[k].prefix, a))
				return &p->rules[i];
	}
	return &p->rules[p->rule_n - 1];
}

/* -ln(u) / weight, with u from the hash that docs/steering.md defines. */
static double price(const struct policy_value *v, const struct ip_addr *a)
{
	static const uint8_t START[] = "\3www\7example\0\0\1\4";
	struct siphash_key key = draw_key("example.");
	uint8_t message[sizeof START - 1 + 3 + 4];

	memcpy(message, START, sizeof START - 1);
	memcpy(message + sizeof START - 1, a->bytes, 3);
	memcpy(message + sizeof START + 2, v->rdata.p, 4);
	double u = ((double)siphash(&key, message, sizeof message) + 0.5) / 18446744073709551616.0;
	return -log(u) / v->weight;
}

/* The value that should answer; NULL: the defaults, or too close to call. */
static const struct policy_value *expected(struct world *x, const struct ip_addr *a, bool *close)
{
	const struct policy *p = &x->t.policy;
	const struct policy_pool *pool = pool_called(p, rule_for(p, a)->pools[0].text);

	for (; pool != NULL; pool = pool_called(p, pool->fallback)) {
		const struct policy_value *best = NULL;
		double least = 0, second = INFINITY;
		for (size_t i = 0; i < pool->value_n; i++) {
			if (!may_answer(x, &pool->values[i]))
				continue;
			double c = price(&pool->values[i], a);
			if (best == NULL || c < least) {
				second = best != NULL ? least : second;
				least = c;
				best = &pool->values[i];
			} else if (c < second) {
				second = c;
			}
		}
		*close = best != NULL && second - least < 1e-5;
		if (best != NULL)
			return best;
	}
	return NULL;
}

static void check_client(struct world *x, const struct steer_set *s, const struct ip_addr *a)
{
	struct steer_trace trace;
	const struct span *rdata;
	bool close = false;
	struct steer_choice fast = steer_choose(s, 0, a, NULL), c = steer_choose(s, 0, a, &trace);
	const struct policy_value *want = expected(x, a, &close);
	size_t n = steer_variant(s, 0, c.variant, &rdata);

	assert_int_equal(fast.variant, c.variant);
	assert_int_equal(fast.scope, c.scope);
	assert_int_equal(want == NULL, trace.defaulted);
	if (want == NULL)
		assert_int_equal(n, 2);
	else if (!close)
		assert_true(n == 1 && span_equal(rdata[0], want->rdata));
}

static void every_state_of_health_gives_what_a_naive_interpreter_gives(void **state)
{
	static struct world x;

	(void)state;
	for (uint64_t seed = 1; seed <= 1500; seed++) {
		struct lottery l = { seed * 32452843 };
		make_world(&x, &l);
		struct steer_set *s = compile(&x.t.policy, &x.w);
		uint8_t scopes[10];
		for (int round = 0; round < 6; round++) {
			struct lottery clients = { seed };
			for (size_t i = 0; i < x.w.n; i++)
				health_word_store(&x.w.word[i],
						  health_word_make(lottery_below(&l, 4) > 0,
								   lottery_below(&l, 2) > 0, 7));
			for (int i = 0; i < 10; i++) {
				struct ip_addr a = { .family = IP_V4, .bytes = { 10 } };
				a.bytes[1] = (uint8_t)lottery_below(&clients, 64);
				a.bytes[2] = (uint8_t)lottery_below(&clients, 256);
				check_client(&x, s, &a);
				/* Health never changes the scope. */
				uint8_t scope = steer_choose(s, 0, &a, NULL).scope;
				assert_true(round == 0 || scopes[i] == scope);
				scopes[i] = scope;
			}
		}
		steer_free(s);
		policy_text_free(&x.t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_of_health_reaches_the_next_answer_without_compiling),
		cmocka_unit_test(with_all_of_the_chain_down_the_default_values_answer),
		cmocka_unit_test(every_word_is_given_back_once_also_where_compiling_fails),
		cmocka_unit_test(every_state_of_health_gives_what_a_naive_interpreter_gives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
