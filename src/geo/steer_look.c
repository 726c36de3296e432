// SPDX-License-Identifier: Apache-2.0
#include "geo/steer_look.h"

#include "geo/steer_internal.h"

static const struct steer_policy *policy_of(const struct steer_look *l)
{
	return &l->found->set->policies[l->found->policy];
}

static void find(struct steer_look *l)
{
	struct partition_hit hit = partition_look_end(&l->look, &l->found->client);

	l->found->class = hit.class;
	l->found->scope = hit.scope;
	l->outcome = &policy_of(l)->outcomes[hit.class];
	__builtin_prefetch(l->outcome);
}

/* All of them, step by step. */
static void search(struct steer_look *looks, unsigned n)
{
	uint32_t left = n < STEER_LOOKS_MAX ? (UINT32_C(1) << n) - 1 : UINT32_MAX;

	for (unsigned i = 0; i < n; i++) {
		looks[i].look.partition = policy_of(&looks[i])->partition;
		partition_look_start(&looks[i].look);
	}
	while (left != 0) {
		for (uint32_t todo = left; todo != 0; todo &= todo - 1) {
			unsigned i = (unsigned)__builtin_ctz(todo);
			if (!partition_look_on(&looks[i].look))
				left &= ~(UINT32_C(1) << i);
		}
	}
}

void steer_look_many(struct steer_look *looks, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		looks[i].look.at = embedding_locate(&looks[i].found->client);
		__builtin_prefetch(policy_of(&looks[i]));
	}
	search(looks, n);
	for (unsigned i = 0; i < n; i++)
		find(&looks[i]);
	for (unsigned i = 0; i < n; i++) {
		const struct steer_outcome *o = looks[i].outcome;
		looks[i].variant = o->variant == DRAW ? STEER_SERVFAIL : o->variant;
	}
}
