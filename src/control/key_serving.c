// SPDX-License-Identifier: Apache-2.0
/* Around each publication: what keyrings must have kept before it, and what they learn from it. */
#include "base/log.h"
#include "control/internal.h"

static bool is_signed_here(const struct zone_entry *e)
{
	return e->keys != NULL && e->served != NULL && e->config.signing != NULL;
}

/* What many zones write is synced once. */
static bool begin(struct control *c, size_t n)
{
	return n > 1 && store_batch_begin(c->store) == ERR_OK;
}

/* Higher TTLs are kept before they are served. */
void keys_before_publishing(struct control *c, struct zone_entry *const *some, size_t n)
{
	bool batch = begin(c, n);

	for (size_t i = 0; i < n; i++) {
		struct zone_entry *e = some[i];
		if (!is_signed_here(e))
			continue;
		struct keyring_context k = control_keyring_context(c, e);
		if (keyring_will_serve(e->keys, &k, zone_max_ttl(e->served->zone)))
			log_error(e->text, "key: the TTLs that are served could not be kept");
	}
	if (batch && store_batch_end(c->store))
		log_error(NULL, "key: the TTLs that are served could not be kept");
}

/* Steps count from now, and lower TTLs are in force: nothing from before is handed out any more. */
void keys_after_publishing(struct control *c, struct zone_entry *const *some, size_t n)
{
	bool batch = begin(c, n);

	for (size_t i = 0; i < n; i++) {
		struct zone_entry *e = some[i];
		if (!is_signed_here(e) || e->keys_unmade)
			continue;
		struct keyring_context k = control_keyring_context(c, e);
		if (keyring_is_served(e->keys, &k, zone_max_ttl(e->served->zone)))
			log_error(e->text,
				  "key: that the last step is served could not be kept; after a "
				  "restart its waits begin anew");
	}
	if (batch && store_batch_end(c->store))
		log_error(NULL, "key: that the last steps are served could not be kept; after a "
				"restart their waits begin anew");
}
