// SPDX-License-Identifier: Apache-2.0
// links: control
/* Master files, from text to a sealed zone. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control/zone_file.h"
#include "zone/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t ZONE[] = "\7example";
	char path[] = "/tmp/concord-fuzz-XXXXXX";
	struct zone_builder *b = NULL;
	struct zone *z = NULL;
	struct diag d = { 0 };
	struct zone_build_options options = { .denial = true };
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size ||
	    zone_build_start(&b, ZONE, NULL, &options))
		abort();
	enum err e = zone_file_read(b, path, ZONE, true, &d);
	if (e == ERR_OK)
		e = zone_build_seal(b, &z, &d);
	else
		zone_build_abort(b);
	if (e == ERR_OK && zone_nsec_for(z, (const uint8_t *)"\3zzz\7example") == NULL)
		abort();
	zone_free(z);
	diag_free(&d);
	close(fd);
	unlink(path);
	return 0;
}
