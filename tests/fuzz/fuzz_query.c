// SPDX-License-Identifier: Apache-2.0
// links: query control
/* The whole pipeline: bytes in, bytes out, over one fixed view; each answer is parsed again and
 * held against the rules that every answer keeps. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/zone_file.h"
#include "dns/name.h"
#include "dns/rrtype.h"
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

static struct view view;
static struct zone_view zone_view;
static struct query query;
static struct query_stats stats;
static struct rate_table rates;

static void hash_name(const uint8_t *name, uint8_t out[NSEC3_HASH_LEN], void *context)
{
	nsec3_hash(context, name, out);
}

static void make_view(void)
{
	static const uint8_t NAME[] = "\7example";
	char path[] = "/tmp/concord-fuzz-XXXXXX";
	struct zone_builder *b = NULL;
	struct zone *z = NULL;
	struct diag d = { 0 };
	uint8_t key[NAME_KEY_MAX];
	int fd = mkstemp(path);

	if (nsec3_hasher_new(&query.hasher))
		abort();
	struct zone_build_options options = { .denial = ZONE_NSEC3,
					      .nsec3_hash = hash_name,
					      .nsec3_context = query.hasher };
	if (fd < 0 || write(fd, ZONE_TEXT, sizeof ZONE_TEXT - 1) < 0 ||
	    zone_build_start(&b, NAME, NULL, &options) || zone_file_read(b, path, NAME, true, &d) ||
	    zone_build_seal(b, &z, &d))
		abort();
	close(fd);
	unlink(path);
	diag_free(&d);
	struct trie *empty = trie_new();
	struct trie *zones = trie_edit(empty);
	zone_view = (struct zone_view){ .zone = z,
					.ecs = true,
					.rate_limited = true,
					.report_agent = { AGENT, sizeof AGENT } };
	if (trie_set(zones, (struct span){ key, name_key(NAME, key) }, &zone_view, NULL))
		abort();
	trie_seal(zones);
	trie_free(empty);
	view = (struct view){ .zones = zones,
			      .udp_size = 1232,
			      .nsid = { NSID, sizeof NSID },
			      .cookies = { .n = 1 },
			      .rate_limit = { 1000000, 2, 24, 56 },
			      .keepalive_100ms = 100 };
	query.stats = &stats;
	query.rates = &rates;
}

static void skip_records(struct reader *r, unsigned n, unsigned *opts)
{
	struct name owner;

	for (unsigned i = 0; i < n; i++) {
		name_read(r, &owner);
		uint16_t type = read_u16(r);
		read_bytes(r, 6);
		read_bytes(r, read_u16(r));
		*opts += type == TYPE_OPT;
	}
}

/* Everything that a client may rely on. */
static void check(struct span in, struct span out, const struct query_client *from)
{
	struct reader r = reader_of(out.p, out.n);
	struct name qname;
	uint16_t count[4];
	unsigned opts = 0;

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
	skip_records(&r, count[1] + count[2], &opts);
	if (opts > 0)
		abort();
	skip_records(&r, count[3], &opts);
	if (r.bad || r.p != r.end || opts > 1)
		abort();
	if (!from->tcp && out.n > 1232)
		abort();
}

static void ask(struct span in, const struct query_client *from)
{
	static uint8_t answer[MESSAGE_MAX];
	struct writer w = writer_of(answer, from->tcp ? MESSAGE_MAX : 4096);

	query.view = &view;
	query.now = 1700000000;
	enum verdict v = query_answer(&query, in, from, &w);
	if (v == QUERY_WAIT || (v == QUERY_REPLY && (in.n < 12 || (in.p[2] & 0x80))))
		abort();
	if (v == QUERY_REPLY)
		check(in, (struct span){ answer, writer_len(&w) }, from);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct query_client UDP = { .addr = { IP_V4, { 192, 0, 2, 1 } } };
	static const struct query_client TLS = { .addr = { IP_V6, { 0x20, 1 } },
						 .tcp = true,
						 .encrypted = true };

	if (view.zones == NULL)
		make_view();
	uint8_t *exact = malloc(size > 0 ? size : 1);
	if (exact == NULL || size > MESSAGE_MAX) {
		free(exact);
		return 0;
	}
	if (size > 0)
		memcpy(exact, data, size);
	query_prefetch(&view, &(struct span){ exact, size }, 1);
	ask((struct span){ exact, size }, &UDP);
	ask((struct span){ exact, size }, &TLS);
	free(exact);
	return 0;
}
