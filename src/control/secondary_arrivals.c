// SPDX-License-Identifier: Apache-2.0
/* What came in within one turn of the loop goes into service together: one transaction of the store
 * and one of the journal, one view, one sync of the directory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "control/catalogs.h"
#include "control/group_zone.h"
#include "control/overlay.h"
#include "control/secondary_internal.h"
#include "control/transferred.h"
#include "store/journal.h"

/* Zones, and octets that were transferred, that are loaded before the loop goes on. */
#define TURN_ZONES  256u
#define TURN_OCTETS (4u << 20)

struct turn {
	struct zone_entry *entry[TURN_ZONES];
	size_t n;
	bool wholes, catalogs;
};

static void on_turn(uv_timer_t *t);

/* ---- the queue ---- */

void secondary_arrive(struct secondary *s, const struct fetch_result *result)
{
	struct secondaries *all = s->c->secondaries;
	struct fetch_result lost = *result;

	s->came = malloc(sizeof *s->came);
	if (s->came == NULL) {
		fetch_result_free(&lost);
		secondary_failed(s, result->kind == FETCH_CHANGES, "transfer", "no memory");
		return;
	}
	*s->came = *result;
	s->next_came = NULL;
	if (all->came_last != NULL)
		all->came_last->next_came = s;
	else
		all->came_first = s;
	all->came_last = s;
	uv_timer_start(&all->timer, on_turn, 0, 0);
}

void secondary_drop_arrival(struct secondary *s)
{
	struct secondaries *all = s->c->secondaries;
	struct secondary *before = NULL;

	if (s->came == NULL)
		return;
	for (struct secondary *x = all->came_first; x != s; x = x->next_came)
		before = x;
	if (before != NULL)
		before->next_came = s->next_came;
	else
		all->came_first = s->next_came;
	if (all->came_last == s)
		all->came_last = before;
	fetch_result_free(s->came);
	free(s->came);
	s->came = NULL;
}

static struct secondary *first_out(struct secondaries *all)
{
	struct secondary *s = all->came_first;

	if (s == NULL)
		return NULL;
	all->came_first = s->next_came;
	if (all->came_first == NULL)
		all->came_last = NULL;
	return s;
}

/* ---- one turn ---- */

/* All that came, as far as one turn goes: loaded, and written where it is kept. */
static void take(struct control *c, struct turn *t)
{
	uint64_t octets = 0;

	while (t->n < TURN_ZONES && octets < TURN_OCTETS) {
		struct secondary *s = first_out(c->secondaries);
		if (s == NULL)
			break;
		struct fetch_result result = *s->came;
		free(s->came);
		s->came = NULL;
		octets += result.octet_n;
		if (!secondary_take(s, &result))
			continue;
		t->entry[t->n++] = s->e;
		t->wholes = t->wholes || s->replaced;
		t->catalogs = t->catalogs || s->e->config.catalog.template != NULL;
	}
}

/* Nothing of this is served before it is kept. Where it cannot be, what came is good all the same,
 * and served; its changes are fetched whole next, for none may lie on what is not there. */
static void take_and_keep(struct control *c, struct turn *t)
{
	bool store = store_batch_begin(c->store) == ERR_OK;
	bool journal = journal_batch_begin(c->journal) == ERR_OK;

	take(c, t);
	failpoint("transfers-taken");
	if (journal && journal_batch_end(c->journal))
		for (size_t i = 0; i < t->n; i++)
			t->entry[i]->secondary->unkept = true;
	if (store && store_batch_end(c->store))
		log_error(NULL, "transfer: serials of zones that came could not be kept");
	failpoint("transfers-kept");
}

/* Of a zone whose file was replaced the changes that lay on the old one, once that is gone for
 * good; of others those that can be said shorter. */
static void tidy_journal(struct control *c, const struct turn *t)
{
	char path[SECONDARY_PATH_MAX], source[JOURNAL_SOURCE_MAX];
	bool placed =
	    t->wholes && !spool_sync_directory(secondary_path_of(t->entry[0]->secondary, path));

	if (t->wholes && !placed)
		log_error(NULL, "transfer: zones cannot be kept on disk: %s", strerror(errno));
	bool journal = journal_batch_begin(c->journal) == ERR_OK;
	for (size_t i = 0; i < t->n; i++) {
		const struct zone_entry *e = t->entry[i];
		const struct secondary *s = e->secondary;
		if (transferred_source(e->text, secondary_path_of(s, path), source))
			continue;
		if (!s->replaced)
			overlay_shorten(c->journal, source, control_now());
		else if (placed)
			(void)journal_forget_other_sources(c->journal, e->text, source);
	}
	if (journal)
		(void)journal_batch_end(c->journal);
}

static void on_turn(uv_timer_t *timer)
{
	struct control *c = timer->data;
	struct turn *t = calloc(1, sizeof *t);

	if (t == NULL) {
		uv_timer_start(timer, on_turn, 1000, 0);
		return;
	}
	take_and_keep(c, t);
	for (size_t i = 0; i < t->n; i++)
		secondary_in_service(t->entry[i]->secondary);
	if (t->n > 0)
		publish_zones(c, t->entry, t->n);
	for (size_t i = 0; i < t->n; i++)
		group_zone_begin(c, t->entry[i]);
	tidy_journal(c, t);
	if (c->secondaries->came_first != NULL)
		uv_timer_start(timer, on_turn, 0, 0);
	if (t->catalogs) /* entries may go */
		catalogs_apply(c);
	free(t);
}

/* ---- start and end ---- */

enum err secondaries_open(struct control *c)
{
	struct secondaries *all = calloc(1, sizeof *all);

	if (all == NULL)
		return ERR_NOMEM;
	c->secondaries = all;
	all->timer.data = c;
	uv_timer_init(c->loop, &all->timer); /* which cannot fail */
	return secondary_queue_new(&all->queue);
}

void secondaries_stop(struct control *c)
{
	if (c->secondaries != NULL && c->secondaries->queue != NULL)
		secondary_queue_stop(c->secondaries->queue);
	for (size_t i = 0; i < c->entry_n; i++)
		secondary_free(c->entries[i]->secondary);
	if (c->secondaries != NULL)
		uv_close((uv_handle_t *)&c->secondaries->timer, NULL);
}

void secondaries_close(struct control *c)
{
	if (c->secondaries == NULL)
		return;
	secondary_queue_free(c->secondaries->queue);
	free(c->secondaries);
	c->secondaries = NULL;
}
