// SPDX-License-Identifier: Apache-2.0
/* The rules: what a key in a state waits for, and what happens then. */
#include "multisigner/rollover.h"

#include <string.h>

/* A parent may have read CDS and act on it later than it no longer stands there. */
#define PARENT_ACTS_S (7 * 86400)

struct turn {
	struct rollover_facts *f; /* being changed */
	const struct rollover_policy *policy;
	int64_t now;
	struct rollover_plan *plan;
};

/* When a step may be taken. */
struct wait {
	int64_t at;
	enum rollover_actor who;
	const char *what;
};

static struct wait later(struct wait a, struct wait b)
{
	return b.at > a.at ? b : a;
}

static bool is_ksk(const struct rollover_key *k)
{
	return k->role != KEY_ZSK;
}

/* ---- the set ---- */

static bool is_coming_or_there(const struct rollover_key *k)
{
	return k->state >= KEY_PRESIGN && k->state <= KEY_ACTIVE;
}

static bool is_leaving(const struct rollover_facts *f, uint8_t algorithm)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->keys[i].algorithm == algorithm && is_coming_or_there(&f->keys[i]))
			return false;
	return true;
}

static bool other_signs(const struct rollover_facts *f, const struct rollover_key *k)
{
	for (size_t i = 0; i < f->n; i++)
		if (&f->keys[i] != k && f->keys[i].signs && f->keys[i].algorithm == k->algorithm)
			return true;
	return false;
}

bool rollover_is_published(const struct rollover_key *k)
{
	return k->state >= KEY_PUBLISHED && k->state <= KEY_RETIRED;
}

bool rollover_signs_dnskey(const struct rollover_key *k)
{
	return is_ksk(k) && rollover_is_published(k);
}

bool rollover_wants_ds(const struct rollover_facts *f, const struct rollover_key *k)
{
	if (!is_ksk(k) || (k->state != KEY_READY && k->state != KEY_ACTIVE))
		return false;
	for (size_t i = 0; i < f->n; i++)
		if (&f->keys[i] != k && is_ksk(&f->keys[i]) && f->keys[i].state == KEY_READY &&
		    f->keys[i].published_at > k->published_at)
			return false;
	return true;
}

bool rollover_awaits_parent(const struct rollover_facts *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct rollover_key *k = &f->keys[i];
		if (is_ksk(k) &&
		    (k->state == KEY_READY || (k->state == KEY_RETIRED && k->ds_gone_at == 0)))
			return true;
	}
	return false;
}

/* ---- waits ---- */

static uint32_t margin(const struct turn *t)
{
	return t->f->emergency ? 0 : t->policy->safety_s;
}

/* Until no cache holds the DNSKEY RRset without the key (RFC 7583 §3.2.1, Ipub). */
static struct wait until_known(const struct turn *t, const struct rollover_key *k)
{
	int64_t at = t->f->group ? k->seen_everywhere_at
				 : k->published_at + (int64_t)t->policy->propagation_s;

	if (t->f->group && at == 0)
		return (struct wait){ ROLLOVER_NEVER, ACTOR_SIGNERS,
				      "until all servers of all signers publish it" };
	return (struct wait){ ttl_mark_until(&t->f->dnskey_ttl, at) + margin(t), ACTOR_TIME,
			      "until every cached DNSKEY set has it" };
}

static bool is_established(const struct rollover_facts *f, uint8_t algorithm)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct rollover_key *k = &f->keys[i];
		if (k->algorithm == algorithm && is_ksk(k) &&
		    (k->state == KEY_ACTIVE || k->state == KEY_RETIRED))
			return true;
	}
	return false;
}

/* Until no cache holds an answer without a signature of the algorithm. */
static struct wait until_signed(const struct turn *t, uint8_t algorithm)
{
	int64_t since = ROLLOVER_NEVER;

	if (is_established(t->f, algorithm) || t->policy->no_zsk)
		return (struct wait){ 0, ACTOR_NOBODY, "" };
	for (size_t i = 0; i < t->f->n; i++) {
		const struct rollover_key *k = &t->f->keys[i];
		if (k->algorithm == algorithm && k->signs_at != 0 && k->signs_at < since)
			since = k->signs_at;
	}
	if (since == ROLLOVER_NEVER)
		return (struct wait){ ROLLOVER_NEVER, ACTOR_OPERATOR,
				      "until a key of its algorithm signs the zone" };
	return (struct wait){ ttl_mark_until(&t->f->zone_ttl, since) + t->policy->propagation_s +
				  margin(t),
			      ACTOR_TIME,
			      "until every cached answer has signatures of its algorithm" };
}

static struct wait until_presigned(const struct turn *t, const struct rollover_key *k)
{
	return until_signed(t, k->algorithm);
}

static struct wait until_trusted(const struct turn *t, const struct rollover_key *k)
{
	return later(until_known(t, k), until_signed(t, k->algorithm));
}

static struct wait until_ds_seen(const struct turn *t, const struct rollover_key *k)
{
	(void)t;
	if (k->ds_seen_at != 0)
		return (struct wait){ k->ds_seen_at, ACTOR_NOBODY, "" };
	return (struct wait){ ROLLOVER_NEVER, ACTOR_PARENT,
			      "until all servers of the parent show its DS" };
}

/* Until no cache needs the key as the zone's entry: its DS is gone from all of the parent's
 * servers, the successor's is there, and each DS set from before has expired (RFC 7583 §3.3.1,
 * Iret). */
static struct wait until_no_ds(const struct turn *t, const struct rollover_key *k)
{
	int64_t seen = ROLLOVER_NEVER;

	if (!is_ksk(k))
		return (struct wait){ 0, ACTOR_NOBODY, "" };
	if (k->ds_seen_at == 0 && t->f->insecure_at != 0) {
		int64_t from =
		    k->retired_at > t->f->insecure_at ? k->retired_at : t->f->insecure_at;
		return (struct wait){ ttl_mark_until(&t->f->ds_ttl, from + PARENT_ACTS_S),
				      ACTOR_TIME,
				      "until the parent cannot come to publish its DS any more" };
	}
	for (size_t i = 0; i < t->f->n; i++) {
		const struct rollover_key *s = &t->f->keys[i];
		if (s != k && is_ksk(s) && s->state == KEY_ACTIVE && s->ds_seen_at != 0 &&
		    s->ds_seen_at < seen)
			seen = s->ds_seen_at;
	}
	if (seen == ROLLOVER_NEVER)
		return (
		    struct wait){ ROLLOVER_NEVER, ACTOR_PARENT,
				  "until all servers of the parent show the DS of its successor" };
	if (k->ds_gone_at == 0)
		return (struct wait){ ROLLOVER_NEVER, ACTOR_PARENT,
				      "until no server of the parent shows its DS" };
	if (k->ds_gone_at > seen)
		seen = k->ds_gone_at;
	return (struct wait){ ttl_mark_until(&t->f->ds_ttl, seen) +
				  t->policy->parent_propagation_s + margin(t),
			      ACTOR_TIME, "until its DS has left every cache" };
}

/* Until no cache holds a signature that it made (RFC 7583 §3.2.1, Iret). */
static struct wait until_no_signature(const struct turn *t, const struct rollover_key *k)
{
	if (k->signs_at == 0)
		return (struct wait){ 0, ACTOR_NOBODY, "" };
	if (k->signs)
		return (struct wait){ ROLLOVER_NEVER, ACTOR_TIME, "until another key signs" };
	return (struct wait){ ttl_mark_until(&k->signed_ttl, k->unsigned_at) +
				  t->policy->propagation_s + margin(t),
			      ACTOR_TIME, "until its last signature has left every cache" };
}

static struct wait until_unneeded(const struct turn *t, const struct rollover_key *k)
{
	return later(until_no_ds(t, k), until_no_signature(t, k));
}

/* All keys of an algorithm leave the DNSKEY set at once; their signatures stay for a while. */
static struct wait until_algorithm_unneeded(const struct turn *t, const struct rollover_key *k)
{
	struct wait all = { 0, ACTOR_NOBODY, "" };

	for (size_t i = 0; i < t->f->n; i++) {
		const struct rollover_key *j = &t->f->keys[i];
		if (j->algorithm != k->algorithm || j->state != KEY_RETIRED)
			continue;
		all = later(all, until_no_ds(t, j));
		if (!j->signs)
			all = later(all, until_no_signature(t, j));
	}
	return all;
}

static struct wait until_set_gone(const struct turn *t, const struct rollover_key *k)
{
	return (struct wait){ ttl_mark_until(&t->f->dnskey_ttl, k->unpublished_at) +
				  t->policy->propagation_s + margin(t),
			      ACTOR_TIME, "until no cached DNSKEY set has its algorithm" };
}

static struct wait at_once(const struct turn *t, const struct rollover_key *k)
{
	(void)k;
	return (struct wait){ t->now, ACTOR_NOBODY, "" };
}

/* ---- steps ---- */

/* Tells the step; the first one of a key in a turn keeps where it came from. */
static void tell(struct turn *t, const struct rollover_key *k, enum key_state from,
		 bool signed_before, const char *why)
{
	struct rollover_plan *p = t->plan;
	size_t at = (size_t)(k - t->f->keys);

	p->changed = true;
	for (size_t i = 0; i < p->step_n; i++) {
		if (p->steps[i].key == at) {
			p->steps[i].to = k->state;
			p->steps[i].signs = k->signs;
			return;
		}
	}
	p->steps[p->step_n++] =
	    (struct rollover_step){ at, from, k->state, signed_before, k->signs, why };
}

static void move(struct turn *t, struct rollover_key *k, enum key_state to, const char *why)
{
	enum key_state from = k->state;

	k->state = to;
	k->since = t->now;
	tell(t, k, from, k->signs, why);
}

static void start_signing(struct turn *t, struct rollover_key *k)
{
	if (k->signs)
		return;
	k->signs = true;
	k->signs_at = t->now;
	k->unsigned_at = 0;
	k->signed_ttl = (struct ttl_mark){ .ttl = t->f->zone_ttl.ttl };
	tell(t, k, k->state, false, "");
}

static void stop_signing(struct turn *t, struct rollover_key *k, const char *why)
{
	k->signs = false;
	k->unsigned_at = t->now;
	tell(t, k, k->state, true, why);
}

static void retire(struct turn *t, struct rollover_key *k, const char *why)
{
	k->retired_at = t->now;
	move(t, k, KEY_RETIRED, why);
}

/* The key signs the zone in place of the others of its algorithm. */
static void take_over(struct turn *t, struct rollover_key *k)
{
	start_signing(t, k);
	for (size_t i = 0; i < t->f->n; i++) {
		struct rollover_key *j = &t->f->keys[i];
		if (j == k || !j->signs || j->algorithm != k->algorithm)
			continue;
		stop_signing(t, j, "another key signs the zone now");
		if (j->role == KEY_ZSK && j->state != KEY_RETIRED)
			retire(t, j, "another key signs the zone now");
	}
}

static void publish(struct turn *t, struct rollover_key *k)
{
	k->published_at = t->now;
	move(t, k, KEY_PUBLISHED, "every cached answer has signatures of its algorithm");
}

static void become_zsk(struct turn *t, struct rollover_key *k)
{
	move(t, k, KEY_ACTIVE, "every cached DNSKEY set has it");
	take_over(t, k);
}

static void become_ready(struct turn *t, struct rollover_key *k)
{
	move(t, k, KEY_READY, "every cached DNSKEY set has it: the parent may have its DS");
	if (k->role == KEY_CSK)
		take_over(t, k);
}

/* The parent has the key's DS: the older entries of the zone, and other algorithms, retire. */
static void become_entry(struct turn *t, struct rollover_key *k)
{
	bool newer = false;

	move(t, k, KEY_ACTIVE, "all servers of the parent show its DS");
	for (size_t i = 0; i < t->f->n; i++) {
		struct rollover_key *j = &t->f->keys[i];
		if (j == k || !is_ksk(j) || (j->state != KEY_READY && j->state != KEY_ACTIVE))
			continue;
		if (j->published_at > k->published_at)
			newer = true; /* the parent is a roll behind */
		else
			retire(t, j, "the parent has the DS of another key");
	}
	for (size_t i = 0; i < t->f->n && !newer; i++) {
		struct rollover_key *j = &t->f->keys[i];
		if (j->algorithm != k->algorithm && j->state == KEY_ACTIVE)
			retire(t, j, "the zone has another algorithm now");
	}
}

/* Of a zone that was never delegated securely; its algorithm goes with the last entry. */
static void be_superseded(struct turn *t, struct rollover_key *k)
{
	retire(t, k, "the parent has no DS of the zone, and there is a newer key");
	for (size_t i = 0; i < t->f->n; i++) {
		const struct rollover_key *j = &t->f->keys[i];
		if (is_ksk(j) && j->algorithm == k->algorithm && is_coming_or_there(j))
			return;
	}
	for (size_t i = 0; i < t->f->n; i++) {
		struct rollover_key *j = &t->f->keys[i];
		if (j->algorithm == k->algorithm && j->state == KEY_ACTIVE)
			retire(t, j, "the zone has another algorithm now");
	}
}

static void remove_key(struct turn *t, struct rollover_key *k)
{
	bool signed_before = k->signs;
	enum key_state from = k->state;

	if (k->signs) {
		k->signs = false;
		k->unsigned_at = t->now;
	}
	if (k->unpublished_at == 0)
		k->unpublished_at = t->now;
	k->state = KEY_REMOVED;
	k->since = t->now;
	tell(t, k, from, signed_before, "no cache needs it any more");
}

static void unpublish(struct turn *t, struct rollover_key *k)
{
	k->unpublished_at = t->now;
	move(t, k, k->signs ? KEY_POSTSIGN : KEY_REMOVED,
	     "no cache holds a DS of its algorithm any more");
}

/* ---- the table ---- */

static bool any(const struct turn *t, const struct rollover_key *k)
{
	(void)t;
	(void)k;
	return true;
}

static bool signs_zone_only(const struct turn *t, const struct rollover_key *k)
{
	(void)t;
	return k->role == KEY_ZSK;
}

/* Never delegated, and a newer key waits for the parent as well. */
static bool is_superseded(const struct turn *t, const struct rollover_key *k)
{
	if (k->ds_seen_at != 0 || t->f->insecure_at == 0)
		return false;
	for (size_t i = 0; i < t->f->n; i++) {
		const struct rollover_key *j = &t->f->keys[i];
		bool takes_its_place =
		    j->algorithm != k->algorithm || !k->signs || other_signs(t->f, k);
		if (j != k && is_ksk(j) && j->state == KEY_READY &&
		    j->published_at > k->published_at && takes_its_place)
			return true;
	}
	return false;
}

static bool goes_alone(const struct turn *t, const struct rollover_key *k)
{
	return !is_leaving(t->f, k->algorithm);
}

static const struct rule {
	enum key_state from;
	bool (*fits)(const struct turn *t, const struct rollover_key *k);
	struct wait (*until)(const struct turn *t, const struct rollover_key *k);
	void (*step)(struct turn *t, struct rollover_key *k);
	const char *next;
} RULES[] = {
	{ KEY_PRESIGN, any, until_presigned, publish, "is published" },
	{ KEY_PUBLISHED, signs_zone_only, until_known, become_zsk, "signs the zone alone" },
	{ KEY_PUBLISHED, any, until_trusted, become_ready, "is announced to the parent" },
	{ KEY_READY, is_superseded, at_once, be_superseded, "is retired" },
	{ KEY_READY, any, until_ds_seen, become_entry, "is the zone's entry alone" },
	{ KEY_RETIRED, goes_alone, until_unneeded, remove_key, "is removed" },
	{ KEY_RETIRED, any, until_algorithm_unneeded, unpublish,
	  "is taken out of the DNSKEY set with all of its algorithm" },
	{ KEY_POSTSIGN, any, until_set_gone, remove_key, "is removed" },
};

static const struct rule *rule_of(const struct turn *t, const struct rollover_key *k)
{
	for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++)
		if (RULES[i].from == k->state && RULES[i].fits(t, k))
			return &RULES[i];
	return NULL;
}

/* ---- starting a roll ---- */

static bool is_between(const struct rollover_key *k)
{
	return k->state == KEY_PRESIGN || k->state == KEY_PUBLISHED || k->state == KEY_RETIRED ||
	       k->state == KEY_POSTSIGN;
}

/* Whether keys of a duty are in the middle of a roll. A retired key does not stop an emergency. */
static bool is_moving(const struct turn *t, bool ksk, bool emergency)
{
	size_t entries = 0;
	const struct rollover_key *first = NULL;

	for (size_t i = 0; i < t->f->n; i++) {
		const struct rollover_key *k = &t->f->keys[i];
		if (k->state == KEY_STANDBY || k->state == KEY_REMOVED)
			continue;
		first = first == NULL ? k : first;
		if (k->algorithm != first->algorithm)
			return true; /* in the middle of an algorithm roll */
		if (k->role != KEY_CSK && is_ksk(k) != ksk)
			continue;
		if (is_between(k) &&
		    !(emergency && k->state == KEY_RETIRED && !is_leaving(t->f, k->algorithm)))
			return true;
		entries += ksk && (k->state == KEY_READY || k->state == KEY_ACTIVE);
	}
	return entries > 1;
}

static const struct rollover_key *newest(const struct rollover_facts *f, bool ksk)
{
	const struct rollover_key *best = NULL;

	for (size_t i = 0; i < f->n; i++) {
		const struct rollover_key *k = &f->keys[i];
		bool duty = ksk ? is_ksk(k) && (k->state == KEY_READY || k->state == KEY_ACTIVE)
				: k->signs && k->state != KEY_POSTSIGN;
		if (duty && (best == NULL || k->published_at > best->published_at))
			best = k;
	}
	return best;
}

static uint32_t lifetime_of(const struct rollover_policy *p, enum key_role role)
{
	return role == KEY_ZSK   ? p->zsk_lifetime_s
	       : role == KEY_KSK ? p->ksk_lifetime_s
				 : p->csk_lifetime_s;
}

/* When a roll by lifetime starts, so that the successor is there in time. */
static int64_t due_at(const struct turn *t, const struct rollover_key *k)
{
	uint32_t lifetime = lifetime_of(t->policy, k->role);
	int64_t from = k->role == KEY_ZSK ? k->signs_at : k->since;
	int64_t lead = (int64_t)t->f->dnskey_ttl.ttl + TTL_MARK_ROUNDING_S +
		       t->policy->propagation_s + t->policy->safety_s;

	if (lifetime == 0 || !t->policy->automatic || k->state != KEY_ACTIVE || k->manual)
		return ROLLOVER_NEVER;
	return lead < lifetime / 2 ? from + lifetime - lead : from + lifetime / 2;
}

static bool is_manual(const struct rollover_facts *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->keys[i].manual)
			return true;
	return false;
}

/* Duties of the keys that are there, or coming. */
static bool has(const struct rollover_facts *f, enum key_role role)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->keys[i].role == role && is_coming_or_there(&f->keys[i]))
			return true;
	return false;
}

static bool fits_scheme(const struct turn *t)
{
	const struct rollover_policy *p = t->policy;

	return p->csk ? has(t->f, KEY_CSK)
		      : (p->no_ksk || has(t->f, KEY_KSK)) && (p->no_zsk || has(t->f, KEY_ZSK));
}

/* The oldest, whatever order they stand in: what a signing request says of the future holds after a
 * restart too. */
static struct rollover_key *find_standby(const struct turn *t, enum key_role role)
{
	struct rollover_key *best = NULL;

	for (size_t i = 0; i < t->f->n; i++) {
		struct rollover_key *k = &t->f->keys[i];
		if (k->state != KEY_STANDBY || k->role != role ||
		    k->algorithm != t->policy->algorithm)
			continue;
		if (best == NULL || k->created_at < best->created_at ||
		    (k->created_at == best->created_at && k->tag < best->tag))
			best = k;
	}
	return best;
}

static void want(struct turn *t, enum key_role role, enum key_state state, bool signs)
{
	struct rollover_plan *p = t->plan;
	struct rollover_key *k = find_standby(t, role);

	if (k != NULL) {
		if (signs)
			start_signing(t, k);
		if (state >= KEY_PUBLISHED)
			k->published_at = t->now;
		move(t, k, state, "a roll starts");
		return;
	}
	p->changed = true;
	p->wanted[p->wanted_n++] =
	    (struct rollover_wanted){ role, t->policy->algorithm, state, signs };
}

static void begin(struct turn *t, enum roll_kind kind, struct roll_request *fulfilled)
{
	t->plan->starts = kind;
	t->plan->changed = true;
	t->f->emergency = t->f->emergency || t->f->request.emergency;
	fulfilled->emergency = false;
	t->f->request = *fulfilled;
}

static void want_all(struct turn *t, enum key_state state, bool signs)
{
	if (t->policy->csk) {
		want(t, KEY_CSK, state, signs);
		return;
	}
	if (!t->policy->no_ksk)
		want(t, KEY_KSK, state, false);
	if (!t->policy->no_zsk)
		want(t, KEY_ZSK, state, signs);
}

/* The first keys of a zone: nobody can have a DS yet, so the zone is signed at once. */
static void start_first(struct turn *t)
{
	if (t->policy->csk) {
		want(t, KEY_CSK, KEY_PUBLISHED, true);
		return;
	}
	if (!t->policy->no_ksk)
		want(t, KEY_KSK, KEY_PUBLISHED, false);
	if (!t->policy->no_zsk)
		want(t, KEY_ZSK, KEY_ACTIVE, true);
}

static bool is_first(const struct rollover_facts *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->keys[i].state != KEY_STANDBY && f->keys[i].state != KEY_REMOVED)
			return false;
	return true;
}

static bool algorithm_differs(const struct turn *t)
{
	const struct rollover_key *k = newest(t->f, true);

	return k != NULL && k->algorithm != t->policy->algorithm;
}

static void start_algorithm(struct turn *t)
{
	struct roll_request left = { 0 };

	if (is_moving(t, true, false) || is_moving(t, false, false))
		return;
	begin(t, ROLL_ALGORITHM, &left);
	want_all(t, KEY_PRESIGN, true);
}

static void start_scheme(struct turn *t)
{
	struct roll_request left = { 0 };

	if (is_moving(t, true, false) || is_moving(t, false, false))
		return;
	begin(t, t->policy->csk ? ROLL_CSK : ROLL_KSK, &left);
	want_all(t, KEY_PUBLISHED, false);
}

static void start_entry(struct turn *t)
{
	struct roll_request left = t->f->request;
	const struct rollover_key *k = newest(t->f, true);
	bool asked = left.ksk || (t->policy->csk && left.zsk);

	if (k == NULL || (!asked && due_at(t, k) > t->now) || is_moving(t, true, left.emergency) ||
	    (t->policy->csk && is_moving(t, false, left.emergency)))
		return;
	left.ksk = false;
	if (t->policy->csk)
		left.zsk = false;
	begin(t, t->policy->csk ? ROLL_CSK : ROLL_KSK, &left);
	want(t, t->policy->csk ? KEY_CSK : KEY_KSK, KEY_PUBLISHED, false);
}

static void start_zsk(struct turn *t)
{
	struct roll_request left = t->f->request;
	const struct rollover_key *k = newest(t->f, false);

	if (t->policy->csk || k == NULL || (!left.zsk && due_at(t, k) > t->now) ||
	    is_moving(t, false, left.emergency))
		return;
	left.zsk = false;
	begin(t, ROLL_ZSK, &left);
	want(t, KEY_ZSK, KEY_PUBLISHED, false);
}

static bool has_room(const struct rollover_facts *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->keys[i].state != KEY_REMOVED;
	return n + ROLLOVER_WANTED_MAX <= ROLLOVER_KEYS_MAX;
}

/* One roll a turn. */
static void start(struct turn *t)
{
	bool asked = t->f->request.algorithm;

	if (is_manual(t->f) || !has_room(t->f))
		return;
	if (is_first(t->f))
		start_first(t);
	else if (algorithm_differs(t)) {
		if (t->policy->automatic || asked)
			start_algorithm(t);
	} else if (!fits_scheme(t)) {
		if (t->policy->automatic || t->f->request.ksk || t->f->request.zsk)
			start_scheme(t);
	} else {
		start_entry(t);
		if (t->plan->wanted_n == 0 && t->plan->starts == ROLL_NONE)
			start_zsk(t);
	}
	if (asked && !algorithm_differs(t) && t->f->request.algorithm) {
		t->f->request.algorithm = false; /* it is the zone's already */
		t->plan->changed = true;
	}
}

static void end_emergency(struct turn *t)
{
	if (!t->f->emergency || t->plan->starts != ROLL_NONE)
		return;
	for (size_t i = 0; i < t->f->n; i++)
		if (is_between(&t->f->keys[i]))
			return;
	if (is_moving(t, true, false))
		return;
	t->f->emergency = false;
	t->plan->changed = true;
}

/* ---- outlook ---- */

static struct rollover_outlook look(const struct turn *t, const struct rollover_key *k)
{
	const struct rule *r = rule_of(t, k);
	struct rollover_outlook o = { .next = "", .waits = "", .at = ROLLOVER_NEVER };

	if (k->manual) {
		uint32_t lifetime = lifetime_of(t->policy, k->role);
		o.waits = "named in the configuration: the operator changes it there";
		o.who = ACTOR_NOBODY;
		if (lifetime == 0)
			return o;
		o.next = "is at the end of its lifetime";
		o.waits = "for a successor that the operator makes: a key that the configuration "
			  "names is not rolled by itself";
		o.who = ACTOR_OPERATOR;
		o.at = k->since + lifetime;
		return o;
	}
	if (r != NULL) {
		struct wait w = r->until(t, k);
		o.next = r->next;
		o.at = w.at;
		o.who = w.who;
		o.waits = w.what;
	} else if (k->state == KEY_ACTIVE) {
		o.at = due_at(t, k);
		o.due = o.at == ROLLOVER_NEVER ? ROLL_NONE
			: k->role == KEY_ZSK   ? ROLL_ZSK
			: k->role == KEY_KSK   ? ROLL_KSK
					       : ROLL_CSK;
		o.who = o.due == ROLL_NONE ? ACTOR_NOBODY : ACTOR_TIME;
		o.next = o.due == ROLL_NONE ? "" : "gets a successor";
		o.waits = o.due == ROLL_NONE ? "" : "until its lifetime is nearly over";
	} else if (k->state == KEY_STANDBY) {
		o.next = "is used by the next roll of its role";
	}
	return o;
}

static void look_ahead(struct turn *t)
{
	struct rollover_plan *p = t->plan;

	p->wake_at = p->changed ? t->now : ROLLOVER_NEVER;
	for (size_t i = 0; i < t->f->n; i++) {
		p->outlook[i] = look(t, &t->f->keys[i]);
		if (p->outlook[i].at > t->now && p->outlook[i].at < p->wake_at)
			p->wake_at = p->outlook[i].at;
	}
}

/* ---- the plan ---- */

void rollover_plan(const struct rollover_facts *facts, const struct rollover_policy *policy,
		   int64_t now, struct rollover_plan *out)
{
	memset(out, 0, sizeof *out);
	out->after = *facts;
	struct turn t = { &out->after, policy, now, out };
	for (size_t i = 0; i < facts->n && facts->hold == NULL; i++) {
		struct rollover_key *k = &out->after.keys[i];
		const struct rule *r = k->manual ? NULL : rule_of(&t, k);
		if (r != NULL && r->until(&t, k).at <= now)
			r->step(&t, k);
	}
	if (facts->hold == NULL || is_first(facts)) {
		start(&t);
		end_emergency(&t);
	}
	if (out->changed && out->after.unserved_since == 0)
		out->after.unserved_since = now;
	look_ahead(&t);
}

struct rollover_key rollover_made(const struct rollover_wanted *w, uint16_t tag,
				  const struct rollover_facts *facts, int64_t now)
{
	struct rollover_key k = {
		.tag = tag,
		.algorithm = w->algorithm,
		.role = w->role,
		.state = w->state,
		.signs = w->signs,
		.since = now,
		.created_at = now,
	};

	if (rollover_is_published(&k))
		k.published_at = now;
	if (k.signs) {
		k.signs_at = now;
		k.signed_ttl.ttl = facts->zone_ttl.ttl;
	}
	return k;
}

static void shift(int64_t *at, int64_t by)
{
	if (*at != 0)
		*at += by;
}

void rollover_shift(struct rollover_facts *f, int64_t by)
{
	int64_t *const OF_ZONE[] = { &f->insecure_at, &f->unserved_since, &f->dnskey_ttl.held_until,
				     &f->zone_ttl.held_until, &f->ds_ttl.held_until };

	for (size_t i = 0; i < sizeof OF_ZONE / sizeof *OF_ZONE; i++)
		shift(OF_ZONE[i], by);
	for (size_t i = 0; i < f->n; i++) {
		struct rollover_key *k = &f->keys[i];
		int64_t *const TIMES[] = {
			&k->since,
			&k->created_at,
			&k->published_at,
			&k->signs_at,
			&k->unsigned_at,
			&k->retired_at,
			&k->ds_seen_at,
			&k->unpublished_at,
			&k->seen_everywhere_at,
			&k->ds_gone_at,
			&k->signed_ttl.held_until,
		};
		for (size_t j = 0; j < sizeof TIMES / sizeof *TIMES; j++)
			shift(TIMES[j], by);
	}
}

static bool mend(int64_t *at, int64_t now)
{
	if (*at <= now)
		return false;
	*at = now;
	return true;
}

/* What is held by caches is not known to be over before the time it had from now on. */
static bool mend_mark(struct ttl_mark *m, int64_t now)
{
	return m->held_until > now + 7 * 86400 ? mend(&m->held_until, now + 7 * 86400) : false;
}

bool rollover_mend(struct rollover_facts *f, int64_t now)
{
	bool changed = mend(&f->insecure_at, now);

	changed = mend(&f->unserved_since, now) || changed;

	changed = mend_mark(&f->dnskey_ttl, now) || changed;
	changed = mend_mark(&f->zone_ttl, now) || changed;
	changed = mend_mark(&f->ds_ttl, now) || changed;
	for (size_t i = 0; i < f->n; i++) {
		struct rollover_key *k = &f->keys[i];
		int64_t *const TIMES[] = { &k->since,          &k->created_at,
					   &k->published_at,   &k->signs_at,
					   &k->unsigned_at,    &k->retired_at,
					   &k->unpublished_at, &k->ds_seen_at,
					   &k->ds_gone_at,     &k->seen_everywhere_at };
		for (size_t j = 0; j < sizeof TIMES / sizeof *TIMES; j++)
			changed = mend(TIMES[j], now) || changed;
		changed = mend_mark(&k->signed_ttl, now) || changed;
	}
	return changed;
}

void rollover_served(struct rollover_facts *f, int64_t now)
{
	int64_t from = f->unserved_since;

	for (size_t i = 0; i < f->n && from != 0; i++) {
		struct rollover_key *k = &f->keys[i];
		int64_t *const TIMES[] = { &k->since,       &k->published_at, &k->signs_at,
					   &k->unsigned_at, &k->retired_at,   &k->unpublished_at };
		for (size_t j = 0; j < sizeof TIMES / sizeof *TIMES; j++)
			if (*TIMES[j] >= from && *TIMES[j] < now)
				*TIMES[j] = now;
	}
	f->unserved_since = 0;
}

bool rollover_serve_ttls(struct rollover_facts *f, uint32_t zone_ttl, uint32_t dnskey_ttl,
			 int64_t everywhere_at)
{
	bool changed = ttl_mark_serve(&f->zone_ttl, zone_ttl, everywhere_at);

	changed = ttl_mark_serve(&f->dnskey_ttl, dnskey_ttl, everywhere_at) || changed;
	for (size_t i = 0; i < f->n; i++)
		if (f->keys[i].signs)
			changed = ttl_mark_serve(&f->keys[i].signed_ttl, zone_ttl, everywhere_at) ||
				  changed;
	return changed;
}
