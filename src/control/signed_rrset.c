// SPDX-License-Identifier: Apache-2.0
#include "control/signed_rrset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "control/internal.h"
#include "dns/rrtype.h"
#include "dns/wire.h"
#include "dnssec/algorithm.h"
#include "dnssec/base64.h"
#include "dnssec/signer.h"
#include "zone/rrset.h"

#define RRSIG_FIXED 18
#define RECORD_MAX  (NAME_TEXT_MAX + DNSKEY_TEXT_MAX + 80)

static const struct {
	const char *name;
	uint16_t type;
} TYPES[] = { { "DNSKEY", TYPE_DNSKEY }, { "CDS", TYPE_CDS }, { "CDNSKEY", TYPE_CDNSKEY } };
#define TYPE_N (sizeof TYPES / sizeof *TYPES)

/* "13 2 0A1B..." of CDS RDATA: tag, algorithm, digest type, digest. */
static void write_cds(struct span rdata, char *out, size_t cap)
{
	int n = snprintf(out, cap, "%u %u %u ", load_u16(rdata.p), rdata.p[2], rdata.p[3]);

	for (size_t i = 4; i < rdata.n; i++)
		n += snprintf(out + n, cap - (size_t)n, "%02X", rdata.p[i]);
}

static bool write_record(const char *zone, size_t type, uint32_t ttl, struct span rdata,
			 char out[RECORD_MAX])
{
	char text[DNSKEY_TEXT_MAX];
	struct dnskey key;

	if (TYPES[type].type == TYPE_CDS) {
		if (rdata.n < 4 || rdata.n > DS_RDATA_MAX)
			return false;
		write_cds(rdata, text, sizeof text);
	} else {
		if (dnskey_from_rdata(rdata, &key))
			return false;
		dnskey_to_text(&key, text);
	}
	snprintf(out, RECORD_MAX, "%s %u IN %s %s", zone, ttl, TYPES[type].name, text);
	return true;
}

/* Calls for each record in wire form without owners; returns its RDATA and moves on. */
static bool next_record(struct reader *r, struct span *rdata)
{
	if (reader_left(r) == 0)
		return false;
	read_bytes(r, 8); /* type, class, TTL */
	uint16_t n = read_u16(r);
	*rdata = (struct span){ read_bytes(r, n), n };
	return !r->bad;
}

static void write_time(uint32_t at, char out[16])
{
	time_t t = (time_t)at;
	struct tm tm;

	strftime(out, 16, "%Y%m%d%H%M%S", gmtime_r(&t, &tm));
}

static bool write_signature(const char *zone, size_t type, const struct zone_entry *e,
			    struct span rdata, char out[RECORD_MAX])
{
	char begins[16], ends[16], text[4 * (ALGORITHM_SIGNATURE_MAX + 3) / 3 + 4];
	size_t head = RRSIG_FIXED + name_len(e->name);

	if (rdata.n <= head || rdata.n - head > ALGORITHM_SIGNATURE_MAX)
		return false;
	write_time(load_u32(rdata.p + 8), ends);
	write_time(load_u32(rdata.p + 12), begins);
	base64_encode(rdata.p + head, rdata.n - head, text);
	snprintf(out, RECORD_MAX, "%s %u IN RRSIG %s %u %u %u %s %s %u %s %s", zone,
		 load_u32(rdata.p + 4), TYPES[type].name, rdata.p[2], rdata.p[3],
		 load_u32(rdata.p + 4), ends, begins, load_u16(rdata.p + 16), zone, text);
	return true;
}

static enum err sign(const struct zone_entry *e, const struct rrset *set, struct sig **out)
{
	struct signer *signer = NULL;
	struct sign_input in = { .owner = e->name,
				 .type = set->type,
				 .ttl = set->ttl,
				 .rr_n = set->rr_n,
				 .wire = { set->wire, set->wire_len } };
	enum err err = signer_new(&signer);

	if (!err)
		err = signer_sign(signer, e->served->keys, &in, control_now(), out);
	signer_free(signer);
	return err;
}

static json_t *describe(const struct zone_entry *e, size_t type, const struct rrset *set,
			const struct sig *sig)
{
	json_t *records = json_array(), *signatures = json_array();
	struct reader r = reader_of(set->wire, set->wire_len);
	struct span rdata;
	char text[RECORD_MAX];

	while (next_record(&r, &rdata))
		if (write_record(e->text, type, set->ttl, rdata, text))
			json_array_append_new(records, json_string(text));
	r = reader_of(sig->wire, sig->wire_len);
	while (next_record(&r, &rdata))
		if (write_signature(e->text, type, e, rdata, text))
			json_array_append_new(signatures, json_string(text));
	return json_pack("{s:s, s:s, s:I, s:o, s:o, s:I, s:I}", "zone", e->text, "type",
			 TYPES[type].name, "ttl", (json_int_t)set->ttl, "records", records,
			 "signatures", signatures, "inception", (json_int_t)sig->inception,
			 "expiration", (json_int_t)sig->expire_at);
}

static const struct rrset *find(struct control *c, const char *zone, const char *type,
				struct zone_entry **e, size_t *at, struct control_result *r)
{
	*e = control_zone(c, zone, r);
	if (*e == NULL)
		return NULL;
	if ((*e)->served->keys == NULL) {
		control_fail(r, ERR_REFUSED, "the zone %s is not signed here", (*e)->text);
		return NULL;
	}
	for (*at = 0; *at < TYPE_N; ++*at)
		if (strcasecmp(type, TYPES[*at].name) == 0)
			break;
	const struct rrset *set =
	    *at < TYPE_N ? node_rrset(zone_apex((*e)->served->zone), TYPES[*at].type) : NULL;
	if (set == NULL)
		control_fail(r, ERR_NOT_FOUND,
			     "%s has no such RRset at its apex (DNSKEY, CDS, CDNSKEY)", (*e)->text);
	return set;
}

json_t *control_signed_rrset(struct control *c, const char *zone, const char *type,
			     struct control_result *r)
{
	struct zone_entry *e;
	struct sig *sig = NULL;
	size_t at;
	const struct rrset *set = find(c, zone, type, &e, &at, r);

	if (set == NULL)
		return NULL;
	enum err err = sign(e, set, &sig);
	if (err) {
		control_fail(r, err, "no signature could be made: %s", err_text(err));
		return NULL;
	}
	json_t *j = describe(e, at, set, sig);
	sig_free(sig);
	return j;
}
