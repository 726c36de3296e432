// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <stdio.h>

#include "dns/rrtype.h"
#include "dnssec/algorithm.h"
#include "query/query.h"
#include "zone/builder.h"

#define NOW 1700000000
#define DAY 86400

static const uint8_t APEX[] = "\7example";
static const struct sign_policy POLICY = { .validity_s = 14 * DAY,
					   .refresh_s = 7 * DAY,
					   .inception_offset_s = 3600 };

/* ---- one zone, asked by a worker that keeps answers and by one that does not ---- */

struct asker {
	struct query query;
	struct query_stats stats;
};

struct world {
	struct zone *zone;
	struct key *csk;
	struct keyset *keys;
	struct signer *signer;
	struct trie *empty, *zones;
	struct zone_view zv;
	struct view view;
	struct memo *memo;
	struct asker with, without;
	struct counter rows[2 * ZONE_RCODES];
};

static void add(struct zone_builder *b, const char *owner, uint16_t type, const void *rdata,
		size_t n)
{
	struct name name;
	struct diag d = { 0 };

	assert_int_equal(name_from_text(owner, APEX, &name), ERR_OK);
	struct zone_record r = {
		.owner = name.wire, .type = type, .ttl = 300, .rdata = { rdata, n }
	};
	assert_int_equal(zone_build_add(b, &r, &d), ERR_OK);
	diag_free(&d);
}

static void add_name(struct zone_builder *b, const char *owner, uint16_t type, const char *target)
{
	struct name name;

	assert_int_equal(name_from_text(target, APEX, &name), ERR_OK);
	add(b, owner, type, name.wire, name.len);
}

static void add_address(struct zone_builder *b, const char *owner, uint8_t last)
{
	add(b, owner, TYPE_A, &(uint8_t[]){ 192, 0, 2, last }, 4);
}

static struct zone *make_zone(enum zone_denial denial)
{
	static const uint8_t SOA[] = { 1, 'n', 0, 1, 'h', 0, 0, 0, 0, 1, 0, 0, 0,
				       1, 0,   0, 0, 1,   0, 0, 0, 1, 0, 0, 0, 60 };
	uint8_t text[201] = { 200 };
	struct zone_build_options options = { .denial = denial };
	struct zone_builder *b;
	struct zone *z;
	struct diag d = { 0 };

	assert_int_equal(zone_build_start(&b, APEX, NULL, &options), ERR_OK);
	add(b, "@", TYPE_SOA, SOA, sizeof SOA);
	add_name(b, "@", TYPE_NS, "ns1");
	add_address(b, "ns1", 1);
	add_address(b, "www", 2);
	add_address(b, "*.wild", 3);
	add_name(b, "cut", TYPE_NS, "ns.cut");
	add_address(b, "ns.cut", 4);
	add_name(b, "al", TYPE_CNAME, "WWW");
	add_name(b, "old", TYPE_DNAME, "new");
	add_address(b, "x.new", 5);
	add(b, "long", TYPE_TXT, text, sizeof text);
	assert_int_equal(zone_build_seal(b, &z, &d), ERR_OK);
	diag_free(&d);
	return z;
}

static void equip(struct world *w, struct asker *a)
{
	a->query.signer = w->signer;
	a->query.stats = &a->stats;
	a->query.view = &w->view;
	a->query.now = NOW;
	a->query.rates = calloc(1, sizeof *a->query.rates);
}

static struct world *make(enum zone_denial denial)
{
	struct world *w = calloc(1, sizeof *w);
	uint8_t key[NAME_KEY_MAX];

	w->zone = make_zone(denial);
	w->zv = (struct zone_view){ .name = zone_name(w->zone),
				    .zone = w->zone,
				    .rate_limited = true,
				    .rcode_n = w->rows };
	assert_int_equal(signer_new(&w->signer), ERR_OK);
	if (denial != ZONE_NO_DENIAL) {
		assert_int_equal(key_generate(&w->csk, ALG_ECDSAP256SHA256, KEY_CSK, NULL, 0), 0);
		struct keyset_member member = { w->csk, KEY_CSK, true };
		assert_int_equal(keyset_new(&w->keys, APEX, &POLICY, &member, 1), ERR_OK);
		assert_int_equal(sigcache_new(&w->zv.sigs), ERR_OK);
		assert_int_equal(sigcache_reserve(w->zv.sigs, zone_sig_id_end(w->zone)), ERR_OK);
		w->zv.keys = w->keys;
	}
	w->empty = trie_new();
	w->zones = trie_edit(w->empty);
	assert_int_equal(
	    trie_set(w->zones, (struct span){ key, name_key(APEX, key) }, &w->zv, NULL), ERR_OK);
	trie_seal(w->zones);
	w->view = (struct view){ .id = 7, .zones = w->zones, .udp_size = 1232 };
	w->memo = aligned_alloc(64, sizeof *w->memo);
	memset(w->memo, 0, sizeof *w->memo);
	equip(w, &w->with);
	equip(w, &w->without);
	w->with.query.memo = w->memo;
	w->without.query.worker = 1;
	return w;
}

static void end(struct world *w)
{
	rcu_drain();
	free(w->with.query.rates);
	free(w->without.query.rates);
	free(w->memo);
	trie_free(w->empty);
	trie_free(w->zones);
	signer_free(w->signer);
	sigcache_free(w->zv.sigs);
	zone_free(w->zone);
	keyset_free(w->keys);
	key_free(w->csk);
	free(w);
}

/* ---- questions ---- */

struct question {
	uint8_t octets[300];
	size_t n;
};

static struct question question_of(const char *text, uint16_t type, enum plain plain, uint16_t size)
{
	struct question q = { 0 };
	struct writer w = writer_of(q.octets, sizeof q.octets);
	struct name name;

	assert_int_equal(name_from_text(text, APEX, &name), ERR_OK);
	write_u16(&w, 0x1234);
	write_u16(&w, FLAG_RD);
	write_u16(&w, 1);
	write_u32(&w, 0);
	write_u16(&w, plain != PLAIN_BARE);
	write_bytes(&w, name.wire, name.len);
	write_u16(&w, type);
	write_u16(&w, CLASS_IN);
	if (plain != PLAIN_BARE) {
		write_u8(&w, 0);
		write_u16(&w, TYPE_OPT);
		write_u16(&w, size);
		write_u16(&w, 0);
		write_u16(&w, plain == PLAIN_OPT_DO ? EDNS_DO : 0);
		write_u16(&w, 0);
	}
	q.n = writer_len(&w);
	return q;
}

static const struct query_client CLIENT = { .addr = { IP_V4, { 198, 51, 100, 1 } } };

static enum verdict ask_one(struct query *q, const struct question *in, struct writer *out)
{
	struct span request = { in->octets, in->n };

	q->sign_budget = 100;
	query_look_ahead(q, &request, &CLIENT.addr, 1);
	q->looked_up = &q->ahead[0];
	return query_answer(q, request, &CLIENT, out);
}

/* Asks both; their verdicts and octets must be the same. Whether it was known beforehand. */
static bool ask(struct world *w, const struct question *in)
{
	uint8_t first[1500], second[1500];
	struct writer with = writer_of(first, sizeof first);
	struct writer without = writer_of(second, sizeof second);

	/* Who makes a signature is not the same as who finds it. */
	enum verdict v = ask_one(&w->without.query, in, &without);
	assert_int_equal(ask_one(&w->with.query, in, &with), v);
	if (v == QUERY_REPLY) {
		assert_int_equal(writer_len(&with), writer_len(&without));
		assert_memory_equal(first, second, writer_len(&with));
	}
	return w->with.query.ahead[0].known;
}

/* ---- tests ---- */

static const struct {
	const char *says, *name;
	uint16_t type;
	bool kept, kept_signed;
} KINDS[] = {
	{ "an address", "www", TYPE_A, true, true },
	{ "no such type", "www", TYPE_AAAA, true, false /* too long */ },
	{ "no such name", "nobody", TYPE_A, true, false },
	{ "a wildcard's", "a.b.wild", TYPE_A, true, false },
	{ "an alias and where it leads", "al", TYPE_A, true, false },
	{ "an alias alone", "al", TYPE_CNAME, true, true },
	{ "a referral at the cut", "cut", TYPE_A, true, false },
	{ "a referral below, to a name of its own glue", "ns.cut", TYPE_A, true, false },
	{ "all servers, with their addresses", "@", TYPE_NS, true, false },
	{ "any type", "www", TYPE_ANY, true, true },
	{ "below a DNAME the case asked goes into records", "x.old", TYPE_A, false, false },
	{ "the DNAME itself", "old", TYPE_DNAME, true, true },
	{ "too long to keep", "long", TYPE_TXT, false, false },
	{ "not ours: an extended error with OPT", "www.elsewhere.", TYPE_A, false, false },
};

static void turn_case(struct question *q)
{
	for (uint8_t *p = q->octets + MESSAGE_HEADER_LEN; *p != 0; p += 1 + *p)
		for (unsigned i = 1; i <= *p; i++)
			if ((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'z')
				p[i] ^= 0x20;
}

static void what_is_known_is_octet_for_octet_what_the_stages_make(void **state)
{
	static const enum zone_denial DENIALS[] = { ZONE_NO_DENIAL, ZONE_NSEC };

	(void)state;
	for (size_t d = 0; d < 2; d++) {
		struct world *w = make(DENIALS[d]);
		for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
			for (enum plain p = PLAIN_BARE; p <= PLAIN_OPT_DO; p++) {
				bool whole = DENIALS[d] != ZONE_NO_DENIAL && p == PLAIN_OPT_DO;
				bool kept = whole ? KINDS[i].kept_signed : KINDS[i].kept;
				struct question q =
				    question_of(KINDS[i].name, KINDS[i].type, p, 1232);
				/* A first and a second time, then in either case. */
				assert_false(ask(w, &q));
				assert_false(ask(w, &q));
				for (unsigned again = 0; again < 3; again++) {
					turn_case(&q);
					if (ask(w, &q) != kept)
						fail_msg("%s: known: %d", KINDS[i].says, !kept);
				}
			}
		}
		end(w);
	}
}

static void all_is_counted_as_if_it_had_been_looked_up(void **state)
{
	struct world *w = make(ZONE_NSEC);

	(void)state;
	for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
		for (enum plain p = PLAIN_BARE; p <= PLAIN_OPT_DO; p++)
			for (unsigned again = 0; again < 4; again++) {
				struct question q =
				    question_of(KINDS[i].name, KINDS[i].type, p, 1232);
				ask(w, &q);
			}
	/* The signatures were made by the one that is asked first. */
	uint64_t made = counter_read(&w->without.stats.sig_made);
	assert_int_equal(counter_read(&w->with.stats.sig_hits),
			 counter_read(&w->without.stats.sig_hits) + made);
	w->with.stats.sig_hits = w->without.stats.sig_hits;
	w->with.stats.sig_made = w->without.stats.sig_made;
	w->with.stats.sig_misses = w->without.stats.sig_misses;
	assert_memory_equal(&w->with.stats, &w->without.stats, sizeof w->with.stats);
	assert_memory_equal(w->rows, w->rows + ZONE_RCODES, ZONE_RCODES * sizeof *w->rows);
	end(w);
}

static void asked_three_times(struct world *w, const struct question *q)
{
	ask(w, q);
	ask(w, q);
	assert_true(ask(w, q));
}

static void of_another_view_nothing_is_known(void **state)
{
	struct world *w = make(ZONE_NO_DENIAL);
	struct question q = question_of("www", TYPE_A, PLAIN_OPT, 1232);

	(void)state;
	asked_three_times(w, &q);
	w->view.id++;
	assert_false(ask(w, &q)); /* asked before: kept at once, in the old one's place */
	assert_true(ask(w, &q));
	w->view.id--;
	assert_false(ask(w, &q));
	end(w);
}

static void a_signature_that_is_due_or_not_yet_valid_is_not_given(void **state)
{
	static const int64_t TIMES[] = { NOW + 8 * DAY, NOW + 15 * DAY, NOW - DAY };
	struct question q = question_of("www", TYPE_A, PLAIN_OPT_DO, 1232);

	(void)state;
	for (size_t i = 0; i < sizeof TIMES / sizeof *TIMES; i++) {
		struct world *w = make(ZONE_NSEC);
		asked_three_times(w, &q);
		uint64_t hits = counter_read(&w->with.stats.sig_hits);
		w->with.query.now = w->without.query.now = TIMES[i];
		ask(w, &q);
		/* Found in the cache, where it is due and renewed; made anew where it is stale. */
		assert_int_equal(w->with.query.need_n, w->without.query.need_n);
		assert_int_equal(w->with.query.need_n, i == 0);
		assert_int_equal(counter_read(&w->with.stats.sig_hits), hits + 1);
		end(w);
	}
}

static void what_one_client_has_no_room_for_is_kept_from_nobody(void **state)
{
	struct world *w = make(ZONE_NSEC);
	struct question q = question_of("al", TYPE_CNAME, PLAIN_OPT_DO, 1232);

	(void)state;
	w->view.udp_size = 100;
	for (unsigned i = 0; i < 4; i++)
		assert_false(ask(w, &q)); /* with TC */
	assert_int_equal(counter_read(&w->with.stats.truncated), 4);
	w->view.udp_size = 1232;
	asked_three_times(w, &q);
	w->view.udp_size = 100;
	ask(w, &q);
	assert_int_equal(counter_read(&w->with.stats.truncated), 5);
	end(w);
}

static void what_was_left_out_for_one_client_the_next_one_gets(void **state)
{
	struct world *w = make(ZONE_NO_DENIAL);
	struct question q = question_of("@", TYPE_NS, PLAIN_OPT, 1232);
	uint8_t octets[512];
	struct writer out = writer_of(octets, sizeof octets);

	(void)state;
	ask_one(&w->without.query, &q, &out);
	w->view.udp_size = (uint16_t)(writer_len(&out) - 1);
	for (unsigned i = 0; i < 4; i++)
		assert_false(ask(w, &q)); /* without the servers' addresses, and without TC */
	assert_int_equal(counter_read(&w->with.stats.truncated), 0);
	w->view.udp_size++;
	asked_three_times(w, &q);
	end(w);
}

static void a_limited_network_gets_no_more_of_what_is_known(void **state)
{
	struct world *w = make(ZONE_NO_DENIAL);
	struct question q = question_of("www", TYPE_A, PLAIN_OPT, 1232);

	(void)state;
	w->view.rate_limit = (struct rate_limit){ 5, 3, 24, 56 };
	for (unsigned i = 0; i < 50; i++)
		ask(w, &q);
	assert_true(counter_read(&w->with.stats.rate_dropped) > 20);
	assert_true(counter_read(&w->with.stats.rate_slipped) > 10);
	assert_memory_equal(&w->with.stats, &w->without.stats, sizeof w->with.stats);
	end(w);
}

static void questions_that_are_not_plain_are_left_to_the_stages(void **state)
{
	static const struct {
		const char *says;
		unsigned at;
		uint8_t value;
	} ROWS[] = {
		{ "an answer", 2, 0x81 },
		{ "another opcode", 2, 0x21 },
		{ "two questions", 5, 2 },
		{ "a record in the answer section", 7, 1 },
		{ "a record in the authority section", 9, 1 },
		{ "two records behind", 11, 2 },
		{ "another class", 12 + 13 + 3, 3 },
		{ "an OPT that has an owner", 12 + 13 + 4, 1 },
		{ "another type than OPT", 12 + 13 + 6, 42 },
		{ "another version of EDNS", 12 + 13 + 10, 1 },
		{ "another flag of EDNS", 12 + 13 + 11, 0xc0 },
		{ "options", 12 + 13 + 14, 4 },
	};
	struct question q = question_of("www", TYPE_A, PLAIN_OPT_DO, 1232);
	struct memo_question k;
	struct name_probe probe;

	(void)state;
	name_probe_of(&probe, q.octets + MESSAGE_HEADER_LEN);
	assert_int_equal(probe.len, 13);
	memo_question_read(&k, (struct span){ q.octets, q.n }, &probe, 1);
	assert_int_equal(k.plain, PLAIN_OPT_DO);
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct question other = q;
		other.octets[ROWS[i].at] = ROWS[i].value;
		memo_question_read(&k, (struct span){ other.octets, other.n }, &probe, 1);
		if (k.plain != PLAIN_NOT)
			fail_msg("%s", ROWS[i].says);
	}
	for (size_t n = MESSAGE_HEADER_LEN + 13 + 4; n < q.n; n++) {
		uint8_t *cut = exact_copy(q.octets, n);
		memo_question_read(&k, (struct span){ cut, n }, &probe, 1);
		assert_int_equal(k.plain, PLAIN_NOT);
		free(cut);
	}
}

static bool is_known(struct world *w, const struct name_probe *p)
{
	struct question q = { 0 };
	struct memo_question k;

	memcpy(q.octets + MESSAGE_HEADER_LEN, p->lower, p->len);
	q.octets[5] = 1;
	q.octets[MESSAGE_HEADER_LEN + p->len + 1] = TYPE_A;
	q.octets[MESSAGE_HEADER_LEN + p->len + 3] = CLASS_IN;
	q.n = MESSAGE_HEADER_LEN + p->len + 4u;
	memo_question_read(&k, (struct span){ q.octets, q.n }, p, w->view.id);
	return memo_find(w->memo, &k, NOW) != NULL;
}

static void a_flood_of_names_pushes_out_nothing_that_is_asked_for(void **state)
{
	struct world *w = make(ZONE_NO_DENIAL);
	struct question honest = question_of("www", TYPE_A, PLAIN_BARE, 0);
	struct name_probe p;
	unsigned known = 0;
	char text[24];

	(void)state;
	asked_three_times(w, &honest);
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(text, sizeof text, "f%u", i);
		struct question q = question_of(text, TYPE_A, PLAIN_BARE, 0);
		uint8_t out[512];
		/* The first half once each, the others twice. */
		for (unsigned n = 0; n < 1 + i / 50000; n++) {
			struct writer to = writer_of(out, sizeof out);
			ask_one(&w->with.query, &q, &to);
		}
		name_probe_of(&p, q.octets + MESSAGE_HEADER_LEN);
		known += is_known(w, &p);
		assert_int_equal(known > 0, known > 0 && i >= 50000);
		if (i % 1000 == 0)
			assert_true(ask(w, &honest));
	}
	assert_true(known > 40000);
	end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_known_is_octet_for_octet_what_the_stages_make),
		cmocka_unit_test(all_is_counted_as_if_it_had_been_looked_up),
		cmocka_unit_test(of_another_view_nothing_is_known),
		cmocka_unit_test(a_signature_that_is_due_or_not_yet_valid_is_not_given),
		cmocka_unit_test(what_one_client_has_no_room_for_is_kept_from_nobody),
		cmocka_unit_test(what_was_left_out_for_one_client_the_next_one_gets),
		cmocka_unit_test(a_limited_network_gets_no_more_of_what_is_known),
		cmocka_unit_test(questions_that_are_not_plain_are_left_to_the_stages),
		cmocka_unit_test(a_flood_of_names_pushes_out_nothing_that_is_asked_for),
	};

	rcu_thread_register();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
