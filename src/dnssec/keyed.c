// SPDX-License-Identifier: Apache-2.0
/* Buckets of one page each. A bucket is written under its sequence number, which is odd meanwhile
 * (a seqlock); all that readers may see change is atomic, so that they read garbage at worst, and
 * then notice. Within a bucket entries stand in the order of their arrival, and their records
 * behind one another. */
#include "dnssec/keyed.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "base/random.h"
#include "dns/name.h"

#define BUCKET_BYTES  4096u
#define ENTRIES       26u
#define GHOSTS        24u
#define RECORD_HEAD   6u /* words before the wire */
#define FREQUENCY_MAX 15u
/* Newcomers' share of the words: a quarter. */
#define NEW_SHARE(words) ((words) / 4)
/* Counts are halved after so many arrivals: some ten times what a bucket holds. */
#define AGE_AFTER   (ENTRIES * 8u)
#define CLAIMS      8192u
#define CLAIM_TRIES 4u

/* An entry's place: word and length in words, and whether it is a newcomer. */
#define META(at, words, is_new) ((uint32_t)(at) << 16 | (uint32_t)(words) << 1 | (is_new))
#define META_AT(m)              ((m) >> 16)
#define META_WORDS(m)           ((m) >> 1 & 0x7fff)
#define META_NEW(m)             ((m)&1)

/* What was here and is gone: some bits of the key, and how often it was asked for. */
struct ghost {
	uint32_t bits;
	uint8_t frequency;
};

struct head {
	_Atomic uint32_t sequence;
	_Atomic uint32_t entry_n;
	_Atomic uint64_t tag[ENTRIES];
	_Atomic uint32_t meta[ENTRIES];
	_Atomic uint8_t frequency[ENTRIES];
	/* The writer's. */
	uint16_t used; /* words */
	uint16_t arrivals;
	uint8_t ghost_at;
	struct ghost ghost[GHOSTS];
};

#define WORDS ((BUCKET_BYTES - sizeof(struct head)) / 8)

struct bucket {
	struct head head;
	_Atomic uint64_t word[WORDS];
};
_Static_assert(sizeof(struct bucket) == BUCKET_BYTES, "a bucket is a page");

struct keyed {
	struct siphash_key key, contents_key;
	uint64_t mask;
	size_t mapped;
	_Atomic uint64_t puts, admitted, evicted;
	_Atomic uint64_t claim[CLAIMS];
	_Alignas(BUCKET_BYTES) struct bucket bucket[];
};

#define relaxed_load(p)     atomic_load_explicit(p, memory_order_relaxed)
#define relaxed_store(p, v) atomic_store_explicit(p, v, memory_order_relaxed)

enum err keyed_new(struct keyed **out, size_t bytes)
{
	size_t n = 1;

	while (2 * n * BUCKET_BYTES <= bytes)
		n *= 2;
	size_t mapped = sizeof(struct keyed) + n * BUCKET_BYTES;
	struct keyed *k =
	    mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (k == MAP_FAILED)
		return ERR_NOMEM;
	random_bytes(&k->key, sizeof k->key);
	random_bytes(&k->contents_key, sizeof k->contents_key);
	k->mask = n - 1;
	k->mapped = mapped;
	*out = k;
	return ERR_OK;
}

void keyed_free(struct keyed *k)
{
	if (k != NULL)
		munmap(k, k->mapped);
}

uint64_t keyed_contents(const struct keyed *k, const void *octets, size_t n)
{
	return siphash(&k->contents_key, octets, n);
}

struct keyed_key keyed_key(const struct keyed *k, const uint8_t *owner, uint64_t contents,
			   uint64_t keyset_id)
{
	uint8_t bytes[NAME_MAX_LEN + 16];
	struct keyed_key key;
	size_t n = name_lower(owner, bytes);

	memcpy(bytes + n, &contents, 8);
	memcpy(bytes + n + 8, &keyset_id, 8);
	siphash128(&k->key, bytes, n + 16, key.bits);
	return key;
}

/* ---- reading ---- */

static const struct bucket *bucket_of(const struct keyed *k, const struct keyed_key *key)
{
	return &k->bucket[key->bits[0] & k->mask];
}

static unsigned find(const struct bucket *b, uint64_t tag, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (relaxed_load(&b->head.tag[i]) == tag)
			return i;
	return ENTRIES;
}

/* A record: second half of the key, times, numbers, then the wire. */
static bool copy_record(const struct bucket *b, uint32_t meta, const struct keyed_key *key,
			struct sig *g)
{
	unsigned at = META_AT(meta), words = META_WORDS(meta);

	if (words < RECORD_HEAD || at + words > WORDS || words - RECORD_HEAD > KEYED_WIRE_MAX / 8)
		return false;
	const _Atomic uint64_t *w = &b->word[at];
	if (relaxed_load(&w[0]) != key->bits[0])
		return false;
	g->inception = (int64_t)relaxed_load(&w[1]);
	g->refresh_at = (int64_t)relaxed_load(&w[2]);
	g->expire_at = (int64_t)relaxed_load(&w[3]);
	g->keyset_id = relaxed_load(&w[4]);
	uint64_t numbers = relaxed_load(&w[5]);
	g->rr_n = (uint16_t)numbers;
	g->wire_len = (uint16_t)(numbers >> 16);
	if (g->wire_len > (words - RECORD_HEAD) * 8)
		return false;
	for (unsigned i = 0; i < words - RECORD_HEAD; i++) {
		uint64_t word = relaxed_load(&w[RECORD_HEAD + i]);
		memcpy(g->wire + 8 * (size_t)i, &word, 8);
	}
	return true;
}

/* Counts saturate: what is asked for all the time is not written to. */
static void count(const struct bucket *b, unsigned i)
{
	_Atomic uint8_t *f = (_Atomic uint8_t *)(uintptr_t)&b->head.frequency[i];
	uint8_t n = relaxed_load(f);

	if (n < FREQUENCY_MAX)
		relaxed_store(f, (uint8_t)(n + 1));
}

enum sig_state keyed_get(const struct keyed *k, const struct keyed_key *key, int64_t now,
			 struct keyed_sig *out)
{
	const struct bucket *b = bucket_of(k, key);
	struct sig *g = keyed_sig(out);
	uint32_t sequence = atomic_load_explicit(&b->head.sequence, memory_order_acquire);
	unsigned n = relaxed_load(&b->head.entry_n);

	if (sequence % 2 == 1 || n > ENTRIES)
		return SIG_MISS;
	unsigned i = find(b, key->bits[1], n);
	if (i == ENTRIES || !copy_record(b, relaxed_load(&b->head.meta[i]), key, g))
		return SIG_MISS;
	atomic_thread_fence(memory_order_acquire);
	if (relaxed_load(&b->head.sequence) != sequence)
		return SIG_MISS;
	if (now < g->inception || now >= g->expire_at - SIG_MIN_LEFT_S)
		return SIG_MISS;
	count(b, i);
	return now < g->refresh_at ? SIG_FRESH : SIG_DUE;
}

/* ---- writing: the bucket is the caller's alone ---- */

static bool begin(struct bucket *b)
{
	uint32_t sequence = relaxed_load(&b->head.sequence);

	if (sequence % 2 == 1 ||
	    !atomic_compare_exchange_strong_explicit(&b->head.sequence, &sequence, sequence + 1,
						     memory_order_acquire, memory_order_relaxed))
		return false;
	atomic_thread_fence(memory_order_release);
	return true;
}

static void end(struct bucket *b)
{
	atomic_fetch_add_explicit(&b->head.sequence, 1, memory_order_release);
}

static unsigned entry_n(const struct bucket *b)
{
	return relaxed_load(&b->head.entry_n);
}

static uint32_t meta_of(const struct bucket *b, unsigned i)
{
	return relaxed_load(&b->head.meta[i]);
}

static uint8_t frequency_of(const struct bucket *b, unsigned i)
{
	return relaxed_load(&b->head.frequency[i]);
}

static void remove_entry(struct bucket *b, unsigned i)
{
	struct head *h = &b->head;
	unsigned n = entry_n(b), words = META_WORDS(meta_of(b, i)), at = META_AT(meta_of(b, i));

	for (unsigned w = at + words; w < h->used; w++)
		relaxed_store(&b->word[w - words], relaxed_load(&b->word[w]));
	h->used = (uint16_t)(h->used - words);
	for (unsigned j = i; j + 1 < n; j++) {
		uint32_t m = meta_of(b, j + 1);
		relaxed_store(&h->tag[j], relaxed_load(&h->tag[j + 1]));
		relaxed_store(&h->meta[j], META(META_AT(m) - words, META_WORDS(m), META_NEW(m)));
		relaxed_store(&h->frequency[j], frequency_of(b, j + 1));
	}
	relaxed_store(&h->entry_n, n - 1);
}

static uint32_t ghost_bits(uint64_t tag)
{
	return (uint32_t)(tag >> 32) | 1; /* 0 is an empty place */
}

static void remember(struct bucket *b, uint64_t tag, uint8_t frequency)
{
	struct head *h = &b->head;

	h->ghost[h->ghost_at] = (struct ghost){ ghost_bits(tag), frequency };
	h->ghost_at = (uint8_t)((h->ghost_at + 1) % GHOSTS);
}

/* How often a newcomer was asked for before; it is no ghost any more. */
static bool recall(struct bucket *b, uint64_t tag, uint8_t *frequency)
{
	for (unsigned i = 0; i < GHOSTS; i++) {
		struct ghost *g = &b->head.ghost[i];
		if (g->bits != ghost_bits(tag))
			continue;
		*frequency = g->frequency;
		g->bits = 0;
		return true;
	}
	return false;
}

static void age(struct bucket *b)
{
	struct head *h = &b->head;

	if (++h->arrivals < AGE_AFTER)
		return;
	h->arrivals = 0;
	for (unsigned i = 0; i < entry_n(b); i++)
		relaxed_store(&h->frequency[i], frequency_of(b, i) / 2);
	for (unsigned i = 0; i < GHOSTS; i++)
		h->ghost[i].frequency /= 2;
}

/* Words of newcomers; *oldest gets the first of them. */
static unsigned new_words(const struct bucket *b, unsigned *oldest)
{
	unsigned words = 0;

	*oldest = ENTRIES;
	for (unsigned i = 0; i < entry_n(b); i++) {
		if (!META_NEW(meta_of(b, i)))
			continue;
		words += META_WORDS(meta_of(b, i));
		if (*oldest == ENTRIES)
			*oldest = i;
	}
	return words;
}

/* Of those that were admitted, the one asked for least, and of these the oldest; ENTRIES: none. */
static unsigned least_asked(const struct bucket *b)
{
	unsigned least = ENTRIES;

	for (unsigned i = 0; i < entry_n(b); i++)
		if (!META_NEW(meta_of(b, i)) &&
		    (least == ENTRIES || frequency_of(b, i) < frequency_of(b, least)))
			least = i;
	return least;
}

static void admit(struct keyed *k, struct bucket *b, unsigned i)
{
	uint32_t m = meta_of(b, i);

	relaxed_store(&b->head.meta[i], META(META_AT(m), META_WORDS(m), 0u));
	atomic_fetch_add_explicit(&k->admitted, 1, memory_order_relaxed);
}

static void evict(struct keyed *k, struct bucket *b, unsigned i)
{
	remember(b, relaxed_load(&b->head.tag[i]), frequency_of(b, i));
	remove_entry(b, i);
	atomic_fetch_add_explicit(&k->evicted, 1, memory_order_relaxed);
}

/* The oldest newcomer leaves its share: for good, unless it was asked for again, and more often
 * than the least asked of the others where these have no room. */
static void retire_newcomer(struct keyed *k, struct bucket *b, unsigned i, unsigned newcomers)
{
	unsigned least = least_asked(b);
	unsigned admitted = b->head.used - newcomers;

	if (frequency_of(b, i) == 0) {
		evict(k, b, i);
	} else if (admitted + META_WORDS(meta_of(b, i)) <= WORDS - NEW_SHARE(WORDS) ||
		   least == ENTRIES) {
		admit(k, b, i);
	} else if (frequency_of(b, i) > frequency_of(b, least)) {
		admit(k, b, i);
		evict(k, b, least);
	} else {
		evict(k, b, i);
	}
}

/* Each turn takes a newcomer's place or an entry away, so it ends. */
static void make_room(struct keyed *k, struct bucket *b, unsigned words, bool is_new)
{
	while (entry_n(b) > 0 && (b->head.used + words > WORDS || entry_n(b) == ENTRIES)) {
		unsigned oldest, newcomers = new_words(b, &oldest);
		bool over = newcomers + (is_new ? words : 0) > NEW_SHARE(WORDS);
		if (oldest < ENTRIES && (over || !is_new))
			retire_newcomer(k, b, oldest, newcomers);
		else if (least_asked(b) < ENTRIES)
			evict(k, b, least_asked(b));
		else
			evict(k, b, 0);
	}
}

static void append(struct bucket *b, const struct keyed_key *key, const struct sig *g, bool is_new,
		   uint8_t frequency)
{
	struct head *h = &b->head;
	unsigned n = entry_n(b), wire_words = (g->wire_len + 7u) / 8;
	_Atomic uint64_t *w = &b->word[h->used];

	relaxed_store(&w[0], key->bits[0]);
	relaxed_store(&w[1], (uint64_t)g->inception);
	relaxed_store(&w[2], (uint64_t)g->refresh_at);
	relaxed_store(&w[3], (uint64_t)g->expire_at);
	relaxed_store(&w[4], g->keyset_id);
	relaxed_store(&w[5], (uint64_t)g->wire_len << 16 | g->rr_n);
	for (unsigned i = 0; i < wire_words; i++) {
		uint64_t word = 0;
		size_t left = g->wire_len - 8 * (size_t)i;
		memcpy(&word, g->wire + 8 * (size_t)i, left < 8 ? left : 8);
		relaxed_store(&w[RECORD_HEAD + i], word);
	}
	relaxed_store(&h->tag[n], key->bits[1]);
	relaxed_store(&h->meta[n], META(h->used, RECORD_HEAD + wire_words, is_new ? 1u : 0u));
	relaxed_store(&h->frequency[n], frequency);
	h->used = (uint16_t)(h->used + RECORD_HEAD + wire_words);
	relaxed_store(&h->entry_n, n + 1);
}

/* Seen before, it may stand among the admitted at once, if it was asked for more often than the
 * least asked of them. */
static bool is_admitted(const struct bucket *b, unsigned words, uint8_t frequency)
{
	unsigned oldest, newcomers = new_words(b, &oldest), least = least_asked(b);

	return frequency > 0 && (least == ENTRIES || frequency > frequency_of(b, least) ||
				 b->head.used - newcomers + words <= WORDS - NEW_SHARE(WORDS));
}

void keyed_put(struct keyed *k, const struct keyed_key *key, const struct sig *g)
{
	struct bucket *b = &k->bucket[key->bits[0] & k->mask];
	unsigned words = RECORD_HEAD + (g->wire_len + 7u) / 8;
	uint8_t frequency = 0;
	bool is_new = true;

	if (g->wire_len > KEYED_WIRE_MAX || !begin(b))
		return;
	atomic_fetch_add_explicit(&k->puts, 1, memory_order_relaxed);
	unsigned i = find(b, key->bits[1], entry_n(b));
	if (i < ENTRIES) { /* renewed */
		frequency = frequency_of(b, i);
		is_new = META_NEW(meta_of(b, i));
		remove_entry(b, i);
	} else {
		age(b);
		if (recall(b, key->bits[1], &frequency) && frequency < FREQUENCY_MAX)
			frequency++;
		is_new = !is_admitted(b, words, frequency);
		if (!is_new)
			atomic_fetch_add_explicit(&k->admitted, 1, memory_order_relaxed);
	}
	make_room(k, b, words, is_new);
	append(b, key, g, is_new, frequency);
	end(b);
}

/* ---- single flight ---- */

static _Atomic uint64_t *claim_at(struct keyed *k, const struct keyed_key *key, unsigned try)
{
	return &k->claim[((key->bits[1] >> 7) + try) % CLAIMS];
}

bool keyed_claim(struct keyed *k, const struct keyed_key *key)
{
	uint64_t mine = key->bits[1] | 1;

	for (unsigned try = 0; try < CLAIM_TRIES; try++) {
		uint64_t seen = 0;
		if (atomic_compare_exchange_strong_explicit(claim_at(k, key, try), &seen, mine,
							    memory_order_acquire,
							    memory_order_relaxed))
			return true;
		if (seen == mine)
			return false;
	}
	return true;
}

void keyed_release(struct keyed *k, const struct keyed_key *key)
{
	uint64_t mine = key->bits[1] | 1;

	for (unsigned try = 0; try < CLAIM_TRIES; try++) {
		uint64_t seen = mine;
		if (atomic_compare_exchange_strong_explicit(claim_at(k, key, try), &seen, 0,
							    memory_order_release,
							    memory_order_relaxed))
			return;
	}
}

/* ---- stats ---- */

struct keyed_usage keyed_usage(const struct keyed *k)
{
	struct keyed_usage u = {
		.bytes = k->mapped,
		.puts = relaxed_load(&k->puts),
		.admitted = relaxed_load(&k->admitted),
		.evicted = relaxed_load(&k->evicted),
	};

	for (uint64_t i = 0; i <= k->mask; i++) {
		const struct bucket *b = &k->bucket[i];
		unsigned n = entry_n(b);
		u.signatures += n;
		for (unsigned j = 0; j < n && j < ENTRIES; j++) {
			uint32_t m = meta_of(b, j);
			u.used_bytes += META_WORDS(m) * 8u + 13;
			if (META_AT(m) + RECORD_HEAD > WORDS)
				continue; /* being written */
			int64_t expire_at = (int64_t)relaxed_load(&b->word[META_AT(m) + 3]);
			if (u.earliest_expiry == 0 || expire_at < u.earliest_expiry)
				u.earliest_expiry = expire_at;
		}
	}
	return u;
}
