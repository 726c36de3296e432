// SPDX-License-Identifier: Apache-2.0
/* What the parts of signing cost within one process: nanoseconds and allocations per operation. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dns/name.h"
#include "dns/rrtype.h"
#include "dns/wire.h"
#include "dnssec/algorithm.h"
#include "dnssec/keyed.h"
#include "dnssec/sigcache.h"

#define NAMES 10000u
#define NOW   1700000000

/* glibc's own allocator behind a count. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
static uint64_t allocations;

void *malloc(size_t n)
{
	allocations++;
	return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	allocations++;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	allocations++;
	return __libc_realloc(p, n);
}

static const uint8_t ZONE[] = "\7example";
static const uint8_t RR[] = { 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1 };

struct bench {
	struct keyset *keys;
	struct signer *signer;
	struct sigcache *cache;
	struct keyed *keyed;
	struct name owner[NAMES];
	uint64_t checked; /* so that nothing is optimised away */
	int64_t now;
};

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void need(int failed)
{
	if (failed)
		abort();
}

static struct sign_input input_of(const struct bench *b, unsigned i)
{
	return (struct sign_input){ b->owner[i % NAMES].wire, TYPE_A, 300, 1, { RR, sizeof RR } };
}

static void hit(struct bench *b, unsigned i)
{
	enum sig_state state;
	const struct sig *g =
	    sigcache_get(b->cache, i * 7919u % NAMES, b->keys->zsk_id, NOW, &state);

	b->checked += g->wire_len;
}

static struct keyed_key key_of(const struct bench *b, unsigned i)
{
	return keyed_key(b->keyed, b->owner[i * 7919u % NAMES].wire,
			 keyed_contents(b->keyed, RR, sizeof RR), b->keys->zsk_id);
}

static void made_hit(struct bench *b, unsigned i)
{
	struct keyed_sig copy;
	struct keyed_key key = key_of(b, i);

	if (keyed_get(b->keyed, &key, NOW, &copy) != SIG_MISS)
		b->checked += keyed_sig(&copy)->wire_len;
}

static void made_put(struct bench *b, unsigned i)
{
	enum sig_state state;
	struct keyed_key key = key_of(b, i);

	keyed_put(b->keyed, &key, sigcache_get(b->cache, i % NAMES, b->keys->zsk_id, NOW, &state));
}

static void miss(struct bench *b, unsigned i)
{
	struct sign_input in = input_of(b, i);
	struct sig *g = NULL;

	need(!sigcache_claim(b->cache, i % NAMES));
	need(signer_sign(b->signer, b->keys, &in, NOW, &g) != ERR_OK);
	sigcache_publish(b->cache, i % NAMES, g);
}

/* As a worker does it: so many at a time. One call makes all of them. */
static void miss_together(struct bench *b, unsigned i)
{
	enum { TOGETHER = 16 };
	struct sign_job job[TOGETHER];

	for (unsigned k = 0; k < TOGETHER; k++) {
		struct sign_input in = input_of(b, i * TOGETHER + k);
		size_t room = signer_wire_len(b->keys, TYPE_A);
		job[k] = (struct sign_job){ .out = sig_new(room), .room = room };
		need(!sigcache_claim(b->cache, (i * TOGETHER + k) % NAMES));
		signer_add(b->signer, b->keys, &in, NOW, &job[k]);
	}
	signer_finish(b->signer);
	for (unsigned k = 0; k < TOGETHER; k++) {
		need(job[k].err != ERR_OK);
		sigcache_publish(b->cache, (i * TOGETHER + k) % NAMES, job[k].out);
	}
}

/* One that is due: found so, claimed, made anew, published; the old one is retired. */
static void refresh(struct bench *b, unsigned i)
{
	enum sig_state state;
	int64_t due = NOW + 8 * 86400;

	sigcache_get(b->cache, i % NAMES, b->keys->zsk_id, due, &state);
	need(state != SIG_DUE);
	miss(b, i);
}

static void run(struct bench *b, const char *what, void (*op)(struct bench *, unsigned), unsigned n,
		unsigned each)
{
	for (unsigned i = 0; i < n / 10; i++)
		op(b, i);
	uint64_t allocated = allocations;
	double since = now_ns();
	for (unsigned i = 0; i < n; i++) {
		op(b, i);
		if (i % 64 == 0)
			rcu_quiescent();
	}
	double ns = now_ns() - since;
	printf("| %s | %.1f | %.2f |\n", what, ns / n / each,
	       (double)(allocations - allocated) / n / each);
	rcu_quiescent();
}

static void prepare(struct bench *b)
{
	static const struct sign_policy POLICY = { .validity_s = 14 * 86400,
						   .refresh_s = 7 * 86400,
						   .inception_offset_s = 3600 };
	struct keyset_member member = { .role = KEY_CSK, .active = true };
	char text[32];

	need(key_generate(&member.key, ALG_ECDSAP256SHA256, KEY_CSK, NULL, 0) != ERR_OK);
	need(keyset_new(&b->keys, ZONE, &POLICY, &member, 1) != ERR_OK);
	need(signer_new(&b->signer) != ERR_OK || sigcache_new(&b->cache) != ERR_OK);
	need(sigcache_reserve(b->cache, NAMES) != ERR_OK ||
	     keyed_new(&b->keyed, 64u << 20) != ERR_OK);
	for (unsigned i = 0; i < NAMES; i++) {
		snprintf(text, sizeof text, "h%u.example.", i);
		need(name_from_text(text, NULL, &b->owner[i]) != ERR_OK);
		miss(b, i);
	}
}

int main(void)
{
	static struct bench b;

	rcu_thread_register();
	prepare(&b);
	printf("| operation | ns | allocations |\n|---|---|---|\n");
	run(&b, "hit (slot of the RRset)", hit, 20000000, 1);
	run(&b, "miss, one alone", miss, 40000, 1);
	run(&b, "miss, 16 together", miss_together, 5000, 16);
	run(&b, "refresh of one that is due", refresh, 40000, 1);
	run(&b, "made name: put", made_put, 400000, 1);
	run(&b, "made name: hit", made_hit, 5000000, 1);
	struct sigcache_usage u = sigcache_usage(b.cache);
	struct keyed_usage k = keyed_usage(b.keyed);
	printf("\n%zu signatures in slots: %zu octets each; %zu made ones: %zu octets each\n",
	       u.signatures, u.bytes / u.signatures, k.signatures, k.used_bytes / k.signatures);
	fprintf(stderr, "checked %llu\n", (unsigned long long)b.checked);
	rcu_offline();
	rcu_thread_unregister();
	return 0;
}
