// SPDX-License-Identifier: Apache-2.0
/*
 * arena.h -- memory of things that are built once and die together.
 *
 * Purpose.   Build-once data (configuration, compiled policies) is allocated in one arena owned by
 * its snapshot. Invariant. After arena_seal() allocating is an assertion failure. Threads.   One
 * while building; readers of the data need nothing from here. Memory.    arena_free() frees all at
 * once. Pointers are aligned for any type. Errors.    Allocation returns NULL when the system has
 * no memory or the arena's limit is reached.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena;

/* `limit` in bytes, 0 for none. NULL without memory. */
struct arena *arena_new(size_t limit);
void arena_free(struct arena *a);

/* Zeroed memory. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_copy(struct arena *a, const void *from, size_t n);
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Bytes handed out so far. */
size_t arena_used(const struct arena *a);
void arena_seal(struct arena *a);

#endif
