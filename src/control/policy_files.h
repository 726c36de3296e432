// SPDX-License-Identifier: Apache-2.0
/*
 * policy_files.h -- steering files read and compiled by themselves, without a daemon: what
 * `concordctl policy diff` compares.
 *
 * Purpose.   A file is a steering file or an octoDNS zone file; its policies are compiled as the
 * daemon does, with the zone's seed and location database as the configuration has them, or with
 * others as a scenario. Memory.    policy_files_free() frees all. Threads.   One.
 * Errors.    Findings with file:line:column.
 */
#ifndef CONTROL_POLICY_FILES_H
#define CONTROL_POLICY_FILES_H

#include "base/arena.h"
#include "control/steering_file.h"
#include "geo/location.h"
#include "geo/steer.h"

/* What a zone's steering is compiled with. */
struct policy_world {
	uint8_t *zone; /* wire, lower case */
	char *seed;
	struct location_db *db; /* NULL: none */
};

/* From the configuration in file `config`, or with NULL of it: seed as by default, no database.
 * `mmdb` (may be NULL) is a database instead of the configuration's. */
enum err policy_world_open(struct policy_world *w, const char *zone, const char *config,
			   const char *mmdb, struct diag *d);
void policy_world_close(struct policy_world *w);

struct policy_file {
	struct arena *arena;
	struct steering *steering;
	const struct policy **policies; /* steering's, with pools that are down */
	size_t n;
	struct steer_set *set;
};

/* All values of the pools named in `down` count as down; a name that no policy has is a finding. */
enum err policy_file_open(struct policy_file *f, const char *path, const struct policy_world *w,
			  const char *const *down, size_t down_n, struct diag *d);
void policy_file_close(struct policy_file *f);

#endif
