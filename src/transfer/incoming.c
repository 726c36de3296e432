// SPDX-License-Identifier: Apache-2.0
#include "transfer/incoming.h"

#include <stdarg.h>
#include <stdio.h>

#include "dns/message.h"
#include "dns/rrtype.h"
#include "transfer/answer.h"
#include "zone/serial.h"

/* What the next record is expected to be. */
enum { FIRST_SOA, SECOND, WHOLE, REMOVED, ADDED, ENDED };

#define SOA_NUMBERS_LEN 20 /* serial, refresh, retry, expire, minimum */
#define EMPTY_MAX       100

static enum incoming_verdict fail(struct incoming *in, enum err e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum incoming_verdict fail(struct incoming *in, enum err e, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(in->why, sizeof in->why, format, ap);
	va_end(ap);
	in->err = e;
	return in->verdict = INCOMING_FAILED;
}

void incoming_start(struct incoming *in, const uint8_t *zone, uint16_t id, bool incremental,
		    uint32_t from, const struct incoming_limits *limits,
		    const struct incoming_sink *sink)
{
	in->zone = zone;
	in->id = id;
	in->incremental = incremental;
	in->from = from;
	in->limits = *limits;
	in->sink = *sink;
	in->kind = INCOMING_UNKNOWN;
	in->serial = in->at = 0;
	in->state = FIRST_SOA;
	in->record_n = in->octet_n = in->message_n = 0;
	in->empty_n = 0;
	in->verdict = INCOMING_MORE;
	in->err = ERR_OK;
	in->why[0] = 0;
}

bool soa_serial(struct span rdata, uint32_t *out)
{
	if (rdata.n < SOA_NUMBERS_LEN + 2)
		return false;
	*out = load_u32(rdata.p + rdata.n - SOA_NUMBERS_LEN);
	return true;
}

/* ---- records ---- */

static enum incoming_verdict hand_out(struct incoming *in, enum incoming_part part,
				      const struct record *r)
{
	enum err e = in->sink.record(part, r, in->sink.context);

	return e ? fail(in, e, "%s", err_text(e)) : INCOMING_MORE;
}

static enum incoming_verdict end(struct incoming *in)
{
	in->state = ENDED;
	return in->verdict = INCOMING_DONE;
}

static enum incoming_verdict begin_whole(struct incoming *in)
{
	in->kind = INCOMING_AXFR;
	in->state = WHOLE;
	return INCOMING_MORE;
}

/* The first record tells where the transfer leads. */
static enum incoming_verdict take_first(struct incoming *in, const struct record *r)
{
	if (r->type != TYPE_SOA || !soa_serial(r->rdata, &in->serial))
		return fail(in, ERR_SYNTAX, "the transfer does not start with the zone's SOA");
	in->state = SECOND;
	if (in->incremental && !serial_is_newer(in->serial, in->from))
		return in->verdict = INCOMING_CURRENT;
	/* A whole zone starts with it; whether this is one is seen at the second record. */
	return in->incremental ? INCOMING_MORE : hand_out(in, INCOMING_WHOLE, r);
}

static enum incoming_verdict begin_sequence(struct incoming *in, const struct record *r)
{
	in->kind = INCOMING_IXFR;
	in->state = REMOVED;
	return hand_out(in, INCOMING_REMOVED, r);
}

/* An SOA in a row of differences: the new one of this sequence, the old one of the next, or the
 * end (RFC 1995 §4). */
static enum incoming_verdict take_soa(struct incoming *in, const struct record *r, uint32_t serial)
{
	if (in->state == REMOVED) {
		if (!serial_is_newer(serial, in->at))
			return fail(in, ERR_INVALID, "a difference leads from serial %u to %u",
				    in->at, serial);
		in->at = serial;
		in->state = ADDED;
		return hand_out(in, INCOMING_ADDED, r);
	}
	if (serial != in->at)
		return fail(in, ERR_INVALID, "a difference starts at serial %u, not at %u", serial,
			    in->at);
	return serial == in->serial ? end(in) : begin_sequence(in, r);
}

static enum incoming_verdict take_in_zone(struct incoming *in, const struct record *r)
{
	uint32_t serial;
	bool soa = r->type == TYPE_SOA && soa_serial(r->rdata, &serial);

	switch (in->state) {
	case FIRST_SOA:
		return take_first(in, r);
	case WHOLE:
		if (!soa)
			return hand_out(in, INCOMING_WHOLE, r);
		return serial == in->serial
			   ? end(in)
			   : fail(in, ERR_INVALID,
				  "the transfer starts with serial %u and ends with %u", in->serial,
				  serial);
	case REMOVED:
	case ADDED:
		if (soa)
			return take_soa(in, r, serial);
		return hand_out(in, in->state == REMOVED ? INCOMING_REMOVED : INCOMING_ADDED, r);
	default:
		return fail(in, ERR_SYNTAX, "records follow the transfer's final SOA");
	}
}

/* What stands second decides what the transfer is (RFC 1995 §4, RFC 5936 §2.2). Of an incremental
 * one the first SOA is not handed out: the sequences have their own. */
static enum incoming_verdict take_second(struct incoming *in, const struct record *first,
					 const struct record *r)
{
	uint32_t serial;

	if (!in->incremental) {
		begin_whole(in);
		return take_in_zone(in, r);
	}
	if (r->type == TYPE_SOA && soa_serial(r->rdata, &serial) && serial != in->serial) {
		if (serial != in->from)
			return fail(in, ERR_INVALID,
				    "the differences start at serial %u; ours is %u", serial,
				    in->from);
		in->at = serial;
		return begin_sequence(in, r);
	}
	if (first->type == 0)
		return in->verdict = INCOMING_FALLBACK;
	begin_whole(in);
	enum incoming_verdict v = hand_out(in, INCOMING_WHOLE, first);
	return v != INCOMING_MORE ? v : take_in_zone(in, r);
}

static enum incoming_verdict check_record(struct incoming *in, const struct record *r)
{
	char name[NAME_TEXT_MAX], type[RR_TYPE_TEXT_MAX];
	const struct rr_type_info *info = rr_type_info(r->type);
	const char *fault = NULL;

	in->record_n++;
	if (in->limits.records != 0 && in->record_n > in->limits.records)
		return fail(in, ERR_TOO_LONG, "more than %llu records",
			    (unsigned long long)in->limits.records);
	if (r->rclass != CLASS_IN)
		fault = "is not of class IN";
	else if (!name_is_within(r->owner.wire, in->zone))
		fault = "lies outside the zone";
	else if (info != NULL && (info->flags & RR_META))
		fault = "is of a type that is never data of a zone";
	else if (r->type == TYPE_SOA && !name_equal(r->owner.wire, in->zone))
		fault = "is not at the top of the zone";
	else if (!rdata_is_valid(r->type, r->rdata))
		fault = "has data that are not of its type";
	if (fault == NULL)
		return INCOMING_MORE;
	return fail(in, ERR_INVALID, "%.80s %s %s", name_to_text(r->owner.wire, name),
		    rr_type_to_text(r->type, type), fault);
}

/* ---- messages ---- */

static bool is_of_request(const struct incoming *in, struct span message, struct answer *a)
{
	struct reader r = reader_of(message.p, message.n);
	struct name name;

	if (message.n < MESSAGE_HEADER_LEN || load_u16(message.p) != in->id ||
	    !answer_open(message, a) || !(a->flags & FLAG_QR) || (a->flags >> 11 & 15) != 0 ||
	    (a->flags & FLAG_TC))
		return false;
	/* The first message repeats the question, later ones may (RFC 5936 §2.2.1). */
	if (a->count[0] == 0)
		return in->message_n > 1 || a->rcode != RCODE_NOERROR;
	read_bytes(&r, MESSAGE_HEADER_LEN);
	name_read(&r, &name);
	uint16_t type = read_u16(&r);
	return a->count[0] == 1 && name_equal(name.wire, in->zone) &&
	       type == (in->incremental ? TYPE_IXFR : TYPE_AXFR) && read_u16(&r) == CLASS_IN;
}

static enum incoming_verdict refused(struct incoming *in, uint8_t rcode)
{
	static const char *const NAMES[] = {
		[RCODE_FORMERR] = "FORMERR",   [RCODE_SERVFAIL] = "SERVFAIL",
		[RCODE_NXDOMAIN] = "NXDOMAIN", [RCODE_NOTIMP] = "NOTIMP",
		[RCODE_REFUSED] = "REFUSED",   [RCODE_NOTAUTH] = "NOTAUTH"
	};

	if (in->incremental && in->message_n == 1 &&
	    (rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP))
		return in->verdict = INCOMING_FALLBACK;
	if (rcode < sizeof NAMES / sizeof *NAMES && NAMES[rcode] != NULL)
		return fail(in, ERR_REFUSED, "the primary says %s", NAMES[rcode]);
	return fail(in, ERR_REFUSED, "the primary says rcode %u", rcode);
}

static enum incoming_verdict take_records(struct incoming *in, struct answer *a)
{
	struct record r;
	enum incoming_verdict v = INCOMING_MORE;

	/* Where the second record comes in another message than the first, that one's SOA is gone:
	 * an incremental transfer that turns out to be whole is then asked for again as AXFR. */
	struct record first = { .type = 0 };
	uint8_t first_rdata[2 * NAME_MAX_LEN + SOA_NUMBERS_LEN];

	for (unsigned i = 0; i < a->count[1] && v == INCOMING_MORE; i++) {
		if (in->verdict == INCOMING_DONE || !record_read(&a->r, &r, in->room, RDATA_MAX))
			return fail(in, ERR_SYNTAX, "a message is damaged");
		v = check_record(in, &r);
		if (v != INCOMING_MORE)
			return v;
		if (in->state == FIRST_SOA && r.rdata.n <= sizeof first_rdata) {
			first = r;
			memcpy(first_rdata, r.rdata.p, r.rdata.n);
			first.rdata.p = first_rdata;
		}
		if (in->state != SECOND)
			v = take_in_zone(in, &r);
		else
			v = take_second(in, &first, &r);
		if (v == INCOMING_DONE && i + 1u < a->count[1])
			return fail(in, ERR_SYNTAX, "records follow the transfer's final SOA");
	}
	return v;
}

enum incoming_verdict incoming_message(struct incoming *in, struct span message)
{
	struct answer a;

	if (in->verdict != INCOMING_MORE)
		return in->verdict;
	in->message_n++;
	in->octet_n += message.n;
	if (in->limits.octets != 0 && in->octet_n > in->limits.octets)
		return fail(in, ERR_TOO_LONG, "more than %llu octets",
			    (unsigned long long)in->limits.octets);
	if (!is_of_request(in, message, &a))
		return fail(in, ERR_SYNTAX, "a message does not belong to the transfer");
	if (a.rcode != RCODE_NOERROR)
		return refused(in, a.rcode);
	in->empty_n = a.count[1] == 0 ? in->empty_n + 1 : 0;
	if (in->empty_n > EMPTY_MAX)
		return fail(in, ERR_SYNTAX, "the primary sends messages without records");
	return take_records(in, &a);
}
