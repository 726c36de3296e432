// SPDX-License-Identifier: Apache-2.0
#include "control/catalogs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "control/first_keys.h"
#include "store/journal.h"
#include "transfer/catalog.h"

/* ---- what is kept ---- */

static const char *label_text(const uint8_t *id, char out[NAME_TEXT_MAX])
{
	uint8_t name[NAME_LABEL_MAX + 2];

	memcpy(name, id, 1u + id[0]);
	name[1 + id[0]] = 0;
	return name_to_text(name, out);
}

static void member_key(const char *zone, char out[STORE_KEY_MAX])
{
	snprintf(out, STORE_KEY_MAX, "member/%s", zone);
}

static void remember(struct control *c, const struct zone_entry *e)
{
	char key[STORE_KEY_MAX], id[NAME_TEXT_MAX], catalog[NAME_TEXT_MAX];
	json_t *j =
	    json_pack("{s:s, s:s, s:s}", "catalog", name_to_text(e->member->catalog, catalog), "id",
		      label_text(e->member->id, id), "group", e->member->group);
	char *text = j != NULL ? json_dumps(j, JSON_COMPACT) : NULL;

	member_key(e->text, key);
	if (text != NULL)
		(void)store_put(c->store, key, text); /* which says it where it cannot */
	free(text);
	json_decref(j);
}

/* All that was kept of a member, but its keys: those an operator may still need. */
static void forget(struct control *c, const struct zone_entry *e)
{
	char path[SECONDARY_PATH_MAX], key[STORE_KEY_MAX];

	unlink(secondary_path(c->config->server.state_dir, e->text, path));
	(void)journal_forget_other_sources(c->journal, e->text, "");
	if (!journal_begin(c->journal)) {
		if (journal_forget(c->journal, e->text))
			journal_rollback(c->journal);
		else
			(void)journal_commit(c->journal);
	}
	snprintf(key, sizeof key, "transferred/%s", e->text);
	(void)store_delete(c->store, key);
	member_key(e->text, key);
	(void)store_delete(c->store, key);
}

/* ---- entries ---- */

static const struct config_zone *config_of(const struct config *config, const uint8_t *name)
{
	for (size_t i = 0; i < config->zone_n; i++)
		if (config->zones[i].catalog.template != NULL &&
		    name_equal(config->zones[i].name, name))
			return &config->zones[i];
	return NULL;
}

/* What the template says, under the member's own name. */
static void configure(struct zone_entry *e, const struct config_zone *template)
{
	e->config = *template;
	e->config.text = e->text;
	e->config.name = e->name;
	e->config.seed = e->text;
}

static struct zone_entry *member_new(const uint8_t *zone, const struct member *m,
				     const struct config_zone *template)
{
	char text[NAME_TEXT_MAX];
	uint8_t lower[NAME_MAX_LEN];
	struct config_zone own = *template;

	name_lower(zone, lower);
	own.name = lower;
	own.text = name_to_text(lower, text);
	struct zone_entry *e = control_entry_new(&own);
	if (e == NULL)
		return NULL;
	e->member = malloc(sizeof *e->member);
	if (e->member == NULL) {
		free(e->text);
		free(e);
		return NULL;
	}
	*e->member = *m;
	configure(e, template);
	return e;
}

struct list {
	struct zone_entry **item;
	size_t n, cap;
};

static bool list_put(struct list *l, struct zone_entry *e)
{
	if (l->n == l->cap) {
		size_t cap = l->cap * 2 + 64;
		struct zone_entry **more = realloc(l->item, cap * sizeof *more);
		if (more == NULL)
			return false;
		l->item = more;
		l->cap = cap;
	}
	l->item[l->n++] = e;
	return true;
}

enum err catalogs_carry_over(struct control *c, const struct config *config,
			     struct zone_entry ***all, size_t *n)
{
	struct list l = { *all, *n, *n };

	for (size_t i = 0; i < c->entry_n; i++) {
		struct zone_entry *e = c->entries[i];
		const struct config_zone *from =
		    e->member != NULL ? config_of(config, e->member->catalog) : NULL;
		if (e->member == NULL)
			continue;
		if (from == NULL) {
			log_notice(e->text, "catalog: its catalog is no longer configured: no "
					    "longer served");
			continue;
		}
		configure(e, config_catalog_template(&from->catalog, e->member->group));
		if (!list_put(&l, e))
			return ERR_NOMEM; /* it goes, and comes again from its catalog */
		*all = l.item;
		*n = l.n;
	}
	return ERR_OK;
}

static void load(struct control *c, struct zone_entry *e)
{
	struct diag d = { 0 };

	(void)control_load_entry(c, e, NULL, &d);
	log_diag(e->text, &d);
	diag_free(&d);
}

/* ---- at a start ---- */

struct restoring {
	struct control *c;
	struct list l;
};

static bool restore_one(const char *key, const char *text, int64_t revision, void *context)
{
	struct restoring *r = context;
	const char *catalog, *id, *group;
	struct name zone, name, label;
	struct member m = { .stays = true };
	json_t *j = json_loads(text, 0, NULL);

	(void)revision;
	if (json_unpack(j, "{s:s, s:s, s:s}", "catalog", &catalog, "id", &id, "group", &group) ==
		0 &&
	    name_from_text(key + strlen("member/"), NULL, &zone) == ERR_OK &&
	    name_from_text(catalog, NULL, &name) == ERR_OK &&
	    name_from_text(id, NULL, &label) == ERR_OK) {
		const struct config_zone *from = config_of(r->c->config, name.wire);
		memcpy(m.catalog, name.wire, name.len);
		memcpy(m.id, label.wire, 1u + label.wire[0]);
		snprintf(m.group, sizeof m.group, "%s", group);
		if (from != NULL && control_entry_at(r->c, zone.wire) == NULL) {
			struct zone_entry *e = member_new(
			    zone.wire, &m, config_catalog_template(&from->catalog, group));
			if (e != NULL && !list_put(&r->l, e))
				free(e);
		}
	}
	json_decref(j);
	return true;
}

void catalogs_restore(struct control *c)
{
	struct restoring r = { .c = c };
	bool wanted = false;

	for (size_t i = 0; i < c->entry_n; i++) {
		wanted = wanted || c->entries[i]->config.catalog.template != NULL;
		if (!list_put(&r.l, c->entries[i]))
			wanted = false;
	}
	size_t own_n = r.l.n;
	if (!wanted || store_list(c->store, "member/", restore_one, &r) || r.l.n == own_n) {
		free(r.l.item);
		return;
	}
	first_keys_prepare(c, c->config, r.l.item + own_n, NULL, r.l.n - own_n);
	for (size_t i = own_n; i < r.l.n; i++)
		load(c, r.l.item[i]);
	control_replace_entries(c, r.l.item, r.l.n);
}

/* ---- catalogs as they are now ---- */

struct source {
	struct zone_entry *e;
	struct catalog catalog;
	bool good; /* else its members stay as they are */
};

struct applying {
	struct control *c;
	struct source *sources;
	size_t source_n;
	struct list l; /* entries that stay, and new ones */
	size_t added_n, removed_n, changed_n;
	bool failed;
};

static struct source *source_of(const struct applying *a, const uint8_t *catalog)
{
	for (size_t i = 0; i < a->source_n; i++)
		if (name_equal(a->sources[i].e->name, catalog))
			return &a->sources[i];
	return NULL;
}

static int by_zone(const void *key, const void *item)
{
	return name_compare(key, ((const struct catalog_member *)item)->zone);
}

static const struct catalog_member *listed_in(const struct source *s, const uint8_t *zone)
{
	return s->good && s->catalog.n > 0 ? bsearch(zone, s->catalog.members, s->catalog.n,
						     sizeof *s->catalog.members, by_zone)
					   : NULL;
}

static void read_sources(struct applying *a)
{
	struct control *c = a->c;

	for (size_t i = 0; i < c->entry_n && !a->failed; i++) {
		struct zone_entry *e = c->entries[i];
		if (e->config.catalog.template == NULL)
			continue;
		struct source *more = realloc(a->sources, (a->source_n + 1) * sizeof *more);
		if (more == NULL) {
			a->failed = true;
			return;
		}
		a->sources = more;
		struct source *s = &a->sources[a->source_n++];
		*s = (struct source){ .e = e };
		if (e->served == NULL || secondary_is_unavailable(e))
			continue;
		enum err err = catalog_read(&s->catalog, e->served->zone);
		s->good = err == ERR_OK;
		if (err)
			log_error(e->text, "catalog: broken, and changes nothing: %s",
				  err == ERR_INVALID ? s->catalog.why : err_text(err));
	}
}

/* The group that has a template; none where there are several or none (RFC 9432 §4.3.2 leaves the
 * choice to us: the first in the order of the configuration). */
static const char *group_of(const struct source *s, const struct catalog_member *m)
{
	const struct config_catalog *cc = &s->e->config.catalog;

	for (size_t i = 0; i < cc->group_n; i++)
		if (catalog_has_group(m, cc->groups[i].name))
			return cc->groups[i].name;
	return "";
}

/* The catalog that has the member now: its own, or the one that it was given to. */
static struct source *owner_now(const struct applying *a, const struct zone_entry *e)
{
	struct source *own = source_of(a, e->member->catalog);
	const struct catalog_member *m = own != NULL ? listed_in(own, e->name) : NULL;
	struct source *other = m != NULL && m->coo != NULL ? source_of(a, m->coo) : NULL;

	return other != NULL && other != own && listed_in(other, e->name) != NULL ? other : own;
}

static void fill(struct member *m, const struct source *s, const struct catalog_member *cm)
{
	memcpy(m->catalog, s->e->name, name_len(s->e->name));
	memcpy(m->id, cm->id, 1u + cm->id[0]);
	snprintf(m->group, sizeof m->group, "%s", group_of(s, cm));
	m->stays = true;
}

static bool same_id(const uint8_t *a, const uint8_t *b)
{
	return a[0] == b[0] && strncasecmp((const char *)a + 1, (const char *)b + 1, a[0]) == 0;
}

/* Stays, changes, or goes. */
static void judge(struct applying *a, struct zone_entry *e)
{
	struct source *s = owner_now(a, e);
	const struct catalog_member *m = s != NULL ? listed_in(s, e->name) : NULL;
	struct member now = *e->member;

	e->member->stays = s != NULL && !s->good;
	if (m == NULL || !same_id(m->id, e->member->id))
		return; /* RFC 9432 §5.4: another label is another zone */
	fill(&now, s, m);
	bool moved = !name_equal(now.catalog, e->member->catalog);
	bool regrouped = strcmp(now.group, e->member->group) != 0;
	if (moved)
		log_notice(e->text, "catalog: has changed over to %s", s->e->text);
	*e->member = now;
	if (!moved && !regrouped)
		return;
	configure(e, config_catalog_template(&s->e->config.catalog, now.group));
	remember(a->c, e);
	load(a->c, e);
	a->changed_n++;
}

static void keep_entries(struct applying *a)
{
	for (size_t i = 0; i < a->c->entry_n && !a->failed; i++) {
		struct zone_entry *e = a->c->entries[i];
		if (e->member != NULL)
			judge(a, e);
		if (e->member == NULL || e->member->stays)
			a->failed = !list_put(&a->l, e);
		else
			a->removed_n++;
	}
}

static void say_clash(const struct source *s, const struct zone_entry *there)
{
	char name[NAME_TEXT_MAX];

	log_warning(s->e->text, "catalog: lists %s, which is %s%s: left alone", there->text,
		    there->member != NULL ? "a member of " : "configured here",
		    there->member != NULL ? name_to_text(there->member->catalog, name) : "");
}

static struct zone_entry *staying(const struct applying *a, const uint8_t *zone)
{
	struct zone_entry *e = control_entry_at(a->c, zone);

	return e != NULL && (e->member == NULL || e->member->stays) ? e : NULL;
}

/* New ones of one catalog. */
static void add_members(struct applying *a, const struct source *s)
{
	uint8_t lower[NAME_MAX_LEN];

	for (size_t i = 0; s->good && i < s->catalog.n && !a->failed; i++) {
		const struct catalog_member *cm = &s->catalog.members[i];
		name_lower(cm->zone, lower);
		struct zone_entry *there = staying(a, lower);
		if (there != NULL &&
		    (there->member == NULL || !name_equal(there->member->catalog, s->e->name)))
			say_clash(s, there);
		if (there != NULL)
			continue;
		bool taken = false; /* by a catalog before this one */
		for (const struct source *t = a->sources; t < s && !taken; t++)
			taken = listed_in(t, lower) != NULL;
		if (taken)
			continue;
		struct zone_entry *old = control_entry_at(a->c, lower);
		if (old != NULL)
			forget(a->c, old);
		struct member m = { 0 };
		fill(&m, s, cm);
		struct zone_entry *e =
		    member_new(lower, &m, config_catalog_template(&s->e->config.catalog, m.group));
		a->failed = e == NULL || !list_put(&a->l, e);
		a->added_n++;
	}
}

static void forget_removed(struct applying *a)
{
	for (size_t i = 0; i < a->c->entry_n; i++) {
		struct zone_entry *e = a->c->entries[i];
		if (e->member == NULL || e->member->stays)
			continue;
		log_notice(e->text,
			   "catalog: no longer listed, or under another label: what was kept "
			   "of it goes");
		forget(a->c, e);
	}
}

/* Nothing was changed yet: what was made goes. */
static void give_up(struct applying *a, size_t kept_n)
{
	for (size_t i = kept_n; i < a->l.n; i++) {
		free(a->l.item[i]->member);
		free(a->l.item[i]->text);
		free(a->l.item[i]);
	}
	free(a->l.item);
	log_error(NULL, "catalog: no memory; members stay as they are");
}

static void put_in_place(struct applying *a, size_t kept_n)
{
	first_keys_prepare(a->c, a->c->config, a->l.item + kept_n, NULL, a->l.n - kept_n);
	for (size_t i = kept_n; i < a->l.n; i++)
		load(a->c, a->l.item[i]);
	control_replace_entries(a->c, a->l.item, a->l.n);
	secondary_sync(a->c);
	log_info(NULL, "catalog: %zu members added, %zu removed, %zu changed", a->added_n,
		 a->removed_n, a->changed_n);
}

/* Who stays, goes and comes, on disk before anything of it is served: one sync for all. Returns how
 * many entries there were before new ones. */
static size_t keep_changes(struct applying *a)
{
	struct control *c = a->c;
	bool store = store_batch_begin(c->store) == ERR_OK;
	bool journal = journal_batch_begin(c->journal) == ERR_OK;

	keep_entries(a);
	size_t kept_n = a->l.n;
	forget_removed(a);
	for (size_t i = 0; i < a->source_n; i++)
		add_members(a, &a->sources[i]);
	for (size_t i = kept_n; i < a->l.n && !a->failed; i++)
		remember(c, a->l.item[i]);
	if (journal)
		(void)journal_batch_end(c->journal); /* these say it where they cannot */
	if (store)
		(void)store_batch_end(c->store);
	return kept_n;
}

void catalogs_apply(struct control *c)
{
	struct applying a = { .c = c };

	read_sources(&a);
	bool changed = false;
	if (!a.failed && a.source_n > 0) {
		size_t kept_n = keep_changes(&a);
		changed = a.added_n + a.removed_n + a.changed_n > 0;
		if (a.failed)
			give_up(&a, kept_n);
		else if (changed)
			put_in_place(&a, kept_n);
		else
			free(a.l.item);
	}
	for (size_t i = 0; i < a.source_n; i++)
		catalog_free(&a.sources[i].catalog);
	free(a.sources);
	if (catalogs_make(c) || changed)
		publish(c);
}

void catalogs_follow(struct control *c, const struct zone_entry *e)
{
	if (e->config.catalog.template != NULL)
		catalogs_apply(c);
}

/* ---- for the operator ---- */

json_t *catalogs_status(const struct control *c, const struct zone_entry *e)
{
	char catalog[NAME_TEXT_MAX], id[NAME_TEXT_MAX];
	json_int_t n = 0;

	if (e->member != NULL)
		return json_pack("{s:s, s:s, s:s}", "member_of",
				 name_to_text(e->member->catalog, catalog), "id",
				 label_text(e->member->id, id), "group", e->member->group);
	if (e->config.catalog.template == NULL)
		return NULL;
	for (size_t i = 0; i < c->entry_n; i++)
		n += c->entries[i]->member != NULL &&
		     name_equal(c->entries[i]->member->catalog, e->name);
	return json_pack("{s:I}", "members", n);
}
