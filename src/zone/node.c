// SPDX-License-Identifier: Apache-2.0
/* Nodes and RRsets as things in memory. */
#include <stdlib.h>

#include "zone/internal.h"

struct node *node_new(const uint8_t *name, unsigned room)
{
	size_t len = name_len(name);
	struct node *n = malloc(sizeof *n + room * sizeof(struct rrset *) + len);

	if (n == NULL)
		return NULL;
	*n = (struct node){ .flags = NODE_BUILDING, .label_n = (uint8_t)name_label_n(name) };
	uint8_t *copy = (uint8_t *)&n->rrset[room];
	memcpy(copy, name, len);
	n->name = copy;
	return n;
}

struct node *node_copy(const struct node *n, unsigned room)
{
	struct node *copy = node_new(n->name, room);

	if (copy == NULL)
		return NULL;
	copy->flags = n->flags | NODE_BUILDING;
	copy->nsec = n->nsec;
	copy->rrset_n = n->rrset_n;
	for (unsigned i = 0; i < n->rrset_n; i++)
		copy->rrset[i] = n->rrset[i];
	return copy;
}

unsigned node_room(const struct node *n)
{
	/* The name lies right behind them. */
	return (unsigned)((size_t)(n->name - (const uint8_t *)n->rrset) / sizeof n->rrset[0]);
}

/* The first place whose type is not below. */
static unsigned place_of(const struct node *n, uint16_t type)
{
	unsigned i = 0;

	while (i < n->rrset_n && n->rrset[i]->type < type)
		i++;
	return i;
}

struct rrset *node_find(const struct node *n, uint16_t type)
{
	unsigned i = place_of(n, type);

	return i < n->rrset_n && n->rrset[i]->type == type ? n->rrset[i] : NULL;
}

struct rrset **node_place(struct node *n, uint16_t type)
{
	return &n->rrset[place_of(n, type)];
}

/* Room must be there. */
void node_put(struct node *n, struct rrset *r)
{
	unsigned i = place_of(n, r->type);

	if (i == n->rrset_n || n->rrset[i]->type != r->type) {
		for (unsigned j = n->rrset_n++; j > i; j--)
			n->rrset[j] = n->rrset[j - 1];
	}
	n->rrset[i] = r;
}

void node_take(struct node *n, uint16_t type)
{
	unsigned i = place_of(n, type);

	if (i == n->rrset_n || n->rrset[i]->type != type)
		return;
	n->rrset_n--;
	for (; i < n->rrset_n; i++)
		n->rrset[i] = n->rrset[i + 1];
}

size_t node_bytes(const struct node *n)
{
	return sizeof *n + node_room(n) * sizeof(struct rrset *) + name_len(n->name);
}

void rrset_free(struct rrset *r)
{
	if (r == NULL)
		return;
	if (r->steering != NULL)
		for (uint32_t i = 1; i < r->steering->variant_n; i++)
			free(r->steering->variant[i]);
	free(r->steering);
	free(r);
}

void node_free_all(struct node *n)
{
	for (unsigned i = 0; i < n->rrset_n; i++)
		rrset_free(n->rrset[i]);
	rrset_free(n->nsec);
	free(n);
}

bool rrset_same(const struct rrset *a, const struct rrset *b)
{
	return a->type == b->type && a->ttl == b->ttl && a->rr_n == b->rr_n &&
	       a->wire_len == b->wire_len && memcmp(a->wire, b->wire, a->wire_len) == 0;
}

size_t rrset_bytes(const struct rrset *r)
{
	size_t n = sizeof *r + r->wire_len;

	if (r->steering == NULL)
		return n;
	n += sizeof *r->steering + r->steering->variant_n * sizeof(struct rrset *);
	for (uint32_t i = 1; i < r->steering->variant_n; i++)
		n += rrset_bytes(r->steering->variant[i]);
	return n;
}
