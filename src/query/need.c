// SPDX-License-Identifier: Apache-2.0
#include "query/need.h"

#include "dns/name.h"
#include "dns/rrtype.h"
#include "dns/wire.h"

/* RRSIG, NSEC and NXNAME (RFC 9824 §3.1): window 0, 17 octets. */
static const uint8_t NXNAME_BITMAP[] = { 0, 17, 0, 0, 0, 0, 0, 0x03, 0,   0,
					 0, 0,  0, 0, 0, 0, 0, 0,    0x80 };

static struct span bitmap_of(const struct rrset *nsec)
{
	if (nsec == NULL)
		return (struct span){ NXNAME_BITMAP, sizeof NXNAME_BITMAP };
	size_t at = RR_FIXED_LEN + name_len(nsec->wire + RR_FIXED_LEN);
	return (struct span){ nsec->wire + at, nsec->wire_len - at };
}

const struct rrset *need_make_nsec(struct need_nsec *room, const struct zone *z,
				   const uint8_t *owner, const struct rrset *like)
{
	struct rrset *r = (struct rrset *)(void *)room->bytes;
	struct span bitmap = bitmap_of(like);
	uint8_t *rdata = r->wire + RR_FIXED_LEN;
	uint32_t ttl = zone_negative_ttl(z); /* RFC 9077 §3 */
	size_t n = name_successor(owner, zone_name(z), rdata);

	memcpy(rdata + n, bitmap.p, bitmap.n);
	n += bitmap.n;
	*r = (struct rrset){
		.type = TYPE_NSEC, .rr_n = 1, .ttl = ttl, .wire_len = (uint32_t)(RR_FIXED_LEN + n)
	};
	store_u16(r->wire, TYPE_NSEC);
	store_u16(r->wire + 2, CLASS_IN);
	store_u32(r->wire + 4, ttl);
	store_u16(r->wire + 8, (uint16_t)n);
	return r;
}

/* What a type's keys are; made names are signed as the zone's data are. */
static uint16_t signed_type(const struct query_need *n)
{
	return n->made == NEED_IN_ZONE ? n->rrset->type : TYPE_NSEC;
}

bool need_is_quick(const struct query_need *n)
{
	return keyset_is_quick(n->zv->keys, signed_type(n));
}

uint8_t need_algorithm(const struct query_need *n)
{
	return keyset_algorithm(n->zv->keys, signed_type(n));
}

bool need_claim(const struct query_need *n)
{
	if (n->made != NEED_IN_ZONE)
		return keyed_claim(n->table, &n->key);
	return n->idly ? sigcache_claim_idly(n->zv->sigs, n->rrset->sig_id)
		       : sigcache_claim(n->zv->sigs, n->rrset->sig_id);
}

void need_release(const struct query_need *n)
{
	if (n->made != NEED_IN_ZONE)
		keyed_release(n->table, &n->key);
	else if (n->idly)
		sigcache_release_idly(n->zv->sigs, n->rrset->sig_id);
	else
		sigcache_release(n->zv->sigs, n->rrset->sig_id);
}

/* Takes `g`, and gives the claim back. */
static void publish(const struct query_need *n, struct sig *g)
{
	if (n->idly)
		sigcache_publish_idly(n->zv->sigs, n->rrset->sig_id, g);
	else
		sigcache_publish(n->zv->sigs, n->rrset->sig_id, g);
}

enum sig_state need_state(const struct query_need *n, int64_t now)
{
	struct keyed_sig copy;
	enum sig_state state;

	if (n->made != NEED_IN_ZONE)
		return keyed_get(n->table, &n->key, now, &copy);
	sigcache_get(n->zv->sigs, n->rrset->sig_id, keyset_id(n->zv->keys, n->rrset->type), now,
		     &state);
	return state;
}

static struct sign_input input_of(const uint8_t *owner, const struct rrset *r)
{
	return (struct sign_input){ .owner = owner,
				    .type = r->type,
				    .ttl = r->ttl,
				    .rr_n = r->rr_n,
				    .wire = { r->wire, r->wire_len } };
}

static bool sign_in_zone(const struct query_need *n, struct signer *s, int64_t now,
			 const struct sig **made)
{
	struct sign_input in = input_of(n->owner, n->rrset);
	struct sig *g = NULL;

	if (signer_sign(s, n->zv->keys, &in, now, &g)) {
		need_release(n);
		return false;
	}
	/* Published and possibly replaced by another thread at once: what we hold stays ours to
	 * read until our next quiescent state. */
	if (made != NULL)
		*made = g;
	publish(n, g);
	return true;
}

bool need_sign(const struct query_need *n, struct signer *s, int64_t now, struct keyed_sig *room,
	       const struct sig **made)
{
	struct need_nsec nsec;
	struct keyed_sig own;
	struct sig *g = keyed_sig(room != NULL ? room : &own);

	if (n->made == NEED_IN_ZONE)
		return sign_in_zone(n, s, now, made);
	const struct rrset *r = n->made == NEED_NSEC
				    ? need_make_nsec(&nsec, n->zv->zone, n->owner, n->rrset)
				    : n->rrset;
	struct sign_input in = input_of(n->owner, r);
	bool ok = signer_sign_into(s, n->zv->keys, &in, now, g, KEYED_WIRE_MAX) == ERR_OK;
	if (ok)
		keyed_put(n->table, &n->key, g);
	if (ok && made != NULL)
		*made = g;
	need_release(n);
	return ok;
}

void need_add(struct need_batch *b, const struct query_need *n, int64_t now)
{
	unsigned i = b->n++;
	struct sign_job *job = &b->job[i];
	const struct rrset *r = n->rrset;
	uint8_t algorithm = need_algorithm(n);

	b->algorithm = i == 0 || b->algorithm == algorithm ? algorithm : 0;
	b->need[i] = *n;
	if (n->made == NEED_NSEC)
		r = need_make_nsec(&b->nsec, n->zv->zone, n->owner, n->rrset);
	struct sign_input in = input_of(n->owner, r);
	job->room =
	    n->made == NEED_IN_ZONE ? signer_wire_len(n->zv->keys, r->type) : KEYED_WIRE_MAX;
	job->out = n->made == NEED_IN_ZONE ? sig_new(job->room) : keyed_sig(&b->made[i]);
	job->err = ERR_NOMEM;
	if (job->out != NULL)
		signer_add(b->signer, n->zv->keys, &in, now, job);
}

static void publish_in_zone(const struct query_need *n, struct sign_job *job)
{
	if (job->err) {
		sig_free(job->out);
		need_release(n);
	} else {
		publish(n, job->out);
	}
}

static void publish_made(const struct query_need *n, struct sign_job *job)
{
	if (!job->err)
		keyed_put(n->table, &n->key, job->out);
	need_release(n);
}

unsigned need_finish(struct need_batch *b)
{
	unsigned signed_n = 0;

	signer_finish(b->signer);
	for (unsigned i = 0; i < b->n; i++) {
		signed_n += b->job[i].err == ERR_OK;
		if (b->need[i].made == NEED_IN_ZONE)
			publish_in_zone(&b->need[i], &b->job[i]);
		else
			publish_made(&b->need[i], &b->job[i]);
	}
	b->n = 0;
	return signed_n;
}
