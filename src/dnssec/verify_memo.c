// SPDX-License-Identifier: Apache-2.0
#include "dnssec/verify_memo.h"

#include <stdlib.h>

#include "base/random.h"
#include "base/siphash.h"

struct verify_memo {
	struct siphash_key key;
	size_t mask;
	uint64_t slot[][2];
};

enum err verify_memo_new(struct verify_memo **out, size_t signatures)
{
	size_t n = 1;

	while (n < signatures)
		n *= 2;
	struct verify_memo *m = calloc(1, sizeof *m + n * sizeof m->slot[0]);
	if (m == NULL)
		return ERR_NOMEM;
	random_bytes(&m->key, sizeof m->key);
	m->mask = n - 1;
	*out = m;
	return ERR_OK;
}

void verify_memo_free(struct verify_memo *m)
{
	free(m);
}

static void hash_of(const struct verify_memo *m, const struct dnskey *k, struct span data,
		    struct span signature, uint64_t out[2])
{
	uint64_t part[3][2];

	siphash128(&m->key, k->rdata, k->rdata_len, part[0]);
	siphash128(&m->key, data.p, data.n, part[1]);
	siphash128(&m->key, signature.p, signature.n, part[2]);
	siphash128(&m->key, part, sizeof part, out);
}

enum err verify_memo_check(struct verify_memo *m, const struct dnskey *k, struct span data,
			   struct span signature)
{
	uint64_t hash[2];

	if (m == NULL)
		return verify_signature(k, data, signature);
	hash_of(m, k, data, signature, hash);
	uint64_t *slot = m->slot[hash[0] & m->mask];
	if (slot[0] == hash[0] && slot[1] == hash[1])
		return ERR_OK;
	enum err e = verify_signature(k, data, signature);
	if (!e) {
		slot[0] = hash[0];
		slot[1] = hash[1];
	}
	return e;
}
