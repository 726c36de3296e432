// SPDX-License-Identifier: Apache-2.0
/*
 * secondary_internal.h -- one zone that comes from primaries, for the files secondary*.c: when it
 * is asked for (secondary.c), what becomes of what was fetched (secondary_take.c), who may call
 * (secondary_notify.c).
 */
#ifndef CONTROL_SECONDARY_INTERNAL_H
#define CONTROL_SECONDARY_INTERNAL_H

#include "control/internal.h"
#include "control/secondary.h"
#include "control/secondary_queue.h"
#include "transfer/fetch.h"
#include "transfer/refresh.h"

#define SECONDARY_SAID_MAX 8u

struct secondary {
	struct control *c;
	struct zone_entry *e;
	uv_timer_t timer;
	struct exchange *check;
	struct fetch *fetch;
	struct verification *verification; /* of what was fetched; NULL: none is under way */
	struct secondary_turn turn;
	struct fetch_result *came; /* waits to be put into service; NULL: nothing does */
	struct secondary *next_came;
	struct fetch_result taken; /* what was taken last; what it held is gone */
	bool replaced, unkept;     /* ... it replaced the file; it could not be journaled */
	struct refresh r;
	int64_t fetched_at; /* seconds; 0: not since start */
	int64_t since;      /* seconds: it is asked for */
	bool said_expired, said_keys;
	uint64_t said[SECONDARY_SAID_MAX]; /* hashes of failures, the last ones of said_n */
	unsigned said_n;
	char last[256]; /* what came of the last attempt */
};

/* secondary.c */
int64_t secondary_now_ms(void);
uint32_t secondary_lot(void); /* spreads what zones do */
const char *secondary_path_of(const struct secondary *s, char out[SECONDARY_PATH_MAX]);
/* Of the primary that is asked now. */
const char *secondary_primary_text(const struct secondary *s, char out[REMOTE_TEXT_MAX]);
void secondary_schedule(struct secondary *s);
/* The attempt came to nothing: said once. */
void secondary_failed(struct secondary *s, bool incremental, const char *what, const char *why);
/* A primary has said that what we have is current: that is what the file's time tells. */
void secondary_mark_good(struct secondary *s);

/* secondary_arrivals.c: what a transfer gave waits for the end of the loop's turn; takes what the
 * result holds. */
void secondary_arrive(struct secondary *s, const struct fetch_result *result);
void secondary_drop_arrival(struct secondary *s);

/* secondary_take.c: what a transfer gave becomes the zone's newest version, and is kept as far as
 * its directory, the journal and the store will be synced by the caller. Takes what the result
 * holds. False: it came to nothing, which was said. */
bool secondary_take(struct secondary *s, struct fetch_result *result);
/* That version is about to be published. */
void secondary_in_service(struct secondary *s);

/* Of all zones. */
struct secondaries {
	struct secondary_queue *queue;
	uv_timer_t timer;
	struct secondary *came_first, *came_last;
};

/* secondary_verify.c: true: the result is taken, or refused, now or later; false: nothing is to be
 * verified, it is the caller's as before. */
bool secondary_verify(struct secondary *s, const struct fetch_result *result);
void secondary_verify_forget(struct secondary *s);

#endif
