// SPDX-License-Identifier: Apache-2.0
#include "transfer/address_answer.h"

#include <stdlib.h>
#include <string.h>

#include "dns/rdata.h"
#include "dns/rrtype.h"
#include "transfer/answer.h"

#define RECORDS_MAX 512 /* looked at in one section; more is no answer to a question of ours */
#define TTL_MOST    0x7fffffffu

#define UDP_SIZE 1232

_Static_assert(MESSAGE_QUERY_MAX <= ADDRESS_QUESTION_MAX, "a question fits");

size_t address_question_write(uint8_t room[ADDRESS_QUESTION_MAX], const uint8_t *name,
			      uint16_t type)
{
	return query_write(room, name, type, FLAG_RD, UDP_SIZE, false);
}

struct reading {
	struct address_answer *out;
	struct answer a; /* at the answer section */
	uint16_t type;
	struct name at; /* where the chain is */
	bool too_many;
};

static void fail(struct address_answer *out, const char *why)
{
	out->outcome = ADDRESS_FAILED;
	out->why = why;
}

/* RFC 2181 §8: a TTL with its first bit set is 0. */
static uint32_t sound_ttl(uint32_t ttl)
{
	return ttl > TTL_MOST ? 0 : ttl;
}

static void lower_ttl(struct address_answer *out, uint32_t ttl)
{
	ttl = sound_ttl(ttl);
	if (ttl < out->ttl)
		out->ttl = ttl;
}

static void put_address(struct reading *w, const struct record *r)
{
	struct address_answer *out = w->out;
	size_t n = w->type == TYPE_A ? 4 : 16;
	unsigned i = 0;

	if (r->rdata.n != n)
		return;
	lower_ttl(out, r->ttl);
	while (i < out->n && memcmp(out->address[i], r->rdata.p, n) < 0)
		i++;
	if (i < out->n && memcmp(out->address[i], r->rdata.p, n) == 0)
		return;
	if (out->n == ADDRESSES_MAX) {
		w->too_many = true;
		return;
	}
	memmove(out->address[i + 1], out->address[i],
		(size_t)(out->n - i) * sizeof out->address[0]);
	memset(out->address[i], 0, sizeof out->address[i]);
	memcpy(out->address[i], r->rdata.p, n);
	out->n++;
}

/* All records of the answer section at the name where the chain is: its addresses, or the CNAME in
 * *next. False: the section is damaged. */
static bool look(struct reading *w, struct name *next)
{
	struct reader at = w->a.r;
	struct record r;
	uint8_t room[NAME_MAX_LEN + 1];

	next->len = 0;
	for (unsigned i = 0; i < w->a.count[1]; i++) {
		struct reader one = at;
		if (!record_skip(&at))
			return false;
		/* What is longer than any name or address is not looked for. */
		if (!record_read(&one, &r, room, sizeof room) || r.rclass != CLASS_IN ||
		    !name_equal(r.owner.wire, w->at.wire))
			continue;
		if (r.type == w->type) {
			put_address(w, &r);
		} else if (r.type == TYPE_CNAME && next->len == 0 &&
			   rdata_is_valid(TYPE_CNAME, r.rdata)) {
			lower_ttl(w->out, r.ttl);
			name_from_wire(next, r.rdata.p);
		}
	}
	return true;
}

/* The SOA in the authority section says for how long there is nothing (RFC 2308 §5). */
static bool find_proof(struct reading *w)
{
	struct reader at = w->a.r;
	struct record r;
	uint8_t room[2 * NAME_MAX_LEN + 20];

	for (unsigned i = 0; i < w->a.count[1]; i++)
		if (!record_skip(&at))
			return false;
	for (unsigned i = 0; i < w->a.count[2] && i < RECORDS_MAX; i++) {
		struct reader one = at;
		if (!record_skip(&at))
			return false;
		if (!record_read(&one, &r, room, sizeof room) || r.type != TYPE_SOA ||
		    !name_is_within(w->at.wire, r.owner.wire) || !rdata_is_valid(TYPE_SOA, r.rdata))
			continue;
		lower_ttl(w->out, r.ttl);
		lower_ttl(w->out, load_u32(r.rdata.p + r.rdata.n - 4));
		return true;
	}
	return false;
}

static void settle_nothing(struct reading *w)
{
	if (!find_proof(w))
		fail(w->out, "it gives neither addresses nor the SOA that says there are none");
	else
		w->out->outcome = w->a.rcode == RCODE_NXDOMAIN ? ADDRESS_NO_NAME : ADDRESS_NONE;
}

static const char *rcode_text(unsigned rcode)
{
	return rcode == RCODE_SERVFAIL  ? "it says SERVFAIL"
	       : rcode == RCODE_REFUSED ? "it refuses"
					: "it answers with an error";
}

static void follow(struct reading *w, bool (*is_ours)(const uint8_t *, void *), void *context)
{
	for (unsigned hop = 0; hop <= ADDRESS_HOPS_MAX; hop++) {
		struct name next;
		if (hop > 0 && is_ours(w->at.wire, context)) {
			memcpy(w->out->next, w->at.wire, w->at.len);
			w->out->outcome = ADDRESS_ONWARD;
			return;
		}
		if (!look(w, &next)) {
			fail(w->out, "its answer is damaged");
			return;
		}
		if (w->out->n > 0) {
			w->out->outcome = ADDRESS_THERE;
			if (w->too_many)
				fail(w->out, "the target has more than 64 addresses");
			return;
		}
		if (next.len == 0) {
			settle_nothing(w);
			return;
		}
		w->at = next;
	}
	fail(w->out, "its chain of CNAMEs is longer than 16, or a loop");
}

void address_answer_read(struct span message, const uint8_t *name, uint16_t type,
			 bool (*is_ours)(const uint8_t *name, void *context), void *context,
			 struct address_answer *out)
{
	struct reading w = { .out = out, .type = type };

	*out = (struct address_answer){ .ttl = TTL_MOST };
	if (!answer_open(message, &w.a)) {
		fail(out, "its answer is damaged");
		return;
	}
	if (w.a.rcode != RCODE_NOERROR && w.a.rcode != RCODE_NXDOMAIN) {
		fail(out, rcode_text(w.a.rcode));
		return;
	}
	if (w.a.count[1] > RECORDS_MAX) {
		fail(out, "its answer has more than 512 records");
		return;
	}
	name_from_wire(&w.at, name);
	follow(&w, is_ours, context);
	if (out->outcome == ADDRESS_FAILED)
		out->n = 0;
}
