// SPDX-License-Identifier: Apache-2.0
// links: control
/* The configuration: any text is a configuration or a list of findings. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	struct config *c = NULL;
	struct diag d = { 0 };
	int fd = memfd_create("config", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	enum err e = config_read(&c, path, &d);
	if ((e == ERR_OK) != (c != NULL) || (e != ERR_OK && e != ERR_NOMEM && !diag_failed(&d)))
		abort();
	config_free(c);
	diag_free(&d);
	close(fd);
	return 0;
}
