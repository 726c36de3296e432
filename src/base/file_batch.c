// SPDX-License-Identifier: Apache-2.0
#include "base/file_batch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* So many are synced one by one; more, by syncing the whole file system, which costs more where
 * others write to it too. */
#define EACH_MAX 16u

struct disk {
	dev_t device;
	int fd; /* something on it */
};

struct file_batch {
	char **path; /* where they will stand */
	size_t n, cap, settled;
	struct disk *disk;
	size_t disk_n;
};

enum err file_batch_new(struct file_batch **out)
{
	*out = calloc(1, sizeof **out);
	return *out != NULL ? ERR_OK : ERR_NOMEM;
}

size_t file_batch_n(const struct file_batch *b)
{
	return b->n;
}

static bool beside(const char *path, char out[PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s.new", path);

	return n > 0 && n < PATH_MAX;
}

static bool reserve(struct file_batch *b)
{
	if (b->n < b->cap)
		return true;
	size_t cap = b->cap * 2 + 8;
	char **more = realloc(b->path, cap * sizeof *more);
	if (more == NULL)
		return false;
	b->path = more;
	b->cap = cap;
	return true;
}

/* Keeps a descriptor of each file system that files are on; takes `fd`. */
static enum err note_disk(struct file_batch *b, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		close(fd);
		return ERR_IO;
	}
	for (size_t i = 0; i < b->disk_n; i++)
		if (b->disk[i].device == st.st_dev)
			return close(fd) == 0 ? ERR_OK : ERR_IO;
	struct disk *more = realloc(b->disk, (b->disk_n + 1) * sizeof *more);
	if (more == NULL) {
		close(fd);
		return ERR_NOMEM;
	}
	b->disk = more;
	b->disk[b->disk_n++] = (struct disk){ st.st_dev, fd };
	return ERR_OK;
}

enum err file_batch_add(struct file_batch *b, const char *path, mode_t mode, const void *bytes,
			size_t n)
{
	char temporary[PATH_MAX];

	if (!beside(path, temporary)) {
		errno = ENAMETOOLONG;
		return ERR_IO;
	}
	char *copy = reserve(b) ? strdup(path) : NULL;
	if (copy == NULL)
		return ERR_NOMEM;
	unlink(temporary);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0) {
		free(copy);
		return ERR_IO;
	}
	b->path[b->n++] = copy; /* from here on it is removed with the others */
	if (write(fd, bytes, n) != (ssize_t)n) {
		close(fd);
		return ERR_IO;
	}
	return note_disk(b, fd);
}

/* ---- on disk ---- */

static bool sync_path(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool sync_disks(const struct file_batch *b)
{
	for (size_t i = 0; i < b->disk_n; i++)
		if (syncfs(b->disk[i].fd) < 0)
			return false;
	return true;
}

static bool sync_files(const struct file_batch *b)
{
	char temporary[PATH_MAX];

	if (b->n > EACH_MAX)
		return sync_disks(b);
	for (size_t i = 0; i < b->n; i++)
		if (!beside(b->path[i], temporary) || !sync_path(temporary, O_NOFOLLOW))
			return false;
	return true;
}

/* Octets of the path that name its directory. */
static size_t directory_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

static bool sync_directory(const char *path)
{
	char dir[PATH_MAX] = ".";
	size_t n = directory_len(path);

	if (n > 0)
		snprintf(dir, sizeof dir, "%.*s", (int)n, path);
	return sync_path(dir, O_DIRECTORY);
}

static bool sync_directories(const struct file_batch *b)
{
	if (b->n > EACH_MAX)
		return sync_disks(b);
	for (size_t i = 0; i < b->n; i++) {
		size_t n = directory_len(b->path[i]);
		bool done = i > 0 && directory_len(b->path[i - 1]) == n &&
			    strncmp(b->path[i - 1], b->path[i], n) == 0;
		if (!done && !sync_directory(b->path[i]))
			return false;
	}
	return true;
}

static bool rename_all(struct file_batch *b)
{
	char temporary[PATH_MAX];

	for (; b->settled < b->n; b->settled++)
		if (!beside(b->path[b->settled], temporary) ||
		    rename(temporary, b->path[b->settled]) < 0)
			return false;
	return true;
}

enum err file_batch_settle(struct file_batch *b)
{
	return sync_files(b) && rename_all(b) && sync_directories(b) ? ERR_OK : ERR_IO;
}

void file_batch_free(struct file_batch *b)
{
	char temporary[PATH_MAX];

	if (b == NULL)
		return;
	for (size_t i = 0; i < b->n; i++) {
		if (i >= b->settled && beside(b->path[i], temporary))
			unlink(temporary);
		free(b->path[i]);
	}
	for (size_t i = 0; i < b->disk_n; i++)
		close(b->disk[i].fd);
	free(b->disk);
	free(b->path);
	free(b);
}
