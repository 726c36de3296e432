// SPDX-License-Identifier: Apache-2.0
/* The zones of a view: those of the view before, and in their place what is shown anew. */
#include <stdlib.h>
#include <string.h>

#include "control/group_hold.h"
#include "control/internal.h"

/* ---- what is shown of one zone ---- */

void shown_free_list(struct shown *s)
{
	for (struct shown *next; s != NULL; s = next) {
		next = s->next;
		served_unref(s->served);
		free(s);
	}
}

static struct zone_view view_of(const struct zone_entry *e, const struct shown *x)
{
	const struct served *s = e->served;

	if (control_is_unavailable(e)) /* RFC 8914 §4.15 and §4.25: not there yet, or too old */
		return (struct zone_view){
			.name = x->name,
			.unavailable =
			    s == NULL || group_is_held(e->group) ? EDE_NOT_READY : EDE_INVALID_DATA,
		};
	return (struct zone_view){
		.name = x->name,
		.zone = s->zone,
		.steer = s->steered != NULL ? s->steered->set : NULL,
		.borrowed = s->borrowed != NULL ? s->borrowed->set : NULL,
		.keys = s->keys,
		.sigs = s->signatures != NULL ? s->signatures->cache : NULL,
		.upkeep = s->signatures != NULL ? &s->signatures->upkeep : NULL,
		.prewarm = s->keys != NULL && e->config.signing != NULL &&
			   (e->config.signing->prewarm || signed_copy_is_wanted(e)),
		.ecs = s->ecs,
		.rate_limited = s->rate_limited,
		.report_agent = s->report_agent,
		.rcode_n = s->counts != NULL ? s->counts->rcode_n : NULL,
	};
}

/* NULL in *out: nothing is to be shown. */
static enum err shown_new(const struct zone_entry *e, struct shown **out)
{
	size_t n = name_len(e->name);

	*out = NULL;
	if (e->served == NULL && !control_is_unavailable(e))
		return ERR_OK;
	struct shown *x = calloc(1, sizeof *x + n);
	if (x == NULL)
		return ERR_NOMEM;
	memcpy(x->name, e->name, n);
	x->view = view_of(e, x);
	x->served = e->served != NULL ? served_ref(e->served) : NULL;
	*out = x;
	return ERR_OK;
}

/* ---- of all ---- */

static enum err put_zone(struct trie *zones, struct name_index **index, struct zone_entry *e)
{
	uint8_t key[NAME_KEY_MAX];
	struct span at = { key, name_key(e->name, key) };
	enum err err = shown_new(e, &e->next_shown);

	if (err)
		return err;
	if (e->next_shown != NULL)
		err = trie_set(zones, at, &e->next_shown->view, NULL);
	else
		trie_remove(zones, at, &err);
	bool indexed = *index != NULL &&
		       (e->next_shown == NULL
			    ? name_index_remove(*index, e->name)
			    : name_index_set(*index, (const struct named *)&e->next_shown->view));
	if (!indexed) { /* zones are then found in the tree */
		name_index_abort(*index);
		*index = NULL;
	}
	return err;
}

static void give_up(struct zone_entry *const *some, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		shown_free_list(some[i]->next_shown);
		some[i]->next_shown = NULL;
	}
}

enum err view_zones_make(struct view *v, const struct view *before, struct zone_entry *const *some,
			 size_t n)
{
	struct trie *empty = before == NULL ? trie_new() : NULL;
	struct trie *base = before == NULL ? empty : before->zones;
	struct trie *zones = base != NULL ? trie_edit(base) : NULL;
	struct name_index *index = before == NULL ? name_index_new(n)
				   : before->zone_index != NULL
				       ? name_index_edit(before->zone_index)
				       : NULL;
	enum err e = zones == NULL ? ERR_NOMEM : ERR_OK;

	for (size_t i = 0; i < n && !e; i++)
		e = put_zone(zones, &index, some[i]);
	if (e) {
		if (zones != NULL)
			trie_abort(zones);
		name_index_abort(index);
		give_up(some, n);
	} else {
		trie_seal(zones);
		if (index != NULL)
			name_index_seal(index);
		v->zones = zones;
		v->zone_index = index;
	}
	if (empty != NULL)
		trie_free(empty);
	return e;
}

static void append(struct shown **list, struct shown *x)
{
	while (*list != NULL)
		list = &(*list)->next;
	*list = x;
}

struct shown *view_zones_settle(struct control *c, struct zone_entry *const *some, size_t n)
{
	struct shown *gone = NULL;

	for (size_t i = 0; i < n; i++) {
		struct shown *old = some[i]->shown;
		some[i]->shown = some[i]->next_shown;
		some[i]->next_shown = NULL;
		if (old == NULL)
			continue;
		old->next = gone;
		gone = old;
	}
	append(&gone, c->unshown); /* behind the older versions of the same zones */
	c->unshown = NULL;
	return gone;
}

void view_zones_leave(struct control *c, struct served *s)
{
	struct shown *x = calloc(1, sizeof *x);

	if (x == NULL)
		return; /* a version too many stays */
	x->served = s;
	append(&c->unshown, x);
}

void view_zones_forget(struct control *c, struct zone_entry *e)
{
	if (e->shown != NULL) { /* older than what was left of the zone */
		e->shown->next = c->unshown;
		c->unshown = e->shown;
	}
	e->shown = NULL;
}
