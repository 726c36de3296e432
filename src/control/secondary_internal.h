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
#include "transfer/fetch.h"
#include "transfer/refresh.h"

struct secondary {
	struct control *c;
	struct zone_entry *e;
	uv_timer_t timer;
	struct exchange *check;
	struct fetch *fetch;
	struct verification *verification; /* of what was fetched; NULL: none is under way */
	struct refresh r;
	int64_t fetched_at; /* seconds; 0: not since start */
	int64_t since;      /* seconds: it is asked for */
	bool said_expired, said_failed;
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

/* secondary_take.c: what a transfer gave; both take what the result has. `whole_n`: records of the
 * whole zone. */
void secondary_take_whole(struct secondary *s, const struct fetch_result *result);
void secondary_take_changes(struct secondary *s, const struct fetch_result *result);

/* secondary_verify.c: true: the result is taken, or refused, now or later; false: nothing is to be
 * verified, it is the caller's as before. */
bool secondary_verify(struct secondary *s, const struct fetch_result *result);
void secondary_verify_forget(struct secondary *s);

#endif
