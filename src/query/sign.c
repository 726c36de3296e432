// SPDX-License-Identifier: Apache-2.0
/* Signatures for an answer: from the cache; on a miss made here while the budget lasts (a worker
 * has none: net/park.c), else waited for. */
#include "query/stages.h"

static struct query_need need_of(const struct query *q, const struct answer_rrset *r)
{
	const struct zone_view *zv = r->zv;
	struct query_need n = { .zv = zv,
				.rrset = r->made == NEED_NSEC ? r->like : r->rrset,
				.owner = r->signed_owner,
				.made = (enum need_made)r->made };

	if (r->made != NEED_IN_ZONE) {
		n.table = q->view->made;
		n.key = keyed_key(n.table, r->signed_owner,
				  keyed_contents(n.table, r->rrset->wire, r->rrset->wire_len),
				  keyset_id(zv->keys, TYPE_NSEC));
	}
	return n;
}

/* From the cache. Made names have their signatures copied into `room`. */
static enum sig_state find(struct query *q, struct answer_rrset *r, const struct query_need *n,
			   struct keyed_sig *room)
{
	enum sig_state state;

	if (n->made == NEED_IN_ZONE) {
		r->sig = sigcache_get(r->zv->sigs, r->rrset->sig_id,
				      keyset_id(r->zv->keys, r->rrset->type), q->now, &state);
	} else {
		state = keyed_get(n->table, &n->key, q->now, room);
		r->sig = state == SIG_MISS ? NULL : keyed_sig(room);
	}
	counter_add(state == SIG_MISS ? &q->stats->sig_misses : &q->stats->sig_hits, 1);
	return state;
}

/* True where the signature is there now; false leaves it to the caller to wait, or sets *failed. */
static bool sign_now(struct query *q, struct answer_rrset *r, const struct query_need *n,
		     struct keyed_sig *room, bool *failed)
{
	if (q->sign_budget == 0 || !need_claim(n))
		return false;
	q->sign_budget--;
	*failed = !need_sign(n, q->signer, q->now, room, &r->sig);
	if (!*failed)
		counter_add(&q->stats->sig_made, 1);
	return !*failed;
}

enum step query_sign(struct query *q)
{
	bool dnssec_ok = q->msg.edns.present && (q->msg.edns.flags & EDNS_DO);
	if (!dnssec_ok && q->msg.qtype != TYPE_RRSIG)
		return STEP_GO_ON;

	struct query_need due[QUERY_NEEDS_MAX];
	unsigned due_n = 0, missing_n = 0, made_n = 0;
	bool failed = false;

	for (unsigned i = 0; i < q->answer.rrset_n; i++) {
		struct answer_rrset *r = &q->answer.rrset[i];

		if (zone_is_given(r->zv->zone) && (dnssec_ok || r->section == SECTION_ANSWER))
			r->given = zone_given_signatures(r->zv->zone, r->signed_owner, r->rrset);
		if (r->zv->keys == NULL || (r->rrset->sig_id == 0 && r->made == NEED_IN_ZONE))
			continue;
		if (!dnssec_ok && r->section != SECTION_ANSWER)
			continue;
		if (r->made != NEED_IN_ZONE && made_n == ANSWER_MADE_MAX)
			return answer_settle(q, RCODE_SERVFAIL, EDE_OTHER);
		struct query_need n = need_of(q, r);
		struct keyed_sig *room = &q->made_sig[made_n];
		made_n += r->made != NEED_IN_ZONE;
		enum sig_state state = find(q, r, &n, room);
		if (state == SIG_DUE)
			due[due_n++] = n;
		else if (state == SIG_MISS && !sign_now(q, r, &n, room, &failed))
			q->need[missing_n++] = n;
		if (failed)
			return answer_settle(q, RCODE_SERVFAIL, EDE_OTHER);
	}
	q->need_n = missing_n;
	if (missing_n > 0)
		return STEP_WAIT;
	for (unsigned i = 0; i < due_n; i++)
		q->need[i] = due[i];
	q->need_n = due_n;
	return STEP_GO_ON;
}
