// SPDX-License-Identifier: Apache-2.0
#include "control/databases.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"

/* A file as it was looked at last: another one has another of these. */
struct file_mark {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct database {
	char *id, *settings; /* all that decides what is read, as text */
	struct file_mark mark[2];
	struct location_db *db; /* NULL: never read */
	int64_t read_at;
	bool refused; /* the file that is there now is not what `db` holds */
};

struct combination {
	uint64_t part[CONFIG_GEO_PARTS_MAX]; /* location_id() */
	size_t n;
	struct location_db *db;
};

struct databases {
	struct database *at;
	size_t n;
	struct combination *combined;
	size_t combined_n;
};

/* ---- one database ---- */

static struct file_mark mark_of(const char *file)
{
	struct file_mark m;
	struct stat st;

	memset(&m, 0, sizeof m);
	if (file == NULL || stat(file, &st) < 0)
		return m;
	m.device = st.st_dev;
	m.inode = st.st_ino;
	m.size = st.st_size;
	m.changed = st.st_mtim;
	return m;
}

static bool same_mark(const struct file_mark *a, const struct file_mark *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static char *settings_of(const struct config_geo *g)
{
	const char *const TEXTS[] = { g->file,
				      g->file6,
				      g->paths.country,
				      g->paths.continent,
				      g->paths.subdivision,
				      g->paths.asn,
				      g->paths.latitude,
				      g->paths.longitude };
	struct text t = { 0 };

	text_add(&t, "%d %d", (int)g->format, g->paths.coordinates);
	for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
		text_add(&t, "\n%s", TEXTS[i] != NULL ? TEXTS[i] : "");
	if (!t.bad)
		return t.p;
	free(t.p);
	return NULL;
}

static enum err open_one(const struct config_geo *g, struct location_db **out, struct diag *d)
{
	switch (g->format) {
	case CONFIG_GEO_MMDB:
		return location_open_mmdb(out, g->file, &g->paths, d);
	case CONFIG_GEO_TOR:
		return location_open_tor(out, g->file, g->file6, d);
	case CONFIG_GEO_NETWORKS:
		return location_open_networks(out, g->file, d);
	}
	return ERR_INVALID;
}

static const struct database *find(const struct databases *all, const char *id)
{
	for (size_t i = 0; all != NULL && i < all->n; i++)
		if (strcmp(all->at[i].id, id) == 0)
			return &all->at[i];
	return NULL;
}

static void keep_old(struct database *made, const struct database *old)
{
	if (old == NULL || old->db == NULL)
		return;
	made->db = location_ref(old->db);
	made->read_at = old->read_at;
}

static bool is_same(const struct database *made, const struct database *old)
{
	return old != NULL && old->db != NULL && strcmp(made->settings, old->settings) == 0 &&
	       same_mark(&made->mark[0], &old->mark[0]) && same_mark(&made->mark[1], &old->mark[1]);
}

static enum err read_one(struct database *made, const struct config_geo *g,
			 const struct database *old, struct diag *d)
{
	made->id = strdup(g->id);
	made->settings = settings_of(g);
	made->mark[0] = mark_of(g->file);
	made->mark[1] = mark_of(g->file6);
	if (made->id == NULL || made->settings == NULL)
		return ERR_NOMEM;
	/* A refused file is read again: whoever asks wants to hear why. */
	if (is_same(made, old) && !old->refused) {
		keep_old(made, old);
		return ERR_OK;
	}
	enum err e = open_one(g, &made->db, d);
	if (!e) {
		made->read_at = time(NULL);
		log_info(NULL, "geo %s: %s", g->id, location_describe(made->db));
		return ERR_OK;
	}
	made->refused = true;
	keep_old(made, old);
	if (made->db != NULL)
		log_error(NULL, "geo %s: %s is refused; what was read before goes on (%s)", g->id,
			  g->file, location_describe(made->db));
	return e;
}

/* ---- several as one ---- */

static bool holds_parts(const struct databases *all, const struct combination *c)
{
	for (size_t k = 0; k < c->n; k++) {
		size_t i = 0;
		while (i < all->n &&
		       (all->at[i].db == NULL || location_id(all->at[i].db) != c->part[k]))
			i++;
		if (i == all->n)
			return false;
	}
	return true;
}

/* Without memory it is combined once more when it is asked for. */
static void keep_combination(struct databases *all, const struct combination *c)
{
	struct combination *more = realloc(all->combined, (all->combined_n + 1) * sizeof *more);

	if (more == NULL)
		return;
	all->combined = more;
	all->combined[all->combined_n++] = *c;
	location_ref(c->db);
}

static struct location_db *combine(struct databases *all, struct location_db *const *parts,
				   size_t n)
{
	struct combination c = { .n = n };

	for (size_t k = 0; k < n; k++)
		c.part[k] = location_id(parts[k]);
	for (size_t i = 0; i < all->combined_n; i++)
		if (all->combined[i].n == n &&
		    memcmp(all->combined[i].part, c.part, n * sizeof *c.part) == 0)
			return all->combined[i].db;
	enum err e = location_combine(&c.db, parts, n);
	if (e) {
		log_error(NULL, "geo: %zu databases cannot be combined: %s", n, err_text(e));
		return NULL;
	}
	size_t before = all->combined_n;
	keep_combination(all, &c);
	location_unref(c.db);
	return all->combined_n > before ? all->combined[before].db : NULL;
}

struct location_db *databases_of(struct databases *all, const struct config_zone_geo *geo)
{
	struct location_db *parts[CONFIG_GEO_PARTS_MAX];

	if (geo == NULL || all == NULL)
		return NULL;
	for (size_t k = 0; k < geo->n; k++) {
		const struct database *d = find(all, geo->part[k]->id);
		if (d == NULL || d->db == NULL)
			return NULL;
		parts[k] = d->db;
	}
	return geo->n == 1 ? parts[0] : combine(all, parts, geo->n);
}

/* ---- all of them ---- */

enum err databases_read(struct databases **out, const struct config *c,
			const struct databases *before, struct diag *d)
{
	enum err result = ERR_OK;
	struct databases *all = calloc(1, sizeof *all);

	*out = NULL;
	if (all != NULL)
		all->at = calloc(c->geo_n + 1, sizeof *all->at);
	if (all == NULL || all->at == NULL) {
		free(all);
		return ERR_NOMEM;
	}
	for (; all->n < c->geo_n; all->n++) {
		const struct config_geo *g = &c->geo[all->n];
		enum err e = read_one(&all->at[all->n], g, find(before, g->id), d);
		result = e ? e : result;
		if (all->at[all->n].id == NULL || all->at[all->n].settings == NULL) {
			all->n++;
			databases_free(all);
			return ERR_NOMEM;
		}
	}
	for (size_t i = 0; before != NULL && i < before->combined_n; i++)
		if (holds_parts(all, &before->combined[i]))
			keep_combination(all, &before->combined[i]);
	*out = all;
	return result;
}

void databases_free(struct databases *all)
{
	if (all == NULL)
		return;
	for (size_t i = 0; i < all->n; i++) {
		free(all->at[i].id);
		free(all->at[i].settings);
		location_unref(all->at[i].db);
	}
	for (size_t i = 0; i < all->combined_n; i++)
		location_unref(all->combined[i].db);
	free(all->combined);
	free(all->at);
	free(all);
}

bool databases_changed(const struct databases *all, const struct config *c)
{
	for (size_t i = 0; i < c->geo_n; i++) {
		const struct config_geo *g = &c->geo[i];
		const struct database *d = g->watch ? find(all, g->id) : NULL;
		struct file_mark now[2] = { mark_of(g->file), mark_of(g->file6) };
		if (d != NULL &&
		    !(same_mark(&now[0], &d->mark[0]) && same_mark(&now[1], &d->mark[1])))
			return true;
	}
	return false;
}

/* ---- what is told of them ---- */

json_t *databases_status(const struct databases *all)
{
	json_t *out = json_object();

	for (size_t i = 0; all != NULL && i < all->n; i++) {
		const struct database *d = &all->at[i];
		json_t *one = json_pack("{s:s, s:b}", "contents",
					d->db != NULL ? location_describe(d->db) : "none",
					"refused", d->refused);
		if (d->db != NULL)
			json_object_set_new(one, "read_at", json_integer(d->read_at));
		json_object_set_new(out, d->id, one);
	}
	return out;
}

void databases_metrics(const struct databases *all, struct text *out)
{
	char id[200];

	if (all == NULL || all->n == 0)
		return;
	text_add(out,
		 "# HELP concord_geo_refused Whether the present file of a location database was "
		 "refused.\n# TYPE concord_geo_refused gauge\n");
	for (size_t i = 0; i < all->n; i++)
		text_add(out, "concord_geo_refused{id=\"%s\"} %d\n",
			 text_label(all->at[i].id, id, sizeof id), all->at[i].refused);
	text_add(out, "# HELP concord_geo_read_timestamp_seconds When a location database was read "
		      "last.\n# TYPE concord_geo_read_timestamp_seconds gauge\n");
	for (size_t i = 0; i < all->n; i++)
		text_add(out, "concord_geo_read_timestamp_seconds{id=\"%s\"} %lld\n",
			 text_label(all->at[i].id, id, sizeof id), (long long)all->at[i].read_at);
}
