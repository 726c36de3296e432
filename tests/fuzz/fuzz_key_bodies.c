// SPDX-License-Identifier: Apache-2.0
// links: peers
/* What the services of peers say: the first octet chooses the body, and what is taken can be
 * written again. */
#include "fuzz.h"

#include <stdlib.h>

#include "dns/rrtype.h"
#include "peers/key_bodies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t TYPES[] = { TYPE_DNSKEY, TYPE_CDS, TYPE_CDNSKEY, TYPE_NS,
					  TYPE_CSYNC };
	static struct body_records out;
	char text[RECORD_TEXT_MAX];

	if (size < 1)
		return 0;
	const char *body = (const char *)data + 1;
	out.type = TYPES[data[0] % 5];
	bool taken = data[0] % 7 == 0 ? body_read_key_set(body, size - 1, &out)
				      : body_read_rrsets(body, size - 1, "example.", &out);
	for (size_t i = 0; taken && i < out.n; i++) {
		uint8_t again[RECORD_RDATA_MAX];
		size_t n;
		if (!record_to_text(out.type, out.rdata[i], text) ||
		    record_from_text(out.type, text, again, &n) || n != out.rdata[i].n)
			abort();
	}
	body_setting_is_on(body, size - 1, "direct-dnskey");
	return 0;
}
