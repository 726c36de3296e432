// SPDX-License-Identifier: Apache-2.0
// links: query control
/* The whole pipeline: bytes in, bytes out, over fixed views (unsigned, signed with NSEC, signed
 * with NSEC3); each answer is parsed again and held against the rules that every answer keeps. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/zone_file.h"
#include "dns/name.h"
#include "dns/rrtype.h"
#include "dnssec/algorithm.h"
#include "dnssec/key.h"
#include "query/query.h"

static const char ZONE_TEXT[] =
    "$TTL 300\n@ IN SOA ns1 h 1 2 3 4 5\n@ IN NS ns1\nns1 IN A 192.0.2.1\n@ IN MX 1 ns1\n"
    "*.w IN A 192.0.2.2\na.b.c IN TXT \"deep\"\ncut IN NS ns.cut\nns.cut IN A 192.0.2.3\n"
    "old IN DNAME new\nx.new IN A 192.0.2.4\nal IN CNAME al2\nal2 IN CNAME www\nwww IN A "
    "192.0.2.5\n"
    "l1 IN CNAME l2\nl2 IN CNAME l1\ns IN HTTPS 1 . alpn=h2\ns IN A 192.0.2.6\ng IN DNAME g.g\n";

/* As long as they may be: not all options fit beside all questions. */
static const uint8_t NSID[128] = { 'n' };
static const uint8_t AGENT[193] = { 63, [64] = 63, [128] = 63 };

/* One view for each way to prove that a name is not there. */
static struct fixed {
	struct view view;
	struct zone_view zone;
} fixed[ZONE_COMPACT + 1];
static struct query query;
static struct query_stats stats;
static struct rate_table rates;
static struct memo memo;

static void hash_name(const uint8_t *name, uint8_t out[NSEC3_HASH_LEN], void *context)
{
	(void)context;
	nsec3_hash(name, out);
}

static const uint8_t NAME[] = "\7example";

static struct zone *make_zone(enum zone_denial denial)
{
	char path[] = "/tmp/concord-fuzz-XXXXXX";
	struct zone_builder *b = NULL;
	struct zone *z = NULL;
	struct diag d = { 0 };
	int fd = mkstemp(path);
	struct zone_build_options options = { .denial = denial, .nsec3_hash = hash_name };

	if (fd < 0 || write(fd, ZONE_TEXT, sizeof ZONE_TEXT - 1) < 0 ||
	    zone_build_start(&b, NAME, NULL, &options) || zone_file_read(b, path, NAME, true, &d) ||
	    zone_build_seal(b, &z, &d))
		abort();
	close(fd);
	unlink(path);
	diag_free(&d);
	return z;
}

static void sign_view(struct zone_view *zv)
{
	static const struct sign_policy POLICY = { .validity_s = 86400, .refresh_s = 3600 };
	static struct keyset *keys;
	struct keyset_member csk = { .role = KEY_CSK, .active = true };

	if (keys == NULL && (key_generate(&csk.key, ALG_ECDSAP256SHA256, KEY_CSK, NULL, 0) ||
			     keyset_new(&keys, NAME, &POLICY, &csk, 1)))
		abort();
	zv->keys = keys;
	if (sigcache_new(&zv->sigs) || sigcache_reserve(zv->sigs, zone_sig_id_end(zv->zone)))
		abort();
}

static void make_view(struct fixed *f, enum zone_denial denial)
{
	uint8_t key[NAME_KEY_MAX];
	struct trie *empty = trie_new();
	struct trie *zones = trie_edit(empty);

	struct zone *z = make_zone(denial);
	f->zone = (struct zone_view){ .name = zone_name(z),
				      .zone = z,
				      .ecs = true,
				      .rate_limited = true,
				      .report_agent = { AGENT, sizeof AGENT } };
	if (denial != ZONE_NO_DENIAL)
		sign_view(&f->zone);
	if (trie_set(zones, (struct span){ key, name_key(NAME, key) }, &f->zone, NULL))
		abort();
	trie_seal(zones);
	trie_free(empty);
	f->view = (struct view){ .id = denial + 1u,
				 .zones = zones,
				 .udp_size = 1232,
				 .nsid = { NSID, sizeof NSID },
				 .cookies = { .n = 1 },
				 .rate_limit = { 1000000, 2, 24, 56 },
				 .keepalive_100ms = 100 };
	if (denial == ZONE_COMPACT && keyed_new(&f->view.made, KEYED_BYTES_MIN))
		abort();
}

static void prepare(void)
{
	rcu_thread_register();
	if (nsec3_hasher_new(&query.hasher) || signer_new(&query.signer))
		abort();
	query.stats = &stats;
	query.rates = &rates;
	query.memo = &memo;
	for (int i = ZONE_NO_DENIAL; i <= ZONE_COMPACT; i++)
		make_view(&fixed[i], (enum zone_denial)i);
}

/* Types seen in the sections of an answer. */
struct seen {
	unsigned opts, signatures, denials, others;
};

static void skip_records(struct reader *r, unsigned n, struct seen *seen)
{
	struct name owner;

	for (unsigned i = 0; i < n; i++) {
		name_read(r, &owner);
		uint16_t type = read_u16(r);
		read_bytes(r, 6);
		read_bytes(r, read_u16(r));
		switch (type) {
		case TYPE_OPT:
			seen->opts++;
			break;
		case TYPE_RRSIG:
			seen->signatures++;
			break;
		case TYPE_NSEC:
		case TYPE_NSEC3:
			seen->denials++;
			break;
		default:
			seen->others++;
		}
	}
}

/* RFC 4035 §3.1: with DO every authoritative answer is signed, and what is not there is proved;
 * without it, neither comes unless it is what was asked for. */
static void check_dnssec(uint16_t flags, const struct seen *answer, const struct seen *authority)
{
	bool dnssec_ok = query.msg.edns.present && (query.msg.edns.flags & EDNS_DO);
	bool asked = query.msg.qtype == TYPE_RRSIG || query.msg.qtype == TYPE_NSEC ||
		     query.msg.qtype == TYPE_ANY || query.msg.qtype == TYPE_NSEC3;
	bool is_signed = query.answer.zone != NULL && query.answer.zone->keys != NULL;

	if (flags & FLAG_TC)
		return;
	if (!dnssec_ok || !is_signed) {
		if (!asked && answer->signatures + authority->signatures + authority->denials > 0)
			abort();
		return;
	}
	if ((flags & FLAG_AA) && answer->others > 0 && answer->signatures == 0)
		abort();
	if (authority->denials > 0 && authority->signatures == 0)
		abort();
	if ((flags & 0xf) == RCODE_NXDOMAIN && authority->denials == 0)
		abort();
}

/* Everything that a client may rely on. */
static void check(struct span in, struct span out, const struct query_client *from)
{
	struct reader r = reader_of(out.p, out.n);
	struct name qname;
	uint16_t count[4];
	struct seen answer = { 0 }, authority = { 0 }, additional = { 0 };

	uint16_t id = read_u16(&r), flags = read_u16(&r);
	if (id != load_u16(in.p) || !(flags & FLAG_QR) || (flags & FLAG_RA) || (flags & FLAG_AD))
		abort();
	if ((flags & 0x7800) != (load_u16(in.p + 2) & 0x7800))
		abort();
	for (int i = 0; i < 4; i++)
		count[i] = read_u16(&r);
	if (count[0] > 1)
		abort();
	if (count[0] == 1) {
		name_read(&r, &qname);
		read_u32(&r);
	}
	skip_records(&r, count[1], &answer);
	skip_records(&r, count[2], &authority);
	skip_records(&r, count[3], &additional);
	if (answer.opts + authority.opts > 0)
		abort();
	if (r.bad || r.p != r.end || additional.opts > 1)
		abort();
	check_dnssec(flags, &answer, &authority);
	if (!from->tcp && out.n > 1232)
		abort();
}

/* Goes on, slowly: no more answers a second than are let through, in as many runs as there are. */
static int64_t now = 1700000000;

static enum verdict answer(struct view *view, struct span in, const struct query_client *from,
			   const struct query_ahead *looked_up, struct writer *w)
{
	query.view = view;
	query.now = now;
	query.sign_budget = 100;
	query.looked_up = looked_up;
	enum verdict v = query_answer(&query, in, from, w);
	if (v == QUERY_WAIT || (v == QUERY_REPLY && (in.n < 12 || (in.p[2] & 0x80))))
		abort();
	return v;
}

/* Letters of the other case: another question for the same name (RFC 4343). */
static void turn_case(uint8_t *name, size_t n)
{
	for (size_t at = 0; at < n && name[at] != 0 && name[at] < 64; at += 1u + name[at])
		for (size_t i = at + 1; i <= at + name[at] && i < n; i++)
			if ((name[i] | 0x20) >= 'a' && (name[i] | 0x20) <= 'z')
				name[i] ^= 0x20;
}

/* Asked as a worker does it, and in one go: what was looked up ahead, or is known, makes no
 * difference. */
static void ask(struct view *view, struct span in, const struct query_client *from)
{
	static uint8_t first[MESSAGE_MAX], second[MESSAGE_MAX];
	size_t room = from->tcp ? MESSAGE_MAX : 4096;
	struct writer w = writer_of(first, room), again = writer_of(second, room);

	query.view = view;
	query_look_ahead(&query, &in, &from->addr, 1);
	enum verdict v = answer(view, in, from, &query.ahead[0], &w);
	if (v != QUERY_REPLY)
		return;
	if (answer(view, in, from, NULL, &again) != v ||
	    !span_equal((struct span){ first, writer_len(&w) },
			(struct span){ second, writer_len(&again) }))
		abort();
	check(in, (struct span){ second, writer_len(&again) }, from);
}

/* The second time it is kept, from the third on it is known, in whatever case. */
static void ask_often(struct view *view, uint8_t *in, size_t n, const struct query_client *from)
{
	for (unsigned i = 0; i < 4; i++) {
		ask(view, (struct span){ in, n }, from);
		if (n > MESSAGE_HEADER_LEN)
			turn_case(in + MESSAGE_HEADER_LEN, n - MESSAGE_HEADER_LEN);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct query_client UDP = { .addr = { IP_V4, { 192, 0, 2, 1 } } };
	static const struct query_client TLS = { .addr = { IP_V6, { 0x20, 1 } },
						 .tcp = true,
						 .encrypted = true };

	static unsigned run_n;

	if (query.signer == NULL)
		prepare();
	now += ++run_n % 10000 == 0;
	uint8_t *exact = malloc(size > 0 ? size : 1);
	if (exact == NULL || size > MESSAGE_MAX) {
		free(exact);
		return 0;
	}
	if (size > 0)
		memcpy(exact, data, size);
	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
		ask_often(&fixed[i].view, exact, size, &UDP);
		ask_often(&fixed[i].view, exact, size, &TLS);
	}
	free(exact);
	return 0;
}
