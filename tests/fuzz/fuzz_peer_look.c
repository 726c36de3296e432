// SPDX-License-Identifier: Apache-2.0
// links: peers transfer dnssec dns base
/* A server of a signer that answers as it likes: messages after their lengths. What is believed at
 * the end was signed by the key that the DS names. The last message is the parent's, too. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "../unit/dnssec/proof_messages.h"
#include "dns/wire.h"
#include "peers/delegation.h"
#include "peers/interview.h"

#define NOW 1768000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct interview_tools tools;
	static struct signer_seen seen;
	static const uint8_t ZONE[] = "\7example", WWW[] = "\3www\7example";
	static struct seen_names ns;
	struct interview_sample samples[] = { { WWW, 1 } }, q;
	struct seen_ds ds = { .len = sizeof KSK_DS };
	struct interview iv = { .zone = ZONE,
				.ds = &ds,
				.ds_n = 1,
				.sample = samples,
				.sample_n = 1,
				.tools = &tools,
				.seen = &seen };
	struct reader r = reader_of(data, size);
	const char *why;
	uint32_t ttl;
	bool good = true;

	memcpy(ds.rdata, KSK_DS, sizeof KSK_DS);
	interview_begin(&iv, NOW);
	while (good && reader_left(&r) > 2 && interview_next(&iv, &q)) {
		size_t n = read_u16(&r);
		struct span message = { read_bytes(&r, n), n };
		if (r.bad)
			break;
		if (!delegation_read(message, ZONE, &ns, &ttl, &why) && *why == 0)
			abort();
		good = interview_take(&iv, message, NOW);
		if (!good && iv.why[0] == 0)
			abort();
	}
	if (good && !interview_next(&iv, &q) && (seen.key_n < 2 || seen.key_signing == 0))
		abort();
	return 0;
}
