// SPDX-License-Identifier: Apache-2.0
/*
 * give_way.h -- work that nobody waits for, or that may wait, behind the work of others.
 *
 * Purpose.   Where threads share a core, the workers' answers go first: a thread that gives way
 * does not push a running one from the core when it wakes, is pushed from it by one that wakes, and
 * gets less of what is contended. Threads.   About the calling thread, and those that it starts
 * later.
 */
#ifndef BASE_GIVE_WAY_H
#define BASE_GIVE_WAY_H

/* `nice` as of nice(2), above 0. What the system refuses changes nothing. */
void give_way(int nice);

#endif
