// SPDX-License-Identifier: Apache-2.0
/* Dynamic update (RFC 2136) with TSIG, for BIND and Knot: the primary is asked what stands there,
 * gets what differs, and is asked once more, because servers take updates of DNSSEC records that
 * they then do not do. */
#include <stdlib.h>
#include <string.h>

#include "dns/message.h"
#include "dns/rrtype.h"
#include "peers/push_call.h"
#include "transfer/answer.h"

#define PRESENT_MAX 128

struct update {
	size_t at; /* in PUSH_TYPES */
	bool sent;
	struct push_diff diff;
	struct span present[PRESENT_MAX];
	size_t present_n;
	uint8_t room[MESSAGE_MAX];
	size_t room_n;
	struct writer out;
	uint16_t change_n;
	uint8_t message[MESSAGE_MAX];
};

static void ask_next(struct push_call *c);

/* ---- what stands there ---- */

static bool keep(struct update *s, const struct record *r)
{
	if (s->present_n == PRESENT_MAX || r->rdata.n > sizeof s->room - s->room_n)
		return false;
	uint8_t *to = s->room + s->room_n;
	if (r->rdata.n > 0)
		memcpy(to, r->rdata.p, r->rdata.n);
	s->room_n += r->rdata.n;
	s->present[s->present_n++] = (struct span){ to, r->rdata.n };
	return true;
}

/* NULL, or what is wrong. NXDOMAIN and the like are no answer for a zone that is there. */
static const char *read_present(struct push_call *c, struct span message, uint32_t *ttl)
{
	struct update *s = c->state;
	struct answer a;
	struct record r;
	uint8_t room[NAME_MAX_LEN];

	s->present_n = s->room_n = 0;
	*ttl = c->push.ttl;
	if (!answer_open(message, &a))
		return "its answer is damaged";
	if (a.rcode != RCODE_NOERROR || !(a.flags & FLAG_AA))
		return "it does not answer for the zone";
	for (unsigned i = 0; i < a.count[1]; i++) {
		struct reader at = a.r;
		if (!record_skip(&a.r))
			return "its answer is damaged";
		if (!record_read(&at, &r, room, sizeof room) || r.type != PUSH_TYPES[s->at] ||
		    !name_equal(r.owner.wire, c->push.zone))
			continue;
		if (!keep(s, &r))
			return "it has more records than we allow";
		*ttl = r.ttl;
	}
	return NULL;
}

/* ---- the update ---- */

static void write_change(struct push_call *c, uint16_t class, uint32_t ttl, struct span rdata)
{
	struct update *s = c->state;

	write_bytes(&s->out, c->push.zone, name_len(c->push.zone));
	write_u16(&s->out, PUSH_TYPES[s->at]);
	write_u16(&s->out, class);
	write_u32(&s->out, ttl);
	write_u16(&s->out, (uint16_t)rdata.n);
	write_bytes(&s->out, rdata.p, rdata.n);
	s->change_n++;
}

static void begin_message(struct push_call *c)
{
	struct update *s = c->state;

	s->out = writer_of(s->message, sizeof s->message);
	write_u16(&s->out, 0); /* id: by exchange */
	write_u16(&s->out, OPCODE_UPDATE << 11);
	write_u16(&s->out, 1);
	write_u16(&s->out, 0);
	write_u32(&s->out, 0); /* counts of updates, additional */
	write_bytes(&s->out, c->push.zone, name_len(c->push.zone));
	write_u16(&s->out, TYPE_SOA);
	write_u16(&s->out, CLASS_IN);
}

static void on_updated(struct push_call *c, struct span message)
{
	struct update *s = c->state;
	unsigned rcode = load_u16(message.p + 2) & 15;

	if (rcode == RCODE_REFUSED || rcode == RCODE_NOTAUTH) {
		push_finish(c, ERR_PERMISSION, false,
			    "it refuses our updates (rcode %u): its zone must allow them to our "
			    "key",
			    rcode);
		return;
	}
	if (rcode != RCODE_NOERROR) {
		push_finish(c, ERR_REFUSED, false, "it did not take the update (rcode %u)", rcode);
		return;
	}
	s->sent = true;
	s->at = 0;
	ask_next(c);
}

static void send_update(struct push_call *c)
{
	struct update *s = c->state;

	if (s->change_n == 0) {
		push_finish(c, ERR_OK, false, "it has all that it should have");
		return;
	}
	if (s->out.full) {
		push_finish(c, ERR_TOO_LONG, false, "the update does not fit into a message");
		return;
	}
	store_u16(s->message + 8, s->change_n);
	push_dns(c, (struct span){ s->message, writer_len(&s->out) }, on_updated);
}

/* ---- questions ---- */

static void on_present(struct push_call *c, struct span message)
{
	struct update *s = c->state;
	uint32_t ttl;
	const char *why = read_present(c, message, &ttl);

	if (why != NULL) {
		push_finish(c, ERR_SYNTAX, false, "asked for the zone's records: %s", why);
		return;
	}
	push_compare(&c->push, PUSH_TYPES[s->at], s->present, s->present_n, &s->diff);
	if (s->sent && s->diff.add_n + s->diff.remove_n > 0) {
		char type[RR_TYPE_TEXT_MAX];
		push_finish(
		    c, ERR_REFUSED, true,
		    "it took the update, but %zu %s records are not there and %zu still are: "
		    "its policy may keep them from updates",
		    s->diff.add_n, rr_type_to_text(PUSH_TYPES[s->at], type), s->diff.remove_n);
		return;
	}
	/* First what comes: the last NS cannot be taken away (RFC 2136 §3.4.2.4). */
	for (size_t i = 0; !s->sent && i < s->diff.add_n; i++)
		write_change(c, CLASS_IN, ttl, s->diff.add[i]);
	for (size_t i = 0; !s->sent && i < s->diff.remove_n; i++)
		write_change(c, CLASS_NONE, 0, s->diff.remove[i]);
	s->at++;
	ask_next(c);
}

static void ask_next(struct push_call *c)
{
	struct update *s = c->state;
	uint8_t room[MESSAGE_QUERY_MAX];

	while (PUSH_TYPES[s->at] != 0 && !push_has_type(&c->push, PUSH_TYPES[s->at]))
		s->at++;
	if (PUSH_TYPES[s->at] != 0) {
		struct span question = { room, query_write(room, c->push.zone, PUSH_TYPES[s->at], 0,
							   0, false) };
		push_dns(c, question, on_present);
	} else if (s->sent) {
		push_finish(c, ERR_OK, true, "it has taken %u changes", s->change_n);
	} else {
		send_update(c);
	}
}

static enum err start(struct push_call *c)
{
	struct update *s = calloc(1, sizeof *s);

	c->state = s;
	if (s == NULL)
		return ERR_NOMEM;
	begin_message(c);
	ask_next(c);
	return ERR_OK;
}

static void end(struct push_call *c)
{
	free(c->state);
}

const struct provider PROVIDER_UPDATE = { "update", PUSH_DNSKEY | PUSH_CDS | PUSH_NS | PUSH_CSYNC,
					  start, end };
