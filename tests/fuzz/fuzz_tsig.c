// SPDX-License-Identifier: Apache-2.0
// links: dns base
/* Messages with whatever stands where a TSIG should: nothing is accepted but what holds the secret,
 * and an answer to it can always be signed. */
#include "fuzz.h"

#include <stdlib.h>

#include "dns/tsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tsig_key key = { .name = { 3, 'k', 'e', 'y', 0 }, .mac_len = 16 };
	struct tsig_keys keys = { &key, 1 };
	uint8_t answer[MESSAGE_HEADER_LEN + TSIG_ROOM] = { 0 };
	struct span m = { data, size };
	struct tsig t;
	size_t at, n = MESSAGE_HEADER_LEN;

	if (size < MESSAGE_HEADER_LEN || size > MESSAGE_MAX)
		return 0;
	key.algorithm = (enum tsig_algorithm)(data[2] % TSIG_ALGORITHMS);
	tsig_start(&t, &key);
	if (tsig_check(&t, m, 0) == TSIG_GOOD)
		abort();
	tsig_end(&t);
	if (!tsig_find(m, &at) || at == 0)
		return 0;
	switch (tsig_accept(&t, &keys, m, at, 0)) {
	case TSIG_GOOD:
	case TSIG_BAD:
		abort();
	case TSIG_FORMERR:
		return 0;
	case TSIG_NOTAUTH:
		if (!tsig_sign(&t, answer, &n, sizeof answer, 0) ||
		    !tsig_find((struct span){ answer, n }, &at) || at != MESSAGE_HEADER_LEN)
			abort();
	}
	return 0;
}
