// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define SCHEMA_VERSION  1
#define BUSY_TIMEOUT_MS 2000

enum statement { GET, LIST, REVISION, PUT, DELETE, STATEMENTS };

static const char *const SQL[STATEMENTS] = {
	[GET] = "SELECT text, revision FROM documents WHERE key = ?1",
	[LIST] = "SELECT key, text, revision FROM documents WHERE key >= ?1 AND key < ?2 "
		 "ORDER BY key",
	[REVISION] = "SELECT revision FROM documents WHERE key = ?1",
	[PUT] = "INSERT INTO documents (key, revision, text) VALUES (?1, ?2, ?3) "
		"ON CONFLICT (key) DO UPDATE SET revision = ?2, text = ?3",
	[DELETE] = "DELETE FROM documents WHERE key = ?1",
};

struct store {
	sqlite3 *db;
	char *path;
	sqlite3_stmt *idle[STATEMENTS]; /* made when first needed; NULL while one is in use */
	unsigned batches;               /* that are open, one in another */
};

static enum err failed(const struct store *s, const char *doing)
{
	log_error(NULL, "store %s: %s: %s", s->path, doing, sqlite3_errmsg(s->db));
	return ERR_STORE;
}

static enum err run(const struct store *s, const char *sql)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? ERR_OK : ERR_STORE;
}

static int read_version(const struct store *s)
{
	sqlite3_stmt *q = NULL;
	int v = -1;

	if (sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		v = sqlite3_column_int(q, 0);
	sqlite3_finalize(q);
	return v;
}

static enum err prepare_schema(const struct store *s)
{
	int version = read_version(s);

	if (version == SCHEMA_VERSION)
		return ERR_OK;
	if (version != 0)
		return version < 0 ? ERR_STORE : ERR_UNSUPPORTED;
	return run(s, "BEGIN IMMEDIATE;"
		      "CREATE TABLE documents (key TEXT PRIMARY KEY, revision INTEGER NOT NULL, "
		      "text TEXT NOT NULL) WITHOUT ROWID;"
		      "PRAGMA user_version = 1;"
		      "COMMIT");
}

/* The file is made by us first: SQLite would make it readable by the umask's grace. */
static enum err make_file(const char *path, struct diag *d)
{
	struct diag_place at = { .file = path };
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || fstat(fd, &st) < 0) {
		diag_add(d, DIAG_ERROR, &at,
			 errno == ENOENT ? "make the directory server.state-dir" : NULL,
			 "cannot open the store: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return ERR_IO;
	}
	close(fd);
	if (S_ISREG(st.st_mode) && (st.st_mode & 077) == 0)
		return ERR_OK;
	diag_add(d, DIAG_ERROR, &at, "chmod 600 the file", "the store may be read by others");
	return ERR_PERMISSION;
}

enum err store_open(struct store **out, const char *path, struct diag *d)
{
	struct diag_place at = { .file = path };
	enum err e = make_file(path, d);

	if (e)
		return e;
	struct store *s = calloc(1, sizeof *s);
	if (s == NULL || (s->path = strdup(path)) == NULL) {
		free(s);
		return ERR_NOMEM;
	}
	if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		e = ERR_STORE;
	if (!e) {
		sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS);
		e = run(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA "
			   "trusted_schema = OFF");
	}
	if (!e)
		e = prepare_schema(s);
	if (e) {
		diag_add(d, DIAG_ERROR, &at, NULL, "cannot use the store: %s",
			 e == ERR_UNSUPPORTED ? "a newer version made it" : sqlite3_errmsg(s->db));
		store_close(s);
		return e;
	}
	*out = s;
	return ERR_OK;
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->idle[i]);
	sqlite3_close_v2(s->db);
	free(s->path);
	free(s);
}

/* ---- statements ---- */

/* Whoever lists may read and write meanwhile: a statement that is in use is not handed out. */
static sqlite3_stmt *take(struct store *s, enum statement which, const char *key)
{
	sqlite3_stmt *q = s->idle[which];

	s->idle[which] = NULL;
	if (q == NULL && sqlite3_prepare_v3(s->db, SQL[which], -1, SQLITE_PREPARE_PERSISTENT, &q,
					    NULL) != SQLITE_OK)
		return NULL;
	if (sqlite3_bind_text(q, 1, key, -1, SQLITE_STATIC) == SQLITE_OK)
		return q;
	sqlite3_finalize(q);
	return NULL;
}

static void give_back(struct store *s, enum statement which, sqlite3_stmt *q)
{
	if (q == NULL)
		return;
	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
	if (s->idle[which] != NULL)
		sqlite3_finalize(q);
	else
		s->idle[which] = q;
}

/* ---- reading ---- */

/* One row of a query that is bound already. The text is the statement's. */
static enum err step_row(const struct store *s, sqlite3_stmt *q)
{
	int r = sqlite3_step(q);

	return r == SQLITE_ROW ? ERR_OK : r == SQLITE_DONE ? ERR_NOT_FOUND : failed(s, "reading");
}

enum err store_get(struct store *s, const char *key, char **text, int64_t *revision)
{
	sqlite3_stmt *q = take(s, GET, key);
	enum err e = q != NULL ? step_row(s, q) : failed(s, "reading");

	if (!e) {
		*text = strdup((const char *)sqlite3_column_text(q, 0));
		if (revision != NULL)
			*revision = sqlite3_column_int64(q, 1);
		e = *text != NULL ? ERR_OK : ERR_NOMEM;
	}
	give_back(s, GET, q);
	return e;
}

/* The first text, in the order of octets, that is above all that start with `prefix`. */
static bool end_of(const char *prefix, char out[STORE_KEY_MAX + 1])
{
	size_t n = strlen(prefix);

	if (n == 0 || n > STORE_KEY_MAX || prefix[n - 1] == 0x7f)
		return false;
	memcpy(out, prefix, n + 1);
	out[n - 1]++;
	return true;
}

enum err store_list(struct store *s, const char *prefix,
		    bool (*visit)(const char *key, const char *text, int64_t revision,
				  void *context),
		    void *context)
{
	char end[STORE_KEY_MAX + 1];

	if (!end_of(prefix, end))
		return ERR_INVALID;
	sqlite3_stmt *q = take(s, LIST, prefix);
	enum err e = q != NULL && sqlite3_bind_text(q, 2, end, -1, SQLITE_STATIC) == SQLITE_OK
			 ? ERR_OK
			 : failed(s, "listing");
	while (!e && (e = step_row(s, q)) == ERR_OK)
		if (!visit((const char *)sqlite3_column_text(q, 0),
			   (const char *)sqlite3_column_text(q, 1), sqlite3_column_int64(q, 2),
			   context))
			break;
	give_back(s, LIST, q);
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* ---- writing ---- */

static enum err revision_of(struct store *s, const char *key, int64_t *out)
{
	sqlite3_stmt *q = take(s, REVISION, key);
	enum err e = q != NULL ? step_row(s, q) : failed(s, "reading");

	*out = e ? 0 : sqlite3_column_int64(q, 0);
	give_back(s, REVISION, q);
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err write_one(struct store *s, const struct store_change *c, int64_t revision)
{
	enum statement which = c->text != NULL ? PUT : DELETE;
	sqlite3_stmt *q = take(s, which, c->key);
	bool ok = q != NULL;

	if (ok && which == PUT)
		ok = sqlite3_bind_int64(q, 2, revision + 1) == SQLITE_OK &&
		     sqlite3_bind_text(q, 3, c->text, -1, SQLITE_STATIC) == SQLITE_OK;
	ok = ok && sqlite3_step(q) == SQLITE_DONE;
	enum err e = ok ? ERR_OK : failed(s, "writing");
	give_back(s, which, q);
	return e;
}

static enum err apply_one(struct store *s, const struct store_change *c)
{
	int64_t revision;

	if (strlen(c->key) > STORE_KEY_MAX || (c->text != NULL && strlen(c->text) > STORE_TEXT_MAX))
		return ERR_TOO_LONG;
	enum err e = revision_of(s, c->key, &revision);
	if (!e && c->expected != STORE_ANY_REVISION && c->expected != revision)
		e = ERR_CONFLICT;
	return e ? e : write_one(s, c, revision);
}

/* Where SQLite has rolled back all by itself, nothing of a batch is there any more, and nothing
 * more goes into it: its end says so. */
static bool batch_is_lost(const struct store *s)
{
	return s->batches > 0 && sqlite3_get_autocommit(s->db);
}

enum err store_apply(struct store *s, const struct store_change *changes, size_t n)
{
	bool inner = s->batches > 0;

	if (batch_is_lost(s))
		return ERR_STORE;
	enum err e = run(s, inner ? "SAVEPOINT change" : "BEGIN IMMEDIATE");
	if (e)
		return failed(s, "starting a change");
	for (size_t i = 0; i < n && !e; i++)
		e = apply_one(s, &changes[i]);
	if (!e && run(s, inner ? "RELEASE change" : "COMMIT") != ERR_OK)
		e = failed(s, "committing");
	if (e) /* fails where SQLite rolled back by itself */
		(void)run(s, inner ? "ROLLBACK TO change; RELEASE change" : "ROLLBACK");
	return e;
}

enum err store_put(struct store *s, const char *key, const char *text)
{
	struct store_change c = { key, text, STORE_ANY_REVISION };

	return store_apply(s, &c, 1);
}

enum err store_delete(struct store *s, const char *key)
{
	struct store_change c = { key, NULL, STORE_ANY_REVISION };

	return store_apply(s, &c, 1);
}

/* ---- many changes, one sync ---- */

enum err store_batch_begin(struct store *s)
{
	if (s->batches == 0 && run(s, "BEGIN IMMEDIATE"))
		return failed(s, "starting a batch");
	s->batches++;
	return ERR_OK;
}

enum err store_batch_end(struct store *s)
{
	enum err e = batch_is_lost(s) ? ERR_STORE : ERR_OK;

	if (--s->batches > 0 || e)
		return e;
	if (run(s, "COMMIT") == ERR_OK)
		return ERR_OK;
	e = failed(s, "committing");
	(void)run(s, "ROLLBACK");
	return e;
}

void store_batch_abort(struct store *s)
{
	if (--s->batches == 0 && !sqlite3_get_autocommit(s->db))
		(void)run(s, "ROLLBACK");
}
