// SPDX-License-Identifier: Apache-2.0
#include "dns/compress.h"

#include "dns/message.h"

#define POINTER_END 0x4000u

static inline uint16_t short_hash(uint64_t hash)
{
	return (uint16_t)(hash >> 16);
}

/* Whether the name that stands in the message at `at` (with pointers, all of ours) is the one in
 * lower case. */
static bool matches(const struct writer *w, uint16_t at, const uint8_t *lower)
{
	const uint8_t *p = w->start + at;

	for (;;) {
		while ((*p & 0xc0) == 0xc0)
			p = w->start + (load_u16(p) & 0x3fff);
		unsigned n = *p;
		if (n != *lower)
			return false;
		if (n == 0)
			return true;
		if (!label_equal_lower(p, lower))
			return false;
		p += 1 + n;
		lower += 1 + n;
	}
}

static void remember(struct compress *c, size_t at, uint16_t hash)
{
	if (c->n == COMPRESS_MAX || at >= POINTER_END)
		return;
	c->at[c->n] = (uint16_t)at;
	c->hash[c->n++] = hash;
}

void compress_rewind(struct compress *c, uint16_t at)
{
	while (c->n > 0 && c->at[c->n - 1] >= at)
		c->n--;
}

/* Where the suffix that starts at label i stands already; 0 where it does not. */
static uint16_t find(const struct compress *c, const struct writer *w,
		     const struct name_probe *name, unsigned i, uint16_t known)
{
	unsigned label_n = name->label_n - i;
	const struct name_probe *asked = c->asked;
	const uint8_t *lower = name->lower + name->offset[i];
	uint16_t hash = short_hash(name->hash[label_n]);

	if (asked != NULL && label_n <= asked->label_n &&
	    asked->hash[label_n] == name->hash[label_n] &&
	    name_equal_lower(name_probe_suffix(asked, label_n), lower))
		return (uint16_t)(MESSAGE_HEADER_LEN + asked->offset[asked->label_n - label_n]);
	for (uint16_t k = 0; k < known; k++)
		if (c->hash[k] == hash && matches(w, c->at[k], lower))
			return c->at[k];
	return 0;
}

void compress_write(struct compress *c, struct writer *w, const uint8_t *wire)
{
	struct name_probe name;
	uint16_t known = c->n; /* suffixes of this very name need no look */

	name_probe_of(&name, wire);
	for (unsigned i = 0; i < name.label_n; i++) {
		const uint8_t *label = wire + name.offset[i];
		uint16_t there = find(c, w, &name, i, known);
		if (there != 0) {
			write_u16(w, (uint16_t)(0xc000 | there));
			return;
		}
		size_t at = writer_len(w);
		write_bytes(w, label, 1u + label[0]);
		if (w->full)
			return;
		remember(c, at, short_hash(name.hash[name.label_n - i]));
	}
	write_u8(w, 0);
}
