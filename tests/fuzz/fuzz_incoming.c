// SPDX-License-Identifier: Apache-2.0
/* Transfers from a hostile primary: framed messages, the first octet says what was asked. */
// links: transfer zone dns base
#include <stdlib.h>

#include "transfer/incoming.h"

static enum err take(enum incoming_part part, const struct record *r, void *context)
{
	size_t *sum = context;

	*sum += (size_t)part + name_len(r->owner.wire) + r->type;
	for (size_t i = 0; i < r->rdata.n; i++)
		*sum += r->rdata.p[i];
	return ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct incoming in;
	size_t sum = 0;
	struct incoming_limits limits = { 1000, 1u << 20 };
	struct incoming_sink sink = { take, &sum };

	if (n < 5)
		return 0;
	incoming_start(&in, (const uint8_t *)"\7example", 0, data[0] & 1, load_u32(data + 1),
		       &limits, &sink);
	struct reader r = reader_of(data + 5, n - 5);
	while (reader_left(&r) >= 2) {
		size_t len = read_u16(&r);
		if (len > reader_left(&r))
			len = reader_left(&r);
		uint8_t *message = malloc(len + 1);
		memcpy(message, read_bytes(&r, len), len);
		if (len >= 2)
			store_u16(message, 0);
		enum incoming_verdict v = incoming_message(&in, (struct span){ message, len });
		free(message);
		if (v == INCOMING_DONE && in.kind == INCOMING_UNKNOWN)
			abort();
	}
	return (int)(sum & 0);
}
