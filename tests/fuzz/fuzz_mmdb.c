// SPDX-License-Identifier: Apache-2.0
// links: geo
/* MMDB files: a damaged one fails, in bounded time. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "geo/location.h"

/* The library forgets two blocks where a file's list of languages is damaged: once for each attempt
 * to load such a file. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libmaxminddb";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	struct location_db *db = NULL;
	struct diag d = { 0 };
	int fd = memfd_create("mmdb", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (location_open_mmdb(&db, path, NULL, &d) == ERR_OK) {
		struct ip_addr a = { .family = IP_V6, .bytes = { 0x20, 1 } };
		if (location_find(db, &a, NULL) == NULL)
			abort();
	}
	location_unref(db);
	diag_free(&d);
	close(fd);
	return 0;
}
