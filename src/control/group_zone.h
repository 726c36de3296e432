// SPDX-License-Identifier: Apache-2.0
/*
 * group_zone.h -- one zone of a group: what we know of it, and what follows from it; private to
 * this folder.
 *
 * Purpose.   Joins the group machine (multisigner/), which knows numbers, with names, keys and
 * servers: what was observed goes in (peers/observer.h), one turn of the machine follows each
 * round, and what it decides is kept, served, and told. Store.     zones/<zone>/group: the whole
 * state as one document (group_document.c), written before a decision takes effect. After a restart
 * the zone is first served as was decided last. Invariant. Signer 0 is ourselves. A key's number
 * means the same key from its first sight until it is forgotten. Owners: a key belongs to who signs
 * with it, which nobody else can; before it signs, to who was first seen to serve it. Threads. The
 * control thread.
 */
#ifndef CONTROL_GROUP_ZONE_H
#define CONTROL_GROUP_ZONE_H

#include <jansson.h>

#include "control/config_groups.h"
#include "control/internal.h"
#include "multisigner/guards.h"
#include "multisigner/membership.h"
#include "multisigner/step.h"
#include "peers/look.h"
#include "peers/observer.h"

#define GROUP_NOTES_MAX  100
#define GROUP_WHY_MAX    160
#define GROUP_SIGNER_MAX 64

/* What happened, for the history. */
struct group_note {
	int64_t at;
	char text[200];
};

/* How it went with one server. */
struct group_contact {
	int64_t failed_at; /* 0: the last look was good */
	char why[GROUP_WHY_MAX];
};

struct group_drift {
	bool known;
	uint32_t differs; /* bits by enum cross_facet */
	size_t pair_n, fault_n;
	char fault[300]; /* the first one */
	/* What the log was told of, and what it may be told of next. */
	uint32_t told, differs_before;
	unsigned round_n; /* rounds in a row that found the same */
};

struct group_zone {
	struct control *control;
	struct zone_entry *entry;
	const struct config_group *config; /* of the present configuration */
	struct observed *observed;         /* NULL: nobody is looked at */
	struct group_push *push;           /* NULL: nothing was pushed yet */

	/* What is kept. */
	struct group group;
	char signer[GROUP_SIGNERS_MAX][GROUP_SIGNER_MAX];
	struct dnskey key[GROUP_KEYS_MAX]; /* where group.key[].known */
	struct seen_ds ds[GROUP_KEYS_MAX]; /* ... and where not */
	struct group_note note[GROUP_NOTES_MAX];
	size_t note_n;

	bool unkept; /* something was seen that has not been written down */
	int64_t kept_at;
	struct group_contact contact[GROUP_SIGNERS_MAX + 1][GROUP_SERVERS_MAX]; /* last: parent */
	struct group_drift drift;
	int64_t round_at;              /* the end of the last round */
	int64_t opened_at, held_until; /* held_until 0: the zone is answered */
};

#define GROUP_PARENT_ROW GROUP_SIGNERS_MAX

/* group_zone.c */
/* Reads what is kept, or starts with nothing, and takes `config` as it is now. */
enum err group_zone_open(struct group_zone **out, struct control *c, struct zone_entry *e,
			 const struct config_group *config, struct diag *d);
/* ERR_REFUSED: the zone is in a group by what is kept, and `group` is not configured. */
enum err group_zone_refuse_alone(struct control *c, struct zone_entry *e, struct diag *d);
/* Whether a new configuration may be used: ERR_INVALID with findings where it forgets a group that
 * a zone is in. */
enum err group_zones_check(struct control *c, const struct config *config, struct diag *d);
/* Accepts NULL. Ends the looking as well. */
void group_zone_free(struct group_zone *z);
/* Begins or ends looking, as the present configuration says; after each load. */
void group_zones_sync(struct control *c);
/* The same for a zone whose data came later than its configuration, from a primary; nothing where
 * it is looked at already. */
void group_zone_begin(struct control *c, struct zone_entry *e);
void group_zones_stop(struct control *c);
/* Whether the group decides over the zone's sets now. */
bool group_is_running(const struct group_zone *z);
/* Whether we are in the group, on the way in or on the way out. */
bool group_is_in(const struct group_zone *z);
/* One turn of the machine, with all that follows. */
void group_zone_turn(struct group_zone *z, int64_t now);
/* After a command: written down and served. ERR_STORE: nothing has changed. */
enum err group_zone_settle(struct group_zone *z, const struct group *before, int64_t now);
void group_zone_note(struct group_zone *z, int64_t now, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void group_zone_note_change(struct group_zone *z, int64_t now, const struct member_change *c);

/* group_drift.c */
void group_drift_take(struct group_zone *z, const struct cross_result *r);

/* group_keys.c: numbers of keys */
void group_keys_of_own(struct group_zone *z);
void group_fill_book(const struct group_zone *z, struct look_book *book,
		     const uint8_t *hosts[GROUP_SIGNERS_MAX][GROUP_SERVERS_MAX]);
void group_take_signer(struct group_zone *z, unsigned signer, unsigned server,
		       const struct signer_seen *seen);
void group_take_parent(struct group_zone *z, unsigned server, const struct parent_seen *seen);
void group_forget_introduction(struct group_zone *z, unsigned signer);
/* Of a member, the keys that it rolled away, and that the group has dropped: an introduction would
 * keep them for good. True where there were some. */
bool group_forget_dropped(struct group_zone *z);
size_t group_anchors(const struct group_zone *z, unsigned signer, struct seen_ds *out);
/* What the group knows goes to the zone's own rolls. */
void group_inform_keyring(struct group_zone *z, int64_t now);
int group_number_of_own(const struct group_zone *z, const struct dnskey *key);

/* group_document.c */
json_t *group_document_write(const struct group_zone *z);
bool group_document_read(struct group_zone *z, const json_t *j);
char *group_document_path(const struct zone_entry *e, char out[STORE_KEY_MAX]);

/* group_metrics.c */
void metrics_add_groups(const struct control *c, struct text *out);

#endif
