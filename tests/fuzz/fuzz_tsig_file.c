// SPDX-License-Identifier: Apache-2.0
// links: control
/* Any text is a file of shared keys or one finding. */
#include "fuzz.h"

#include <stdlib.h>

#include "control/tsig_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tsig_key keys[TSIG_FILE_KEYS_MAX];
	struct diag d = { 0 };
	size_t n = 0;
	enum err e = tsig_file_parse("f", (const char *)data, size, keys, &n, &d);

	if ((e == ERR_OK) != (d.error_n == 0) || (e == ERR_OK && n == 0))
		abort();
	for (size_t i = 0; i < n && !e; i++)
		if (keys[i].secret_len == 0 || name_len(keys[i].name) > NAME_MAX_LEN)
			abort();
	diag_free(&d);
	return 0;
}
