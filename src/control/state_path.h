// SPDX-License-Identifier: Apache-2.0
/*
 * state_path.h -- where something of a zone stands in the state directory.
 *
 * Threads.   Pure.
 */
#ifndef CONTROL_STATE_PATH_H
#define CONTROL_STATE_PATH_H

/* <state-dir>/<folder>/<zone> into out, which it returns. What is not plain in a name is written as
 * its code. */
#define STATE_PATH_MAX 1400
const char *state_path(const char *state_dir, const char *folder, const char *zone,
		       char out[STATE_PATH_MAX]);

#endif
