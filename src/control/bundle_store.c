// SPDX-License-Identifier: Apache-2.0
/* Rows of bundles in the store: a document for each bundle, and one whose revision is that of the
 * row. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/bundle_text.h"
#include "control/key_bundles.h"

#define CHANGES_MAX (2 * BUNDLES_MAX + 1)

struct changes {
	struct store_change change[CHANGES_MAX];
	char path[CHANGES_MAX][STORE_KEY_MAX];
	char *text[CHANGES_MAX];
	size_t n;
	bool bad;
};

static void row_path(const char *zone, const char *kind, char out[STORE_KEY_MAX])
{
	snprintf(out, STORE_KEY_MAX, "zones/%s/%s-set", zone, kind);
}

static void add(struct changes *c, const char *path, char *text, int64_t expected)
{
	if (c->n == CHANGES_MAX) {
		c->bad = true;
		free(text);
		return;
	}
	snprintf(c->path[c->n], STORE_KEY_MAX, "%s", path);
	c->text[c->n] = text;
	c->change[c->n] = (struct store_change){ c->path[c->n], text, expected };
	c->n++;
}

static bool forget(const char *key, const char *text, int64_t revision, void *context)
{
	(void)text;
	(void)revision;
	add(context, key, NULL, STORE_ANY_REVISION);
	return true;
}

static char *dump(json_t *j)
{
	char *text = j != NULL ? json_dumps(j, JSON_COMPACT) : NULL;

	json_decref(j);
	return text;
}

static char *document(const struct bundle *b, const char *zone)
{
	struct text t = { 0 };

	text_add(&t, ";; SignedKeyResponse 1.0 %lld\n", (long long)b->from);
	bundle_text_write_one(b, zone, &t);
	char *out = !t.bad && t.p != NULL ? dump(json_pack("{s:s}", "skr", t.p)) : NULL;
	free(t.p);
	return out;
}

/* Behind the deletions: what is in both rows stays. */
static void collect(struct changes *c, const char *zone, const char *kind,
		    const struct bundles *row)
{
	char path[STORE_KEY_MAX];

	for (size_t i = 0; i < row->n; i++) {
		char *text = document(row->all[i], zone);
		c->bad = c->bad || text == NULL;
		snprintf(path, sizeof path, "zones/%s/%s/%011lld-%zu", zone, kind,
			 (long long)row->all[i]->from, i);
		add(c, path, text, STORE_ANY_REVISION);
	}
}

enum err bundle_store_write(struct store *store, const char *zone, const char *kind,
			    const struct bundles *row, int64_t now, int64_t *revision)
{
	struct changes *c = calloc(1, sizeof *c);
	char path[STORE_KEY_MAX];

	if (c == NULL)
		return ERR_NOMEM;
	snprintf(path, sizeof path, "zones/%s/%s/", zone, kind);
	enum err e = store_list(store, path, forget, c);
	if (!e)
		collect(c, zone, kind, row);
	row_path(zone, kind, path);
	char *text =
	    dump(json_pack("{s:I, s:I}", "since", (json_int_t)now, "n", (json_int_t)row->n));
	add(c, path, text, *revision);
	if (!e)
		e = c->bad || text == NULL ? ERR_NOMEM : store_apply(store, c->change, c->n);
	for (size_t i = 0; i < c->n; i++)
		free(c->text[i]);
	free(c);
	if (e)
		return e;
	text = NULL;
	e = store_get(store, path, &text, revision);
	free(text);
	return e;
}

static bool append(const char *key, const char *text, int64_t revision, void *context)
{
	struct text *all = context;
	json_t *j = json_loads(text, 0, NULL);
	const char *skr = json_string_value(json_object_get(j, "skr"));

	(void)key;
	(void)revision;
	if (skr != NULL)
		text_add(all, "%s", skr);
	all->bad = all->bad || skr == NULL;
	json_decref(j);
	return !all->bad;
}

enum err bundle_store_read(struct store *store, const char *zone, const char *kind,
			   struct bundles **out, int64_t *revision, struct diag *d)
{
	char path[STORE_KEY_MAX], *text = NULL;
	struct text all = { 0 };
	struct name name;

	*out = NULL;
	*revision = 0;
	row_path(zone, kind, path);
	enum err e = store_get(store, path, &text, revision);
	free(text);
	if (e == ERR_NOT_FOUND)
		return ERR_OK;
	snprintf(path, sizeof path, "zones/%s/%s/", zone, kind);
	if (!e)
		e = store_list(store, path, append, &all);
	if (!e && (all.bad || name_from_text(zone, NULL, &name)))
		e = ERR_CORRUPT;
	if (!e && all.p != NULL)
		e = bundle_text_read(out, all.p, name.wire, "store", d) ? ERR_CORRUPT : ERR_OK;
	free(all.p);
	if (e)
		diag_add(d, DIAG_ERROR, NULL, NULL,
			 "the signed key sets in the store are damaged: load them again");
	return e;
}
