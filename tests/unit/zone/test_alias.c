// SPDX-License-Identifier: Apache-2.0
/* Names that have the addresses of another one: what they answer changes without the zone being
 * built anew. */
#include "check.h"

#include "dns/rrtype.h"
#include "zone/builder.h"

static const uint8_t APEX[] = "\7example", OWNER[] = "\1x\7example", TARGET[] = "\2lb\4test";
static const uint8_t SOA[22] = { [21] = 60 }, HOST[] = "\2ns\4test", ONE[] = { 192, 0, 2, 1 },
		     TWO[] = { 192, 0, 2, 2 };

static struct zone_record record(const uint8_t *owner, uint16_t type, const uint8_t *rdata,
				 size_t n)
{
	return (
	    struct zone_record){ .owner = owner, .type = type, .ttl = 60, .rdata = { rdata, n } };
}

static void add(struct zone_builder *b, const uint8_t *owner, uint16_t type, const uint8_t *rdata,
		size_t n, struct diag *d)
{
	struct zone_record r = record(owner, type, rdata, n);

	assert_int_equal(zone_build_add(b, &r, d), ERR_OK);
}

static struct zone_builder *start(enum zone_denial denial, struct diag *d)
{
	struct zone_builder *b;
	struct zone_build_options options = { .denial = denial };

	assert_int_equal(zone_build_start(&b, APEX, NULL, &options), ERR_OK);
	add(b, APEX, TYPE_SOA, SOA, sizeof SOA, d);
	add(b, APEX, TYPE_NS, HOST, sizeof HOST, d);
	return b;
}

static void place(struct zone_builder *b, struct diag *d)
{
	for (int i = 0; i < 2; i++) {
		struct zone_record at = record(OWNER, i == 0 ? TYPE_A : TYPE_AAAA, NULL, 0);
		assert_int_equal(zone_build_alias(b, &at, d), ERR_OK);
	}
}

static struct zone *seal(struct zone_builder *b, struct diag *d)
{
	struct zone *z = NULL;
	enum err e = zone_build_seal(b, &z, d);

	if (e)
		diag_print(d, stderr);
	assert_int_equal(e, ERR_OK);
	return z;
}

/* The next version, in which a type answers something else. */
static struct zone *change(struct zone *z, uint16_t type, const struct zone_alias_answer *a)
{
	struct zone_builder *b;
	struct diag d = { 0 };
	struct zone_record at = record(OWNER, type, NULL, 0);

	assert_int_equal(zone_build_change(&b, z), ERR_OK);
	assert_int_equal(zone_build_alias_answer(b, &at, a), ERR_OK);
	return seal(b, &d);
}

static const struct rrset *rrset_at(const struct zone *z, uint16_t type)
{
	return node_rrset(zone_node(z, OWNER), type);
}

/* Types in the NSEC: bit 0 A, bit 1 AAAA. */
static unsigned denied(const struct zone *z)
{
	const struct rrset *nsec = zone_node(z, OWNER)->nsec;
	const uint8_t *bitmap = nsec->wire + RR_FIXED_LEN + name_len(nsec->wire + RR_FIXED_LEN);

	return (bitmap[2] >> 6 & 1u) | (bitmap[1] > 3 && bitmap[2 + 3] & 0x08 ? 2u : 0u);
}

static void both_types_exist_while_nothing_is_known_and_then_those_of_the_target(void **state)
{
	struct diag d = { 0 };
	struct zone_builder *b = start(ZONE_NSEC, &d);
	struct span rdata[] = { { TWO, 4 }, { ONE, 4 } };
	struct zone_variant v = { rdata, 2, 30 };

	(void)state;
	place(b, &d);
	struct zone *z = seal(b, &d);
	assert_int_equal(denied(z), 3);
	assert_true(rrset_has_failed(rrset_at(z, TYPE_A)) &&
		    rrset_has_failed(rrset_at(z, TYPE_AAAA)));
	assert_int_equal(rrset_at(z, TYPE_A)->sig_id, 0); /* nothing to sign */
	size_t before = zone_rr_n(z);
	struct zone *z2 =
	    change(z, TYPE_A, &(struct zone_alias_answer){ .variants = &v, .variant_n = 1 });
	const struct rrset *r = rrset_at(z2, TYPE_A);
	assert_int_equal(r->rr_n, 2);
	assert_int_equal(r->ttl, 30);
	assert_memory_equal(r->wire + RR_FIXED_LEN, ONE, 4); /* in canonical order */
	assert_int_not_equal(r->sig_id, 0);
	assert_false(rrset_has_failed(r) || rrset_is_steered(r));
	assert_int_equal(zone_rr_n(z2), before + 2);
	struct zone *z3 = change(z2, TYPE_AAAA, &(struct zone_alias_answer){ 0 });
	assert_int_equal(denied(z3), 1);
	assert_null(rrset_at(z3, TYPE_AAAA));
	assert_int_equal(rrset_at(z3, TYPE_A)->sig_id,
			 r->sig_id); /* the same, so its signature stays */
	struct zone *z4 = change(z3, TYPE_AAAA, &(struct zone_alias_answer){ .failed = true });
	assert_int_equal(denied(z4), 3);
	zone_free(z);
	zone_free(z2);
	zone_free(z3);
	zone_free(z4);
	diag_free(&d);
}

static void records_are_not_added_to_it_or_removed(void **state)
{
	struct diag d = { 0 };
	struct zone_builder *b = start(ZONE_NO_DENIAL, &d);
	struct span rdata[] = { { ONE, 4 } };
	struct zone_variant v = { rdata, 1, 30 };
	struct zone_record mine = record(OWNER, TYPE_A, ONE, 4);

	(void)state;
	place(b, &d);
	struct zone_record at = record(OWNER, TYPE_A, NULL, 0);
	assert_int_equal(zone_build_alias_answer(
			     b, &at, &(struct zone_alias_answer){ .variants = &v, .variant_n = 1 }),
			 ERR_OK);
	assert_int_equal(zone_build_remove_record(b, &mine), ERR_OK);
	assert_int_equal(zone_build_rrset(b, OWNER, TYPE_A)->rr_n, 1);
	assert_int_equal(d.error_n, 0);
	add(b, OWNER, TYPE_A, TWO, 4, &d);
	assert_int_equal(d.error_n, 1);
	zone_build_abort(b);
	diag_free(&d);
}

static void aliases_are_kept_beside_the_records_as_they_are_given(void **state)
{
	struct diag d = { 0 };
	struct zone_builder *b = start(ZONE_NSEC, &d);
	static const uint8_t BAD[][12] = { "\2lb\4test\0x", "\2lb\4tes", "" };

	(void)state;
	add(b, OWNER, TYPE_ALIAS, TARGET, sizeof TARGET, &d);
	assert_int_equal(zone_build_alias_n(b), 1);
	assert_true(name_equal(zone_build_alias_at(b, 0)->target, TARGET));
	assert_null(zone_build_node(b, OWNER)); /* no data */
	for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
		add(b, OWNER, TYPE_ALIAS, BAD[i], i == 0 ? 11 : i == 1 ? 7 : 1, &d);
	assert_int_equal(d.error_n, 3);
	assert_int_equal(zone_build_alias_n(b), 1);
	zone_build_abort(b);
	diag_free(&d);
}

static void what_stands_at_the_name_is_a_finding(void **state)
{
	struct diag d = { 0 };
	struct zone_builder *b = start(ZONE_NSEC, &d);

	(void)state;
	add(b, OWNER, TYPE_A, ONE, 4, &d);
	place(b, &d);
	assert_int_equal(d.error_n, 1);
	place(b, &d); /* a second one */
	assert_int_equal(d.error_n, 3);
	zone_build_abort(b);
	diag_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    both_types_exist_while_nothing_is_known_and_then_those_of_the_target),
		cmocka_unit_test(records_are_not_added_to_it_or_removed),
		cmocka_unit_test(aliases_are_kept_beside_the_records_as_they_are_given),
		cmocka_unit_test(what_stands_at_the_name_is_a_finding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
