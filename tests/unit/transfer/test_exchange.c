// SPDX-License-Identifier: Apache-2.0
#include "transfer/exchange.h"

#include <time.h>

#include "dns/rrtype.h"
#include "dns/tsig.h"
#include "fake_server.h"
#include "transfer/answer.h"

struct seen {
	unsigned n;
	enum err err;
	uint8_t message[4096];
	size_t message_n;
	char why[200];
};

static void done(const struct exchange_result *r, void *context)
{
	struct seen *s = context;

	s->n++;
	s->err = r->err;
	s->message_n = r->message.n < sizeof s->message ? r->message.n : sizeof s->message;
	if (s->message_n > 0)
		memcpy(s->message, r->message.p, s->message_n);
	strncpy(s->why, r->why != NULL ? r->why : "", sizeof s->why - 1);
}

static const uint8_t NAME[] = "\7example";

static size_t soa_query(uint8_t *room)
{
	return query_write(room, NAME, TYPE_SOA, 0, 0, false);
}

/* What the exchange signs with. */
static const struct tsig_key *with_key;

/* Runs one exchange against behaviours. */
static struct seen ask(fake_behaviour *over_udp, fake_behaviour *over_tcp,
		       enum remote_transport transport, uint32_t try_ms, struct fake_server *f)
{
	static struct fake_server own;
	struct fake_server *server = f != NULL ? f : &own;
	uv_loop_t loop;
	uint8_t query[MESSAGE_QUERY_MAX];
	struct seen s = { 0 };
	struct exchange_options options = {
		.try_ms = try_ms, .tries = 2, .done = done, .context = &s
	};
	struct exchange *x;

	uv_loop_init(&loop);
	fake_start(server, &loop);
	server->over_udp = over_udp;
	server->over_tcp = over_tcp;
	struct remote to = fake_remote(server, transport);
	to.key = with_key;
	assert_int_equal(
	    exchange_start(&x, &loop, &to, (struct span){ query, soa_query(query) }, &options),
	    ERR_OK);
	assert_int_equal(s.n, 0);
	while (s.n == 0)
		uv_run(&loop, UV_RUN_ONCE);
	fake_stop(server);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(s.n, 1);
	return s;
}

/* ---- behaviours ---- */

static void answers(struct fake_server *f, const uint8_t *q, size_t n)
{
	uint8_t *m = fake_reply(q, n, FLAG_AA);

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

static void answers_the_second_time(struct fake_server *f, const uint8_t *q, size_t n)
{
	if (f->udp_n == 2)
		answers(f, q, n);
}

/* Everything that is not an answer, then the answer. */
static void lies_and_then_answers(struct fake_server *f, const uint8_t *q, size_t n)
{
	uint8_t *m = fake_reply(q, n, 0);

	store_u16(m, (uint16_t)(load_u16(m) + 1)); /* id */
	fake_send(f, m, n);
	store_u16(m, load_u16(q));
	m[13] ^= 1; /* question: name */
	fake_send(f, m, n);
	m[13] ^= 1;
	m[n - 3] ^= 1; /* type */
	fake_send(f, m, n);
	m[n - 3] ^= 1;
	m[n - 1] ^= 2; /* class */
	fake_send(f, m, n);
	m[n - 1] ^= 2;
	fake_send(f, q, n); /* QR=0 */
	m[2] ^= 0x20;       /* opcode */
	fake_send(f, m, n);
	m[2] ^= 0x20;
	fake_send(f, m, n - 2); /* question cut */
	fake_send(f, m, 5);
	fake_send(f, "", 0);
	store_u16(m + 6, 1); /* a record that is not there */
	fake_send(f, m, n);
	store_u16(m + 6, 0);
	store_u16(m + 4, 0); /* no question, and no reason for that */
	fake_send(f, m, 12);
	store_u16(m + 4, 1);
	fake_send_from_elsewhere(f, m, n);
	answers(f, q, n);
	free(m);
}

static void floods_with_wrong_ids(struct fake_server *f, const uint8_t *q, size_t n)
{
	uint8_t *m = fake_reply(q, n, 0);

	for (int i = 1; i <= 40; i++) {
		store_u16(m, (uint16_t)(load_u16(q) + i));
		fake_send(f, m, n);
	}
	free(m);
}

static void truncates(struct fake_server *f, const uint8_t *q, size_t n)
{
	uint8_t *m = fake_reply(q, n, FLAG_TC);

	fake_send(f, m, n);
	free(m);
}

static void does_not_know_the_opcode(struct fake_server *f, const uint8_t *q, size_t n)
{
	uint8_t *m = fake_reply(q, n, RCODE_NOTIMP);

	store_u16(m + 4, 0);
	fake_send(f, m, 12);
	free(m);
}

static void answers_something_else_over_tcp(struct fake_server *f, const uint8_t *q, size_t n)
{
	uint8_t *m = fake_reply(q, n, 0);

	store_u16(m, (uint16_t)(load_u16(m) + 1));
	fake_write(f, m, n);
	free(m);
}

static void after_shutdown(uv_shutdown_t *r, int status)
{
	(void)status;
	free(r);
}

static void closes(struct fake_server *f, const uint8_t *q, size_t n)
{
	(void)q;
	(void)n;
	uv_shutdown_t *r = calloc(1, sizeof *r);
	uv_shutdown(r, (uv_stream_t *)&f->client, after_shutdown);
}

static void sends_half_a_message(struct fake_server *f, const uint8_t *q, size_t n)
{
	uint8_t *m = fake_reply(q, n, 0);
	uint8_t length[2] = { 0, (uint8_t)n };

	fake_write_raw(f, length, 2);
	fake_write_raw(f, m, n / 2);
	free(m);
}

/* ---- tests ---- */

static void an_answer_comes_back(void **state)
{
	(void)state;
	struct seen s = ask(answers, NULL, REMOTE_UDP, 2000, NULL);

	assert_int_equal(s.err, ERR_OK);
	assert_int_equal(s.message_n, 12 + 9 + 4);
	assert_int_equal(load_u16(s.message + 2), FLAG_QR | FLAG_AA);
}

static void a_lost_question_is_asked_again_with_another_id(void **state)
{
	static struct fake_server f;
	(void)state;
	struct seen s = ask(answers_the_second_time, NULL, REMOTE_UDP, 50, &f);

	assert_int_equal(s.err, ERR_OK);
	assert_int_equal(f.udp_n, 2);
}

static void silence_ends_in_time(void **state)
{
	(void)state;
	struct seen s = ask(says_nothing, says_nothing, REMOTE_UDP, 30, NULL);

	assert_int_equal(s.err, ERR_TIMEOUT);
	assert_string_equal(s.why, "no answer");
	s = ask(says_nothing, says_nothing, REMOTE_TCP, 30, NULL);
	assert_int_equal(s.err, ERR_TIMEOUT);
}

static void what_is_not_an_answer_is_as_if_it_had_not_come(void **state)
{
	(void)state;
	struct seen s = ask(lies_and_then_answers, NULL, REMOTE_UDP, 2000, NULL);

	assert_int_equal(s.err, ERR_OK);
	assert_int_equal(load_u16(s.message + 2), FLAG_QR | FLAG_AA);
}

static void guesses_move_the_exchange_to_tcp(void **state)
{
	static struct fake_server f;
	(void)state;
	struct seen s = ask(floods_with_wrong_ids, answers_over_tcp, REMOTE_UDP, 2000, &f);

	assert_int_equal(s.err, ERR_OK);
	assert_int_equal(f.tcp_n, 1);
}

static void a_truncated_answer_is_fetched_over_tcp(void **state)
{
	static struct fake_server f;
	(void)state;
	struct seen s = ask(truncates, answers_over_tcp, REMOTE_UDP, 2000, &f);

	assert_int_equal(s.err, ERR_OK);
	assert_int_equal(load_u16(s.message + 2), FLAG_QR | FLAG_AA);
	assert_int_equal(f.udp_n, 1);
	assert_int_equal(f.tcp_n, 1);
}

static void a_refusal_may_lack_its_question(void **state)
{
	(void)state;
	struct seen s = ask(does_not_know_the_opcode, NULL, REMOTE_UDP, 2000, NULL);

	assert_int_equal(s.err, ERR_OK);
	assert_int_equal(s.message[3] & 15, RCODE_NOTIMP);
}

static void a_stream_must_bring_the_answer_itself(void **state)
{
	(void)state;
	assert_int_equal(ask(NULL, answers_over_tcp, REMOTE_TCP, 2000, NULL).err, ERR_OK);
	assert_int_equal(ask(NULL, answers_something_else_over_tcp, REMOTE_TCP, 2000, NULL).err,
			 ERR_SYNTAX);
	assert_int_equal(ask(NULL, closes, REMOTE_TCP, 2000, NULL).err, ERR_IO);
	assert_int_equal(ask(NULL, sends_half_a_message, REMOTE_TCP, 50, NULL).err, ERR_TIMEOUT);
}

static void where_nobody_listens_the_system_says_so(void **state)
{
	(void)state;
	uv_loop_t loop;
	static struct fake_server f;
	uint8_t query[MESSAGE_QUERY_MAX];
	enum remote_transport both[] = { REMOTE_UDP, REMOTE_TCP };

	for (size_t i = 0; i < 2; i++) {
		struct seen s = { 0 };
		struct exchange_options options = {
			.try_ms = 30, .tries = 2, .done = done, .context = &s
		};
		struct exchange *x;
		uv_loop_init(&loop);
		fake_start(&f, &loop);
		struct remote to = fake_remote(&f, both[i]);
		fake_stop(&f);
		enum err e = exchange_start(&x, &loop, &to,
					    (struct span){ query, soa_query(query) }, &options);
		assert_int_equal(e, ERR_OK);
		uv_run(&loop, UV_RUN_DEFAULT);
		assert_int_equal(s.n, 1);
		assert_int_equal(s.err, ERR_IO);
		assert_string_equal(s.why, "Connection refused");
		uv_loop_close(&loop);
	}
}

static void a_cancelled_exchange_calls_nobody(void **state)
{
	(void)state;
	uv_loop_t loop;
	static struct fake_server f;
	uint8_t query[MESSAGE_QUERY_MAX];
	enum remote_transport both[] = { REMOTE_UDP, REMOTE_TCP };

	/* After 0, 1, 2, ... turns of the loop: in each state. */
	for (int turns = 0; turns < 12; turns++) {
		struct seen s = { 0 };
		struct exchange_options options = { .done = done, .context = &s };
		struct exchange *x;
		uv_loop_init(&loop);
		fake_start(&f, &loop);
		f.over_udp = truncates;
		f.over_tcp = sends_half_a_message;
		struct remote to = fake_remote(&f, both[turns % 2]);
		assert_int_equal(exchange_start(&x, &loop, &to,
						(struct span){ query, soa_query(query) }, &options),
				 ERR_OK);
		for (int i = 0; i < turns / 2; i++)
			uv_run(&loop, UV_RUN_NOWAIT);
		exchange_cancel(x);
		fake_stop(&f);
		assert_int_equal(s.n, 0);
		assert_int_equal(uv_loop_close(&loop), 0);
	}
}

/* ---- TSIG ---- */

static struct tsig_key KEY = { .name = "\1k",
			       .algorithm = TSIG_HMAC_SHA256,
			       .mac_len = 32,
			       .secret_len = 4,
			       .secret = "abcd" };
static struct tsig_key OTHER = { .name = "\1k",
				 .algorithm = TSIG_HMAC_SHA256,
				 .mac_len = 32,
				 .secret_len = 4,
				 .secret = "abce" };

static uint8_t signed_reply[2000];

/* The answer of a server that has this key. */
static size_t sign_reply(const struct tsig_key *key, const uint8_t *q, size_t n, int64_t now)
{
	struct tsig t;
	struct tsig_key copy = *key;
	struct tsig_keys keys = { &copy, 1 };
	size_t at = 0, len = 12 + 9 + 4;

	assert_true(tsig_find((struct span){ q, n }, &at));
	assert_true(at > 0);
	enum tsig_verdict v = tsig_accept(&t, &keys, (struct span){ q, n }, at, now);
	memcpy(signed_reply, q, len);
	store_u16(signed_reply + 2, FLAG_QR | (v == TSIG_GOOD ? 0 : RCODE_NOTAUTH));
	store_u16(signed_reply + 10, 0);
	assert_true(tsig_sign(&t, signed_reply, &len, sizeof signed_reply, now));
	tsig_end(&t);
	return len;
}

static void signs(struct fake_server *f, const uint8_t *q, size_t n)
{
	fake_send(f, signed_reply, sign_reply(&KEY, q, n, time(NULL)));
}

static void has_another_key(struct fake_server *f, const uint8_t *q, size_t n)
{
	fake_send(f, signed_reply, sign_reply(&OTHER, q, n, time(NULL)));
}

static void lives_tomorrow(struct fake_server *f, const uint8_t *q, size_t n)
{
	fake_send(f, signed_reply, sign_reply(&KEY, q, n, time(NULL) + 86400));
}

/* A forger sends first. */
static void is_raced(struct fake_server *f, const uint8_t *q, size_t n)
{
	uint8_t *m = fake_reply(q, 12 + 9 + 4, 0);

	store_u16(m + 10, 0);
	fake_send(f, m, 12 + 9 + 4);
	free(m);
	size_t len = sign_reply(&KEY, q, n, time(NULL));
	signed_reply[3] ^= RCODE_NXDOMAIN;
	fake_send(f, signed_reply, len);
	signed_reply[3] ^= RCODE_NXDOMAIN;
	fake_send(f, signed_reply, len);
}

static void signs_over_tcp(struct fake_server *f, const uint8_t *q, size_t n)
{
	fake_write(f, signed_reply, sign_reply(&KEY, q, n, time(NULL)));
}

static void an_answer_must_be_signed_with_the_key(void **state)
{
	(void)state; /* RFC 8945 section 5.3 */
	with_key = &KEY;
	struct seen s = ask(signs, NULL, REMOTE_UDP, 2000, NULL);
	assert_string_equal(s.why, "");
	assert_int_equal(s.err, ERR_OK);
	assert_int_equal(ask(NULL, signs_over_tcp, REMOTE_TCP, 2000, NULL).err, ERR_OK);

	s = ask(answers, NULL, REMOTE_UDP, 30, NULL);
	assert_int_equal(s.err, ERR_UNTRUSTED);
	s = ask(has_another_key, NULL, REMOTE_UDP, 30, NULL);
	assert_int_equal(s.err, ERR_UNTRUSTED);
	assert_non_null(strstr(s.why, "does not take our TSIG key"));
	assert_int_equal(ask(lives_tomorrow, NULL, REMOTE_UDP, 30, NULL).err, ERR_UNTRUSTED);
	assert_int_equal(ask(NULL, answers_over_tcp, REMOTE_TCP, 2000, NULL).err, ERR_UNTRUSTED);
	with_key = NULL;
}

static void a_forger_who_is_first_does_not_win(void **state)
{
	(void)state;
	with_key = &KEY;
	struct seen s = ask(is_raced, NULL, REMOTE_UDP, 2000, NULL);
	assert_int_equal(s.err, ERR_OK);
	assert_int_equal(s.message[3] & 15, RCODE_NOERROR);
	with_key = NULL;
}

static void a_request_has_a_header(void **state)
{
	(void)state;
	uv_loop_t loop;
	struct exchange *x;
	struct exchange_options options = { .done = done };
	struct remote to = { .address = { IP_V4, { 127, 0, 0, 1 } }, .port = 1 };

	uv_loop_init(&loop);
	assert_int_equal(exchange_start(&x, &loop, &to, (struct span){ NAME, 5 }, &options),
			 ERR_SYNTAX);
	uv_loop_close(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_comes_back),
		cmocka_unit_test(a_lost_question_is_asked_again_with_another_id),
		cmocka_unit_test(silence_ends_in_time),
		cmocka_unit_test(what_is_not_an_answer_is_as_if_it_had_not_come),
		cmocka_unit_test(guesses_move_the_exchange_to_tcp),
		cmocka_unit_test(a_truncated_answer_is_fetched_over_tcp),
		cmocka_unit_test(a_refusal_may_lack_its_question),
		cmocka_unit_test(a_stream_must_bring_the_answer_itself),
		cmocka_unit_test(where_nobody_listens_the_system_says_so),
		cmocka_unit_test(a_cancelled_exchange_calls_nobody),
		cmocka_unit_test(an_answer_must_be_signed_with_the_key),
		cmocka_unit_test(a_forger_who_is_first_does_not_win),
		cmocka_unit_test(a_request_has_a_header),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
