// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include "base/siphash.h"

#include "dns/rrtype.h"
#include "zone/builder.h"

#define RECORDS_MAX 300

/* A zone as a list of records: owner as text below example., type, one octet of RDATA's choice. */
struct fact {
	char owner[40];
	uint16_t type;
	uint8_t tag;
};

struct facts {
	struct fact at[RECORDS_MAX];
	size_t n;
};

static void wire_of(const char *text, struct name *out)
{
	static const uint8_t EXAMPLE[] = "\7example";

	assert_int_equal(name_from_text(text, EXAMPLE, out), ERR_OK);
}

static size_t rdata_of(const struct fact *f, uint8_t out[64])
{
	static const uint8_t HOST[] = "\4host\7example";

	switch (f->type) {
	case TYPE_A:
		memcpy(out, (uint8_t[]){ 192, 0, 2, f->tag }, 4);
		return 4;
	case TYPE_SOA: {
		memset(out, 0, 22);
		out[5] = f->tag;
		out[21] = 60;
		return 22;
	}
	case TYPE_DS:
		memset(out, f->tag, 36);
		out[3] = 2;
		return 36;
	case TYPE_TXT:
		out[0] = 1;
		out[1] = f->tag;
		return 2;
	default: /* NS, CNAME, DNAME */
		memcpy(out, HOST, sizeof HOST);
		out[1] = (uint8_t)('a' + f->tag % 26);
		return sizeof HOST;
	}
}

static void add(struct zone_builder *b, const struct fact *f, struct diag *d)
{
	struct name owner;
	uint8_t rdata[64];
	size_t n = rdata_of(f, rdata);

	wire_of(f->owner, &owner);
	struct zone_record r = {
		.owner = owner.wire, .type = f->type, .ttl = 300, .rdata = { rdata, n }, .line = 7
	};
	assert_int_equal(zone_build_add(b, &r, d), ERR_OK);
}

static const uint8_t APEX[] = "\7example";

/* Not the hash of RFC 5155, but one that orders names as arbitrarily. */
static void hash_of(const uint8_t *name, uint8_t out[NSEC3_HASH_LEN], void *context)
{
	uint8_t lower[NAME_MAX_LEN];
	size_t n = name_lower(name, lower);

	(void)context;
	for (uint64_t i = 0; i < NSEC3_HASH_LEN; i++)
		out[i] = (uint8_t)siphash(&(struct siphash_key){ i, 7 }, lower, n);
}

static struct zone *build(const struct facts *facts, struct zone *like, enum zone_denial denial)
{
	struct zone_builder *b;
	struct zone *z = NULL;
	struct diag d = { 0 };
	struct zone_build_options options = { .denial = denial, .nsec3_hash = hash_of };

	assert_int_equal(zone_build_start(&b, APEX, like, &options), ERR_OK);
	for (size_t i = 0; i < facts->n; i++)
		add(b, &facts->at[i], &d);
	enum err e = zone_build_seal(b, &z, &d);
	if (e)
		diag_print(&d, stderr);
	assert_int_equal(e, ERR_OK);
	diag_free(&d);
	return z;
}

static void start_facts(struct facts *f)
{
	f->n = 0;
	f->at[f->n++] = (struct fact){ "@", TYPE_SOA, 1 };
	f->at[f->n++] = (struct fact){ "@", TYPE_NS, 1 };
}

/* ---- one zone beside another ---- */

struct pair {
	const struct zone *zone, *other;
	size_t seen, nsec3_n;
	bool ids; /* also no two RRsets share an id */
	uint8_t *used;
	uint32_t end;
};

static void same_rrset(const struct rrset *a, const struct rrset *b)
{
	assert_non_null(b);
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->ttl, b->ttl);
	assert_int_equal(a->rr_n, b->rr_n);
	assert_int_equal(a->wire_len, b->wire_len);
	assert_memory_equal(a->wire, b->wire, a->wire_len);
	assert_int_equal(a->sig_id == 0, b->sig_id == 0);
}

static void take_id(struct pair *p, uint32_t id)
{
	if (id == 0)
		return;
	assert_true(id < p->end);
	assert_int_equal(p->used[id], 0);
	p->used[id] = 1;
}

static bool compare(const struct node *n, void *context)
{
	struct pair *p = context;
	const struct node *o = zone_node(p->other, n->name);

	assert_non_null(o);
	assert_int_equal(n->flags, o->flags);
	assert_int_equal(n->rrset_n, o->rrset_n);
	for (unsigned i = 0; i < n->rrset_n; i++) {
		same_rrset(n->rrset[i], o->rrset[i]);
		take_id(p, n->rrset[i]->sig_id);
	}
	assert_int_equal(n->nsec == NULL, o->nsec == NULL);
	if (n->nsec != NULL) {
		same_rrset(n->nsec, o->nsec);
		take_id(p, n->nsec->sig_id);
	}
	uint8_t hash[NSEC3_HASH_LEN];
	hash_of(n->name, hash, NULL);
	const struct rrset *nsec3 = zone_nsec3_match(p->zone, hash);
	assert_int_equal(nsec3 == NULL, zone_nsec3_match(p->other, hash) == NULL);
	if (nsec3 != NULL) {
		same_rrset(nsec3, zone_nsec3_match(p->other, hash));
		take_id(p, nsec3->sig_id);
		p->nsec3_n++;
	}
	p->seen++;
	return true;
}

/* From the apex through all links and back: none is missing, none is left over. */
static void check_chain(const struct zone *z, size_t n)
{
	uint8_t first[NSEC3_HASH_LEN], hash[NSEC3_HASH_LEN];
	size_t links = 0;

	assert_int_equal(n > 0, zone_denial(z) == ZONE_NSEC3);
	if (n == 0)
		return;
	hash_of(zone_name(z), first, NULL);
	memcpy(hash, first, sizeof hash);
	do {
		const struct rrset *r = zone_nsec3_match(z, hash);
		assert_non_null(r);
		memcpy(hash, r->wire + RR_FIXED_LEN + 6, sizeof hash);
		links++;
	} while (memcmp(hash, first, sizeof hash) != 0 && links <= n);
	assert_int_equal(links, n);
}

static void same_zone(const struct zone *a, const struct zone *b)
{
	struct pair p = { .zone = a, .other = b, .end = zone_sig_id_end(a) };

	p.used = calloc(p.end + 1, 1);
	zone_walk(a, compare, &p);
	assert_int_equal(p.seen, zone_name_n(b));
	assert_int_equal(zone_rr_n(a), zone_rr_n(b));
	check_chain(a, p.nsec3_n);
	free(p.used);
}

/* ---- random changes ---- */

static const char *const OWNERS[] = { "a",       "b",   "c",   "*.b",   "x.a", "y.x.a",
				      "z.y.x.a", "*.a", "m.c", "n.m.c", "*",   "deep.er.d" };

#define OWNER_N (sizeof OWNERS / sizeof *OWNERS)

static bool has(const struct facts *f, const char *owner, uint16_t type)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->at[i].owner, owner) == 0 && (type == 0 || f->at[i].type == type))
			return true;
	return false;
}

static void drop(struct facts *f, const char *owner, uint16_t type)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->at[i].owner, owner) != 0 || f->at[i].type != type)
			f->at[kept++] = f->at[i];
	f->n = kept;
}

/* What the checks would refuse is not tried: CNAME beside others, DS without NS, DNAME at a cut. */
static bool may_add(const struct facts *f, const char *owner, uint16_t type)
{
	if (type == TYPE_CNAME)
		return !has(f, owner, 0);
	if (has(f, owner, TYPE_CNAME))
		return false;
	if (type == TYPE_DS)
		return has(f, owner, TYPE_NS);
	if (type == TYPE_DNAME)
		return !has(f, owner, TYPE_NS) && !has(f, owner, TYPE_DNAME);
	if (type == TYPE_NS)
		return !has(f, owner, TYPE_DNAME);
	return true;
}

static bool may_drop(const struct facts *f, const char *owner, uint16_t type)
{
	return !(type == TYPE_NS && has(f, owner, TYPE_DS));
}

static void change(struct zone_builder *b, struct facts *f, struct lottery *l, struct diag *d)
{
	static const uint16_t TYPES[] = { TYPE_A,  TYPE_A,     TYPE_TXT,  TYPE_NS,
					  TYPE_DS, TYPE_CNAME, TYPE_DNAME };
	const char *owner = OWNERS[lottery_below(l, OWNER_N)];
	uint16_t type = TYPES[lottery_below(l, 7)];
	struct name wire;

	wire_of(owner, &wire);
	if (lottery_below(l, 2) == 0 && has(f, owner, type)) {
		if (!may_drop(f, owner, type))
			return;
		assert_int_equal(zone_build_remove(b, wire.wire, type), ERR_OK);
		drop(f, owner, type);
	} else if (may_add(f, owner, type) && f->n < RECORDS_MAX) {
		struct fact fact = { .type = type, .tag = (uint8_t)lottery_below(l, 5) };
		for (size_t i = 0; i < f->n; i++)
			if (strcmp(f->at[i].owner, owner) == 0 && f->at[i].type == type &&
			    f->at[i].tag == fact.tag)
				return;
		strcpy(fact.owner, owner);
		add(b, &fact, d);
		f->at[f->n++] = fact;
	}
}

static void change_at_random(enum zone_denial denial)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct lottery l = { seed * 104729 };
		struct facts f, before;
		struct zone *z;

		start_facts(&f);
		z = build(&f, NULL, denial);
		for (int round = 0; round < 25; round++) {
			struct zone_builder *b;
			struct zone *next = NULL;
			struct diag d = { 0 };
			before = f;
			assert_int_equal(zone_build_change(&b, z), ERR_OK);
			for (uint32_t i = lottery_below(&l, 6); i > 0; i--)
				change(b, &f, &l, &d);
			enum err e = zone_build_seal(b, &next, &d);
			if (e)
				diag_print(&d, stderr);
			assert_int_equal(e, ERR_OK);
			diag_free(&d);
			struct zone *fresh = build(&f, NULL, denial),
				    *old = build(&before, NULL, denial);
			same_zone(next, fresh);
			same_zone(z, old); /* readers of the version before see no change */
			zone_free(fresh);
			zone_free(old);
			zone_free(z);
			z = next;
		}
		zone_free(z);
	}
}

static void a_changed_zone_equals_one_built_from_the_same_records(void **state)
{
	(void)state;
	change_at_random(ZONE_NSEC);
}

/* RFC 5155 §7.1 */
static void the_chain_of_hashes_follows_changes(void **state)
{
	(void)state;
	change_at_random(ZONE_NSEC3);
}

/* RFC 9824 §3.1, §3.2 */
static void the_names_of_compact_denial_follow_changes(void **state)
{
	(void)state;
	change_at_random(ZONE_COMPACT);
}

/* ---- records that were read by somebody else ---- */

static bool give_up_at_third(void *context)
{
	unsigned *asked = context;

	return ++*asked < 3;
}

static void a_zone_of_records_given_at_once_equals_one_built_from_them(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct lottery l = { seed * 7919 };
		struct facts f;
		struct diag d = { 0 };
		struct zone_builder *b, *given;
		struct zone *z = NULL;
		struct zone_build_options options = { .denial = ZONE_NSEC };
		start_facts(&f);
		struct zone *before = build(&f, NULL, ZONE_NSEC);
		assert_int_equal(zone_build_start(&given, APEX, NULL, &options), ERR_OK);
		for (size_t i = 0; i < f.n; i++)
			add(given, &f.at[i], &d);
		for (int i = 0; i < 20; i++)
			change(given, &f, &l, &d);
		assert_int_equal(zone_build_start(&b, APEX, before, &options), ERR_OK);
		zone_build_take(b, given);
		for (int i = 0; i < 5; i++) /* it goes on from there */
			change(b, &f, &l, &d);
		assert_int_equal(zone_build_seal(b, &z, &d), ERR_OK);
		struct zone *fresh = build(&f, NULL, ZONE_NSEC);
		same_zone(z, fresh);
		/* Ids go on from the version before. */
		assert_int_equal(zone_soa(z)->sig_id, zone_soa(before)->sig_id);
		zone_free(fresh);
		zone_free(before);
		zone_free(z);
		diag_free(&d);
	}
}

static void who_is_told_to_stop_adds_no_more(void **state)
{
	struct zone_builder *b;
	struct diag d = { 0 };
	unsigned asked = 0, added = 0;
	struct zone_build_options options = { .go_on = give_up_at_third, .go_on_context = &asked };
	uint8_t rdata[4] = { 192, 0, 2, 1 }, owner[] = "\1a\7example";
	struct zone_record r = { .owner = owner, .type = TYPE_A, .rdata = { rdata, 4 } };

	(void)state;
	assert_int_equal(zone_build_start(&b, APEX, NULL, &options), ERR_OK);
	while (zone_build_add(b, &r, &d) == ERR_OK)
		added++;
	assert_int_equal(zone_build_add(b, &r, &d), ERR_OK); /* until it is asked again */
	assert_int_equal(asked, 3);
	assert_in_range(added, 3, 1000);
	zone_build_abort(b);
	diag_free(&d);
}

/* ---- the proof that there is no wildcard ---- */

static bool wildcards_proof_is_the_general_one(const struct node *n, void *context)
{
	const struct zone *z = context;
	uint8_t name[NAME_MAX_LEN] = { 1, '*' };

	if (n->flags & (NODE_CUT | NODE_BELOW_CUT | NODE_DNAME | NODE_HAS_WILDCARD))
		return true;
	memcpy(name + 2, n->name, name_len(n->name));
	assert_ptr_equal(zone_nsec_for_wildcard(z, n), zone_nsec_for(z, name));
	return true;
}

/* Labels that sort before, at and behind "*". */
static void the_proof_that_there_is_no_wildcard_is_found_at_its_encloser(void **state)
{
	static const char LETTERS[] = "!*+aZ";

	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct lottery l = { seed * 104729 };
		struct facts f;
		start_facts(&f);
		for (uint32_t n = lottery_below(&l, 8); n > 0; n--) {
			struct fact *x = &f.at[f.n++];
			size_t at = 0;
			*x = (struct fact){ .type = lottery_below(&l, 8) == 0 ? TYPE_NS : TYPE_A };
			for (uint32_t labels = 1 + lottery_below(&l, 3); labels > 0; labels--) {
				for (uint32_t k = 1 + lottery_below(&l, 2); k > 0; k--)
					x->owner[at++] = LETTERS[lottery_below(&l, 5)];
				x->owner[at++] = '.';
			}
			strcpy(x->owner + at - 1, "");
		}
		struct zone *z = build(&f, NULL, ZONE_NSEC);
		zone_walk(z, wildcards_proof_is_the_general_one, z);
		zone_free(z);
	}
}

static bool points_right_behind_itself(const struct node *n, void *context)
{
	size_t *seen = context;

	if (n->flags & NODE_BELOW_CUT) {
		assert_null(n->nsec);
		return true;
	}
	assert_non_null(n->nsec);
	const uint8_t *next = n->nsec->wire + RR_FIXED_LEN;
	assert_int_equal(next[0], 1);
	assert_int_equal(next[1], 0);
	assert_true(name_equal(next + 2, n->name));
	*seen += (n->flags & NODE_EMPTY) != 0;
	return true;
}

/* RFC 9824 §3.2: empty non-terminals have an NSEC too. */
static void with_compact_denial_each_name_denies_for_itself(void **state)
{
	struct facts f;
	size_t empty = 0;

	(void)state;
	start_facts(&f);
	f.at[f.n++] = (struct fact){ "deep.er.d", TYPE_A, 1 };
	struct zone *z = build(&f, NULL, ZONE_COMPACT);
	zone_walk(z, points_right_behind_itself, &empty);
	assert_int_equal(empty, 2);
	zone_free(z);
}

static void a_change_that_is_given_up_leaves_no_trace(void **state)
{
	struct lottery l = { 5 };
	struct facts f, ignored;
	struct zone_builder *b;
	struct diag d = { 0 };

	(void)state;
	start_facts(&f);
	f.at[f.n++] = (struct fact){ "a", TYPE_A, 1 };
	struct zone *z = build(&f, NULL, ZONE_NSEC), *same = build(&f, NULL, ZONE_NSEC);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(zone_build_change(&b, z), ERR_OK);
		ignored = f;
		for (int k = 0; k < 10; k++)
			change(b, &ignored, &l, &d);
		zone_build_abort(b);
		same_zone(z, same);
	}
	diag_free(&d);
	zone_free(z);
	zone_free(same);
}

/* ---- ids ---- */

struct freed {
	uint32_t id[100];
	size_t n;
};

static void on_freed(uint32_t id, void *context)
{
	struct freed *f = context;

	f->id[f->n++] = id;
}

static uint32_t id_at(const struct zone *z, const char *owner, uint16_t type)
{
	struct name name;

	wire_of(owner, &name);
	const struct node *n = zone_node(z, name.wire);
	const struct rrset *r = n != NULL ? node_rrset(n, type) : NULL;
	return r != NULL ? r->sig_id : 0;
}

static struct zone *build_two(struct zone *like, struct freed *freed, uint8_t tag)
{
	struct zone_builder *b;
	struct zone *z = NULL;
	struct diag d = { 0 };
	struct zone_build_options options = { .denial = ZONE_NSEC,
					      .id_freed = on_freed,
					      .id_context = freed };
	const struct fact facts[] = {
		{ "@", TYPE_SOA, 1 }, { "@", TYPE_NS, 1 }, { "a", TYPE_A, 1 }, { "b", TYPE_A, tag }
	};

	assert_int_equal(zone_build_start(&b, APEX, like, &options), ERR_OK);
	for (size_t i = 0; i < 4; i++)
		add(b, &facts[i], &d);
	assert_int_equal(zone_build_seal(b, &z, &d), ERR_OK);
	diag_free(&d);
	return z;
}

static void an_rrset_that_did_not_change_keeps_its_id_over_a_reload(void **state)
{
	struct freed freed = { .n = 0 };
	struct zone *one = build_two(NULL, &freed, 1), *two = build_two(one, &freed, 2);
	uint32_t kept = id_at(one, "a", TYPE_A), changed = id_at(one, "b", TYPE_A);

	(void)state;
	assert_int_equal(id_at(two, "a", TYPE_A), kept);
	assert_int_not_equal(id_at(two, "b", TYPE_A), changed);
	assert_int_equal(freed.n, 0); /* the old version may still be read */
	zone_free(one);
	assert_int_equal(freed.n, 1);
	assert_int_equal(freed.id[0], changed);
	/* What was freed is given out again. */
	struct zone *three = build_two(two, &freed, 3);
	assert_int_equal(id_at(three, "b", TYPE_A), changed);
	zone_free(two);
	zone_free(three);
}

/* ---- what the checks say ---- */

static const struct {
	const char *says;
	struct fact facts[4];
	size_t n;
	bool error;
	const char *text;
} CHECKS[] = {
	{ "refuses CNAME beside other data (RFC 1034 §3.6.2)",
	  { { "a", TYPE_CNAME, 1 }, { "a", TYPE_A, 1 } },
	  2,
	  true,
	  "a CNAME stands alone" },
	{ "refuses two CNAMEs at one name (RFC 2181 §10.1)",
	  { { "a", TYPE_CNAME, 1 }, { "a", TYPE_CNAME, 2 } },
	  2,
	  true,
	  "more than one CNAME" },
	{ "refuses two DNAMEs at one name (RFC 6672 §2.4)",
	  { { "a", TYPE_DNAME, 1 }, { "a", TYPE_DNAME, 2 } },
	  2,
	  true,
	  "more than one DNAME" },
	{ "refuses DNAME at a cut (RFC 6672 §2.4)",
	  { { "a", TYPE_DNAME, 1 }, { "a", TYPE_NS, 2 } },
	  2,
	  true,
	  "DNAME and NS" },
	{ "refuses DS where nothing is delegated (RFC 4034 §5)",
	  { { "a", TYPE_DS, 1 } },
	  1,
	  true,
	  "DS but no NS" },
	{ "refuses DS at the apex (RFC 4034 §5)",
	  { { "@", TYPE_DS, 1 } },
	  1,
	  true,
	  "parent's side" },
	{ "refuses a second SOA record (RFC 1035 §5.2)",
	  { { "@", TYPE_SOA, 2 } },
	  1,
	  true,
	  "more than one SOA" },
	{ "refuses SOA below the apex",
	  { { "a", TYPE_SOA, 2 } },
	  1,
	  true,
	  "belongs to the zone's own name" },
	{ "warns of data below a cut",
	  { { "a", TYPE_NS, 1 }, { "x.a", TYPE_TXT, 1 } },
	  2,
	  false,
	  "never served" },
	{ "warns of a delegation at a wildcard (RFC 4592 §4.2)",
	  { { "*", TYPE_NS, 1 } },
	  1,
	  false,
	  "wildcard delegation" },
	{ "warns of a server name without address",
	  { { "a", TYPE_NS, 7 } },
	  1,
	  false,
	  "no address" },
};

static bool mentions(const struct diag *d, enum diag_severity severity, const char *text)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->findings[i].severity == severity &&
		    strstr(d->findings[i].text, text) != NULL)
			return true;
	return false;
}

static void says_what_is_wrong_with_a_zone(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof CHECKS / sizeof *CHECKS; i++) {
		struct zone_builder *b;
		struct zone *z = NULL;
		struct diag d = { 0 };
		struct zone_build_options options = { .denial = ZONE_NSEC };
		struct facts f;

		start_facts(&f);
		assert_int_equal(zone_build_start(&b, APEX, NULL, &options), ERR_OK);
		zone_build_file(b, "example.zone");
		for (size_t k = 0; k < f.n; k++)
			add(b, &f.at[k], &d);
		for (size_t k = 0; k < CHECKS[i].n; k++)
			add(b, &CHECKS[i].facts[k], &d);
		enum err e = zone_build_seal(b, &z, &d);
		if (e != (CHECKS[i].error ? ERR_INVALID : ERR_OK) ||
		    !mentions(&d, CHECKS[i].error ? DIAG_ERROR : DIAG_WARNING, CHECKS[i].text) ||
		    !mentions(&d, CHECKS[i].error ? DIAG_ERROR : DIAG_WARNING, "example.zone:7:")) {
			diag_print(&d, stderr);
			fail_msg("%s", CHECKS[i].says);
		}
		diag_free(&d);
		zone_free(z);
	}
}

static void refuses_a_zone_without_soa_or_ns(void **state)
{
	static const struct fact ONLY[] = { { "@", TYPE_SOA, 1 }, { "@", TYPE_NS, 1 } };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct zone_builder *b;
		struct zone *z = NULL;
		struct diag d = { 0 };
		struct zone_build_options options = { .denial = ZONE_NO_DENIAL };
		assert_int_equal(zone_build_start(&b, APEX, NULL, &options), ERR_OK);
		add(b, &ONLY[i], &d);
		assert_int_equal(zone_build_seal(b, &z, &d), ERR_INVALID);
		diag_free(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_changed_zone_equals_one_built_from_the_same_records),
		cmocka_unit_test(the_chain_of_hashes_follows_changes),
		cmocka_unit_test(the_names_of_compact_denial_follow_changes),
		cmocka_unit_test(with_compact_denial_each_name_denies_for_itself),
		cmocka_unit_test(a_zone_of_records_given_at_once_equals_one_built_from_them),
		cmocka_unit_test(who_is_told_to_stop_adds_no_more),
		cmocka_unit_test(the_proof_that_there_is_no_wildcard_is_found_at_its_encloser),
		cmocka_unit_test(a_change_that_is_given_up_leaves_no_trace),
		cmocka_unit_test(an_rrset_that_did_not_change_keeps_its_id_over_a_reload),
		cmocka_unit_test(says_what_is_wrong_with_a_zone),
		cmocka_unit_test(refuses_a_zone_without_soa_or_ns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
