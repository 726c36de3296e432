// SPDX-License-Identifier: Apache-2.0
#include "control/overlay.h"

#include <stdlib.h>
#include <string.h>

/* Sets that lie on a source before they are made one. */
#define OVERLAY_SETS_MAX 4096

static bool grow(struct overlay *x)
{
	size_t cap = x->cap * 2 + 64;
	struct change_set *sets = realloc(x->sets, cap * sizeof *sets);

	if (sets == NULL)
		return false;
	x->sets = sets;
	uint32_t *from = realloc(x->from_of, cap * sizeof *from);
	if (from == NULL)
		return false;
	x->from_of = from;
	uint32_t *to = realloc(x->to_of, cap * sizeof *to);
	if (to == NULL)
		return false;
	x->to_of = to;
	x->cap = cap;
	return true;
}

static bool collect(const struct journal_set *s, void *context)
{
	struct overlay *x = context;

	if (x->n == x->cap && !grow(x))
		return !(x->failed = true);
	struct change_set *c = &x->sets[x->n];
	*c = (struct change_set){ .bytes = malloc(s->bytes.n + 1), .n = s->bytes.n };
	if (c->bytes == NULL)
		return !(x->failed = true);
	memcpy(c->bytes, s->bytes.p, s->bytes.n);
	x->from_of[x->n] = s->from;
	x->to_of[x->n] = s->to;
	if (x->n++ == 0)
		x->from = s->from;
	x->to = s->to;
	return true;
}

enum err overlay_read(struct overlay *out, struct journal *j, const char *source)
{
	*out = (struct overlay){ 0 };
	enum err e = journal_overlay(j, source, collect, out);

	return !e && out->failed ? ERR_NOMEM : e;
}

void overlay_free(struct overlay *x)
{
	for (size_t i = 0; i < x->n; i++)
		change_free(&x->sets[i]);
	free(x->sets);
	free(x->from_of);
	free(x->to_of);
	*x = (struct overlay){ 0 };
}

enum err overlay_condense(const struct overlay *x, struct change_set *net)
{
	struct span *spans = calloc(x->n, sizeof *spans);

	if (spans == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < x->n; i++)
		spans[i] = change_span(&x->sets[i]);
	enum err e = change_condense(spans, x->n, net);
	free(spans);
	return e;
}

void overlay_shorten(struct journal *j, const char *source, int64_t now)
{
	struct overlay x = { 0 };
	struct change_set net = { 0 };

	if (journal_overlay_n(j, source) < OVERLAY_SETS_MAX)
		return;
	if (!overlay_read(&x, j, source) && !overlay_condense(&x, &net) && !journal_begin(j)) {
		struct journal_set s = { x.from, x.to, now, change_span(&net) };
		if (journal_replace_overlay(j, source, &s))
			journal_rollback(j);
		else
			(void)journal_commit(j);
	}
	change_free(&net);
	overlay_free(&x);
}
