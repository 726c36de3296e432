// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <stdio.h>

#include "dns/name.h"
#include "dnssec/nsec3.h"

static struct nsec3_hasher *hasher(void)
{
	struct nsec3_hasher *h = NULL;

	assert_int_equal(nsec3_hasher_new(&h), ERR_OK);
	return h;
}

/* RFC 5155 §5 with no salt and no further iteration: SHA-1 of the name in lower case. */
static void hashes_names_without_regard_to_case(void **state)
{
	static const uint8_t WANT[] = {
		0x1d, 0xb8, 0xef, 0xa7, 0xdc, 0xb3, 0x48, 0xbd, 0xa7, 0x89,
		0x3f, 0xca, 0x1d, 0x8b, 0xad, 0xfd, 0xb6, 0x99, 0x6b, 0x01
	};
	static const uint8_t NAME[] = "\7EXAMPLE", LOWER[] = "\7example";
	uint8_t a[NSEC3_HASH_OCTETS], b[NSEC3_HASH_OCTETS];
	struct nsec3_hasher *h = hasher();

	(void)state;
	nsec3_hash(h, NAME, a);
	assert_memory_equal(a, WANT, sizeof a);
	nsec3_hash(h, LOWER, b);
	assert_memory_equal(a, b, sizeof a);
	nsec3_hash_known(h, NAME, b);
	assert_memory_equal(a, b, sizeof a);
	nsec3_hasher_free(h);
}

/* More names than are kept, short and long, in an order that pushes out and comes back. */
static void what_is_kept_is_what_would_be_made(void **state)
{
	struct nsec3_hasher *h = hasher();
	struct lottery l = { 4711 };

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint8_t kept[NSEC3_HASH_OCTETS], made[NSEC3_HASH_OCTETS];
		char text[200];
		struct name n;
		uint32_t which = lottery_below(&l, 300);
		snprintf(text, sizeof text, "%s%s%u.%.*s.Example.", which % 3 == 0 ? "*." : "",
			 which % 2 == 0 ? "host" : "HOST", which / 2, (int)(which % 60) + 1,
			 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
		assert_int_equal(name_from_text(text, NULL, &n), ERR_OK);
		nsec3_hash_known(h, n.wire, kept);
		nsec3_hash(h, n.wire, made);
		assert_memory_equal(kept, made, sizeof made);
	}
	nsec3_hasher_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_names_without_regard_to_case),
		cmocka_unit_test(what_is_kept_is_what_would_be_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
