// SPDX-License-Identifier: Apache-2.0
#include "transfer/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dns/rdata.h"

#define MAGIC      "concord-zone-1\n"
#define MAGIC_LEN  15
#define END_OWNER  255
#define DIGEST_LEN 32
#define BUFFER     (256u << 10)

/* ---- writing ---- */

struct spool {
	FILE *to;
	char *path, *beside;
	EVP_MD_CTX *digest;
	uint64_t record_n;
};

static void spool_free(struct spool *s)
{
	if (s->to != NULL)
		fclose(s->to);
	EVP_MD_CTX_free(s->digest);
	free(s->path);
	free(s->beside);
	free(s);
}

static enum err put(struct spool *s, const void *p, size_t n)
{
	if (EVP_DigestUpdate(s->digest, p, n) != 1)
		return ERR_CRYPTO;
	return fwrite(p, 1, n, s->to) == n ? ERR_OK : ERR_IO;
}

static enum err open_beside(struct spool *s, const uint8_t *zone)
{
	int fd = open(s->beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return ERR_IO;
	s->to = fdopen(fd, "w");
	if (s->to == NULL) {
		close(fd);
		return ERR_NOMEM;
	}
	setvbuf(s->to, NULL, _IOFBF, BUFFER);
	if (EVP_DigestInit_ex(s->digest, EVP_sha256(), NULL) != 1)
		return ERR_CRYPTO;
	enum err e = put(s, MAGIC, MAGIC_LEN);
	return e ? e : put(s, zone, name_len(zone));
}

enum err spool_begin(struct spool **out, const char *path, const uint8_t *zone)
{
	struct spool *s = calloc(1, sizeof *s);

	if (s == NULL)
		return ERR_NOMEM;
	s->path = strdup(path);
	s->digest = EVP_MD_CTX_new();
	if (s->path == NULL || s->digest == NULL || asprintf(&s->beside, "%s.new", path) < 0) {
		spool_free(s);
		return ERR_NOMEM;
	}
	enum err e = open_beside(s, zone);
	if (e) {
		int why = errno;
		spool_free(s);
		errno = why;
		return e;
	}
	*out = s;
	return ERR_OK;
}

enum err spool_add(struct spool *s, const uint8_t *owner, uint16_t type, uint32_t ttl,
		   struct span rdata)
{
	uint8_t fixed[8];

	store_u16(fixed, type);
	store_u32(fixed + 2, ttl);
	store_u16(fixed + 6, (uint16_t)rdata.n);
	s->record_n++;
	enum err e = put(s, owner, name_len(owner));
	if (!e)
		e = put(s, fixed, sizeof fixed);
	return e || rdata.n == 0 ? e : put(s, rdata.p, rdata.n);
}

enum err spool_finish(struct spool *s)
{
	uint8_t tail[9] = { END_OWNER }, digest[EVP_MAX_MD_SIZE];

	store_u32(tail + 1, (uint32_t)(s->record_n >> 32));
	store_u32(tail + 5, (uint32_t)s->record_n);
	enum err e = put(s, tail, sizeof tail);
	if (e)
		return e;
	if (EVP_DigestFinal_ex(s->digest, digest, NULL) != 1)
		return ERR_CRYPTO;
	return fwrite(digest, 1, DIGEST_LEN, s->to) == DIGEST_LEN && fflush(s->to) == 0 ? ERR_OK
											: ERR_IO;
}

enum err spool_sync(struct spool *s)
{
	FILE *to = s->to;
	bool synced = fsync(fileno(to)) == 0;

	s->to = NULL;
	return fclose(to) == 0 && synced ? ERR_OK : ERR_IO;
}

enum err spool_end(struct spool *s)
{
	enum err e = spool_finish(s);

	return e ? e : spool_sync(s);
}

const char *spool_path(const struct spool *s)
{
	return s->beside;
}

/* The new name must be on disk before anybody counts on it. */
enum err spool_sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash != NULL ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");

	if (dir == NULL)
		return ERR_NOMEM;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (fd < 0)
		return ERR_IO;
	int done = fsync(fd);
	close(fd);
	return done == 0 ? ERR_OK : ERR_IO;
}

enum err spool_place(struct spool *s)
{
	enum err e = rename(s->beside, s->path) == 0 ? ERR_OK : ERR_IO;
	int why = errno;

	spool_free(s);
	errno = why;
	return e;
}

enum err spool_commit(struct spool *s)
{
	char *path = strdup(s->path);
	enum err e = spool_place(s);

	if (!e)
		e = path != NULL ? spool_sync_directory(path) : ERR_NOMEM;
	free(path);
	return e;
}

void spool_abort(struct spool *s)
{
	if (s == NULL)
		return;
	unlink(s->beside);
	spool_free(s);
}

/* ---- reading ---- */

struct source {
	FILE *from;
	EVP_MD_CTX *digest;
	bool bad;
};

static void get(struct source *s, void *out, size_t n)
{
	if (s->bad || fread(out, 1, n, s->from) != n || EVP_DigestUpdate(s->digest, out, n) != 1) {
		s->bad = true;
		memset(out, 0, n);
	}
}

/* A name of which the first length octet was read. */
static void get_name(struct source *s, uint8_t first, uint8_t out[NAME_MAX_LEN])
{
	size_t at = 0;

	out[0] = first;
	while (!s->bad && out[at] != 0) {
		size_t n = out[at];
		if (n > NAME_LABEL_MAX || at + n + 2 > NAME_MAX_LEN) {
			s->bad = true;
			break;
		}
		get(s, out + at + 1, n + 1);
		at += n + 1;
	}
	if (s->bad)
		out[0] = 0;
}

static enum err read_header(struct source *s, const uint8_t *zone)
{
	uint8_t magic[MAGIC_LEN], first, name[NAME_MAX_LEN];

	get(s, magic, sizeof magic);
	get(s, &first, 1);
	get_name(s, first, name);
	return !s->bad && memcmp(magic, MAGIC, MAGIC_LEN) == 0 && name_equal(name, zone)
		   ? ERR_OK
		   : ERR_CORRUPT;
}

static enum err read_tail(struct source *s, uint64_t record_n)
{
	uint8_t count[8], digest[EVP_MAX_MD_SIZE], kept[DIGEST_LEN];

	get(s, count, sizeof count);
	if (s->bad || EVP_DigestFinal_ex(s->digest, digest, NULL) != 1 ||
	    fread(kept, 1, DIGEST_LEN, s->from) != DIGEST_LEN || getc(s->from) != EOF ||
	    memcmp(digest, kept, DIGEST_LEN) != 0)
		return ERR_CORRUPT;
	uint64_t n = (uint64_t)load_u32(count) << 32 | load_u32(count + 4);
	return n == record_n ? ERR_OK : ERR_CORRUPT;
}

static enum err read_records(struct source *s, uint8_t *rdata,
			     enum err (*each)(const struct spool_record *r, void *context),
			     void *context)
{
	uint8_t owner[NAME_MAX_LEN], fixed[8], first;
	uint64_t record_n = 0;

	for (;; record_n++) {
		get(s, &first, 1);
		if (!s->bad && first == END_OWNER)
			return read_tail(s, record_n);
		get_name(s, first, owner);
		get(s, fixed, sizeof fixed);
		size_t n = load_u16(fixed + 6);
		get(s, rdata, n);
		if (s->bad)
			return ERR_CORRUPT;
		struct spool_record r = {
			owner, load_u16(fixed), load_u32(fixed + 2), { rdata, n }
		};
		enum err e = each(&r, context);
		if (e)
			return e;
	}
}

enum err spool_read(const char *path, const uint8_t *zone,
		    enum err (*each)(const struct spool_record *r, void *context), void *context)
{
	struct source s = { .from = fopen(path, "re") };
	uint8_t *rdata = malloc(RDATA_MAX);

	if (s.from == NULL) {
		enum err e = errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
		free(rdata);
		return e;
	}
	setvbuf(s.from, NULL, _IOFBF, BUFFER);
	s.digest = EVP_MD_CTX_new();
	enum err e = s.digest != NULL && rdata != NULL &&
			     EVP_DigestInit_ex(s.digest, EVP_sha256(), NULL) == 1
			 ? read_header(&s, zone)
			 : ERR_NOMEM;
	if (!e)
		e = read_records(&s, rdata, each, context);
	EVP_MD_CTX_free(s.digest);
	fclose(s.from);
	free(rdata);
	return e;
}

enum err spool_id(const char *path, char out[SPOOL_ID_MAX])
{
	uint8_t digest[DIGEST_LEN];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	bool there = lseek(fd, -(off_t)sizeof digest, SEEK_END) >= 0 &&
		     read(fd, digest, sizeof digest) == (ssize_t)sizeof digest;
	close(fd);
	if (!there)
		return ERR_CORRUPT;
	for (size_t i = 0; i < sizeof digest; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
	return ERR_OK;
}

/* ---- where the records lie ---- */

enum err spool_map(struct spool_map *out, const char *path, const uint8_t *zone)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t head = MAGIC_LEN + name_len(zone);
	struct stat st;

	*out = (struct spool_map){ 0 };
	if (fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	if (fstat(fd, &st) == 0)
		out->whole_n = (size_t)st.st_size;
	void *p = out->whole_n > head ? mmap(NULL, out->whole_n, PROT_READ, MAP_PRIVATE, fd, 0)
				      : MAP_FAILED;
	close(fd);
	if (p == MAP_FAILED)
		return out->whole_n > head ? ERR_IO : ERR_CORRUPT;
	out->whole = p;
	out->records = (struct span){ (const uint8_t *)p + head, out->whole_n - head };
	return memcmp(p, MAGIC, MAGIC_LEN) == 0 &&
		       memcmp((const uint8_t *)p + MAGIC_LEN, zone, head - MAGIC_LEN) == 0
		   ? ERR_OK
		   : ERR_CORRUPT;
}

enum err spool_map_added(struct spool_map *out, struct spool *s, const uint8_t *zone)
{
	*out = (struct spool_map){ 0 };
	return fflush(s->to) != 0 ? ERR_IO : spool_map(out, s->beside, zone);
}

void spool_unmap(struct spool_map *m)
{
	if (m->whole != NULL)
		munmap(m->whole, m->whole_n);
	m->whole = NULL;
}

/* ---- changing ---- */

/* Records of the sets with what becomes of them: the last word counts. */
struct patch {
	struct change_record *record;
	size_t n;
	bool *used;
	struct spool *to;
	enum err err;
};

static int by_record(const void *a, const void *b)
{
	const struct change_record *x = a, *y = b;
	int c = name_compare(x->owner, y->owner);

	if (c == 0)
		c = (x->type > y->type) - (x->type < y->type);
	if (c == 0)
		c = rdata_compare(x->rdata, y->rdata);
	return c;
}

static enum err keep_unchanged(const struct spool_record *r, void *context)
{
	struct patch *p = context;
	uint8_t canonical[RDATA_MAX];

	rdata_canonicalize(r->type, r->rdata, canonical);
	struct change_record key = { .owner = r->owner,
				     .type = r->type,
				     .rdata = { canonical, r->rdata.n } };
	struct change_record *found =
	    p->n > 0 ? bsearch(&key, p->record, p->n, sizeof *p->record, by_record) : NULL;
	/* What is named by the change is written from there, or not at all. */
	return found != NULL ? ERR_OK : spool_add(p->to, r->owner, r->type, r->ttl, r->rdata);
}

/* The records of one condensed set, sorted, RDATA in canonical form; *room holds that. */
static enum err read_patch(struct span set, struct patch *p, uint8_t **room)
{
	struct change_record r;
	size_t n = 0, at = 0;
	struct span rest = set;

	while (change_next(&rest, &r))
		n++;
	if (rest.n != 0)
		return ERR_CORRUPT;
	p->record = calloc(n + 1, sizeof *p->record);
	*room = malloc(set.n + 1);
	if (p->record == NULL || *room == NULL)
		return ERR_NOMEM;
	for (rest = set; change_next(&rest, &r); at += r.rdata.n) {
		rdata_canonicalize(r.type, r.rdata, *room + at);
		p->record[p->n] = r;
		p->record[p->n++].rdata.p = *room + at;
	}
	return ERR_OK;
}

/* Added ones, after which comes what was not touched; the SOA first. */
static enum err write_patched(struct patch *p, struct span set, const char *path,
			      const uint8_t *zone)
{
	struct change_record r;

	for (struct span rest = set; change_next(&rest, &r);) {
		enum err e =
		    r.op == CHANGE_ADD ? spool_add(p->to, r.owner, r.type, r.ttl, r.rdata) : ERR_OK;
		if (e)
			return e;
	}
	qsort(p->record, p->n, sizeof *p->record, by_record);
	enum err e = spool_read(path, zone, keep_unchanged, p);
	return e ? e : spool_end(p->to);
}

enum err spool_patch(struct spool **out, const char *path, const uint8_t *zone,
		     const struct change_set *changes, size_t change_n, uint64_t *record_n)
{
	struct patch p = { 0 };
	struct change_set one = { 0 };
	uint8_t *room = NULL;
	struct span *spans = calloc(change_n + 1, sizeof *spans);
	enum err e = spans != NULL ? ERR_OK : ERR_NOMEM;

	for (size_t i = 0; i < change_n && !e; i++)
		spans[i] = change_span(&changes[i]);
	if (!e)
		e = change_condense(spans, change_n, &one);
	if (!e)
		e = read_patch(change_span(&one), &p, &room);
	if (!e)
		e = spool_begin(&p.to, path, zone);
	if (!e)
		e = write_patched(&p, change_span(&one), path, zone);
	if (e) {
		spool_abort(p.to);
	} else {
		*record_n = p.to->record_n;
		*out = p.to;
	}
	change_free(&one);
	free(spans);
	free(p.record);
	free(room);
	return e;
}
