// SPDX-License-Identifier: Apache-2.0
/* Views: made of all entries, or of the view before and one of them; swapped whole, freed in the
 * order in which they were published. */
#include <stdlib.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "control/aliases.h"
#include "control/internal.h"

/* How soon a view that a signing job still pins is looked at again. */
#define PINNED_RETRY_MS 50

static void destroy(struct published *p)
{
	shown_free_list(p->dropped);
	trie_free(p->view.zones);
	made_names_unref(p->made_names);
	name_index_free(p->view.zone_index);
	free(p->nsid);
	free(p->version);
	free(p->identity);
	free(p);
}

/* What one worker may give: clients are spread over workers by their ports. */
static struct rate_limit share_of(struct rate_limit l, unsigned worker_n)
{
	if (l.per_second > 0)
		l.per_second = (l.per_second + worker_n - 1) / worker_n;
	return l;
}

/* All of it but the zones. */
static enum err make(struct published **out, struct control *c)
{
	const struct config_server *s = &c->config->server;
	struct published *p = calloc(1, sizeof *p);

	if (p == NULL)
		return ERR_NOMEM;
	p->control = c;
	p->nsid = strdup(s->nsid != NULL ? s->nsid : "");
	p->version = s->version != NULL ? server_info_text(s->version) : NULL;
	p->identity = s->identity != NULL ? server_info_text(s->identity) : NULL;
	if (p->nsid == NULL || (s->version != NULL && p->version == NULL) ||
	    (s->identity != NULL && p->identity == NULL)) {
		destroy(p);
		return ERR_NOMEM;
	}
	p->view.made_at = control_now();
	p->view.udp_size = s->udp_size;
	p->made_names = made_names_ref(c->made_names);
	p->view.made = p->made_names != NULL ? p->made_names->table : NULL;
	p->view.version = p->version;
	p->view.identity = p->identity;
	p->view.cookies = s->cookies ? c->cookies : (struct cookie_secrets){ 0 };
	p->view.rate_limit = share_of(s->rate_limit, c->worker_n);
	p->view.keepalive_100ms = (uint16_t)(s->tcp_idle_s < 6553 ? s->tcp_idle_s * 10 : 65535);
	p->view.nsid = (struct span){ (const uint8_t *)p->nsid, strlen(p->nsid) };
	*out = p;
	return ERR_OK;
}

/* Runs in liburcu's thread: only says so. */
static void graced(struct rcu_node *node)
{
	struct published *p =
	    (struct published *)(void *)node; /* struct view starts with it, and stands first */

	struct control *c = p->control;
	atomic_store_explicit(&p->graced, true, memory_order_release);
	uv_async_send(&c->graced);
}

static void retire(struct control *c, struct published *p)
{
	p->next = NULL;
	if (c->retired_last != NULL)
		c->retired_last->next = p;
	else
		c->retired_first = p;
	c->retired_last = p;
	rcu_retire(&p->view.rcu, graced);
}

/* With these zones shown anew; `all`: the others go. */
static enum err publish_some(struct control *c, struct zone_entry *const *some, size_t n, bool all)
{
	struct published *p = NULL;
	struct view *before = atomic_load_explicit(&c->views.current, memory_order_acquire);

	aliases_before_publishing(c, some, n);
	keys_before_publishing(c, some, n);
	enum err e = make(&p, c);

	if (!e)
		e = view_zones_make(&p->view, all ? NULL : before, some, n);
	if (e) {
		if (p != NULL)
			destroy(p);
		log_error(NULL, "view: cannot be made: %s; the one before goes on", err_text(e));
		return e;
	}
	p->view.id = ++c->next_view_id;
	failpoint("view-made");
	struct view *old = view_exchange(&c->views, &p->view);
	failpoint("view-served");
	struct shown *dropped = view_zones_settle(c, some, n);
	if (old != NULL) {
		((struct published *)(void *)old)->dropped = dropped;
		retire(c, (struct published *)(void *)old);
	} else {
		shown_free_list(dropped);
	}
	keys_after_publishing(c, some, n);
	aliases_after_publishing(c);
	for (size_t i = 0; i < n; i++) {
		signed_copy_zone(c, some[i]);
		notify_out_zone(c, some[i]);
	}
	return ERR_OK;
}

enum err publish(struct control *c)
{
	enum err e = made_names_prepare(c);
	if (e)
		log_error(NULL, "view: no room for made signatures; the one before goes on");
	else
		e = publish_some(c, c->entries, c->entry_n, true);
	if (!e)
		key_timer_wake(c);
	return e;
}

enum err publish_zones(struct control *c, struct zone_entry *const *some, size_t n)
{
	if (atomic_load_explicit(&c->views.current, memory_order_acquire) == NULL)
		return publish(c);
	enum err err = ERR_OK;
	for (size_t i = 0; i < n && !err && c->made_names == NULL; i++)
		if (some[i]->served != NULL && some[i]->served->keys != NULL)
			err = made_names_prepare(c);
	if (!err)
		err = publish_some(c, some, n, false);
	for (size_t i = 0; i < n && !err; i++)
		key_timer_wake_for(c, some[i]);
	return err;
}

enum err publish_zone(struct control *c, struct zone_entry *e)
{
	return publish_zones(c, &e, 1);
}

void publish_reclaim(struct control *c)
{
	while (c->retired_first != NULL) {
		struct published *p = c->retired_first;
		if (!atomic_load_explicit(&p->graced, memory_order_acquire))
			return;
		if (view_is_pinned(&p->view)) {
			uv_timer_start(&c->reclaim, publish_on_timer, PINNED_RETRY_MS, 0);
			return;
		}
		c->retired_first = p->next;
		if (c->retired_first == NULL)
			c->retired_last = NULL;
		destroy(p);
	}
}

void publish_on_graced(uv_async_t *a)
{
	publish_reclaim(a->data);
}

void publish_on_timer(uv_timer_t *t)
{
	publish_reclaim(t->data);
}

void publish_free_all(struct control *c)
{
	struct view *last = view_exchange(&c->views, NULL);

	while (c->retired_first != NULL) {
		struct published *p = c->retired_first;
		c->retired_first = p->next;
		destroy(p);
	}
	c->retired_last = NULL;
	for (size_t i = 0; i < c->entry_n; i++) {
		shown_free_list(c->entries[i]->shown);
		c->entries[i]->shown = NULL;
	}
	shown_free_list(c->unshown);
	c->unshown = NULL;
	if (last != NULL)
		destroy((struct published *)(void *)last);
}
