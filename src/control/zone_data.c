// SPDX-License-Identifier: Apache-2.0
/* What a zone's files hold: records into its builder, policies compiled and hung on their names. */
#include <stdlib.h>
#include <string.h>

#include "control/catalogs.h"
#include "control/hints.h"
#include "control/internal.h"
#include "control/octodns_zone.h"
#include "control/read_ahead.h"
#include "control/steering_file.h"
#include "control/steering_lint.h"
#include "control/steering_match.h"
#include "control/steering_memory.h"
#include "control/transferred.h"
#include "control/zone_digest.h"
#include "dns/rrtype.h"

/* Records whose time of failover `concordd --check` tells. */
#define FAILOVERS_SHOWN 50

void steered_unref(struct steered *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	steer_free(s->set);
	free(s);
}

/* The RRset of a policy, with a variant for each answer that it can give. */
static enum err add_steered(struct zone_builder *b, const struct policy *p, uint32_t number,
			    const struct steer_set *set, struct diag *d)
{
	size_t n = steer_variant_n(set, number);
	struct zone_variant *variants = calloc(n, sizeof *variants);
	struct zone_record at = {
		.owner = p->owner,
		.type = p->type,
		.ttl = p->ttl,
		.file = zone_build_file(b, p->file),
		.line = p->at.line,
	};

	if (variants == NULL)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < n; i++) {
		variants[i].rdata_n = steer_variant(set, number, i, &variants[i].rdata);
		variants[i].ttl = steer_variant_ttl(set, number, i);
	}
	enum err e = zone_build_steer(b, &at, number, variants, n, d);
	free(variants);
	return e;
}

static enum err check_database(const struct zone_load *l, const struct steering *s, struct diag *d)
{
	enum err result = ERR_OK;

	for (size_t i = 0; i < s->n; i++) {
		enum err e =
		    steering_check_places(s->policies[i], l->db, l->config->geo != NULL, d);
		result = e ? e : result;
		if (e && l->db == NULL)
			break; /* once is enough */
	}
	return result;
}

/* What is steered has no signature of somebody else's. */
static enum err check_signer(const struct zone_load *l, const struct zone_builder *b,
			     struct diag *d)
{
	struct diag_place at = { .file = l->config->steering };

	if (l->config->signing != NULL || zone_build_rrset(b, l->config->name, TYPE_DNSKEY) == NULL)
		return ERR_OK;
	diag_add(
	    d, DIAG_ERROR, &at, "give the zone a policy of `signing`",
	    "the zone is signed by somebody else, whose signatures would not fit what is steered");
	return ERR_INVALID;
}

static enum err compile(const struct zone_load *l, struct zone_builder *b, const struct steering *s,
			struct steered **out, struct diag *d)
{
	const struct policy *refused = NULL;
	struct steer_options options = { .seed = l->config->seed,
					 .health = l->health,
					 .store = l->partitions,
					 .refused = &refused };
	struct steered *made = calloc(1, sizeof *made);

	if (made == NULL)
		return ERR_NOMEM;
	made->refs = 1;
	enum err e = steer_compile(&made->set, s->policies, s->n, l->db, &options);
	if (e && refused != NULL)
		steering_memory_refuse(l->partitions, refused, e, d);
	for (uint32_t i = 0; !e && i < s->n; i++)
		e = add_steered(b, s->policies[i], i, made->set, d);
	if (!e)
		e = hints_add(b, s, made->set, d);
	if (e) {
		steered_unref(made);
		return e;
	}
	steering_lint(s, made->set, d);
	if (l->counts == NULL) /* only checked */
		steering_lint_failover(s, FAILOVERS_SHOWN, d);
	*out = made;
	return ERR_OK;
}

static enum err read_spool(const struct zone_load *l, struct zone_builder *b, struct served *out,
			   struct steering **s, struct diag *d)
{
	enum err e = transferred_read(l, b, &out->primary_serial, d);

	if (!e && l->config->steering != NULL)
		e = steering_read(s, l->config->steering, l->config->name, d);
	return e;
}

/* Findings of the steering file are worth having in the same run as those of the zone file. */
static enum err read_master_file(const struct zone_load *l, struct zone_builder *b,
				 struct steering **s, struct diag *d)
{
	const struct config_zone *z = l->config;
	enum err e = ERR_OK;

	if (!read_ahead_take(l->read_ahead, z, b, d, &e))
		e = zone_digest_read(b, z->file, z->name, z->signing != NULL, z->zonemd_verify, d);
	if (z->steering == NULL || (e && e != ERR_INVALID))
		return e;
	enum err more = steering_read(s, z->steering, z->name, d);
	return e ? e : more;
}

static enum err read_octodns_file(const struct zone_load *l, struct zone_builder *b,
				  struct steering **s, struct diag *d)
{
	struct octodns_zone data = {
		.builder = b,
		.apex = l->config->name,
		.name_servers = &l->config->name_servers,
		.serial = octodns_zone_serial(l->config->file,
					      l->like != NULL ? zone_serial(l->like) : 0),
	};

	if (l->config->steering == NULL)
		return octodns_zone_read(s, &data, l->config->file, d);
	diag_add(d, DIAG_ERROR, &(struct diag_place){ .file = l->config->steering },
		 "put the policies into the zone file",
		 "a zone file in YAML holds the steering itself");
	return ERR_INVALID;
}

enum err zone_data_read(const struct zone_load *l, struct zone_builder *b, struct served *out,
			struct diag *d)
{
	struct steering *s = NULL;
	enum err e = l->spool != NULL                        ? read_spool(l, b, out, &s, d)
		     : l->listing != NULL                    ? catalog_build(l, b, out, d)
		     : octodns_zone_is_file(l->config->file) ? read_octodns_file(l, b, &s, d)
							     : read_master_file(l, b, &s, d);

	if (!e && s != NULL)
		e = check_database(l, s, d);
	bool steers = s != NULL && s->n + s->hints_n > 0;
	if (!e && steers)
		e = check_signer(l, b, d);
	if (!e && (s != NULL || zone_build_alias_n(b) > 0 || !zone_digest_stays(l->config, b)))
		e = zone_build_remove(b, l->config->name, TYPE_ZONEMD);
	if (!e && steers)
		e = compile(l, b, s, &out->steered, d);
	if (!e)
		e = alias_set_take(&out->aliases, l, s, b, d);
	steering_free(s);
	return e;
}
