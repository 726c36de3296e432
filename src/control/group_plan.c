// SPDX-License-Identifier: Apache-2.0
/* What a process would do, step by step, with what each step waits for and when it comes at the
 * earliest: if everybody does its part at once. */
#include <string.h>

#include "control/group_commands.h"
#include "control/group_zone.h"
#include "multisigner/waits.h"

static void add(json_t *steps, int64_t at, const char *what, json_t *needs)
{
	json_array_append_new(steps, json_pack("{s:I, s:s, s:o}", "earliest", (json_int_t)at,
					       "step", what, "needs", needs));
}

static json_t *needs_of(enum member_state s)
{
	enum group_guard all[MEMBERSHIP_GUARDS_MAX];
	size_t n = membership_guards(s, all);
	json_t *needs = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(needs, json_pack("{s:s, s:s}", "guard", guard_name(all[i]),
						       "text", guard_text(all[i])));
	return needs;
}

static json_t *need(const char *text)
{
	return json_pack("[{s:s, s:s}]", "guard", "", "text", text);
}

static void plan_join(const struct group *g, int64_t now, json_t *steps)
{
	int64_t known = wait_dnskey_until(g, now), at_parent = wait_ds_until(g, known);

	add(steps, now, "its keys come into our DNSKEY set, and ours into its", json_array());
	add(steps, known, "its keys come into our CDS set", needs_of(MEMBER_KEYS_WAIT));
	add(steps, at_parent, "its servers come into our NS set, with CSYNC",
	    needs_of(MEMBER_DS_WAIT));
	add(steps, at_parent, "it is a member", needs_of(MEMBER_NS));
}

static void plan_leave(const struct group *g, int64_t now, json_t *steps)
{
	int64_t forgotten = wait_ns_until(g, now);

	add(steps, now, "its servers go out of our NS set, with CSYNC", json_array());
	add(steps, wait_dnskey_until(g, forgotten), "its keys go out of our CDS set",
	    needs_of(LEAVE_NS_WAIT));
	add(steps, wait_dnskey_until(g, forgotten), "the parent has dropped its DS",
	    needs_of(LEAVE_DS));
	add(steps, wait_zone_until(g, forgotten), "its keys go out of our DNSKEY set",
	    needs_of(LEAVE_DS_WAIT));
}

static void plan_roll(const struct group *g, enum group_process p, int64_t now, json_t *steps)
{
	int64_t known = wait_dnskey_until(g, now), at_parent = wait_ds_until(g, known);
	bool zone = p != PROCESS_KSK, entry = p != PROCESS_ZSK;

	add(steps, now, "a new key stands in our DNSKEY set", json_array());
	if (entry)
		add(steps, known, "CDS names it",
		    need("all servers of all signers serve it, and no resolver holds an older "
			 "DNSKEY set"));
	if (zone)
		add(steps, entry ? at_parent : known, "it signs the zone",
		    need(entry ? "all servers of the parent show its DS, and no resolver holds an "
				 "older DS set"
			       : "all servers of all signers serve it, and no resolver holds an "
				 "older DNSKEY set"));
	int64_t last = entry ? at_parent : known;
	add(steps, zone ? wait_zone_until(g, last) : last, "the old key goes",
	    need(zone ? "no resolver holds an answer that it signed"
		      : "no signer's CDS names it, no server of the parent shows its DS, and no "
			"resolver holds an older DS set"));
}

json_t *control_group_plan(struct control *c, const char *zone, const char *process,
			   const char *signer, struct control_result *r)
{
	struct zone_entry *e = control_signed_zone(c, zone, r);
	const struct group_zone *z = e != NULL ? e->group : NULL;
	int64_t now = control_now();
	enum group_process p;

	if (e == NULL)
		return NULL;
	if (z == NULL) {
		control_fail(r, ERR_NOT_FOUND, "the zone %s is of no group", e->text);
		return NULL;
	}
	if (!group_process_read(process, &p, r))
		return NULL;
	json_t *steps = json_array();
	const char *held = NULL;
	if (p == PROCESS_JOIN)
		plan_join(&z->group, now, steps);
	else if (p == PROCESS_LEAVE)
		plan_leave(&z->group, now, steps);
	else
		plan_roll(&z->group, p, now, steps);
	if (p != PROCESS_JOIN && p != PROCESS_LEAVE && group_is_in(z))
		held = overlap_holds_roll(&z->group, p);
	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "zone", e->text, "process",
			 group_process_text(p), "signer",
			 signer != NULL ? signer : z->signer[GROUP_SELF], "held",
			 held != NULL ? held : "", "steps", steps);
}
