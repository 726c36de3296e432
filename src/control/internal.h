// SPDX-License-Identifier: Apache-2.0
/*
 * internal.h -- the control plane's own state; private to this folder.
 *
 * Life of what is served. A struct served is one version of a zone with its steering and keys. The
 * zone's entry holds the newest; every view that shows it holds a reference. Views are freed in the
 * order in which they were published, so versions of a zone are freed oldest first, as zone.h asks.
 */
#ifndef CONTROL_INTERNAL_H
#define CONTROL_INTERNAL_H

#include "control/alias_set.h"
#include "control/control.h"
#include "control/databases.h"
#include "control/events.h"
#include "control/health.h"
#include "control/keyring.h"
#include "control/notify_out.h"
#include "control/secondary.h"
#include "control/server_info.h"
#include "control/signed_copies.h"
#include "control/update_rate.h"
#include "dnssec/nsec3.h"
#include "query/query.h"
#include "query/upkeep.h"
#include "store/store.h"
#include "zone/builder.h"

/* Signatures of a zone through all of its versions. */
struct signatures {
	unsigned refs;
	struct sigcache *cache;
	struct upkeep upkeep;
};

/* Signatures of names made at query time, of all zones. */
struct made_names {
	unsigned refs; /* control's, and of views */
	uint32_t mib;
	struct keyed *table;
};

/* Compiled steering, shared by versions of a zone that differ in something else. */
struct steered {
	unsigned refs;
	struct steer_set *set;
};

/* The serial that a zone from primaries is served with, where that is not theirs (control/
 * transferred.h). */
struct own_serial {
	bool known;
	uint32_t own, primary;
};

struct served {
	unsigned refs;
	struct zone *zone;
	uint32_t primary_serial; /* of a zone from primaries: theirs, whatever it is served with */
	struct steered *steered; /* NULL: nothing is steered */
	struct alias_set *aliases;       /* NULL: none */
	struct alias_borrowed *borrowed; /* NULL: no alias is steered */
	struct keyset *keys;
	struct signatures *signatures;
	bool ecs, rate_limited;
	struct span report_agent; /* owned bytes */
	struct zone_counts *counts;
};

/* Answers of a zone by worker and rcode, through all of its versions. */
struct zone_counts {
	unsigned refs;
	struct counter rcode_n[]; /* worker_n * ZONE_RCODES */
};

struct zone_entry {
	struct config_zone config; /* pointers into the control's present config */
	char *text;                /* copies that outlive a reload */
	uint8_t name[NAME_MAX_LEN];
	struct keyring *keys;        /* NULL: unsigned */
	struct parent_check *parent; /* NULL: never asked */
	struct group_zone *group;    /* group_zone.h; NULL: we sign it alone */
	struct signatures *signatures;
	struct zone_counts *counts;
	struct served *served;       /* NULL: never loaded */
	struct shown *shown;         /* what the newest view shows of it; NULL: nothing */
	struct shown *next_shown;    /* ... and the one that is being made */
	struct secondary *secondary; /* NULL: the zone is a file */
	struct member *member;       /* of a catalog (catalogs.h); NULL: it is configured */
	struct notices *notices;     /* notify_out.h; NULL: nobody is told */
	struct signed_copy_state *signed_copy; /* signed_copies.h; NULL: none is wanted */
	struct update_rate update_rate;
	int64_t loaded_at;
	bool stale;       /* the last attempt to load it failed; the version before goes on */
	bool keyless;     /* never loaded, for its keys cannot be had: tried again every minute */
	int64_t retry_at; /* ... then */
	bool keys_unmade; /* `served` has not the newest keyring: it could not be made */
};

/* What views show of a zone until something else takes its place: it then goes with the last view
 * that had it. */
struct shown {
	struct zone_view view;
	struct served *served; /* NULL: there are no data */
	struct shown *next;    /* of those that go together, oldest first */
	uint8_t name[];
};

struct published {
	struct view view;
	struct control *control;
	struct published *next; /* retired views, oldest first */
	_Atomic bool graced;    /* the grace period is over */
	struct made_names *made_names;
	struct shown *dropped; /* what the next view no longer has */
	char *nsid;
	struct rrset *version, *identity;
};

struct control {
	uv_loop_t *loop;
	char *path;
	struct config *config;
	struct store *store;
	struct view_slot views;
	uint64_t next_view_id;
	struct zone_entry **entries; /* in the order of the configuration */
	size_t entry_n;
	struct databases *databases;
	struct partition_store *partitions; /* steering_memory.h */
	struct geo_watch *geo_watch;
	struct secondaries *secondaries;
	struct made_names *made_names; /* NULL: no zone has wanted it yet */
	struct published *retired_first, *retired_last;
	struct shown *unshown; /* of zones that are gone, until the next view */
	uv_async_t graced;
	uv_timer_t reclaim;
	int64_t started_at, reloaded_at;
	bool reload_failed;
	unsigned worker_n;
	struct cookie_secrets cookies;
	uv_timer_t roll; /* of cookie secrets that we made */
	uv_timer_t keys_timer;
	struct clock_base clock;                  /* as last looked at */
	int64_t clock_kept_at;                    /* 0: not looked at yet */
	int64_t groups_looked_at, groups_kept_at; /* group_hold.h */
	bool groups_read;
	int64_t keys_settle_at; /* by uptime: no step of a roll before it */
	void (*reloaded)(const struct config *config, void *context, struct diag *d);
	void *reloaded_context;
	struct health *health;
	struct aliases *aliases;
	struct observer *observer;              /* NULL: no zone is of a group */
	struct pusher *pusher;                  /* NULL: nothing was pushed yet */
	struct journal *journal;                /* changes of zones (store/journal.h) */
	struct pending *updates, *updates_last; /* of this turn (updates.h) */
	struct transfers_out *transfers_out;
	struct notify_out *notify_out;
	struct signed_copies *signed_copies;
	struct zone_export *exports; /* zone_export.h; under way */
	struct forward *forwards;    /* updates on their way to primaries (update_forward.h) */
	unsigned forward_n;
	struct requests *requests;     /* what workers hand on (request.h) */
	struct reload *reload;         /* that is under way, or NULL (reload.c) */
	struct read_ahead *read_ahead; /* files that the reload of this moment has read already */
	struct query *query;           /* for explain */
	struct events *events;
	uint64_t audit_last;
	bool audit_known;
	struct query_stats query_stats;
};

int64_t control_now(void);

/* zone_load.c: one zone from its files. */
struct catalog_listing;

struct zone_load {
	const struct config_zone *config;
	const char *spool; /* a transferred zone's file; NULL: config->file is read */
	const struct location_db *db;
	const struct keyring *keys;            /* NULL: unsigned, or only checked */
	struct journal *journal;               /* NULL: only checked */
	const struct catalog_listing *listing; /* a catalog that is made here: what it lists */
	struct own_serial own_serial;          /* spool: what was served before */
	bool fresh;                            /* spool: it was transferred just now */
	struct zone *like;
	const struct served *before;        /* the version that `like` is of; NULL: none */
	const struct config *all;           /* the configuration that it is of */
	struct signatures *signatures;      /* told of freed ids */
	struct zone_counts *counts;         /* NULL: only checked */
	const struct steer_health *health;  /* NULL: values with status obey are up */
	struct partition_store *partitions; /* NULL: shared with no other zone */
	struct read_ahead *read_ahead;      /* NULL: nothing was read ahead */
};
enum err zone_load(const struct zone_load *l, struct served **out, struct diag *d);
/* zone_data.c: the records of its files into the builder, and its policies compiled; out->steered
 * stays NULL where nothing is steered. */
enum err zone_data_read(const struct zone_load *l, struct zone_builder *b, struct served *out,
			struct diag *d);
void steered_unref(struct steered *s);
/* The same zone with the keyring's records at its apex. */
enum err zone_load_keys(const struct served *base, const struct keyring *keys,
			const struct config_signing *policy, struct served **out, struct diag *d);
/* The same zone as `b`, a change of it, makes it; takes b in any case. */
enum err zone_load_change(const struct served *base, struct zone_builder *b, struct served **out,
			  struct diag *d);
struct zone_counts *zone_counts_new(unsigned worker_n);
void zone_counts_unref(struct zone_counts *c);
struct signatures *signatures_new(void);
void signatures_unref(struct signatures *s);
struct served *served_ref(struct served *s);
void served_unref(struct served *s);

/* made_names.c: makes the table where a zone wants it and it is not there, or not of the size that
 * is configured now. ERR_NOMEM where there is none. */
enum err made_names_prepare(struct control *c);
struct made_names *made_names_ref(struct made_names *m);
void made_names_unref(struct made_names *m);

/* publish.c: makes a view of all entries and publishes it; publish_zone(): where nothing but this
 * zone has changed, at a cost that does not follow the number of zones. */
enum err publish(struct control *c);
enum err publish_zone(struct control *c, struct zone_entry *e);
enum err publish_zones(struct control *c, struct zone_entry *const *some, size_t n);
void publish_reclaim(struct control *c);
void publish_on_graced(uv_async_t *a);
void publish_on_timer(uv_timer_t *t);
/* At the end, when no reader is left. */
void publish_free_all(struct control *c);

/* view_zones.c: the zones of a view. Starts from those of `before` (NULL: from none) and shows
 * these entries as they are now. On failure nothing has changed. */
enum err view_zones_make(struct view *v, const struct view *before, struct zone_entry *const *some,
			 size_t n);
/* Once it was published: what its entries showed before, and what nobody shows any more. */
struct shown *view_zones_settle(struct control *c, struct zone_entry *const *some, size_t n);
/* A version that was made after what is shown and is given up unseen: it goes when that goes. */
void view_zones_leave(struct control *c, struct served *s);
/* Of an entry that goes. */
void view_zones_forget(struct control *c, struct zone_entry *e);
void shown_free_list(struct shown *s);

/* control.c */
/* Reads everything again, at once. */
struct control_result control_reload_now(struct control *c, struct diag *d);
/* By name, whether it is served yet or not. */
struct zone_entry *control_entry_at(struct control *c, const uint8_t *name);
struct zone_entry *control_find_zone(struct control *c, const char *zone);
/* Loads a zone of the present configuration anew; `spool`: from this file. The old version goes on
 * where it fails. */
enum err control_load_zone(struct control *c, struct zone_entry *e, const char *spool,
			   struct diag *d);
/* For control/catalogs.c: a new entry (its names are its own), its data where there are some
 * (`listing`: of a catalog that is made here), and the list of all. The list is taken, sorted by
 * name here; entries that are no longer in it are freed. */
struct zone_entry *control_entry_new(const struct config_zone *z);
enum err control_load_entry(struct control *c, struct zone_entry *e,
			    const struct catalog_listing *listing, struct diag *d);
void control_replace_entries(struct control *c, struct zone_entry **all, size_t n);
struct zone_entry *control_zone(struct control *c, const char *zone, struct control_result *r);
/* The entry of exactly that zone, where it is served; else NULL. */
struct zone_entry *control_zone_at(struct control *c, const uint8_t *name);
__attribute__((format(printf, 3, 4))) void control_fail(struct control_result *r, enum err e,
							const char *format, ...);

/* signing_status.c */
json_t *status_signatures(const struct signatures *s);
void metrics_add_signing(const struct control *c, struct text *out);
/* key_metrics.c */
void metrics_add_keys(const struct control *c, struct text *out);

/* peer_metrics.c */
void metrics_add_peers(const struct control *c, struct text *out);

/* reload.c: nobody is told any more. */
void reload_stop(struct control *c);

/* roll_commands.c: keeps a change of the zone's facts, takes the steps that follow and tells the
 * keys. Where the store fails the facts are `before` again. */
json_t *control_keep_facts(struct control *c, struct zone_entry *e,
			   const struct rollover_facts *before, struct control_result *r);

/* key_commands.c: serves the zone with its keyring as it is now. */
enum err control_serve_keys(struct control *c, struct zone_entry *e, struct control_result *r);

/* Known, but with nothing to answer from: SERVFAIL. */
bool control_is_unavailable(const struct zone_entry *e);
/* Loads a zone whose keys could not be had at its first load, and publishes it. */
void control_retry_keyless(struct control *c, struct zone_entry *e);

/* key_timer.c */
enum err key_timer_init(struct control *c);
/* Looks at all keys with the next turn of the loop, and from then on when it is time. */
void key_timer_wake(struct control *c);
/* The same where this zone alone has changed. */
void key_timer_wake_for(struct control *c, const struct zone_entry *e);
/* key_serving.c: around each publication of these zones. */
void keys_before_publishing(struct control *c, struct zone_entry *const *some, size_t n);
void keys_after_publishing(struct control *c, struct zone_entry *const *some, size_t n);
/* Looks at the clock too: steps may have to wait. */
struct keyring_context control_keyring_context(struct control *c, const struct zone_entry *e);

/* key_commands.c: makes the zone anew with its keyring as it is now; the caller publishes. */
struct zone_entry *control_signed_zone(struct control *c, const char *zone,
				       struct control_result *r);
/* Whether keys of the zone come from here; not where the configuration names them all. */
bool control_takes_keys(const struct zone_entry *e, struct control_result *r);
enum err control_remake_keys(struct control *c, struct zone_entry *e);

/* status.c */
/* Of keyring member `own`, or the foreign key where it is not NULL. */
json_t *status_key(const struct zone_entry *e, size_t own, const struct foreign_key *foreign);

#endif
