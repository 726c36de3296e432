// SPDX-License-Identifier: Apache-2.0
/* The name right behind another one (RFC 4471 §3.1.2): what a minimal NSEC points to. */
#include <string.h>

#include "dns/name.h"

/* Names are ordered in lower case, so the octets of A to Z are never used. */
static uint8_t octet_after(uint8_t octet)
{
	octet++;
	return octet == 'A' ? (uint8_t)('Z' + 1) : octet;
}

/* The first label with its last octet that can grow grown, and what stands behind that cut off.
 * Octets of 255 are the greatest: a label of nothing else has no successor of its length. Returns
 * the label's new length, 0 where there is none. */
static size_t grow(const uint8_t *label, uint8_t *out)
{
	size_t n = label[0];

	while (n > 0 && label[n] == 255)
		n--;
	if (n == 0)
		return 0;
	out[0] = (uint8_t)n;
	memcpy(out + 1, label + 1, n);
	out[n] = octet_after(label[n]);
	return n;
}

size_t name_successor(const uint8_t *name, const uint8_t *zone, uint8_t out[NAME_MAX_LEN])
{
	uint8_t lower[NAME_MAX_LEN];
	size_t n = name_lower(name, lower);

	if (n + 2 <= NAME_MAX_LEN) {
		out[0] = 1;
		out[1] = 0;
		memcpy(out + 2, lower, n);
		return n + 2;
	}
	if (n + 1 <= NAME_MAX_LEN && lower[0] < NAME_LABEL_MAX) {
		size_t label = lower[0];
		out[0] = (uint8_t)(label + 1);
		memcpy(out + 1, lower + 1, label);
		out[1 + label] = 0;
		memcpy(out + 2 + label, lower + 1 + label, n - 1 - label);
		return n + 1;
	}
	for (const uint8_t *at = lower; !name_equal(at, zone); at = name_parent(at)) {
		size_t label = grow(at, out);
		if (label == 0)
			continue;
		size_t rest = name_len(name_parent(at));
		memcpy(out + 1 + label, name_parent(at), rest);
		return 1 + label + rest;
	}
	return name_lower(zone, out);
}
