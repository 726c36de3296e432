// SPDX-License-Identifier: Apache-2.0
/* Keys and their rolls for Prometheus: what an alarm is made of. */
#include <inttypes.h>

#include "control/internal.h"

/* The lines of one metric for all own keys; `last` names the label that differs. */
static void add_keys(const struct control *c, struct text *out, const char *name, const char *last,
		     const char *(*label)(const struct keyring *, size_t),
		     int64_t (*value)(const struct keyring *, size_t))
{
	char zone[2 * NAME_TEXT_MAX];

	for (size_t i = 0; i < c->entry_n; i++) {
		const struct keyring *k = c->entries[i]->keys;
		for (size_t j = 0; k != NULL && j < k->own_n; j++) {
			const struct rollover_key *f = &k->facts.keys[j];
			text_add(out,
				 "concord_zone_%s{zone=\"%s\",role=\"%s\",tag=\"%u\","
				 "algorithm=\"%u\",%s=\"%s\"} %" PRId64 "\n",
				 name, text_label(c->entries[i]->text, zone, sizeof zone),
				 key_role_text(f->role), f->tag, f->algorithm, last, label(k, j),
				 value(k, j));
		}
	}
}

static const char *state_of(const struct keyring *k, size_t i)
{
	return key_state_text(k->facts.keys[i].state);
}

static int64_t since(const struct keyring *k, size_t i)
{
	return k->facts.keys[i].since;
}

static const char *actor_of(const struct keyring *k, size_t i)
{
	return rollover_actor_text(k->outlook[i].who);
}

static int64_t next_at(const struct keyring *k, size_t i)
{
	return k->outlook[i].at == ROLLOVER_NEVER ? 0 : k->outlook[i].at;
}

void metrics_add_keys(const struct control *c, struct text *out)
{
	char zone[2 * NAME_TEXT_MAX];

	text_add(out,
		 "# HELP concord_zone_key_since_seconds Since when an own key is in its state.\n"
		 "# TYPE concord_zone_key_since_seconds gauge\n");
	add_keys(c, out, "key_since_seconds", "state", state_of, since);
	text_add(out, "# HELP concord_zone_key_next_seconds When its next step is due; 0: none, or "
		      "somebody has to act first.\n"
		      "# TYPE concord_zone_key_next_seconds gauge\n");
	add_keys(c, out, "key_next_seconds", "actor", actor_of, next_at);
	text_add(out,
		 "# HELP concord_zone_rolls_held Whether an operator holds all steps of rolls.\n"
		 "# TYPE concord_zone_rolls_held gauge\n");
	for (size_t i = 0; i < c->entry_n; i++)
		if (c->entries[i]->keys != NULL)
			text_add(out, "concord_zone_rolls_held{zone=\"%s\"} %d\n",
				 text_label(c->entries[i]->text, zone, sizeof zone),
				 c->entries[i]->keys->facts.hold != NULL);
	text_add(out, "# HELP concord_zone_keyless Whether the zone is not answered for because a "
		      "key cannot be had.\n"
		      "# TYPE concord_zone_keyless gauge\n");
	for (size_t i = 0; i < c->entry_n; i++)
		if (c->entries[i]->keyless && c->entries[i]->served == NULL)
			text_add(out, "concord_zone_keyless{zone=\"%s\"} 1\n",
				 text_label(c->entries[i]->text, zone, sizeof zone));
}
