// SPDX-License-Identifier: Apache-2.0
/* A look-up in a large zone waits for memory half a dozen times, one wait after the other. The
 * look-ups of a batch do not depend on one another: made side by side their waits overlap. */
#include "query/stages.h"

#define LINE 64

/* The zone of a name, by the ordered tree. */
static const struct zone_view *zone_in_tree(const struct view *v, const uint8_t *name)
{
	uint8_t key[NAME_KEY_MAX];
	size_t len = name_key(name, key);
	struct trie_found f = trie_find(v->zones, (struct span){ key, len });

	return f.exact != NULL ? f.exact : f.ancestor;
}

/* The zone of a name's last labels. */
static const struct zone_view *zone_of(const struct view *v, const struct name_probe *p,
				       unsigned label_n)
{
	const struct named *found = NULL;
	unsigned n = label_n;

	if (v->zone_index != NULL) {
		switch (name_index_deepest(v->zone_index, p, &n, &found)) {
		case NAME_INDEX_FOUND:
			return (const struct zone_view *)found;
		case NAME_INDEX_ABSENT:
			return NULL;
		case NAME_INDEX_UNKNOWN:
			break;
		}
	}
	return zone_in_tree(v, name_probe_suffix(p, label_n));
}

const struct zone_view *query_find_zone(const struct view *v, const struct name_probe *p,
					uint16_t qtype)
{
	const struct zone_view *zv = zone_of(v, p, p->label_n);

	/* For DS the parent's side of a cut is meant (RFC 4035 §3.1.4.1): the zone above, where we
	 * serve that too. */
	if (zv != NULL && qtype == TYPE_DS && p->label_n > 0 &&
	    name_equal_lower(zv->name, p->lower)) {
		const struct zone_view *above = zone_of(v, p, p->label_n - 1u);
		return above != NULL ? above : zv;
	}
	return zv;
}

void query_look(struct query_ahead *a, const struct view *v, uint16_t qtype)
{
	a->server = NULL;
	a->cover = NULL;
	a->steered.set = NULL;
	a->zv = query_find_zone(v, &a->asked, qtype);
	if (a->zv != NULL && a->zv->zone != NULL)
		a->found = zone_find_probe(a->zv->zone, &a->asked);
}

/* What is asked, where it is written plainly; all else is left to the parser that counts. */
static bool read_question(struct span in, struct query_ahead *a, uint64_t view_id)
{
	struct span rest = { in.p + MESSAGE_HEADER_LEN, in.n - MESSAGE_HEADER_LEN };

	a->known = false;
	a->memo.plain = PLAIN_NOT;
	if (in.n < MESSAGE_HEADER_LEN + 5 || (in.p[2] & 0xf8) != 0 ||
	    !name_probe_read(&a->asked, rest) || rest.n < a->asked.len + 4u)
		return false;
	a->qtype = load_u16(rest.p + a->asked.len);
	memo_question_read(&a->memo, in, &a->asked, view_id);
	return true;
}

/* The octets that an answer from here will read. */
static void ask_for_rrsets(const struct node *n)
{
	for (unsigned i = 0; i < n->rrset_n && i < 3; i++) {
		__builtin_prefetch(n->rrset[i]);
		__builtin_prefetch((const uint8_t *)n->rrset[i] + LINE);
	}
	if (n->nsec != NULL)
		__builtin_prefetch(n->nsec);
}

static void ask_for_signature(const struct query_ahead *a)
{
	const struct rrset *r = node_rrset(a->found.node, a->qtype);

	if (r != NULL && r->sig_id != 0 && a->zv->sigs != NULL)
		sigcache_prefetch(a->zv->sigs, r->sig_id);
}

/* The first of a cut's servers that may have glue here, or NULL. */
static const uint8_t *first_server(const struct query_ahead *a)
{
	const struct rrset *ns = node_rrset(a->found.node, TYPE_NS);
	const uint8_t *rr = ns->wire;

	for (unsigned i = 0; i < ns->rr_n; i++) {
		if (name_is_within(rr + RR_FIXED_LEN, zone_name(a->zv->zone)))
			return rr + RR_FIXED_LEN;
		rr += RR_FIXED_LEN + load_u16(rr + RR_FIXED_LEN - 2);
	}
	return NULL;
}

/* Referrals look twice: for the cut, and for the glue of its servers. */
static void look_for_glue(struct query *q, struct query_ahead *const *all, unsigned n)
{
	struct zone_look looks[QUERY_AHEAD_MAX];
	struct query_ahead *of[QUERY_AHEAD_MAX];
	unsigned used = 0;

	for (unsigned i = 0; i < n; i++) {
		struct query_ahead *a = all[i];
		if (a->found.match != ZONE_CUT || (a->server = first_server(a)) == NULL)
			continue;
		name_probe_of(&q->servers[used], a->server);
		looks[used] = (struct zone_look){ .zone = a->zv->zone, .probe = &q->servers[used] };
		of[used++] = a;
	}
	zone_node_many(looks, used);
	for (unsigned i = 0; i < used; i++) {
		of[i]->server_node = looks[i].found.node;
		if (looks[i].found.node != NULL)
			ask_for_rrsets(looks[i].found.node);
	}
}

static bool wants_cover(const struct query_ahead *a)
{
	return a->found.match == ZONE_NXDOMAIN && a->memo.plain == PLAIN_OPT_DO &&
	       a->zv->keys != NULL && zone_denial(a->zv->zone) == ZONE_NSEC3;
}

/* Denials by NSEC3 look a second time, by the hash of the next closer name (RFC 5155 §7.2.1). */
static void look_for_covers(struct query_ahead *const *all, unsigned n)
{
	uint8_t hash[NSEC3_HASH_LEN];

	for (unsigned i = 0; i < n; i++) {
		struct query_ahead *a = all[i];
		if (!wants_cover(a))
			continue;
		const uint8_t *next_closer =
		    name_probe_suffix(&a->asked, a->found.encloser->label_n + 1u);
		nsec3_hash_lower(next_closer, (size_t)(a->asked.lower + a->asked.len - next_closer),
				 hash);
		a->cover = zone_nsec3_cover(a->zv->zone, hash);
		__builtin_prefetch(a->cover);
		__builtin_prefetch((const uint8_t *)a->cover + LINE);
		__builtin_prefetch((const uint8_t *)a->cover + 2 * LINE);
	}
	for (unsigned i = 0; i < n; i++)
		if (all[i]->cover != NULL)
			sigcache_prefetch(all[i]->zv->sigs, all[i]->cover->sig_id);
}

/* Reads the questions, and finds those that the memo answers: these need no other look. */
static void look_into_memo(struct query *q, const struct span *in, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct query_ahead *a = &q->ahead[i];
		a->done = read_question(in[i], a, q->view->id);
		if (q->memo != NULL && a->memo.plain != PLAIN_NOT)
			memo_prefetch(q->memo, &a->memo);
	}
	for (unsigned i = 0; i < n && q->memo != NULL; i++) {
		struct query_ahead *a = &q->ahead[i];
		a->known = a->memo.plain != PLAIN_NOT && memo_glimpse(q->memo, &a->memo);
	}
}

void query_look_ahead(struct query *q, const struct span *in, const struct ip_addr *from,
		      unsigned n)
{
	struct zone_look looks[QUERY_AHEAD_MAX];
	struct query_ahead *of[QUERY_AHEAD_MAX];
	unsigned used = 0;

	n = n < QUERY_AHEAD_MAX ? n : QUERY_AHEAD_MAX;
	look_into_memo(q, in, n);
	for (unsigned i = 0; i < n; i++) {
		struct query_ahead *a = &q->ahead[i];
		a->done = a->done && !a->known;
		if (!a->done)
			continue;
		a->server = NULL;
		a->cover = NULL;
		a->zv = query_find_zone(q->view, &a->asked, a->qtype);
		if (a->zv == NULL || a->zv->zone == NULL)
			continue;
		looks[used] = (struct zone_look){ .zone = a->zv->zone, .probe = &a->asked };
		of[used++] = a;
	}
	zone_find_many(looks, used);
	for (unsigned i = 0; i < used; i++) {
		of[i]->found = looks[i].found;
		if (looks[i].found.node != NULL)
			ask_for_rrsets(looks[i].found.node);
	}
	look_for_glue(q, of, used);
	look_for_covers(of, used);
	for (unsigned i = 0; i < used; i++)
		if (of[i]->found.match == ZONE_EXACT && of[i]->zv->keys != NULL)
			ask_for_signature(of[i]);
	query_steer_ahead(in, from, q->ahead, n);
}
