// SPDX-License-Identifier: Apache-2.0
// links: dnssec
/* Key texts: DNSKEY records as files and peers give them. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dnssec/dnskey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char owner[NAME_TEXT_MAX], text[DNSKEY_TEXT_MAX];
	struct dnskey k, again;
	char *in = malloc(size + 1);

	if (in == NULL)
		return 0;
	memcpy(in, data, size);
	in[size] = 0;
	if (dnskey_from_text(in, &k, owner, sizeof owner) == ERR_OK) {
		(void)dnskey_is_wellformed(&k);
		if (dnskey_from_text(dnskey_to_text(&k, text), &again, owner, sizeof owner) ||
		    again.rdata_len != k.rdata_len ||
		    memcmp(again.rdata, k.rdata, k.rdata_len) != 0)
			abort();
	}
	free(in);
	return 0;
}
