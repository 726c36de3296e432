// SPDX-License-Identifier: Apache-2.0
// links: dnssec dns base
/* Answers of peers: the octets after the DS are a message; what is believed was signed by that DS's
 * key. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "dnssec/validate.h"

#define NOW 1768000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct validated v;
	size_t n = size > 0 ? data[0] : 0;

	if (size < 1 + n)
		return 0;
	struct span ds = { data + 1, n };
	enum validation verdict =
	    validate_dnskeys((struct span){ data + 1 + n, size - 1 - n },
			     (const uint8_t *)"\7example", &ds, 1, NOW, NULL, &v);
	if ((verdict == VALIDATION_SECURE) != (v.n > 0) || v.n > VALIDATE_KEYS_MAX)
		abort();
	return 0;
}
