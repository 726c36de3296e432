// SPDX-License-Identifier: Apache-2.0
/*
 * stages.h -- the stages of query_answer() to one another; private to this folder.
 *
 * Invariant. Each stage reads what earlier ones wrote into struct query and writes only its own
 * part.
 */
#ifndef QUERY_STAGES_H
#define QUERY_STAGES_H

#include "dns/rrtype.h"
#include "query/query.h"

enum step {
	STEP_GO_ON,
	STEP_ANSWERED, /* an rcode is settled; go to render */
	STEP_DROPPED,
	STEP_HANDOFF, /* to the control plane */
	STEP_WAIT,
};

/* request.c: bytes -> q->msg; settles what is not a question for zone data. */
enum step query_request(struct query *q, struct span in);
/* chaos.c: questions of class CHAOS about the server itself (RFC 4892). */
enum step query_chaos(struct query *q);
/* lookup.c: q->msg -> q->answer. */
enum step query_lookup(struct query *q);
/* sign.c: signatures for q->answer. */
enum step query_sign(struct query *q);
/* additional.c: addresses of the names that the answer's RDATA has. */
void answer_add_addresses(struct query *q);
/* limit.c: whether this answer goes out at all. */
enum step query_limit(struct query *q);
/* The kind of an answer for it. */
enum rate_class query_rate_class(const struct answer *a);
/* The same for an answer of a kind that is known. */
enum step query_limit_class(struct query *q, enum rate_class class);
/* render.c: q->answer -> bytes. */
void query_render(struct query *q, struct writer *out);
/* The most that this client may get (RFC 6891 §6.2.3-5; without EDNS 512, RFC 1035 §4.2.1).
 * `udp_size`: what it says that it takes, at least 512. */
size_t render_limit(const struct query *q, uint16_t udp_size, const struct writer *out);
/* known.c: the whole way of a question whose answer is in the memo (limited, rendered, counted);
 * STEP_GO_ON: it is not there, and nothing was done. */
enum step query_known(struct query *q, const struct query_ahead *a, struct span in,
		      const struct query_client *from, struct writer *out);
/* Puts the answer that was just rendered into the memo, where it depends on the question alone. */
void query_keep(struct query *q, const struct query_ahead *a, const struct writer *out);

/* query.c: all that one question leaves behind is as before the first; what is counted of all
 * answers. */
void query_start(struct query *q, const struct query_client *from);
void query_count(struct query *q, uint16_t qtype, bool dnssec_ok);

/* Settles an rcode: no records, and an extended error where `ede` is not negative. */
enum step answer_settle(struct query *q, uint16_t rcode, int ede);

/* Adds an RRset; returns its row, or NULL where the answer is full (it is then sent with TC). */
struct answer_rrset *answer_add(struct query *q, enum section section, const struct zone_view *zv,
				const struct rrset *rrset, const uint8_t *owner);

/* ahead.c: the deepest of our zones that has the name, or NULL; and the whole look-up of
 * a->asked. */
const struct zone_view *query_find_zone(const struct view *v, const struct name_probe *p,
					uint16_t qtype);
void query_look(struct query_ahead *a, const struct view *v, uint16_t qtype);

/* steer.c: the variant of `rrset` for this client; RRsets that are not steered come back as they
 * are. */
const struct rrset *query_steer(struct query *q, const struct zone_view *zv,
				const struct rrset *rrset);

/* steer_ahead.c: after the look-ups of a batch, asks for what its steered answers will read. */
void query_steer_ahead(const struct span *in, const struct ip_addr *from, struct query_ahead *ahead,
		       unsigned n);

/* Whether the answer must carry signatures and proofs of this zone. */
bool query_wants_dnssec(const struct query *q, const struct zone_view *zv);

/* denial.c: SOA and proofs (RFC 4035 §3.1.3). */
void answer_add_soa(struct query *q, const struct zone_view *zv);
void answer_no_data(struct query *q, const struct zone_view *zv, const struct zone_find *f,
		    const uint8_t *name);
void answer_no_name(struct query *q, const struct zone_view *zv, const struct zone_find *f,
		    const uint8_t *name);
/* The proof that no closer name exists than the wildcard that answered (RFC 4035 §3.1.3.3). */
void answer_no_closer(struct query *q, const struct answer_no_closer *c);

/* The proof that a cut has no DS (RFC 4035 §3.1.4.1, RFC 5155 §7.2.7). */
void answer_no_ds(struct query *q, const struct zone_view *zv, const struct node *cut);

/* compact.c: RFC 9824. Whether the zone denies like that. */
bool zone_is_compact(const struct zone_view *zv);
/* An RRset of a wildcard becomes one of the name asked. */
void answer_expand(struct answer_rrset *r, const uint8_t *name);
/* The NSEC of a name, with the types of `like`; NULL: of a name that does not exist. */
void answer_made_nsec(struct query *q, enum section section, const struct zone_view *zv,
		      const uint8_t *name, const struct rrset *like);
void answer_compact_no_data(struct query *q, const struct zone_view *zv, const struct zone_find *f,
			    const uint8_t *name);
void answer_compact_no_name(struct query *q, const struct zone_view *zv, const uint8_t *name);

/* referral.c: NS, DS or the proof of its absence, and glue (RFC 4035 §3.1.4, RFC 9471). */
void answer_referral(struct query *q, const struct zone_view *zv, const struct node *cut);

#endif
