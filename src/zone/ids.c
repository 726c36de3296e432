// SPDX-License-Identifier: Apache-2.0
/* Signature ids, and the growing lists of the builder. */
#include <stdlib.h>

#include "zone/internal.h"

struct zone_ids *ids_new(void)
{
	struct zone_ids *i = malloc(sizeof *i);

	if (i != NULL)
		*i = (struct zone_ids){ .refs = 1, .end = 1 }; /* 0 says "never signed" */
	return i;
}

struct zone_ids *ids_ref(struct zone_ids *i)
{
	i->refs++;
	return i;
}

void ids_unref(struct zone_ids *i)
{
	if (i == NULL || --i->refs > 0)
		return;
	free(i->free_ids);
	free(i);
}

enum err ids_take(struct zone_ids *i, uint32_t *out)
{
	if (i->free_n > 0) {
		*out = i->free_ids[--i->free_n];
		return ERR_OK;
	}
	if (i->end == UINT32_MAX)
		return ERR_TOO_LONG;
	*out = i->end++;
	return ERR_OK;
}

void ids_give_back(struct zone_ids *i, uint32_t id)
{
	if (i->free_n == i->free_cap) {
		size_t cap = i->free_cap == 0 ? 64 : i->free_cap * 2;
		uint32_t *more = realloc(i->free_ids, cap * sizeof *more);
		if (more == NULL)
			return; /* the id is lost, which costs a slot */
		i->free_ids = more;
		i->free_cap = cap;
	}
	i->free_ids[i->free_n++] = id;
}

bool list_add(struct zone_list *l, void *item)
{
	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? 16 : l->cap * 2;
		void **more = realloc(l->item, cap * sizeof *more);
		if (more == NULL)
			return false;
		l->item = more;
		l->cap = cap;
	}
	l->item[l->n++] = item;
	return true;
}

void list_free(struct zone_list *l)
{
	free(l->item);
	*l = (struct zone_list){ 0 };
}
