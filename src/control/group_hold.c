// SPDX-License-Identifier: Apache-2.0
#include "control/group_hold.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "control/group_zone.h"

#define STORE_KEY "groups/looked"
#define KEEP_S    5
#define AGAIN_MS  1000

static void read_looked_at(struct control *c)
{
	char *text = NULL;

	c->groups_read = true;
	if (store_get(c->store, STORE_KEY, &text, NULL) == ERR_OK) {
		json_t *j = json_loads(text, 0, NULL);
		c->groups_looked_at = json_integer_value(json_object_get(j, "at"));
		json_decref(j);
	}
	free(text);
}

void group_hold_begin(struct group_zone *z, int64_t now)
{
	struct control *c = z->control;

	if (!c->groups_read)
		read_looked_at(c);
	z->opened_at = now;
	/* Where nothing is written down no round has ended yet. */
	if (z->config->hold_s == 0 || c->groups_looked_at == 0 ||
	    !group_was_away(&z->group, c->groups_looked_at, now))
		return;
	z->held_until = now + (int64_t)z->config->hold_s;
	log_warning(z->entry->text,
		    "group: nobody looked after the zone for %lld s: it is SERVFAIL until every "
		    "signer was seen, for %u s at most",
		    (long long)(now - c->groups_looked_at), z->config->hold_s);
}

bool group_is_held(const struct group_zone *z)
{
	return z != NULL && z->held_until != 0;
}

bool group_hold_ends(struct group_zone *z, int64_t now)
{
	int unseen;

	if (!group_is_held(z))
		return false;
	unseen = group_unseen_since(&z->group, z->opened_at);
	if (unseen != GROUP_NOBODY && now < z->held_until) {
		observed_look_soon(z->observed, AGAIN_MS);
		return false;
	}
	z->held_until = 0;
	if (unseen == GROUP_NOBODY)
		log_notice(z->entry->text, "group: every signer was seen: the zone is answered");
	else
		log_error(z->entry->text,
			  "group: %s was not seen since the start: the zone is answered with the "
			  "keys that it had; if it has others now, its answers are bogus for who "
			  "holds our DNSKEY set",
			  z->signer[unseen]);
	return true;
}

/* The zone that was looked after last of all. */
static int64_t looked_at(const struct control *c, int64_t now)
{
	int64_t at = now;

	for (size_t i = 0; i < c->entry_n; i++) {
		const struct group_zone *z = c->entries[i]->group;
		if (z == NULL || !group_is_running(z))
			continue;
		int64_t of =
		    z->round_at != 0 && !group_is_held(z) ? z->round_at : c->groups_looked_at;
		at = of < at ? of : at;
	}
	return at;
}

void group_hold_keep(struct control *c, int64_t now)
{
	char text[64];

	if (now >= c->groups_kept_at && now - c->groups_kept_at < KEEP_S)
		return;
	c->groups_kept_at = now;
	int64_t at = looked_at(c, now);
	if (at == c->groups_looked_at)
		return;
	c->groups_looked_at = at;
	snprintf(text, sizeof text, "{\"at\":%lld}", (long long)at);
	store_put(c->store, STORE_KEY, text); /* a store that fails says so itself */
}
