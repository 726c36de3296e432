// SPDX-License-Identifier: Apache-2.0
#include "base/failpoint.h"

#ifdef CONCORD_FAILPOINTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>

void failpoint(const char *name)
{
	static long passes;
	const char *wanted = getenv("CONCORD_FAILPOINT");
	size_t n = strlen(name);

	if (wanted == NULL || strncmp(wanted, name, n) != 0 || (wanted[n] != 0 && wanted[n] != ':'))
		return;
	if (++passes >= (wanted[n] == ':' ? strtol(wanted + n + 1, NULL, 10) : 1))
		raise(SIGKILL);
}
#endif
