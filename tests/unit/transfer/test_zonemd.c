// SPDX-License-Identifier: Apache-2.0
/* Digests of zones (RFC 8976): its examples, what makes one bad, and that order does not matter. */
#include "transfer/zonemd.h"

#include <stdio.h>
#include <unistd.h>

#include "check.h"
#include "dns/name.h"
#include "dns/rrtype.h"
#include "transfer/spool.h"
#include "zonemd_vectors.h"

#define ZONE ((const uint8_t *)"\7example\0")

static enum zonemd_verdict judge(const uint8_t *p, size_t n, char why[ZONEMD_WHY_MAX])
{
	enum zonemd_verdict v = ZONEMD_NONE;
	uint8_t *exact = exact_copy(p, n);

	assert_int_equal(zonemd_verify((struct span){ exact, n }, ZONE, &v, why), ERR_OK);
	free(exact);
	return v;
}

static void examples_of_the_rfc_are_good(void **state)
{
	char why[ZONEMD_WHY_MAX];

	(void)state;
	assert_int_equal(judge(SIMPLE, sizeof SIMPLE, why), ZONEMD_GOOD);
	assert_int_equal(judge(COMPLEX, sizeof COMPLEX, why), ZONEMD_GOOD);
	assert_int_equal(judge(SEVERAL, sizeof SEVERAL, why), ZONEMD_GOOD);
}

static size_t next_record(const uint8_t *p)
{
	size_t n = name_len(p);

	return n + 8 + load_u16(p + n + 6);
}

/* The first record of a type, or NULL. */
static uint8_t *find(uint8_t *p, size_t n, uint16_t type)
{
	for (uint8_t *at = p; at < p + n; at += next_record(at))
		if (load_u16(at + name_len(at)) == type)
			return at;
	return NULL;
}

static void what_is_made_is_what_the_rfc_has(void **state)
{
	uint8_t made[ZONEMD_RDATA_MAX];
	uint8_t *p = exact_copy(SEVERAL, sizeof SEVERAL);
	uint8_t *at = find(p, sizeof SEVERAL, TYPE_ZONEMD);
	size_t n = 0;

	(void)state;
	for (unsigned hash = ZONEMD_SHA384; hash <= ZONEMD_SHA512; hash++) {
		size_t rdata = name_len(at) + 8;
		assert_int_equal(zonemd_make((struct span){ p, sizeof SEVERAL }, ZONE,
					     (enum zonemd_hash)hash, made, &n),
				 ERR_OK);
		assert_int_equal(n, load_u16(at + rdata - 2));
		assert_memory_equal(made, at + rdata, n);
		at += next_record(at);
	}
	free(p);
}

static void each_octet_of_a_record_counts(void **state)
{
	char why[ZONEMD_WHY_MAX];
	uint8_t *p = exact_copy(SIMPLE, sizeof SIMPLE);
	uint8_t *a = find(p, sizeof SIMPLE, TYPE_A);

	(void)state;
	for (size_t i = name_len(a) + 2; i < next_record(a); i++) {
		if (i == name_len(a) + 6 || i == name_len(a) + 7)
			continue; /* its length */
		a[i] ^= 1;
		assert_int_equal(judge(p, sizeof SIMPLE, why), ZONEMD_BAD);
		a[i] ^= 1;
	}
	assert_non_null(strstr(why, "SHA-384"));
	a[1] ^= 0x20; /* but not the case of a name */
	assert_int_equal(judge(p, sizeof SIMPLE, why), ZONEMD_GOOD);
	free(p);
}

static void what_cannot_be_used_is_not(void **state)
{
	char why[ZONEMD_WHY_MAX];
	uint8_t *p = exact_copy(SIMPLE, sizeof SIMPLE);
	uint8_t *z = find(p, sizeof SIMPLE, TYPE_ZONEMD);
	size_t rdata = name_len(z) + 8;

	(void)state;
	z[rdata + 3] ^= 1;
	assert_int_equal(judge(p, sizeof SIMPLE, why), ZONEMD_BAD); /* §4: another serial */
	assert_non_null(strstr(why, "serial"));
	z[rdata + 3] ^= 1;
	z[rdata + 4] = 240; /* §5.2: a scheme for private use */
	assert_int_equal(judge(p, sizeof SIMPLE, why), ZONEMD_UNKNOWN);
	z[rdata + 4] = ZONEMD_SIMPLE;
	z[rdata + 5] = 240;
	assert_int_equal(judge(p, sizeof SIMPLE, why), ZONEMD_UNKNOWN);
	z[rdata + 5] = ZONEMD_SHA512; /* of another length than its digest */
	assert_int_equal(judge(p, sizeof SIMPLE, why), ZONEMD_BAD);
	z[rdata + 5] = ZONEMD_SHA384;
	store_u16(z + name_len(z), 65280); /* there is none */
	assert_int_equal(judge(p, sizeof SIMPLE, why), ZONEMD_NONE);
	free(p);
}

static void two_of_one_kind_are_not_used(void **state)
{
	char why[ZONEMD_WHY_MAX];
	uint8_t p[sizeof SIMPLE + 100];
	uint8_t *z;

	(void)state;
	memcpy(p, SIMPLE, sizeof SIMPLE);
	z = find(p, sizeof SIMPLE, TYPE_ZONEMD);
	size_t n = next_record(z);
	memcpy(p + sizeof SIMPLE, z, n);
	p[sizeof SIMPLE + n - 1] ^= 1;
	assert_int_equal(judge(p, sizeof SIMPLE + n, why), ZONEMD_BAD);
	assert_non_null(strstr(why, "more than one"));
}

static void order_does_not_matter(void **state)
{
	struct lottery l = { 8976 };
	const uint8_t *at[64];
	size_t n = 0;

	(void)state;
	for (const uint8_t *p = COMPLEX; p < COMPLEX + sizeof COMPLEX; p += next_record(p))
		at[n++] = p;
	for (unsigned round = 0; round < 200; round++) {
		uint8_t shuffled[sizeof COMPLEX];
		char why[ZONEMD_WHY_MAX];
		size_t used = 0;
		for (size_t i = n - 1; i > 0; i--) {
			size_t k = lottery_below(&l, (uint32_t)i + 1);
			const uint8_t *swap = at[i];
			at[i] = at[k];
			at[k] = swap;
		}
		for (size_t i = 0; i < n; i++) {
			memcpy(shuffled + used, at[i], next_record(at[i]));
			used += next_record(at[i]);
		}
		assert_int_equal(judge(shuffled, used, why), ZONEMD_GOOD);
	}
}

static void what_is_cut_short_is_damaged(void **state)
{
	char why[ZONEMD_WHY_MAX];

	(void)state;
	for (size_t n = 0; n < sizeof COMPLEX; n++) {
		enum zonemd_verdict v;
		uint8_t *p = exact_copy(COMPLEX, n);
		enum err e = zonemd_verify((struct span){ p, n }, ZONE, &v, why);
		assert_true(e == ERR_CORRUPT || v == ZONEMD_BAD || v == ZONEMD_NONE);
		free(p);
	}
}

static struct spool *spool_of(const char *path, const uint8_t *p, size_t n)
{
	struct spool *s;

	assert_int_equal(spool_begin(&s, path, ZONE), ERR_OK);
	for (const uint8_t *at = p; at < p + n; at += next_record(at)) {
		const uint8_t *fixed = at + name_len(at);
		assert_int_equal(spool_add(s, at, load_u16(fixed), load_u32(fixed + 2),
					   (struct span){ fixed + 8, load_u16(fixed + 6) }),
				 ERR_OK);
	}
	return s;
}

static void a_spool_is_verified_where_it_lies_and_with_changes(void **state)
{
	char path[] = "/tmp/test_zonemd.XXXXXX", why[ZONEMD_WHY_MAX];
	int fd = mkstemp(path);
	struct spool *s = spool_of(path, SIMPLE, sizeof SIMPLE);
	struct change_set change = { 0 };
	struct change_record r = { CHANGE_ADD, ZONE, TYPE_TXT, 300, { (const uint8_t *)"\1a", 2 } };
	enum zonemd_verdict v;

	(void)state;
	close(fd);
	assert_int_equal(spool_end(s), ERR_OK);
	assert_int_equal(spool_commit(s), ERR_OK);
	assert_int_equal(zonemd_verify_spool(path, ZONE, NULL, 0, &v, why), ERR_OK);
	assert_int_equal(v, ZONEMD_GOOD);
	assert_int_equal(change_add(&change, &r), ERR_OK);
	assert_int_equal(zonemd_verify_spool(path, ZONE, &change, 1, &v, why), ERR_OK);
	assert_int_equal(v, ZONEMD_BAD);
	assert_int_equal(zonemd_verify_spool(path, ZONE, NULL, 0, &v, why), ERR_OK);
	assert_int_equal(v, ZONEMD_GOOD);
	change_free(&change);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_of_the_rfc_are_good),
		cmocka_unit_test(what_is_made_is_what_the_rfc_has),
		cmocka_unit_test(each_octet_of_a_record_counts),
		cmocka_unit_test(what_cannot_be_used_is_not),
		cmocka_unit_test(two_of_one_kind_are_not_used),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(what_is_cut_short_is_damaged),
		cmocka_unit_test(a_spool_is_verified_where_it_lies_and_with_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
