// SPDX-License-Identifier: Apache-2.0
/* What would make a group suffer, asked ahead: each check with a sentence. */
#include <stdarg.h>
#include <stdio.h>

#include "control/group_commands.h"
#include "control/group_zone.h"
#include "multisigner/observe.h"

#define TEXT_MAX 300

__attribute__((format(printf, 4, 5))) static void add(json_t *all, const char *check, bool ok,
						      const char *format, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	json_array_append_new(all,
			      json_pack("{s:s, s:b, s:s}", "check", check, "ok", ok, "says", text));
}

/* ---- reach ---- */

static void check_servers(const struct group_zone *z, json_t *all)
{
	for (unsigned i = 0; i <= GROUP_PARENT_ROW; i++) {
		bool parent = i == GROUP_PARENT_ROW;
		unsigned n = parent ? z->group.parent.server_n : z->group.signer[i].server_n;
		for (unsigned v = 0; (parent || z->group.signer[i].used) && v < n; v++) {
			const struct group_contact *c = &z->contact[i][v];
			int64_t at =
			    parent ? z->group.parent.last[v].at : z->group.signer[i].last[v].at;
			const char *who = parent ? "the parent" : z->signer[i];
			if (c->failed_at != 0)
				add(all, "servers", false, "server %u of %s: %s", v + 1, who,
				    c->why);
			else
				add(all, "servers", at != 0, "server %u of %s %s", v + 1, who,
				    at != 0 ? "answers, and what it says validates"
					    : "was not seen yet");
		}
	}
}

/* ---- keys ---- */

static uint64_t algorithms_at(const struct group_zone *z, unsigned i)
{
	uint64_t keys = group_keys_of(&z->group, (int)i) & observed_by_any(&z->group.signer[i]),
		 set = 0;

	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++)
		if (group_has(keys, k) && z->group.key[k].algorithm < 64)
			set |= GROUP_BIT(z->group.key[k].algorithm);
	return set;
}

/* RFC 8901 §4 */
static void check_algorithms(const struct group_zone *z, json_t *all)
{
	uint64_t ours = algorithms_at(z, GROUP_SELF);

	for (unsigned i = 1; i < GROUP_SIGNERS_MAX; i++) {
		uint64_t theirs = z->group.signer[i].used ? algorithms_at(z, i) : 0;
		if (theirs != 0)
			add(all, "algorithms", theirs == ours, "%s signs with %s algorithms",
			    z->signer[i], theirs == ours ? "our" : "other");
	}
}

static void check_tags(const struct group_zone *z, json_t *all)
{
	const struct group_key *key = z->group.key;
	unsigned n = 0;

	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++) {
		for (unsigned j = 0; j < k; j++) {
			if (!key[k].used || !key[j].used || key[k].tag != key[j].tag ||
			    key[k].algorithm != key[j].algorithm)
				continue;
			n++;
			add(all, "key-tags", false, "two keys have the tag %u: validators try both",
			    key[k].tag);
		}
	}
	if (n == 0)
		add(all, "key-tags", true, "no two keys have the same tag");
}

/* Octets of the answer to DNSKEY with DO, as each signer gives it: header, question, OPT, records
 * and one signature of each entry key. */
static size_t size_of(const struct group_zone *z, bool rolling)
{
	size_t n = 12 + name_len(z->entry->name) + 4 + 11, signature = 0;

	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++) {
		const struct group_key *key = &z->group.key[k];
		if (!key->used || !key->known || key->withdrawn_at != 0)
			continue;
		size_t one = 12 + z->key[k].rdata_len;
		n += rolling ? 2 * one : one;
		/* An ECDSA or EdDSA signature has the length of its key, an RSA one about so. */
		if (key->sep && z->key[k].rdata_len > signature)
			signature = z->key[k].rdata_len;
	}
	return n + (12 + 18 + name_len(z->entry->name) + signature) * (rolling ? 2 : 1);
}

static void check_size(const struct group_zone *z, json_t *all)
{
	size_t now = size_of(z, false), rolling = size_of(z, true), limit = 1232;

	add(all, "size", now <= limit,
	    "the merged DNSKEY answer has about %zu octets (%u go over UDP)", now, (unsigned)limit);
	add(all, "size-in-rolls", rolling <= limit,
	    "were every key rolled at once it would have about %zu octets", rolling);
}

/* ---- what should be alike ---- */

static void check_ttls(const struct group_zone *z, json_t *all)
{
	uint32_t ours = z->group.signer[GROUP_SELF].last[0].dnskey_ttl,
		 names = z->group.signer[GROUP_SELF].last[0].ns_ttl;

	for (unsigned i = 1; i < GROUP_SIGNERS_MAX; i++) {
		const struct signer_look *l = &z->group.signer[i].last[0];
		if (!z->group.signer[i].used || l->at == 0 || ours == 0)
			continue;
		add(all, "ttls", l->dnskey_ttl == ours && l->ns_ttl == names,
		    "%s: DNSKEY %u s, NS %u s; ours %u s, %u s: waits last as long as the longest",
		    z->signer[i], l->dnskey_ttl, l->ns_ttl, ours, names);
	}
}

static void check_alike(const struct group_zone *z, json_t *all)
{
	for (int f = 0; z->drift.known && f < CROSS_FACETS; f++)
		add(all, "alike", !(z->drift.differs >> f & 1), "%s: the signers %s",
		    cross_facet_text((enum cross_facet)f),
		    z->drift.differs >> f & 1 ? "differ" : "are alike");
	if (z->drift.known)
		add(all, "pairs", z->drift.fault_n == 0, "%s",
		    z->drift.fault_n > 0
			? z->drift.fault
			: "each member's answers validate under each one's DNSKEY set");
}

static void check_clock(const struct group_zone *z, json_t *all)
{
	bool settled = z->control->keys_settle_at == 0;

	add(all, "clock", settled, "%s",
	    settled
		? "our clock was not set forward since the start"
		: "our clock was set forward: steps wait until no wait can have been cut short");
}

json_t *control_group_doctor(struct control *c, const char *zone, struct control_result *r)
{
	struct zone_entry *e = control_signed_zone(c, zone, r);
	const struct group_zone *z = e != NULL ? e->group : NULL;
	json_t *all = json_array();

	if (z == NULL) {
		json_decref(all);
		if (e != NULL)
			control_fail(r, ERR_NOT_FOUND, "the zone %s is of no group", e->text);
		return NULL;
	}
	check_servers(z, all);
	check_algorithms(z, all);
	check_tags(z, all);
	check_size(z, all);
	check_ttls(z, all);
	check_alike(z, all);
	check_clock(z, all);
	return json_pack("{s:s, s:o}", "zone", e->text, "checks", all);
}
