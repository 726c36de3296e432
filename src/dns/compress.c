// SPDX-License-Identifier: Apache-2.0
#include "dns/compress.h"

#include "dns/message.h"
#include "dns/octets.h"

#define POINTER_END 0x4000u
#define ROOT        0 /* where the suffix of no label stands: no name is in the header */

/* Most labels that differ have another one. */
static inline uint16_t mark_of(const uint8_t *label)
{
	return (uint16_t)(label[0] << 8 | (label[label[0]] | 0x20));
}

/* The label before a suffix that stands in the message at `here`: where it stands; ROOT where it
 * does not, or not there. */
static uint16_t find(const struct compress *c, const struct writer *w, uint16_t here,
		     const uint8_t *label)
{
	uint16_t mark = mark_of(label);

	for (unsigned k = 0; k < c->n; k++)
		if (c->behind[k] == here && c->mark[k] == mark &&
		    octets_equal(w->start + c->at[k], label, 1u + label[0]))
			return c->at[k];
	return ROOT;
}

static void remember(struct compress *c, size_t at, size_t behind, const uint8_t *label)
{
	if (c->n == COMPRESS_MAX || at >= POINTER_END)
		return;
	c->at[c->n] = (uint16_t)at;
	c->behind[c->n] = behind < POINTER_END ? (uint16_t)behind : POINTER_END;
	c->mark[c->n++] = mark_of(label);
}

void compress_rewind(struct compress *c, uint16_t at)
{
	while (c->n > 0 && c->at[c->n - 1] >= at)
		c->n--;
}

/* How many of the last labels are the question's too. */
static unsigned shared_with_question(const struct compress *c, const uint8_t *wire,
				     const uint8_t *offset, unsigned label_n)
{
	const struct name_probe *asked = c->asked;
	unsigned most = label_n < asked->label_n ? label_n : asked->label_n, n = 0;

	while (n < most) {
		const uint8_t *label = wire + offset[label_n - 1 - n];
		const uint8_t *lower = asked->lower + asked->offset[asked->label_n - 1 - n];
		if (label[0] != lower[0] || !label_equal_lower(label, lower))
			break;
		n++;
	}
	return n;
}

void compress_write(struct compress *c, struct writer *w, const uint8_t *wire)
{
	uint8_t offset[NAME_LABELS_MAX];
	unsigned n = 0;
	uint16_t here = ROOT, there;

	for (unsigned at = 0; wire[at] != 0; at += 1u + wire[at])
		offset[n++] = (uint8_t)at;
	/* From the root's side: each suffix is a label before one that is known already. */
	if (c->asked != NULL) {
		unsigned shared = shared_with_question(c, wire, offset, n);
		n -= shared;
		if (shared > 0)
			here = (uint16_t)(MESSAGE_HEADER_LEN +
					  c->asked->offset[c->asked->label_n - shared]);
	}
	while (n > 0 && (there = find(c, w, here, wire + offset[n - 1])) != ROOT) {
		here = there;
		n--;
	}
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *label = wire + offset[i];
		size_t at = writer_len(w);
		write_bytes(w, label, 1u + label[0]);
		if (w->full)
			return;
		remember(c, at, i + 1 < n ? writer_len(w) : here, label);
	}
	if (here != ROOT)
		write_u16(w, (uint16_t)(0xc000 | here));
	else
		write_u8(w, 0);
}
