// SPDX-License-Identifier: Apache-2.0
/* The state of a group as JSON. Sets of keys and signers are lists of numbers; looks and keys name
 * what they hold, so that an operator can read it. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/group_zone.h"

char *group_document_path(const struct zone_entry *e, char out[STORE_KEY_MAX])
{
	snprintf(out, STORE_KEY_MAX, "zones/%s/group", e->text);
	return out;
}

/* ---- small things ---- */

static json_t *set_of(uint64_t set)
{
	json_t *out = json_array();

	for (unsigned k = 0; k < 64; k++)
		if (group_has(set, k))
			json_array_append_new(out, json_integer(k));
	return out;
}

static uint64_t read_set(const json_t *j, const char *name)
{
	const json_t *list = json_object_get(j, name);
	uint64_t set = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_int_t k = json_integer_value(json_array_get(list, i));
		if (k >= 0 && k < 64)
			set |= GROUP_BIT(k);
	}
	return set;
}

static int64_t integer(const json_t *j, const char *name)
{
	return json_integer_value(json_object_get(j, name));
}

static bool flag(const json_t *j, const char *name)
{
	return json_is_true(json_object_get(j, name));
}

static const char *string(const json_t *j, const char *name)
{
	const char *s = json_string_value(json_object_get(j, name));

	return s != NULL ? s : "";
}

static void put(json_t *j, const char *name, int64_t value)
{
	json_object_set_new(j, name, json_integer(value));
}

static void put_flag(json_t *j, const char *name, bool value)
{
	if (value)
		json_object_set_new(j, name, json_true());
}

/* Times by number, where they are set. */
static json_t *times_of(const int64_t at[GROUP_KEYS_MAX])
{
	json_t *out = json_object();
	char name[8];

	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++) {
		if (at[k] == 0)
			continue;
		snprintf(name, sizeof name, "%u", k);
		put(out, name, at[k]);
	}
	return out;
}

static void read_times(const json_t *j, const char *name, int64_t at[GROUP_KEYS_MAX])
{
	const json_t *all = json_object_get(j, name);
	char key[8];

	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++) {
		snprintf(key, sizeof key, "%u", k);
		at[k] = integer(all, key);
	}
}

static void put_mark(json_t *j, const char *name, const struct ttl_mark *m)
{
	json_object_set_new(j, name,
			    json_pack("[I, I]", (json_int_t)m->ttl, (json_int_t)m->held_until));
}

static void read_mark(const json_t *j, const char *name, struct ttl_mark *out)
{
	const json_t *pair = json_object_get(j, name);

	out->ttl = (uint32_t)json_integer_value(json_array_get(pair, 0));
	out->held_until = json_integer_value(json_array_get(pair, 1));
}

/* ---- looks ---- */

static json_t *look_of(const struct signer_look *l)
{
	json_t *j = json_object();

	put(j, "asked", l->asked_at);
	put(j, "at", l->at);
	json_object_set_new(j, "dnskey", set_of(l->dnskey));
	json_object_set_new(j, "cds", set_of(l->cds));
	json_object_set_new(j, "key_signing", set_of(l->key_signing));
	json_object_set_new(j, "zone_signing", set_of(l->zone_signing));
	json_object_set_new(j, "algorithms", set_of(l->algorithms));
	json_object_set_new(j, "ns_all", set_of(l->ns_all));
	json_object_set_new(j, "ns_any", set_of(l->ns_any));
	put_flag(j, "has_cds", l->has_cds);
	put_flag(j, "has_csync", l->has_csync);
	put(j, "dnskey_ttl", l->dnskey_ttl);
	put(j, "ns_ttl", l->ns_ttl);
	put(j, "zone_ttl", l->zone_ttl);
	return j;
}

static struct signer_look read_look(const json_t *j)
{
	return (struct signer_look){
		.asked_at = integer(j, "asked"),
		.at = integer(j, "at"),
		.dnskey = read_set(j, "dnskey"),
		.cds = read_set(j, "cds"),
		.key_signing = read_set(j, "key_signing"),
		.zone_signing = read_set(j, "zone_signing"),
		.algorithms = read_set(j, "algorithms"),
		.ns_all = (uint16_t)read_set(j, "ns_all"),
		.ns_any = (uint16_t)read_set(j, "ns_any"),
		.has_cds = flag(j, "has_cds"),
		.has_csync = flag(j, "has_csync"),
		.dnskey_ttl = (uint32_t)integer(j, "dnskey_ttl"),
		.ns_ttl = (uint32_t)integer(j, "ns_ttl"),
		.zone_ttl = (uint32_t)integer(j, "zone_ttl"),
	};
}

static json_t *parent_look_of(const struct parent_look *l)
{
	json_t *j = json_object();

	put(j, "asked", l->asked_at);
	put(j, "at", l->at);
	json_object_set_new(j, "ds", set_of(l->ds));
	json_object_set_new(j, "ns_all", set_of(l->ns_all));
	json_object_set_new(j, "ns_any", set_of(l->ns_any));
	put(j, "ds_ttl", l->ds_ttl);
	put(j, "ns_ttl", l->ns_ttl);
	return j;
}

static struct parent_look read_parent_look(const json_t *j)
{
	return (struct parent_look){
		.asked_at = integer(j, "asked"),
		.at = integer(j, "at"),
		.ds = read_set(j, "ds"),
		.ns_all = (uint16_t)read_set(j, "ns_all"),
		.ns_any = (uint16_t)read_set(j, "ns_any"),
		.ds_ttl = (uint32_t)integer(j, "ds_ttl"),
		.ns_ttl = (uint32_t)integer(j, "ns_ttl"),
	};
}

/* ---- signers ---- */

static json_t *signer_of(const struct group_zone *z, unsigned i)
{
	const struct group_signer *s = &z->group.signer[i];
	json_t *j = json_object(), *looks = json_array();

	put(j, "number", i);
	json_object_set_new(j, "name", json_string(z->signer[i]));
	json_object_set_new(j, "state", json_string(member_state_text(s->state)));
	put(j, "since", s->state_at);
	put(j, "servers", s->server_n);
	put_flag(j, "confirmed", s->confirmed);
	put_flag(j, "ejected", s->ejected);
	put_flag(j, "paused", s->paused);
	put(j, "waived", s->waived);
	put(j, "unlisted", s->unlisted_at);
	json_object_set_new(j, "algorithms", set_of(s->algorithms));
	put(j, "algorithms_since", s->algorithms_at);
	json_object_set_new(j, "served", times_of(s->served_at));
	put_mark(j, "dnskey_ttl", &s->dnskey_ttl);
	put_mark(j, "ns_ttl", &s->ns_ttl);
	put_mark(j, "zone_ttl", &s->zone_ttl);
	for (unsigned v = 0; v < s->server_n; v++)
		json_array_append_new(looks, look_of(&s->last[v]));
	json_object_set_new(j, "looks", looks);
	return j;
}

static bool state_from_text(const char *text, enum member_state *out)
{
	for (int i = 0; i < MEMBER_STATES; i++) {
		if (strcmp(member_state_text((enum member_state)i), text) == 0) {
			*out = (enum member_state)i;
			return true;
		}
	}
	return false;
}

static bool read_signer(struct group_zone *z, const json_t *j)
{
	const json_t *looks = json_object_get(j, "looks");
	int64_t i = integer(j, "number"), server_n = integer(j, "servers");
	const char *name = string(j, "name");

	if (i < 0 || i >= GROUP_SIGNERS_MAX || server_n < 0 || server_n > GROUP_SERVERS_MAX ||
	    strlen(name) >= GROUP_SIGNER_MAX)
		return false;
	struct group_signer *s = &z->group.signer[i];
	*s = (struct group_signer){ .used = true,
				    .server_n = (uint8_t)server_n,
				    .state_at = integer(j, "since"),
				    .confirmed = flag(j, "confirmed"),
				    .ejected = flag(j, "ejected"),
				    .paused = flag(j, "paused"),
				    .waived = (uint32_t)integer(j, "waived"),
				    .unlisted_at = integer(j, "unlisted"),
				    .algorithms = read_set(j, "algorithms"),
				    .algorithms_at = integer(j, "algorithms_since") };
	snprintf(z->signer[i], GROUP_SIGNER_MAX, "%s", name);
	read_times(j, "served", s->served_at);
	read_mark(j, "dnskey_ttl", &s->dnskey_ttl);
	read_mark(j, "ns_ttl", &s->ns_ttl);
	read_mark(j, "zone_ttl", &s->zone_ttl);
	for (unsigned v = 0; v < s->server_n; v++)
		s->last[v] = read_look(json_array_get(looks, v));
	return state_from_text(string(j, "state"), &s->state);
}

/* ---- keys ---- */

static void put_octets(json_t *j, const char *name, const uint8_t *p, size_t n)
{
	char text[2 * SEEN_DS_RDATA_MAX + 1] = "";

	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", p[i]);
	json_object_set_new(j, name, json_string(text));
}

static bool read_octets(const char *text, struct seen_ds *out)
{
	size_t n = strlen(text) / 2;

	if (strlen(text) % 2 != 0 || n < 4 || n > SEEN_DS_RDATA_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		char pair[3] = { text[2 * i], text[2 * i + 1], 0 }, *end;
		out->rdata[i] = (uint8_t)strtoul(pair, &end, 16);
		if (*end != 0)
			return false;
	}
	out->len = (uint8_t)n;
	return true;
}

static json_t *key_of(const struct group_zone *z, unsigned k)
{
	const struct group_key *g = &z->group.key[k];
	char text[DNSKEY_TEXT_MAX];
	json_t *j = json_object();

	put(j, "number", k);
	put(j, "owner", g->owner);
	if (g->known)
		json_object_set_new(j, "dnskey", json_string(dnskey_to_text(&z->key[k], text)));
	else
		put_octets(j, "ds", z->ds[k].rdata, z->ds[k].len);
	put_flag(j, "seen", g->seen);
	put(j, "withdrawn", g->withdrawn_at);
	put(j, "unnamed", g->unnamed_at);
	return j;
}

static bool read_key(struct group_zone *z, const json_t *j)
{
	int64_t k = integer(j, "number"), owner = integer(j, "owner");
	const char *dnskey = json_string_value(json_object_get(j, "dnskey"));
	char ignored[NAME_TEXT_MAX];

	if (k < 0 || k >= GROUP_KEYS_MAX || owner < GROUP_NOBODY || owner >= GROUP_SIGNERS_MAX)
		return false;
	struct group_key *g = &z->group.key[k];
	*g = (struct group_key){ .used = true,
				 .known = dnskey != NULL,
				 .owner = (int8_t)owner,
				 .seen = flag(j, "seen"),
				 .withdrawn_at = integer(j, "withdrawn"),
				 .unnamed_at = integer(j, "unnamed") };
	if (dnskey == NULL) {
		if (!read_octets(string(j, "ds"), &z->ds[k]))
			return false;
		g->tag = (uint16_t)(z->ds[k].rdata[0] << 8 | z->ds[k].rdata[1]);
		g->algorithm = z->ds[k].rdata[2];
		g->sep = true;
		return true;
	}
	if (dnskey_from_text(dnskey, &z->key[k], ignored, sizeof ignored))
		return false;
	g->tag = z->key[k].tag;
	g->algorithm = z->key[k].algorithm;
	g->sep = (z->key[k].flags & DNSKEY_SEP) != 0;
	return true;
}

/* ---- the whole ---- */

static json_t *parent_of(const struct group_parent *p)
{
	json_t *j = json_object(), *looks = json_array();

	put(j, "servers", p->server_n);
	json_object_set_new(j, "ds", times_of(p->ds_at));
	json_object_set_new(j, "ds_gone", times_of(p->ds_gone_at));
	put_mark(j, "ds_ttl", &p->ds_ttl);
	put_mark(j, "ns_ttl", &p->ns_ttl);
	for (unsigned v = 0; v < p->server_n; v++)
		json_array_append_new(looks, parent_look_of(&p->last[v]));
	json_object_set_new(j, "looks", looks);
	return j;
}

static bool read_parent(struct group_parent *p, const json_t *j)
{
	const json_t *looks = json_object_get(j, "looks");
	int64_t n = integer(j, "servers");

	if (n < 0 || n > GROUP_SERVERS_MAX)
		return false;
	p->server_n = (uint8_t)n;
	read_times(j, "ds", p->ds_at);
	read_times(j, "ds_gone", p->ds_gone_at);
	read_mark(j, "ds_ttl", &p->ds_ttl);
	read_mark(j, "ns_ttl", &p->ns_ttl);
	for (unsigned v = 0; v < p->server_n; v++)
		p->last[v] = read_parent_look(json_array_get(looks, v));
	return true;
}

json_t *group_document_write(const struct group_zone *z)
{
	const struct group *g = &z->group;
	json_t *j = json_object(), *signers = json_array(), *keys = json_array(),
	       *notes = json_array(), *sets = json_object();

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++)
		if (g->signer[i].used)
			json_array_append_new(signers, signer_of(z, i));
	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++)
		if (g->key[k].used)
			json_array_append_new(keys, key_of(z, k));
	for (size_t i = 0; i < z->note_n; i++)
		json_array_append_new(
		    notes, json_pack("[I, s]", (json_int_t)z->note[i].at, z->note[i].text));
	put_flag(sets, "decided", g->sets.decided);
	json_object_set_new(sets, "dnskey", set_of(g->sets.dnskey));
	json_object_set_new(sets, "cds", set_of(g->sets.cds));
	json_object_set_new(sets, "ns", set_of(g->sets.ns));
	put_flag(sets, "csync", g->sets.csync);
	json_object_set_new(j, "signers", signers);
	json_object_set_new(j, "keys", keys);
	json_object_set_new(j, "parent", parent_of(&g->parent));
	json_object_set_new(j, "sets", sets);
	put(j, "waived", g->waived);
	json_object_set_new(j, "history", notes);
	return j;
}

static bool read_notes(struct group_zone *z, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list) && i < GROUP_NOTES_MAX; i++) {
		const json_t *one = json_array_get(list, i);
		const char *text = json_string_value(json_array_get(one, 1));
		if (text == NULL)
			return false;
		struct group_note *n = &z->note[z->note_n++];
		n->at = json_integer_value(json_array_get(one, 0));
		snprintf(n->text, sizeof n->text, "%s", text);
	}
	return true;
}

bool group_document_read(struct group_zone *z, const json_t *j)
{
	const json_t *signers = json_object_get(j, "signers"), *keys = json_object_get(j, "keys"),
		     *sets = json_object_get(j, "sets");
	bool ok = json_is_array(signers) && json_is_array(keys) && json_is_object(sets);

	for (size_t i = 0; ok && i < json_array_size(signers); i++)
		ok = read_signer(z, json_array_get(signers, i));
	for (size_t k = 0; ok && k < json_array_size(keys); k++)
		ok = read_key(z, json_array_get(keys, k));
	z->group.sets = (struct group_sets){ .decided = flag(sets, "decided"),
					     .dnskey = read_set(sets, "dnskey"),
					     .cds = read_set(sets, "cds"),
					     .ns = (uint16_t)read_set(sets, "ns"),
					     .csync = flag(sets, "csync") };
	z->group.waived = (uint32_t)integer(j, "waived");
	return ok && z->group.signer[GROUP_SELF].used &&
	       read_parent(&z->group.parent, json_object_get(j, "parent")) &&
	       read_notes(z, json_object_get(j, "history"));
}
