// SPDX-License-Identifier: Apache-2.0
/* A peer that a person looks after: what should stand there, and what should not any more, is
 * written into a file for them, which is replaced only when it says something else. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns/rrtype.h"
#include "peers/push_call.h"
#include "peers/record_text.h"

#define NOTE_MAX     (256u * 1024)
#define PATH_MAX_LEN 2200

static size_t append_record(const struct push *p, const struct push_record *r, char *out,
			    size_t room)
{
	char text[RECORD_TEXT_MAX], type[RR_TYPE_TEXT_MAX];

	if (!record_to_text(r->type, r->rdata, text))
		return 0;
	int n = snprintf(out, room, "%s %u IN %s %s\n", p->text, p->ttl,
			 rr_type_to_text(r->type, type), text);
	return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

static size_t append_all(const struct push *p, bool wanted, const char *head, char *out,
			 size_t room)
{
	size_t n = (size_t)snprintf(out, room, "%s", head);

	for (size_t i = 0; i < p->n; i++) {
		if (p->record[i].wanted != wanted)
			continue;
		if (!wanted && n + 2 < room) {
			out[n++] = ';';
			out[n++] = ' ';
		}
		n += append_record(p, &p->record[i], out + n, room - n);
	}
	return n;
}

static size_t make_note(const struct push *p, char *out)
{
	size_t n = append_all(p, true,
			      "; These records must stand at the apex, beside the signer's own "
			      "keys.\n",
			      out, NOTE_MAX);

	return n + append_all(p, false, "; These must not stand there any more:\n", out + n,
			      NOTE_MAX - n);
}

static bool says_the_same(const char *path, const char *note, size_t n)
{
	char *there = malloc(n + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t got = fd >= 0 && there != NULL ? read(fd, there, n + 1) : -1;
	bool same = got == (ssize_t)n && memcmp(there, note, n) == 0;

	if (fd >= 0)
		close(fd);
	free(there);
	return same;
}

static bool write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

/* Whole or not at all, and on the disk. */
static bool replace(const char *path, const char *note, size_t n)
{
	char made[PATH_MAX_LEN + 8];

	snprintf(made, sizeof made, "%s.new", path);
	int fd = open(made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return false;
	bool good = write_all(fd, note, n) && fsync(fd) == 0;
	good = close(fd) == 0 && good;
	if (good && rename(made, path) == 0)
		return true;
	int why = errno;
	unlink(made);
	errno = why;
	return false;
}

/* A name may have a slash in it: the file stays in its directory. */
static void make_path(const struct push_call *c, char out[PATH_MAX_LEN])
{
	size_t n = (size_t)snprintf(out, PATH_MAX_LEN, "%.1000s/", c->peer->directory);

	for (const char *p = c->push.text; *p != 0 && n + 16 < PATH_MAX_LEN; p++)
		n += (size_t)snprintf(out + n, 4, *p == '/' || *p == '%' ? "%%%02X" : "%c",
				      (unsigned char)*p);
	snprintf(out + n, PATH_MAX_LEN - n, "zone");
}

static enum err start(struct push_call *c)
{
	char path[PATH_MAX_LEN], *note = malloc(NOTE_MAX);

	if (note == NULL)
		return ERR_NOMEM;
	make_path(c, path);
	size_t n = make_note(&c->push, note);
	if (says_the_same(path, note, n))
		push_finish(c, ERR_OK, false, "%.200s says what it should have", path);
	else if (replace(path, note, n))
		push_finish(c, ERR_OK, true, "%.200s says what is to be done there by hand", path);
	else
		push_finish(c, ERR_IO, false, "%.200s cannot be written: %s", path,
			    strerror(errno));
	free(note);
	return ERR_OK;
}

static void end(struct push_call *c)
{
	(void)c;
}

const struct provider PROVIDER_FILE = { "file", PUSH_DNSKEY | PUSH_CDS | PUSH_NS | PUSH_CSYNC,
					start, end };
