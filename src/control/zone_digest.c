// SPDX-License-Identifier: Apache-2.0
#include "control/zone_digest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/internal.h"
#include "control/zone_file.h"
#include "dns/rrtype.h"
#include "transfer/zonemd.h"

/* ---- of a file ---- */

static enum err keep(const struct zone_record *r, void *context)
{
	return zonemd_heap_add(context, r->owner, r->type, r->ttl, r->rdata);
}

/* The file is read once more, all of it: what is left out of the zone is in the digest. */
static enum err verify_file(const char *path, const uint8_t *apex, enum zonemd_verdict *v,
			    char why[ZONEMD_WHY_MAX])
{
	struct zonemd_heap *h = NULL;
	struct diag again = { 0 }; /* it was said the first time */
	enum err e = zonemd_heap_new(&h);

	if (!e)
		e = zone_file_each(path, apex, keep, h, &again);
	if (!e)
		e = zonemd_heap_verify(h, apex, v, why);
	if (e)
		snprintf(why, ZONEMD_WHY_MAX, "its digest cannot be made: %s",
			 e == ERR_IO ? strerror(errno) : err_text(e));
	diag_free(&again);
	zonemd_heap_free(h);
	return e;
}

enum err zone_digest_read(struct zone_builder *b, const char *path, const uint8_t *apex,
			  bool signed_by_us, unsigned policy, struct diag *d)
{
	enum zonemd_verdict v = ZONEMD_NONE;
	char why[ZONEMD_WHY_MAX] = "it has no ZONEMD";
	struct diag_place at = { .file = path };
	enum err e = zone_file_read(b, path, apex, signed_by_us, d);

	if (e || policy == ZONE_DIGEST_NO)
		return e;
	if (zone_build_rrset(b, apex, TYPE_ZONEMD) != NULL && verify_file(path, apex, &v, why))
		v = ZONEMD_BAD;
	bool fails = v == ZONEMD_BAD || (policy == ZONE_DIGEST_REQUIRED && v != ZONEMD_GOOD);
	if (fails)
		diag_add(d, DIAG_ERROR, &at, "make it anew, or see `zonemd-verify`",
			 "the zone is not what it should be: %s", why);
	else if (v == ZONEMD_UNKNOWN)
		diag_add(d, DIAG_WARNING, &at, NULL, "the zone was not verified: %s", why);
	return fails ? ERR_INVALID : ERR_OK;
}

/* ---- in the zone ---- */

static bool is_signed_elsewhere(const struct config_zone *z, const struct zone_builder *b)
{
	return z->signing == NULL && zone_build_rrset(b, z->name, TYPE_DNSKEY) != NULL;
}

bool zone_digest_stays(const struct config_zone *z, const struct zone_builder *b)
{
	return z->signing == NULL && (z->zonemd == 0 || is_signed_elsewhere(z, b));
}

enum err zone_digest_hold_place(const struct config_zone *z, const struct zone *like,
				struct zone_builder *b, struct diag *d)
{
	uint8_t nothing[ZONEMD_RDATA_MAX] = { [4] = ZONEMD_SIMPLE, [5] = (uint8_t)z->zonemd };
	const struct rrset *soa = zone_build_rrset(b, z->name, TYPE_SOA),
			   *before = like != NULL ? node_rrset(zone_apex(like), TYPE_ZONEMD) : NULL;
	struct zone_record r = {
		.owner = z->name,
		.type = TYPE_ZONEMD,
		.ttl = soa != NULL ? soa->ttl : 0,
		.rdata = { nothing, z->zonemd == ZONEMD_SHA512 ? 6 + 64 : 6 + 48 },
	};

	if (is_signed_elsewhere(z, b)) {
		diag_add(d, DIAG_WARNING, NULL, NULL,
			 "no ZONEMD is made: the zone is signed by somebody else");
		return ERR_OK;
	}
	if (before != NULL && before->rr_n == 1 && before->wire[RR_FIXED_LEN + 5] == z->zonemd)
		r.rdata =
		    (struct span){ before->wire + RR_FIXED_LEN, before->wire_len - RR_FIXED_LEN };
	enum err e = zone_build_remove(b, z->name, TYPE_ZONEMD);
	return e ? e : zone_build_add(b, &r, d);
}

bool zone_digest_is_made(const struct zone_entry *e)
{
	return e->config.zonemd != 0 &&
	       (e->keys != NULL || e->served == NULL ||
		node_rrset(zone_apex(e->served->zone), TYPE_DNSKEY) == NULL);
}
