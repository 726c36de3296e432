// SPDX-License-Identifier: Apache-2.0
/*
 * Four hundred days of a zone on a virtual clock, with every kind of roll and their overlaps:
 * nothing that a resolver may hold is ever bogus, and every roll ends. The machine reads whole
 * seconds of a clock that runs in milliseconds, and what it decides is served a little later.
 *
 * CONCORD_HISTORIES=n runs n histories (default 100), CONCORD_SEED=s starts at another seed.
 */
#include "rollover_world.h"

#include <stdio.h>
#include <stdlib.h>

/* A wait that the machine is not told of; the oracle must notice. */
enum dropped {
	DROP_NOTHING,
	DROP_DNSKEY_TTL,
	DROP_ZONE_TTL,
	DROP_SIGNED_TTL,
	DROP_DS_TTL,
	DROP_LOWERED_TTL,
	DROP_PROPAGATION,
	DROP_DS_GONE,
	DROP_SERVED, /* when a step was served; it counts from when it was decided */
	DROP_PARENT, /* both what it shows and what it no longer shows */
	DROPS
};

static struct world world; /* large */

static bool traced(void)
{
	return getenv("CONCORD_TRACE") != NULL;
}

struct history {
	struct lottery lot;
	struct rollover_facts facts;
	struct rollover_policy policy;
	enum dropped dropped;
	bool brief; /* TTLs of seconds, no margin and no propagation: every second counts */
	int64_t now, now_ms;
	uint32_t zone_ttl, dnskey_ttl, ds_ttl;
	uint16_t next_tag;
	/* the parent reads CDS now and then, and its servers follow one after the other */
	int64_t parent_reads_at, parent_server_at[PARENT_SERVERS], check_at, event_at, down_until;
	struct world_set parent_wants;
	bool delegated, foreign;
	unsigned rolls[5], ended;
};

static uint32_t roll(struct history *h, uint32_t n)
{
	return lottery_below(&h->lot, n);
}

/* The clock shows `at`, some way into the second; it never runs back. */
static void pass(struct history *h, int64_t at)
{
	h->now_ms = most(h->now_ms, at * 1000 + roll(h, 1000));
	h->now = h->now_ms / 1000;
}

/* What is decided now is served once it is made. */
static void take_time(struct history *h)
{
	h->now_ms += roll(h, 4) == 0 ? roll(h, 3000) : roll(h, 40);
	h->now = h->now_ms / 1000;
}

static void note_ttls(struct history *h, uint32_t zone_ttl, uint32_t dnskey_ttl)
{
	rollover_serve_ttls(&h->facts, zone_ttl, dnskey_ttl, h->now + h->policy.propagation_s);
}

/* As control does it: TTLs that rise are noted before they are served, those that fall after it. */
static void serve(struct history *h)
{
	uint32_t zone = h->facts.zone_ttl.ttl, dnskey = h->facts.dnskey_ttl.ttl;

	struct served_span s = { .dnskey_ttl = h->dnskey_ttl, .zone_ttl = h->zone_ttl };

	for (size_t i = 0; i < h->facts.n; i++) {
		const struct rollover_key *k = &h->facts.keys[i];
		if (rollover_is_published(k))
			set_add(&s.dnskey, k->tag, k->algorithm);
		if (rollover_signs_dnskey(k))
			set_add(&s.dnskey_signers, k->tag, k->algorithm);
		if (k->signs)
			set_add(&s.zone_signers, k->tag, k->algorithm);
	}
	note_ttls(h, zone > h->zone_ttl ? zone : h->zone_ttl,
		  dnskey > h->dnskey_ttl ? dnskey : h->dnskey_ttl);
	take_time(h);
	world_serve(&world, &s, h->now_ms);
	h->now = (h->now_ms + (int64_t)roll(h, 20)) / 1000;
	note_ttls(h, h->zone_ttl, h->dnskey_ttl);
	if (h->dropped == DROP_SERVED)
		h->facts.unserved_since = 0;
	else
		rollover_served(&h->facts, h->now);
}

/* ---- the machine's side ---- */

static void drop_marks(struct rollover_facts *f, enum dropped d)
{
	struct ttl_mark *const MARKS[] = { &f->dnskey_ttl, &f->zone_ttl, &f->ds_ttl };

	if (d == DROP_DNSKEY_TTL)
		f->dnskey_ttl = (struct ttl_mark){ 0 };
	if (d == DROP_ZONE_TTL)
		f->zone_ttl = (struct ttl_mark){ 0 };
	if (d == DROP_DS_TTL)
		f->ds_ttl = (struct ttl_mark){ 0 };
	for (size_t i = 0; i < 3 && d == DROP_LOWERED_TTL; i++)
		MARKS[i]->held_until = 0;
	for (size_t i = 0; i < f->n; i++) {
		struct rollover_key *k = &f->keys[i];
		if (d == DROP_SIGNED_TTL)
			k->signed_ttl = (struct ttl_mark){ 0 };
		if (d == DROP_LOWERED_TTL)
			k->signed_ttl.held_until = 0;
		if (d == DROP_PARENT && k->state == KEY_READY && k->ds_seen_at == 0)
			k->ds_seen_at = k->since;
		if ((d == DROP_DS_GONE || d == DROP_PARENT) && k->state == KEY_RETIRED &&
		    k->ds_gone_at == 0)
			k->ds_gone_at = k->since;
	}
}

static void make_wanted(struct history *h, const struct rollover_plan *p)
{
	for (size_t i = 0; i < p->wanted_n; i++) {
		assert_true(h->facts.n < ROLLOVER_KEYS_MAX);
		h->facts.keys[h->facts.n++] =
		    rollover_made(&p->wanted[i], h->next_tag++, &h->facts, h->now);
	}
}

static void forget_removed(struct history *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->facts.n; i++) {
		if (h->facts.keys[i].state == KEY_REMOVED)
			h->ended++;
		else
			h->facts.keys[n++] = h->facts.keys[i];
	}
	h->facts.n = n;
}

/* CONCORD_TRACE=1 tells each step. */
static void trace(const struct history *h, const struct rollover_plan *p)
{
	double day = (double)(h->now - WORLD_START) / DAY;

	if (!traced())
		return;
	for (size_t i = 0; i < p->step_n; i++) {
		const struct rollover_key *k = &h->facts.keys[p->steps[i].key];
		printf("%9.4f %s %u/%u %s%s -> %s%s: %s\n", day, key_role_text(k->role), k->tag,
		       k->algorithm, key_state_text(p->steps[i].from),
		       p->steps[i].signed_before ? " signs" : "", key_state_text(p->steps[i].to),
		       p->steps[i].signs ? " signs" : "", p->steps[i].why);
	}
	for (size_t i = 0; i < p->wanted_n; i++)
		printf("%9.4f %s roll: new %s %zu/%u %s%s\n", day, roll_kind_text(p->starts),
		       key_role_text(p->wanted[i].role), h->next_tag + i, p->wanted[i].algorithm,
		       key_state_text(p->wanted[i].state), p->wanted[i].signs ? " signs" : "");
}

/* Plans until nothing changes, as control does; a crash may come between any two plans. */
static int64_t run_machine(struct history *h)
{
	struct rollover_plan p;
	struct rollover_policy policy = h->policy;

	if (h->dropped == DROP_PROPAGATION)
		policy.propagation_s = policy.parent_propagation_s = 0;
	if (h->dropped != DROP_NOTHING)
		policy.safety_s = 0;
	if (h->facts.unserved_since != 0 || h->facts.n == 0)
		serve(h); /* died before; or the first answers, which are unsigned */
	for (int turn = 0;; turn++) {
		assert_true(turn < 50);
		drop_marks(&h->facts, h->dropped);
		rollover_plan(&h->facts, &policy, h->now, &p);
		if (!p.changed)
			break;
		trace(h, &p);
		h->facts = p.after;
		make_wanted(h, &p);
		forget_removed(h);
		h->rolls[p.starts]++;
		if (roll(h, 8) == 0) /* died before it was served */
			return h->now + 1 + roll(h, h->brief ? 5 : 3600);
	}
	serve(h);
	return p.wake_at;
}

/* ---- the parent's side ---- */

static void add_old(struct world_set *ds, const struct world_set *old)
{
	for (size_t i = 0; i < old->n && ds->n < 4; i++)
		if (!set_has(ds, old->key[i].tag))
			set_add(ds, old->key[i].tag, old->key[i].algorithm);
}

static void read_cds(struct history *h)
{
	struct world_set ds = { .n = 0 };

	for (size_t i = 0; i < h->facts.n; i++)
		if (rollover_wants_ds(&h->facts, &h->facts.keys[i]))
			set_add(&ds, h->facts.keys[i].tag, h->facts.keys[i].algorithm);
	if (ds.n > 0 && h->delegated) {
		if (h->foreign)
			set_add(&ds, FOREIGN_DS_TAG, 13);
		if (roll(h, 2) == 0) /* adds now, drops another time */
			add_old(&ds, &h->parent_wants);
		h->parent_wants = ds;
		for (size_t s = 0; s < PARENT_SERVERS; s++)
			h->parent_server_at[s] = h->now + roll(h, h->brief ? 5 : 7200);
	}
	h->parent_reads_at = h->now + (h->brief ? 1 + roll(h, 10) : DAY / 4 + roll(h, 3 * DAY));
}

static void move_parent(struct history *h)
{
	for (size_t s = 0; s < PARENT_SERVERS; s++) {
		if (h->now < h->parent_server_at[s])
			continue;
		world_delegate(&world, s, &h->parent_wants, h->ds_ttl, h->now_ms);
		for (size_t i = 0; i < h->parent_wants.n && traced(); i++)
			printf("%9.4f parent's server %zu: DS %u\n",
			       (double)(h->now - WORLD_START) / DAY, s, h->parent_wants.key[i].tag);
		h->parent_server_at[s] = INT64_MAX;
	}
}

/* What control does with the parent's answers: all servers, at once. */
static void check_parent(struct history *h)
{
	bool none = true;

	ttl_mark_serve(&h->facts.ds_ttl, h->ds_ttl, h->now);
	for (size_t s = 0; s < PARENT_SERVERS; s++)
		none = none && world_parent(&world, s)->ds.n == 0;
	if (!none || h->facts.insecure_at == 0)
		h->facts.insecure_at = none ? h->now : 0;
	for (size_t i = 0; i < h->facts.n; i++) {
		struct rollover_key *k = &h->facts.keys[i];
		size_t shown = 0;
		for (size_t s = 0; s < PARENT_SERVERS; s++)
			shown += set_has(&world_parent(&world, s)->ds, k->tag);
		if (shown == PARENT_SERVERS && k->ds_seen_at == 0)
			k->ds_seen_at = h->now;
		if (k->state == KEY_RETIRED && shown == 0 && k->ds_gone_at == 0)
			k->ds_gone_at = h->now;
	}
	h->check_at = h->now + (h->brief ? 1 : 900 + roll(h, 7200));
}

/* ---- the operator's side ---- */

static void change_ttls(struct history *h)
{
	static const uint32_t TTLS[] = { 60, 300, 3600, DAY / 2, DAY, 2 * DAY };

	h->zone_ttl = h->brief ? roll(h, 4) : TTLS[roll(h, 6)];
	h->dnskey_ttl = h->brief ? roll(h, 4) : TTLS[roll(h, 6)];
	if (traced())
		printf("%9.4f TTLs: zone %u, DNSKEY %u\n", (double)(h->now - WORLD_START) / DAY,
		       h->zone_ttl, h->dnskey_ttl);
}

static void change_ds_ttl(struct history *h)
{
	static const uint32_t TTLS[] = { 300, 3600, DAY, 2 * DAY };

	h->ds_ttl = h->brief ? roll(h, 4) : TTLS[roll(h, 4)];
	for (size_t s = 0; s < PARENT_SERVERS; s++) {
		struct world_set same = world_parent(&world, s)->ds;
		world_delegate(&world, s, &same, h->ds_ttl, h->now_ms);
	}
	ttl_mark_serve(&h->facts.ds_ttl, h->ds_ttl, h->now);
}

static void happen(struct history *h)
{
	static const uint8_t ALGORITHMS[] = { 8, 13, 15 };

	switch (roll(h, 10)) {
	case 0:
		h->facts.request.zsk = true;
		break;
	case 1:
		h->facts.request.ksk = true;
		break;
	case 2:
		h->facts.request.ksk = h->facts.request.zsk = true;
		h->facts.request.emergency = roll(h, 2) == 0;
		break;
	case 3:
		h->policy.algorithm = ALGORITHMS[roll(h, 3)];
		break;
	case 4:
		h->policy.csk = !h->policy.csk;
		break;
	case 5:
		h->facts.hold = h->facts.hold == NULL ? "by hand" : NULL;
		break;
	case 6:
		h->down_until = h->now + roll(h, h->brief ? 60 : 5 * DAY);
		break;
	case 7:
		change_ds_ttl(h);
		break;
	default:
		if (h->now >= h->down_until)
			change_ttls(h);
		break;
	}
	h->event_at = h->now + (h->brief ? 5 + roll(h, 300) : DAY / 8 + roll(h, 20 * DAY));
}

static int64_t next_event(const struct history *h, int64_t wake)
{
	int64_t next = least(least(h->parent_reads_at, h->check_at), h->event_at);

	if (wake > h->now)
		next = least(next, wake);
	for (size_t s = 0; s < PARENT_SERVERS; s++)
		next = least(next, h->parent_server_at[s]);
	return next;
}

static void begin(struct history *h, uint64_t seed, enum dropped dropped, bool brief)
{
	static const struct world_set NONE = { .n = 0 };

	memset(h, 0, sizeof *h);
	memset(&world, 0, sizeof world);
	h->lot.state = seed * 0x9e3779b97f4a7c15u + 1;
	h->dropped = dropped;
	h->brief = brief;
	h->now = WORLD_START;
	h->now_ms = WORLD_START * 1000;
	h->next_tag = 100;
	h->delegated = roll(h, 12) > 0;
	h->foreign = roll(h, 4) == 0;
	h->ds_ttl = 3600;
	h->policy = (struct rollover_policy){
		.algorithm = 13,
		.csk = roll(h, 2) == 0,
		.automatic = true,
		.ksk_lifetime_s = roll(h, 2) * 120 * DAY,
		.zsk_lifetime_s = roll(h, 3) * 20 * DAY,
		.csk_lifetime_s = roll(h, 2) * 90 * DAY,
		.propagation_s = 600,
		.parent_propagation_s = 0,
		.safety_s = roll(h, 2) * 3600,
	};
	if (brief) {
		h->delegated = true;
		h->policy.ksk_lifetime_s = h->policy.csk_lifetime_s = roll(h, 2) * 120;
		h->policy.zsk_lifetime_s = roll(h, 2) * 30;
		h->policy.propagation_s = h->policy.safety_s = 0;
	}
	world.propagation_s = h->policy.propagation_s;
	for (size_t s = 0; s < PARENT_SERVERS; s++) {
		world_delegate(&world, s, &NONE, h->ds_ttl, h->now_ms);
		h->parent_server_at[s] = INT64_MAX;
	}
	change_ttls(h);
	ttl_mark_serve(&h->facts.ds_ttl, h->ds_ttl, h->now);
	h->event_at = h->now + roll(h, brief ? 60 : 30 * DAY);
	h->parent_reads_at = h->check_at = h->now;
}

/* Plays a history; returns the first bogus instant, or 0. */
static int64_t play(struct history *h, uint64_t seed, enum dropped dropped, int64_t seconds)
{
	int64_t wake;

	begin(h, seed, dropped, seconds < DAY);
	wake = run_machine(h);
	while (h->now < WORLD_START + seconds) {
		pass(h, next_event(h, wake));
		move_parent(h);
		if (h->now >= h->parent_reads_at)
			read_cds(h);
		if (h->now >= h->check_at)
			check_parent(h);
		if (h->now >= h->event_at)
			happen(h);
		if (h->now >= h->down_until)
			wake = run_machine(h);
		else
			wake = h->down_until;
	}
	return first_bogus(&world);
}

/* Lets all that is under way end: no more events. */
static void settle(struct history *h)
{
	int64_t end = h->now + 120 * (int64_t)DAY, wake = h->now + 1;

	h->facts.hold = NULL;
	h->down_until = 0;
	h->brief = false;
	h->policy.ksk_lifetime_s = h->policy.zsk_lifetime_s = h->policy.csk_lifetime_s = 0;
	while (h->now < end) {
		h->event_at = INT64_MAX;
		pass(h, next_event(h, wake));
		move_parent(h);
		if (h->now >= h->parent_reads_at)
			read_cds(h);
		if (h->now >= h->check_at)
			check_parent(h);
		wake = run_machine(h);
	}
}

static long number_from(const char *name, long fallback)
{
	const char *text = getenv(name);

	return text != NULL ? atol(text) : fallback;
}

static void assert_settled(const struct history *h, long seed)
{
	struct rollover_plan p;
	char sentence[ROLLOVER_SENTENCE_MAX];
	bool stuck = h->facts.n != (h->policy.csk ? 1 : 2);

	rollover_plan(&h->facts, &h->policy, h->now, &p);
	for (size_t i = 0; i < h->facts.n; i++) {
		enum key_state s = h->facts.keys[i].state;
		stuck = stuck || !(s == KEY_ACTIVE || (s == KEY_READY && !h->delegated));
	}
	for (size_t i = 0; i < h->facts.n && stuck; i++)
		printf("%s %u is %s: %s\n", key_role_text(h->facts.keys[i].role),
		       h->facts.keys[i].tag, key_state_text(h->facts.keys[i].state),
		       rollover_sentence(&h->facts, &p.outlook[i], sentence));
	if (stuck)
		fail_msg("history %ld does not end (delegated: %d)", seed, h->delegated);
}

static void play_all(const char *what, int64_t seconds)
{
	static struct history h;
	long n = number_from("CONCORD_HISTORIES", 100), first = number_from("CONCORD_SEED", 1);
	unsigned kinds[5] = { 0 }, ended = 0;

	for (long seed = first; seed < first + n; seed++) {
		int64_t bogus = play(&h, (uint64_t)seed, DROP_NOTHING, seconds);
		if (bogus == 0) {
			settle(&h);
			bogus = first_bogus(&world);
		}
		if (bogus != 0)
			fail_msg("history %ld is bogus at %.7f days", seed,
				 ((double)bogus / 1000 - WORLD_START) / DAY);
		assert_settled(&h, seed);
		for (size_t i = 0; i < 5; i++)
			kinds[i] += h.rolls[i];
		ended += h.ended;
	}
	printf("%ld histories of %s: %u ZSK, %u KSK, %u CSK and %u algorithm rolls begun, %u "
	       "keys removed\n",
	       n, what, kinds[ROLL_ZSK], kinds[ROLL_KSK], kinds[ROLL_CSK], kinds[ROLL_ALGORITHM],
	       ended);
	for (size_t i = ROLL_ZSK; i <= ROLL_ALGORITHM; i++)
		assert_true(kinds[i] > 0);
}

static void nothing_that_a_resolver_may_hold_is_bogus_and_every_roll_ends(void **state)
{
	(void)state;
	play_all("400 days", 400 * (int64_t)DAY);
}

static void nothing_is_bogus_where_ttls_are_seconds_and_there_is_no_margin(void **state)
{
	(void)state;
	play_all("half an hour", 1800);
}

static void the_oracle_notices_each_wait_that_is_dropped(void **state)
{
	static struct history h;

	(void)state;
	for (int d = DROP_NOTHING + 1; d < DROPS; d++) {
		int64_t bogus = 0;
		uint64_t seed;
		for (seed = 1; seed < 400 && bogus == 0; seed++)
			bogus = play(&h, seed, (enum dropped)d,
				     d == DROP_SERVED ? 1800 : 200 * (int64_t)DAY);
		if (bogus == 0)
			fail_msg("dropping wait %d goes unnoticed", d);
		printf("dropping wait %d: noticed in history %llu\n", d,
		       (unsigned long long)seed - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_that_a_resolver_may_hold_is_bogus_and_every_roll_ends),
		cmocka_unit_test(nothing_is_bogus_where_ttls_are_seconds_and_there_is_no_margin),
		cmocka_unit_test(the_oracle_notices_each_wait_that_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
