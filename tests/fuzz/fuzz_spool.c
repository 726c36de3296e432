// SPDX-License-Identifier: Apache-2.0
// links: transfer zone dns base
/* A transferred zone's file with any octets: records that are handed out lie within their frame. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dns/name.h"
#include "transfer/spool.h"

static enum err take(const struct spool_record *r, void *context)
{
	size_t *sum = context;

	if (name_len(r->owner) > NAME_MAX_LEN)
		abort();
	for (size_t i = 0; i < r->rdata.n; i++)
		*sum += r->rdata.p[i];
	return ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/concord-fuzz-spool-XXXXXX";
	size_t sum = 0;
	int fd = mkstemp(path);

	if (fd < 0)
		abort();
	ssize_t done = write(fd, data, size);
	close(fd);
	if (done == (ssize_t)size)
		spool_read(path, (const uint8_t *)"\7example", take, &sum);
	unlink(path);
	return (int)(sum & 0);
}
