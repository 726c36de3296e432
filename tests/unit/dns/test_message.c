// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include "dns/message.h"

#define HEADER(flags, qd, an, ns, ar)                                                              \
	0x12, 0x34, (flags) >> 8, (flags)&0xff, 0, qd, 0, an, 0, ns, 0, ar
#define QUESTION           3, 'w', 'w', 'w', 0, 0, 1, 0, 1
#define OPT(ttl_high, ...) 0, 0, 41, 4, 208, 0, ttl_high, 0x80, 0, __VA_ARGS__

static const struct {
	const char *says;
	uint8_t in[80];
	size_t n;
	enum message_verdict want;
} ROWS[] = {
	{ "a plain query (RFC 1035 §4.1)", { HEADER(0, 1, 0, 0, 0), QUESTION }, 21, MESSAGE_OK },
	{ "a query with OPT (RFC 6891 §6.1)",
	  { HEADER(0, 1, 0, 0, 1), QUESTION, OPT(0, 0, 0) },
	  32,
	  MESSAGE_OK },
	{ "less than a header is dropped", { HEADER(0, 1, 0, 0, 0) }, 11, MESSAGE_DROP },
	{ "a response is dropped", { HEADER(0x8000, 1, 0, 0, 0), QUESTION }, 21, MESSAGE_DROP },
	{ "no question (RFC 9619 §4)", { HEADER(0, 0, 0, 0, 0) }, 12, MESSAGE_FORMERR },
	{ "two questions (RFC 9619 §4)",
	  { HEADER(0, 2, 0, 0, 0), QUESTION, QUESTION },
	  30,
	  MESSAGE_FORMERR },
	{ "an answer in a query",
	  { HEADER(0, 1, 1, 0, 0), QUESTION, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0 },
	  32,
	  MESSAGE_FORMERR },
	{ "octets after the last record",
	  { HEADER(0, 1, 0, 0, 0), QUESTION, 0 },
	  22,
	  MESSAGE_FORMERR },
	{ "a question cut short", { HEADER(0, 1, 0, 0, 0), QUESTION }, 20, MESSAGE_FORMERR },
	{ "a label of 64 octets (RFC 1035 §2.3.4)",
	  { HEADER(0, 1, 0, 0, 0), 64 },
	  79,
	  MESSAGE_FORMERR },
	{ "a pointer to itself (RFC 1035 §4.1.4)",
	  { HEADER(0, 1, 0, 0, 0), 0xc0, 12, 0, 1, 0, 1 },
	  18,
	  MESSAGE_FORMERR },
	{ "a pointer forward",
	  { HEADER(0, 1, 0, 0, 0), 0xc0, 14, 0, 0, 1, 0, 1 },
	  19,
	  MESSAGE_FORMERR },
	{ "two OPT (RFC 6891 §6.1.1)",
	  { HEADER(0, 1, 0, 0, 2), QUESTION, OPT(0, 0, 0), OPT(0, 0, 0) },
	  43,
	  MESSAGE_FORMERR },
	{ "OPT with an owner (RFC 6891 §6.1.2)",
	  { HEADER(0, 1, 0, 0, 1), QUESTION, 1, 'a', OPT(0, 0, 0) },
	  34,
	  MESSAGE_FORMERR },
	{ "EDNS version 1 (RFC 6891 §6.1.3)",
	  { HEADER(0, 1, 0, 0, 1), QUESTION, OPT(1, 0, 0) },
	  32,
	  MESSAGE_BADVERS },
	{ "an option longer than the OPT",
	  { HEADER(0, 1, 0, 0, 1), QUESTION, OPT(0, 0, 4, 0, 3, 0, 9) },
	  36,
	  MESSAGE_FORMERR },
	{ "a cookie of 9 octets (RFC 7873 §5.2.2)",
	  { HEADER(0, 1, 0, 0, 1), QUESTION,
	    OPT(0, 0, 13, 0, 10, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9) },
	  45,
	  MESSAGE_FORMERR },
	{ "ECS whose address is too short (RFC 7871 §6)",
	  { HEADER(0, 1, 0, 0, 1), QUESTION, OPT(0, 0, 9, 0, 8, 0, 5, 0, 1, 24, 0, 192) },
	  41,
	  MESSAGE_FORMERR },
	{ "ECS of family 0 and length 0 (RFC 7871 §7.1.2)",
	  { HEADER(0, 1, 0, 0, 1), QUESTION, OPT(0, 0, 8, 0, 8, 0, 4, 0, 0, 0, 0) },
	  40,
	  MESSAGE_OK },
	{ "an unknown option is ignored (RFC 6891 §6.1.2)",
	  { HEADER(0, 1, 0, 0, 1), QUESTION, OPT(0, 0, 5, 0xff, 0xf0, 0, 1, 7) },
	  37,
	  MESSAGE_OK },
	{ "an unknown opcode", { HEADER(0x7800, 1, 0, 0, 0), QUESTION }, 21, MESSAGE_NOTIMP },
};

static void requests_are_judged_as_their_rfcs_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		uint8_t *in = exact_copy(ROWS[i].in, ROWS[i].n);
		struct message m;
		enum message_verdict got = message_parse((struct span){ in, ROWS[i].n }, &m);
		free(in);
		if (got != ROWS[i].want)
			fail_msg("%s: %d, not %d", ROWS[i].says, (int)got, (int)ROWS[i].want);
	}
}

static void every_cut_of_a_good_message_is_refused_without_reading_past_it(void **state)
{
	(void)state;
	for (size_t n = 12; n < ROWS[1].n; n++) {
		uint8_t *in = exact_copy(ROWS[1].in, n);
		struct message m;
		assert_int_equal(message_parse((struct span){ in, n }, &m), MESSAGE_FORMERR);
		free(in);
	}
}

static void what_was_asked_is_read(void **state)
{
	struct message m;

	(void)state;
	assert_int_equal(message_parse((struct span){ ROWS[1].in, ROWS[1].n }, &m), MESSAGE_OK);
	assert_int_equal(m.id, 0x1234);
	assert_int_equal(m.qtype, 1);
	assert_int_equal(m.qname.label_n, 1);
	assert_int_equal(m.edns.udp_size, 1232);
	assert_int_equal(m.edns.flags & EDNS_DO, EDNS_DO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_judged_as_their_rfcs_say),
		cmocka_unit_test(every_cut_of_a_good_message_is_refused_without_reading_past_it),
		cmocka_unit_test(what_was_asked_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
