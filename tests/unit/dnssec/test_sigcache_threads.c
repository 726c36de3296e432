// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>

#include "dns/rrtype.h"
#include "dnssec/algorithm.h"
#include "dnssec/sigcache.h"

#define SLOTS  16u
#define ROUNDS 3000u

static const uint8_t ZONE[] = "\7example";
static const uint8_t RR[] = { 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1 };

struct shared {
	struct sigcache *cache;
	struct keyset *keys;
	_Atomic bool over;
	_Atomic unsigned seen;
};

/* Readers check what they hold while writers replace and retire it. */
static void *read_signatures(void *argument)
{
	struct shared *s = argument;
	unsigned seen = 0;

	rcu_thread_register();
	while (!atomic_load(&s->over)) {
		for (uint32_t i = 0; i < SLOTS; i++) {
			enum sig_state state;
			const struct sig *g =
			    sigcache_get(s->cache, i, s->keys->zsk_id, 1000000, &state);
			if (g != NULL && (g->rr_n != 1 || g->wire[0] != 0 || g->wire[1] != 46))
				abort();
			seen += g != NULL;
		}
		rcu_quiescent();
	}
	rcu_thread_unregister();
	atomic_fetch_add(&s->seen, seen);
	return NULL;
}

static void *write_signatures(void *argument)
{
	struct shared *s = argument;
	struct signer *signer = NULL;
	struct sign_input in = { ZONE, TYPE_A, 300, 1, { RR, sizeof RR } };

	rcu_thread_register();
	if (signer_new(&signer))
		abort();
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct sig *g = NULL;
		uint32_t id = i % SLOTS;
		bool idly = i % 3 == 0; /* one that another writer may take over */
		if (!(idly ? sigcache_claim_idly(s->cache, id) : sigcache_claim(s->cache, id)))
			continue;
		if (signer_sign(signer, s->keys, &in, 1000000, &g))
			abort();
		if (idly)
			sigcache_publish_idly(s->cache, id, g);
		else
			sigcache_publish(s->cache, id, g);
		if (i % 64 == 0)
			sigcache_forget(s->cache, id);
		rcu_quiescent();
	}
	signer_free(signer);
	rcu_thread_unregister();
	return NULL;
}

static void readers_never_see_a_signature_that_is_gone(void **state)
{
	static const struct sign_policy POLICY = { .validity_s = 1000,
						   .refresh_s = 500,
						   .inception_offset_s = 100 };
	struct shared s = { 0 };
	struct key *csk = NULL;
	pthread_t t[4];

	(void)state;
	rcu_thread_register();
	assert_int_equal(key_generate(&csk, ALG_ECDSAP256SHA256, KEY_CSK, NULL, 0), ERR_OK);
	struct keyset_member member = { csk, KEY_CSK, true };
	assert_int_equal(keyset_new(&s.keys, ZONE, &POLICY, &member, 1), ERR_OK);
	assert_int_equal(sigcache_new(&s.cache), ERR_OK);
	assert_int_equal(sigcache_reserve(s.cache, SLOTS), ERR_OK);
	rcu_offline();
	for (int i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, i < 2 ? read_signatures : write_signatures, &s), 0);
	pthread_join(t[2], NULL);
	pthread_join(t[3], NULL);
	atomic_store(&s.over, true);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	assert_true(s.seen > 0);
	rcu_online();
	rcu_drain();
	sigcache_free(s.cache);
	keyset_free(s.keys);
	key_free(csk);
	rcu_thread_unregister();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(
	    readers_never_see_a_signature_that_is_gone) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
