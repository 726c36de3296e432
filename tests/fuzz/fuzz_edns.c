// SPDX-License-Identifier: Apache-2.0
// links: dns base
/* Options of EDNS; what is accepted can be echoed in its computed length. */
#include "fuzz.h"

#include <stdlib.h>

#include "dns/edns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct edns e;
	uint8_t out[512];

	if (size < 6 || size > 65535)
		return 0;
	if (!edns_parse(load_u16(data), load_u32(data + 2), (struct span){ data + 6, size - 6 },
			&e))
		return 0;
	struct edns_answer a = { .udp_size = 1232, .ecs = e.ecs, .ecs_prefix = e.ecs_prefix };
	struct writer w = writer_of(out, sizeof out);
	edns_write(&w, &a);
	if (w.full || writer_len(&w) != edns_len(&a) || e.udp_size < 512)
		abort();
	return 0;
}
