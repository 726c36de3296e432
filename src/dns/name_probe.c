// SPDX-License-Identifier: Apache-2.0
/* Eight octets at a time: names are the first thing that is done to every question. */
#include "dns/name_probe.h"

#include <endian.h>

#include "dns/octets.h"

/* Odd, and with bits all over; from the fractional part of the golden ratio. */
#define MULTIPLIER UINT64_C(0x9e3779b97f4a7c15)

static inline uint64_t stir(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * MULTIPLIER;
	return hash ^ hash >> 32;
}

/* One label, with its length octet, on top of the hash of what stands behind it. Reads whole words.
 */
static inline uint64_t hash_label(uint64_t hash, const uint8_t *label)
{
	unsigned n = 1u + label[0];

	for (; n > 8; n -= 8, label += 8)
		hash = stir(hash, le64toh(load_word(label)));
	return stir(hash, le64toh(load_word(label)) & (~UINT64_C(0) >> (64 - 8 * n)));
}

/* Length and offsets are there: lower case and hashes follow. Reads nothing past the name. */
static inline void finish(struct name_probe *out, const uint8_t *name)
{
	unsigned len = out->len;

	/* The last word overlaps the one before. */
	for (unsigned i = 0; i + 8 <= len; i += 8)
		store_word(out->lower + i, lower_word(load_word(name + i)));
	if (len >= 8)
		store_word(out->lower + len - 8, lower_word(load_word(name + len - 8)));
	for (unsigned i = 0; len < 8 && i < len; i++)
		out->lower[i] = lower_octet(name[i]);
	store_word(out->lower + len, 0);
	out->hash[0] = MULTIPLIER;
	for (unsigned n = 1; n <= out->label_n; n++)
		out->hash[n] =
		    hash_label(out->hash[n - 1], out->lower + out->offset[out->label_n - n]);
}

void name_probe_of(struct name_probe *out, const uint8_t *name)
{
	unsigned at = 0, n = 0;

	for (; name[at] != 0; at += 1u + name[at])
		out->offset[n++] = (uint8_t)at;
	out->offset[n] = (uint8_t)at;
	out->label_n = (uint8_t)n;
	out->len = (uint8_t)(at + 1);
	finish(out, name);
}

bool name_probe_read(struct name_probe *out, struct span octets)
{
	unsigned at = 0, n = 0;
	size_t end = octets.n < NAME_MAX_LEN ? octets.n : NAME_MAX_LEN;

	while (at < end && octets.p[at] != 0) {
		if (octets.p[at] > NAME_LABEL_MAX)
			return false;
		out->offset[n++] = (uint8_t)at;
		at += 1u + octets.p[at];
	}
	if (at >= end)
		return false;
	out->offset[n] = (uint8_t)at;
	out->label_n = (uint8_t)n;
	out->len = (uint8_t)(at + 1);
	finish(out, octets.p);
	return true;
}

uint64_t name_probe_child(const struct name_probe *p, unsigned label_n, const uint8_t *label)
{
	uint8_t padded[1 + NAME_LABEL_MAX + 8] = { 0 };

	memcpy(padded, label, 1u + label[0]);
	return hash_label(p->hash[label_n], padded);
}

static inline uint64_t load_half(const uint8_t *p)
{
	uint32_t w;

	memcpy(&w, p, sizeof w);
	return w;
}

/* n octets, at least one; ends overlap. */
static inline bool equal_octets(const uint8_t *any, const uint8_t *lower, unsigned n)
{
	if (n >= 8) {
		for (unsigned i = 0; i + 8 < n; i += 8)
			if (lower_word(load_word(any + i)) != load_word(lower + i))
				return false;
		return lower_word(load_word(any + n - 8)) == load_word(lower + n - 8);
	}
	if (n >= 4)
		return lower_word(load_half(any) | load_half(any + n - 4) << 32) ==
		       (load_half(lower) | load_half(lower + n - 4) << 32);
	for (unsigned i = 0; i < n; i++)
		if (lower_octet(any[i]) != lower[i])
			return false;
	return true;
}

bool label_equal_lower(const uint8_t *label, const uint8_t *lower)
{
	return equal_octets(label + 1, lower + 1, label[0]);
}

bool name_equal_lower(const uint8_t *name, const uint8_t *lower)
{
	for (;;) {
		unsigned n = *name;
		if (n != *lower)
			return false;
		if (n == 0)
			return true;
		if (!equal_octets(name + 1, lower + 1, n))
			return false;
		name += 1 + n;
		lower += 1 + n;
	}
}
