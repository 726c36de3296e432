// SPDX-License-Identifier: Apache-2.0
/* The table of signatures of names made at query time: one for the whole server, shared by the
 * views that show it, made when a zone first wants it. */
#include <stdlib.h>

#include "base/log.h"
#include "control/internal.h"

struct made_names *made_names_ref(struct made_names *m)
{
	if (m != NULL)
		m->refs++;
	return m;
}

void made_names_unref(struct made_names *m)
{
	if (m == NULL || --m->refs > 0)
		return;
	keyed_free(m->table);
	free(m);
}

static bool is_wanted(const struct control *c)
{
	for (size_t i = 0; i < c->entry_n; i++) {
		const struct served *s = c->entries[i]->served;
		if (s != NULL && s->keys != NULL && zone_denial(s->zone) == ZONE_COMPACT)
			return true;
	}
	return false;
}

enum err made_names_prepare(struct control *c)
{
	uint32_t mib = c->config->server.made_signatures_mib;

	if (!is_wanted(c) || (c->made_names != NULL && c->made_names->mib == mib))
		return ERR_OK;
	struct made_names *m = calloc(1, sizeof *m);
	enum err e = m != NULL ? keyed_new(&m->table, (size_t)mib << 20) : ERR_NOMEM;
	if (e) {
		free(m);
		if (c->made_names == NULL)
			return e;
		log_error(NULL, "made signatures: no room for %u MiB; the table before goes on",
			  mib);
		return ERR_OK;
	}
	m->refs = 1;
	m->mib = mib;
	made_names_unref(c->made_names);
	c->made_names = m;
	return ERR_OK;
}
