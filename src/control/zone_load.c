// SPDX-License-Identifier: Apache-2.0
/* From files, keys and a location database to one version of a zone that can be served. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/internal.h"
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

<<<<<<< HEAD
=======
/* ---- steering ---- */

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
	for (uint32_t i = 0; i < n; i++)
		variants[i].rdata_n = steer_variant(set, number, i, &variants[i].rdata);
	enum err e = zone_build_steer(b, &at, number, variants, n, d);
	free(variants);
	return e;
}

static bool has_geos(const struct policy *p)
{
	for (size_t i = 0; i < p->rule_n; i++)
		if (p->rules[i].geo_n > 0)
			return true;
	return false;
}

static enum err check_database(const struct zone_load *l, const struct steering *s, struct diag *d)
{
	for (size_t i = 0; l->db == NULL && i < s->n; i++) {
		const struct policy *p = s->policies[i];
		struct diag_place at = { p->file, p->at.line, p->at.column, NULL };
		if (!has_geos(p))
			continue;
		diag_add(
		    d, DIAG_ERROR, &at, "add `geo: ID` to the zone's configuration",
		    l->config->geo == NULL
			? "the rules have geos, but the zone has no location database"
			: "the rules have geos, but the zone's location database cannot be read");
		return ERR_INVALID;
	}
	return ERR_OK;
}

static enum err add_steering(const struct zone_load *l, struct zone_builder *b,
			     struct steered **out, struct diag *d)
{
	struct steering *s = NULL;
	struct steered *made = NULL;
	struct steer_options options = { l->config->seed, STEERING_BYTES_MAX, l->health };

	if (l->config->steering == NULL)
		return ERR_OK;
	enum err e = steering_read(&s, l->config->steering, l->config->name, d);
	if (!e)
		e = check_database(l, s, d);
	if (!e) {
		made = calloc(1, sizeof *made);
		e = made != NULL ? steer_compile(&made->set, s->policies, s->n, l->db, &options)
				 : ERR_NOMEM;
		if (e)
			diag_add(d, DIAG_ERROR, &(struct diag_place){ .file = l->config->steering },
				 NULL, "cannot compile the policies: %s", err_text(e));
	}
	for (uint32_t i = 0; !e && i < s->n; i++)
		e = add_steered(b, s->policies[i], i, made->set, d);
	steering_free(s);
	if (e) {
		if (made != NULL)
			steer_free(made->set);
		free(made);
		return e;
	}
	made->refs = 1;
	*out = made;
	return ERR_OK;
}

>>>>>>> 07948c4 (health: checks of endpoints, run once for all pools that use them)
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
	nsec3_hash(context, name, out);
}

/* The control thread's, for as long as the process lives. */
static struct nsec3_hasher *hasher(void)
{
	static struct nsec3_hasher *h;

	if (h == NULL && nsec3_hasher_new(&h))
		h = NULL;
	return h;
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
		.nsec3_hash = hash_name,
		.nsec3_context = hasher(),
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
		e = zone_data_read(l, b, &s->steered, d);
	if (!e && l->keys != NULL)
		e = keyring_add_records(l->keys, b, l->config->signing->dnskey_ttl, d);
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
	s->counts = base->counts;
	s->counts->refs++;
	s->report_agent = copy_agent(base->report_agent.p);
	enum err e = keyring_keyset(keys, policy, &s->keys);
	if (!e)
		e = zone_build_change(&b, base->zone);
	for (size_t i = 0; !e && i < sizeof TYPES / sizeof *TYPES; i++)
		e = zone_build_remove(b, keys->zone, TYPES[i]);
	if (!e)
		e = keyring_add_records(keys, b, policy->dnskey_ttl, d);
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
	s->signatures = base->signatures;
	s->signatures->refs++;
	enum err full = sigcache_reserve(s->signatures->cache, zone_sig_id_end(s->zone));
	if (full)
		log_error(keys->zone_text, "signatures: no room for all: %s", err_text(full));
	*out = s;
	return ERR_OK;
}
