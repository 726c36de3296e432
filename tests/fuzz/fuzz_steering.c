// SPDX-License-Identifier: Apache-2.0
// links: control
/* Steering files: what passes the checks compiles, and every client gets an answer. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control/steering_file.h"
#include "geo/steer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t ZONE[] = "\7example";
	static const struct steer_options OPTIONS = { .seed = "fuzz", .max_bytes = 64u << 20 };
	char path[64];
	struct steering *s = NULL;
	struct steer_set *set = NULL;
	struct diag d = { 0 };
	int fd = memfd_create("steering", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	enum err e = steering_read(&s, path, ZONE, &d);
	if (e != ERR_OK && e != ERR_NOMEM && !diag_failed(&d))
		abort();
	if (e == ERR_OK && steer_compile(&set, s->policies, s->n, NULL, &OPTIONS) == ERR_OK) {
		for (uint32_t i = 0; i < s->n; i++) {
			struct ip_addr a = { .family = IP_V4, .bytes = { 192, 0, 2, 1 } };
			struct steer_choice c = steer_choose(set, i, &a, NULL);
			if ((c.variant >= steer_variant_n(set, i) && c.variant != STEER_SERVFAIL) ||
			    c.scope > 32)
				abort();
		}
	}
	steer_free(set);
	steering_free(s);
	diag_free(&d);
	close(fd);
	return 0;
}
