// SPDX-License-Identifier: Apache-2.0
/*
 * rcu.h -- hand immutable objects from a writer to readers that never wait.
 *
 * Purpose.   The one place that knows liburcu (QSBR flavour). Views and signatures are published
 * and retired through it. Invariant. What was given to rcu_retire() is destroyed only after every
 * registered thread passed a quiescent state. Threads.   A thread that reads registers itself
 * first. While registered and online it must call rcu_quiescent() often and rcu_offline() before it
 * sleeps; between two of these calls pointers it loaded stay valid. Memory.    rcu_retire() takes
 * the object; `node` must lie inside it, so retiring never allocates.
 */
#ifndef BASE_RCU_H
#define BASE_RCU_H

#include <stddef.h>

struct rcu_node {
	/* storage of liburcu's struct rcu_head: two pointers (checked by a static assertion in
	 * rcu.c) */
	void *opaque[2];
	void (*destroy)(struct rcu_node *);
};

void rcu_thread_register(void);
void rcu_thread_unregister(void);
void rcu_online(void);
void rcu_offline(void);
void rcu_quiescent(void);

/* Calls node->destroy(node) after a grace period, in a thread of its own. Any registered thread. */
void rcu_retire(struct rcu_node *node, void (*destroy)(struct rcu_node *));

/* Waits until everything retired so far by any thread is destroyed. Control thread; for shutdown
 * and tests. */
void rcu_drain(void);

#endif
