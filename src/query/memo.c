// SPDX-License-Identifier: Apache-2.0
#include "query/memo.h"

#include <stddef.h>

#include "dns/message.h"
#include "dns/octets.h"
#include "dns/rrtype.h"
#include "dns/wire.h"

#define MULTIPLIER    UINT64_C(0x9e3779b97f4a7c15)
#define WORTH_MAX     15
#define OPT_LEN       11
#define QUESTION_REST 4 /* type and class */
#define LINE          64

static enum plain plain_of(struct span in, const uint8_t *question_end, uint16_t *udp_size)
{
	const uint8_t *h = in.p, *opt = question_end;
	size_t left = in.n - (size_t)(opt - in.p);

	/* A query, one question, no records but the additional one. */
	if ((h[2] & 0xf8) != 0 || load_u16(h + 4) != 1 || load_u32(h + 6) != 0 ||
	    load_u16(question_end - 2) != CLASS_IN)
		return PLAIN_NOT;
	*udp_size = 512;
	if (load_u16(h + 10) == 0)
		return left == 0 ? PLAIN_BARE : PLAIN_NOT;
	if (load_u16(h + 10) != 1 || left != OPT_LEN || opt[0] != 0 ||
	    load_u16(opt + 1) != TYPE_OPT || load_u16(opt + 9) != 0)
		return PLAIN_NOT;
	if (load_u16(opt + 3) > *udp_size)
		*udp_size = load_u16(opt + 3);
	/* Version 0, and no flag but DO. */
	uint32_t rest = load_u32(opt + 5) & 0xffffff;
	return rest == 0 ? PLAIN_OPT : rest == EDNS_DO ? PLAIN_OPT_DO : PLAIN_NOT;
}

void memo_question_read(struct memo_question *out, struct span in, const struct name_probe *asked,
			uint64_t view_id)
{
	const uint8_t *end = in.p + MESSAGE_HEADER_LEN + asked->len + QUESTION_REST;

	out->plain = (uint8_t)plain_of(in, end, &out->udp_size);
	if (out->plain == PLAIN_NOT)
		return;
	out->asked = asked;
	out->view_id = view_id;
	out->qtype = load_u16(end - QUESTION_REST);
	out->key =
	    (asked->hash[asked->label_n] ^ ((uint64_t)out->qtype << 8 | out->plain)) * MULTIPLIER;
}

static inline unsigned set_of(uint64_t key)
{
	return (unsigned)(key >> 40) % MEMO_SETS;
}

static inline size_t padded(size_t name_len)
{
	return (name_len + 7) & ~(size_t)7;
}

void memo_prefetch(const struct memo *m, const struct memo_question *k)
{
	const struct memo_entry *set = m->entry[set_of(k->key)];

	for (unsigned i = 0; i < MEMO_WAYS; i++)
		__builtin_prefetch(&set[i]);
}

bool memo_glimpse(const struct memo *m, const struct memo_question *k)
{
	const struct memo_entry *set = m->entry[set_of(k->key)];

	for (unsigned i = 0; i < MEMO_WAYS; i++) {
		const struct memo_entry *e = &set[i];
		if (e->key != k->key || e->view_id != k->view_id)
			continue;
		size_t used =
		    offsetof(struct memo_entry, bytes) + padded(e->name_len) + e->tail_len;
		for (size_t at = LINE; at < used; at += LINE)
			__builtin_prefetch((const uint8_t *)e + at);
		return true;
	}
	return false;
}

static bool is_that(const struct memo_entry *e, const struct memo_question *k)
{
	if (e->key != k->key || e->view_id != k->view_id || e->qtype != k->qtype ||
	    e->plain != k->plain || e->name_len != k->asked->len)
		return false;
	/* Behind the name in lower case zeroes stand too. */
	for (unsigned i = 0; i < e->name_len; i += 8)
		if (load_word(e->bytes + i) != load_word(k->asked->lower + i))
			return false;
	return true;
}

const struct memo_entry *memo_find(struct memo *m, const struct memo_question *k, int64_t now)
{
	struct memo_entry *set = m->entry[set_of(k->key)];

	for (unsigned i = 0; i < MEMO_WAYS; i++) {
		struct memo_entry *e = &set[i];
		if (!is_that(e, k))
			continue;
		if (now < e->about.from || now >= e->about.until)
			return NULL;
		e->worth = (uint8_t)(e->worth + (e->worth < WORTH_MAX));
		return e;
	}
	return NULL;
}

bool memo_write(const struct memo_entry *e, struct span in, size_t limit, struct writer *out)
{
	size_t question_end = MESSAGE_HEADER_LEN + e->name_len + QUESTION_REST;
	uint8_t *to = out->start;

	if (question_end + e->tail_len > limit)
		return false;
	memcpy(to, in.p, question_end);
	store_u16(to + 2, (uint16_t)(e->flags | (load_u16(in.p + 2) & FLAG_RD)));
	for (unsigned i = 0; i < 3; i++)
		store_u16(to + 6 + 2 * i, e->count[i]);
	memcpy(to + question_end, e->bytes + padded(e->name_len), e->tail_len);
	out->p = to + question_end + e->tail_len;
	return true;
}

/* The first time leaves a mark only, which others push out. */
static bool was_asked_before(struct memo *m, uint64_t key)
{
	uint32_t *mark = m->mark[(key >> 24) % MEMO_MARK_SETS];
	uint32_t own = (uint32_t)(key >> 32) | 1;

	for (unsigned i = 0; i < MEMO_MARKS; i++)
		if (mark[i] == own)
			return true;
	memmove(mark + 1, mark, (MEMO_MARKS - 1) * sizeof *mark);
	mark[0] = own;
	return false;
}

/* Its own old place, one that is free or of another view, or the one of less worth; NULL: what is
 * there is worth more. */
static struct memo_entry *place_for(struct memo *m, const struct memo_question *k)
{
	struct memo_entry *set = m->entry[set_of(k->key)], *least = &set[0];

	for (unsigned i = 0; i < MEMO_WAYS; i++)
		if (is_that(&set[i], k))
			return &set[i];
	for (unsigned i = 0; i < MEMO_WAYS; i++) {
		if (set[i].name_len == 0 || set[i].view_id != k->view_id)
			return &set[i];
		if (set[i].worth < least->worth)
			least = &set[i];
	}
	if (least->worth == 0)
		return least;
	least->worth--;
	return NULL;
}

bool memo_has_room(const struct memo_question *k, size_t answer_len)
{
	size_t question_end = MESSAGE_HEADER_LEN + k->asked->len + QUESTION_REST;

	return padded(k->asked->len) + answer_len - question_end <= MEMO_ROOM;
}

void memo_keep(struct memo *m, const struct memo_question *k, struct span answer,
	       const struct memo_about *about)
{
	size_t question_end = MESSAGE_HEADER_LEN + k->asked->len + QUESTION_REST;
	size_t at = padded(k->asked->len), tail_len = answer.n - question_end;

	if (!was_asked_before(m, k->key))
		return;
	struct memo_entry *e = place_for(m, k);
	if (e == NULL)
		return;
	e->key = k->key;
	e->view_id = k->view_id;
	e->about = *about;
	e->qtype = k->qtype;
	e->tail_len = (uint16_t)tail_len;
	e->flags = load_u16(answer.p + 2) & (uint16_t)~FLAG_RD;
	for (unsigned i = 0; i < 3; i++)
		e->count[i] = load_u16(answer.p + 6 + 2 * i);
	e->name_len = k->asked->len;
	e->plain = k->plain;
	e->worth = 1;
	memcpy(e->bytes, k->asked->lower, at);
	memcpy(e->bytes + at, answer.p + question_end, tail_len);
}
