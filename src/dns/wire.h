// SPDX-License-Identifier: Apache-2.0
/*
 * wire.h -- bounded reading and writing of network bytes with sticky failure.
 *
 * Purpose.   A reader or writer that has run past its end stays bad and yields zeros or writes
 * nothing, so code reads or writes a whole structure and asks once. Threads.   Values of the
 * caller; nothing shared. Memory.    Both borrow the caller's buffer. No allocation.
 */
#ifndef DNS_WIRE_H
#define DNS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/span.h"

struct reader {
	const uint8_t *start, *p, *end;
	bool bad;
};

static inline struct reader reader_of(const void *p, size_t n)
{
	const uint8_t *b = p;
	return (struct reader){ .start = b, .p = b, .end = n > 0 ? b + n : b };
}

static inline size_t reader_left(const struct reader *r)
{
	return r->bad ? 0 : (size_t)(r->end - r->p);
}

static inline size_t reader_at(const struct reader *r)
{
	return (size_t)(r->p - r->start);
}

static inline const uint8_t *read_bytes(struct reader *r, size_t n)
{
	if (r->bad || (size_t)(r->end - r->p) < n) {
		r->bad = true;
		return NULL;
	}
	const uint8_t *at = r->p;
	r->p += n;
	return at;
}

static inline uint8_t read_u8(struct reader *r)
{
	const uint8_t *b = read_bytes(r, 1);
	return b ? b[0] : 0;
}

static inline uint16_t read_u16(struct reader *r)
{
	const uint8_t *b = read_bytes(r, 2);
	return (uint16_t)(b ? b[0] << 8 | b[1] : 0);
}

static inline uint32_t read_u32(struct reader *r)
{
	const uint8_t *b = read_bytes(r, 4);
	return b ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3] : 0;
}

/* A reader of exactly the next n bytes, so that an option or RDATA cannot read past its own end.
 * `start` is that of the sub-range. */
static inline struct reader read_sub(struct reader *r, size_t n)
{
	const uint8_t *b = read_bytes(r, n);
	return b ? reader_of(b, n) : (struct reader){ .bad = true };
}

struct writer {
	uint8_t *start, *p, *end;
	bool full; /* something did not fit; nothing is written from then on */
};

static inline struct writer writer_of(void *p, size_t n)
{
	uint8_t *b = p;
	return (struct writer){ .start = b, .p = b, .end = b + n };
}

static inline size_t writer_len(const struct writer *w)
{
	return (size_t)(w->p - w->start);
}

static inline void write_bytes(struct writer *w, const void *from, size_t n)
{
	if (w->full || (size_t)(w->end - w->p) < n) {
		w->full = true;
		return;
	}
	if (n > 0)
		memcpy(w->p, from, n);
	w->p += n;
}

static inline void write_u8(struct writer *w, uint8_t v)
{
	write_bytes(w, &v, 1);
}

static inline void write_u16(struct writer *w, uint16_t v)
{
	uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };
	write_bytes(w, b, 2);
}

static inline void write_u32(struct writer *w, uint32_t v)
{
	uint8_t b[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };
	write_bytes(w, b, 4);
}

/* Big-endian access to bytes known to be there. */
static inline uint16_t load_u16(const uint8_t *b)
{
	return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t load_u32(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static inline void store_u16(uint8_t *b, uint16_t v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static inline void store_u32(uint8_t *b, uint32_t v)
{
	b[0] = (uint8_t)(v >> 24);
	b[1] = (uint8_t)(v >> 16);
	b[2] = (uint8_t)(v >> 8);
	b[3] = (uint8_t)v;
}

#endif
