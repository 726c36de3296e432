// SPDX-License-Identifier: Apache-2.0
#include "transfer/signed_copy.h"

#include <stdio.h>
#include <unistd.h>

#include "check.h"
#include "dns/rrtype.h"
#include "dnssec/algorithm.h"

#define NOW  1800000000
#define DAY  86400
#define LATE (NOW + 8 * DAY) /* past the renewal of what was signed at NOW */

static const uint8_t APEX[] = "\7example";
static const struct sign_policy POLICY = { .validity_s = 14 * DAY,
					   .refresh_s = 7 * DAY,
					   .inception_offset_s = 3600 };
static char dir[] = "/tmp/concord-copy-XXXXXX";
static char path[64];

struct fixture {
	struct key *ksk, *zsk;
	struct keyset *keys;
	struct zone *zone;
};

static void add(struct zone_builder *b, const char *owner, uint16_t type, const void *rdata,
		size_t n, struct diag *d)
{
	struct name name;

	assert_int_equal(name_from_text(owner, APEX, &name), ERR_OK);
	struct zone_record r = { name.wire, type, 300, { rdata, n }, 0, 0 };
	assert_int_equal(zone_build_add(b, &r, d), ERR_OK);
}

/* With the SOA, NS and so many addresses. */
static struct zone *build(struct zone *like, uint32_t serial, unsigned host_n)
{
	struct zone_build_options o = { .denial = ZONE_NSEC };
	struct zone_builder *b = NULL;
	struct zone *z = NULL;
	struct diag d = { 0 };
	uint8_t soa[22] = { 0 };

	store_u32(soa + 2, serial);
	assert_int_equal(zone_build_start(&b, APEX, like, &o), ERR_OK);
	add(b, "example.", TYPE_SOA, soa, sizeof soa, &d);
	add(b, "example.", TYPE_NS, "\2ns\7example", 12, &d);
	for (unsigned i = 0; i < host_n; i++) {
		char owner[40];
		uint8_t a[4] = { 192, 0, 2, (uint8_t)i };
		snprintf(owner, sizeof owner, "h%u", i);
		add(b, owner, TYPE_A, a, sizeof a, &d);
	}
	assert_int_equal(zone_build_seal(b, &z, &d), ERR_OK);
	diag_free(&d);
	return z;
}

static struct keyset *keys_of(const struct fixture *f, const struct sign_policy *p)
{
	struct keyset_member members[] = { { f->ksk, KEY_KSK, true }, { f->zsk, KEY_ZSK, true } };
	struct keyset *keys = NULL;

	assert_int_equal(keyset_new(&keys, APEX, p, members, 2), ERR_OK);
	return keys;
}

static struct fixture make(void)
{
	struct fixture f = { 0 };

	unlink(path);
	assert_int_equal(key_generate(&f.ksk, 13, KEY_KSK, NULL, 0), ERR_OK);
	assert_int_equal(key_generate(&f.zsk, 13, KEY_ZSK, NULL, 0), ERR_OK);
	f.keys = keys_of(&f, &POLICY);
	f.zone = build(NULL, 1, 20);
	return f;
}

static void end(struct fixture *f)
{
	zone_free(f->zone);
	keyset_free(f->keys);
	key_free(f->ksk);
	key_free(f->zsk);
}

/* The next copy, put in its place; false where there is nothing to change. */
static bool next(const struct fixture *f, bool has_old, int64_t now, struct signed_copy *out)
{
	struct signed_copy_job job = {
		.zone = f->zone,
		.keys = f->keys,
		.path = path,
		.has_old = has_old,
		.now = now,
		.change_max = 1u << 20,
	};

	assert_int_equal(signed_copy_make(&job, out), ERR_OK);
	if (out->spool == NULL)
		return false;
	assert_int_equal(spool_commit(out->spool), ERR_OK);
	return true;
}

static void replace(struct fixture *f, uint32_t serial, unsigned host_n)
{
	struct zone *old = f->zone;

	f->zone = build(old, serial, host_n);
	zone_free(old);
}

static void signs_all_and_keeps_what_has_not_changed(void **state)
{
	struct fixture f = make();
	struct signed_copy one, two, none;

	(void)state;
	assert_true(next(&f, false, NOW, &one));
	assert_int_equal(one.serial, 1);
	/* SOA, NS and NSEC at the apex, A and NSEC of each host, and their signatures */
	assert_int_equal(one.made_n, 3 + 40);
	assert_int_equal(one.record_n, 2 * (3 + 40));
	assert_int_equal(one.change.n, 0);
	assert_false(next(&f, true, NOW + DAY, &none));
	replace(&f, 2, 21);
	assert_true(next(&f, true, NOW + DAY, &two));
	assert_int_equal(two.from, 1);
	assert_int_equal(two.serial, 2);
	/* the SOA, the new name's A and NSEC, the NSEC before it */
	assert_int_equal(two.made_n, 4);
	assert_int_equal(two.kept_n, 3 + 40 - 2);
	assert_int_equal(two.change.removed_n, 4);
	assert_int_equal(two.change.added_n, 8);
	uint32_t from, to;
	assert_true(change_serials(change_span(&two.change), &from, &to));
	assert_int_equal(from, 1);
	assert_int_equal(to, 2);
	change_free(&two.change);
	end(&f);
}

static void renews_signatures_that_are_due_under_a_serial_of_its_own(void **state)
{
	struct fixture f = make();
	struct signed_copy one, late, none;

	(void)state;
	assert_true(next(&f, false, NOW, &one));
	assert_true(one.due_at > NOW && one.due_at <= NOW + 7 * DAY);
	assert_true(next(&f, true, LATE, &late));
	assert_int_equal(late.serial, 2);
	assert_int_equal(late.made_n, 3 + 40);
	assert_int_equal(late.kept_n, 0);
	assert_true(late.due_at > LATE);
	/* The zone itself has serial 1 still, or has been lifted to the copy's: nothing to do. */
	assert_false(next(&f, true, LATE, &none));
	replace(&f, 2, 20);
	assert_false(next(&f, true, LATE, &none));
	change_free(&late.change);
	end(&f);
}

static void other_keys_or_times_make_other_signatures(void **state)
{
	struct fixture f = make();
	struct sign_policy shorter = POLICY;
	struct signed_copy one, two;

	(void)state;
	assert_true(next(&f, false, NOW, &one));
	shorter.validity_s = 10 * DAY;
	keyset_free(f.keys);
	f.keys = keys_of(&f, &shorter);
	assert_true(next(&f, true, NOW, &two));
	assert_int_equal(two.serial, 2);
	assert_int_equal(two.kept_n, 0);
	change_free(&two.change);
	end(&f);
}

static void a_serial_is_never_given_twice(void **state)
{
	struct fixture f = make();
	struct signed_copy one, late, after;

	(void)state;
	assert_true(next(&f, false, NOW, &one));
	assert_true(next(&f, true, LATE, &late)); /* 2, by time */
	replace(&f, 2, 19);                       /* and the zone comes to 2 by a change */
	assert_true(next(&f, true, LATE, &after));
	assert_int_equal(after.from, 2);
	assert_int_equal(after.serial, 3);
	change_free(&late.change);
	change_free(&after.change);
	end(&f);
}

static void looking_at_a_copy_tells_what_making_it_told(void **state)
{
	struct fixture f = make();
	struct signed_copy one, seen;

	(void)state;
	assert_int_equal(signed_copy_look(path, APEX, POLICY.refresh_s, NOW, &seen), ERR_NOT_FOUND);
	assert_true(next(&f, false, NOW, &one));
	assert_int_equal(signed_copy_look(path, APEX, POLICY.refresh_s, NOW, &seen), ERR_OK);
	assert_int_equal(seen.serial, one.serial);
	assert_int_equal(seen.record_n, one.record_n);
	assert_int_equal(seen.due_at, one.due_at);
	assert_int_equal(seen.soa_len, one.soa_len);
	assert_memory_equal(seen.soa, one.soa, one.soa_len);
	end(&f);
}

static void a_copy_that_is_given_up_leaves_the_one_before(void **state)
{
	struct fixture f = make();
	struct signed_copy one, given_up, seen;
	atomic_bool stopped = true;

	(void)state;
	assert_true(next(&f, false, NOW, &one));
	replace(&f, 2, 21);
	struct signed_copy_job job = { .zone = f.zone,
				       .keys = f.keys,
				       .path = path,
				       .has_old = true,
				       .now = NOW,
				       .change_max = 1,
				       .stopped = &stopped };
	assert_int_equal(signed_copy_make(&job, &given_up), ERR_TIMEOUT);
	assert_null(given_up.spool);
	assert_int_equal(signed_copy_look(path, APEX, POLICY.refresh_s, NOW, &seen), ERR_OK);
	assert_int_equal(seen.serial, 1);
	job.stopped = NULL; /* and a change that is too large is no change set */
	assert_int_equal(signed_copy_make(&job, &given_up), ERR_OK);
	assert_int_equal(given_up.change.n, 0);
	spool_abort(given_up.spool);
	end(&f);
}

static int make_dir(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/zone", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_all_and_keeps_what_has_not_changed),
		cmocka_unit_test(renews_signatures_that_are_due_under_a_serial_of_its_own),
		cmocka_unit_test(other_keys_or_times_make_other_signatures),
		cmocka_unit_test(a_serial_is_never_given_twice),
		cmocka_unit_test(looking_at_a_copy_tells_what_making_it_told),
		cmocka_unit_test(a_copy_that_is_given_up_leaves_the_one_before),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
