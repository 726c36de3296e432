// SPDX-License-Identifier: Apache-2.0
#include "control/key_parent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "dns/message.h"
#include "dns/rdata.h"
#include "dns/rrtype.h"
#include "transfer/ds_answer.h"
#include "transfer/exchange.h"

struct parent_server {
	struct parent_check *check;
	struct exchange *exchange; /* NULL: not under way */
	struct remote remote;
	bool ok;
	char why[100];
	uint32_t shown; /* bits by own key */
	bool any;
	uint32_t ttl;
};

struct parent_check {
	struct control *control;
	struct zone_entry *entry;
	struct parent_server server[CONFIG_PARENT_MAX];
	size_t n, waiting;
	bool running;
	int64_t next_at, done_at;
	struct {
		uint16_t tag;
		uint8_t algorithm;
	} asked[KEYSET_KEYS_MAX]; /* own keys when it began, by bit */
	size_t asked_n;
};

/* ---- one answer ---- */

static bool is_ds_of(const struct zone_entry *e, const struct dnskey *k, struct span ds)
{
	uint8_t ours[DS_RDATA_MAX];
	size_t n = 0;

	return ds.n > 4 && dnskey_ds(k, e->name, ds.p[3], ours, &n) == ERR_OK && n == ds.n &&
	       memcmp(ours, ds.p, n) == 0;
}

static void read_answer(struct parent_server *s, struct span message)
{
	const struct keyring *k = s->check->entry->keys;
	struct ds_answer a;
	const char *why;

	s->ok = ds_answer_read(message, s->check->entry->name, &a, &why);
	snprintf(s->why, sizeof s->why, "%s", why);
	if (!s->ok)
		return;
	s->any = a.n > 0;
	s->ttl = a.ttl;
	for (size_t d = 0; d < a.n; d++)
		for (size_t i = 0; i < k->own_n; i++)
			if (is_ds_of(s->check->entry, key_dnskey(k->own[i].key),
				     (struct span){ a.ds[d].rdata, a.ds[d].len }))
				s->shown |= 1u << i;
}

/* ---- all answers ---- */

static bool note(int64_t *at, int64_t now, struct control *c, const struct zone_entry *e,
		 const struct rollover_key *f, const char *says)
{
	(void)c;
	if (*at != 0)
		return false;
	*at = now;
	log_notice(e->text, "key: %s %u/%u: %s", key_role_text(f->role), f->tag, f->algorithm,
		   says);
	return true;
}

static bool set_insecure(struct rollover_facts *f, bool any, int64_t now)
{
	if (any ? f->insecure_at == 0 : f->insecure_at != 0)
		return false;
	f->insecure_at = any ? 0 : now;
	return true;
}

static bool same_keys(const struct parent_check *p, const struct keyring *k)
{
	for (size_t i = 0; i < k->own_n; i++)
		if (i >= p->asked_n || p->asked[i].tag != k->facts.keys[i].tag ||
		    p->asked[i].algorithm != k->facts.keys[i].algorithm)
			return false;
	return true;
}

static void conclude(struct parent_check *p)
{
	struct zone_entry *e = p->entry;
	struct keyring *k = e->keys;
	struct rollover_facts *f = &k->facts;
	uint32_t all = UINT32_MAX, some = 0, ttl = 0;
	bool any = false, changed = false;
	int64_t now = control_now();

	if (!same_keys(p, k))
		return;
	for (size_t i = 0; i < p->n; i++) {
		if (!p->server[i].ok)
			return;
		all &= p->server[i].shown;
		some |= p->server[i].shown;
		any = any || p->server[i].any;
		ttl = p->server[i].ttl > ttl ? p->server[i].ttl : ttl;
	}
	p->done_at = now;
	changed = set_insecure(f, any, now);
	if (any && ttl_mark_serve(&f->ds_ttl, ttl, now + e->config.signing->parent_propagation_s))
		changed = true;
	for (size_t i = 0; i < k->own_n; i++) {
		struct rollover_key *key = &f->keys[i];
		if (key->role == KEY_ZSK)
			continue;
		if (all & 1u << i)
			changed = note(&key->ds_seen_at, now, p->control, e, key,
				       "all servers of the parent show its DS") ||
				  changed;
		if (!(some & 1u << i) && key->state == KEY_RETIRED)
			changed = note(&key->ds_gone_at, now, p->control, e, key,
				       "no server of the parent shows its DS any more") ||
				  changed;
		if (some & 1u << i && key->ds_gone_at != 0) {
			key->ds_gone_at = 0;
			changed = true;
		}
	}
	if (!changed)
		return;
	if (keyring_save(k, p->control->store))
		log_error(e->text, "key: what the parent shows could not be kept");
	key_timer_wake(p->control);
}

static void on_answer(const struct exchange_result *r, void *context)
{
	struct parent_server *s = context;
	struct parent_check *p = s->check;

	s->exchange = NULL;
	if (r->err)
		snprintf(s->why, sizeof s->why, "%s", r->why != NULL ? r->why : err_text(r->err));
	else
		read_answer(s, r->message);
	if (--p->waiting > 0)
		return;
	p->running = false;
	conclude(p);
}

/* ---- asking ---- */

static void ask(struct parent_server *s, struct span question)
{
	struct exchange_options options = { .done = on_answer, .context = s };

	s->ok = s->any = false;
	s->shown = s->ttl = 0;
	s->why[0] = 0;
	enum err e =
	    exchange_start(&s->exchange, s->check->control->loop, &s->remote, question, &options);
	if (e) {
		s->exchange = NULL;
		snprintf(s->why, sizeof s->why, "%s", err_text(e));
	} else {
		s->check->waiting++;
	}
}

static void start(struct parent_check *p)
{
	uint8_t question[DS_QUESTION_MAX];
	const struct zone_entry *e = p->entry;
	size_t n = ds_question_write(question, e->name);

	p->n = e->config.parent_n;
	p->asked_n = e->keys->own_n;
	for (size_t i = 0; i < p->asked_n; i++) {
		p->asked[i].tag = e->keys->facts.keys[i].tag;
		p->asked[i].algorithm = e->keys->facts.keys[i].algorithm;
	}
	p->waiting = 1; /* until all are started */
	p->running = true;
	for (size_t i = 0; i < p->n; i++) {
		p->server[i].check = p;
		p->server[i].remote = (struct remote){ .address = e->config.parent[i].addr,
						       .port = e->config.parent[i].port,
						       .transport = REMOTE_UDP };
		ask(&p->server[i], (struct span){ question, n });
	}
	if (--p->waiting == 0)
		p->running = false; /* none could be asked */
}

int64_t parent_check_run(struct control *c, struct zone_entry *e, int64_t now)
{
	struct parent_check *p = e->parent;

	/* A group asks for itself, and knows more. */
	if (e->config.parent_n == 0 || e->config.signing == NULL || e->group != NULL)
		return INT64_MAX;
	if (p == NULL) {
		p = calloc(1, sizeof *p);
		if (p == NULL)
			return now + 60;
		*p = (struct parent_check){ .control = c, .entry = e, .next_at = now };
		e->parent = p;
	}
	if (p->next_at > now + (int64_t)e->config.signing->parent_check_s)
		p->next_at = now; /* the clock went back */
	if (p->next_at > now)
		return p->next_at;
	p->next_at = now + e->config.signing->parent_check_s;
	if (!p->running)
		start(p);
	return p->next_at;
}

void parent_check_end(struct parent_check *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++)
		if (p->server[i].exchange != NULL)
			exchange_cancel(p->server[i].exchange);
	free(p);
}

json_t *parent_check_status(const struct zone_entry *e)
{
	const struct parent_check *p = e->parent;
	json_t *all = json_array();

	for (size_t i = 0; p != NULL && i < p->n; i++) {
		char text[REMOTE_TEXT_MAX];
		const struct parent_server *s = &p->server[i];
		json_array_append_new(all, json_pack("{s:s, s:b, s:s}", "server",
						     remote_to_text(&s->remote, text), "ok", s->ok,
						     "problem", s->why));
	}
	return all;
}
