// SPDX-License-Identifier: Apache-2.0
#include "control/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/events.h"
#include "control/internal.h"

#define KEY_MAX 40

static char *key_of(uint64_t sequence, char out[KEY_MAX])
{
	snprintf(out, KEY_MAX, "audit/%012llu", (unsigned long long)sequence);
	return out;
}

static bool keep_last(const char *key, const char *text, int64_t revision, void *context)
{
	(void)text;
	(void)revision;
	*(uint64_t *)context = strtoull(key + strlen("audit/"), NULL, 10);
	return true;
}

/* The number of the newest entry, read once. */
static enum err find_last(struct control *c)
{
	if (c->audit_known)
		return ERR_OK;
	enum err e = store_list(c->store, "audit/", keep_last, &c->audit_last);
	c->audit_known = e == ERR_OK;
	return e;
}

enum err control_audit_add(struct control *c, const struct audit_entry *a)
{
	char new_key[KEY_MAX], old_key[KEY_MAX];
	enum err e = find_last(c);
	json_t *j =
	    json_pack("{s:I, s:s, s:s, s:s, s:i, s:s, s:b}", "at", (json_int_t)control_now(), "who",
		      a->who, "from", a->from, "what", a->what, "status", (int)a->status, "detail",
		      a->detail != NULL ? a->detail : "", "forced", (int)a->forced);
	char *text = j != NULL ? json_dumps(j, JSON_COMPACT) : NULL;

	if (!e && text == NULL)
		e = ERR_NOMEM;
	if (!e) {
		uint64_t next = c->audit_last + 1;
		struct store_change changes[2] = {
			{ key_of(next, new_key), text, 0 },
			{ key_of(next > AUDIT_MAX ? next - AUDIT_MAX : 0, old_key), NULL,
			  STORE_ANY_REVISION },
		};
		e = store_apply(c->store, changes, next > AUDIT_MAX ? 2 : 1);
	}
	if (!e)
		c->audit_last++;
	else
		log_error(NULL, "audit: an entry could not be kept: %s", err_text(e));
	if (text != NULL)
		events_emit(c->events, NULL, "change", text);
	free(text);
	json_decref(j);
	return e;
}

struct listing {
	json_t *all;
	size_t max;
};

static bool take(const char *key, const char *text, int64_t revision, void *context)
{
	struct listing *l = context;
	json_t *j = json_loads(text, 0, NULL);

	(void)revision;
	if (j == NULL)
		return true;
	json_object_set_new(j, "id",
			    json_integer((json_int_t)strtoull(key + strlen("audit/"), NULL, 10)));
	json_array_insert_new(l->all, 0, j);
	if (json_array_size(l->all) > l->max)
		json_array_remove(l->all, l->max);
	return true;
}

json_t *control_audit_list(struct control *c, size_t max)
{
	struct listing l = { json_array(), max };

	store_list(c->store, "audit/", take, &l);
	return json_pack("{s:o}", "entries", l.all);
}
