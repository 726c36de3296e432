// SPDX-License-Identifier: Apache-2.0
#include "control/group_zone.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/group_hold.h"
#include "control/group_push.h"
#include "control/group_records.h"
#include "multisigner/observe.h"

#define KEEP_LOOKS_S 60 /* what was seen, without a decision, is written down at most so often */

#define AWAY_MIN_S 60

static struct group_policy policy_of(const struct config_group *g)
{
	uint32_t gap_s = 3 * g->poll_s + 10;

	return (struct group_policy){ .propagation_s = g->propagation_s,
				      .fresh_s = g->fresh_s,
				      .gap_s = gap_s,
				      .away_s = gap_s > AWAY_MIN_S ? gap_s : AWAY_MIN_S,
				      .carry_ksk = g->carry_ksk };
}

/* Who has left goes on to serve what was decided last: the others may not be through yet. */
bool group_is_running(const struct group_zone *z)
{
	return z->group.signer[GROUP_SELF].state != MEMBER_NONE;
}

bool group_is_in(const struct group_zone *z)
{
	return group_is_running(z) && z->group.signer[GROUP_SELF].state != MEMBER_GONE;
}

/* ---- history ---- */

void group_zone_note(struct group_zone *z, int64_t now, const char *format, ...)
{
	va_list ap;

	if (z->note_n == GROUP_NOTES_MAX) {
		memmove(z->note, z->note + 1, (GROUP_NOTES_MAX - 1) * sizeof *z->note);
		z->note_n--;
	}
	struct group_note *n = &z->note[z->note_n++];
	n->at = now;
	va_start(ap, format);
	vsnprintf(n->text, sizeof n->text, format, ap);
	va_end(ap);
	log_notice(z->entry->text, "group: %s", n->text);
}

void group_zone_note_change(struct group_zone *z, int64_t now, const struct member_change *c)
{
	const char *name = z->signer[c->signer], *effect = member_effect_text(c->effect);

	group_zone_note(z, now, "%s: %s (%s)%s%s", name, member_state_text(c->to),
			member_event_text(c->event), effect[0] != 0 ? "; " : "", effect);
	control_event(z->control, z->entry->text, "group",
		      "{\"signer\":\"%s\",\"from\":\"%s\",\"to\":\"%s\"}", name,
		      member_state_text(c->from), member_state_text(c->to));
}

/* ---- keeping ---- */

static enum err keep(struct group_zone *z, int64_t now)
{
	char path[STORE_KEY_MAX];
	json_t *j = group_document_write(z);
	char *text = j != NULL ? json_dumps(j, JSON_COMPACT) : NULL;
	enum err e = text != NULL
			 ? store_put(z->control->store, group_document_path(z->entry, path), text)
			 : ERR_NOMEM;

	free(text);
	json_decref(j);
	if (e) {
		log_error(z->entry->text,
			  "group: what was decided could not be kept, and waits: %s", err_text(e));
		return e;
	}
	z->unkept = false;
	z->kept_at = now;
	return ERR_OK;
}

static void serve(struct group_zone *z)
{
	if (z->entry->served == NULL || control_remake_keys(z->control, z->entry) ||
	    publish(z->control))
		log_error(z->entry->text,
			  "group: what was decided is kept but could not be put into service");
}

enum err group_zone_settle(struct group_zone *z, const struct group *before, int64_t now)
{
	enum err e = keep(z, now);

	if (e) {
		z->group = *before;
		return e;
	}
	serve(z);
	if (group_served(&z->group))
		keep(z, now);
	return ERR_OK;
}

/* ---- a turn ---- */

static void forget_keys(struct group_zone *z, int64_t now)
{
	if (group_forget_keys(&z->group, now) != 0)
		z->unkept = true;
}

static void note_sets(struct group_zone *z, const struct group_sets *before)
{
	const struct group_sets *s = &z->group.sets;

	if (s->dnskey != before->dnskey || s->cds != before->cds || s->ns != before->ns)
		log_info(z->entry->text,
			 "group: we serve %d foreign keys, CDS of %d keys, NS of %d signers%s",
			 __builtin_popcountll(s->dnskey), __builtin_popcountll(s->cds),
			 __builtin_popcount(s->ns), s->csync ? ", CSYNC" : "");
}

void group_zone_turn(struct group_zone *z, int64_t now)
{
	struct group_step step;

	group_keys_of_own(z);
	if (!group_is_running(z))
		return;
	struct group before = z->group;
	group_advance(&z->group, now, &step);
	if (step.changed) {
		for (size_t i = 0; i < step.change_n; i++) {
			group_zone_note_change(z, now, &step.changes[i]);
			if (step.changes[i].effect == DO_DROP_KEYS &&
			    step.changes[i].signer != GROUP_SELF)
				group_forget_introduction(z, step.changes[i].signer);
		}
		note_sets(z, &step.before);
		if (group_zone_settle(z, &before, now))
			return;
	} else if (z->unkept && now - z->kept_at >= KEEP_LOOKS_S) {
		keep(z, now);
	}
	if (group_forget_dropped(z))
		serve(z);
	forget_keys(z, now);
	group_inform_keyring(z, now);
	key_timer_wake(z->control);
}

/* ---- what the observer tells ---- */

static void on_signer(unsigned signer, unsigned server, const struct signer_seen *seen,
		      void *context)
{
	group_take_signer(context, signer, server, seen);
}

static void on_parent(unsigned server, const struct parent_seen *seen, void *context)
{
	group_take_parent(context, server, seen);
}

static void on_failed(int signer, unsigned server, const char *why, void *context)
{
	struct group_zone *z = context;
	struct group_contact *c =
	    &z->contact[signer == OBSERVED_PARENT ? GROUP_PARENT_ROW : signer][server];

	c->failed_at = control_now();
	snprintf(c->why, sizeof c->why, "%s", why);
}

static size_t on_anchors(unsigned signer, struct seen_ds *out, void *context)
{
	return group_anchors(context, signer, out);
}

static void on_crossed(const struct cross_result *r, void *context)
{
	group_drift_take(context, r);
}

static void on_over(void *context)
{
	struct group_zone *z = context;

	z->round_at = control_now();
	bool ends = group_hold_ends(z, z->round_at);
	if (group_is_held(z))
		return;
	group_zone_turn(z, z->round_at);
	if (ends)
		publish_zone(z->control, z->entry);
	group_push_turn(z, z->round_at);
	group_hold_keep(z->control, z->round_at);
}

/* ---- signers of the configuration ---- */

static int number_of_signer(const struct group_zone *z, const char *name)
{
	for (int i = 0; i < GROUP_SIGNERS_MAX; i++)
		if (z->group.signer[i].used && strcmp(z->signer[i], name) == 0)
			return i;
	return -1;
}

static void take_signer(struct group_zone *z, const struct config_signer *s, int64_t now)
{
	int i = number_of_signer(z, s->name);

	if (i < 0)
		i = group_add_signer(&z->group, (unsigned)s->server_n, now);
	if (i < 0) {
		log_error(z->entry->text, "group: there is no room for signer %s", s->name);
		return;
	}
	struct group_signer *g = &z->group.signer[i];
	if (g->server_n != s->server_n) { /* what was seen is another server's */
		memset(g->last, 0, sizeof g->last);
		g->server_n = (uint8_t)s->server_n;
	}
	snprintf(z->signer[i], GROUP_SIGNER_MAX, "%s", s->name);
}

/* Who was in the group and is no longer in the configuration cannot be looked at: nothing goes on
 * until it is back, or was ejected. */
static void warn_of_missing(const struct group_zone *z)
{
	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		const struct group_signer *s = &z->group.signer[i];
		if (s->used && s->state != MEMBER_NONE && s->state != MEMBER_GONE &&
		    config_signer_find(z->config, z->signer[i]) == NULL)
			log_error(z->entry->text,
				  "group: %s is in the group and not in the configuration: put it "
				  "back, or eject it",
				  z->signer[i]);
	}
}

static void take_config(struct group_zone *z, const struct config_group *config, int64_t now)
{
	z->config = config;
	z->group.policy = policy_of(config);
	z->group.parent.server_n = (uint8_t)z->entry->config.parent_n;
	take_signer(z, &config->signers[config->self], now);
	for (size_t i = 0; i < config->signer_n; i++)
		take_signer(z, &config->signers[i], now);
	warn_of_missing(z);
}

/* ---- life ---- */

static enum err read_kept(struct group_zone *z, struct diag *d)
{
	char path[STORE_KEY_MAX], *text = NULL;
	enum err e = store_get(z->control->store, group_document_path(z->entry, path), &text, NULL);

	if (e == ERR_NOT_FOUND)
		return ERR_OK;
	json_t *j = e == ERR_OK ? json_loads(text, 0, NULL) : NULL;
	if (e == ERR_OK && (j == NULL || !group_document_read(z, j)))
		e = ERR_CORRUPT;
	json_decref(j);
	free(text);
	if (e)
		diag_add(d, DIAG_ERROR, NULL, NULL,
			 "the group's document of the zone %s in the store cannot be read: %s",
			 z->entry->text, err_text(e));
	return e;
}

enum err group_zone_open(struct group_zone **out, struct control *c, struct zone_entry *e,
			 const struct config_group *config, struct diag *d)
{
	struct group_zone *z = calloc(1, sizeof *z);
	struct group_policy policy = policy_of(config);
	int64_t now = control_now();

	if (z == NULL)
		return ERR_NOMEM;
	z->control = c;
	z->entry = e;
	z->config = config;
	group_init(&z->group, &policy, now);
	enum err err = read_kept(z, d);
	const char *self = config->signers[config->self].name;
	if (!err && z->group.signer[GROUP_SELF].used && strcmp(z->signer[GROUP_SELF], self) != 0) {
		diag_add(d, DIAG_ERROR, NULL, NULL,
			 "in the group of %s we were '%s', and are now '%s': leave first", e->text,
			 z->signer[GROUP_SELF], self);
		err = ERR_REFUSED;
	}
	if (err) {
		free(z);
		return err;
	}
	if (group_is_running(z))
		group_resume(&z->group, now);
	group_hold_begin(z, now);
	*out = z;
	return ERR_OK;
}

/* A zone that still is in a group is not signed alone by a slip of the configuration. */
enum err group_zone_refuse_alone(struct control *c, struct zone_entry *e, struct diag *d)
{
	struct group_zone *z = calloc(1, sizeof *z);
	enum err err = z != NULL ? ERR_OK : ERR_NOMEM;

	if (z == NULL)
		return err;
	z->control = c;
	z->entry = e;
	err = read_kept(z, d);
	if (!err && group_is_in(z)) {
		diag_add(
		    d, DIAG_ERROR, NULL, NULL,
		    "the zone %s is in a group, which its configuration does not name any more: "
		    "resolvers would meet keys that are not in its DNSKEY set. Put `group` back, "
		    "and leave first",
		    e->text);
		err = ERR_REFUSED;
	}
	free(z);
	return err;
}

enum err group_zones_check(struct control *c, const struct config *config, struct diag *d)
{
	enum err result = ERR_OK;

	for (size_t i = 0; i < config->zone_n; i++) {
		const struct config_zone *z = &config->zones[i];
		const struct zone_entry *e = control_entry_at(c, z->name);
		if (e == NULL || e->group == NULL || !group_is_in(e->group))
			continue;
		struct diag_place at = { .file = config->path,
					 .line = z->line,
					 .column = z->column };
		const char *we = e->group->signer[GROUP_SELF];
		if (z->group != NULL && strcmp(z->group->signers[z->group->self].name, we) == 0)
			continue;
		diag_add(d, DIAG_ERROR, &at, "leave the group first",
			 "the zone %s is in a group as '%s', which its configuration does not name "
			 "any more: resolvers would meet keys that are not in its DNSKEY set",
			 e->text, we);
		result = ERR_INVALID;
	}
	return result;
}

void group_zone_free(struct group_zone *z)
{
	if (z == NULL)
		return;
	if (z->observed != NULL)
		observed_remove(z->observed);
	group_push_free(z->push);
	free(z);
}

/* ---- looking ---- */

static struct remote remote_of(const struct config_address *a)
{
	return (struct remote){ .address = a->addr, .port = a->port, .transport = REMOTE_UDP };
}

static void look(struct group_zone *z)
{
	struct remote parent[GROUP_SERVERS_MAX], all[GROUP_SIGNERS_MAX][GROUP_SERVERS_MAX];
	struct observed_zone o = { .name = z->entry->name,
				   .text = z->entry->text,
				   .parent = { NULL, parent, z->entry->config.parent_n },
				   .interval_s = z->config->poll_s };
	const struct observer_handler handler = { .parent = on_parent,
						  .signer = on_signer,
						  .failed = on_failed,
						  .anchors = on_anchors,
						  .crossed = on_crossed,
						  .over = on_over,
						  .context = z };

	for (size_t v = 0; v < z->entry->config.parent_n; v++)
		parent[v] = remote_of(&z->entry->config.parent[v]);
	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		const struct config_signer *s =
		    z->group.signer[i].used ? config_signer_find(z->config, z->signer[i]) : NULL;
		size_t n = s != NULL ? s->server_n : 0;
		for (size_t v = 0; v < n; v++)
			all[i][v] = remote_of(s->servers[v].address);
		o.signer[i] = (struct observed_servers){ z->signer[i], all[i], n };
		if (z->group.signer[i].used)
			o.signer_n = i + 1;
	}
	if (observed_add(&z->observed, z->control->observer, &o, &handler)) {
		z->observed = NULL;
		log_error(z->entry->text, "group: its servers cannot be looked at: no memory");
	}
}

static void sync_zone(struct control *c, struct zone_entry *e)
{
	struct group_zone *z = e->group;

	if (z->observed != NULL)
		observed_remove(z->observed);
	z->observed = NULL;
	if (e->config.group == NULL || e->keys == NULL) {
		if (e->keys != NULL)
			e->keys->group = NULL;
		group_zone_free(z);
		e->group = NULL;
		return;
	}
	take_config(z, e->config.group, control_now());
	group_keys_of_own(z);
	if (group_is_running(z) && e->served != NULL && control_remake_keys(c, e))
		log_error(e->text, "group: its names could not be put into service");
	if (c->observer != NULL)
		look(z);
	if (group_is_held(z) && z->observed != NULL)
		observed_look_now(z->observed);
}

static void open_and_sync(struct control *c, struct zone_entry *e)
{
	const struct observer_limits limits = { 0 };

	if (c->observer == NULL && observer_new(&c->observer, c->loop, &limits))
		c->observer = NULL;
	sync_zone(c, e);
}

void group_zones_sync(struct control *c)
{
	for (size_t i = 0; i < c->entry_n; i++)
		if (c->entries[i]->group != NULL)
			open_and_sync(c, c->entries[i]);
}

void group_zone_begin(struct control *c, struct zone_entry *e)
{
	if (e->group != NULL && e->group->observed == NULL)
		open_and_sync(c, e);
}

void group_zones_stop(struct control *c)
{
	for (size_t i = 0; i < c->entry_n; i++) {
		struct group_zone *z = c->entries[i]->group;
		if (z != NULL && z->observed != NULL)
			observed_remove(z->observed);
		if (z != NULL)
			z->observed = NULL;
	}
	observer_close(c->observer);
	c->observer = NULL;
}
