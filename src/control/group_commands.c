// SPDX-License-Identifier: Apache-2.0
#include "control/group_commands.h"

#include <string.h>

#include "base/log.h"
#include "control/group_status.h"
#include "control/group_zone.h"

static struct group_zone *find(struct control *c, const char *zone, struct control_result *r)
{
	struct zone_entry *e = control_signed_zone(c, zone, r);

	if (e != NULL && e->group == NULL)
		control_fail(r, ERR_NOT_FOUND,
			     "the zone %s is of no group: `group: ID` in its entry names one",
			     e->text);
	return e != NULL ? e->group : NULL;
}

static int find_signer(const struct group_zone *z, const char *name, struct control_result *r)
{
	for (int i = 0; name != NULL && i < GROUP_SIGNERS_MAX; i++)
		if (z->group.signer[i].used && strcmp(z->signer[i], name) == 0)
			return i;
	if (name == NULL)
		control_fail(r, ERR_SYNTAX, "a signer must be named");
	else
		control_fail(r, ERR_NOT_FOUND, "the group of %s has no signer '%.63s'",
			     z->entry->text, name);
	return -1;
}

/* ---- to read ---- */

json_t *control_group_list(struct control *c)
{
	json_t *all = json_array();
	int64_t now = control_now();
	char text[GROUP_SENTENCE_MAX];

	for (size_t i = 0; i < c->entry_n; i++) {
		const struct group_zone *z = c->entries[i]->group;
		if (z != NULL)
			json_array_append_new(all,
					      json_pack("{s:s, s:s, s:s}", "zone",
							c->entries[i]->text, "group", z->config->id,
							"sentence", group_sentence(z, now, text)));
	}
	return json_pack("{s:o}", "zones", all);
}

json_t *control_group_status(struct control *c, const char *zone, struct control_result *r)
{
	const struct group_zone *z = find(c, zone, r);

	return z != NULL ? group_status(z, control_now()) : NULL;
}

json_t *control_group_history(struct control *c, const char *zone, struct control_result *r)
{
	const struct group_zone *z = find(c, zone, r);
	json_t *all = z != NULL ? json_array() : NULL;

	for (size_t i = 0; z != NULL && i < z->note_n; i++)
		json_array_append_new(all, json_pack("{s:I, s:s}", "at", (json_int_t)z->note[i].at,
						     "what", z->note[i].text));
	return z != NULL ? json_pack("{s:s, s:o}", "zone", z->entry->text, "history", all) : NULL;
}

/* ---- to do ---- */

/* One signer's way in or out. A refusal of one that is where it should be already is no fault where
 * all were asked. */
static bool command(struct group_zone *z, unsigned signer, enum member_event event, int64_t now,
		    const char **why)
{
	struct member_change change;

	if (!membership_command(&z->group, signer, event, now, &change, why))
		return false;
	group_zone_note_change(z, now, &change);
	return true;
}

static json_t *settle(struct group_zone *z, const struct group *before, int64_t now,
		      struct control_result *r)
{
	if (group_zone_settle(z, before, now)) {
		control_fail(r, ERR_STORE, "the store failed; nothing has changed");
		return NULL;
	}
	if (z->observed != NULL)
		observed_look_now(z->observed);
	return group_status(z, now);
}

/* What was served before counts: its TTLs are those of our own marks. */
static void take_own_marks(struct group_zone *z)
{
	const struct rollover_facts *f = &z->entry->keys->facts;
	struct group_signer *s = &z->group.signer[GROUP_SELF];

	s->dnskey_ttl = f->dnskey_ttl;
}

static json_t *join(struct group_zone *z, const char *name, struct control_result *r)
{
	struct group before = z->group;
	int64_t now = control_now();
	int signer = name != NULL ? find_signer(z, name, r) : GROUP_SELF;
	const char *why = NULL;
	unsigned begun = 0;

	if (signer < 0)
		return NULL;
	if (!group_is_in(z)) {
		take_own_marks(z);
		begun += command(z, GROUP_SELF, EVENT_JOIN, now, &why);
	}
	for (unsigned i = 1; i < GROUP_SIGNERS_MAX; i++)
		if (z->group.signer[i].used && (name == NULL || i == (unsigned)signer))
			begun += command(z, i, EVENT_JOIN, now, &why);
	if (begun == 0) {
		z->group = before;
		control_fail(r, ERR_REFUSED, "%s", why != NULL ? why : "everybody is in already");
		return NULL;
	}
	return settle(z, &before, now, r);
}

static json_t *simple(struct group_zone *z, const char *name, enum member_event event,
		      struct control_result *r)
{
	struct group before = z->group;
	int64_t now = control_now();
	int signer = find_signer(z, name, r);
	const char *why = NULL;

	if (signer < 0)
		return NULL;
	if (!command(z, (unsigned)signer, event, now, &why)) {
		control_fail(r, ERR_REFUSED, "%s: %s", z->signer[signer], why);
		return NULL;
	}
	return settle(z, &before, now, r);
}

static json_t *roll(struct control *c, struct group_zone *z, enum group_process p,
		    struct control_result *r)
{
	static const char *const ROLL[GROUP_PROCESSES] = { [PROCESS_ZSK] = "zsk",
							   [PROCESS_KSK] = "ksk",
							   [PROCESS_CSK] = "csk",
							   [PROCESS_ALGORITHM] = "algorithm" };
	const char *held = group_is_in(z) ? overlap_holds_roll(&z->group, p) : NULL;

	if (held != NULL) {
		control_fail(r, ERR_REFUSED, "%s waits: %s", group_process_text(p), held);
		return NULL;
	}
	json_t *keys = control_key_roll(c, z->entry->text, ROLL[p], false, r);
	if (keys == NULL)
		return NULL;
	json_decref(keys);
	group_zone_note(z, control_now(), "we begin a %s", group_process_text(p));
	return group_status(z, control_now());
}

bool group_process_read(const char *text, enum group_process *out, struct control_result *r)
{
	if (text != NULL && group_process_from_text(text, out))
		return true;
	control_fail(r, ERR_SYNTAX,
		     "a process is join, leave, zsk-roll, ksk-roll, csk-roll or algorithm-roll");
	return false;
}

json_t *control_group_start(struct control *c, const char *zone, const char *process,
			    const char *signer, struct control_result *r)
{
	struct group_zone *z = find(c, zone, r);
	enum group_process p;

	if (z == NULL)
		return NULL;
	if (!group_process_read(process, &p, r))
		return NULL;
	if (p == PROCESS_JOIN)
		return join(z, signer, r);
	if (p == PROCESS_LEAVE)
		return simple(z, signer != NULL ? signer : z->signer[GROUP_SELF], EVENT_LEAVE, r);
	if (signer != NULL && strcmp(signer, z->signer[GROUP_SELF]) != 0) {
		control_fail(r, ERR_REFUSED, "a signer rolls its own keys: ask %.63s", signer);
		return NULL;
	}
	return roll(c, z, p, r);
}

static json_t *set_paused(struct group_zone *z, const char *name, bool paused,
			  struct control_result *r)
{
	struct group before = z->group;
	int64_t now = control_now();
	int signer = find_signer(z, name, r);

	if (signer < 0)
		return NULL;
	if (z->group.signer[signer].paused == paused) {
		control_fail(r, ERR_REFUSED, "%s is %s already", name,
			     paused ? "paused" : "going on");
		return NULL;
	}
	z->group.signer[signer].paused = paused;
	group_zone_note(z, now, "%s: %s by an operator", name, paused ? "paused" : "resumed");
	return settle(z, &before, now, r);
}

json_t *control_group_signer(struct control *c, const char *zone, const char *what,
			     const char *signer, struct control_result *r)
{
	struct group_zone *z = find(c, zone, r);

	if (z == NULL)
		return NULL;
	if (strcmp(what, "cancel") == 0)
		return simple(z, signer, EVENT_CANCEL, r);
	if (strcmp(what, "eject") == 0)
		return simple(z, signer, EVENT_EJECT, r);
	return set_paused(z, signer, strcmp(what, "pause") == 0, r);
}

json_t *control_group_force(struct control *c, const char *zone, const char *name,
			    const char *guard, struct control_result *r)
{
	struct group_zone *z = find(c, zone, r);
	int signer = z != NULL ? find_signer(z, name, r) : -1;
	int64_t now = control_now();
	enum group_guard g;

	if (signer < 0)
		return NULL;
	if (guard == NULL || !guard_from_name(guard, &g)) {
		control_fail(r, ERR_SYNTAX, "there is no guard '%.40s'",
			     guard != NULL ? guard : "");
		return NULL;
	}
	if (guard_is_milestone(g)) {
		control_fail(r, ERR_REFUSED,
			     "'%s' cannot be forced: it only says how far a process is", guard);
		return NULL;
	}
	struct group before = z->group;
	z->group.signer[signer].waived |= 1u << g;
	log_warning(z->entry->text,
		    "group: the guard '%s' is waived for %s by an operator: %s is no longer "
		    "asked for",
		    guard, name, guard_text(g));
	group_zone_note(z, now, "%s: guard '%s' waived by an operator", name, guard);
	return settle(z, &before, now, r);
}
