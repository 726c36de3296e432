// SPDX-License-Identifier: Apache-2.0
// links: geo
/* Lists of named networks: what loads covers every address. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "geo/location.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	struct location_db *db = NULL;
	struct diag d = { 0 };
	int fd = memfd_create("networks", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (location_open_networks(&db, path, &d) == ERR_OK) {
		struct ip_addr low = { .family = IP_V4 },
			       high = { .family = IP_V4, .bytes = { 255, 255, 255, 255 } };
		if (location_find(db, &low, NULL) == NULL || location_find(db, &high, NULL) == NULL)
			abort();
	}
	location_unref(db);
	diag_free(&d);
	close(fd);
	return 0;
}
