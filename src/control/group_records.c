// SPDX-License-Identifier: Apache-2.0
#include "control/group_records.h"

#include "control/group_zone.h"
#include "dns/rrtype.h"

/* SOA serial 0, flags immediate; A, NS and AAAA (RFC 7477 §2.1.1). */
static const uint8_t CSYNC[] = { 0, 0, 0, 0, 0, 1, 0, 4, 0x60, 0, 0, 0x08 };

struct span group_csync_rdata(void)
{
	return (struct span){ CSYNC, sizeof CSYNC };
}

bool group_rules_records(const struct group_zone *z)
{
	return z != NULL && group_is_running(z) && z->group.sets.decided;
}

size_t group_foreign_tags(const struct group_zone *z, uint16_t out[64])
{
	size_t n = 0;

	for (unsigned k = 0; z != NULL && k < GROUP_KEYS_MAX; k++)
		if (z->group.key[k].used && z->group.key[k].owner != GROUP_SELF)
			out[n++] = z->group.key[k].tag;
	return n;
}

struct adding {
	struct zone_builder *b;
	const uint8_t *apex;
	uint32_t ttl;
	struct diag *d;
};

static enum err add(const struct adding *a, uint16_t type, uint32_t ttl, struct span rdata)
{
	struct zone_record r = { .owner = a->apex, .type = type, .ttl = ttl, .rdata = rdata };

	return zone_build_add(a->b, &r, a->d);
}

static enum err add_dnskeys(const struct adding *a, const struct group_zone *z)
{
	enum err e = ERR_OK;

	for (unsigned k = 0; k < GROUP_KEYS_MAX && !e; k++)
		if (group_has(z->group.sets.dnskey, k) && z->group.key[k].known)
			e = add(a, TYPE_DNSKEY, a->ttl,
				(struct span){ z->key[k].rdata, z->key[k].rdata_len });
	return e;
}

/* RFC 7344 §4: one key as CDS. */
static enum err add_cds_of(const struct adding *a, const struct group_zone *z, unsigned k,
			   uint32_t digests)
{
	static const uint8_t DIGESTS[] = { 2, 4 };
	uint8_t ds[DS_RDATA_MAX];
	enum err e = ERR_OK;

	if (!z->group.key[k].known)
		return add(a, TYPE_CDS, a->ttl, (struct span){ z->ds[k].rdata, z->ds[k].len });
	for (size_t i = 0; i < sizeof DIGESTS && !e; i++) {
		size_t n = 0;
		if (!(digests & 1u << DIGESTS[i]))
			continue;
		e = dnskey_ds(&z->key[k], a->apex, DIGESTS[i], ds, &n);
		if (!e)
			e = add(a, TYPE_CDS, a->ttl, (struct span){ ds, n });
	}
	return e;
}

static bool all_known(const struct group_zone *z)
{
	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++)
		if (group_has(z->group.sets.cds, k) && !z->group.key[k].known)
			return false;
	return true;
}

static enum err add_cds(const struct adding *a, const struct group_zone *z, uint32_t digests)
{
	bool cdnskey = all_known(z);
	enum err e = ERR_OK;

	for (unsigned k = 0; k < GROUP_KEYS_MAX && !e; k++) {
		if (!group_has(z->group.sets.cds, k) || !z->group.key[k].used)
			continue;
		e = add_cds_of(a, z, k, digests);
		if (!e && cdnskey)
			e = add(a, TYPE_CDNSKEY, a->ttl,
				(struct span){ z->key[k].rdata, z->key[k].rdata_len });
	}
	return e;
}

static enum err add_names(const struct adding *a, const struct group_zone *z, uint32_t ttl)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		const struct config_signer *s =
		    z->group.sets.ns >> i & 1 ? config_signer_find(z->config, z->signer[i]) : NULL;
		for (size_t v = 0; s != NULL && v < s->server_n && !e; v++) {
			const uint8_t *host = s->servers[v].host;
			e = add(a, TYPE_NS, ttl, (struct span){ host, name_len(host) });
		}
	}
	return e;
}

static bool names_anybody(const struct group_zone *z)
{
	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++)
		if ((z->group.sets.ns >> i & 1) &&
		    config_signer_find(z->config, z->signer[i]) != NULL)
			return true;
	return false;
}

static enum err replace_ns(const struct adding *a, const struct group_zone *z)
{
	const struct rrset *before = zone_build_rrset(a->b, a->apex, TYPE_NS);

	if (!names_anybody(z))
		return ERR_OK;
	uint32_t ttl = before != NULL ? before->ttl : a->ttl;
	enum err e = zone_build_remove(a->b, a->apex, TYPE_NS);
	return e ? e : add_names(a, z, ttl);
}

enum err group_add_records(const struct group_zone *z, struct zone_builder *b,
			   const struct config_signing *p, struct diag *d)
{
	struct adding a = { b, z->entry->name, p->dnskey_ttl, d };
	enum err e = zone_build_remove(b, a.apex, TYPE_CSYNC);

	if (!e)
		e = add_dnskeys(&a, z);
	if (!e)
		e = add_cds(&a, z, p->cds_digests);
	if (!e)
		e = replace_ns(&a, z);
	if (!e && z->group.sets.csync)
		e = add(&a, TYPE_CSYNC, p->dnskey_ttl, (struct span){ CSYNC, sizeof CSYNC });
	return e;
}
