// SPDX-License-Identifier: Apache-2.0
/*
 * name_probe.h -- a name made ready to be looked for: in lower case, with a hash of each ancestor.
 *
 * Purpose.   One pass over a name serves every look-up of it and of its ancestors (the zone, the
 * name, the closest encloser, a cut) and its compression. Invariant. hash[n] depends on the last n
 * labels alone, without regard to case (RFC 4343): equal names have equal hashes, whatever stands
 * before. The hash is not keyed: what relies on it must stay right, and bounded, where many names
 * share one. Threads.   Pure. Memory.    The caller's.
 */
#ifndef DNS_NAME_PROBE_H
#define DNS_NAME_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "dns/name.h"

struct name_probe {
	uint64_t hash[NAME_LABELS_MAX];  /* [n]: of the last n labels; [0]: of the root */
	uint8_t lower[NAME_MAX_LEN + 9]; /* words may be read at any octet of the name */
	uint8_t offset[NAME_LABELS_MAX]; /* as in struct name */
	uint8_t len;
	uint8_t label_n;
};

/* From a valid wire name. */
void name_probe_of(struct name_probe *out, const uint8_t *name);
/* From octets that need not be a name: false where they do not start with an uncompressed one. */
bool name_probe_read(struct name_probe *out, struct span octets);
/* The name of one label more, `label` (with its length, in lower case) before the last `label_n`
 * labels of a probe: its hash. */
uint64_t name_probe_child(const struct name_probe *p, unsigned label_n, const uint8_t *label);

/* The last `label_n` labels, in lower case. */
static inline const uint8_t *name_probe_suffix(const struct name_probe *p, unsigned label_n)
{
	return p->lower + p->offset[p->label_n - label_n];
}

/* Whether a label or name, of any case, is the one in lower case. Labels with their lengths, which
 * are equal. */
bool label_equal_lower(const uint8_t *label, const uint8_t *lower);
bool name_equal_lower(const uint8_t *name, const uint8_t *lower);

#endif
