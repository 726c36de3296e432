// SPDX-License-Identifier: Apache-2.0
#include "transfer/asker.h"

#include "dns/edns.h"
#include "dns/rrtype.h"
#include "fake_server.h"
#include "transfer/answer.h"

#define MANY 40

struct seen {
	unsigned n;
	enum err err;
	char why[100];
};

static void done(const struct exchange_result *r, void *context)
{
	struct seen *s = context;

	s->n++;
	s->err = r->err;
	strncpy(s->why, r->why != NULL ? r->why : "", sizeof s->why - 1);
}

static const uint8_t NAME[] = "\7example";

struct bench {
	uv_loop_t loop;
	struct fake_server server;
	struct asker *asker;
	struct remote to;
	struct asked *q;
};

static void set_up(struct bench *b, fake_behaviour *over_udp, fake_behaviour *over_tcp,
		   uint32_t under_way_max)
{
	struct asker_options options = { under_way_max, 100, 2 };

	uv_loop_init(&b->loop);
	fake_start(&b->server, &b->loop);
	b->server.over_udp = over_udp;
	b->server.over_tcp = over_tcp;
	b->to = fake_remote(&b->server, REMOTE_UDP);
	assert_int_equal(asker_new(&b->asker, &b->loop, &options), ERR_OK);
}

static void ask(struct bench *b, bool sure, struct seen *s)
{
	uint8_t query[MESSAGE_QUERY_MAX];
	struct span question = { query, query_write(query, NAME, TYPE_DS, 0, 1232, true) };

	assert_int_equal(asker_ask(&b->q, b->asker, &b->to, question, sure, done, s), ERR_OK);
	assert_int_equal(s->n, 0);
}

static void tear_down(struct bench *b)
{
	asker_close(b->asker);
	fake_stop(&b->server);
	assert_int_equal(uv_loop_close(&b->loop), 0);
}

static struct seen ask_one(fake_behaviour *over_udp, fake_behaviour *over_tcp, bool sure,
			   unsigned *udp_n, unsigned *tcp_n)
{
	static struct bench b;
	struct seen s = { 0 };

	set_up(&b, over_udp, over_tcp, 0);
	ask(&b, sure, &s);
	while (s.n == 0)
		uv_run(&b.loop, UV_RUN_ONCE);
	*udp_n = b.server.udp_n;
	*tcp_n = b.server.tcp_n;
	tear_down(&b);
	assert_int_equal(s.n, 1);
	return s;
}

/* ---- behaviours ---- */

static void echoes(struct fake_server *f, const uint8_t *q, size_t n)
{
	uint8_t *m = fake_reply(q, n, FLAG_AA); /* our cookie is in its OPT record */

	fake_send(f, m, n);
	free(m);
}

static void knows_no_cookies(struct fake_server *f, const uint8_t *q, size_t n)
{
	uint8_t *m = fake_reply(q, n, FLAG_AA);

	store_u16(m + n - 14, 0); /* RDLENGTH */
	fake_send(f, m, n - 12);
	free(m);
}

static void guesses_cookies_and_then_answers(struct fake_server *f, const uint8_t *q, size_t n)
{
	uint8_t *m = fake_reply(q, n, 0);

	m[n - 1] ^= 1;
	store_u16(m + 2, (uint16_t)(load_u16(m + 2) | RCODE_REFUSED));
	fake_send(f, m, n);
	free(m);
	echoes(f, q, n);
}

static void wants_its_own_cookie(struct fake_server *f, const uint8_t *q, size_t n)
{
	uint8_t *m = fake_reply(q, n, RCODE_BADCOOKIE & 15);

	fake_send(f, m, n);
	free(m);
}

static void truncates(struct fake_server *f, const uint8_t *q, size_t n)
{
	uint8_t *m = fake_reply(q, n, FLAG_TC);

	fake_send(f, m, n);
	free(m);
}

static void floods_with_wrong_answers(struct fake_server *f, const uint8_t *q, size_t n)
{
	uint8_t *m = fake_reply(q, n, FLAG_AA);

	m[13] ^= 1; /* question: name */
	for (int i = 0; i < 20; i++)
		fake_send(f, m, n);
	free(m);
}

static void answers_over_tcp(struct fake_server *f, const uint8_t *q, size_t n)
{
	uint8_t *m = fake_reply(q, n, FLAG_AA);

	fake_write(f, m, n);
	free(m);
}

static void says_nothing(struct fake_server *f, const uint8_t *q, size_t n)
{
	(void)f;
	(void)q;
	(void)n;
}

/* ---- tests ---- */

static const struct {
	const char *says;
	fake_behaviour *over_udp, *over_tcp;
	bool sure;
	enum err err;
	unsigned udp_n, tcp_n;
} ROWS[] = {
	{ "an answer with our cookie is enough for a sure question (RFC 7873 §5.3)", echoes,
	  says_nothing, true, ERR_OK, 1, 0 },
	{ "without a cookie a sure question goes over TCP", knows_no_cookies, answers_over_tcp,
	  true, ERR_OK, 1, 1 },
	{ "without a cookie any other question is answered", knows_no_cookies, says_nothing, false,
	  ERR_OK, 1, 0 },
	{ "an answer with another cookie is ignored (RFC 7873 §5.3)",
	  guesses_cookies_and_then_answers, says_nothing, false, ERR_OK, 1, 0 },
	{ "who wants its own cookie is asked over TCP", wants_its_own_cookie, answers_over_tcp,
	  false, ERR_OK, 1, 1 },
	{ "a truncated answer is asked for over TCP (RFC 7766 §5)", truncates, answers_over_tcp,
	  false, ERR_OK, 1, 1 },
	{ "many wrong answers are left behind over TCP (RFC 5452 §9.3)", floods_with_wrong_answers,
	  answers_over_tcp, false, ERR_OK, 1, 1 },
	{ "silence is asked again, and then told", says_nothing, says_nothing, false, ERR_TIMEOUT,
	  2, 0 },
	{ "silence over TCP is told", truncates, says_nothing, false, ERR_TIMEOUT, 1, 1 },
};

static void questions_are_answered_as_the_rows_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		unsigned udp_n, tcp_n;
		struct seen s =
		    ask_one(ROWS[i].over_udp, ROWS[i].over_tcp, ROWS[i].sure, &udp_n, &tcp_n);
		if (s.err != ROWS[i].err || udp_n != ROWS[i].udp_n || tcp_n != ROWS[i].tcp_n)
			fail_msg("%s: error %d, %u over UDP, %u over TCP", ROWS[i].says, s.err,
				 udp_n, tcp_n);
		assert_true((s.err == ERR_OK) == (s.why[0] == 0));
	}
}

static void no_more_are_under_way_than_the_limit(void **state)
{
	static struct bench b;
	struct seen s[MANY] = { 0 };
	unsigned all = 0;

	(void)state;
	set_up(&b, says_nothing, says_nothing, 7);
	for (int i = 0; i < MANY; i++)
		ask(&b, false, &s[i]);
	assert_int_equal(asker_under_way(b.asker), 7);
	assert_int_equal(asker_waiting(b.asker), MANY - 7);
	b.server.over_udp = echoes; /* the first tries may be lost: they are made again */
	while (all < MANY) {
		uv_run(&b.loop, UV_RUN_ONCE);
		assert_true(asker_under_way(b.asker) <= 7);
		all = 0;
		for (int i = 0; i < MANY; i++)
			all += s[i].n;
	}
	for (int i = 0; i < MANY; i++)
		assert_int_equal(s[i].err, ERR_OK);
	tear_down(&b);
}

static void a_cancelled_question_is_never_told(void **state)
{
	static struct bench b;
	struct seen s = { 0 }, other = { 0 };

	(void)state;
	set_up(&b, echoes, says_nothing, 1);
	ask(&b, false, &other);
	ask(&b, false, &s);
	asked_cancel(b.q);
	while (other.n == 0)
		uv_run(&b.loop, UV_RUN_ONCE);
	ask(&b, false, &s);
	asked_cancel(b.q);
	uv_run(&b.loop, UV_RUN_NOWAIT);
	assert_int_equal(s.n, 0);
	tear_down(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_are_answered_as_the_rows_say),
		cmocka_unit_test(no_more_are_under_way_than_the_limit),
		cmocka_unit_test(a_cancelled_question_is_never_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
