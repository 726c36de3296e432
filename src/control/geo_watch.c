// SPDX-License-Identifier: Apache-2.0
#include "control/geo_watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define SETTLE_MS     250u
#define SETTLE_MAX_MS 3000u /* something may be written all the time */

struct directory {
	uv_fs_event_t handle;
	struct geo_watch *w;
	struct directory *next;
	char *path;
	bool wanted;
};

struct geo_watch {
	uv_loop_t *loop;
	uv_timer_t settle;
	uint64_t since; /* first change that has not settled; 0: none */
	struct directory *directories;
	void (*settled)(void *context);
	void *context;
};

static void on_settled(uv_timer_t *t)
{
	struct geo_watch *w = t->data;

	w->since = 0;
	w->settled(w->context);
}

static void on_change(uv_fs_event_t *h, const char *name, int events, int status)
{
	struct geo_watch *w = ((struct directory *)h->data)->w;
	uint64_t now = uv_now(w->loop);

	(void)name;
	(void)events;
	(void)status;
	if (w->since == 0)
		w->since = now;
	if (now - w->since < SETTLE_MAX_MS)
		uv_timer_start(&w->settle, on_settled, SETTLE_MS, 0);
}

static void on_directory_closed(uv_handle_t *h)
{
	struct directory *d = h->data;

	free(d->path);
	free(d);
}

enum err geo_watch_open(struct geo_watch **out, uv_loop_t *loop, void (*settled)(void *context),
			void *context)
{
	struct geo_watch *w = calloc(1, sizeof *w);

	if (w == NULL)
		return ERR_NOMEM;
	w->loop = loop;
	w->settled = settled;
	w->context = context;
	uv_timer_init(loop, &w->settle);
	w->settle.data = w;
	uv_unref((uv_handle_t *)&w->settle);
	*out = w;
	return ERR_OK;
}

static void follow(struct geo_watch *w, char *path)
{
	struct directory *d = calloc(1, sizeof *d);

	if (d == NULL || uv_fs_event_init(w->loop, &d->handle) != 0) {
		free(d);
		free(path);
		return;
	}
	d->w = w;
	d->path = path;
	d->wanted = true;
	d->handle.data = d;
	int e = uv_fs_event_start(&d->handle, on_change, path, 0);
	if (e != 0) {
		log_warning(NULL,
			    "geo: %s cannot be watched (%s): databases in it are read anew by "
			    "reload only",
			    path, uv_strerror(e));
		uv_close((uv_handle_t *)&d->handle, on_directory_closed);
		return;
	}
	uv_unref((uv_handle_t *)&d->handle);
	d->next = w->directories;
	w->directories = d;
}

static void want(struct geo_watch *w, const char *file)
{
	const char *slash = file != NULL ? strrchr(file, '/') : NULL;

	if (slash == NULL)
		return;
	char *path = strndup(file, slash > file ? (size_t)(slash - file) : 1);
	if (path == NULL)
		return;
	for (struct directory *d = w->directories; d != NULL; d = d->next) {
		if (strcmp(d->path, path) != 0)
			continue;
		d->wanted = true;
		free(path);
		return;
	}
	follow(w, path);
}

static void drop_unwanted(struct geo_watch *w)
{
	for (struct directory **at = &w->directories; *at != NULL;) {
		struct directory *d = *at;
		if (d->wanted) {
			at = &d->next;
			continue;
		}
		*at = d->next;
		uv_close((uv_handle_t *)&d->handle, on_directory_closed);
	}
}

void geo_watch_sync(struct geo_watch *w, const struct config *c)
{
	for (struct directory *d = w->directories; d != NULL; d = d->next)
		d->wanted = false;
	for (size_t i = 0; i < c->geo_n; i++) {
		if (!c->geo[i].watch)
			continue;
		want(w, c->geo[i].file);
		want(w, c->geo[i].file6);
	}
	drop_unwanted(w);
}

static void on_watch_closed(uv_handle_t *h)
{
	free(h->data);
}

void geo_watch_close(struct geo_watch *w)
{
	if (w == NULL)
		return;
	for (struct directory *d = w->directories; d != NULL; d = d->next)
		d->wanted = false;
	drop_unwanted(w);
	uv_close((uv_handle_t *)&w->settle, on_watch_closed);
}
