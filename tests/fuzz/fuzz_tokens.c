// SPDX-License-Identifier: Apache-2.0
// links: control
/* The file of tokens: any text is a list of tokens or a list of findings. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/config_api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	struct api_tokens *t = NULL;
	struct diag d = { 0 };
	int fd = memfd_create("tokens", MFD_CLOEXEC);

	if (fd < 0 || fchmod(fd, 0600) < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	enum err e = api_tokens_read(&t, path, &d);
	if ((e == ERR_OK) != (t != NULL) || (e != ERR_OK && e != ERR_NOMEM && !diag_failed(&d)))
		abort();
	for (size_t i = 0; t != NULL && i < t->n; i++)
		if (t->all[i].access.scopes == 0 || t->all[i].access.name == NULL)
			abort(); /* nobody without a name or without a scope */
	api_tokens_free(t);
	diag_free(&d);
	close(fd);
	return 0;
}
