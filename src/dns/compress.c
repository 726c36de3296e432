// SPDX-License-Identifier: Apache-2.0
#include "dns/compress.h"

#define POINTER_END 0x4000u

static inline uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* One octet over a suffix, made from its first label and the hash of the rest. */
static uint8_t hash_label(const uint8_t *label, uint8_t rest)
{
	unsigned h = rest * 31u + label[0];

	for (unsigned i = 1; i <= label[0]; i++)
		h = h * 33u + lower(label[i]);
	return (uint8_t)(h ^ h >> 8);
}

/* hash[i] of the suffix that starts at label i. */
static void hash_suffixes(const struct name *name, uint8_t hash[NAME_LABELS_MAX])
{
	uint8_t rest = 0;

	for (unsigned i = name->label_n; i > 0; i--)
		hash[i - 1] = rest = hash_label(name->wire + name->offset[i - 1], rest);
}

/* Whether the name that stands in the message at `at` (with pointers, all of ours) equals the plain
 * suffix. */
static bool matches(const struct writer *w, uint16_t at, const uint8_t *suffix)
{
	const uint8_t *p = w->start + at;

	for (;;) {
		while ((*p & 0xc0) == 0xc0)
			p = w->start + (load_u16(p) & 0x3fff);
		if (*p != *suffix)
			return false;
		if (*p == 0)
			return true;
		for (unsigned i = 1; i <= *p; i++)
			if (lower(p[i]) != lower(suffix[i]))
				return false;
		suffix += 1u + *suffix;
		p += 1u + *p;
	}
}

static void remember(struct compress *c, size_t at, uint8_t hash)
{
	if (c->n == COMPRESS_MAX || at >= POINTER_END)
		return;
	c->at[c->n] = (uint16_t)at;
	c->hash[c->n++] = hash;
}

void compress_remember(struct compress *c, const struct writer *w, uint16_t at,
		       const struct name *name)
{
	uint8_t hash[NAME_LABELS_MAX];

	(void)w;
	hash_suffixes(name, hash);
	for (unsigned i = 0; i < name->label_n; i++)
		remember(c, (size_t)at + name->offset[i], hash[i]);
}

void compress_rewind(struct compress *c, uint16_t at)
{
	while (c->n > 0 && c->at[c->n - 1] >= at)
		c->n--;
}

void compress_write(struct compress *c, struct writer *w, const uint8_t *wire)
{
	struct name name;
	uint8_t hash[NAME_LABELS_MAX];

	name_from_wire(&name, wire);
	hash_suffixes(&name, hash);
	uint16_t known = c->n; /* suffixes of this very name need no look */
	for (unsigned i = 0; i < name.label_n; i++) {
		const uint8_t *suffix = wire + name.offset[i];
		for (uint16_t k = 0; k < known; k++) {
			if (c->hash[k] != hash[i] || !matches(w, c->at[k], suffix))
				continue;
			write_u16(w, (uint16_t)(0xc000 | c->at[k]));
			return;
		}
		size_t at = writer_len(w);
		write_bytes(w, suffix, 1u + suffix[0]);
		if (w->full)
			return;
		remember(c, at, hash[i]);
	}
	write_u8(w, 0);
}
