// SPDX-License-Identifier: Apache-2.0
#include "control/state_path.h"

#include <stdbool.h>
#include <stdio.h>

const char *state_path(const char *state_dir, const char *folder, const char *zone,
		       char out[STATE_PATH_MAX])
{
	size_t n = (size_t)snprintf(out, STATE_PATH_MAX, "%s/%s/", state_dir, folder);

	for (; *zone != 0 && n + 4 < STATE_PATH_MAX; zone++) {
		unsigned char ch = (unsigned char)*zone;
		bool good = (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-' ||
			    ch == '_' || (ch == '.' && out[n - 1] != '/' && out[n - 1] != '.');
		n += (size_t)snprintf(out + n, 4, good ? "%c" : "%%%02x", ch);
	}
	out[n] = 0;
	return out;
}
