// SPDX-License-Identifier: Apache-2.0
/*
 * geo_watch.h -- notices that the file of a location database was replaced.
 *
 * Purpose.   Directories of watched files are followed by inotify: what is renamed into place is
 * seen, and so is a file that was written anew. `settled` is called once nothing has changed for a
 * moment; it looks for itself at what is different.
 * Threads.   The loop's.
 */
#ifndef CONTROL_GEO_WATCH_H
#define CONTROL_GEO_WATCH_H

#include <uv.h>

#include "control/config.h"

struct geo_watch;

enum err geo_watch_open(struct geo_watch **out, uv_loop_t *loop, void (*settled)(void *context),
			void *context);
/* Follows the directories of this configuration's watched files, and no others; borrows nothing. A
 * directory that cannot be followed is logged. */
void geo_watch_sync(struct geo_watch *w, const struct config *c);
/* Accepts NULL. It is freed with the next turns of the loop. */
void geo_watch_close(struct geo_watch *w);

#endif
