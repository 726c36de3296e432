// SPDX-License-Identifier: Apache-2.0
// links: transfer
/* What a resolver answers to a question for the addresses of an alias' target. The first octet
 * chooses the type, and which names are ours. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "dns/rrtype.h"
#include "transfer/address_answer.h"

static bool is_ours(const uint8_t *name, void *context)
{
	const uint8_t *first = context;

	return (*first & 2) && name[0] == 4;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t NAME[] = "\2lb\3cdn\4test";
	struct address_answer a;

	if (size == 0)
		return 0;
	uint8_t first = data[0];
	uint16_t type = first & 1 ? TYPE_AAAA : TYPE_A;
	address_answer_read((struct span){ data + 1, size - 1 }, NAME, type, is_ours, &first, &a);
	if ((a.n > 0) != (a.outcome == ADDRESS_THERE) || a.n > ADDRESSES_MAX)
		abort();
	if (a.outcome == ADDRESS_FAILED && a.why == NULL)
		abort();
	if (a.outcome == ADDRESS_ONWARD &&
	    (!is_ours(a.next, &first) || name_len(a.next) > NAME_MAX_LEN))
		abort();
	for (unsigned i = 1; i < a.n; i++)
		if (memcmp(a.address[i - 1], a.address[i], sizeof a.address[i]) >= 0)
			abort();
	return 0;
}
