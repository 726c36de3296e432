// SPDX-License-Identifier: Apache-2.0
/*
 * compress.h -- names into an answer, compressed (RFC 1035 §4.1.4).
 *
 * Purpose.   Remembers where suffixes of names stand in the message being written and points to
 * them. Invariant. Bounded: at most COMPRESS_MAX suffixes are remembered; past that names are
 * written in full. Only offsets below 0x4000 are pointed to. Suffixes match without regard to case
 * (RFC 1035 §2.3.3). Threads.   One answer, one compress. No allocation.
 */
#ifndef DNS_COMPRESS_H
#define DNS_COMPRESS_H

#include <stdint.h>

#include "dns/name_probe.h"
#include "dns/wire.h"

#define COMPRESS_MAX 128

struct compress {
	const struct name_probe *asked; /* the question's name, at the message's start; or NULL */
	uint16_t n;
	uint16_t at[COMPRESS_MAX];     /* where a remembered suffix starts in the message */
	uint16_t behind[COMPRESS_MAX]; /* where the suffix behind its first label starts */
	uint16_t mark[COMPRESS_MAX];   /* of its first label: most mismatches end here */
};

/* `asked` is borrowed until the next start. */
static inline void compress_start(struct compress *c, const struct name_probe *asked)
{
	c->asked = asked;
	c->n = 0;
}

/* Forgets what was remembered at or past `at` (a section was taken back). */
void compress_rewind(struct compress *c, uint16_t at);

/* Writes `name`, pointing where it can, and remembers its new suffixes. */
void compress_write(struct compress *c, struct writer *w, const uint8_t *name);

#endif
