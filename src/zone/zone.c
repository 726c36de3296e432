// SPDX-License-Identifier: Apache-2.0
#include "zone/zone.h"

#include <stdlib.h>

#include "zone/internal.h"

/* ---- look-ups: the data plane's ---- */

/* The topmost cut or DNAME strictly above or at the name with that key; NULL where there is none.
 */
static const struct node *topmost(const struct zone *z, const uint8_t *key, const uint16_t *ends,
				  unsigned from, unsigned to)
{
	for (unsigned i = from; i <= to; i++) {
		const struct node *n = trie_get(z->names, (struct span){ key, ends[i] });
		if (n != NULL && (n->flags & (NODE_CUT | NODE_DNAME)))
			return n;
	}
	return NULL;
}

static const struct node *wildcard_of(const struct zone *z, const uint8_t *key, size_t len)
{
	uint8_t wildcard[NAME_KEY_MAX + 2];

	memcpy(wildcard, key, len);
	wildcard[len] = '*';
	wildcard[len + 1] = 0;
	return trie_get(z->names, (struct span){ wildcard, len + 2 });
}

static struct zone_find found_above(const struct node *n, const struct node *encloser)
{
	enum zone_match match = n->flags & NODE_CUT ? ZONE_CUT : ZONE_DNAME;

	return (struct zone_find){ match, n, encloser };
}

struct zone_find zone_find(const struct zone *z, const struct name *name)
{
	uint8_t key[NAME_KEY_MAX];
	uint16_t ends[NAME_LABELS_MAX];
	size_t len = name_key_ends(name, key, ends);
	struct trie_found f = trie_find(z->names, (struct span){ key, len });
	const struct node *exact = f.exact, *encloser = exact != NULL ? exact : f.ancestor;

	if (exact != NULL && !(exact->flags & (NODE_CUT | NODE_BELOW_CUT)))
		return (struct zone_find){ ZONE_EXACT, exact, exact };
	if (encloser->flags & NODE_BELOW_CUT)
		return found_above(topmost(z, key, ends, z->apex->label_n, name->label_n - 1u),
				   encloser);
	if (encloser->flags & (NODE_CUT | NODE_DNAME))
		return found_above(encloser, encloser);
	if (encloser->flags & NODE_HAS_WILDCARD) {
		const struct node *w = wildcard_of(z, key, f.ancestor_len);
		if (w != NULL)
			return (struct zone_find){ ZONE_WILDCARD, w, encloser };
	}
	return (struct zone_find){ ZONE_NXDOMAIN, NULL, encloser };
}

const struct node *zone_node(const struct zone *z, const uint8_t *name)
{
	uint8_t key[NAME_KEY_MAX];
	size_t len = name_key(name, key);

	return trie_get(z->names, (struct span){ key, len });
}

void zone_prefetch_step(const struct zone *z, struct trie_step *step)
{
	step->trie = z->names;
}

void zone_prefetch(struct trie_step *steps, unsigned n)
{
	trie_prefetch(steps, n);
	for (unsigned i = 0; i < n; i++) {
		const struct node *node = steps[i].value;
		if (node != NULL && node->rrset_n > 0)
			__builtin_prefetch(node->rrset[0]);
	}
}

const struct rrset *node_rrset(const struct node *n, uint16_t type)
{
	for (unsigned i = 0; i < n->rrset_n; i++)
		if (n->rrset[i]->type >= type)
			return n->rrset[i]->type == type ? n->rrset[i] : NULL;
	return NULL;
}

const struct node *zone_nsec_for(const struct zone *z, const uint8_t *wire)
{
	uint8_t key[NAME_KEY_MAX];
	uint16_t ends[NAME_LABELS_MAX];
	struct name name;

	/* Ends: each turn goes to an earlier name, and only empty non-terminals make another turn.
	 */
	for (name_from_wire(&name, wire);; name_from_wire(&name, wire)) {
		size_t len = name_key_ends(&name, key, ends);
		struct trie_found f = trie_find_previous(z->names, (struct span){ key, len });
		const struct node *n = f.exact;
		if (n == NULL || n->nsec == NULL)
			n = f.previous;
		if (n == NULL || n->nsec != NULL)
			return n;
		wire = n->name;
		if (n->flags & NODE_BELOW_CUT) {
			name_from_wire(&name, wire);
			name_key_ends(&name, key, ends);
			return topmost(z, key, ends, z->apex->label_n, name.label_n - 1u);
		}
	}
}

const struct rrset *zone_nsec3_match(const struct zone *z, const uint8_t hash[NSEC3_HASH_LEN])
{
	return trie_get(z->hashes, (struct span){ hash, NSEC3_HASH_LEN });
}

const struct rrset *zone_nsec3_cover(const struct zone *z, const uint8_t hash[NSEC3_HASH_LEN])
{
	struct trie_found f = trie_find_previous(z->hashes, (struct span){ hash, NSEC3_HASH_LEN });

	/* What lies before the first is covered by the last, which points round to it. */
	return f.exact != NULL ? f.exact : f.previous != NULL ? f.previous : trie_last(z->hashes);
}

/* ---- what is known of the whole ---- */

const struct node *zone_apex(const struct zone *z)
{
	return z->apex;
}

const uint8_t *zone_name(const struct zone *z)
{
	return z->name;
}

const struct rrset *zone_soa(const struct zone *z)
{
	return z->soa;
}

/* The five numbers at the end of the SOA's RDATA (RFC 1035 §3.3.13): serial, refresh, retry,
 * expire, minimum. */
static uint32_t soa_number(const struct zone *z, unsigned which)
{
	return load_u32(z->soa->wire + z->soa->wire_len - 20 + 4 * which);
}

uint32_t zone_serial(const struct zone *z)
{
	return soa_number(z, 0);
}

uint32_t zone_negative_ttl(const struct zone *z)
{
	uint32_t minimum = soa_number(z, 4);

	return z->soa->ttl < minimum ? z->soa->ttl : minimum;
}

enum zone_denial zone_denial(const struct zone *z)
{
	return z->options.denial;
}

uint32_t zone_max_ttl(const struct zone *z)
{
	return z->max_ttl;
}

size_t zone_name_n(const struct zone *z)
{
	return trie_count(z->names);
}

size_t zone_rr_n(const struct zone *z)
{
	return z->rr_n;
}

size_t zone_bytes(const struct zone *z)
{
	return trie_bytes(z->names) + trie_bytes(z->hashes) + z->data_bytes;
}

uint32_t zone_sig_id_end(const struct zone *z)
{
	return z->ids->end;
}

const char *zone_file(const struct zone *z, uint16_t file)
{
	return file < z->file_n ? z->files[file] : NULL;
}

struct walk {
	bool (*visit)(const struct node *n, void *context);
	void *context;
};

static bool visit_value(struct span key, void *value, void *context)
{
	const struct walk *w = context;

	(void)key;
	return w->visit(value, w->context);
}

void zone_walk(const struct zone *z, bool (*visit)(const struct node *n, void *context),
	       void *context)
{
	struct walk w = { visit, context };

	trie_walk(z->names, visit_value, &w);
}

struct walk_nsec3 {
	bool (*visit)(const struct rrset *nsec3, void *context);
	void *context;
};

static bool visit_nsec3(struct span key, void *value, void *context)
{
	const struct walk_nsec3 *w = context;

	(void)key;
	return w->visit(value, w->context);
}

void zone_walk_nsec3(const struct zone *z, bool (*visit)(const struct rrset *nsec3, void *context),
		     void *context)
{
	struct walk_nsec3 w = { visit, context };

	trie_walk(z->hashes, visit_nsec3, &w);
}

/* ---- the end ---- */

static bool free_node(struct span key, void *value, void *context)
{
	(void)key;
	(void)context;
	node_free_all(value);
	return true;
}

static bool free_nsec3(struct span key, void *value, void *context)
{
	(void)key;
	(void)context;
	rrset_free(value);
	return true;
}

void zone_free(struct zone *z)
{
	if (z == NULL)
		return;
	for (size_t i = 0; i < z->dead_id_n; i++) {
		if (z->options.id_freed != NULL)
			z->options.id_freed(z->dead_ids[i], z->options.id_context);
		ids_give_back(z->ids, z->dead_ids[i]);
	}
	free(z->dead_ids);
	for (size_t i = 0; i < z->dropped_rrsets.n; i++)
		rrset_free(z->dropped_rrsets.item[i]);
	for (size_t i = 0; i < z->dropped_nodes.n; i++)
		free(z->dropped_nodes.item[i]);
	list_free(&z->dropped_rrsets);
	list_free(&z->dropped_nodes);
	if (z->newer == NULL || !z->newer_shares) {
		trie_walk(z->names, free_node, NULL);
		trie_walk(z->hashes, free_nsec3, NULL);
	}
	trie_free(z->names);
	trie_free(z->hashes);
	ids_unref(z->ids);
	for (uint16_t i = 0; i < z->file_n; i++)
		free(z->files[i]);
	free(z->files);
	free(z);
}
