// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <stdio.h>

#include "dns/name.h"
#include "dnssec/nsec3.h"

/* RFC 5155 §5 with no salt and no further iteration: SHA-1 of the name in lower case. */
static void hashes_names_without_regard_to_case(void **state)
{
	static const uint8_t WANT[] = {
		0x1d, 0xb8, 0xef, 0xa7, 0xdc, 0xb3, 0x48, 0xbd, 0xa7, 0x89,
		0x3f, 0xca, 0x1d, 0x8b, 0xad, 0xfd, 0xb6, 0x99, 0x6b, 0x01
	};
	static const uint8_t NAME[] = "\7EXAMPLE", LOWER[] = "\7example";
	uint8_t a[NSEC3_HASH_OCTETS], b[NSEC3_HASH_OCTETS];

	(void)state;
	nsec3_hash(NAME, a);
	assert_memory_equal(a, WANT, sizeof a);
	nsec3_hash(LOWER, b);
	assert_memory_equal(a, b, sizeof a);
}

/* All lengths that a name may have: one block to five. With no salt and no iteration the other way
 * of hashing, by a whole digest, is the same. */
static void names_of_all_lengths_have_the_hash_of_the_whole_digest(void **state)
{
	struct nsec3_hasher *h = NULL;
	uint8_t name[NAME_MAX_LEN] = { 0 };

	(void)state;
	assert_int_equal(nsec3_hasher_new(&h), ERR_OK);
	for (unsigned len = 1; len <= NAME_MAX_LEN; len++) {
		uint8_t a[NSEC3_HASH_OCTETS], b[NSEC3_HASH_OCTETS];
		unsigned at = 0;
		if (len == 2)
			continue; /* a label has an octet at least */
		while (at + 1 < len) {
			unsigned label = len - 2 - at > 63 ? 62 : len - 2 - at;
			name[at] = (uint8_t)label;
			memset(name + at + 1, 'A' + (int)(len % 26), label);
			at += 1 + label;
		}
		name[at] = 0;
		uint8_t *exact = exact_copy(name, len);
		nsec3_hash(exact, a);
		nsec3_hash_salted(h, exact, 0, (struct span){ NULL, 0 }, b);
		assert_memory_equal(a, b, sizeof a);
		free(exact);
	}
	nsec3_hasher_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_names_without_regard_to_case),
		cmocka_unit_test(names_of_all_lengths_have_the_hash_of_the_whole_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
