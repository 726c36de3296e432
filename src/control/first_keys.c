// SPDX-License-Identifier: Apache-2.0
#include "control/first_keys.h"

#include <errno.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/file_batch.h"
#include "base/log.h"

/* Zones a group: what is lost of the work where the process dies, and how long the store is held.
 */
#define GROUP_MAX 512u

struct group {
	struct zone_entry *entry[GROUP_MAX];
	const struct config_zone *zone[GROUP_MAX];
	struct keyring *made[GROUP_MAX];
	size_t n;
};

/* A token's keys are made one by one: what a batch gives up would stay there. */
static bool has_token(const struct config_signing *p)
{
	return p->ksk_store != NULL || p->zsk_store != NULL;
}

static bool is_wanted(const struct zone_entry *e, const struct config_zone *z)
{
	return e->keys == NULL && e->served == NULL && z->signing != NULL && z->key_n == 0 &&
	       !has_token(z->signing);
}

/* What cannot be read or made is left to the zone's own load, which says why. */
static void load(struct control *c, const struct config *config, struct group *g,
		 struct file_batch *files)
{
	struct keyring_context k = { .state_dir = config->server.state_dir,
				     .store = c->store,
				     .now = control_now(),
				     .steady = true,
				     .files = files };

	for (size_t i = 0; i < g->n; i++) {
		struct diag d = { 0 };
		struct config_zone own = *g->zone[i]; /* names that live as long as the entry */
		own.text = g->entry[i]->text;
		own.name = g->entry[i]->name;
		if (keyring_load(&g->made[i], &own, &k, &d))
			g->made[i] = NULL;
		diag_free(&d);
	}
}

static enum err load_and_keep(struct control *c, const struct config *config, struct group *g)
{
	struct file_batch *files = NULL;
	enum err e = file_batch_new(&files);

	if (!e)
		e = store_batch_begin(c->store);
	if (e) {
		file_batch_free(files);
		return e;
	}
	load(c, config, g, files);
	failpoint("keys-made");
	if (file_batch_n(files) > 0 && (e = file_batch_settle(files)) != ERR_OK)
		log_error(NULL, "key: key files cannot be written: %s", strerror(errno));
	failpoint("keys-on-disk");
	if (e)
		store_batch_abort(c->store);
	else
		e = store_batch_end(c->store);
	file_batch_free(files);
	return e;
}

static void settle(struct control *c, const struct config *config, struct group *g)
{
	enum err e = load_and_keep(c, config, g);

	for (size_t i = 0; i < g->n; i++) {
		if (e)
			keyring_free(g->made[i]);
		else
			g->entry[i]->keys = g->made[i];
		g->made[i] = NULL;
	}
	failpoint("keys-kept");
	g->n = 0;
}

void first_keys_prepare(struct control *c, const struct config *config,
			struct zone_entry *const *entries, const struct config_zone *zones,
			size_t n)
{
	struct group *g = calloc(1, sizeof *g);

	for (size_t i = 0; g != NULL && i < n; i++) {
		const struct config_zone *z = zones != NULL ? &zones[i] : &entries[i]->config;
		if (!is_wanted(entries[i], z))
			continue;
		g->entry[g->n] = entries[i];
		g->zone[g->n++] = z;
		if (g->n == GROUP_MAX)
			settle(c, config, g);
	}
	if (g != NULL && g->n > 1) /* one alone gains nothing */
		settle(c, config, g);
	free(g);
}
