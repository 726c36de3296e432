// SPDX-License-Identifier: Apache-2.0
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define SCHEMA_VERSION  1
#define BUSY_TIMEOUT_MS 5000

enum statement {
	ADD_HISTORY,
	ADD_OVERLAY,
	LAST,
	FIND,
	FROM,
	SIZE,
	CUT,
	OVERLAY,
	OVERLAY_N,
	CLEAR_HISTORY,
	CLEAR_OVERLAY,
	CLEAR_OTHERS,
	BEGIN,
	COMMIT,
	ROLLBACK,
	INNER_BEGIN,
	INNER_COMMIT,
	INNER_ROLLBACK,
	STATEMENTS
};

static const char *const SQL[STATEMENTS] = {
	[ADD_HISTORY] = "INSERT INTO history (zone, old, new, made_at, octets, sum, bytes) "
			"SELECT ?1, ?2, ?3, ?4, ?5, ?5 + coalesce((SELECT sum FROM history WHERE "
			"zone = ?1 ORDER BY id DESC LIMIT 1), 0), ?6",
	[ADD_OVERLAY] = "INSERT INTO overlay (zone, old, new, made_at, bytes) VALUES "
			"(?1, ?2, ?3, ?4, ?5)",
	[LAST] = "SELECT new FROM history WHERE zone = ?1 ORDER BY id DESC LIMIT 1",
	[FIND] = "SELECT max(id) FROM history WHERE zone = ?1 AND old = ?2",
	[FROM] = "SELECT old, new, made_at, bytes FROM history WHERE zone = ?1 AND id >= ?2 "
		 "ORDER BY id",
	/* The oldest that may stay: by number of sets, and by octets through the running sum. */
	[SIZE] =
	    "SELECT max("
	    "coalesce((SELECT id FROM history WHERE zone = ?1 ORDER BY id DESC LIMIT 1 OFFSET "
	    "?2), 0), "
	    "coalesce((SELECT max(id) FROM history WHERE zone = ?1 AND sum <= (SELECT sum FROM "
	    "history WHERE zone = ?1 ORDER BY id DESC LIMIT 1) - ?3), 0))",
	[CUT] = "DELETE FROM history WHERE zone = ?1 AND id <= ?2",
	[OVERLAY] = "SELECT old, new, made_at, bytes FROM overlay WHERE zone = ?1 ORDER BY id",
	[OVERLAY_N] = "SELECT count(*) FROM overlay WHERE zone = ?1",
	[CLEAR_HISTORY] = "DELETE FROM history WHERE zone = ?1",
	[CLEAR_OVERLAY] = "DELETE FROM overlay WHERE zone = ?1",
	/* All that start with the zone and a space. */
	[CLEAR_OTHERS] = "DELETE FROM overlay WHERE zone > ?1 || ' ' AND zone < ?1 || '!' AND zone "
			 "<> ?2",
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[INNER_BEGIN] = "SAVEPOINT one",
	[INNER_COMMIT] = "RELEASE one",
	[INNER_ROLLBACK] = "ROLLBACK TO one",
};

static const char SCHEMA[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE history (id INTEGER PRIMARY KEY AUTOINCREMENT, zone TEXT NOT NULL, old INTEGER "
    "NOT NULL, new INTEGER NOT NULL, made_at INTEGER NOT NULL, octets INTEGER NOT NULL, sum "
    "INTEGER NOT NULL, bytes BLOB NOT NULL);"
    "CREATE INDEX history_by_zone ON history (zone, id);"
    "CREATE INDEX history_by_serial ON history (zone, old);"
    "CREATE INDEX history_by_sum ON history (zone, sum);"
    "CREATE TABLE overlay (id INTEGER PRIMARY KEY AUTOINCREMENT, zone TEXT NOT NULL, old INTEGER "
    "NOT NULL, new INTEGER NOT NULL, made_at INTEGER NOT NULL, bytes BLOB NOT NULL);"
    "CREATE INDEX overlay_by_zone ON overlay (zone, id);"
    "PRAGMA user_version = 1;"
    "COMMIT";

struct journal {
	sqlite3 *db;
	char *path;
	sqlite3_stmt *statement[STATEMENTS]; /* made when first needed */
	bool open;                           /* between begin and commit */
	bool batch;                          /* ... of a batch */
};

static enum err failed(const struct journal *j, const char *doing)
{
	log_error(NULL, "journal %s: %s: %s", j->path, doing, sqlite3_errmsg(j->db));
	return ERR_STORE;
}

/* ---- statements ---- */

static sqlite3_stmt *statement(struct journal *j, enum statement s)
{
	if (j->statement[s] == NULL &&
	    sqlite3_prepare_v3(j->db, SQL[s], -1, SQLITE_PREPARE_PERSISTENT, &j->statement[s],
			       NULL) != SQLITE_OK)
		return NULL;
	return j->statement[s];
}

static sqlite3_stmt *start(struct journal *j, enum statement s, const char *zone)
{
	sqlite3_stmt *q = statement(j, s);

	if (q != NULL && zone != NULL &&
	    sqlite3_bind_text(q, 1, zone, -1, SQLITE_STATIC) != SQLITE_OK)
		return NULL;
	return q;
}

/* Runs one that returns no rows. */
static enum err run(struct journal *j, sqlite3_stmt *q, const char *doing)
{
	int got = q != NULL ? sqlite3_step(q) : SQLITE_ERROR;
	enum err e = got == SQLITE_DONE ? ERR_OK : failed(j, doing);

	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
	return e;
}

/* One number; ERR_NOT_FOUND where there is none. */
static enum err number(struct journal *j, sqlite3_stmt *q, int64_t *out)
{
	int got = q != NULL ? sqlite3_step(q) : SQLITE_ERROR;
	enum err e = ERR_OK;

	if (got == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL)
		*out = sqlite3_column_int64(q, 0);
	else if (got == SQLITE_ROW || got == SQLITE_DONE)
		e = ERR_NOT_FOUND;
	else
		e = failed(j, "reading");
	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
	return e;
}

/* ---- opening ---- */

static int read_version(const struct journal *j)
{
	sqlite3_stmt *q = NULL;
	int v = -1;

	if (sqlite3_prepare_v2(j->db, "PRAGMA user_version", -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		v = sqlite3_column_int(q, 0);
	sqlite3_finalize(q);
	return v;
}

/* Made by us first: SQLite would make it readable by the umask's grace. */
static enum err make_file(const char *path, struct diag *d)
{
	struct diag_place at = { .file = path };
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || fstat(fd, &st) < 0) {
		diag_add(d, DIAG_ERROR, &at, NULL, "cannot open the journal: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return ERR_IO;
	}
	close(fd);
	if (S_ISREG(st.st_mode) && (st.st_mode & 077) == 0)
		return ERR_OK;
	diag_add(d, DIAG_ERROR, &at, "chmod 600 the file", "the journal may be read by others");
	return ERR_PERMISSION;
}

static struct journal *journal_new(const char *path)
{
	struct journal *j = calloc(1, sizeof *j);

	if (j == NULL)
		return NULL;
	j->path = strdup(path);
	if (j->path != NULL)
		return j;
	free(j);
	return NULL;
}

static enum err prepare(struct journal *j, int flags)
{
	if (sqlite3_open_v2(j->path, &j->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return failed(j, "opening");
	sqlite3_busy_timeout(j->db, BUSY_TIMEOUT_MS);
	if (sqlite3_exec(j->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", NULL, NULL,
			 NULL) != SQLITE_OK)
		return failed(j, "opening");
	int version = read_version(j);
	if (version == 0 && (flags & SQLITE_OPEN_READWRITE)) {
		if (sqlite3_exec(j->db, SCHEMA, NULL, NULL, NULL) != SQLITE_OK)
			return failed(j, "making the tables");
		version = read_version(j);
	}
	if (version == SCHEMA_VERSION)
		return ERR_OK;
	log_error(NULL, "journal %s: is of version %d; this program knows version %d", j->path,
		  version, SCHEMA_VERSION);
	return ERR_UNSUPPORTED;
}

enum err journal_open(struct journal **out, const char *path, struct diag *d)
{
	enum err e = make_file(path, d);
	struct journal *j = e ? NULL : journal_new(path);

	if (e)
		return e;
	e = j != NULL ? prepare(j, SQLITE_OPEN_READWRITE) : ERR_NOMEM;
	if (e) {
		diag_add(d, DIAG_ERROR, &(struct diag_place){ .file = path }, NULL,
			 "cannot open the journal: %s", err_text(e));
		journal_close(j);
		return e;
	}
	*out = j;
	return ERR_OK;
}

enum err journal_open_reader(struct journal **out, const char *path)
{
	struct journal *j = journal_new(path);
	/* Readers of a WAL database write to its index. */
	enum err e = j != NULL ? prepare(j, SQLITE_OPEN_READWRITE) : ERR_NOMEM;

	if (e) {
		journal_close(j);
		return e;
	}
	*out = j;
	return ERR_OK;
}

void journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(j->statement[i]);
	sqlite3_close(j->db);
	free(j->path);
	free(j);
}

/* ---- writing ---- */

enum err journal_begin(struct journal *j)
{
	enum err e = run(j, statement(j, j->batch ? INNER_BEGIN : BEGIN), "beginning");

	j->open = !e;
	return e;
}

enum err journal_commit(struct journal *j)
{
	enum err e = run(j, statement(j, j->batch ? INNER_COMMIT : COMMIT), "committing");

	if (e)
		journal_rollback(j);
	j->open = false;
	return e;
}

void journal_rollback(struct journal *j)
{
	if (j->open && !sqlite3_get_autocommit(j->db)) {
		run(j, statement(j, j->batch ? INNER_ROLLBACK : ROLLBACK), "rolling back");
		if (j->batch)
			run(j, statement(j, INNER_COMMIT), "rolling back");
	}
	j->open = false;
}

enum err journal_batch_begin(struct journal *j)
{
	enum err e = run(j, statement(j, BEGIN), "beginning");

	j->batch = !e;
	return e;
}

enum err journal_batch_end(struct journal *j)
{
	j->batch = false;
	/* SQLite may have rolled back by itself: then there is nothing to commit. */
	enum err e = run(j, statement(j, COMMIT), "committing");
	if (e && !sqlite3_get_autocommit(j->db))
		run(j, statement(j, ROLLBACK), "rolling back");
	return e;
}

static enum err add_history(struct journal *j, const char *zone, const struct journal_set *s)
{
	sqlite3_stmt *q = start(j, ADD_HISTORY, zone);

	if (q == NULL)
		return failed(j, "appending");
	sqlite3_bind_int64(q, 2, s->from);
	sqlite3_bind_int64(q, 3, s->to);
	sqlite3_bind_int64(q, 4, s->made_at);
	sqlite3_bind_int64(q, 5, (int64_t)s->bytes.n);
	sqlite3_bind_blob64(q, 6, s->bytes.p, s->bytes.n, SQLITE_STATIC);
	return run(j, q, "appending");
}

static enum err add_overlay(struct journal *j, const char *zone, const struct journal_set *s)
{
	sqlite3_stmt *q = start(j, ADD_OVERLAY, zone);

	if (q == NULL)
		return failed(j, "appending");
	sqlite3_bind_int64(q, 2, s->from);
	sqlite3_bind_int64(q, 3, s->to);
	sqlite3_bind_int64(q, 4, s->made_at);
	sqlite3_bind_blob64(q, 5, s->bytes.p, s->bytes.n, SQLITE_STATIC);
	return run(j, q, "appending");
}

/* Sets past the limits go, oldest first. */
static enum err trim(struct journal *j, const char *zone, const struct journal_limits *l)
{
	int64_t last = 0;
	sqlite3_stmt *q = start(j, SIZE, zone);

	if (q == NULL)
		return failed(j, "trimming");
	sqlite3_bind_int64(q, 2, l->sets);
	sqlite3_bind_int64(q, 3, (int64_t)l->octets);
	enum err e = number(j, q, &last);
	if (e || last == 0)
		return e == ERR_NOT_FOUND ? ERR_OK : e;
	q = start(j, CUT, zone);
	if (q == NULL)
		return failed(j, "trimming");
	sqlite3_bind_int64(q, 2, last);
	return run(j, q, "trimming");
}

enum err journal_append(struct journal *j, const char *zone, const struct journal_set *s,
			bool overlay, const struct journal_limits *limits)
{
	int64_t last = 0;
	enum err e = number(j, start(j, LAST, zone), &last);

	if (!e && (uint32_t)last != s->from) /* a gap: what was leads nowhere */
		e = run(j, start(j, CLEAR_HISTORY, zone), "beginning a new history");
	else if (e == ERR_NOT_FOUND)
		e = ERR_OK;
	if (!e)
		e = add_history(j, zone, s);
	if (!e && overlay)
		e = add_overlay(j, zone, s);
	return e ? e : trim(j, zone, limits);
}

enum err journal_add_overlay(struct journal *j, const char *source, const struct journal_set *s)
{
	return add_overlay(j, source, s);
}

char *journal_source(const char *zone, const char *id, char out[JOURNAL_SOURCE_MAX])
{
	snprintf(out, JOURNAL_SOURCE_MAX, "%s %s", zone, id);
	return out;
}

enum err journal_forget_other_sources(struct journal *j, const char *zone, const char *source)
{
	sqlite3_stmt *q = start(j, CLEAR_OTHERS, zone);

	if (q == NULL || sqlite3_bind_text(q, 2, source, -1, SQLITE_STATIC) != SQLITE_OK)
		return failed(j, "forgetting");
	return run(j, q, "forgetting");
}

enum err journal_replace_overlay(struct journal *j, const char *zone, const struct journal_set *s)
{
	enum err e = run(j, start(j, CLEAR_OVERLAY, zone), "replacing the overlay");

	return e || s == NULL ? e : add_overlay(j, zone, s);
}

enum err journal_forget(struct journal *j, const char *zone)
{
	enum err e = run(j, start(j, CLEAR_HISTORY, zone), "forgetting");

	return e ? e : run(j, start(j, CLEAR_OVERLAY, zone), "forgetting");
}

/* ---- reading ---- */

static enum err visit_rows(struct journal *j, sqlite3_stmt *q,
			   bool (*visit)(const struct journal_set *s, void *context), void *context)
{
	int got = SQLITE_ERROR;
	bool more = true;

	while (more && q != NULL && (got = sqlite3_step(q)) == SQLITE_ROW) {
		struct journal_set s = {
			.from = (uint32_t)sqlite3_column_int64(q, 0),
			.to = (uint32_t)sqlite3_column_int64(q, 1),
			.made_at = sqlite3_column_int64(q, 2),
			.bytes = { sqlite3_column_blob(q, 3), (size_t)sqlite3_column_bytes(q, 3) },
		};
		more = visit(&s, context);
	}
	enum err e = !more || got == SQLITE_DONE ? ERR_OK : failed(j, "reading");
	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
	return e;
}

enum err journal_history(struct journal *j, const char *zone, uint32_t from,
			 bool (*visit)(const struct journal_set *s, void *context), void *context)
{
	int64_t id = 0;
	sqlite3_stmt *q = start(j, FIND, zone);

	if (q == NULL)
		return failed(j, "reading");
	sqlite3_bind_int64(q, 2, from);
	enum err e = number(j, q, &id);
	if (e)
		return e;
	q = start(j, FROM, zone);
	if (q == NULL)
		return failed(j, "reading");
	sqlite3_bind_int64(q, 2, id);
	return visit_rows(j, q, visit, context);
}

enum err journal_overlay(struct journal *j, const char *zone,
			 bool (*visit)(const struct journal_set *s, void *context), void *context)
{
	return visit_rows(j, start(j, OVERLAY, zone), visit, context);
}

size_t journal_overlay_n(struct journal *j, const char *zone)
{
	int64_t n = 0;

	return number(j, start(j, OVERLAY_N, zone), &n) ? 0 : (size_t)n;
}
