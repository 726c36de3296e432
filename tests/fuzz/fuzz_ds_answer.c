// SPDX-License-Identifier: Apache-2.0
// links: transfer
/* What a parent's server answers to a question for DS. */
#include "fuzz.h"

#include <stdlib.h>

#include "transfer/ds_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t ZONE[] = "\4shop\7example";
	struct ds_answer a;
	const char *why = NULL;

	if (ds_answer_read((struct span){ data, size }, ZONE, &a, &why)) {
		if (a.n > DS_ANSWER_MAX)
			abort();
		for (size_t i = 0; i < a.n; i++)
			if (a.ds[i].len < 5 || a.ds[i].len > DS_ANSWER_RDATA_MAX)
				abort();
	} else if (why == NULL || why[0] == 0) {
		abort();
	}
	return 0;
}
