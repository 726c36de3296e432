// SPDX-License-Identifier: Apache-2.0
// links: control
/* octoDNS zone files, from text to a sealed zone and compiled policies. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control/octodns_zone.h"
#include "geo/steer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t ZONE[] = "\7example";
	static const struct steer_options OPTIONS = { .seed = "fuzz", .max_bytes = 64u << 20 };
	struct octodns_zone from = { .apex = ZONE, .serial = 1 };
	struct zone_build_options options = { .denial = ZONE_NSEC };
	char path[64];
	struct steering *s = NULL;
	struct steer_set *set = NULL;
	struct zone *z = NULL;
	struct diag d = { 0 };
	int fd = memfd_create("zone", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size ||
	    zone_build_start(&from.builder, ZONE, NULL, &options))
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	enum err e = octodns_zone_read(&s, &from, path, &d);
	if (e != ERR_OK && e != ERR_NOMEM && !diag_failed(&d))
		abort();
	if (e == ERR_OK && steer_compile(&set, s->policies, s->n, NULL, &OPTIONS) == ERR_OK)
		steer_free(set);
	if (e == ERR_OK)
		zone_build_seal(from.builder, &z, &d);
	else
		zone_build_abort(from.builder);
	zone_free(z);
	steering_free(s);
	diag_free(&d);
	close(fd);
	return 0;
}
