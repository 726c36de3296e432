// SPDX-License-Identifier: Apache-2.0
#include "dns/edns.h"

#include "dns/rrtype.h"

/* RFC 7871 §6: FAMILY, SOURCE, SCOPE, then just the octets that SOURCE needs, no bits past it;
 * §7.1.2: SCOPE is 0 in queries. */
static bool read_ecs(struct reader *o, struct edns *e)
{
	uint16_t family = read_u16(o);
	uint8_t source = read_u8(o), scope = read_u8(o);
	unsigned bits = family == 1 ? 32 : family == 2 ? 128 : 0;
	size_t n = (source + 7u) / 8u;
	const uint8_t *addr = read_bytes(o, n);

	if (e->ecs || o->bad || reader_left(o) > 0 || family > 2 || source > bits || scope != 0)
		return false;
	e->ecs_prefix = (struct ip_prefix){ .len = source };
	e->ecs_prefix.addr.family = family == 1 ? IP_V4 : family == 2 ? IP_V6 : IP_NONE;
	if (n > 0)
		memcpy(e->ecs_prefix.addr.bytes, addr, n);
	struct ip_addr cut = ip_cut(&e->ecs_prefix.addr, source);
	e->ecs = true;
	return ip_equal(&cut, &e->ecs_prefix.addr);
}

/* RFC 7873 §4 and §5.2.2: 8 octets alone, or 8 with a server cookie of 8 to 32. */
static bool read_cookie(struct reader *o, struct edns *e)
{
	size_t n = reader_left(o);

	if (n != 8 && (n < 16 || n > sizeof e->cookie_bytes))
		return false;
	if (e->cookie)
		return true; /* the first one counts */
	memcpy(e->cookie_bytes, read_bytes(o, n), n);
	e->cookie_len = (uint8_t)n;
	e->cookie = true;
	return true;
}

/* RFC 5001 §2.1: empty in a query. Data in it is ignored. */
static bool read_nsid(struct reader *o, struct edns *e)
{
	(void)o;
	e->nsid = true;
	return true;
}

/* RFC 7828 §3.2.2: a client sends no time-out. */
static bool read_keepalive(struct reader *o, struct edns *e)
{
	e->keepalive = true;
	return reader_left(o) == 0;
}

/* RFC 7830 §3: any octets. */
static bool read_padding(struct reader *o, struct edns *e)
{
	(void)o;
	e->padding = true;
	return true;
}

static const struct {
	uint16_t code;
	bool (*read)(struct reader *o, struct edns *e);
} OPTIONS[] = {
	{ EDNS_NSID, read_nsid },       { EDNS_ECS, read_ecs },
	{ EDNS_COOKIE, read_cookie },   { EDNS_KEEPALIVE, read_keepalive },
	{ EDNS_PADDING, read_padding },
};

bool edns_parse(uint16_t udp_class, uint32_t ttl, struct span options, struct edns *out)
{
	struct reader r = reader_of(options.p, options.n);

	*out = (struct edns){
		.present = true,
		.version = (uint8_t)(ttl >> 16),
		.udp_size = udp_class < 512 ? 512 : udp_class,
		.flags = (uint16_t)ttl,
	};
	if (out->version > 0)
		return true;
	while (reader_left(&r) > 0) {
		uint16_t code = read_u16(&r);
		struct reader o = read_sub(&r, read_u16(&r));
		if (r.bad)
			return false;
		for (size_t i = 0; i < sizeof OPTIONS / sizeof *OPTIONS; i++)
			if (OPTIONS[i].code == code && !OPTIONS[i].read(&o, out))
				return false;
	}
	return !r.bad;
}

#define OPT_FIXED_LEN 11 /* root name, TYPE, CLASS, TTL, RDLENGTH */
#define OPTION_HEAD   4

static size_t ecs_octets(const struct edns_answer *a)
{
	return (a->ecs_prefix.len + 7u) / 8u;
}

static size_t options_len(const struct edns_answer *a)
{
	size_t n = 0;

	if (a->nsid.n > 0)
		n += OPTION_HEAD + a->nsid.n;
	if (a->ecs)
		n += OPTION_HEAD + 4 + ecs_octets(a);
	if (a->ede)
		n += OPTION_HEAD + 2;
	if (a->keepalive)
		n += OPTION_HEAD + 2;
	if (a->cookie_len > 0)
		n += OPTION_HEAD + a->cookie_len;
	if (a->report_agent.n > 0)
		n += OPTION_HEAD + a->report_agent.n;
	if (a->pad)
		n += OPTION_HEAD;
	return n;
}

size_t edns_len(const struct edns_answer *a)
{
	return OPT_FIXED_LEN + options_len(a);
}

static void write_head(struct writer *w, enum edns_option code, size_t n)
{
	write_u16(w, (uint16_t)code);
	write_u16(w, (uint16_t)n);
}

static void write_ecs(struct writer *w, const struct edns_answer *a)
{
	enum ip_family family = a->ecs_prefix.addr.family;

	write_head(w, EDNS_ECS, 4 + ecs_octets(a));
	write_u16(w, family == IP_V4 ? 1 : family == IP_V6 ? 2 : 0);
	write_u8(w, a->ecs_prefix.len);
	write_u8(w, a->ecs_scope);
	write_bytes(w, a->ecs_prefix.addr.bytes, ecs_octets(a));
}

/* Octets that fill the message up to a whole block, as far as there is room. */
static size_t padding_of(const struct writer *w, const struct edns_answer *a)
{
	size_t whole = writer_len(w) + edns_len(a);
	size_t short_of = (EDNS_PADDING_BLOCK - whole % EDNS_PADDING_BLOCK) % EDNS_PADDING_BLOCK;
	size_t room = (size_t)(w->end - w->p) - edns_len(a);

	return short_of < room ? short_of : room;
}

static void write_span(struct writer *w, enum edns_option code, struct span s)
{
	if (s.n == 0)
		return;
	write_head(w, code, s.n);
	write_bytes(w, s.p, s.n);
}

void edns_write(struct writer *w, const struct edns_answer *a)
{
	static const uint8_t ZEROES[EDNS_PADDING_BLOCK];
	size_t padding = a->pad ? padding_of(w, a) : 0;

	write_u8(w, 0);
	write_u16(w, TYPE_OPT);
	write_u16(w, a->udp_size);
	write_u8(w, a->extended_rcode);
	write_u8(w, 0);
	write_u16(w, a->flags);
	write_u16(w, (uint16_t)(options_len(a) + padding));
	write_span(w, EDNS_NSID, a->nsid);
	if (a->ecs)
		write_ecs(w, a);
	if (a->ede) {
		write_head(w, EDNS_EDE, 2);
		write_u16(w, a->ede_code);
	}
	if (a->keepalive) {
		write_head(w, EDNS_KEEPALIVE, 2);
		write_u16(w, a->keepalive_100ms);
	}
	write_span(w, EDNS_COOKIE, (struct span){ a->cookie, a->cookie_len });
	write_span(w, EDNS_REPORT_CHANNEL, a->report_agent);
	if (a->pad) {
		write_head(w, EDNS_PADDING, padding);
		write_bytes(w, ZEROES, padding);
	}
}
