// SPDX-License-Identifier: Apache-2.0
// links: dns base
/* Requests: whatever parses keeps its own limits. */
#include "fuzz.h"

#include <stdlib.h>

#include "dns/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message m;
	enum message_verdict v = message_parse((struct span){ data, size }, &m);

	if (v == MESSAGE_OK || v == MESSAGE_BADVERS) {
		if (m.question_end > size || m.qname.len < 1 ||
		    m.qname.label_n >= NAME_LABELS_MAX || name_len(m.qname.wire) != m.qname.len ||
		    (m.flags & FLAG_QR))
			abort();
		if (m.tsig.n > 0 && m.tsig_at + m.tsig.n != size)
			abort();
	}
	return 0;
}
