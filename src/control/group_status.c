// SPDX-License-Identifier: Apache-2.0
#include "control/group_status.h"
#include "control/group_hold.h"
#include "control/group_push.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "multisigner/cds.h"
#include "multisigner/observe.h"

/* ---- sentences ---- */

static const char *who_of(const struct group_zone *z, int signer)
{
	if (signer == GUARD_PARENT)
		return "the parent";
	if (signer == GROUP_SELF)
		return "we";
	return signer > 0 ? z->signer[signer] : "nobody";
}

static void time_text(int64_t at, char out[32])
{
	time_t t = (time_t)at;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

char *group_verdict_text(const struct group_zone *z, const struct guard_verdict *v, int64_t now,
			 char out[GROUP_SENTENCE_MAX])
{
	char until[32] = "", key[40] = "";

	if (v->key >= 0)
		snprintf(key, sizeof key, ", key %u/%u", z->group.key[v->key].tag,
			 z->group.key[v->key].algorithm);
	if (v->until > now) {
		time_text(v->until, until);
		snprintf(out, GROUP_SENTENCE_MAX, "until %s: %s", until, guard_text(v->guard));
	} else if (v->signer >= 0) {
		snprintf(out, GROUP_SENTENCE_MAX, "%s acts next: %s%s", who_of(z, v->signer),
			 guard_text(v->guard), key);
	} else {
		snprintf(out, GROUP_SENTENCE_MAX, "%s%s", guard_text(v->guard), key);
	}
	return out;
}

char *group_waits(const struct group_zone *z, unsigned signer, int64_t now,
		  char out[GROUP_SENTENCE_MAX])
{
	struct guard_verdict v = membership_blocked(&z->group, signer, now);

	out[0] = 0;
	return v.holds ? out : group_verdict_text(z, &v, now, out);
}

static bool is_on_its_way(enum member_state s)
{
	return s != MEMBER_NONE && s != MEMBER_FULL && s != MEMBER_GONE;
}

static unsigned members(const struct group *g)
{
	unsigned n = 0;

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++)
		n += g->signer[i].used && g->signer[i].state == MEMBER_FULL;
	return n;
}

/* What waits while nobody is on its way; empty: nothing. */
static char *group_roll_waits(const struct group_zone *z, int64_t now, char out[GROUP_SENTENCE_MAX])
{
	uint64_t lacking = z->group.own_ds & ~observed_ds_all(&z->group.parent);
	char waits[GROUP_SENTENCE_MAX];
	struct guard_verdict v;
	uint8_t algorithm;

	out[0] = 0;
	if (cds_awaits_algorithm(&z->group, now, &algorithm, &v))
		snprintf(out, GROUP_SENTENCE_MAX, "algorithm %u comes to the parent; %.250s",
			 algorithm, group_verdict_text(z, &v, now, waits));
	else if (lacking != 0 && observed_ds_any(&z->group.parent) != 0)
		snprintf(out, GROUP_SENTENCE_MAX, "the parent acts next: the DS of key %u/%u",
			 z->group.key[__builtin_ctzll(lacking)].tag,
			 z->group.key[__builtin_ctzll(lacking)].algorithm);
	return out;
}

char *group_sentence(const struct group_zone *z, int64_t now, char out[GROUP_SENTENCE_MAX])
{
	char waits[GROUP_SENTENCE_MAX];

	if (group_is_held(z)) {
		int unseen = group_unseen_since(&z->group, z->opened_at);
		char until[32];
		time_text(z->held_until, until);
		snprintf(out, GROUP_SENTENCE_MAX,
			 "SERVFAIL after a long absence: until %s was seen, or until %s",
			 unseen >= 0 ? z->signer[unseen] : "everybody", until);
		return out;
	}
	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		const struct group_signer *s = &z->group.signer[i];
		if (!s->used || !is_on_its_way(s->state))
			continue;
		group_waits(z, i, now, waits);
		snprintf(out, GROUP_SENTENCE_MAX, "%s: %s%s; %.250s", z->signer[i],
			 member_state_text(s->state), s->paused ? " (paused)" : "",
			 waits[0] != 0 ? waits : "the next step comes with the next look");
		return out;
	}
	if (group_is_running(z) && !group_is_in(z))
		snprintf(out, GROUP_SENTENCE_MAX,
			 "we have left: when the others are through, `group` can go from the "
			 "zone's entry");
	else if (!group_is_running(z))
		snprintf(out, GROUP_SENTENCE_MAX,
			 "we are in no group yet: `group start %s join` begins", z->entry->text);
	else if (z->drift.fault_n > 0)
		snprintf(out, GROUP_SENTENCE_MAX, "bogus: %s", z->drift.fault);
	else if (group_roll_waits(z, now, waits)[0] != 0)
		snprintf(out, GROUP_SENTENCE_MAX, "%u members; %.300s", members(&z->group), waits);
	else
		snprintf(out, GROUP_SENTENCE_MAX, "%u members, nothing to do", members(&z->group));
	return out;
}

/* ---- the matrix ---- */

static json_t *cell(const struct group_zone *z, unsigned signer, unsigned k)
{
	const struct group_signer *s = &z->group.signer[signer];
	uint64_t signing = 0, cds = 0;

	for (unsigned v = 0; v < s->server_n; v++) {
		signing |= s->last[v].zone_signing | s->last[v].key_signing;
		cds |= s->last[v].cds;
	}
	const char *served = group_has(observed_by_all(s), k)   ? "all"
			     : group_has(observed_by_any(s), k) ? "some"
								: "no";
	return json_pack("{s:s, s:b, s:b}", "served", served, "signs", group_has(signing, k), "cds",
			 group_has(cds, k));
}

static json_t *key_row(const struct group_zone *z, unsigned k)
{
	const struct group_key *key = &z->group.key[k];
	json_t *cells = json_object();
	const char *ds = group_has(observed_ds_all(&z->group.parent), k)   ? "all"
			 : group_has(observed_ds_any(&z->group.parent), k) ? "some"
									   : "no";

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++)
		if (z->group.signer[i].used)
			json_object_set_new(cells, z->signer[i], cell(z, i, k));
	return json_pack("{s:i, s:i, s:b, s:s, s:s, s:o}", "tag", key->tag, "algorithm",
			 key->algorithm, "sep", key->sep, "owner",
			 key->owner >= 0 ? z->signer[key->owner] : "unknown", "ds", ds, "at",
			 cells);
}

/* ---- servers ---- */

static json_t *server_row(const struct group_contact *c, const char *server, int64_t seen_at)
{
	json_t *j = json_pack("{s:s, s:b}", "server", server, "ok", c->failed_at == 0);

	if (seen_at != 0)
		json_object_set_new(j, "last_seen", json_integer(seen_at));
	if (c->failed_at != 0) {
		json_object_set_new(j, "failed", json_integer(c->failed_at));
		json_object_set_new(j, "problem", json_string(c->why));
	}
	return j;
}

static void address_text(const struct config_address *a, char out[REMOTE_TEXT_MAX])
{
	struct remote r = { .address = a->addr, .port = a->port };

	remote_to_text(&r, out);
}

static json_t *servers_of(const struct group_zone *z, unsigned i)
{
	const struct config_signer *s = config_signer_find(z->config, z->signer[i]);
	json_t *all = json_array();
	char text[REMOTE_TEXT_MAX];

	for (unsigned v = 0; s != NULL && v < s->server_n; v++) {
		address_text(s->servers[v].address, text);
		json_array_append_new(
		    all, server_row(&z->contact[i][v], text, z->group.signer[i].last[v].at));
	}
	return all;
}

static json_t *parent_servers(const struct group_zone *z)
{
	json_t *all = json_array();
	char text[REMOTE_TEXT_MAX];

	for (unsigned v = 0; v < z->entry->config.parent_n; v++) {
		address_text(&z->entry->config.parent[v], text);
		json_array_append_new(all, server_row(&z->contact[GROUP_PARENT_ROW][v], text,
						      z->group.parent.last[v].at));
	}
	return all;
}

static json_t *waived_of(const struct group_signer *s)
{
	json_t *all = json_array();

	for (int i = 0; i < GROUP_GUARDS; i++)
		if (s->waived >> i & 1)
			json_array_append_new(all, json_string(guard_name((enum group_guard)i)));
	return all;
}

static json_t *signer_row(const struct group_zone *z, unsigned i, int64_t now)
{
	const struct group_signer *s = &z->group.signer[i];
	char waits[GROUP_SENTENCE_MAX];
	json_t *j = json_pack("{s:s, s:b, s:s, s:I, s:b, s:b, s:s, s:o, s:o}", "name", z->signer[i],
			      "self", i == GROUP_SELF, "state", member_state_text(s->state),
			      "since", (json_int_t)s->state_at, "paused", s->paused, "ejected",
			      s->ejected, "waits_for", group_waits(z, i, now, waits), "forced",
			      waived_of(s), "servers", servers_of(z, i));
	struct guard_verdict v = membership_blocked(&z->group, i, now);
	json_t *pushed = group_push_status(z, i);

	if (pushed != NULL)
		json_object_set_new(j, "push", pushed);
	if (!v.holds) {
		json_object_set_new(j, "guard", json_string(guard_name(v.guard)));
		if (v.until > now)
			json_object_set_new(j, "until", json_integer(v.until));
	}
	return j;
}

/* ---- the whole ---- */

static json_t *names_of(const struct group_zone *z, uint16_t set)
{
	json_t *all = json_array();

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++)
		if (set >> i & 1)
			json_array_append_new(all, json_string(z->signer[i]));
	return all;
}

static json_t *drift_of(const struct group_zone *z)
{
	json_t *differs = json_array();

	for (int i = 0; i < CROSS_FACETS; i++)
		if (z->drift.differs >> i & 1)
			json_array_append_new(differs,
					      json_string(cross_facet_text((enum cross_facet)i)));
	return json_pack("{s:o, s:I, s:I, s:s}", "differs", differs, "pairs_judged",
			 (json_int_t)z->drift.pair_n, "bogus_pairs", (json_int_t)z->drift.fault_n,
			 "fault", z->drift.fault);
}

/* What a registrar needs where the parent reads no CDS: as the group wants it now. */
static json_t *parent_should_have(const struct group_zone *z)
{
	static const char HEX[] = "0123456789ABCDEF";
	json_t *all = json_array();

	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++) {
		uint8_t ds[DS_RDATA_MAX];
		char digest[2 * DS_RDATA_MAX + 1], text[NAME_TEXT_MAX + 200];
		size_t n = 0;
		if (!group_has(z->group.sets.cds, k) || !z->group.key[k].known ||
		    dnskey_ds(&z->key[k], z->entry->name, 2, ds, &n))
			continue;
		for (size_t i = 4; i < n; i++) {
			digest[2 * (i - 4)] = HEX[ds[i] >> 4];
			digest[2 * (i - 4) + 1] = HEX[ds[i] & 15];
		}
		digest[2 * (n - 4)] = 0;
		snprintf(text, sizeof text, "%s IN DS %u %u 2 %s", z->entry->text,
			 z->group.key[k].tag, z->group.key[k].algorithm, digest);
		json_array_append_new(all, json_string(text));
	}
	return all;
}

json_t *group_status(const struct group_zone *z, int64_t now)
{
	json_t *signers = json_array(), *keys = json_array();
	char sentence[GROUP_SENTENCE_MAX];

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++)
		if (z->group.signer[i].used)
			json_array_append_new(signers, signer_row(z, i, now));
	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++)
		if (z->group.key[k].used)
			json_array_append_new(keys, key_row(z, k));
	return json_pack("{s:s, s:s, s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:I}", "zone",
			 z->entry->text, "group", z->config->id, "running", group_is_running(z),
			 "sentence", group_sentence(z, now, sentence), "signers", signers, "keys",
			 keys, "parent", parent_servers(z), "parent_should_have",
			 parent_should_have(z), "ns", names_of(z, z->group.sets.ns), "csync",
			 z->group.sets.csync, "drift", drift_of(z), "last_round",
			 (json_int_t)z->round_at);
}
