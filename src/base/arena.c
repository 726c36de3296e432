// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_FIRST   4096u
#define CHUNK_LARGEST (1u << 20)

struct chunk {
	struct chunk *next;
	size_t size, used;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct arena {
	struct chunk *chunks; /* the first one is being filled */
	size_t used, limit, next_size;
	bool sealed;
};

struct arena *arena_new(size_t limit)
{
	struct arena *a = malloc(sizeof *a);

	if (a != NULL)
		*a = (struct arena){ .limit = limit, .next_size = CHUNK_FIRST };
	return a;
}

void arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	while (a->chunks != NULL) {
		struct chunk *c = a->chunks;
		a->chunks = c->next;
		free(c);
	}
	free(a);
}

static struct chunk *add_chunk(struct arena *a, size_t at_least)
{
	size_t size = at_least > a->next_size ? at_least : a->next_size;
	struct chunk *c = malloc(sizeof *c + size);

	if (c == NULL)
		return NULL;
	c->size = size;
	c->used = 0;
	c->next = a->chunks;
	a->chunks = c;
	if (a->next_size < CHUNK_LARGEST)
		a->next_size *= 2;
	return c;
}

void *arena_alloc(struct arena *a, size_t n)
{
	const size_t align = _Alignof(max_align_t);

	assert(!a->sealed);
	if (n > SIZE_MAX / 2)
		return NULL;
	n = (n + align - 1) / align * align;
	if (a->limit != 0 && n > a->limit - a->used)
		return NULL;
	struct chunk *c = a->chunks;
	if (c == NULL || c->size - c->used < n)
		c = add_chunk(a, n);
	if (c == NULL)
		return NULL;
	void *p = c->bytes + c->used;
	c->used += n;
	a->used += n;
	return memset(p, 0, n);
}

void *arena_copy(struct arena *a, const void *from, size_t n)
{
	void *p = arena_alloc(a, n > 0 ? n : 1);

	if (p != NULL && n > 0)
		memcpy(p, from, n);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_copy(a, s, strlen(s) + 1);
}

char *arena_printf(struct arena *a, const char *format, ...)
{
	va_list ap, again;

	va_start(ap, format);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	char *s = n >= 0 ? arena_alloc(a, (size_t)n + 1) : NULL;
	if (s != NULL)
		vsnprintf(s, (size_t)n + 1, format, again);
	va_end(again);
	return s;
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}

void arena_seal(struct arena *a)
{
	a->sealed = true;
}
