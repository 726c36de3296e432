// SPDX-License-Identifier: Apache-2.0
/* Two signers with a KSK and a ZSK each: 0 and 1 are ours, 2 and 3 the peer's. */
#include "multisigner/membership.h"

#include <string.h>

#include "check.h"
#include "multisigner/cds.h"
#include "multisigner/merge.h"
#include "multisigner/observe.h"
#include "multisigner/step.h"
#include "multisigner/waits.h"

#define T0   1000000
#define TTL  300
#define OURS 0x3u
#define PEER 0xcu
#define ALL  (OURS | PEER)

static struct signer_look look(int64_t at, uint64_t dnskey, uint64_t cds, unsigned ns)
{
	return (struct signer_look){ .asked_at = at,
				     .at = at,
				     .dnskey = dnskey,
				     .cds = cds,
				     .has_cds = cds != 0,
				     .key_signing = dnskey & 0x5,
				     .zone_signing = dnskey & 0xa,
				     .ns_all = (uint16_t)ns,
				     .ns_any = (uint16_t)ns,
				     .dnskey_ttl = TTL,
				     .ns_ttl = TTL,
				     .zone_ttl = TTL };
}

static struct parent_look delegation(int64_t at, uint64_t ds, unsigned ns)
{
	return (struct parent_look){ .asked_at = at,
				     .at = at,
				     .ds = ds,
				     .ns_all = (uint16_t)ns,
				     .ns_any = (uint16_t)ns,
				     .ds_ttl = TTL,
				     .ns_ttl = TTL };
}

static void see(struct group *g, int64_t at, const struct signer_look *ours,
		const struct signer_look *peers, const struct parent_look *parents)
{
	(void)at;
	observe_signer(g, 0, 0, ours);
	observe_signer(g, 1, 0, peers);
	observe_parent(g, 0, parents);
}

static void start(struct group *g)
{
	struct group_policy p = {
		.propagation_s = 10, .fresh_s = 100, .gap_s = 100000, .carry_ksk = true
	};

	group_init(g, &p, T0);
	g->parent.server_n = 1;
	group_add_signer(g, 1, T0);
	group_add_signer(g, 1, T0);
	for (int k = 0; k < 4; k++) {
		struct group_key key = { .known = true,
					 .owner = (int8_t)(k / 2),
					 .algorithm = 13,
					 .tag = (uint16_t)(1000 + k),
					 .sep = k % 2 == 0 };
		assert_int_equal(group_add_key(g, &key), k);
	}
	g->own_ds = 0x1;
	struct member_change c;
	const char *why;
	assert_true(membership_command(g, 0, EVENT_JOIN, T0, &c, &why));
	assert_true(membership_command(g, 1, EVENT_JOIN, T0, &c, &why));
}

/* Everything that the peer and the parent have to do is done at `at`. */
static void advance(struct group *g, int64_t at, uint64_t ds, unsigned ns)
{
	struct group_step step;

	for (int turn = 0; turn < 4; turn++) {
		struct signer_look ours =
		    look(at + turn, OURS | g->sets.dnskey, g->sets.cds, g->sets.ns);
		struct signer_look peers =
		    look(at + turn, ALL, g->sets.cds, ns | (g->sets.ns & 2u));
		struct parent_look parent = delegation(at + turn, ds, ns);
		see(g, at + turn, &ours, &peers, &parent);
		group_advance(g, at + turn, &step);
		group_served(g);
	}
}

static void names_a_joining_signer_only_after_keys_and_ds_have_expired(void **state)
{
	struct group g;

	(void)state;
	start(&g);
	advance(&g, T0 + 1, 0x1, 1);
	assert_int_equal(g.sets.dnskey, PEER);
	assert_int_equal(g.sets.ns, 1);
	assert_int_equal(g.signer[1].state, MEMBER_KEYS_WAIT);
	advance(&g, T0 + 200, 0x1, 1);
	assert_int_equal(g.signer[1].state, MEMBER_KEYS_WAIT);
	advance(&g, T0 + 400, 0x1, 1);
	assert_int_equal(g.signer[1].state, MEMBER_DS);
	assert_int_equal(g.sets.cds, 0x5);
	advance(&g, T0 + 500, 0x5, 1);
	assert_int_equal(g.sets.ns, 1);
	advance(&g, T0 + 900, 0x5, 1);
	assert_int_equal(g.sets.ns, 3);
	assert_true(g.sets.csync);
	advance(&g, T0 + 950, 0x5, 3);
	assert_int_equal(g.signer[1].state, MEMBER_FULL);
	assert_false(g.sets.csync);
}

static void keeps_keys_and_ds_of_a_leaving_signer_while_resolvers_may_ask_it(void **state)
{
	struct member_change c;
	struct group g;
	const char *why;

	(void)state;
	start(&g);
	for (int64_t t = 1; t <= 2001; t += 400)
		advance(&g, T0 + t, t > 400 ? 0x5 : 0x1, t > 1600 ? 3 : 1);
	assert_int_equal(g.signer[1].state, MEMBER_FULL);
	assert_true(membership_command(&g, 1, EVENT_LEAVE, T0 + 3000, &c, &why));
	advance(&g, T0 + 3001, 0x5, 3);
	assert_int_equal(g.sets.ns, 1);
	assert_int_equal(g.signer[1].state, LEAVE_NS);
	advance(&g, T0 + 3100, 0x5, 1);
	assert_int_equal(g.signer[1].state, LEAVE_NS_WAIT);
	advance(&g, T0 + 3500, 0x5, 1); /* NS have expired, DNSKEY sets from it have not */
	assert_int_equal(g.sets.cds, 0x5);
	advance(&g, T0 + 3800, 0x5, 1);
	assert_int_equal(g.sets.cds, 0x1);
	assert_int_equal(g.sets.dnskey, PEER);
	advance(&g, T0 + 4000, 0x1, 1);
	advance(&g, T0 + 5000, 0x1, 1);
	assert_int_equal(g.signer[1].state, MEMBER_GONE);
	assert_int_equal(g.sets.dnskey, 0);
}

/* Who saw our consent late may name it a last time, and then leave the delegation itself. */
static void gives_a_leaving_signer_its_ds_back_when_somebody_names_it_again(void **state)
{
	struct group g;

	(void)state;
	start(&g);
	g.signer[0].state = MEMBER_FULL;
	g.signer[1].state = LEAVE_DS;
	advance(&g, T0 + 1, 0x5, 1);
	assert_int_equal(g.sets.cds, 0x1);
	advance(&g, T0 + 20, 0x5, 3);
	assert_int_equal(g.signer[1].state, LEAVE_NS);
	assert_int_equal(g.sets.cds, 0x5);
}

static void remembers_the_ttls_of_a_signer_that_is_gone_until_they_have_passed(void **state)
{
	struct group g;

	(void)state;
	start(&g);
	advance(&g, T0 + 1, 0x1, 1);
	g.signer[1].state = MEMBER_GONE;
	g.signer[1].state_at = T0 + 100;
	g.signer[1].ns_ttl.ttl = g.signer[1].zone_ttl.ttl = g.signer[1].dnskey_ttl.ttl = 5000;
	assert_int_equal(wait_ns_until(&g, T0 + 50), T0 + 5100 + TTL_MARK_ROUNDING_S);
	assert_int_equal(wait_zone_until(&g, T0 + 50), T0 + 5100 + TTL_MARK_ROUNDING_S);
	assert_int_equal(wait_dnskey_until(&g, T0 + 50), T0 + 5100 + TTL_MARK_ROUNDING_S);
	assert_int_equal(wait_ns_until(&g, T0 + 9000), T0 + 9000 + 10 + TTL + TTL_MARK_ROUNDING_S);
}

/* The parent could take it again. */
static void counts_no_ds_as_gone_that_a_signer_still_names(void **state)
{
	struct group g;

	(void)state;
	start(&g);
	g.signer[0].state = g.signer[1].state = MEMBER_FULL;
	struct signer_look ours = look(T0 + 1, ALL, 0x4, 3), peers = look(T0 + 1, ALL, 0x5, 3);
	struct parent_look parent = delegation(T0 + 1, 0x4, 3);
	see(&g, T0 + 1, &ours, &peers, &parent);
	assert_int_equal(group_evidence(&g, 0, T0 + 1).ds_gone_at, 0);
	peers = look(T0 + 50, ALL, 0x4, 3);
	observe_signer(&g, 1, 0, &peers);
	assert_int_equal(group_evidence(&g, 0, T0 + 50).ds_gone_at, T0 + 50);
}

/* Others may have named it and let it go meanwhile. */
static void begins_waits_anew_after_nobody_looked_for_long(void **state)
{
	struct group g;

	(void)state;
	start(&g);
	g.policy.gap_s = 60;
	advance(&g, T0 + 1, 0x1, 1);
	assert_int_equal(g.signer[1].unlisted_at, T0 + 1);
	advance(&g, T0 + 50, 0x1, 1);
	assert_int_equal(g.signer[1].unlisted_at, T0 + 1);
	advance(&g, T0 + 900, 0x1, 1);
	assert_int_equal(g.signer[1].unlisted_at, T0 + 900);
}

static void counts_the_sets_of_an_ejected_signer_until_it_is_forgotten(void **state)
{
	struct group g;

	(void)state;
	start(&g);
	advance(&g, T0 + 1, 0x1, 1);
	g.signer[1].ejected = true;
	g.signer[1].state = LEAVE_NS_WAIT;
	memset(g.signer[1].served_at, 0, sizeof g.signer[1].served_at);
	assert_int_equal(guard_ask(&g, GUARD_KEYS, 0, T0 + 2).signer, 1);
	assert_int_equal(group_evidence(&g, 1, T0 + 2).seen_everywhere_at, 0);
	g.signer[1].state = LEAVE_DS;
	assert_true(guard_ask(&g, GUARD_KEYS, 0, T0 + 2).holds);
}

static void keeps_a_delegated_signer_in_the_ns_set_after_a_restart(void **state)
{
	struct group g;

	(void)state;
	start(&g);
	advance(&g, T0 + 1, 0x1, 1);
	g.signer[0].state = g.signer[1].state = MEMBER_NS;
	g.sets.ns = 3;
	group_resume(&g, T0 + 500);
	assert_int_equal(g.sets.ns, 1);
}

static void lets_nobody_force_a_milestone(void **state)
{
	struct group g;

	(void)state;
	start(&g);
	g.signer[1].state = MEMBER_NS;
	g.waived = ~0u;
	assert_false(guard_ask(&g, GUARD_NS, 1, T0).holds);
	assert_false(guard_ask(&g, GUARD_ALGORITHMS, 1, T0).holds);
	assert_true(guard_ask(&g, GUARD_KEYS, 1, T0).holds);
}

static void takes_no_step_on_evidence_that_is_old(void **state)
{
	struct group g;
	struct group_step step;

	(void)state;
	start(&g);
	advance(&g, T0 + 1, 0x1, 1);
	group_advance(&g, T0 + 5000, &step);
	assert_int_equal(g.signer[1].state, MEMBER_KEYS_WAIT);
	struct guard_verdict v = membership_blocked(&g, 1, T0 + 5000);
	assert_int_equal(v.guard, GUARD_FRESH);
	assert_int_equal(v.signer, 0);
}

static void ignores_answers_that_come_late_or_twice(void **state)
{
	struct group g;

	(void)state;
	start(&g);
	struct signer_look l = look(T0 + 50, PEER, 0, 2);
	assert_true(observe_signer(&g, 1, 0, &l));
	assert_false(observe_signer(&g, 1, 0, &l));
	l.asked_at = T0 + 40;
	l.dnskey = 0;
	assert_false(observe_signer(&g, 1, 0, &l));
	assert_int_equal(observed_by_all(&g.signer[1]), PEER);
}

static void does_not_let_the_last_member_leave(void **state)
{
	struct member_change c;
	struct group g;
	const char *why;

	(void)state;
	start(&g);
	g.signer[0].state = MEMBER_FULL;
	assert_false(membership_command(&g, 0, EVENT_LEAVE, T0, &c, &why));
	assert_non_null(why);
}

static void takes_back_a_decision_that_was_never_served(void **state)
{
	struct group g;

	(void)state;
	start(&g);
	g.signer[1].state = MEMBER_NS;
	g.sets.ns = 3;
	group_resume(&g, T0 + 50);
	assert_int_equal(g.sets.ns, 3); /* it may have been served for a moment */
	group_resume(&g, T0 + 500);
	assert_int_equal(g.signer[1].state, MEMBER_DS_WAIT);
	assert_int_equal(g.sets.ns, 1);
}

/* RFC 4035 §2.2 */
static void names_an_algorithm_at_the_parent_for_all_signers_or_for_none(void **state)
{
	struct group g;

	(void)state;
	start(&g);
	g.signer[0].state = g.signer[1].state = MEMBER_FULL;
	g.key[1].algorithm = 15; /* our new KSK, wanted alone */
	g.own_ds = 0x2;
	struct signer_look ours = look(T0 + 1, ALL, 0x5, 3), peers = look(T0 + 1, ALL, 0x5, 3);
	struct parent_look parent = delegation(T0 + 1, 0x5, 3);
	see(&g, T0 + 1, &ours, &peers, &parent);
	assert_int_equal(group_merge(&g, T0 + 1).cds, 0x5); /* what the parent has stays */
	g.key[3].algorithm = 15;
	peers = look(T0 + 2, ALL, 0x8, 3);
	observe_signer(&g, 1, 0, &peers);
	assert_int_equal(group_merge(&g, T0 + 2).cds, 0x5); /* neither was seen to sign with it */
	g.waived = 1u << GUARD_NEW_ALGORITHM;
	assert_int_equal(group_merge(&g, T0 + 2).cds, 0xa);
}

/* Ours are 0 (KSK), 1 (new KSK), 4 (new ZSK); the peer's are 2 (KSK), 3 (new KSK), 5 (new ZSK). */
static void start_algorithm_roll(struct group *g)
{
	start(g);
	for (int k = 4; k < 6; k++) {
		struct group_key key = {
			.known = true, .owner = (int8_t)(k - 4), .algorithm = 15, .tag = (uint16_t)k
		};
		assert_int_equal(group_add_key(g, &key), k);
	}
	g->signer[0].state = g->signer[1].state = MEMBER_FULL;
	g->key[1].algorithm = g->key[3].algorithm = 15;
	g->key[1].sep = g->key[3].sep = true;
	g->own_ds = 0x2;
}

static struct signer_look rolling(int64_t at, unsigned signer, bool signs)
{
	struct signer_look l = look(at, 0x3f, 0x5, 3);

	l.key_signing = signer == 0 ? 0x3 : signs ? 0xc : 0x4;
	l.zone_signing = signer == 0 ? 0x10 : signs ? 0x20 : 0;
	l.algorithms = GROUP_BIT(13) | (signs ? GROUP_BIT(15) : 0);
	return l;
}

/* No CDS can say it first: what a signer serves says that it is ready. RFC 4035 §2.2 */
static void names_a_new_algorithm_when_no_cache_is_without_it(void **state)
{
	struct parent_look parent = delegation(T0 + 1, 0x5, 3);
	struct guard_verdict v;
	struct group g;
	uint8_t algorithm;

	(void)state;
	start_algorithm_roll(&g);
	struct signer_look ours = rolling(T0 + 1, 0, true), peers = rolling(T0 + 1, 1, false);
	see(&g, T0 + 1, &ours, &peers, &parent);
	g.sets = group_merge(&g, T0 + 1);
	assert_int_equal(g.sets.cds, 0x5);
	for (int64_t t = 2; t < 1000; t += 50) {
		ours = rolling(T0 + t, 0, true);
		peers = rolling(T0 + t, 1, t > 400);
		parent = delegation(T0 + t, 0x5, 3);
		see(&g, T0 + t, &ours, &peers, &parent);
		g.sets = group_merge(&g, T0 + t);
		bool over = t >= 402 + TTL + 10 + TTL_MARK_ROUNDING_S;
		assert_int_equal(g.sets.cds, over ? 0xa : 0x5);
		assert_int_equal(cds_awaits_algorithm(&g, T0 + t, &algorithm, &v), !over);
		if (!over)
			assert_int_equal(algorithm, 15);
		if (t < 400)
			assert_int_equal(v.signer, 1);
	}
	/* The parent is half through, and what we last saw of the peer is from before. */
	parent = delegation(T0 + 1010, 0xf, 3);
	observe_parent(&g, 0, &parent);
	assert_int_equal(group_merge(&g, T0 + 1010).cds & 0xa, 0xa);
}

static void names_no_new_algorithm_while_a_signer_does_not_carry_a_key_of_it(void **state)
{
	struct parent_look parent;
	struct group g;

	(void)state;
	start_algorithm_roll(&g);
	for (int64_t t = 1; t < 1000; t += 50) {
		struct signer_look ours = rolling(T0 + t, 0, true),
				   peers = rolling(T0 + t, 1, true);
		parent = delegation(T0 + t, 0x5, 3);
		peers.dnskey &= ~UINT64_C(0x10);
		see(&g, T0 + t, &ours, &peers, &parent);
		g.sets = group_merge(&g, T0 + t);
		assert_int_equal(g.sets.cds, 0x5);
	}
}

/* A DS of somebody unknown asks for its algorithm, and only keys of ours can answer for it. */
static void keeps_an_algorithm_whole_while_a_stranger_has_a_ds_of_it(void **state)
{
	struct group_key stranger = { .owner = GROUP_NOBODY, .algorithm = 13, .sep = true };
	struct parent_look parent;
	struct group g;

	(void)state;
	start_algorithm_roll(&g);
	assert_int_equal(group_add_key(&g, &stranger), 6);
	for (int64_t t = 1; t < 1000; t += 50) {
		struct signer_look ours = rolling(T0 + t, 0, true),
				   peers = rolling(T0 + t, 1, true);
		parent = delegation(T0 + t, 0x45, 3);
		see(&g, T0 + t, &ours, &peers, &parent);
		g.sets = group_merge(&g, T0 + t);
	}
	assert_int_equal(g.sets.cds, 0x4f);
}

/* A look sees a few RRsets, and the zone has others. */
static void waits_for_the_highest_ttl_of_the_zone(void **state)
{
	struct group g;

	(void)state;
	start(&g);
	advance(&g, T0 + 1, 0x5, 3);
	assert_int_equal(wait_zone_until(&g, T0), T0 + 10 + TTL + TTL_MARK_ROUNDING_S);
	g.zone_ttl = (struct ttl_mark){ .ttl = 86400 };
	advance(&g, T0 + 20, 0x5, 3);
	assert_int_equal(wait_zone_until(&g, T0), T0 + 10 + 86400 + TTL_MARK_ROUNDING_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_a_joining_signer_only_after_keys_and_ds_have_expired),
		cmocka_unit_test(keeps_keys_and_ds_of_a_leaving_signer_while_resolvers_may_ask_it),
		cmocka_unit_test(gives_a_leaving_signer_its_ds_back_when_somebody_names_it_again),
		cmocka_unit_test(
		    remembers_the_ttls_of_a_signer_that_is_gone_until_they_have_passed),
		cmocka_unit_test(counts_no_ds_as_gone_that_a_signer_still_names),
		cmocka_unit_test(begins_waits_anew_after_nobody_looked_for_long),
		cmocka_unit_test(counts_the_sets_of_an_ejected_signer_until_it_is_forgotten),
		cmocka_unit_test(keeps_a_delegated_signer_in_the_ns_set_after_a_restart),
		cmocka_unit_test(lets_nobody_force_a_milestone),
		cmocka_unit_test(takes_no_step_on_evidence_that_is_old),
		cmocka_unit_test(ignores_answers_that_come_late_or_twice),
		cmocka_unit_test(does_not_let_the_last_member_leave),
		cmocka_unit_test(takes_back_a_decision_that_was_never_served),
		cmocka_unit_test(names_an_algorithm_at_the_parent_for_all_signers_or_for_none),
		cmocka_unit_test(names_a_new_algorithm_when_no_cache_is_without_it),
		cmocka_unit_test(names_no_new_algorithm_while_a_signer_does_not_carry_a_key_of_it),
		cmocka_unit_test(keeps_an_algorithm_whole_while_a_stranger_has_a_ds_of_it),
		cmocka_unit_test(waits_for_the_highest_ttl_of_the_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
