// SPDX-License-Identifier: Apache-2.0
#include "peers/look.h"

#include "check.h"

static const uint8_t ZONE[] = "\7example\3com";
static const uint8_t NS1[] = "\3ns1\7example\3com", NS2[] = "\3ns2\7example\3com";
static const uint8_t NS3[] = "\3NS1\5other\3net", NS4[] = "\3ns4\7nowhere\3org";

/* A key of ECDSAP256SHA256 whose octets are all `fill`: its digest can be made, and no more is
 * asked of it here. */
static struct dnskey key_of(uint8_t fill, uint16_t flags)
{
	uint8_t rdata[68] = { (uint8_t)(flags >> 8), (uint8_t)flags, 3, 13 };
	struct dnskey k;

	memset(rdata + 4, fill, sizeof rdata - 4);
	assert_int_equal(dnskey_from_rdata((struct span){ rdata, sizeof rdata }, &k), ERR_OK);
	return k;
}

static struct seen_ds ds_of(const struct dnskey *k, uint8_t digest)
{
	struct seen_ds out = { 0 };
	size_t n;

	assert_int_equal(dnskey_ds(k, ZONE, digest, out.rdata, &n), ERR_OK);
	out.len = (uint8_t)n;
	return out;
}

static void add_name(struct seen_names *ns, const uint8_t *name)
{
	name_lower(name, ns->name[ns->n++]);
}

struct world {
	struct dnskey ksk, zsk, foreign, stranger;
	struct seen_ds only_ds;
	struct look_book book;
	const uint8_t *ours[2], *theirs[1];
};

static void set_up(struct world *w)
{
	*w = (struct world){ .ksk = key_of(1, 257),
			     .zsk = key_of(2, 256),
			     .foreign = key_of(3, 257),
			     .stranger = key_of(4, 257),
			     .ours = { NS1, NS2 },
			     .theirs = { NS3 } };
	w->only_ds = ds_of(&w->stranger, 2);
	w->book = (struct look_book){ .zone = ZONE,
				      .key = { [0] = &w->ksk, [5] = &w->zsk, [9] = &w->foreign },
				      .ds = { [11] = &w->only_ds },
				      .host = { w->ours, w->theirs },
				      .host_n = { 2, 1 } };
}

static void keys_get_the_numbers_of_the_group(void **state)
{
	struct world w;
	struct signer_seen *s = calloc(1, sizeof *s);
	struct signer_look look;
	struct look_unknown unknown;

	(void)state;
	set_up(&w);
	s->asked_at = 100;
	s->at = 101;
	s->key[0] = w.foreign;
	s->key[1] = w.stranger;
	s->key[2] = w.zsk;
	s->key_n = 3;
	s->key_signing = 1;
	s->zone_signing = 4;
	s->dnskey_ttl = 3600;
	look_of_signer(&w.book, s, &look, &unknown);
	assert_int_equal(look.dnskey, GROUP_BIT(5) | GROUP_BIT(9));
	assert_int_equal(look.key_signing, GROUP_BIT(9));
	assert_int_equal(look.zone_signing, GROUP_BIT(5));
	assert_int_equal(unknown.keys, 2);
	assert_int_equal(look.dnskey_ttl, 3600);
	assert_int_equal(look.asked_at, 100);
	free(s);
}

static void a_key_in_cds_or_cdnskey_alone_is_not_consented_to(void **state)
{
	struct world w;
	struct signer_seen *s = calloc(1, sizeof *s);
	struct signer_look look;
	struct look_unknown unknown;

	(void)state;
	set_up(&w);
	s->cds[0] = ds_of(&w.ksk, 4);
	s->cds[1] = ds_of(&w.foreign, 2);
	s->cds[2] = w.only_ds;
	s->cds_n = 3;
	s->has_cds = true;
	look_of_signer(&w.book, s, &look, &unknown);
	assert_int_equal(look.cds, GROUP_BIT(0) | GROUP_BIT(9) | GROUP_BIT(11));
	s->cdnskey[0] = w.ksk;
	s->cdnskey[1] = w.stranger;
	s->cdnskey_n = 2;
	s->has_cdnskey = true;
	look_of_signer(&w.book, s, &look, &unknown);
	assert_int_equal(look.cds, GROUP_BIT(0) | GROUP_BIT(11));
	assert_true(look.has_cds);
	free(s);
}

static void a_signer_is_named_whole_or_in_part(void **state)
{
	struct world w;
	struct parent_seen *p = calloc(1, sizeof *p);
	struct parent_look look;
	struct look_unknown unknown;

	(void)state;
	set_up(&w);
	add_name(&p->ns, NS2);
	add_name(&p->ns, NS3);
	add_name(&p->ns, NS4);
	look_of_parent(&w.book, p, &look, &unknown);
	assert_int_equal(look.ns_any, 3);
	assert_int_equal(look.ns_all, 2);
	assert_int_equal(unknown.ns, 4);
	add_name(&p->ns, NS1);
	look_of_parent(&w.book, p, &look, &unknown);
	assert_int_equal(look.ns_all, 3);
	free(p);
}

static void ds_records_of_nobody_are_told(void **state)
{
	struct world w;
	struct parent_seen *p = calloc(1, sizeof *p);
	struct parent_look look;
	struct look_unknown unknown;
	struct dnskey other = key_of(7, 257);

	(void)state;
	set_up(&w);
	p->ds[0] = ds_of(&other, 2);
	p->ds[1] = ds_of(&w.foreign, 2);
	p->ds_n = 2;
	p->ds_ttl = 300;
	look_of_parent(&w.book, p, &look, &unknown);
	assert_int_equal(look.ds, GROUP_BIT(9));
	assert_int_equal(unknown.ds, 1);
	assert_int_equal(look.ds_ttl, 300);
	free(p);
}

static void a_digest_that_we_do_not_make_counts_by_tag_and_algorithm(void **state)
{
	struct world w;
	struct seen_ds ds;

	(void)state;
	set_up(&w);
	ds = ds_of(&w.ksk, 2);
	ds.rdata[3] = 1; /* SHA-1 */
	assert_true(look_ds_is_of(&ds, &w.ksk, ZONE));
	assert_false(look_ds_is_of(&ds, &w.foreign, ZONE));
	ds.rdata[3] = 2;
	ds.rdata[10] ^= 1;
	assert_false(look_ds_is_of(&ds, &w.ksk, ZONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_get_the_numbers_of_the_group),
		cmocka_unit_test(a_key_in_cds_or_cdnskey_alone_is_not_consented_to),
		cmocka_unit_test(a_signer_is_named_whole_or_in_part),
		cmocka_unit_test(ds_records_of_nobody_are_told),
		cmocka_unit_test(a_digest_that_we_do_not_make_counts_by_tag_and_algorithm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
