// SPDX-License-Identifier: Apache-2.0
#include "control/zone_export.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "control/internal.h"
#include "control/overlay.h"
#include "control/record_lines.h"
#include "dns/rrtype.h"
#include "transfer/outgoing.h"
#include "transfer/spool.h"

#define BUFFER_OCTETS (256u << 10)

struct zone_export {
	struct zone_export *next;
	struct control *c;
	enum zone_export_kind kind;
	zone_exported *done; /* NULL: nobody waits */
	void *context;
	const struct zone *zone; /* while the view is pinned */
	struct view *view;
	uint8_t name[NAME_MAX_LEN];
	char zone_text[NAME_TEXT_MAX];
	char path[STATE_PATH_MAX];     /* EXPORT_SIGNED: the copy; EXPORT_CHANGES: the journal */
	char steering[STATE_PATH_MAX]; /* the file of the policies; empty: none */
	bool signed_here;
	int fd;
	uint64_t octets;
	enum err err;
	int os_error;
	atomic_bool given_up;
	uv_work_t work;
	sem_t written;
};

/* ---- writing, in a thread of the pool ---- */

struct writing {
	struct zone_export *x;
	FILE *out;
	struct record_lines *lines;
	enum err err;
};

static void put(struct writing *w, const char *before, const struct line_record *r,
		const char *remark)
{
	if (!w->err && atomic_load_explicit(&w->x->given_up, memory_order_relaxed))
		w->err = ERR_CANCELED;
	if (!w->err)
		w->err = record_lines_write(w->lines, before, r, remark);
	if (w->err == ERR_IO && w->x->os_error == 0)
		w->x->os_error = errno;
}

static void put_rrset(struct writing *w, const uint8_t *owner, const struct rrset *s)
{
	const uint8_t *p = s->wire;

	for (unsigned i = 0; i < s->rr_n && !w->err; i++) {
		size_t n = load_u16(p + RR_FIXED_LEN - 2);
		struct line_record r = { owner, s->type, s->ttl, { p + RR_FIXED_LEN, n } };
		put(w, "", &r, s->steering != NULL ? "steered" : NULL);
		p += RR_FIXED_LEN + n;
	}
}

static bool put_node(const struct node *n, void *context)
{
	struct writing *w = context;

	for (unsigned i = 0; i < n->rrset_n && !w->err; i++)
		if (n->rrset[i]->type != TYPE_SOA &&
		    !(w->x->signed_here && outgoing_is_made_here(n, n->rrset[i]->type)))
			put_rrset(w, n->name, n->rrset[i]);
	return !w->err;
}

static bool put_nsec3(const struct rrset *s, void *context)
{
	struct writing *w = context;

	put_rrset(w, nsec3_owner(s), s);
	return !w->err;
}

static void write_zone(struct writing *w)
{
	const struct zone_export *x = w->x;

	fprintf(w->out, "; %s serial %u: %s\n", x->zone_text, zone_serial(x->zone),
		x->signed_here ? "unsigned, as it was given and updated" : "as it is served");
	if (x->steering[0] != 0)
		fprintf(w->out,
			"; lines marked \"; steered\" are default values; the policies are in %s\n",
			x->steering);
	put_rrset(w, zone_name(x->zone), zone_soa(x->zone));
	zone_walk(x->zone, put_node, w);
	if (!x->signed_here)
		zone_walk_nsec3(x->zone, put_nsec3, w);
}

static enum err put_kept(const struct spool_record *k, void *context)
{
	struct writing *w = context;
	struct line_record r = { k->owner, k->type, k->ttl, k->rdata };

	if (k->type == TYPE_SOA)
		fprintf(w->out, "; %s serial %u: signed, as it goes out\n", w->x->zone_text,
			load_u32(k->rdata.p + k->rdata.n - 20));
	if (k->type != 0)
		put(w, "", &r, NULL);
	return w->err;
}

static void put_changes(struct writing *w, struct span set, enum change_op op)
{
	struct change_record c;

	while (!w->err && change_next(&set, &c)) {
		struct line_record r = { c.owner, c.type, c.ttl, c.rdata };
		if (c.op == op)
			put(w, op == CHANGE_REMOVE ? "- " : "+ ", &r, NULL);
	}
	if (!w->err && set.n > 0)
		w->err = ERR_CORRUPT;
}

static void write_changes(struct writing *w)
{
	struct journal *j = NULL;
	struct overlay x = { 0 };
	struct change_set net = { 0 };
	enum err e = journal_open_reader(&j, w->x->path);

	if (!e)
		e = overlay_read(&x, j, w->x->zone_text);
	if (!e && x.n == 0)
		fprintf(w->out, "; %s: no updates lie on the file\n", w->x->zone_text);
	if (!e && x.n > 0) {
		fprintf(w->out, "; %s: updates from serial %u to %u lie on the file\n",
			w->x->zone_text, x.from, x.to);
		e = overlay_condense(&x, &net);
	}
	w->err = e;
	put_changes(w, change_span(&net), CHANGE_REMOVE);
	put_changes(w, change_span(&net), CHANGE_ADD);
	change_free(&net);
	overlay_free(&x);
	journal_close(j);
}

static enum err write_it(struct zone_export *x, FILE *out)
{
	struct writing w = { .x = x, .out = out };
	enum err e = record_lines_new(&w.lines, out);

	if (e)
		return e;
	if (x->kind == EXPORT_ZONE) {
		write_zone(&w);
	} else if (x->kind == EXPORT_CHANGES) {
		write_changes(&w);
	} else {
		e = spool_read(x->path, x->name, put_kept, &w);
		w.err = w.err ? w.err : e;
	}
	record_lines_free(w.lines);
	if (!w.err && fflush(out) != 0) {
		x->os_error = errno;
		w.err = ERR_IO;
	}
	return w.err;
}

static void work(uv_work_t *u)
{
	struct zone_export *x = u->data;
	int copy = dup(x->fd);
	FILE *out = copy >= 0 ? fdopen(copy, "w") : NULL;
	struct stat st;

	if (out == NULL) {
		x->os_error = errno;
		x->err = ERR_IO;
		if (copy >= 0)
			close(copy);
	} else {
		setvbuf(out, NULL, _IOFBF, BUFFER_OCTETS);
		x->err = write_it(x, out);
		fclose(out);
	}
	if (!x->err && fstat(x->fd, &st) == 0)
		x->octets = (uint64_t)st.st_size;
	sem_post(&x->written);
}

/* ---- the job ---- */

static int unnamed_file(const char *dir)
{
	char path[1200];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	snprintf(path, sizeof path, "%s/export.XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static void export_free(struct zone_export *x)
{
	struct zone_export **at = &x->c->exports;

	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	if (x->fd >= 0)
		close(x->fd);
	sem_destroy(&x->written);
	free(x);
}

static void fail(struct zone_export *x, struct control_result *r)
{
	r->err = x->err;
	control_fail(r, x->err, "the zone cannot be written out: %s",
		     x->err == ERR_IO ? strerror(x->os_error) : err_text(x->err));
	log_error(x->zone_text, "export: %s", r->detail);
}

static void on_written(uv_work_t *u, int status)
{
	struct zone_export *x = u->data;
	struct control_result r = { 0 };

	(void)status;
	if (x->view != NULL)
		view_unpin(x->view);
	if (x->done != NULL) {
		int fd = x->fd;
		if (x->err)
			fail(x, &r);
		else
			x->fd = -1; /* it is theirs */
		x->done(x->context, &r, x->err ? -1 : fd, x->octets);
	}
	export_free(x);
}

/* What to read, and whether it is there. */
static bool prepare(struct zone_export *x, struct zone_entry *e, struct control_result *r)
{
	struct control *c = x->c;
	uint32_t serial;
	struct span soa;

	x->signed_here = e->keys != NULL;
	if (e->config.steering != NULL)
		snprintf(x->steering, sizeof x->steering, "%s", e->config.steering);
	if (x->kind == EXPORT_CHANGES && e->config.secondary.primary_n > 0) {
		control_fail(r, ERR_CONFLICT,
			     "the zone %.200s comes from primaries: no update "
			     "lies on it here",
			     e->text);
		return false;
	}
	if (x->kind == EXPORT_CHANGES) {
		snprintf(x->path, sizeof x->path, "%s/journal.db", c->config->server.state_dir);
	} else if (x->kind == EXPORT_SIGNED && !x->signed_here) {
		if (!zone_is_given(e->served->zone)) {
			control_fail(r, ERR_CONFLICT, "the zone %.200s is not signed", e->text);
			return false;
		}
		x->kind = EXPORT_ZONE; /* with the signatures that it came with */
	} else if (x->kind == EXPORT_SIGNED) {
		if (!signed_copy_current(e, &serial, &soa)) {
			control_fail(r, ERR_CONFLICT,
				     "the zone %.200s has no signed copy: a rule of allow-transfer "
				     "with `signed: yes` makes it have one",
				     e->text);
			return false;
		}
		snprintf(x->path, sizeof x->path, "%s", signed_copy_path(e));
	}
	return true;
}

static unsigned under_way(const struct control *c)
{
	unsigned n = 0;

	for (const struct zone_export *x = c->exports; x != NULL; x = x->next)
		n++;
	return n;
}

static bool begin(struct control *c, struct zone_entry *e, struct zone_export *x,
		  struct control_result *r)
{
	x->c = c;
	memcpy(x->name, e->name, name_len(e->name));
	snprintf(x->zone_text, sizeof x->zone_text, "%s", e->text);
	x->zone = e->served->zone;
	x->fd = -1;
	if (!prepare(x, e, r))
		return false;
	x->fd = unnamed_file(c->config->server.state_dir);
	if (x->fd < 0 || sem_init(&x->written, 0, 0) < 0) {
		control_fail(r, ERR_IO, "no file can be made in the state directory: %s",
			     strerror(errno));
		return false;
	}
	x->view = atomic_load_explicit(&c->views.current, memory_order_acquire);
	view_pin(x->view); /* which shows this version, and is freed after it is unpinned */
	x->work.data = x;
	if (uv_queue_work(c->loop, &x->work, work, on_written) != 0) {
		view_unpin(x->view);
		sem_destroy(&x->written);
		control_fail(r, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
		return false;
	}
	x->next = c->exports;
	c->exports = x;
	return true;
}

void zone_export_start(struct control *c, const char *zone, enum zone_export_kind kind,
		       zone_exported *done, void *context)
{
	struct control_result r = { 0 };
	struct zone_entry *e = control_zone(c, zone, &r);
	struct zone_export *x = NULL;

	if (e != NULL && under_way(c) >= ZONE_EXPORTS_MAX)
		control_fail(&r, ERR_CONFLICT, "%u exports are under way, as many as may be",
			     ZONE_EXPORTS_MAX);
	else if (e != NULL && (x = calloc(1, sizeof *x)) == NULL)
		control_fail(&r, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	if (x != NULL) {
		x->kind = kind;
		x->done = done;
		x->context = context;
		if (begin(c, e, x, &r))
			return;
		if (x->fd >= 0)
			close(x->fd);
		free(x);
	}
	done(context, &r, -1, 0);
}

void zone_export_forget(struct control *c, const void *context)
{
	for (struct zone_export *x = c->exports; x != NULL; x = x->next) {
		if (x->context != context)
			continue;
		x->done = NULL;
		atomic_store(&x->given_up, true);
	}
}

void zone_exports_stop(struct control *c)
{
	for (struct zone_export *x = c->exports; x != NULL; x = x->next) {
		if (x->view == NULL)
			continue; /* waited for already */
		x->done = NULL;
		atomic_store(&x->given_up, true);
		while (sem_wait(&x->written) < 0)
			;
		view_unpin(x->view); /* views go before on_written() is called */
		x->view = NULL;
	}
}
