// SPDX-License-Identifier: Apache-2.0
#include "api/buckets.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"

#define ID_MAX  96
#define NEAR    4 /* slots that a key may stand in */
#define SPAN_US INT64_C(60000000)

bool buckets_init(struct buckets *t)
{
	t->key = (struct siphash_key){ random_u64(), random_u64() };
	t->slots = calloc(BUCKETS_N, sizeof *t->slots);
	return t->slots != NULL;
}

void buckets_free(struct buckets *t)
{
	free(t->slots);
}

static uint64_t key_of(const struct buckets *t, char kind, const void *id, size_t n)
{
	char bytes[ID_MAX + 1];

	n = n < ID_MAX ? n : ID_MAX;
	bytes[0] = kind;
	memcpy(bytes + 1, id, n);
	return siphash(&t->key, bytes, n + 1) | 1; /* 0 is an empty slot */
}

/* Its own slot, or the one nearest to being full: that loses least. */
static struct bucket *find(const struct buckets *t, uint64_t key)
{
	struct bucket *best = NULL;

	for (unsigned i = 0; i < NEAR; i++) {
		struct bucket *b = &t->slots[((key >> 20) + i) & (BUCKETS_N - 1)];
		if (b->key == key)
			return b;
		if (best == NULL || b->full_at_us < best->full_at_us)
			best = b;
	}
	return best;
}

/* In microseconds: sixty thousand a minute and more have a cost too. */
static unsigned wait_of(const struct bucket *b, uint64_t key, uint32_t per_minute, int64_t now_us)
{
	int64_t full_at = b->key == key && b->full_at_us > now_us ? b->full_at_us : now_us;
	int64_t over = full_at + SPAN_US / per_minute - now_us - SPAN_US;

	return over > 0 ? (unsigned)(over / 1000000 + 1) : 0;
}

unsigned bucket_peek(const struct buckets *t, char kind, const void *id, size_t n,
		     uint32_t per_minute, int64_t now_ms)
{
	uint64_t key = key_of(t, kind, id, n);

	return wait_of(find(t, key), key, per_minute, now_ms * 1000);
}

unsigned bucket_take(struct buckets *t, char kind, const void *id, size_t n, uint32_t per_minute,
		     int64_t now_ms)
{
	uint64_t key = key_of(t, kind, id, n);
	struct bucket *b = find(t, key);
	int64_t now_us = now_ms * 1000;
	unsigned wait = wait_of(b, key, per_minute, now_us);

	if (wait > 0)
		return wait;
	if (b->key != key || b->full_at_us < now_us)
		b->full_at_us = now_us;
	b->key = key;
	b->full_at_us += SPAN_US / per_minute;
	return 0;
}
