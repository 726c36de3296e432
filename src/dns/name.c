// SPDX-License-Identifier: Apache-2.0
#include "dns/name.h"

#include "dns/octets.h"

size_t name_len(const uint8_t *name)
{
	size_t n = 0;

	while (name[n] != 0)
		n += 1u + name[n];
	return n + 1;
}

unsigned name_label_n(const uint8_t *name)
{
	unsigned n = 0;

	for (; *name != 0; name += 1u + *name)
		n++;
	return n;
}

void name_from_wire(struct name *out, const uint8_t *name)
{
	size_t at = 0;
	unsigned n = 0;

	while (name[at] != 0) {
		out->offset[n++] = (uint8_t)at;
		at += 1u + name[at];
	}
	out->offset[n] = (uint8_t)at;
	out->label_n = (uint8_t)n;
	out->len = (uint8_t)(at + 1);
	memcpy(out->wire, name, at + 1);
}

/* Appends one label with its length octet. False where the name would grow past its limit, the
 * root's octet counted. */
static bool append_label(struct name *out, unsigned *len, const uint8_t *label)
{
	unsigned n = 1u + label[0];

	if (*len + n + 1 > NAME_MAX_LEN)
		return false;
	memcpy(out->wire + *len, label, n);
	out->offset[out->label_n++] = (uint8_t)*len;
	*len += n;
	return true;
}

static void finish(struct name *out, unsigned len)
{
	out->wire[len] = 0;
	out->offset[out->label_n] = (uint8_t)len;
	out->len = (uint8_t)(len + 1);
}

/* Most names are plain and whole: those are copied at once. False: read it label by label. */
static bool read_whole(struct reader *r, struct name *out)
{
	const uint8_t *p = r->p;
	size_t left = (size_t)(r->end - p), at = 0;
	unsigned n = 0;

	if (left > NAME_MAX_LEN)
		left = NAME_MAX_LEN;
	for (; at < left && p[at] != 0; at += 1u + p[at]) {
		if (p[at] > NAME_LABEL_MAX)
			return false;
		out->offset[n++] = (uint8_t)at;
	}
	if (at >= left)
		return false;
	out->label_n = (uint8_t)n;
	memcpy(out->wire, p, at + 1);
	finish(out, (unsigned)at);
	r->p = p + at + 1;
	return true;
}

static void read_name(struct reader *r, struct name *out, bool pointers)
{
	const uint8_t *p = r->p;
	const uint8_t *limit = r->p; /* the next pointer must go below this */
	unsigned len = 0;
	bool jumped = false;

	if (!r->bad && read_whole(r, out))
		return;
	out->label_n = 0;
	if (r->bad)
		goto bad;
	for (;;) {
		if (p >= r->end)
			goto bad;
		uint8_t n = *p;
		if (n == 0)
			break;
		if (n <= NAME_LABEL_MAX) {
			if ((size_t)(r->end - p) < 1u + n || !append_label(out, &len, p))
				goto bad;
			p += 1u + n;
			continue;
		}
		if ((n & 0xc0) != 0xc0 || !pointers || r->end - p < 2)
			goto bad;
		const uint8_t *to = r->start + (load_u16(p) & 0x3fff);
		if (to >= limit)
			goto bad;
		if (!jumped)
			r->p = p + 2;
		jumped = true;
		limit = to;
		p = to;
	}
	if (!jumped)
		r->p = p + 1;
	finish(out, len);
	return;
bad:
	r->bad = true;
	out->label_n = 0;
	finish(out, 0);
}

void name_read(struct reader *r, struct name *out)
{
	read_name(r, out, true);
}

void name_read_plain(struct reader *r, struct name *out)
{
	read_name(r, out, false);
}

bool name_equal(const uint8_t *a, const uint8_t *b)
{
	for (;;) {
		uint8_t n = *a;
		if (n != *b)
			return false;
		if (n == 0)
			return true;
		if (!octets_equal(a + 1, b + 1, n))
			return false;
		a += 1u + n;
		b += 1u + n;
	}
}

int name_compare(const uint8_t *a, const uint8_t *b)
{
	uint8_t ka[NAME_KEY_MAX], kb[NAME_KEY_MAX];
	size_t an = name_key(a, ka), bn = name_key(b, kb);
	int c = memcmp(ka, kb, an < bn ? an : bn);

	return c != 0 ? c : (an > bn) - (an < bn);
}

bool name_is_within(const uint8_t *name, const uint8_t *ancestor)
{
	unsigned n = name_label_n(name), above = name_label_n(ancestor);

	if (n < above)
		return false;
	for (; n > above; n--)
		name += 1u + *name;
	return name_equal(name, ancestor);
}

const uint8_t *name_parent(const uint8_t *name)
{
	return *name == 0 ? name : name + 1u + *name;
}

bool name_is_wildcard(const uint8_t *name)
{
	return name[0] == 1 && name[1] == '*';
}

size_t name_lower(const uint8_t *name, uint8_t *out)
{
	size_t at = 0;

	while (name[at] != 0) {
		size_t end = at + 1u + name[at];
		for (; at + 8 <= end; at += 8)
			store_word(out + at, lower_word(load_word(name + at)));
		for (; at < end; at++)
			out[at] = lower_octet(name[at]);
	}
	out[at] = 0;
	return at + 1;
}

/* One label into a key: octets 0 and 1 are escaped, so that the 0 that ends a label sorts before
 * every octet. At most two octets for each of at most 254: fits. */
static size_t key_label(const uint8_t *label, uint8_t *out)
{
	size_t n = 0;
	unsigned i = 1;

	for (; i + 8 <= label[0] + 1u; i += 8, n += 8) {
		uint64_t w = lower_word(load_word(label + i));
		if (word_has_low(w))
			break;
		store_word(out + n, w);
	}
	for (; i <= label[0]; i++) {
		uint8_t c = lower_octet(label[i]);
		if (c <= 1) {
			out[n++] = 1;
			c = (uint8_t)(c + 1);
		}
		out[n++] = c;
	}
	out[n++] = 0;
	return n;
}

size_t name_key_ends(const struct name *name, uint8_t *out, uint16_t *key_end)
{
	size_t n = 0;

	if (key_end != NULL)
		key_end[0] = 0;
	for (unsigned i = name->label_n; i > 0; i--) {
		n += key_label(name->wire + name->offset[i - 1], out + n);
		if (key_end != NULL)
			key_end[name->label_n - i + 1] = (uint16_t)n;
	}
	return n;
}

size_t name_key(const uint8_t *name, uint8_t *out)
{
	const uint8_t *label[NAME_LABELS_MAX];
	unsigned n = 0;
	size_t len = 0;

	for (; *name != 0; name += 1u + *name)
		label[n++] = name;
	while (n > 0)
		len += key_label(label[--n], out + len);
	return len;
}
