// SPDX-License-Identifier: Apache-2.0
/*
 * aliases.h -- targets of ALIAS records, kept resolved in the background.
 *
 * Purpose.   Each name outside that an alias leads to is asked for once, however many aliases have
 * it, at the resolvers of the configuration, ahead of the end of its TTL, at most so many in a
 * second. What is heard is made part of the zones (control/alias_answer.h) by a copy-on-write
 * change of these RRsets, published like any other. What is known lasts over restarts. Trust. The
 * resolvers are believed as a stub resolver believes: answers are matched by address, port, id,
 * question and cookie (transfer/asker.h), and what is not on the way from the target is not looked
 * at. Threads.   The control thread.
 */
#ifndef CONTROL_ALIASES_H
#define CONTROL_ALIASES_H

#include <jansson.h>

#include "control/alias_target.h"

struct aliases;
struct control;
struct zone_entry;
struct text;

enum err aliases_open(struct control *c);
/* What is asked is given up; nothing is called after it. */
void aliases_stop(struct control *c);
void aliases_close(struct control *c);

/* The configuration goes: questions under way are given up and asked again under the next one. */
void aliases_pause(struct control *c);
void aliases_resume(struct control *c);
/* Around each publication of these zones: before, they get what their aliases answer now; after,
 * aliases of other zones that lead to them are looked at. */
void aliases_before_publishing(struct control *c, struct zone_entry *const *some, size_t n);
void aliases_after_publishing(struct control *c);

/* What is known of a name outside, which is resolved from now on if it was not. NULL without
 * memory. Borrowed until the loop goes on. */
const struct alias_known *aliases_know(struct aliases *a, const uint8_t *name, enum alias_type t);
struct alias_times aliases_times(const struct aliases *a);

/* alias_status.c */
json_t *aliases_status(struct control *c, const struct zone_entry *e);
void aliases_metrics(struct control *c, struct text *out);
/* Of the alias that has the name, for `explain`; NULL: none. */
json_t *aliases_explain(struct control *c, const struct zone_entry *e, const uint8_t *name);

#endif
