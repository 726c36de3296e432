// SPDX-License-Identifier: Apache-2.0
/* Time passes for keys: steps that are due, questions to parents, and clocks that are set. */
#include "base/log.h"
#include "control/clock_watch.h"
#include "control/internal.h"
#include "control/key_parent.h"

#define TICK_MAX_S 60 /* a clock that was set is noticed within this */

struct keyring_context control_keyring_context(struct control *c, const struct zone_entry *e)
{
	int64_t now = control_now();

	return (struct keyring_context){ .policy = e->config.signing,
					 .state_dir = c->config->server.state_dir,
					 .store = c->store,
					 .now = now,
					 .steady = clock_watch(c, now) };
}

static bool advance(struct control *c, struct zone_entry *e)
{
	struct keyring_context k = control_keyring_context(c, e);
	bool changed = false;

	keyring_advance(e->keys, &k, &changed);
	/* What could not be made, or published, is tried again with every look. */
	return (changed || e->keys_unmade) && control_remake_keys(c, e) == ERR_OK;
}

static void retry(struct control *c, struct zone_entry *e, int64_t now)
{
	if (e->retry_at > now && e->retry_at <= now + TICK_MAX_S)
		return;
	e->retry_at = now + TICK_MAX_S;
	control_retry_keyless(c, e);
}

static void run(uv_timer_t *t)
{
	struct control *c = t->data;
	int64_t now = control_now(), next = now + TICK_MAX_S;
	bool changed = false, steady = clock_watch(c, now);

	for (size_t i = 0; i < c->entry_n; i++) {
		struct zone_entry *e = c->entries[i];
		if (e->keyless)
			retry(c, e, now);
		if (e->keys == NULL || e->served == NULL)
			continue;
		if (e->keys->wake_at <= now && steady)
			changed = advance(c, e) || changed;
		int64_t ask = parent_check_run(c, e, now);
		if (ask < next)
			next = ask;
		if (e->keys->wake_at < next)
			next = e->keys->wake_at;
	}
	if (changed)
		publish(c);
	uint64_t wait_ms = next > now ? (uint64_t)(next - now) * 1000 : 1000;
	uv_timer_start(t, run, wait_ms, 0);
}

enum err key_timer_init(struct control *c)
{
	c->keys_timer.data = c;
	return uv_timer_init(c->loop, &c->keys_timer) == 0 ? ERR_OK : ERR_IO;
}

void key_timer_wake(struct control *c)
{
	if (uv_is_closing((uv_handle_t *)&c->keys_timer))
		return;
	uv_timer_start(&c->keys_timer, run, 0, 0);
	uv_unref((uv_handle_t *)&c->keys_timer);
}

void key_timer_wake_for(struct control *c, const struct zone_entry *e)
{
	int64_t now = control_now();

	if (e->keys == NULL)
		return;
	uint64_t wait_ms = e->keys->wake_at > now ? (uint64_t)(e->keys->wake_at - now) * 1000 : 0;
	if (!uv_is_active((uv_handle_t *)&c->keys_timer) ||
	    uv_timer_get_due_in(&c->keys_timer) > wait_ms)
		key_timer_wake(c);
}
