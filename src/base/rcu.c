// SPDX-License-Identifier: Apache-2.0
#include "base/rcu.h"

#include <urcu-qsbr.h>

_Static_assert(sizeof(struct rcu_head) <= sizeof(((struct rcu_node *)NULL)->opaque),
	       "struct rcu_node has no room for liburcu's head");

void rcu_thread_register(void)
{
	urcu_qsbr_register_thread();
}

void rcu_thread_unregister(void)
{
	urcu_qsbr_unregister_thread();
}

void rcu_online(void)
{
	urcu_qsbr_thread_online();
}

void rcu_offline(void)
{
	urcu_qsbr_thread_offline();
}

void rcu_quiescent(void)
{
	urcu_qsbr_quiescent_state();
}

static void run(struct rcu_head *head)
{
	struct rcu_node *node = (struct rcu_node *)(void *)head; /* opaque is its first member */

	node->destroy(node);
}

void rcu_retire(struct rcu_node *node, void (*destroy)(struct rcu_node *))
{
	node->destroy = destroy;
	urcu_qsbr_call_rcu((struct rcu_head *)(void *)node->opaque, run);
}

void rcu_drain(void)
{
	urcu_qsbr_barrier();
}
