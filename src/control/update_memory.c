// SPDX-License-Identifier: Apache-2.0
/* A ring of the last ones, with chains by hash through it. Slot numbers are counted from 1; 0 ends
 * a chain. */
#include "control/update_memory.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/random.h"
#include "base/siphash.h"
#include "dns/message.h"

#define UNDER_WAY UINT16_MAX

struct slot {
	uint64_t id; /* 0: empty */
	uint32_t next;
	uint16_t rcode;
};

struct update_memory {
	struct siphash_key key;
	uint32_t at; /* the slot that is used next */
	uint32_t chain[UPDATE_MEMORY_MAX];
	struct slot slot[UPDATE_MEMORY_MAX + 1];
};

enum err update_memory_new(struct update_memory **out)
{
	struct update_memory *m = calloc(1, sizeof *m);

	if (m == NULL)
		return ERR_NOMEM;
	m->key = (struct siphash_key){ random_u64(), random_u64() };
	m->at = 1;
	*out = m;
	return ERR_OK;
}

void update_memory_free(struct update_memory *m)
{
	free(m);
}

static uint32_t *chain_of(struct update_memory *m, uint64_t id)
{
	return &m->chain[id % UPDATE_MEMORY_MAX];
}

/* The link that leads to its slot; NULL: it is not known. */
static uint32_t *find(struct update_memory *m, uint64_t id)
{
	for (uint32_t *link = chain_of(m, id); *link != 0; link = &m->slot[*link].next)
		if (m->slot[*link].id == id)
			return link;
	return NULL;
}

static void forget(struct update_memory *m, uint64_t id)
{
	uint32_t *link = id != 0 ? find(m, id) : NULL;

	if (link == NULL)
		return;
	struct slot *s = &m->slot[*link];
	*link = s->next;
	*s = (struct slot){ 0 };
}

static void add(struct update_memory *m, uint64_t id)
{
	struct slot *s = &m->slot[m->at];

	forget(m, s->id);
	uint32_t *chain = chain_of(m, id);
	*s = (struct slot){ id, *chain, UNDER_WAY };
	*chain = m->at;
	m->at = m->at == UPDATE_MEMORY_MAX ? 1 : m->at + 1;
}

enum update_seen update_memory_look(struct update_memory *m, struct span message, uint64_t *id,
				    uint16_t *rcode)
{
	*id = siphash(&m->key, message.p, message.n);
	*id += *id == 0;
	uint32_t *link = find(m, *id);
	if (link == NULL) {
		add(m, *id);
		return UPDATE_NEW;
	}
	*rcode = m->slot[*link].rcode;
	return *rcode == UNDER_WAY ? UPDATE_UNDER_WAY : UPDATE_ANSWERED;
}

void update_memory_answered(struct update_memory *m, uint64_t id, uint16_t rcode)
{
	uint32_t *link = find(m, id);

	if (link == NULL)
		return;
	if (rcode == RCODE_SERVFAIL)
		forget(m, id);
	else
		m->slot[*link].rcode = rcode;
}
