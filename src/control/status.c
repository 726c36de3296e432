// SPDX-License-Identifier: Apache-2.0
/* What the API says of the server and its zones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/aliases.h"
#include "control/bundle_commands.h"
#include "control/catalogs.h"
#include "control/internal.h"
#include "control/key_parent.h"
#include "control/steering_memory.h"
#include "dnssec/algorithm.h"

static char *time_text(int64_t at, char out[32])
{
	struct tm tm;
	time_t t = (time_t)at;

	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	return out;
}

json_t *control_status(struct control *c)
{
	char started[32], reloaded[32];
	const struct view *v = view_load(&c->views);
	json_t *listen = json_array();
	const struct config_server *s = &c->config->server;

	for (size_t i = 0; i < s->listen_n; i++) {
		char addr[IP_TEXT_MAX], text[IP_TEXT_MAX + 8];
		snprintf(text, sizeof text, "%s@%u", ip_to_text(&s->listen[i].addr, addr),
			 s->listen[i].port);
		json_array_append_new(listen, json_string(text));
	}
	return json_pack(
	    "{s:s, s:i, s:s, s:I, s:I, s:I, s:s, s:b, s:o, s:o, s:o}", "version", CONCORD_VERSION,
	    "pid", (int)getpid(), "started", time_text(c->started_at, started), "uptime_s",
	    (json_int_t)(control_now() - c->started_at), "view",
	    (json_int_t)(v != NULL ? v->id : 0), "zones", (json_int_t)c->entry_n, "reloaded",
	    time_text(c->reloaded_at, reloaded), "reload_failed", c->reload_failed, "listen",
	    listen, "geo", databases_status(c->databases), "steering", steering_memory_status(c));
}

static json_t *zone_summary(const struct zone_entry *e)
{
	char loaded[32];
	const struct served *s = e->served;

	return json_pack("{s:s, s:I, s:I, s:b, s:I, s:s, s:b}", "name", e->text, "serial",
			 (json_int_t)zone_serial(s->zone), "records",
			 (json_int_t)zone_rr_n(s->zone), "signed",
			 s->keys != NULL || zone_is_given(s->zone), "steered",
			 (json_int_t)(s->steered != NULL ? steer_policy_n(s->steered->set) : 0),
			 "loaded", time_text(e->loaded_at, loaded), "stale", e->stale);
}

/* As a summary, of a zone that was never transferred. */
static json_t *awaited_summary(const struct zone_entry *e)
{
	char since[32];

	return json_pack("{s:s, s:i, s:i, s:b, s:i, s:s, s:b, s:s, s:s}", "name", e->text, "serial",
			 0, "records", 0, "signed", 0, "steered", 0, "loaded", "", "stale", 1,
			 "state", "not transferred yet", "since",
			 time_text(secondary_awaited_since(e), since));
}

json_t *control_zone_list(struct control *c)
{
	json_t *zones = json_array();

	for (size_t i = 0; i < c->entry_n; i++)
		if (c->entries[i]->served != NULL)
			json_array_append_new(zones, zone_summary(c->entries[i]));
		else if (secondary_awaited_since(c->entries[i]) != 0)
			json_array_append_new(zones, awaited_summary(c->entries[i]));
	return json_pack("{s:o}", "zones", zones);
}

/* DS records of the own keys that the parent should have, SHA-256. */
static json_t *ds_records(const struct zone_entry *e)
{
	json_t *all = json_array();

	for (size_t i = 0; e->keys != NULL && i < e->keys->own_n; i++) {
		uint8_t ds[DS_RDATA_MAX];
		size_t n = 0;
		char hex[2 * DS_RDATA_MAX + 1], text[NAME_TEXT_MAX + 200];
		const struct dnskey *k = key_dnskey(e->keys->own[i].key);
		if (!keyring_is_entry(e->keys, i) || dnskey_ds(k, e->name, 2, ds, &n))
			continue;
		for (size_t b = 4; b < n; b++)
			snprintf(hex + 2 * (b - 4), 3, "%02X", ds[b]);
		snprintf(text, sizeof text, "%s IN DS %u %u 2 %s", e->text, k->tag, k->algorithm,
			 hex);
		json_array_append_new(all, json_string(text));
	}
	return all;
}

/* State, since when, what next, who acts, until when, waiting for what. */
static void add_outlook(json_t *j, const struct zone_entry *e, size_t own)
{
	const struct keyring *k = e->keys;
	const struct rollover_outlook *o = &k->outlook[own];
	char sentence[ROLLOVER_SENTENCE_MAX], at[32] = "";

	if (o->next == NULL)
		return; /* made since the last plan */
	if (o->at != ROLLOVER_NEVER && o->at > 0)
		time_text(o->at, at);
	json_object_set_new(j, "signs_zone", json_boolean(k->facts.keys[own].signs));
	json_object_set_new(j, "next", json_string(o->next));
	json_object_set_new(j, "next_at", json_string(at));
	json_object_set_new(j, "who_acts", json_string(rollover_actor_text(o->who)));
	json_object_set_new(j, "waits", json_string(o->waits));
	json_object_set_new(j, "outlook", json_string(rollover_sentence(&k->facts, o, sentence)));
	json_object_set_new(j, "file", json_string(k->own[own].file));
}

json_t *status_key(const struct zone_entry *e, size_t own, const struct foreign_key *foreign)
{
	char name[ALGORITHM_TEXT_MAX], text[DNSKEY_TEXT_MAX],
	    record[DNSKEY_TEXT_MAX + NAME_TEXT_MAX + 40], since[32] = "";
	const struct rollover_key *f = foreign == NULL ? &e->keys->facts.keys[own] : NULL;
	const struct dnskey *key = f != NULL ? key_dnskey(e->keys->own[own].key) : &foreign->key;
	const char *role = f != NULL                 ? key_role_text(f->role)
			   : key->flags & DNSKEY_SEP ? "ksk"
						     : "zsk";
	int64_t at = f != NULL ? f->since : foreign->since;

	snprintf(record, sizeof record, "%s %u IN DNSKEY %s", e->text,
		 e->config.signing->dnskey_ttl, dnskey_to_text(key, text));
	if (at != 0)
		time_text(at, since);
	json_t *j = json_pack(
	    "{s:s, s:s, s:s, s:i, s:i, s:i, s:s, s:s, s:s, s:s}", "origin",
	    f != NULL ? "own" : "foreign", "owner", f != NULL ? "own" : foreign->owner, "role",
	    role, "flags", (int)key->flags, "tag", (int)key->tag, "algorithm", (int)key->algorithm,
	    "algorithm_name", algorithm_to_text(key->algorithm, name), "state",
	    f != NULL ? key_state_text(f->state) : "foreign", "since", since, "dnskey", record);
	if (f != NULL)
		add_outlook(j, e, own);
	return j;
}

static json_t *key_array(const struct zone_entry *e)
{
	json_t *all = json_array();

	for (size_t i = 0; e->keys != NULL && i < e->keys->own_n; i++)
		json_array_append_new(all, status_key(e, i, NULL));
	for (size_t i = 0; e->keys != NULL && i < e->keys->foreign_n; i++)
		json_array_append_new(all, status_key(e, 0, &e->keys->foreign[i]));
	return all;
}

json_t *control_key_list(struct control *c, const char *zone, struct control_result *r)
{
	const struct zone_entry *e = control_zone(c, zone, r);

	return e != NULL ? json_pack("{s:s, s:o}", "zone", e->text, "keys", key_array(e)) : NULL;
}

json_t *control_zone_status(struct control *c, const char *zone, struct control_result *r)
{
	const struct zone_entry *e = control_find_zone(c, zone);

	if (e != NULL && e->served == NULL && e->secondary != NULL)
		return json_pack("{s:s, s:o, s:o*}", "name", e->text, "transfer",
				 secondary_status(e), "catalog", catalogs_status(c, e));
	e = control_zone(c, zone, r);
	if (e == NULL)
		return NULL;
	const struct served *s = e->served;
	json_t *j = zone_summary(e);
	json_object_set_new(j, "names", json_integer((json_int_t)zone_name_n(s->zone)));
	json_object_set_new(j, "memory_bytes", json_integer((json_int_t)zone_bytes(s->zone)));
	if (e->config.file != NULL)
		json_object_set_new(j, "file", json_string(e->config.file));
	if (e->secondary != NULL)
		json_object_set_new(j, "transfer", secondary_status(e));
	if (e->signed_copy != NULL)
		json_object_set_new(j, "signed_copy", signed_copy_status(e));
	json_t *catalog = catalogs_status(c, e);
	if (catalog != NULL)
		json_object_set_new(j, "catalog", catalog);
	if (e->notices != NULL)
		json_object_set_new(j, "notify", notify_out_status(e));
	if (s->aliases != NULL)
		json_object_set_new(j, "aliases", aliases_status(c, e));
	if (s->steered != NULL) {
		json_object_set_new(j, "steering_bytes",
				    json_integer((json_int_t)steer_bytes(s->steered->set)));
		json_object_set_new(j, "partitions",
				    json_integer((json_int_t)steer_partition_n(s->steered->set)));
	}
	if (s->keys != NULL) {
		json_object_set_new(j, "ds", ds_records(e));
		json_object_set_new(
		    j, "cds_published",
		    json_boolean(keyring_publishes_cds(e->keys, e->config.signing)));
		if (e->keys->facts.hold != NULL)
			json_object_set_new(j, "hold", json_string(e->keys->facts.hold));
		json_t *bundles = bundles_status(e);
		if (bundles != NULL)
			json_object_set_new(j, "bundles", bundles);
		json_object_set_new(j, "parent", parent_check_status(e));
		json_object_set_new(j, "keys", key_array(e));
		json_object_set_new(j, "cache", status_signatures(s->signatures));
	}
	return j;
}
