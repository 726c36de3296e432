// SPDX-License-Identifier: Apache-2.0
/* Start, reload, end. */
#include "control/control.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "control/aliases.h"
#include "control/catalogs.h"
#include "control/first_keys.h"
#include "control/geo_watch.h"
#include "control/group_hold.h"
#include "control/group_push.h"
#include "control/group_zone.h"
#include "control/internal.h"
#include "control/key_parent.h"
#include "control/request.h"
#include "control/steering_memory.h"
#include "control/transferred.h"
#include "control/update_forward.h"
#include "control/zone_edits.h"
#include "control/zone_export.h"
#include "store/journal.h"

int64_t control_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec;
}

void control_fail(struct control_result *r, enum err e, const char *format, ...)
{
	va_list ap;

	r->err = e;
	va_start(ap, format);
	vsnprintf(r->detail, sizeof r->detail, format, ap);
	va_end(ap);
}

/* ---- entries ---- */

static void entry_free(struct zone_entry *e)
{
	if (e == NULL)
		return;
	secondary_free(e->secondary);
	notify_out_forget(e);
	signed_copy_forget(e);
	parent_check_end(e->parent);
	group_zone_free(e->group);
	served_unref(e->served);
	keyring_free(e->keys);
	signatures_unref(e->signatures);
	zone_counts_unref(e->counts);
	free(e->member);
	free(e->text);
	free(e);
}

struct zone_entry *control_entry_new(const struct config_zone *z)
{
	struct zone_entry *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	e->text = strdup(z->text);
	memcpy(e->name, z->name, name_len(z->name));
	if (e->text == NULL) {
		free(e);
		return NULL;
	}
	return e;
}

static int by_name(const void *key, const void *item)
{
	const struct zone_entry *const *e = item;

	return name_compare(key, (*e)->name);
}

static int by_entry_name(const void *a, const void *b)
{
	const struct zone_entry *const *x = a, *const *y = b;

	return name_compare((*x)->name, (*y)->name);
}

/* Entries are kept sorted by name, so that ten thousand zones are found at once. */
static struct zone_entry *find_entry(struct zone_entry **all, size_t n, const uint8_t *name)
{
	struct zone_entry **e = n > 0 ? bsearch(name, all, n, sizeof *all, by_name) : NULL;

	return e != NULL ? *e : NULL;
}

struct zone_entry *control_find_zone(struct control *c, const char *zone)
{
	struct name name;

	return name_from_text(zone, NULL, &name) == ERR_OK
		   ? find_entry(c->entries, c->entry_n, name.wire)
		   : NULL;
}

struct zone_entry *control_zone(struct control *c, const char *zone, struct control_result *r)
{
	struct zone_entry *e = control_find_zone(c, zone);

	if (e == NULL || e->served == NULL) {
		control_fail(r, ERR_NOT_FOUND, "the zone %.200s is not served here", zone);
		return NULL;
	}
	return e;
}

struct zone_entry *control_entry_at(struct control *c, const uint8_t *name)
{
	return find_entry(c->entries, c->entry_n, name);
}

struct zone_entry *control_zone_at(struct control *c, const uint8_t *name)
{
	struct zone_entry *e = control_entry_at(c, name);

	return e != NULL && e->served != NULL ? e : NULL;
}

/* ---- loading one zone ---- */

static enum err load_keys(struct control *c, const struct config *config, struct zone_entry *e,
			  const struct config_zone *z, struct keyring **out, struct diag *d)
{
	*out = NULL;
	if (z->signing == NULL)
		return ERR_OK;
	if (e->signatures == NULL && (e->signatures = signatures_new()) == NULL)
		return ERR_NOMEM;
	/* A keyring that is there knows more than a second one could: it may be in the middle of a
	 * roll. */
	if (e->keys != NULL && z->key_n == 0 && e->config.key_n == 0 &&
	    keyring_has_duty(e->keys, z->signing->keys)) {
		*out = e->keys;
		return ERR_OK;
	}
	struct config_zone own = *z; /* names that live as long as the entry */
	own.text = e->text;
	own.name = e->name;
	struct keyring_context k = { .state_dir = config->server.state_dir,
				     .store = c->store,
				     .now = control_now(),
				     .steady = true };
	return keyring_load(out, &own, &k, d);
}

/* What the group has decided is in the first version that is served. */
static enum err load_group(struct control *c, struct zone_entry *e, const struct config_zone *z,
			   struct keyring *keys, struct diag *d)
{
	enum err err = ERR_OK;

	if (keys == NULL)
		return ERR_OK;
	if (z->group == NULL)
		err = group_zone_refuse_alone(c, e, d);
	else if (e->group == NULL)
		err = group_zone_open(&e->group, c, e, z->group, d);
	if (!err)
		keys->group = z->group != NULL ? e->group : NULL;
	return err;
}

static void warn_short_validity(const struct zone_entry *e, const struct config_zone *z)
{
	uint32_t ttl = zone_max_ttl(e->served->zone);

	/* A validator may keep the RRset for its TTL: the signature must outlive that (RFC 4035
	 * §5.3.3). */
	if (z->signing != NULL && z->signing->refresh_s < ttl)
		log_warning(e->text,
			    "signing: policy %s renews signatures %u s before they expire, but "
			    "TTLs reach %u s: raise refresh",
			    z->signing->id, z->signing->refresh_s, ttl);
}

/* Before anybody sees it. The store says it where it cannot: the zone is good all the same. */
static void keep_own_serial(struct control *c, const struct config_zone *z,
			    const struct own_serial *before, const struct served *s)
{
	struct own_serial now = { true, zone_serial(s->zone), s->primary_serial };

	if (z->transfer.serial != SERIAL_KEEP &&
	    !(before->known && before->own == now.own && before->primary == now.primary))
		(void)own_serial_write(c->store, z->text, &now);
}

static enum err load_zone(struct control *c, const struct config *config, struct databases *db,
			  struct zone_entry *e, const struct config_zone *z, const char *spool,
			  bool fresh, const struct catalog_listing *listing, struct diag *d)
{
	struct keyring *keys = NULL;
	struct served *made = NULL;
	if (e->counts == NULL && (e->counts = zone_counts_new(c->worker_n)) == NULL)
		return ERR_NOMEM;
	enum err err = load_keys(c, config, e, z, &keys, d);
	if (!err)
		err = load_group(c, e, z, keys, d);
	e->keyless = err != ERR_OK && e->served == NULL;
	struct zone_load l = {
		.config = z,
		.spool = spool,
		.db = databases_of(db, z->geo),
		.keys = keys,
		.journal = c->journal,
		.fresh = fresh,
		.listing = listing,
		.before = e->served,
		.all = config,
		.like = e->served != NULL ? e->served->zone : NULL,
		.signatures = z->signing != NULL ? e->signatures : NULL,
		.counts = e->counts,
		.health = c->health != NULL ? health_words(c->health) : NULL,
		.partitions = steering_memory_for(c, config),
		.read_ahead = c->read_ahead,
	};

	if (spool != NULL || listing != NULL)
		own_serial_read(c->store, z->text, &l.own_serial);
	if (!err)
		err = zone_load(&l, &made, d);
	if (!err && (spool != NULL || listing != NULL))
		keep_own_serial(c, z, &l.own_serial, made);
	e->stale = err != ERR_OK;
	if (err) {
		if (keys != e->keys)
			keyring_free(keys);
		return err;
	}
	if (spool == NULL)
		zone_edits_note(c, e, z, &made);
	served_unref(e->served);
	if (keys != e->keys)
		keyring_free(e->keys);
	e->served = made;
	e->keys = keys;
	if (keys != NULL) {
		keys->algorithm = z->signing->algorithm;
		keys->duty = z->signing->keys;
		keys->wake_at = 0; /* the policy may be another */
	}
	e->loaded_at = control_now();
	e->keys_unmade = false;
	if (z->signing == NULL) {
		signatures_unref(e->signatures);
		e->signatures = NULL;
	}
	control_event(c, e->text, "zone", "{\"serial\":%u}", zone_serial(made->zone));
	log_info(e->text, "zone: loaded, serial %u, %zu records%s", zone_serial(made->zone),
		 zone_rr_n(made->zone), keys != NULL ? ", signed" : "");
	warn_short_validity(e, z);
	return ERR_OK;
}

enum err control_load_zone(struct control *c, struct zone_entry *e, const char *spool,
			   struct diag *d)
{
	return load_zone(c, c->config, c->databases, e, &e->config, spool, true, NULL, d);
}

/* A zone from primaries is what was kept of it; there may be nothing yet. */
static enum err load_any_zone(struct control *c, const struct config *config, struct databases *db,
			      struct zone_entry *e, const struct config_zone *z, struct diag *d)
{
	char path[SECONDARY_PATH_MAX];

	if (z->catalog.generate)
		return ERR_OK; /* when all that it may list is known */
	if (z->secondary.primary_n == 0)
		return load_zone(c, config, db, e, z, NULL, false, NULL, d);
	secondary_path(config->server.state_dir, z->text, path);
	if (access(path, F_OK) < 0)
		return ERR_OK;
	enum err err = load_zone(c, config, db, e, z, path, false, NULL, d);
	if (err != ERR_CORRUPT)
		return err;
	log_error(z->text, "transfer: %s is damaged and not used; the zone is fetched anew", path);
	return ERR_OK;
}

bool control_is_unavailable(const struct zone_entry *e)
{
	return secondary_is_unavailable(e) || (e->keyless && e->served == NULL) ||
	       group_is_held(e->group);
}

/* Keys in files that the configuration names are checked like the configuration itself; those of
 * the state directory and of tokens may be lost or come back by themselves. */
static bool names_key_files(const struct config_zone *z)
{
	for (size_t i = 0; i < z->key_n; i++)
		if (!key_is_uri(z->keys[i].file) || strncmp(z->keys[i].file, "file:", 5) == 0)
			return true;
	return false;
}

/* One zone without its keys does not stop the others at the start. */
static enum err load_or_wait(struct control *c, const struct config *config, struct databases *db,
			     struct zone_entry *e, const struct config_zone *z, struct diag *d)
{
	struct diag own = { 0 };
	enum err err = load_any_zone(c, config, db, e, z, &own);

	if (e->keyless && !names_key_files(z)) {
		log_diag(e->text, &own);
		log_error(e->text, "key: the zone is not answered for: a key of it cannot be had; "
				   "tried again every minute");
		err = ERR_OK;
		diag_free(&own);
	} else {
		diag_move(d, &own);
	}
	return err;
}

void control_retry_keyless(struct control *c, struct zone_entry *e)
{
	struct diag d = { 0 };

	if (load_any_zone(c, c->config, c->databases, e, &e->config, &d) == ERR_OK) {
		log_notice(e->text, "key: all keys of the zone are there again");
		publish_zone(c, e);
	}
	diag_free(&d);
}

enum err control_load_entry(struct control *c, struct zone_entry *e,
			    const struct catalog_listing *listing, struct diag *d)
{
	return listing != NULL
		   ? load_zone(c, c->config, c->databases, e, &e->config, NULL, false, listing, d)
		   : load_any_zone(c, c->config, c->databases, e, &e->config, d);
}

/* ---- loading all ---- */

static bool is_kept(const struct config *config, const uint8_t *name)
{
	for (size_t i = 0; i < config->zone_n; i++)
		if (name_equal(config->zones[i].name, name))
			return true;
	return false;
}

static void log_gone(struct control *c, const struct config *config)
{
	/* Only where the numbers say that something may be gone: the search is quadratic. */
	for (size_t i = 0; i < c->entry_n && c->entry_n <= 1000; i++)
		if (c->entries[i]->member == NULL && !is_kept(config, c->entries[i]->name))
			log_notice(c->entries[i]->text,
				   "zone: no longer in the configuration, no longer served");
}

/* The new list of entries, old ones moved over; NULL without memory. */
static struct zone_entry **make_entries(struct control *c, const struct config *config)
{
	struct zone_entry **all = calloc(config->zone_n + 1, sizeof *all);

	for (size_t i = 0; all != NULL && i < config->zone_n; i++) {
		all[i] = find_entry(c->entries, c->entry_n, config->zones[i].name);
		if (all[i] == NULL)
			all[i] = control_entry_new(&config->zones[i]);
		if (all[i] != NULL)
			continue;
		for (size_t k = 0; k < i; k++)
			if (find_entry(c->entries, c->entry_n, all[k]->name) != all[k])
				entry_free(all[k]);
		free(all);
		return NULL;
	}
	return all;
}

void control_replace_entries(struct control *c, struct zone_entry **all, size_t n)
{
	if (n > 1)
		qsort(all, n, sizeof *all, by_entry_name);
	for (size_t i = 0; i < c->entry_n; i++)
		if (find_entry(all, n, c->entries[i]->name) != c->entries[i]) {
			view_zones_forget(c, c->entries[i]);
			entry_free(c->entries[i]);
		}
	free(c->entries);
	c->entries = all;
	c->entry_n = n;
}

/* Loads every zone of a configuration. ERR_INVALID where one failed; the others are loaded all the
 * same. */
static enum err load_zones(struct control *c, struct config *config, struct databases *db,
			   struct diag *d)
{
	enum err result = ERR_OK;
	struct zone_entry **all = make_entries(c, config);

	if (all == NULL)
		return ERR_NOMEM;
	first_keys_prepare(c, config, all, config->zones, config->zone_n);
	for (size_t i = 0; i < config->zone_n; i++) {
		const struct config_zone *z = &config->zones[i];
		enum err e = load_or_wait(c, config, db, all[i], z, d);
		if (e) {
			result = ERR_INVALID;
			if (all[i]->served != NULL)
				log_error(z->text,
					  "zone: not loaded; the version with serial %u goes on",
					  zone_serial(all[i]->served->zone));
		}
		/* What explains the zone is the configuration that it was loaded with; a failed one
		 * keeps the old, whose pointers are about to go. */
		all[i]->config = *z;
		free(all[i]->member); /* what is configured is nobody's member */
		all[i]->member = NULL;
	}
	size_t n = config->zone_n;
	enum err carried = catalogs_carry_over(c, config, &all, &n);
	for (size_t i = config->zone_n; i < n; i++)
		if (load_any_zone(c, config, db, all[i], &all[i]->config, d))
			result = ERR_INVALID;
	result = carried ? carried : result;
	malloc_trim(0); /* what parsing left over */
	log_gone(c, config);
	control_replace_entries(c, all, n);
	return result;
}

/* A location database's file was replaced: it is read, and zones that go by it are loaded anew.
 * What cannot be read leaves all as it was. */
static void on_databases_settled(void *context)
{
	struct control *c = context;
	struct databases *db = NULL, *old = c->databases;
	struct diag d = { 0 };
	size_t loaded = 0;

	if (!databases_changed(old, c->config))
		return;
	databases_read(&db, c->config, old, &d);
	for (size_t i = 0; db != NULL && i < c->entry_n; i++) {
		struct zone_entry *e = c->entries[i];
		struct location_db *is = databases_of(db, e->config.geo);
		if (is == NULL || is == databases_of(old, e->config.geo))
			continue;
		loaded += load_any_zone(c, c->config, db, e, &e->config, &d) == ERR_OK;
	}
	if (db != NULL) {
		c->databases = db;
		databases_free(old);
	}
	log_diag(NULL, &d);
	diag_free(&d);
	if (loaded > 0)
		publish(c);
}

static void use_config(struct control *c, struct config *config)
{
	group_pushes_cancel(c);
	aliases_pause(c);
	config_free(c->config);
	c->config = config;
	aliases_resume(c);
	log_set_level(config->server.log_level);
}

/* ---- start and end ---- */

/* Who may use the API stands in a file of its own. */
static enum err check_tokens(const struct config *config, struct diag *d)
{
	struct api_tokens *tokens = NULL;
	enum err e = config->api.token_file != NULL
			 ? api_tokens_read(&tokens, config->api.token_file, d)
			 : ERR_OK;

	api_tokens_free(tokens);
	return e;
}

enum err control_check(const char *path, struct diag *d)
{
	struct config *config = NULL;
	struct databases *db = NULL;
	enum err result = config_read(&config, path, d);

	if (result)
		return result;
	result = databases_read(&db, config, NULL, d);
	enum err tokens = check_tokens(config, d);
	result = result ? result : tokens;
	struct partition_store *partitions =
	    partition_store_new((size_t)config->server.steering_mib << 20);
	for (size_t i = 0; i < config->zone_n; i++) {
		const struct config_zone *z = &config->zones[i];
		struct served *made = NULL;
		struct zone_load l = { .config = z,
				       .db = databases_of(db, z->geo),
				       .all = config,
				       .partitions = partitions };
		enum err e = z->file != NULL ? zone_load(&l, &made, d) : ERR_OK;
		for (size_t k = 0; k < z->key_n; k++) {
			struct key *key = NULL;
			struct key_traits traits = {
				z->keys[k].has_role ? &z->keys[k].role : NULL,
				z->keys[k].algorithm,
			};
			enum err bad = key_read_as(&key, z->keys[k].file, z->name, &traits, d);
			key_free(key);
			e = e ? e : bad;
		}
		served_unref(made);
		result = result ? result : e;
	}
	partition_store_free(partitions);
	databases_free(db);
	config_free(config);
	return result;
}

static bool open_handles(struct control *c)
{
	c->graced.data = c->reclaim.data = c->roll.data = c;
	return uv_async_init(c->loop, &c->graced, publish_on_graced) == 0 &&
	       uv_timer_init(c->loop, &c->reclaim) == 0 && /* which cannot fail */
	       uv_timer_init(c->loop, &c->roll) == 0 && key_timer_init(c) == ERR_OK &&
	       geo_watch_open(&c->geo_watch, c->loop, on_databases_settled, c) == ERR_OK;
}

enum err control_new(struct control **out, uv_loop_t *loop, const char *path, struct diag *d)
{
	struct config *config = NULL;
	enum err e = config_read(&config, path, d);

	if (e)
		return e;
	struct control *c = calloc(1, sizeof *c);
	if (c == NULL) {
		config_free(config);
		return ERR_NOMEM;
	}
	c->loop = loop;
	c->started_at = control_now();
	c->clock = clock_base_now(c->started_at);
	c->path = realpath(path, NULL);
	c->query = calloc(1, sizeof *c->query);
	c->worker_n = 1;
	c->events = events_new(c->started_at);
	use_config(c, config);
	rcu_thread_register();
	if (c->path == NULL || c->query == NULL || c->events == NULL || !open_handles(c) ||
	    requests_open(c) || secondaries_open(c) || notify_out_open(c) ||
	    signed_copies_open(c) || nsec3_hasher_new(&c->query->hasher)) {
		control_free(c);
		return ERR_NOMEM;
	}
	c->query->stats = &c->query_stats;
	rcu_offline(); /* the control thread sleeps; it reads what it owns */
	*out = c;
	return ERR_OK;
}

const struct config *control_config(const struct control *c)
{
	return c->config;
}

struct view_slot *control_views(struct control *c)
{
	return &c->views;
}

void control_set_workers(struct control *c, unsigned n)
{
	c->worker_n = n;
}

void control_on_reload(struct control *c,
		       void (*reloaded)(const struct config *config, void *context, struct diag *d),
		       void *context)
{
	c->reloaded = reloaded;
	c->reloaded_context = context;
}

/* ---- cookie secrets ---- */

#define ROLL_MS (24u * 3600 * 1000)

static void on_roll(uv_timer_t *t)
{
	struct control *c = t->data;

	cookie_secrets_roll(&c->cookies);
	publish(c);
}

/* A file's secrets, or our own that change daily. A file that cannot be read leaves what was. */
static enum err load_cookies(struct control *c, const struct config_server *s, struct diag *d)
{
	struct cookie_secrets read;

	if (s->cookie_secret_file == NULL) {
		if (c->cookies.n == 0 || !uv_is_active((uv_handle_t *)&c->roll)) {
			cookie_secrets_roll(&c->cookies);
			uv_timer_start(&c->roll, on_roll, ROLL_MS, ROLL_MS);
			uv_unref((uv_handle_t *)&c->roll);
		}
		return ERR_OK;
	}
	enum err e = cookie_file_read(s->cookie_secret_file, &read, d);
	if (e)
		return e;
	uv_timer_stop(&c->roll);
	c->cookies = read;
	return ERR_OK;
}

static enum err open_store(struct control *c, struct diag *d)
{
	char path[1100];
	const char *dir = c->config->server.state_dir;
	struct stat st;
	struct diag_place at = { .file = dir };

	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		diag_add(d, DIAG_ERROR, &at, NULL, "cannot make the state directory: %s",
			 strerror(errno));
		return ERR_IO;
	}
	if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode) || (st.st_mode & 022) != 0) {
		diag_add(
		    d, DIAG_ERROR, &at, NULL,
		    "the state directory must be a directory that only its owner may write to");
		return ERR_PERMISSION;
	}
	snprintf(path, sizeof path, "%s/concord.db", dir);
	enum err e = store_open(&c->store, path, d);
	snprintf(path, sizeof path, "%s/journal.db", dir);
	return e ? e : journal_open(&c->journal, path, d);
}

enum err control_load(struct control *c, struct diag *d)
{
	enum err e = open_store(c, d);

	if (!e)
		e = health_open(&c->health, c->loop, c->store, &c->config->server);
	if (!e)
		e = steering_memory_open(c);
	if (!e)
		e = aliases_open(c);
	if (!e)
		e = databases_read(&c->databases, c->config, NULL, d);
	if (!e || e != ERR_NOMEM) {
		/* Faults of zones are worth knowing in the same run. */
		enum err more =
		    c->health != NULL ? load_zones(c, c->config, c->databases, d) : ERR_OK;
		e = e ? e : more;
	}
	if (!e)
		e = load_cookies(c, &c->config->server, d);
	c->reloaded_at = control_now();
	if (!e)
		health_forget_others(c->health);
	if (!e) {
		catalogs_restore(c);
		secondary_sync(c);
		catalogs_apply(c);
	}
	geo_watch_sync(c->geo_watch, c->config);
	if (!e)
		group_zones_sync(c);
	return e ? e : publish(c);
}

void control_stop(struct control *c)
{
	if (c == NULL)
		return;
	update_forward_stop(c);
	aliases_stop(c);
	signed_copies_stop(c); /* its thread reads what goes */
	zone_exports_stop(c);  /* ... and theirs */
	secondaries_stop(c);
	reload_stop(c);
	group_zones_stop(c);
	group_pushes_stop(c);
	rcu_online();
	rcu_drain(); /* no grace period reports after this */
	publish_free_all(c);
	made_names_unref(c->made_names);
	requests_stop(c);
	notify_out_stop(c);
	geo_watch_close(c->geo_watch);
	uv_close((uv_handle_t *)&c->graced, NULL);
	uv_close((uv_handle_t *)&c->reclaim, NULL);
	uv_close((uv_handle_t *)&c->roll, NULL);
	uv_close((uv_handle_t *)&c->keys_timer, NULL);
	for (size_t i = 0; i < c->entry_n; i++) {
		parent_check_end(c->entries[i]->parent);
		c->entries[i]->parent = NULL;
	}
	/* What is served gives its words back, to who is about to go. */
	for (size_t i = 0; i < c->entry_n; i++) {
		served_unref(c->entries[i]->served);
		c->entries[i]->served = NULL;
	}
	health_close(c->health);
}

void control_free(struct control *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->entry_n; i++)
		entry_free(c->entries[i]);
	free(c->entries);
	health_free(c->health);
	aliases_close(c);
	partition_store_free(c->partitions);
	databases_free(c->databases);
	requests_close(c);
	notify_out_close(c);
	secondaries_close(c);
	signed_copies_close(c);
	journal_close(c->journal);
	store_close(c->store);
	config_free(c->config);
	rcu_drain(); /* signatures that went with the zones */
	rcu_offline();
	rcu_thread_unregister();
	if (c->query != NULL)
		nsec3_hasher_free(c->query->hasher);
	free(c->query);
	events_free(c->events);
	free(c->path);
	free(c);
}

/* ---- reload ---- */

static bool same_listen(const struct config_address *a, size_t a_n, const struct config_address *b,
			size_t b_n)
{
	for (size_t i = 0; i < a_n && i < b_n; i++)
		if (a[i].port != b[i].port || !ip_equal(&a[i].addr, &b[i].addr))
			return false;
	return a_n == b_n;
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void tell_fixed(const struct config_server *a, const struct config_server *b)
{
	const struct {
		bool same;
		const char *what;
	} FIXED[] = {
		{ same_listen(a->listen, a->listen_n, b->listen, b->listen_n), "listen" },
		{ same_listen(a->listen_tls, a->listen_tls_n, b->listen_tls, b->listen_tls_n),
		  "listen-tls" },
		{ a->workers == b->workers, "workers" },
		{ a->signers == b->signers, "signers" },
		{ same_text(a->user, b->user) && same_text(a->group, b->group), "user and group" },
		{ a->tcp_idle_s == b->tcp_idle_s, "tcp-idle" },
		{ a->tcp_max_connections == b->tcp_max_connections, "tcp-max-connections" },
		{ a->tcp_max_per_client == b->tcp_max_per_client, "tcp-max-per-client" },
		{ same_text(a->state_dir, b->state_dir), "state-dir" },
		{ same_text(a->control_socket, b->control_socket), "control-socket" },
	};

	for (size_t i = 0; i < sizeof FIXED / sizeof *FIXED; i++)
		if (!FIXED[i].same)
			log_notice(
			    NULL, "reload: server.%s has changed; that takes effect with a restart",
			    FIXED[i].what);
}

static enum err reload(struct control *c, struct diag *d)
{
	struct config *config = NULL;
	struct databases *db = NULL;
	enum err e = config_read(&config, c->path, d);

	if (!e)
		e = group_zones_check(c, config, d);
	if (e) {
		config_free(config);
		return e;
	}
	tell_fixed(&c->config->server, &config->server);
	enum err result = databases_read(&db, config, c->databases, d);
	if (db == NULL) {
		config_free(config);
		return result;
	}
	e = load_zones(c, config, db, d);
	if (e == ERR_NOMEM) {
		group_zones_sync(c);
		databases_free(db);
		config_free(config);
		return e;
	}
	databases_free(c->databases);
	c->databases = db;
	geo_watch_sync(c->geo_watch, config);
	use_config(c, config);
	group_zones_sync(c);
	health_set_limits(c->health, &config->server);
	secondary_sync(c);
	catalogs_apply(c);
	enum err cookies = load_cookies(c, &config->server, d);
	enum err published = publish(c);
	if (c->reloaded != NULL)
		c->reloaded(config, c->reloaded_context, d);
	if (!cookies && d->error_n > 0)
		cookies = ERR_INVALID;
	return result ? result : e ? e : cookies ? cookies : published;
}

struct control_result control_reload_now(struct control *c, struct diag *d)
{
	struct control_result r = { 0 };
	enum err e = reload(c, d);

	c->reload_failed = e != ERR_OK;
	c->reloaded_at = control_now();
	log_diag(NULL, d);
	if (e) {
		control_fail(&r, e, "%zu %s; what failed goes on as it was", d->error_n,
			     d->error_n == 1 ? "error" : "errors");
		log_error(NULL, "reload: %s", r.detail);
	} else {
		log_info(NULL, "reload: done, %zu zones, view %llu", c->entry_n,
			 (unsigned long long)c->next_view_id);
	}
	return r;
}
