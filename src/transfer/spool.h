// SPDX-License-Identifier: Apache-2.0
/*
 * spool.h -- a transferred zone as a file: written while it comes in, read at every start.
 *
 * Purpose.   A transfer goes to disk record by record, so that a zone of millions of records takes
 * no memory while it is on its way, and what is served after a restart with the primary down is
 * what was checked before.
 * Form.      "concord-zone-1\n", the zone's name, then records: owner, TYPE, TTL, RDLENGTH, RDATA
 * (names in wire form, uncompressed); at the end an empty owner (length octet 255), the count of
 * records (8 octets) and SHA-256 of all octets before.
 * Invariant. The file at its final path is whole: it is written beside it, synced, and renamed. The
 * reader takes nothing for whole whose digest does not fit; records are handed out before that is
 * known, so its caller gives up what it made where spool_read() fails.
 * Errors.    ERR_IO (with errno), ERR_CORRUPT, ERR_NOT_FOUND (no such file), ERR_NOMEM.
 */
#ifndef TRANSFER_SPOOL_H
#define TRANSFER_SPOOL_H

#include <stdint.h>

#include "base/err.h"
#include "dns/record.h"
#include "zone/change.h"

struct spool;

/* Begins the file that will stand at `path` (mode 0600; its directory must exist). */
enum err spool_begin(struct spool **out, const char *path, const uint8_t *zone);
enum err spool_add(struct spool *s, const uint8_t *owner, uint16_t type, uint32_t ttl,
		   struct span rdata);
/* Ends and syncs the file beside its place; spool_commit() then puts it there. */
enum err spool_end(struct spool *s);
/* The same in two: the sync, which waits for the disk, in any one thread meanwhile. */
enum err spool_finish(struct spool *s);
enum err spool_sync(struct spool *s);
/* Where the file is until spool_commit(). */
const char *spool_path(const struct spool *s);
/* Puts it in its place; frees. */
enum err spool_commit(struct spool *s);
/* The same for many: each in its place, then their directory (`path`: of any of them) on disk. */
enum err spool_place(struct spool *s);
enum err spool_sync_directory(const char *path);
/* Gives it up; removes the file; frees. Accepts NULL. */
void spool_abort(struct spool *s);

/* Begins and ends the file that `path` becomes with these changes, oldest first: records removed
 * that are not there, or added that are there, are no error. `path` stays as it is until
 * spool_commit(). */
enum err spool_patch(struct spool **out, const char *path, const uint8_t *zone,
		     const struct change_set *changes, size_t change_n, uint64_t *record_n);

/* What tells one whole file from any other: its digest, in hexadecimal, read from its end. Not a
 * check of what is in it. */
#define SPOOL_ID_MAX 65
enum err spool_id(const char *path, char out[SPOOL_ID_MAX]);

struct spool_record {
	const uint8_t *owner; /* wire; borrowed for the call */
	uint16_t type;
	uint32_t ttl;
	struct span rdata;
};

/* The records of a file that was ended, where they lie: one behind another, an octet of 255 and the
 * tail at their end. Its digest is not looked at. */
struct spool_map {
	struct span records;
	void *whole; /* NULL: nothing */
	size_t whole_n;
};
enum err spool_map(struct spool_map *out, const char *path, const uint8_t *zone);
/* Those that were added so far. */
enum err spool_map_added(struct spool_map *out, struct spool *s, const uint8_t *zone);
/* Also of one that was not made. */
void spool_unmap(struct spool_map *m);

/* Reads a whole file of that zone. What `each` returns other than ERR_OK ends it. */
enum err spool_read(const char *path, const uint8_t *zone,
		    enum err (*each)(const struct spool_record *r, void *context), void *context);

#endif
