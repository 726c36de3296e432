// SPDX-License-Identifier: Apache-2.0
#include "zone/zone.h"

#include <stdlib.h>

#include "dns/rrtype.h"
#include "zone/internal.h"

/* ---- look-ups: the data plane's ---- */

static const struct node *node_by_key(const struct zone *z, const uint8_t *name)
{
	uint8_t key[NAME_KEY_MAX];
	size_t len = name_key(name, key);

	return trie_get(z->names, (struct span){ key, len });
}

/* The node of a name's last labels, or NULL. */
static const struct node *node_of(const struct zone *z, const struct name_probe *p,
				  unsigned label_n)
{
	const struct named *found = NULL;

	if (z->index != NULL && name_index_get(z->index, p, label_n, &found) != NAME_INDEX_UNKNOWN)
		return (const struct node *)found;
	return node_by_key(z, name_probe_suffix(p, label_n));
}

static const struct node *wildcard_of(const struct zone *z, const struct name_probe *p,
				      const struct node *encloser)
{
	static const uint8_t STAR[] = "\1*";
	const struct named *found = NULL;
	uint8_t name[NAME_MAX_LEN];

	if (z->index != NULL &&
	    name_index_child(z->index, p, encloser->label_n, STAR, &found) != NAME_INDEX_UNKNOWN)
		return (const struct node *)found;
	memcpy(name, STAR, 2);
	memcpy(name + 2, encloser->name, name_len(encloser->name));
	return node_by_key(z, name);
}

static struct zone_find found_above(const struct node *n, const struct node *encloser)
{
	enum zone_match match = n->flags & NODE_CUT ? ZONE_CUT : ZONE_DNAME;

	return (struct zone_find){ match, n, encloser };
}

/* The topmost cut or DNAME above a node that lies below one. */
static const struct node *topmost(const struct zone *z, const struct name_probe *p,
				  unsigned label_n)
{
	for (unsigned i = z->apex->label_n; i < label_n; i++) {
		const struct node *n = node_of(z, p, i);
		if (n != NULL && (n->flags & (NODE_CUT | NODE_DNAME)))
			return n;
	}
	return NULL;
}

/* What the closest encloser, which may be the name itself, makes of a look-up. */
static struct zone_find judge(const struct zone *z, const struct name_probe *p,
			      const struct node *encloser)
{
	if (encloser->flags & NODE_BELOW_CUT)
		return found_above(topmost(z, p, encloser->label_n), encloser);
	if (encloser->label_n == p->label_n && !(encloser->flags & NODE_CUT))
		return (struct zone_find){ ZONE_EXACT, encloser, encloser };
	if (encloser->flags & (NODE_CUT | NODE_DNAME))
		return found_above(encloser, encloser);
	if (encloser->flags & NODE_HAS_WILDCARD) {
		const struct node *w = wildcard_of(z, p, encloser);
		if (w != NULL)
			return (struct zone_find){ ZONE_WILDCARD, w, encloser };
	}
	return (struct zone_find){ ZONE_NXDOMAIN, NULL, encloser };
}

static const struct node *encloser_in_tree(const struct zone *z, const struct name_probe *p)
{
	uint8_t key[NAME_KEY_MAX];
	size_t len = name_key(p->lower, key);
	struct trie_found f = trie_find(z->names, (struct span){ key, len });

	return f.exact != NULL ? f.exact : f.ancestor;
}

struct zone_find zone_find_probe(const struct zone *z, const struct name_probe *p)
{
	const struct named *found = NULL;
	unsigned n = p->label_n;

	if (z->index != NULL && name_index_deepest(z->index, p, &n, &found) == NAME_INDEX_FOUND)
		return judge(z, p, (const struct node *)found);
	return judge(z, p, encloser_in_tree(z, p));
}

struct zone_find zone_find(const struct zone *z, const struct name *name)
{
	struct name_probe p;

	name_probe_of(&p, name->wire);
	return zone_find_probe(z, &p);
}

void zone_find_many(struct zone_look *looks, unsigned n)
{
	struct name_index_step steps[ZONE_LOOKS_MAX];
	struct zone_look *of[ZONE_LOOKS_MAX];
	unsigned step_n = 0;

	for (unsigned i = 0; i < n; i++) {
		struct zone_look *l = &looks[i];
		if (l->zone->index == NULL) {
			l->found = zone_find_probe(l->zone, l->probe);
			continue;
		}
		of[step_n] = l;
		steps[step_n++] =
		    (struct name_index_step){ .index = l->zone->index, .probe = l->probe };
	}
	name_index_deepest_many(steps, step_n);
	for (unsigned i = 0; i < step_n; i++) {
		struct zone_look *l = of[i];
		l->found = judge(l->zone, l->probe,
				 steps[i].answer == NAME_INDEX_FOUND
				     ? (const struct node *)steps[i].found
				     : encloser_in_tree(l->zone, l->probe));
	}
}

void zone_node_many(struct zone_look *looks, unsigned n)
{
	struct name_index_step steps[ZONE_LOOKS_MAX];
	struct zone_look *of[ZONE_LOOKS_MAX];
	unsigned step_n = 0;

	for (unsigned i = 0; i < n; i++) {
		looks[i].found.node = NULL;
		if (looks[i].zone->index == NULL)
			continue;
		of[step_n] = &looks[i];
		steps[step_n++] = (struct name_index_step){ .index = looks[i].zone->index,
							    .probe = looks[i].probe };
	}
	name_index_deepest_many(steps, step_n);
	for (unsigned i = 0; i < step_n; i++)
		if (steps[i].answer == NAME_INDEX_FOUND &&
		    steps[i].label_n == steps[i].probe->label_n)
			of[i]->found.node = (const struct node *)steps[i].found;
	/* What the index does not know, or does not have. */
	for (unsigned i = 0; i < n; i++)
		if (looks[i].found.node == NULL)
			looks[i].found.node =
			    node_of(looks[i].zone, looks[i].probe, looks[i].probe->label_n);
}

const struct node *zone_node(const struct zone *z, const uint8_t *name)
{
	struct name_probe p;

	name_probe_of(&p, name);
	return node_of(z, &p, p.label_n);
}

const struct rrset *node_rrset(const struct node *n, uint16_t type)
{
	for (unsigned i = 0; i < n->rrset_n; i++)
		if (n->rrset[i]->type >= type)
			return n->rrset[i]->type == type ? n->rrset[i] : NULL;
	return NULL;
}

const struct rrset *node_nsec(const struct node *n)
{
	return n->nsec != NULL ? n->nsec : node_rrset(n, TYPE_NSEC);
}

/* Names without NSEC that are passed on the way to one. Those of a zone that we sign are empty
 * non-terminals; one that was given may lack as many as it likes. */
#define NSEC_STEPS_MAX 1000

const struct node *zone_nsec_for(const struct zone *z, const uint8_t *wire)
{
	uint8_t key[NAME_KEY_MAX];
	const struct node *at =
	    trie_at_or_before(z->names, (struct span){ key, name_key(wire, key) });

	if (at == NULL || at->nsec != NULL)
		return at;
	/* Ends: each turn goes to an earlier name, and only empty non-terminals make another turn.
	 */
	for (unsigned step = 0; z->given == ZONE_NO_DENIAL || step < NSEC_STEPS_MAX; step++) {
		size_t len = name_key(wire, key);
		struct trie_found f = trie_find_previous(z->names, (struct span){ key, len });
		const struct node *n = f.exact;
		if (n == NULL || node_nsec(n) == NULL)
			n = f.previous;
		if (n == NULL || node_nsec(n) != NULL)
			return n;
		wire = n->name;
		if (n->flags & NODE_BELOW_CUT) {
			struct name_probe p;
			name_probe_of(&p, wire);
			n = topmost(z, &p, p.label_n);
			return n != NULL && node_nsec(n) != NULL ? n : NULL;
		}
	}
	return NULL;
}

/* Whether a node's own NSEC says that nothing stands between it and "*" below it. */
static bool denies_wildcard(const struct node *n)
{
	const uint8_t *next = n->nsec->wire + RR_FIXED_LEN;
	unsigned depth = name_label_n(next);

	if (depth <= n->label_n || !name_is_within(next, n->name))
		return true; /* past all that is below */
	for (; depth > n->label_n + 1u; depth--)
		next += 1u + *next;
	return next[1] > '*' || (next[1] == '*' && next[0] > 1);
}

const struct node *zone_nsec_for_wildcard(const struct zone *z, const struct node *encloser)
{
	uint8_t name[NAME_MAX_LEN] = { 1, '*' };

	/* Few names begin with what sorts before "*". */
	if (encloser->nsec != NULL && denies_wildcard(encloser))
		return encloser;
	memcpy(name + 2, encloser->name, name_len(encloser->name));
	return zone_nsec_for(z, name);
}

const struct rrset *zone_nsec3_match(const struct zone *z, const uint8_t hash[NSEC3_HASH_LEN])
{
	if (z->given != ZONE_NSEC3)
		return trie_get(z->hashes, (struct span){ hash, NSEC3_HASH_LEN });
	const struct rrset *r = given_cover(z, hash);
	return r != NULL && memcmp(nsec3_hash_of(r), hash, NSEC3_HASH_LEN) == 0 ? r : NULL;
}

const struct rrset *zone_nsec3_cover(const struct zone *z, const uint8_t hash[NSEC3_HASH_LEN])
{
	if (z->given == ZONE_NSEC3)
		return given_cover(z, hash);
	const struct rrset *r = trie_at_or_before(z->hashes, (struct span){ hash, NSEC3_HASH_LEN });

	/* What lies before the first is covered by the last, which points round to it. */
	return r != NULL ? r : trie_last(z->hashes);
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
	return z->options.denial ? z->options.denial : z->given;
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
	return trie_bytes(z->names) + trie_bytes(z->hashes) + name_index_bytes(z->index) +
	       z->data_bytes;
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
	name_index_free(z->index);
	trie_free(z->names);
	trie_free(z->hashes);
	ids_unref(z->ids);
	for (uint16_t i = 0; i < z->file_n; i++)
		free(z->files[i]);
	free(z->files);
	free(z);
}
