// SPDX-License-Identifier: Apache-2.0
/* Signatures for an answer: from the cache; on a miss made here while the turn's budget lasts, else
 * left to the signer threads. */
#include "query/stages.h"

static struct query_need need_of(const struct answer_rrset *r)
{
	return (struct query_need){ .zv = r->zv, .rrset = r->rrset, .owner = r->signed_owner };
}

/* True where the signature is there now; false leaves it to the caller to wait, or sets *failed. */
static bool sign_now(struct query *q, struct answer_rrset *r, bool *failed)
{
	const struct zone_view *zv = r->zv;
	struct sig *g = NULL;

	if (q->sign_budget == 0 || !sigcache_claim(zv->sigs, r->rrset->sig_id))
		return false;
	q->sign_budget--;
	struct sign_input in = {
		.owner = r->signed_owner,
		.type = r->rrset->type,
		.ttl = r->rrset->ttl,
		.rr_n = r->rrset->rr_n,
		.wire = { r->rrset->wire, r->rrset->wire_len },
	};
	if (signer_sign(q->signer, zv->keys, &in, q->now, &g)) {
		sigcache_release(zv->sigs, r->rrset->sig_id);
		*failed = true;
		return false;
	}
	/* Published and possibly replaced by another thread at once: what we hold stays ours to
	 * read until our next quiescent state. */
	r->sig = g;
	sigcache_publish(zv->sigs, r->rrset->sig_id, g);
	counter_add(&q->stats->sig_made, 1);
	return true;
}

enum step query_sign(struct query *q)
{
	bool dnssec_ok = q->msg.edns.present && (q->msg.edns.flags & EDNS_DO);
	if (!dnssec_ok && q->msg.qtype != TYPE_RRSIG)
		return STEP_GO_ON;

	struct query_need due[QUERY_NEEDS_MAX];
	unsigned due_n = 0, missing_n = 0;
	bool failed = false;

	for (unsigned i = 0; i < q->answer.rrset_n; i++) {
		struct answer_rrset *r = &q->answer.rrset[i];
		enum sig_state state;

		if (r->rrset->sig_id == 0 || r->zv->keys == NULL)
			continue;
		if (!dnssec_ok && r->section != SECTION_ANSWER)
			continue;
		r->sig =
		    sigcache_get(r->zv->sigs, r->rrset->sig_id, r->zv->keys->id, q->now, &state);
		counter_add(state == SIG_MISS ? &q->stats->sig_misses : &q->stats->sig_hits, 1);
		if (state == SIG_DUE)
			due[due_n++] = need_of(r);
		else if (state == SIG_MISS && !sign_now(q, r, &failed))
			q->need[missing_n++] = need_of(r);
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
