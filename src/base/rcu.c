// SPDX-License-Identifier: Apache-2.0
#include "base/rcu.h"

#include <urcu-qsbr.h>

_Static_assert(sizeof(struct rcu_head) <= sizeof(((struct rcu_node *)NULL)->opaque),
	       "struct rcu_node has no room for liburcu's head");

/* ThreadSanitizer does not see how liburcu orders things, which is not built with it: what a thread
 * did before it was quiescent comes before what is destroyed after the grace period, and what was
 * written into an object before it was retired comes before its end. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TELL_TSAN 1
#endif
#endif
#ifdef TELL_TSAN
void __tsan_acquire(void *at);
void __tsan_release(void *at);
#else
#define __tsan_acquire(at) ((void)(at))
#define __tsan_release(at) ((void)(at))
#endif
static char quiescence; /* an address that stands for all quiescent states; never read or written */

void rcu_thread_register(void)
{
	urcu_qsbr_register_thread();
}

void rcu_thread_unregister(void)
{
	__tsan_release(&quiescence);
	urcu_qsbr_unregister_thread();
}

void rcu_online(void)
{
	urcu_qsbr_thread_online();
}

void rcu_offline(void)
{
	__tsan_release(&quiescence);
	urcu_qsbr_thread_offline();
}

void rcu_quiescent(void)
{
	__tsan_release(&quiescence);
	urcu_qsbr_quiescent_state();
}

static void run(struct rcu_head *head)
{
	struct rcu_node *node = (struct rcu_node *)(void *)head; /* opaque is its first member */

	__tsan_acquire(&quiescence);
	__tsan_acquire(node);
	node->destroy(node);
}

void rcu_retire(struct rcu_node *node, void (*destroy)(struct rcu_node *))
{
	node->destroy = destroy;
	__tsan_release(node);
	urcu_qsbr_call_rcu((struct rcu_head *)(void *)node->opaque, run);
}

void rcu_drain(void)
{
	urcu_qsbr_barrier();
}
