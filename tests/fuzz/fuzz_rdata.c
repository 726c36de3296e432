// SPDX-License-Identifier: Apache-2.0
// links: dns base
/* RDATA of every type, and the text forms that are ours. */
#include "fuzz.h"

#include <stdlib.h>

#include "dns/rdata.h"
#include "dns/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t ORIGIN[] = "\7example";
	struct rdata_name names[RDATA_NAMES_MAX];
	static uint8_t out[RDATA_MAX];
	size_t len = 0;

	if (size < 2 || size > 4096)
		return 0;
	uint16_t type = load_u16(data);
	struct span rdata = { data + 2, size - 2 };
	if (rdata_is_valid(type, rdata)) {
		rdata_canonicalize(type, rdata, out);
		if (!rdata_is_valid(type, (struct span){ out, rdata.n }))
			abort();
		size_t n = rdata_names(type, rdata, names);
		for (size_t i = 0; i < n; i++)
			if (names[i].at >= rdata.n)
				abort();
		(void)rdata_additional_name(type, rdata);
	}
	char *text = malloc(size - 1);
	if (text == NULL)
		return 0;
	memcpy(text, data + 2, size - 2);
	text[size - 2] = 0;
	if (rdata_from_own_text(type, text, ORIGIN, out, sizeof out, &len) == ERR_OK &&
	    !rdata_is_valid(type, (struct span){ out, len }))
		abort();
	free(text);
	return 0;
}
