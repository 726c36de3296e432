// SPDX-License-Identifier: Apache-2.0
/* The monitor on a loop of the test's own, with a TCP server beside it. */
#include "check.h"

#include <pthread.h>
#include <stdio.h>
#include <uv.h>

#include "health/monitor.h"

#define PATIENCE_MS 10000

struct lab {
	uv_loop_t loop;
	uv_tcp_t server;
	uint16_t port;
	unsigned accepted_n, changes_n;
	struct monitor *monitor;
	uv_timer_t patience;
	bool out_of_patience;
};

static void free_handle(uv_handle_t *h)
{
	free(h);
}

static void on_connection(uv_stream_t *server, int status)
{
	struct lab *l = server->data;
	uv_tcp_t *c = malloc(sizeof *c);

	assert_int_equal(status, 0);
	assert_non_null(c);
	uv_tcp_init(&l->loop, c);
	uv_accept(server, (uv_stream_t *)c);
	l->accepted_n++;
	uv_close((uv_handle_t *)c, free_handle);
}

static void open_server(struct lab *l)
{
	struct sockaddr_in at;
	int len = sizeof at;

	uv_ip4_addr("127.0.0.1", 0, &at);
	uv_tcp_init(&l->loop, &l->server);
	l->server.data = l;
	assert_int_equal(uv_tcp_bind(&l->server, (struct sockaddr *)&at, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&l->server, 128, on_connection), 0);
	uv_tcp_getsockname(&l->server, (struct sockaddr *)&at, &len);
	l->port = ntohs(at.sin_port);
}

static void on_changed(const struct monitor_target *t, enum monitor_change what, void *context)
{
	struct lab *l = context;

	(void)t;
	(void)what;
	l->changes_n++;
}

static void on_patience(uv_timer_t *t)
{
	struct lab *l = t->data;

	l->out_of_patience = true;
}

static void lab_open_with(struct lab *l, uint32_t rate, uint32_t running,
			  const struct monitor_memory *memory)
{
	memset(l, 0, sizeof *l);
	uv_loop_init(&l->loop);
	open_server(l);
	struct monitor_options o = {
		.loop = &l->loop,
		.max_rate = rate,
		.max_running = running,
		.changed = on_changed,
		.context = l,
		.memory = memory,
		.memory_n = memory != NULL ? 1 : 0,
	};
	assert_int_equal(monitor_new(&l->monitor, &o), ERR_OK);
	uv_timer_init(&l->loop, &l->patience);
	l->patience.data = l;
	uv_timer_start(&l->patience, on_patience, PATIENCE_MS, 0);
}

static void lab_open(struct lab *l, uint32_t rate, uint32_t running)
{
	lab_open_with(l, rate, running, NULL);
}

static void lab_close(struct lab *l)
{
	monitor_stop(l->monitor);
	if (!uv_is_closing((uv_handle_t *)&l->server))
		uv_close((uv_handle_t *)&l->server, NULL);
	uv_close((uv_handle_t *)&l->patience, NULL);
	uv_run(&l->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&l->loop), 0);
}

static struct check_spec tcp_check(const struct lab *l, const char *value)
{
	struct check_spec s = check_defaults();

	s.protocol = CHECK_TCP;
	s.value = value;
	s.port = l->port;
	s.interval_ms = 20; /* shorter than a configuration may say */
	s.timeout_ms = 1000;
	return s;
}

#define RUN_UNTIL(lab, condition)                                                                  \
	do {                                                                                       \
		while (!(condition) && !(lab)->out_of_patience)                                    \
			uv_run(&(lab)->loop, UV_RUN_ONCE);                                         \
		assert_true(condition);                                                            \
	} while (0)

static void runs_one_check_for_all_that_ask_for_it(void **state)
{
	struct lab l;

	(void)state;
	lab_open(&l, 1000, 10);
	struct check_spec s = tcp_check(&l, "127.0.0.1");
	const health_word *one = monitor_word(l.monitor, &s);
	const health_word *other = monitor_word(l.monitor, &s);
	assert_ptr_equal(one, other);
	assert_true(health_word_is_up(health_word_load(one))); /* before anything is known */
	RUN_UNTIL(&l, l.changes_n > 0);
	assert_int_equal(health_word_load(one), HEALTH_WORD_KNOWN | HEALTH_WORD_UP);
	assert_int_equal(monitor_counts(l.monitor).targets, 1);
	monitor_release(l.monitor, one);
	unsigned n = l.accepted_n;
	RUN_UNTIL(&l, l.accepted_n > n); /* one still wants it */
	monitor_release(l.monitor, other);
	assert_int_equal(monitor_counts(l.monitor).targets, 0);
	monitor_release(l.monitor, monitor_word(l.monitor, &s)); /* gone before it started */
	lab_close(&l);
}

static void finds_a_target_down_after_as_many_failures_as_asked(void **state)
{
	struct lab l;

	(void)state;
	lab_open(&l, 1000, 10);
	struct check_spec s = tcp_check(&l, "127.0.0.1");
	const health_word *word = monitor_word(l.monitor, &s);
	RUN_UNTIL(&l, l.changes_n == 1);
	uv_close((uv_handle_t *)&l.server, NULL);
	RUN_UNTIL(&l, l.changes_n == 2);
	struct monitor_view v = monitor_view_of(monitor_target_of(word));
	assert_int_equal(v.state, HEALTH_DOWN);
	assert_true(v.failures_n >= 3);
	assert_non_null(strstr(v.reason, "refused"));
	assert_false(health_word_is_up(health_word_load(word)));
	monitor_release(l.monitor, word);
	lab_close(&l);
}

static void believes_what_it_knew_before_a_restart(void **state)
{
	char key[CHECK_KEY_MAX];
	struct lab l;

	(void)state;
	struct monitor_memory memory = { key, HEALTH_DOWN, 1000 };
	lab_open_with(&l, 1000, 10, &memory);
	struct check_spec s = tcp_check(&l, "127.0.0.1");
	check_key(&s, key);
	const health_word *word = monitor_word(l.monitor, &s);
	assert_false(health_word_is_up(health_word_load(word)));
	assert_int_equal(monitor_view_of(monitor_target_of(word)).since, 1000);
	RUN_UNTIL(&l, health_word_is_up(health_word_load(word)));
	assert_true(monitor_view_of(monitor_target_of(word)).probes_n >= s.rise);
	monitor_release(l.monitor, word);
	lab_close(&l);
}

static void obeys_what_an_operator_says(void **state)
{
	struct lab l;

	(void)state;
	lab_open(&l, 1000, 10);
	struct check_spec s = tcp_check(&l, "127.0.0.1");
	const health_word *word = monitor_word(l.monitor, &s);
	RUN_UNTIL(&l, l.changes_n == 1);
	assert_int_equal(monitor_override(l.monitor, "127.0.0.1", OVERRIDE_DOWN), ERR_OK);
	assert_false(health_word_is_up(health_word_load(word)));
	s.port++; /* another check of the same value, later */
	const health_word *later = monitor_word(l.monitor, &s);
	assert_false(health_word_is_up(health_word_load(later)));
	assert_int_equal(monitor_override(l.monitor, "127.0.0.1", OVERRIDE_OBEY), ERR_OK);
	assert_true(health_word_is_up(health_word_load(word)));
	assert_int_equal(monitor_override(l.monitor, "127.0.0.1", OVERRIDE_OBEY), ERR_NOT_FOUND);
	monitor_release(l.monitor, word);
	monitor_release(l.monitor, later);
	lab_close(&l);
}

static void takes_results_and_load_from_outside(void **state)
{
	struct lab l;

	(void)state;
	lab_open(&l, 1000, 10);
	struct check_spec s = tcp_check(&l, "192.0.2.1");
	s.protocol = CHECK_FEED;
	s.fall = 1;
	const health_word *word = monitor_word(l.monitor, &s);
	assert_int_equal(monitor_feed(l.monitor, "192.0.2.2", true, 0, "fed"), ERR_NOT_FOUND);
	assert_int_equal(monitor_feed(l.monitor, "192.0.2.1", true, 70, "fed"), ERR_OK);
	assert_int_equal(health_word_fed(health_word_load(word)), 70);
	assert_int_equal(monitor_feed(l.monitor, "192.0.2.1", false, 99999, "fed"), ERR_OK);
	assert_false(health_word_is_up(health_word_load(word)));
	assert_int_equal(health_word_fed(health_word_load(word)), HEALTH_WORD_LOAD_MAX);
	monitor_release(l.monitor, word);
	lab_close(&l);
}

static void starts_no_more_probes_than_it_may(void **state)
{
	enum { N = 200 };
	const health_word *words[N];
	char values[N][20];
	struct lab l;

	(void)state;
	lab_open(&l, 100, 10);
	for (unsigned i = 0; i < N; i++) {
		snprintf(values[i], sizeof values[i], "127.0.1.%u", i + 1);
		struct check_spec s = tcp_check(&l, values[i]);
		s.interval_ms = 60000;
		words[i] = monitor_word(l.monitor, &s);
	}
	uint64_t began = uv_hrtime();
	RUN_UNTIL(&l, monitor_counts(l.monitor).probes_n == N);
	/* 200 at 100 a second, the first tenth of a second's at once. */
	assert_true(uv_hrtime() - began > 1700000000u);
	for (unsigned i = 0; i < N; i++)
		monitor_release(l.monitor, words[i]);
	lab_close(&l);
}

static void *load(void *context)
{
	struct lab *l = context;

	for (unsigned i = 0; i < 2000; i++) {
		char value[20];
		snprintf(value, sizeof value, "127.0.2.%u", i % 100 + 1);
		struct check_spec s = tcp_check(l, value);
		const health_word *word = monitor_word(l->monitor, &s);
		if (i % 20 != 0)
			monitor_release(l->monitor, word);
	}
	return NULL;
}

static void gives_words_to_a_thread_that_loads_zones(void **state)
{
	pthread_t thread;
	struct lab l;

	(void)state;
	lab_open(&l, 10000, 10);
	pthread_create(&thread, NULL, load, &l);
	RUN_UNTIL(&l, monitor_counts(l.monitor).targets == 5 &&
			  monitor_counts(l.monitor).probes_n > 20);
	pthread_join(thread, NULL);
	assert_int_equal(monitor_counts(l.monitor).targets, 5);
	struct monitor *m = l.monitor;
	struct check_spec all[5];
	lab_close(&l);
	for (unsigned i = 0; i < 5; i++) {
		static const char *const VALUES[] = { "127.0.2.1", "127.0.2.21", "127.0.2.41",
						      "127.0.2.61", "127.0.2.81" };
		all[i] = tcp_check(&l, VALUES[i]);
	}
	for (unsigned i = 0; i < 2000 / 20; i++) {
		const health_word *word = monitor_word(m, &all[i % 5]);
		monitor_release(m, word);
		monitor_release(m, word);
	}
}

static void ends_with_probes_under_way_and_words_still_held(void **state)
{
	struct lab l;

	(void)state;
	lab_open(&l, 1000, 10);
	struct check_spec s = tcp_check(&l, "127.0.0.1"), icmp = tcp_check(&l, "127.0.0.1");
	icmp.protocol = CHECK_ICMP;
	const health_word *word = monitor_word(l.monitor, &s);
	const health_word *echo = monitor_word(l.monitor, &icmp);
	RUN_UNTIL(&l, l.changes_n == 2); /* echo, too: the test runs as root */
	uv_run(&l.loop, UV_RUN_NOWAIT);
	struct monitor *m = l.monitor;
	lab_close(&l);
	assert_true(health_word_is_up(health_word_load(word)));
	monitor_release(m, word);
	monitor_release(m, echo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_one_check_for_all_that_ask_for_it),
		cmocka_unit_test(finds_a_target_down_after_as_many_failures_as_asked),
		cmocka_unit_test(believes_what_it_knew_before_a_restart),
		cmocka_unit_test(obeys_what_an_operator_says),
		cmocka_unit_test(takes_results_and_load_from_outside),
		cmocka_unit_test(starts_no_more_probes_than_it_may),
		cmocka_unit_test(gives_words_to_a_thread_that_loads_zones),
		cmocka_unit_test(ends_with_probes_under_way_and_words_still_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
