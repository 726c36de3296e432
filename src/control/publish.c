// SPDX-License-Identifier: Apache-2.0
/* Views: made of all entries, swapped whole, freed in the order in which they were published. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/internal.h"

/* How soon a view that a signing job still pins is looked at again. */
#define PINNED_RETRY_MS 50

static void destroy(struct published *p)
{
	for (size_t i = 0; i < p->n; i++)
		served_unref(p->served[i]);
	trie_free(p->view.zones);
	made_names_unref(p->made_names);
	name_index_free(p->view.zone_index);
	for (size_t i = 0; p->own_names != NULL && i < p->own_name_n; i++)
		free(p->own_names[i]);
	free(p->own_names);
	free(p->served);
	free(p->zone_views);
	free(p->nsid);
	free(p->version);
	free(p->identity);
	free(p);
}

static enum err add_zone(struct published *p, struct trie *zones, const struct zone_entry *e)
{
	uint8_t key[NAME_KEY_MAX];
	struct served *s = e->served;
	struct zone_view *zv = &p->zone_views[p->n];
	size_t n = name_key(e->name, key);

	if (secondary_is_unavailable(e)) {
		/* RFC 8914 §4.15 and §4.25: not there yet, or too old to be answered from. */
		uint8_t *name = p->own_names[p->n] = malloc(name_len(e->name));
		if (name == NULL)
			return ERR_NOMEM;
		memcpy(name, e->name, name_len(e->name));
		*zv = (struct zone_view){ .name = name,
					  .unavailable =
					      s == NULL ? EDE_NOT_READY : EDE_INVALID_DATA };
		p->served[p->n++] = s != NULL ? served_ref(s) : NULL;
		return trie_set(zones, (struct span){ key, n }, zv, NULL);
	}
	*zv = (struct zone_view){
		.name = zone_name(s->zone),
		.zone = s->zone,
		.steer = s->steered != NULL ? s->steered->set : NULL,
		.keys = s->keys,
		.sigs = s->signatures != NULL ? s->signatures->cache : NULL,
		.upkeep = s->signatures != NULL ? &s->signatures->upkeep : NULL,
		.prewarm =
		    s->keys != NULL && e->config.signing != NULL && e->config.signing->prewarm,
		.ecs = s->ecs,
		.rate_limited = s->rate_limited,
		.report_agent = s->report_agent,
		.rcode_n = s->counts != NULL ? s->counts->rcode_n : NULL,
	};
	p->served[p->n++] = served_ref(s);
	return trie_set(zones, (struct span){ key, n }, zv, NULL);
}

/* Without memory there is none: zones are then found in the tree. */
static struct name_index *index_zones(const struct published *p)
{
	struct name_index *x = name_index_new(p->n);

	for (size_t i = 0; x != NULL && i < p->n; i++) {
		if (name_index_set(x, (const struct named *)&p->zone_views[i]))
			continue;
		name_index_abort(x);
		return NULL;
	}
	if (x != NULL)
		name_index_seal(x);
	return x;
}

static enum err add_zones(struct published *p, const struct control *c)
{
	struct trie *empty = trie_new(), *zones = empty != NULL ? trie_edit(empty) : NULL;
	enum err e = zones == NULL ? ERR_NOMEM : ERR_OK;

	for (size_t i = 0; i < c->entry_n && !e; i++)
		if (c->entries[i]->served != NULL || secondary_is_unavailable(c->entries[i]))
			e = add_zone(p, zones, c->entries[i]);
	if (e)
		trie_abort(zones);
	else
		trie_seal(zones);
	trie_free(empty);
	p->view.zones = e ? NULL : zones;
	p->view.zone_index = e ? NULL : index_zones(p);
	return e;
}

/* What one worker may give: clients are spread over workers by their ports. */
static struct rate_limit share_of(struct rate_limit l, unsigned worker_n)
{
	if (l.per_second > 0)
		l.per_second = (l.per_second + worker_n - 1) / worker_n;
	return l;
}

static enum err make(struct published **out, struct control *c)
{
	const struct config_server *s = &c->config->server;
	struct published *p = calloc(1, sizeof *p);

	if (p == NULL)
		return ERR_NOMEM;
	p->control = c;
	p->served = calloc(c->entry_n + 1, sizeof *p->served);
	p->zone_views = calloc(c->entry_n + 1, sizeof *p->zone_views);
	p->own_name_n = c->entry_n + 1;
	p->own_names = calloc(p->own_name_n, sizeof *p->own_names);
	p->nsid = strdup(s->nsid != NULL ? s->nsid : "");
	p->version = s->version != NULL ? server_info_text(s->version) : NULL;
	p->identity = s->identity != NULL ? server_info_text(s->identity) : NULL;
	bool full = p->served == NULL || p->zone_views == NULL || p->own_names == NULL ||
		    p->nsid == NULL || (s->version != NULL && p->version == NULL) ||
		    (s->identity != NULL && p->identity == NULL);
	enum err e = full ? ERR_NOMEM : made_names_prepare(c);
	if (!e)
		e = add_zones(p, c);
	if (e) {
		destroy(p);
		return e;
	}
	p->view.id = ++c->next_view_id;
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

enum err publish(struct control *c)
{
	struct published *p = NULL;

	keys_note_ttls(c);
	enum err e = make(&p, c);
	if (e) {
		log_error(NULL, "view: cannot be made: %s; the one before goes on", err_text(e));
		return e;
	}
	struct view *old = view_exchange(&c->views, &p->view);
	if (old != NULL)
		retire(c, (struct published *)(void *)old);
	key_timer_wake(c);
	return ERR_OK;
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
	if (last != NULL)
		destroy((struct published *)(void *)last);
}
