// SPDX-License-Identifier: Apache-2.0
/*
 * file_batch.h -- small files that come to their places together, at the price of few syncs.
 *
 * Purpose.   A file that others count on is written beside its place, synced, renamed, and its
 * directory synced. For thousands of files that is thousands of waits for the disk; together it is
 * two.
 * Invariant. Each file is whole at its place or not there at all, whatever instruction the process
 * dies at; what file_batch_settle() said ERR_OK to is on disk. Until then nothing may count on it.
 * Threads.   One at a time.
 * Memory.    Paths are copied; contents are written at once.
 * Errors.    ERR_IO (with errno), ERR_NOMEM.
 */
#ifndef BASE_FILE_BATCH_H
#define BASE_FILE_BATCH_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct file_batch;

enum err file_batch_new(struct file_batch **out);
/* Writes "<path>.new", in a directory that must exist; what has that name goes. */
enum err file_batch_add(struct file_batch *b, const char *path, mode_t mode, const void *bytes,
			size_t n);
size_t file_batch_n(const struct file_batch *b);
/* Puts all in their places, in the order in which they came. Once. On failure some may be there. */
enum err file_batch_settle(struct file_batch *b);
/* What was not settled goes. Accepts NULL. */
void file_batch_free(struct file_batch *b);

#endif
