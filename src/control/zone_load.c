// SPDX-License-Identifier: Apache-2.0
/* From files, keys and a location database to one version of a zone that can be served. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/internal.h"
#include "control/updates.h"
#include "control/zone_digest.h"
#include "dns/rrtype.h"
#include "dnssec/nsec3.h"

struct zone_counts *zone_counts_new(unsigned worker_n)
{
	struct zone_counts *c =
	    calloc(1, sizeof *c + worker_n * ZONE_RCODES * sizeof(struct counter));

	if (c != NULL)
		c->refs = 1;
	return c;
}

void zone_counts_unref(struct zone_counts *c)
{
	if (c != NULL && --c->refs == 0)
		free(c);
}

struct signatures *signatures_new(void)
{
	struct signatures *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->refs = 1;
	if (sigcache_new(&s->cache)) {
		free(s);
		return NULL;
	}
	return s;
}

void signatures_unref(struct signatures *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	sigcache_free(s->cache);
	free(s);
}

struct served *served_ref(struct served *s)
{
	s->refs++;
	return s;
}

void served_unref(struct served *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	zone_free(s->zone); /* tells the cache of ids, so before it */
	steered_unref(s->steered);
	alias_set_unref(s->aliases);
	alias_borrowed_unref(s->borrowed);
	keyset_free(s->keys);
	signatures_unref(s->signatures);
	zone_counts_unref(s->counts);
	free((void *)(uintptr_t)s->report_agent.p);
	free(s);
}

static void forget(uint32_t id, void *context)
{
	const struct signatures *s = context;

	sigcache_forget(s->cache, id);
}

/* ---- the whole ---- */

static enum err finish(const struct zone_load *l, struct zone_builder *b, struct served *s,
		       struct diag *d)
{
	enum err e = zone_build_seal(b, &s->zone, d);

	if (e)
		return e;
	if (l->keys != NULL) {
		/* The version is there now: what fails here leaves names unsigned that are new,
		 * which then get SERVFAIL. */
		enum err full = sigcache_reserve(l->signatures->cache, zone_sig_id_end(s->zone));
		if (full)
			log_error(l->config->text, "signatures: no room for all: %s",
				  err_text(full));
	}
	return ERR_OK;
}

static void hash_name(const uint8_t *name, uint8_t out[NSEC3_HASH_LEN], void *context)
{
	(void)context;
	nsec3_hash(name, out);
}

static struct span copy_agent(const uint8_t *name)
{
	size_t n = name != NULL ? name_len(name) : 0;
	uint8_t *copy = n > 0 ? malloc(n) : NULL;

	if (copy == NULL)
		return (struct span){ 0 };
	memcpy(copy, name, n);
	return (struct span){ copy, n };
}

static void set_options(struct served *s, const struct zone_load *l)
{
	s->ecs = l->config->ecs;
	s->rate_limited = l->config->rate_limit;
	s->report_agent = copy_agent(l->config->report_agent);
	s->counts = l->counts;
	if (s->counts != NULL)
		s->counts->refs++;
}

enum err zone_load(const struct zone_load *l, struct served **out, struct diag *d)
{
	struct zone_builder *b = NULL;
	size_t errors = d->error_n;
	bool sign = l->config->signing != NULL;
	struct zone_build_options options = {
		.denial = sign ? l->config->signing->denial : ZONE_NO_DENIAL,
		.given = !sign,
		.nsec3_hash = hash_name,
		.id_freed = l->signatures != NULL ? forget : NULL,
		.id_context = l->signatures,
	};
	struct served *s = calloc(1, sizeof *s);

	if (s == NULL)
		return ERR_NOMEM;
	s->refs = 1;
	set_options(s, l);
	enum err e =
	    l->keys != NULL ? keyring_keyset(l->keys, l->config->signing, &s->keys) : ERR_OK;
	if (e)
		diag_add(d, DIAG_ERROR, NULL, NULL, "no key signs the zone: %s", err_text(e));
	if (!e)
		e = zone_build_start(&b, l->config->name, l->like, &options);
	if (!e)
		e = zone_data_read(l, b, s, d);
	if (!e && l->journal != NULL && l->spool == NULL)
		e = updates_replay(l->journal, l->config, b, d);
	if (!e)
		e = alias_set_keep(s, l->before, b);
	if (!e && l->config->zonemd != 0)
		e = zone_digest_hold_place(l->config, l->like, b, d);
	if (!e && l->keys != NULL)
		e = keyring_add_records(l->keys, b, l->config->signing, d);
	if (!e && d->error_n > errors)
		e = ERR_INVALID;
	if (!e) {
		e = finish(l, b, s, d);
		b = NULL;
	}
	zone_build_abort(b);
	if (e) {
		served_unref(s);
		return e;
	}
	if (l->keys != NULL) {
		s->signatures = l->signatures;
		s->signatures->refs++;
	}
	*out = s;
	return ERR_OK;
}

enum err zone_load_keys(const struct served *base, const struct keyring *keys,
			const struct config_signing *policy, struct served **out, struct diag *d)
{
	static const uint16_t TYPES[] = { TYPE_DNSKEY, TYPE_CDS, TYPE_CDNSKEY };
	struct zone_builder *b = NULL;
	struct served *s = calloc(1, sizeof *s);

	if (s == NULL)
		return ERR_NOMEM;
	s->refs = 1;
	s->ecs = base->ecs;
	s->rate_limited = base->rate_limited;
	s->primary_serial = base->primary_serial;
	s->counts = base->counts;
	s->counts->refs++;
	s->report_agent = copy_agent(base->report_agent.p);
	enum err e = keyring_keyset(keys, policy, &s->keys);
	if (!e)
		e = zone_build_change(&b, base->zone);
	for (size_t i = 0; !e && i < sizeof TYPES / sizeof *TYPES; i++)
		e = zone_build_remove(b, keys->zone, TYPES[i]);
	if (!e)
		e = keyring_add_records(keys, b, policy, d);
	if (!e) {
		e = zone_build_seal(b, &s->zone, d);
		b = NULL;
	}
	zone_build_abort(b);
	if (e) {
		served_unref(s);
		return e;
	}
	s->steered = base->steered;
	if (s->steered != NULL)
		s->steered->refs++;
	s->aliases = alias_set_ref(base->aliases);
	s->borrowed = alias_borrowed_ref(base->borrowed);
	s->signatures = base->signatures;
	s->signatures->refs++;
	enum err full = sigcache_reserve(s->signatures->cache, zone_sig_id_end(s->zone));
	if (full)
		log_error(keys->zone_text, "signatures: no room for all: %s", err_text(full));
	*out = s;
	return ERR_OK;
}

enum err zone_load_change(const struct served *base, struct zone_builder *b, struct served **out,
			  struct diag *d)
{
	struct served *s = calloc(1, sizeof *s);

	if (s == NULL) {
		zone_build_abort(b);
		return ERR_NOMEM;
	}
	*s = *base;
	s->refs = 1;
	s->zone = NULL;
	s->report_agent = copy_agent(base->report_agent.p);
	s->keys = base->keys != NULL ? keyset_ref(base->keys) : NULL;
	if (s->counts != NULL)
		s->counts->refs++;
	if (s->steered != NULL)
		s->steered->refs++;
	alias_set_ref(s->aliases);
	alias_borrowed_ref(s->borrowed);
	if (s->signatures != NULL)
		s->signatures->refs++;
	enum err e = zone_build_seal(b, &s->zone, d);
	if (e) {
		served_unref(s);
		return e;
	}
	if (s->signatures != NULL &&
	    sigcache_reserve(s->signatures->cache, zone_sig_id_end(s->zone)))
		log_error(NULL, "signatures: no room for all");
	*out = s;
	return ERR_OK;
}
