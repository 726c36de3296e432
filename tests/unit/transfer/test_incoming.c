// SPDX-License-Identifier: Apache-2.0
#include "transfer/incoming.h"

#include <stdio.h>

#include "check.h"
#include "dns/message.h"
#include "dns/rrtype.h"
#include "transfer/answer.h"

#define ID 4711

static const uint8_t ZONE[] = "\7example";

/* ---- messages made of a script ----
 *
 * "S5" SOA with serial 5; "a" an A record of a.example, "b", ...; "n" an NS record; "o" a record
 * outside the zone; "m" an OPT record; "h" one of class CH; "x" an A record with 3 octets; "s" an
 * SOA below the apex; "|" the next message; "R5" rcode 5 in this message; "I" a wrong id; "Q" the
 * question of another zone; "-" no question; "T" truncated. */

static bool plain; /* no question to point to */

static void write_zone(struct writer *w)
{
	if (plain)
		write_bytes(w, ZONE, sizeof ZONE);
	else
		write_u16(w, 0xc00c);
}

static uint16_t zone_n(void)
{
	return plain ? sizeof ZONE : 2;
}

static void write_frame(struct writer *w, const char *owner, uint16_t type, uint16_t rclass,
			uint16_t n)
{
	if (*owner != 0) {
		write_u8(w, (uint8_t)strlen(owner));
		write_bytes(w, owner, strlen(owner));
	}
	write_zone(w);
	write_u16(w, type);
	write_u16(w, rclass);
	write_u32(w, 300);
	write_u16(w, n);
}

static void write_soa(struct writer *w, const char *owner, uint32_t serial)
{
	write_frame(w, owner, TYPE_SOA, CLASS_IN, (uint16_t)(20 + 2 * zone_n()));
	write_zone(w);
	write_zone(w);
	write_u32(w, serial);
	for (int i = 0; i < 4; i++)
		write_u32(w, 3600);
}

static void write_one(struct writer *w, char what)
{
	char owner[2] = { what, 0 };

	switch (what) {
	case 'n':
		write_frame(w, "", TYPE_NS, CLASS_IN, zone_n());
		write_zone(w);
		break;
	case 'o':
		write_bytes(w, "\5other\0\0\1\0\1\0\0\1\0\0\4\1\2\3\4", 21);
		break;
	case 'm':
		write_frame(w, "", TYPE_OPT, CLASS_IN, 0);
		break;
	case 'h':
		write_frame(w, owner, TYPE_A, CLASS_CH, 4);
		write_u32(w, 1);
		break;
	case 'x':
		write_frame(w, owner, TYPE_A, CLASS_IN, 3);
		write_bytes(w, "123", 3);
		break;
	case 's':
		write_soa(w, "s", 1);
		break;
	default:
		write_frame(w, owner, TYPE_A, CLASS_IN, 4);
		write_u32(w, 1);
	}
}

/* One message of the script; returns where the next starts. */
static const char *write_message(const char *script, bool incremental, uint8_t *out, size_t *n)
{
	struct writer w = writer_of(out, 65535);
	uint16_t flags = FLAG_QR, count = 0, id = ID, questions = 1;
	const uint8_t *zone = ZONE;

	w.p += MESSAGE_HEADER_LEN;
	if (*script == 'Q') {
		zone = (const uint8_t *)"\7exempla";
		script++;
	}
	plain = *script == '-';
	if (plain) {
		questions = 0;
		script++;
	} else {
		write_bytes(&w, zone, sizeof ZONE);
		write_u16(&w, incremental ? TYPE_IXFR : TYPE_AXFR);
		write_u16(&w, CLASS_IN);
	}
	for (; *script != 0 && *script != '|'; script++) {
		if (*script == 'R') {
			flags |= (uint16_t)(*++script - '0');
		} else if (*script == 'I') {
			id++;
		} else if (*script == 'T') {
			flags |= FLAG_TC;
		} else if (*script == 'S') {
			char *end;
			write_soa(&w, "", (uint32_t)strtoul(script + 1, &end, 10));
			script = end - 1;
			count++;
		} else {
			write_one(&w, *script);
			count++;
		}
	}
	*n = writer_len(&w);
	store_u16(out, id);
	store_u16(out + 2, flags);
	store_u16(out + 4, questions);
	store_u16(out + 6, count);
	store_u32(out + 8, 0);
	return *script == '|' ? script + 1 : NULL;
}

/* ---- what was handed out, as text: "=S5 =a" whole, "-S5 -a +S6 +b" differences ---- */

static char heard[4000];

static enum err hear(enum incoming_part part, const struct record *r, void *context)
{
	char one[40];
	uint32_t serial = 0;

	(void)context;
	if (r->type == TYPE_SOA && soa_serial(r->rdata, &serial))
		snprintf(one, sizeof one, "%cS%u ", "=-+"[part], serial);
	else
		snprintf(one, sizeof one, "%c%c ", "=-+"[part],
			 r -> type == TYPE_NS ? 'n' : r->owner.wire[1]);
	strncat(heard, one, sizeof heard - strlen(heard) - 1);
	return ERR_OK;
}

static struct incoming in;

static enum incoming_verdict run(const char *script, bool incremental, uint32_t from)
{
	static uint8_t out[65535];
	struct incoming_limits limits = { .records = 40, .octets = 100000 };
	struct incoming_sink sink = { hear, NULL };
	enum incoming_verdict v = INCOMING_MORE;

	heard[0] = 0;
	incoming_start(&in, ZONE, ID, incremental, from, &limits, &sink);
	while (script != NULL && v == INCOMING_MORE) {
		size_t n;
		script = write_message(script, incremental, out, &n);
		uint8_t *m = exact_copy(out, n);
		v = incoming_message(&in, (struct span){ m, n });
		free(m);
	}
	if (v != INCOMING_MORE) /* sticky */
		assert_int_equal(incoming_message(&in, (struct span){ out, 5 }), v);
	return v;
}

static const struct {
	const char *says, *script;
	bool incremental;
	uint32_t from;
	enum incoming_verdict want;
	const char *heard, *why;
} ROWS[] = {
	{ "a whole zone in one message (RFC 5936 section 2.2)", "S5naS5", false, 0, INCOMING_DONE,
	  "=S5 =n =a ", "" },
	{ "one record a message", "S5|n|a|S5", false, 0, INCOMING_DONE, "=S5 =n =a ", "" },
	{ "later messages need no question", "S5|-n|-S5", false, 0, INCOMING_DONE, "=S5 =n ", "" },
	{ "the first one does (RFC 5936 section 2.2.1)", "-S5nS5", false, 0, INCOMING_FAILED, "",
	  "a message does not belong to the transfer" },
	{ "not at its end yet", "S5na", false, 0, INCOMING_MORE, "=S5 =n =a ", "" },
	{ "one that changes on the way", "S5naS6", false, 0, INCOMING_FAILED, "=S5 =n =a ",
	  "the transfer starts with serial 5 and ends with 6" },
	{ "more after the end", "S5nS5a", false, 0, INCOMING_FAILED, "=S5 =n ",
	  "records follow the transfer's final SOA" },
	{ "no SOA at the start", "nS5", false, 0, INCOMING_FAILED, "",
	  "the transfer does not start with the zone's SOA" },
	{ "a record outside the zone", "S5oS5", false, 0, INCOMING_FAILED, "=S5 ",
	  "other. A lies outside the zone" },
	{ "a record of another class", "S5hS5", false, 0, INCOMING_FAILED, "=S5 ",
	  "h.example. A is not of class IN" },
	{ "a record that is no data", "S5mS5", false, 0, INCOMING_FAILED, "=S5 ",
	  "example. OPT is of a type that is never data of a zone" },
	{ "an address of three octets", "S5xS5", false, 0, INCOMING_FAILED, "=S5 ",
	  "x.example. A has data that are not of its type" },
	{ "an SOA below the top", "S5sS5", false, 0, INCOMING_FAILED, "=S5 ",
	  "s.example. SOA is not at the top of the zone" },
	{ "another id", "S5|InS5", false, 0, INCOMING_FAILED, "=S5 ",
	  "a message does not belong to the transfer" },
	{ "another zone's", "QS5nS5", false, 0, INCOMING_FAILED, "",
	  "a message does not belong to the transfer" },
	{ "truncated", "TS5nS5", false, 0, INCOMING_FAILED, "",
	  "a message does not belong to the transfer" },
	{ "a refusal", "R5", false, 0, INCOMING_FAILED, "", "the primary says REFUSED" },
	{ "a refusal in the middle", "S5n|R2", false, 0, INCOMING_FAILED, "=S5 =n ",
	  "the primary says SERVFAIL" },
	{ "more records than the limit", "S5aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false,
	  0, INCOMING_FAILED, NULL, "more than 40 records" },

	{ "one difference (RFC 1995 section 4)", "S6S5aS6bS6", true, 5, INCOMING_DONE,
	  "-S5 -a +S6 +b ", "" },
	{ "two in a row", "S7S5aS6bS6bS7cS7", true, 5, INCOMING_DONE,
	  "-S5 -a +S6 +b -S6 -b +S7 +c ", "" },
	{ "in many messages", "S7|S5|a|S6|b|S6|b|S7|c|S7", true, 5, INCOMING_DONE,
	  "-S5 -a +S6 +b -S6 -b +S7 +c ", "" },
	{ "only removals, only additions", "S7S5aS6S6S7cS7", true, 5, INCOMING_DONE,
	  "-S5 -a +S6 -S6 +S7 +c ", "" },
	{ "over the end of the numbers (RFC 1982)", "S1S4294967295aS1bS1", true, 4294967295u,
	  INCOMING_DONE, "-S4294967295 -a +S1 +b ", "" },
	{ "without the final SOA: not done", "S6S5aS6b", true, 5, INCOMING_MORE, "-S5 -a +S6 +b ",
	  "" },
	{ "nothing newer", "S5", true, 5, INCOMING_CURRENT, "", "" },
	{ "an older one", "S4", true, 5, INCOMING_CURRENT, "", "" },
	{ "a whole zone instead", "S6naS6", true, 5, INCOMING_DONE, "=S6 =n =a ", "" },
	{ "a whole zone whose second record comes later", "S6|naS6", true, 5, INCOMING_FALLBACK, "",
	  "" },
	{ "not known there", "R4", true, 5, INCOMING_FALLBACK, "", "" },
	{ "not readable there", "-R1", true, 5, INCOMING_FALLBACK, "", "" },
	{ "from another serial than ours", "S6S4aS6bS6", true, 5, INCOMING_FAILED, "",
	  "the differences start at serial 4; ours is 5" },
	{ "a gap", "S8S5aS6bS7bS8cS8", true, 5, INCOMING_FAILED, "-S5 -a +S6 +b ",
	  "a difference starts at serial 7, not at 6" },
	{ "backwards", "S7S5aS4bS4bS7cS7", true, 5, INCOMING_FAILED, "-S5 -a ",
	  "a difference leads from serial 5 to 4" },
	{ "a record outside the zone in it", "S6S5oS6S6", true, 5, INCOMING_FAILED, "-S5 ",
	  "other. A lies outside the zone" },
};

static void transfers_are_read_as_the_rfcs_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		enum incoming_verdict v = run(ROWS[i].script, ROWS[i].incremental, ROWS[i].from);
		if (v != ROWS[i].want ||
		    (ROWS[i].heard != NULL && strcmp(heard, ROWS[i].heard) != 0) ||
		    strcmp(in.why, ROWS[i].why) != 0)
			fail_msg("%s: verdict %d, heard \"%s\", why \"%s\"", ROWS[i].says, v, heard,
				 in.why);
	}
}

static void messages_that_say_nothing_end(void **state)
{
	(void)state;
	char script[400];

	memset(script, '|', sizeof script);
	memcpy(script, "S5", 2);
	script[sizeof script - 1] = 0;
	assert_int_equal(run(script, false, 0), INCOMING_FAILED);
	assert_string_equal(in.why, "the primary sends messages without records");
}

static void a_message_cut_anywhere_is_refused(void **state)
{
	(void)state;
	static uint8_t out[65535];
	struct incoming_limits limits = { 0 };
	struct incoming_sink sink = { hear, NULL };
	size_t n;

	write_message("S6S5aS6bS6", true, out, &n);
	for (size_t cut = 0; cut < n; cut++) {
		uint8_t *m = exact_copy(out, cut);
		incoming_start(&in, ZONE, ID, true, 5, &limits, &sink);
		assert_int_equal(incoming_message(&in, (struct span){ m, cut }), INCOMING_FAILED);
		free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transfers_are_read_as_the_rfcs_say),
		cmocka_unit_test(messages_that_say_nothing_end),
		cmocka_unit_test(a_message_cut_anywhere_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
