// SPDX-License-Identifier: Apache-2.0
/* What a resolver says of a name's addresses: only what is on the way from the name counts, and
 * only so much of it. */
#include "check.h"

#include <stdlib.h>

#include "dns/message.h"
#include "dns/rrtype.h"
#include "transfer/address_answer.h"

static const uint8_t LB[] = "\2lb\3cdn\4test", OTHER[] = "\5other\4test", OURS[] = "\3www\7example",
		     CDN[] = "\3cdn\4test";
static const uint8_t ONE[] = { 203, 0, 113, 1 }, TWO[] = { 203, 0, 113, 2 };

struct built {
	uint8_t bytes[16384];
	struct writer w;
	unsigned answers, authority;
};

static void begin(struct built *b, uint16_t rcode)
{
	b->w = writer_of(b->bytes, sizeof b->bytes);
	b->answers = b->authority = 0;
	write_u16(&b->w, 0x1234);
	write_u16(&b->w, (uint16_t)(0x8180 | rcode));
	write_u16(&b->w, 1);
	for (int i = 0; i < 3; i++)
		write_u16(&b->w, 0);
	write_bytes(&b->w, LB, sizeof LB);
	write_u16(&b->w, TYPE_A);
	write_u16(&b->w, 1);
}

static void put(struct built *b, const uint8_t *owner, uint16_t type, uint32_t ttl,
		const uint8_t *rdata, size_t n)
{
	write_bytes(&b->w, owner, name_len(owner));
	write_u16(&b->w, type);
	write_u16(&b->w, 1);
	write_u32(&b->w, ttl);
	write_u16(&b->w, (uint16_t)n);
	write_bytes(&b->w, rdata, n);
}

static void add(struct built *b, const uint8_t *owner, uint16_t type, uint32_t ttl,
		const uint8_t *rdata, size_t n)
{
	put(b, owner, type, ttl, rdata, n);
	store_u16(b->bytes + 6, (uint16_t)++b->answers);
}

static void add_soa(struct built *b, const uint8_t *owner, uint32_t ttl, uint32_t minimum)
{
	uint8_t rdata[22] = { 0 };

	store_u32(rdata + 18, minimum);
	put(b, owner, TYPE_SOA, ttl, rdata, sizeof rdata);
	store_u16(b->bytes + 8, (uint16_t)++b->authority);
}

static bool is_ours(const uint8_t *name, void *context)
{
	(void)context;
	return name_equal(name, OURS);
}

static enum address_outcome read_first(const struct built *b, size_t n, struct address_answer *out)
{
	uint8_t *copy = malloc(n + 1); /* exact: a read past the end is seen */

	assert_non_null(copy);
	uint8_t *exact = realloc(copy, n > 0 ? n : 1);
	assert_non_null(exact);
	memcpy(exact, b->bytes, n);
	address_answer_read((struct span){ exact, n }, LB, TYPE_A, is_ours, NULL, out);
	free(exact);
	return out->outcome;
}

static enum address_outcome read(const struct built *b, struct address_answer *out)
{
	return read_first(b, writer_len(&b->w), out);
}

static void takes_addresses_each_once_and_in_order_with_the_least_ttl(void **state)
{
	static const uint8_t UPPER[] = "\2LB\3Cdn\4test";
	struct built b;
	struct address_answer a;

	(void)state;
	begin(&b, 0);
	add(&b, LB, TYPE_A, 60, TWO, 4);
	add(&b, UPPER, TYPE_A, 50, ONE, 4);
	add(&b, LB, TYPE_A, 70, TWO, 4);
	add(&b, LB, TYPE_A, 5, ONE, 3); /* no address */
	add(&b, LB, TYPE_AAAA, 5, (const uint8_t *)"0123456789abcdef", 16);
	add(&b, OTHER, TYPE_A, 5, (const uint8_t *)"\1\2\3\4", 4);
	assert_int_equal(read(&b, &a), ADDRESS_THERE);
	assert_int_equal(a.n, 2);
	assert_memory_equal(a.address[0], ONE, 4);
	assert_memory_equal(a.address[1], TWO, 4);
	assert_int_equal(a.ttl, 50);
}

static void follows_cnames_in_any_order_and_to_a_name_of_ours(void **state)
{
	struct built b;
	struct address_answer a;

	(void)state;
	begin(&b, 0);
	add(&b, OTHER, TYPE_A, 60, ONE, 4);
	add(&b, LB, TYPE_CNAME, 20, OTHER, sizeof OTHER);
	assert_int_equal(read(&b, &a), ADDRESS_THERE);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.ttl, 20);
	begin(&b, 0);
	add(&b, LB, TYPE_CNAME, 20, OURS, sizeof OURS);
	add(&b, OURS, TYPE_A, 60, ONE, 4); /* what others say of it does not count */
	assert_int_equal(read(&b, &a), ADDRESS_ONWARD);
	assert_int_equal(a.n, 0);
	assert_true(name_equal(a.next, OURS));
}

static void that_there_is_nothing_wants_its_proof(void **state)
{
	struct built b;
	struct address_answer a;

	(void)state;
	begin(&b, 0);
	assert_int_equal(read(&b, &a), ADDRESS_FAILED);
	add_soa(&b, OTHER, 300, 300); /* of another zone */
	assert_int_equal(read(&b, &a), ADDRESS_FAILED);
	add_soa(&b, CDN, 300, 30);
	assert_int_equal(read(&b, &a), ADDRESS_NONE);
	assert_int_equal(a.ttl, 30);
	begin(&b, RCODE_NXDOMAIN);
	add_soa(&b, CDN, 30, 300);
	assert_int_equal(read(&b, &a), ADDRESS_NO_NAME);
	assert_int_equal(a.ttl, 30);
	begin(&b, 0);
	add(&b, LB, TYPE_CNAME, 20, OTHER, sizeof OTHER); /* which ends nowhere */
	assert_int_equal(read(&b, &a), ADDRESS_FAILED);
}

static void errors_of_the_resolver_say_what_they_are(void **state)
{
	struct built b;
	struct address_answer a;

	(void)state;
	begin(&b, RCODE_SERVFAIL);
	assert_int_equal(read(&b, &a), ADDRESS_FAILED);
	assert_string_equal(a.why, "it says SERVFAIL");
	begin(&b, RCODE_REFUSED);
	add(&b, LB, TYPE_A, 60, ONE, 4);
	assert_int_equal(read(&b, &a), ADDRESS_FAILED);
	assert_int_equal(a.n, 0);
}

static void sixty_four_addresses_are_taken_and_one_more_is_too_many(void **state)
{
	struct built b;
	struct address_answer a;

	(void)state;
	begin(&b, 0);
	for (uint8_t i = 0; i < ADDRESSES_MAX; i++)
		add(&b, LB, TYPE_A, 60, (uint8_t[]){ 10, 0, 0, (uint8_t)(i * 7) }, 4);
	assert_int_equal(read(&b, &a), ADDRESS_THERE);
	assert_int_equal(a.n, ADDRESSES_MAX);
	for (unsigned i = 1; i < a.n; i++)
		assert_true(memcmp(a.address[i - 1], a.address[i], 4) < 0);
	add(&b, LB, TYPE_A, 60, ONE, 4);
	assert_int_equal(read(&b, &a), ADDRESS_FAILED);
}

static void chains_end(void **state)
{
	struct built b;
	struct address_answer a;

	(void)state;
	begin(&b, 0);
	add(&b, LB, TYPE_CNAME, 20, OTHER, sizeof OTHER);
	add(&b, OTHER, TYPE_CNAME, 20, LB, sizeof LB);
	assert_int_equal(read(&b, &a), ADDRESS_FAILED);
	for (unsigned length = 15; length < 18; length++) { /* CNAMEs before the address */
		begin(&b, 0);
		const uint8_t *at = LB;
		uint8_t last[9];
		for (unsigned i = 0; i < length; i++) {
			uint8_t next[9] = "\2a0\4test";
			next[2] = (uint8_t)('A' + i);
			add(&b, at, TYPE_CNAME, 20, next, 9);
			memcpy(last, next, 9);
			at = last;
		}
		add(&b, at, TYPE_A, 20, ONE, 4);
		assert_int_equal(read(&b, &a),
				 length <= ADDRESS_HOPS_MAX ? ADDRESS_THERE : ADDRESS_FAILED);
	}
}

static void every_shorter_message_is_refused(void **state)
{
	struct built b;
	struct address_answer a;

	(void)state;
	begin(&b, 0);
	add(&b, LB, TYPE_CNAME, 20, OTHER, sizeof OTHER);
	add(&b, OTHER, TYPE_A, 60, ONE, 4);
	for (size_t n = 1; n < writer_len(&b.w); n++)
		assert_int_equal(read_first(&b, n, &a), ADDRESS_FAILED);
}

static void a_ttl_with_its_first_bit_set_is_none(void **state) /* RFC 2181 §8 */
{
	struct built b;
	struct address_answer a;

	(void)state;
	begin(&b, 0);
	add(&b, LB, TYPE_A, 0x80000001u, ONE, 4);
	assert_int_equal(read(&b, &a), ADDRESS_THERE);
	assert_int_equal(a.ttl, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_addresses_each_once_and_in_order_with_the_least_ttl),
		cmocka_unit_test(follows_cnames_in_any_order_and_to_a_name_of_ours),
		cmocka_unit_test(that_there_is_nothing_wants_its_proof),
		cmocka_unit_test(errors_of_the_resolver_say_what_they_are),
		cmocka_unit_test(sixty_four_addresses_are_taken_and_one_more_is_too_many),
		cmocka_unit_test(chains_end),
		cmocka_unit_test(every_shorter_message_is_refused),
		cmocka_unit_test(a_ttl_with_its_first_bit_set_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
